//! The shape of a rule.

use crate::answer::Answer;
use crate::request::Call;
use crate::world::World;
use bytes::Bytes;

/// A difference between AWS and the emulators, and how it is made up for.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// In kebab case, unique.
    pub id: &'static str,
    /// Which calls it concerns.
    pub concerns: &'static [Concern],
    /// What it does.
    pub kind: Kind,
    /// When it is on.
    pub on: On,
    /// One sentence about what AWS does.
    pub summary: &'static str,
    /// The document, model or report that describes it.
    pub source: &'static str,
    /// How it is carried out.
    pub apply: Apply,
}

/// A service, and operations of it; all if there are none.
pub type Concern = (&'static str, &'static [&'static str]);

/// What a rule does to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Responds with an error.
    Refuse,
    /// Lets something take effect late.
    Delay,
    /// Does not show something yet.
    HoldBack,
    /// Changes the request or the response.
    Rewrite,
}

/// When a rule is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// Always: so is an ordinary verified account.
    Default,
    /// While this scenario is selected.
    Scenario(&'static str),
}

/// How a rule is carried out.
#[derive(Debug, Clone, Copy)]
pub enum Apply {
    /// Before the call is forwarded.
    Request(fn(&mut World, &Call) -> Before),
    /// On the response.
    Response(fn(&mut World, &Call, &mut Answer)),
    /// On both.
    Both(
        fn(&mut World, &Call) -> Before,
        fn(&mut World, &Call, &mut Answer),
    ),
    /// By a listener for users' requests, or by the other rules of its service.
    Elsewhere,
}

/// What happens to a call before it is forwarded.
#[derive(Debug, Clone, PartialEq)]
pub enum Before {
    /// Nothing.
    Pass,
    /// It is not forwarded.
    Answer(Answer),
    /// It is forwarded with another body.
    Body(Bytes),
}

impl Kind {
    /// As the table of rules names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::Refuse => "refuse",
            Kind::Delay => "delay",
            Kind::HoldBack => "hold back",
            Kind::Rewrite => "rewrite",
        }
    }
}

impl Rule {
    /// Whether it concerns a call.
    #[must_use]
    pub fn concerns(&self, call: &Call) -> bool {
        concern(self.concerns, call)
    }

    /// Whether it is on.
    #[must_use]
    pub fn is_on(&self, world: &World) -> bool {
        match self.on {
            On::Default => true,
            On::Scenario(name) => world.has(name),
        }
    }

    /// Whether it reads or changes responses.
    #[must_use]
    pub fn reads_response(&self) -> bool {
        matches!(self.apply, Apply::Response(_) | Apply::Both(..))
    }
}

/// Whether a call is among `concerns`. The service `*` is every service.
#[must_use]
pub fn concern(concerns: &[Concern], call: &Call) -> bool {
    concerns.iter().any(|(service, operations)| {
        let is_service = *service == "*" && !call.service.is_empty() || *service == call.service;
        let is_operation = operations.is_empty() || operations.contains(&call.operation.as_str());
        is_service && is_operation
    })
}
