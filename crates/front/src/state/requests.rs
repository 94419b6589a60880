//! Requests of users, by what CloudWatch counts them for.

use std::collections::BTreeMap;

/// Requests of users that CloudWatch will show.
#[derive(Debug, Default)]
pub struct Metrics {
    /// What each HTTP API invokes.
    pub aliases: BTreeMap<String, Counted>,
    /// Requests by minute since the Unix epoch, as far as they are not published.
    pub counts: BTreeMap<(Counted, u64), u64>,
}

/// What a count belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Counted {
    region: String,
    /// `app/name/id` of a load balancer, or `function:alias`.
    name: String,
    is_balancer: bool,
}

impl Counted {
    /// `app/name/id`, or `function:alias`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its region.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Whether it is a load balancer.
    #[must_use]
    pub fn is_balancer(&self) -> bool {
        self.is_balancer
    }

    /// A load balancer, or what an integration invokes, by its ARN. [`None`] if it is neither.
    #[must_use]
    pub fn of_arn(arn: &str) -> Option<Counted> {
        let of = |start: &str| {
            arn.split_once(start)
                .map(|(before, name)| (before, name.to_owned()))
        };
        let (before, name, is_balancer) = match (of(":loadbalancer/"), of(":function:")) {
            (Some((before, name)), _) => (before, name, true),
            (None, Some((before, name))) => (
                before,
                name.split('/').next().unwrap_or_default().to_owned(),
                false,
            ),
            (None, None) => return None,
        };
        // `arn:aws:lambda:REGION:ACCOUNT`, perhaps within another ARN.
        let region = before.rsplit(':').nth(1)?.to_owned();
        Some(Counted {
            region,
            name,
            is_balancer,
        })
    }
}
