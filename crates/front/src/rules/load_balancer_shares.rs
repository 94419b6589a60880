//! The shares of target groups in the actions of a listener.

use std::collections::BTreeMap;

/// Shares by target group; they add up to 1.
pub(super) type Shares = BTreeMap<String, f64>;

/// The shares that the first action has. `parameters` are those of `CreateListener` or
/// `ModifyListener`. [`None`] if it does not forward to target groups.
pub(super) fn read(parameters: &BTreeMap<String, String>) -> Option<Shares> {
    let action = "DefaultActions.member.1.";
    let groups = format!("{action}ForwardConfig.TargetGroups.member.");
    let mut weights = Shares::new();
    for (name, arn) in parameters {
        let member = name.strip_prefix(&groups);
        if let Some(number) = member.and_then(|rest| rest.strip_suffix(".TargetGroupArn")) {
            let weight = parameters.get(&format!("{groups}{number}.Weight"));
            let weight = weight.map_or(Some(1.0), |weight| weight.parse().ok())?;
            weights.insert(arn.clone(), weight);
        }
    }
    if weights.is_empty() {
        let alone = parameters.get(&format!("{action}TargetGroupArn"))?;
        weights.insert(alone.clone(), 1.0);
    }
    let sum: f64 = weights.values().sum();
    if sum <= 0.0 {
        return None;
    }
    weights.values_mut().for_each(|weight| *weight /= sum);
    Some(weights)
}

/// The shares when half of the nodes have the new ones.
pub(super) fn between(old: &Shares, new: &Shares) -> Shares {
    let mut both = Shares::new();
    for (arn, share) in old.iter().chain(new) {
        *both.entry(arn.clone()).or_default() += share / 2.0;
    }
    both
}

/// The parameters of a `ModifyListener` with these shares, in lowest terms and without groups that
/// get nothing.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "shares are between 0 and 1"
)]
pub(super) fn parameters(listener: &str, shares: &Shares) -> Vec<(String, String)> {
    let weights: Vec<(&String, u64)> = shares
        .iter()
        .map(|(arn, share)| (arn, (share * 200.0).round() as u64))
        .filter(|(_, weight)| *weight > 0)
        .collect();
    let divisor = weights
        .iter()
        .fold(0, |divisor, (_, weight)| gcd(divisor, *weight));
    let action = "DefaultActions.member.1";
    let mut parameters = vec![
        ("Action".to_owned(), "ModifyListener".to_owned()),
        ("Version".to_owned(), "2015-12-01".to_owned()),
        ("ListenerArn".to_owned(), listener.to_owned()),
        (format!("{action}.Type"), "forward".to_owned()),
    ];
    for (index, (arn, weight)) in weights.iter().enumerate() {
        let group = format!("{action}.ForwardConfig.TargetGroups.member.{}", index + 1);
        parameters.push((format!("{group}.TargetGroupArn"), (*arn).clone()));
        parameters.push((format!("{group}.Weight"), (weight / divisor).to_string()));
    }
    parameters
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(all: &[(&str, f64)]) -> Shares {
        all.iter()
            .map(|(arn, share)| ((*arn).to_owned(), *share))
            .collect()
    }

    #[test]
    fn shares_are_read_from_both_forms() {
        let short = [("DefaultActions.member.1.TargetGroupArn", "blue")];
        let long = [
            (
                "DefaultActions.member.1.ForwardConfig.TargetGroups.member.1.TargetGroupArn",
                "blue",
            ),
            (
                "DefaultActions.member.1.ForwardConfig.TargetGroups.member.1.Weight",
                "3",
            ),
            (
                "DefaultActions.member.1.ForwardConfig.TargetGroups.member.2.TargetGroupArn",
                "green",
            ),
            (
                "DefaultActions.member.1.ForwardConfig.TargetGroups.member.2.Weight",
                "1",
            ),
        ];
        let map = |all: &[(&str, &str)]| {
            let owned = all
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            owned.collect::<BTreeMap<String, String>>()
        };
        assert_eq!(read(&map(&short)), Some(shares(&[("blue", 1.0)])));
        assert_eq!(
            read(&map(&long)),
            Some(shares(&[("blue", 0.75), ("green", 0.25)]))
        );
        assert_eq!(
            read(&map(&[("DefaultActions.member.1.Type", "fixed-response")])),
            None
        );
    }

    #[test]
    fn half_of_the_nodes_have_the_new_shares() {
        let old = shares(&[("blue", 1.0)]);
        let new = shares(&[("blue", 0.9), ("green", 0.1)]);
        let both = between(&old, &new);
        let sent = parameters("listener", &both);
        let weights: Vec<&str> = sent
            .iter()
            .filter(|(name, _)| name.ends_with(".Weight"))
            .map(|(_, weight)| weight.as_str())
            .collect();
        assert_eq!(weights, ["19", "1"]);
    }
}
