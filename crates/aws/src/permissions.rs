//! The permissions of the caller, by IAM's own simulation of its policies.

use crate::error::{Error, ErrorKind, translate};
use crate::session::Session;
use aws_sdk_iam::types::{ContextEntry, ContextKeyTypeEnum, PolicyEvaluationDecisionType};
use rules::operate::doctor::permissions::{Ask, Decision, Simulated};

/// IAM's policy simulator.
#[derive(Debug, Clone)]
pub struct Permissions {
    iam: aws_sdk_iam::Client,
    region: String,
}

impl Permissions {
    /// The simulator of the session's account.
    pub fn new(session: &Session) -> Permissions {
        Permissions {
            iam: aws_sdk_iam::Client::new(session.config()),
            region: session.region().to_owned(),
        }
    }

    /// The ARN of a role by its name, because the ARN of a role's session lacks the role's path.
    /// [`None`] if the caller may not read roles.
    ///
    /// # Errors
    /// The call fails for another reason.
    pub async fn role(&self, name: &str) -> Result<Option<String>, Error> {
        let answer = self
            .iam
            .get_role()
            .role_name(name)
            .send()
            .await
            .map_err(translate("iam:GetRole"));
        match answer {
            Ok(answer) => Ok(answer.role.map(|role| role.arn)),
            Err(error) if error.kind == ErrorKind::Denied => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether the policies of `principal`, the ARN of a user or role, allow these actions on this
    /// resource. The simulation ignores session policies and resource policies
    /// (<https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html>).
    ///
    /// # Errors
    /// The call fails; often because the caller may not simulate, which is no evidence about the
    /// actions.
    pub async fn simulate(&self, principal: &str, ask: &Ask) -> Result<Vec<Simulated>, Error> {
        const OPERATION: &str = "iam:SimulatePrincipalPolicy";
        let entry = |key: &str, value: &str| {
            ContextEntry::builder()
                .context_key_name(key)
                .context_key_values(value)
                .context_key_type(ContextKeyTypeEnum::String)
                .build()
        };
        let mut context = vec![entry("aws:RequestedRegion", &self.region)];
        context.extend(ask.context.iter().map(|(key, value)| entry(key, value)));
        let mut pages = self
            .iam
            .simulate_principal_policy()
            .policy_source_arn(principal)
            .set_action_names(Some(
                ask.actions
                    .iter()
                    .map(|action| (*action).to_owned())
                    .collect(),
            ))
            .resource_arns(ask.example())
            .set_context_entries(Some(context))
            .into_paginator()
            .send();
        let mut all = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(translate(OPERATION))?;
            for one in page.evaluation_results.unwrap_or_default() {
                let depends = one
                    .missing_context_values
                    .is_some_and(|missing| !missing.is_empty());
                let statements = one.matched_statements.unwrap_or_default();
                all.push(Simulated {
                    action: one.eval_action_name,
                    resource: ask.resource.clone(),
                    decision: match one.eval_decision {
                        PolicyEvaluationDecisionType::Allowed => Decision::Allowed,
                        _ if depends => Decision::Depends,
                        PolicyEvaluationDecisionType::ExplicitDeny => Decision::ExplicitDeny,
                        _ => Decision::ImplicitDeny,
                    },
                    by: statements
                        .into_iter()
                        .filter_map(|statement| statement.source_policy_id)
                        .collect(),
                    condition: ask.condition.clone(),
                });
            }
        }
        Ok(all)
    }
}
