//! What the front remembers of the calls that passed through it.

pub mod lambda;
pub mod requests;

use crate::clock::Moment;
use lambda::Functions;
use requests::Metrics;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

/// Everything that is remembered.
#[derive(Debug, Default)]
pub struct State {
    /// Buckets and objects.
    pub s3: Buckets,
    /// Secrets, and how they were listed.
    pub secrets: Secrets,
    /// Roles and policies.
    pub iam: Identities,
    /// Services.
    pub ecs: Services,
    /// Functions.
    pub lambda: Functions,
    /// Images that were deleted.
    pub images: Vec<DeletedImage>,
    /// Calls and pages of CloudWatch Logs.
    pub logs: Logs,
    /// Listeners and rules of load balancers.
    pub balancers: Balancers,
    /// Requests of users.
    pub metrics: Metrics,
    /// Distributions by ID.
    pub distributions: BTreeMap<String, Distribution>,
}

/// Buckets and objects.
#[derive(Debug, Default)]
pub struct Buckets {
    /// Until when objects may be missing, by bucket whose versioning was enabled.
    pub unsettled: BTreeMap<String, Moment>,
    /// `bucket/key` of objects written since then.
    pub written: BTreeSet<String>,
    /// Until when a name cannot be used again.
    pub deleted: BTreeMap<String, Moment>,
}

/// Secrets by name.
#[derive(Debug, Default)]
pub struct Secrets {
    /// Changes that lists may not show yet.
    pub changed: BTreeMap<String, SecretChange>,
    /// The last entry that a list showed.
    pub listed: BTreeMap<String, Value>,
}

/// A change of a secret.
#[derive(Debug, Clone)]
pub struct SecretChange {
    /// Until when lists do not show it.
    pub until: Moment,
    /// What lists show instead; nothing for a new secret.
    pub before: Option<Value>,
}

/// Roles by name.
#[derive(Debug, Default)]
pub struct Identities {
    /// From when on a role can be assumed.
    pub assumable: BTreeMap<String, Moment>,
    /// Sizes of inline policies, by role and policy.
    pub inline: BTreeMap<String, BTreeMap<String, usize>>,
}

/// ECS services by `cluster/service`.
#[derive(Debug, Default)]
pub struct Services {
    /// ARN of the task definition.
    pub definitions: BTreeMap<String, String>,
    /// Number of tasks that the emulator is to run.
    pub desired: BTreeMap<String, i64>,
    /// Those whose tasks the account's limit prevents.
    pub starved: BTreeMap<String, Starved>,
}

/// A service without its tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Starved {
    /// Number of tasks that was asked for.
    pub desired: i64,
    /// When that was.
    pub at: Moment,
    /// ID of the event about it.
    pub event: String,
}

/// An image that was deleted from a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeletedImage {
    /// The repository.
    pub repository: String,
    /// Digest or tag; [`None`] for all images of the repository.
    pub id: Option<String>,
    /// From when on functions with this image fail.
    pub fails: Moment,
}

/// Calls and pages of CloudWatch Logs.
#[derive(Debug, Default)]
pub struct Logs {
    /// Times of the calls within the last second, by operation.
    pub calls: BTreeMap<String, VecDeque<Moment>>,
    /// The emulator's page for each token of an empty page; [`None`] for the first page.
    pub pages: BTreeMap<String, Option<String>>,
    /// Number of empty pages so far.
    pub empty: u64,
}

/// The routing of listeners and rules by ARN: a change for each call, the last ones not in effect
/// yet.
#[derive(Debug, Default)]
pub struct Balancers {
    /// Changes in the order of their times.
    pub changes: BTreeMap<String, Vec<RoutingChange>>,
    /// How long a connection may be idle, by `app/name/id`, where it was set.
    pub idle: BTreeMap<String, Duration>,
}

/// Routing of a listener or a rule.
#[derive(Debug, Clone, PartialEq)]
pub struct RoutingChange {
    /// From when on it is in effect.
    pub from: Moment,
    /// Actions and conditions, as parameters of the call.
    pub parameters: BTreeMap<String, String>,
}

impl Balancers {
    /// What is in effect.
    #[must_use]
    pub fn effective(&self, arn: &str, now: Moment) -> Option<&RoutingChange> {
        let all = self.changes.get(arn)?;
        all.iter().rev().find(|change| change.from <= now)
    }

    /// The last change, if it is not in effect yet.
    #[must_use]
    pub fn pending(&self, arn: &str, now: Moment) -> Option<&RoutingChange> {
        let last = self.changes.get(arn)?.last()?;
        (now < last.from).then_some(last)
    }
}

/// A CloudFront distribution.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Distribution {
    /// Until when it is in progress.
    pub in_progress: Moment,
    /// When it was created or changed.
    pub changed: Moment,
    /// Its domain name.
    pub domain: String,
    /// Seconds for which an error is cached, by status; 10 where it has no entry.
    pub error_ttls: BTreeMap<u16, u64>,
    /// How the origin is asked.
    pub origin: OriginSettings,
}

/// How CloudFront asks an origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginSettings {
    /// How often it tries to get a response to GET or HEAD.
    pub attempts: u32,
    /// How long it waits for a response.
    pub read_timeout: Duration,
}

impl Default for OriginSettings {
    fn default() -> OriginSettings {
        OriginSettings {
            attempts: 3,
            read_timeout: Duration::from_secs(30),
        }
    }
}

impl State {
    /// The distribution that a request is for: the one with this host name, otherwise the one that
    /// changed last.
    #[must_use]
    pub fn distribution(&self, host: &str) -> Option<&Distribution> {
        let all = self.distributions.values();
        let named = all.clone().find(|one| one.domain == host);
        named.or_else(|| all.max_by_key(|one| one.changed))
    }
}
