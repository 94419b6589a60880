//! The steps of a run.

use rules::app::manifest::Target;

/// A step, in the order in which they are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    /// Experiments that need no app.
    Account,
    /// The first `up`.
    Up,
    /// Experiments with what is deployed.
    Deployed(Target),
    /// `up` without a change.
    Again,
    /// `plan`, and `ci` in its preview form.
    Preview,
    /// A good version.
    Release,
    /// A version that fails.
    Bad,
    /// Waits, and returns to the version before.
    Rollback,
    /// A secret is set and used.
    Secrets,
    /// A version that listens on a low port.
    LowPort,
    /// The app gets a domain.
    Domain,
    /// Experiments after which the target is of no use.
    Last(Target),
    /// The app moves to this target.
    Move(Target),
    /// Everything is removed.
    Down,
}

impl Step {
    /// Names the step in the report.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Step::Account => "account",
            Step::Up => "up",
            Step::Deployed(_) => "deployed",
            Step::Again => "up again",
            Step::Preview => "plan and ci",
            Step::Release => "good release",
            Step::Bad => "bad release",
            Step::Rollback => "rollback",
            Step::Secrets => "secrets",
            Step::LowPort => "low port",
            Step::Domain => "domain",
            Step::Last(_) => "last experiments",
            Step::Move(_) => "move",
            Step::Down => "down",
        }
    }

    /// Whether the step only asks about assumptions, and is no scenario.
    pub(crate) fn is_experiment(self) -> bool {
        matches!(
            self,
            Step::Account | Step::Deployed(_) | Step::LowPort | Step::Last(_)
        )
    }
}
