//! How an account pays, and when it was created. Both services exist in us-east-1 alone.

use crate::error::{Error, translate};
use crate::session::Session;
use crate::time::timestamp;
use aws_config::{Region, SdkConfig};
use rules::shape::cost::account::PlanState;
use rules::time::Timestamp;

const HOME: &str = "us-east-1";

/// The account of a session.
#[derive(Debug, Clone)]
pub struct Account {
    config: SdkConfig,
}

impl Account {
    /// The account that `session` belongs to.
    pub fn new(session: &Session) -> Account {
        let config = session.config().to_builder();
        Account {
            config: config.region(Region::new(HOME)).build(),
        }
    }

    /// Plan and credits
    /// (<https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_freetier_GetAccountPlanState.html>).
    ///
    /// # Errors
    /// The call fails: the caller is not allowed to ask, or the account is older than account
    /// plans.
    pub async fn plan_state(&self) -> Result<PlanState, Error> {
        let answer = aws_sdk_freetier::Client::new(&self.config)
            .get_account_plan_state()
            .send()
            .await
            .map_err(translate("freetier:GetAccountPlanState"))?;
        Ok(PlanState {
            plan_type: answer.account_plan_type.as_str().to_owned(),
            status: answer.account_plan_status.as_str().to_owned(),
            credits: answer
                .account_plan_remaining_credits
                .map(|credits| (credits.amount, credits.unit.as_str().to_owned())),
            expires: answer.account_plan_expiration_date.and_then(timestamp),
        })
    }

    /// When the account was created
    /// (<https://docs.aws.amazon.com/accounts/latest/reference/API_GetAccountInformation.html>).
    ///
    /// # Errors
    /// The call fails, often because the caller is not allowed to ask; or the answer has no date.
    pub async fn created(&self) -> Result<Timestamp, Error> {
        const OPERATION: &str = "account:GetAccountInformation";
        let answer = aws_sdk_account::Client::new(&self.config)
            .get_account_information()
            .send()
            .await
            .map_err(translate(OPERATION))?;
        answer
            .account_created_date
            .and_then(timestamp)
            .ok_or_else(|| Error::incomplete(OPERATION, "AccountCreatedDate"))
    }
}
