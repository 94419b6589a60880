//! The load balancer: who gets the users, who gets the candidate's requests, who is healthy.

use crate::error::{Error, translate};
use crate::session::Session;
use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, HttpHeaderConditionConfig, RuleCondition,
};
use rules::evidence::TargetHealth;
use rules::names::{CANDIDATE_HEADER, Slot, Slots};

/// The rule that leads to the candidate whoever knows the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CandidateRule {
    /// The token.
    pub token: String,
    /// Where it leads; [`None`] if to neither slot.
    pub slot: Option<Slot>,
}

/// Listener, candidate rule and target groups of one environment.
#[derive(Debug, Clone)]
pub struct LoadBalancer {
    elb: aws_sdk_elasticloadbalancingv2::Client,
    listener_arn: String,
    candidate_rule_arn: String,
    target_groups: Slots<String>,
}

impl LoadBalancer {
    /// The load balancer that the Fargate root made.
    pub fn new(session: &Session, outputs: &rules::contract::FargateOutputs) -> LoadBalancer {
        LoadBalancer {
            elb: aws_sdk_elasticloadbalancingv2::Client::new(session.config()),
            listener_arn: outputs.listener_arn.clone(),
            candidate_rule_arn: outputs.candidate_rule_arn.clone(),
            target_groups: outputs.target_groups.clone(),
        }
    }

    /// The slot that gets the users: the one with the most weight.
    ///
    /// # Errors
    /// The call fails, or the listener leads to neither slot.
    pub async fn live(&self) -> Result<Slot, Error> {
        const OPERATION: &str = "elasticloadbalancing:DescribeListeners";
        let answer = self
            .elb
            .describe_listeners()
            .listener_arns(&self.listener_arn)
            .send()
            .await
            .map_err(translate(OPERATION))?;
        let listener = answer
            .listeners
            .and_then(|listeners| listeners.into_iter().next());
        let actions = listener
            .and_then(|listener| listener.default_actions)
            .unwrap_or_default();
        self.slot_of(&actions).ok_or_else(|| {
            Error::incomplete(
                OPERATION,
                "default action that forwards to a slot's target group",
            )
        })
    }

    fn slot_of(&self, actions: &[Action]) -> Option<Slot> {
        let forward = actions
            .iter()
            .find(|action| action.r#type == Some(ActionTypeEnum::Forward))?;
        let weighted = forward
            .forward_config
            .as_ref()
            .and_then(|config| config.target_groups.as_ref())
            .and_then(|groups| groups.iter().max_by_key(|group| group.weight.unwrap_or(1)))
            .and_then(|group| group.target_group_arn.as_ref());
        let arn = weighted.or(forward.target_group_arn.as_ref())?;
        Slot::ALL
            .into_iter()
            .find(|slot| self.target_groups.of(*slot) == arn)
    }

    fn forward_to(&self, slot: Slot) -> Action {
        // The short form for a single group. A list with the other one at weight 0 would mean the same to
        // a load balancer, but an emulator reads weight 0 as 1; and a list of one makes provider 3.39
        // crash when it reads the rule.
        Action::builder()
            .r#type(ActionTypeEnum::Forward)
            .target_group_arn(self.target_groups.of(slot))
            .build()
    }

    /// Sends all users to `slot`.
    ///
    /// # Errors
    /// The call fails; users stay where they are.
    pub async fn shift(&self, slot: Slot) -> Result<(), Error> {
        self.elb
            .modify_listener()
            .listener_arn(&self.listener_arn)
            .default_actions(self.forward_to(slot))
            .send()
            .await
            .map(drop)
            .map_err(translate("elasticloadbalancing:ModifyListener"))
    }

    /// Where the candidate rule leads, and for whom.
    ///
    /// # Errors
    /// The call fails, or there is no such rule.
    pub async fn candidate(&self) -> Result<CandidateRule, Error> {
        const OPERATION: &str = "elasticloadbalancing:DescribeRules";
        let answer = self
            .elb
            .describe_rules()
            .rule_arns(&self.candidate_rule_arn)
            .send()
            .await
            .map_err(translate(OPERATION))?;
        let rule = answer
            .rules
            .and_then(|rules| rules.into_iter().next())
            .ok_or_else(|| Error::incomplete(OPERATION, "candidate rule"))?;
        let token = rule
            .conditions
            .unwrap_or_default()
            .into_iter()
            .find_map(|condition| condition.http_header_config?.values?.into_iter().next())
            .ok_or_else(|| Error::incomplete(OPERATION, "header condition"))?;
        Ok(CandidateRule {
            token,
            slot: self.slot_of(&rule.actions.unwrap_or_default()),
        })
    }

    /// Leads requests that bear `token` to `slot`.
    ///
    /// # Errors
    /// The call fails; the rule stays as it is.
    pub async fn lead_candidate(&self, token: &str, slot: Slot) -> Result<(), Error> {
        let header = HttpHeaderConditionConfig::builder()
            .http_header_name(CANDIDATE_HEADER)
            .values(token)
            .build();
        self.elb
            .modify_rule()
            .rule_arn(&self.candidate_rule_arn)
            .conditions(
                RuleCondition::builder()
                    .field("http-header")
                    .http_header_config(header)
                    .build(),
            )
            .actions(self.forward_to(slot))
            .send()
            .await
            .map(drop)
            .map_err(translate("elasticloadbalancing:ModifyRule"))
    }

    /// Health of every target of `slot`.
    ///
    /// # Errors
    /// The call fails.
    pub async fn targets(&self, slot: Slot) -> Result<Vec<TargetHealth>, Error> {
        let answer = self
            .elb
            .describe_target_health()
            .target_group_arn(self.target_groups.of(slot))
            .send()
            .await
            .map_err(translate("elasticloadbalancing:DescribeTargetHealth"))?;
        let descriptions = answer.target_health_descriptions.unwrap_or_default();
        let targets = descriptions.into_iter().map(|description| {
            let health = description.target_health;
            TargetHealth {
                id: description
                    .target
                    .and_then(|target| target.id)
                    .unwrap_or_default(),
                state: health
                    .as_ref()
                    .and_then(|health| health.state.as_ref())
                    .map_or_else(String::new, |state| state.as_str().to_owned()),
                reason: health
                    .as_ref()
                    .and_then(|health| health.reason.as_ref())
                    .map_or_else(String::new, |reason| reason.as_str().to_owned()),
                description: health
                    .and_then(|health| health.description)
                    .unwrap_or_default(),
            }
        });
        Ok(targets.collect())
    }
}
