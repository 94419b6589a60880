//! The Application Load Balancer: traffic shares, the routes to each slot, and the health of
//! targets.

use crate::error::{Error, translate};
use crate::session::Session;
use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, ForwardActionConfig, HttpHeaderConditionConfig, RuleCondition,
    TargetGroupTuple,
};
use rules::app::names::{SLOT_HEADER, Slot, Slots};
use rules::release::evidence::TargetHealth;

/// Listener, rules and target groups of one environment.
#[derive(Debug, Clone)]
pub struct LoadBalancer {
    elb: aws_sdk_elasticloadbalancingv2::Client,
    listener_arn: String,
    slot_rules: Slots<String>,
    target_groups: Slots<String>,
}

impl LoadBalancer {
    /// The load balancer that the Fargate root created.
    pub fn new(
        session: &Session,
        outputs: &rules::shape::contract::FargateOutputs,
    ) -> LoadBalancer {
        LoadBalancer {
            elb: aws_sdk_elasticloadbalancingv2::Client::new(session.config()),
            listener_arn: outputs.listener_arn.clone(),
            slot_rules: outputs.slot_rules.clone(),
            target_groups: outputs.target_groups.clone(),
        }
    }

    /// Percent of requests that the listener forwards to each slot.
    ///
    /// # Errors
    /// The call fails, or the listener forwards to neither slot.
    pub async fn shares(&self) -> Result<Slots<u32>, Error> {
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
        self.shares_of(&actions).ok_or_else(|| {
            Error::incomplete(
                OPERATION,
                "default action that forwards to a slot's target group",
            )
        })
    }

    fn shares_of(&self, actions: &[Action]) -> Option<Slots<u32>> {
        let forward = actions
            .iter()
            .find(|action| action.r#type == Some(ActionTypeEnum::Forward))?;
        let listed = forward
            .forward_config
            .as_ref()
            .and_then(|config| config.target_groups.clone())
            .unwrap_or_default();
        // The short form names one group, which need not be in the list.
        let weights: Vec<(String, u32)> = match (listed.is_empty(), &forward.target_group_arn) {
            (true, Some(arn)) => vec![(arn.clone(), 1)],
            _ => listed
                .into_iter()
                .filter_map(|group| {
                    let weight = u32::try_from(group.weight.unwrap_or(1)).unwrap_or(0);
                    Some((group.target_group_arn?, weight))
                })
                .collect(),
        };
        let of = |slot: Slot| -> u32 {
            let arn = self.target_groups.of(slot);
            let own = weights.iter().filter(|(group, _)| group == arn);
            own.map(|(_, weight)| weight).sum()
        };
        let (blue, green) = (of(Slot::Blue), of(Slot::Green));
        let all = blue.checked_add(green).filter(|all| *all > 0)?;
        let blue = blue.saturating_mul(100) / all;
        Some(Slots {
            blue,
            green: 100 - blue,
        })
    }

    /// Forwards `share` percent of all requests to `slot` and the rest to the other slot,
    /// atomically.
    ///
    /// # Errors
    /// The call fails; the shares stay as they are.
    pub async fn shift(&self, slot: Slot, share: u32) -> Result<(), Error> {
        self.elb
            .modify_listener()
            .listener_arn(&self.listener_arn)
            .default_actions(self.forward(slot, share.min(100)))
            .send()
            .await
            .map(drop)
            .map_err(translate("elasticloadbalancing:ModifyListener"))
    }

    fn forward(&self, slot: Slot, share: u32) -> Action {
        let forward = Action::builder().r#type(ActionTypeEnum::Forward);
        let alone = match share {
            0 => Some(slot.other()),
            100 => Some(slot),
            _ => None,
        };
        // The short form for a single group. A list with the other group at weight 0 means the same
        // to a load balancer, but an emulator reads weight 0 as 1, and a list of one makes provider
        // 3.39 crash when it reads the rule.
        if let Some(slot) = alone {
            return forward
                .target_group_arn(self.target_groups.of(slot))
                .build();
        }
        // Lowest terms, because an emulator distributes requests in rounds as long as the sum of
        // the weights.
        let part = gcd(share, 100);
        let group = |slot: Slot, weight: u32| {
            TargetGroupTuple::builder()
                .target_group_arn(self.target_groups.of(slot))
                .weight(i32::try_from(weight / part).unwrap_or(1))
                .build()
        };
        forward
            .forward_config(
                ForwardActionConfig::builder()
                    .target_groups(group(slot, share))
                    .target_groups(group(slot.other(), 100 - share))
                    .build(),
            )
            .build()
    }

    /// The value of the header [`SLOT_HEADER`] that routes a request to each slot.
    ///
    /// # Errors
    /// The call fails, or a rule is missing or has no such condition.
    pub async fn tokens(&self) -> Result<Slots<String>, Error> {
        const OPERATION: &str = "elasticloadbalancing:DescribeRules";
        let answer = self
            .elb
            .describe_rules()
            .rule_arns(&self.slot_rules.blue)
            .rule_arns(&self.slot_rules.green)
            .send()
            .await
            .map_err(translate(OPERATION))?;
        let rules = answer.rules.unwrap_or_default();
        let token = |slot: Slot| -> Result<String, Error> {
            let arn = self.slot_rules.of(slot);
            let rule = rules
                .iter()
                .find(|rule| rule.rule_arn.as_ref() == Some(arn))
                .ok_or_else(|| Error::incomplete(OPERATION, "slot's rule"))?;
            let conditions = rule.conditions.as_deref().unwrap_or_default();
            let value = conditions.iter().find_map(|condition| {
                let header = condition.http_header_config.as_ref()?;
                header.values.as_ref()?.first().cloned()
            });
            value.ok_or_else(|| Error::incomplete(OPERATION, "header condition"))
        };
        Ok(Slots {
            blue: token(Slot::Blue)?,
            green: token(Slot::Green)?,
        })
    }

    /// Routes requests whose header [`SLOT_HEADER`] is `token` to `slot`, instead of those with the
    /// previous token.
    ///
    /// # Errors
    /// The call fails; the rule stays as it is.
    pub async fn set_token(&self, slot: Slot, token: &str) -> Result<(), Error> {
        let header = HttpHeaderConditionConfig::builder()
            .http_header_name(SLOT_HEADER)
            .values(token)
            .build();
        self.elb
            .modify_rule()
            .rule_arn(self.slot_rules.of(slot))
            .conditions(
                RuleCondition::builder()
                    .field("http-header")
                    .http_header_config(header)
                    .build(),
            )
            .send()
            .await
            .map(drop)
            .map_err(translate("elasticloadbalancing:ModifyRule"))
    }

    /// The health of every target of `slot`.
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

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a.max(1) } else { gcd(b, a % b) }
}
