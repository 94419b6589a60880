//! What an identity needs to be allowed to do, and nothing beyond: the one place that knows it.
//!
//! `landfall policy` prints it, CI's roles have it, a denied action is looked up in it. Each service has a
//! file that lists what it needs, by the phase of an environment's life. Resources are named wherever AWS names them before
//! they exist; where it does not, the tags on all of landfall's resources decide
//! (<https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html>).

mod boundary;
mod ci;
mod denial;
mod domain;
mod fargate;
mod foundation;
mod lambda;
mod network;
mod scope;
mod secrets;
mod statement;

#[cfg(test)]
pub(crate) mod authorization;
#[cfg(test)]
pub(crate) mod evaluator;
#[cfg(test)]
mod tests;

pub use boundary::boundary;
pub use denial::{Denied, Whence};
pub use scope::Scope;
pub use statement::{Document, LONGEST, Statement};

use crate::app::manifest::Target;
use serde::{Deserialize, Serialize};

/// When in an environment's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The first `up`, and every later one that changes the shape.
    Setup,
    /// Every `up` that only releases, and what people ask for every day.
    Release,
    /// `down`.
    Teardown,
}

impl Phase {
    /// All of them.
    pub const ALL: [Phase; 3] = [Phase::Setup, Phase::Release, Phase::Teardown];

    /// The word of the command.
    pub fn as_str(self) -> &'static str {
        match self {
            Phase::Setup => "setup",
            Phase::Release => "release",
            Phase::Teardown => "teardown",
        }
    }
}

impl std::fmt::Display for Phase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a read-only identity may do: `plan`, `status`, `logs`, `doctor`, and the sweep.
pub fn reads(target: Target, scope: &Scope) -> Vec<Statement> {
    let mut all = foundation::reads(scope);
    all.extend(match target {
        Target::Fargate => fargate::reads(scope),
        Target::Lambda => lambda::reads(scope),
    });
    all.extend(secrets::reads(scope));
    all.extend(domain::look(scope));
    all.extend(domain::reads(target, scope));
    all
}

/// What a phase needs on a target.
pub fn statements(phase: Phase, target: Target, scope: &Scope) -> Vec<Statement> {
    let mut all = reads(target, scope);
    match phase {
        Phase::Setup => {
            all.extend(release(target, scope));
            all.extend(foundation::make(scope));
            all.extend(match target {
                Target::Fargate => [fargate::make(scope), network::make(scope)].concat(),
                Target::Lambda => lambda::make(scope),
            });
            all.extend(domain::make(target, scope));
        }
        Phase::Release => all.extend(release(target, scope)),
        Phase::Teardown => {
            all.extend(foundation::remove(scope));
            all.extend(match target {
                Target::Fargate => [fargate::remove(scope), network::remove(scope)].concat(),
                Target::Lambda => lambda::remove(scope),
            });
            all.extend(secrets::remove(scope));
            all.extend(domain::remove(target, scope));
        }
    }
    all
}

fn release(target: Target, scope: &Scope) -> Vec<Statement> {
    let mut all = foundation::release(scope);
    all.extend(match target {
        Target::Fargate => fargate::release(scope),
        Target::Lambda => lambda::release(scope),
    });
    all.extend(secrets::release(scope));
    all
}

/// What `landfall ci` needs beyond a phase: it makes the roles of CI when an environment is set up, and `down` removes
/// them.
pub fn for_ci(phase: Phase, scope: &Scope) -> Vec<Statement> {
    match phase {
        Phase::Setup => ci::make(scope),
        Phase::Release => Vec::new(),
        Phase::Teardown => ci::remove(scope),
    }
}

/// Actions that AWS checks and the Service Authorization Reference does not list. IAM accepts them in a policy; its
/// simulation refuses them as unknown.
pub const UNDOCUMENTED: [&str; 3] = [
    "apigateway:TagResource",
    "apigateway:UntagResource",
    "cloudfront:CreateDistributionWithTags",
];

/// The permission to find expired environments. Their names are not known in advance, so all buckets are
/// listed, and the tags of each show whether it has expired.
pub fn reaping() -> Vec<Statement> {
    vec![Statement::anywhere("FindExpired", &["s3:ListAllMyBuckets"])]
}

/// The statements of a phase in as few documents as IAM's limit allows.
pub fn documents(phase: Phase, target: Target, scope: &Scope) -> Vec<Document> {
    Document::pack(statements(phase, target, scope))
}
