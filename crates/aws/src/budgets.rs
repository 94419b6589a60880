//! AWS Budgets: what was spent, and whether it exceeds the budget.

use crate::error::{Error, ErrorKind, translate};
use crate::session::Session;
use aws_sdk_budgets::types::Spend;
use rules::operate::release_warnings::Exceeded;
use rules::shape::account_budget::is_of_account;
use rules::shape::cost::Spent;

const OPERATION: &str = "budgets:ViewBudget";

/// The budgets of one account.
#[derive(Debug, Clone)]
pub struct Budgets {
    budgets: aws_sdk_budgets::Client,
    account: String,
}

impl Budgets {
    /// The budgets of `account`.
    pub fn new(session: &Session, account: &str) -> Budgets {
        Budgets {
            budgets: aws_sdk_budgets::Client::new(&session.second_config()),
            account: account.to_owned(),
        }
    }

    /// The excess over the budget `name`; [`None`] if it is not exceeded, or there is no such
    /// budget
    /// (<https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_budgets_DescribeBudget.html>).
    ///
    /// # Errors
    /// The call fails; often because the caller may not see the account's costs, which is no evidence
    /// about the costs.
    pub async fn exceeded(&self, name: &str) -> Result<Option<Exceeded>, Error> {
        let spent = self.spent(name).await?;
        Ok(spent.and_then(|s| Exceeded::check(s.limit, s.actual, s.forecast, &s.unit)))
    }

    /// The message with which AWS refuses to read the budget `name`, whatever the reason; [`None`] if it does
    /// not refuse.
    ///
    /// # Errors
    /// The call fails for another reason.
    pub async fn refusal(&self, name: &str) -> Result<Option<String>, Error> {
        match self.spent(name).await {
            Ok(_) => Ok(None),
            Err(error) if error.kind == ErrorKind::Denied || is_of_account(&error.message) => {
                Ok(Some(error.message))
            }
            Err(error) => Err(error),
        }
    }

    /// What was spent this month according to the budget `name`; [`None`] if there is no such
    /// budget, or AWS has not counted anything yet.
    ///
    /// # Errors
    /// As for [`Budgets::exceeded`].
    pub async fn spent(&self, name: &str) -> Result<Option<Spent>, Error> {
        let answer = self
            .budgets
            .describe_budget()
            .account_id(&self.account)
            .budget_name(name)
            .send()
            .await
            .map_err(translate(OPERATION));
        let budget = match answer {
            Err(error) if error.kind == ErrorKind::NotFound => return Ok(None),
            other => other?.budget,
        };
        let Some(budget) = budget else {
            return Ok(None);
        };
        let spend = budget.calculated_spend;
        let (actual, forecast) = spend.map_or((None, None), |spend| {
            (spend.actual_spend, spend.forecasted_spend)
        });
        let (Some(limit), Some(actual)) = (budget.budget_limit, actual) else {
            return Ok(None);
        };
        Ok(Some(Spent {
            limit: amount(&limit)?,
            actual: amount(&actual)?,
            forecast: forecast.as_ref().map(amount).transpose()?,
            unit: limit.unit,
        }))
    }
}

fn amount(spend: &Spend) -> Result<f64, Error> {
    spend
        .amount
        .parse()
        .map_err(|_| Error::incomplete(OPERATION, "amount that is a number"))
}
