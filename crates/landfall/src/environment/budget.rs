//! The AWS budget of an environment, where AWS permits the account one.

use crate::environment::Environment;
use crate::failure::Failure;
use crate::report::Report;
use aws::Budgets;
use infra::{Interrupt, Terraform};
use rules::app::manifest::Manifest;
use rules::event::Event;
use rules::exit::Exit;
use rules::shape::account_budget::{ADDRESS, AccountBudget, is_in_state};
use rules::shape::contract::{FoundationInputs, Root};
use serde_json::Value;

/// Asks AWS whether the account may have a budget. What cannot be asked is planned: Terraform reports why not.
///
/// # Errors
/// The state cannot be read.
pub(crate) async fn look(environment: &Environment) -> Result<AccountBudget, Failure> {
    let budgets = Budgets::new(&environment.session, &environment.account);
    let name = environment.names.id();
    let (refusal, state) =
        tokio::join!(budgets.refusal(&name), environment.state(Root::Foundation));
    let is_in_state = state?.is_some_and(|state| is_in_state(&state));
    let refusal = refusal.unwrap_or_default();
    Ok(AccountBudget::decide(is_in_state, refusal.as_deref()))
}

/// Reports that the budget is not as usual.
pub(crate) fn report(budget: &AccountBudget, report: &Report) {
    if let Some(text) = budget.warning() {
        report.emit(Event::Warning { text });
    }
}

impl Environment {
    /// The variables of the foundation root.
    ///
    /// # Errors
    /// As of [`Environment::bounded`].
    pub(crate) async fn foundation_variables(
        &self,
        manifest: &Manifest,
        budget: &AccountBudget,
    ) -> Result<Value, Failure> {
        let inputs = FoundationInputs {
            has_budget: budget.is_planned(),
            ..FoundationInputs::of(&self.bounded(manifest).await?, self.session.region())
        };
        serde_json::to_value(inputs).map_err(|error| Failure::new(Exit::Bug, error.to_string()))
    }

    /// Terraform for the foundation root.
    ///
    /// # Errors
    /// As of [`Environment::terraform_with`].
    pub(crate) async fn foundation(
        &self,
        manifest: &Manifest,
        budget: &AccountBudget,
        interrupt: &Interrupt,
    ) -> Result<Terraform, Failure> {
        let variables = self.foundation_variables(manifest, budget).await?;
        let terraform = self
            .terraform_with(Root::Foundation, &variables, interrupt)
            .await?;
        Ok(as_readable(terraform, budget))
    }

    /// Removes a budget that AWS does not let this account read from the state, since Terraform can neither read
    /// nor remove it. It is free.
    ///
    /// # Errors
    /// Terraform fails, or the state cannot be read.
    pub(crate) async fn forget_unread_budget(
        &self,
        manifest: &Manifest,
        report: &Report,
        interrupt: &Interrupt,
    ) -> Result<(), Failure> {
        let AccountBudget::Unread { message } = look(self).await? else {
            return Ok(());
        };
        let terraform = self
            .terraform(Root::Foundation, manifest, interrupt)
            .await?;
        if let Err(failure) = terraform.forget(&[ADDRESS]).await {
            return Err(self.explain(&terraform, failure).await);
        }
        let name = self.names.id();
        report.emit(Event::Warning {
            text: format!(
                "AWS does not let this account remove its budget {name} ({message}); a budget is free, and if it still \
                 exists: aws budgets delete-budget --account-id {} --budget-name {name}",
                self.account
            ),
        });
        Ok(())
    }
}

/// Terraform for the foundation root, whose plans do not read a budget that AWS does not let be read.
pub(crate) fn as_readable(terraform: Terraform, budget: &AccountBudget) -> Terraform {
    match budget {
        AccountBudget::Unread { .. } => terraform.without_refresh(),
        AccountBudget::Planned | AccountBudget::LeftOut { .. } => terraform,
    }
}
