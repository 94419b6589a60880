//! What was spent, as AWS reports it.

use serde::{Deserialize, Serialize};

/// What a budget has counted this month: everything in the account, as landfall's budgets have no filter.
/// Amounts are in [`Spent::unit`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spent {
    /// What the budget allows in a month.
    pub limit: f64,
    /// What was spent so far. AWS counts up to three times a day:
    /// <https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-managing-costs.html>.
    pub actual: f64,
    /// What it will be at the month's end, if AWS has enough data for a forecast.
    pub forecast: Option<f64>,
    /// A currency: `USD`.
    pub unit: String,
}

impl Spent {
    /// One sentence without a full stop.
    pub fn words(&self) -> String {
        let Spent {
            limit,
            actual,
            forecast,
            unit,
        } = self;
        let forecast = match forecast {
            Some(forecast) => format!(", {forecast:.2} expected by its end"),
            None => String::new(),
        };
        format!(
            "spent this month in the whole account: {actual:.2} {unit} of a budget of {limit:.2}{forecast}; AWS counts up to three times a day"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_names_the_account_that_pays() {
        let spent = Spent {
            limit: 40.0,
            actual: 12.5,
            forecast: Some(31.0),
            unit: "USD".into(),
        };
        assert_eq!(
            spent.words(),
            "spent this month in the whole account: 12.50 USD of a budget of 40.00, 31.00 expected by its end; \
             AWS counts up to three times a day"
        );
        let early = Spent {
            forecast: None,
            ..spent
        };
        assert!(early.words().contains("of 40.00; AWS"));
    }
}
