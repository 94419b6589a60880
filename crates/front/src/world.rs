//! What every rule may read and change.

use crate::clock::{Lag, Moment};
use crate::random::Random;
use crate::state::State;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::time::Duration;

/// The account of every rehearsal.
pub const ACCOUNT: &str = "123456789012";

/// What was observed, what is configured, and the time of the present call.
#[derive(Debug)]
pub struct World {
    /// The time of the present call.
    pub now: Moment,
    /// What passed through so far.
    pub state: State,
    /// Draws.
    pub random: Random,
    /// Whether delays are as long as on AWS.
    pub real_times: bool,
    /// How late lines of logs arrive; as the rule has it if [`None`].
    pub logs_delay: Option<Duration>,
    /// The scenarios that are on, with their values.
    pub scenarios: BTreeMap<String, String>,
    /// Calls of its own that the front makes to the emulator.
    pub outbox: Vec<Outgoing>,
}

/// A call that the front makes to the emulator itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Outgoing {
    /// When it is made.
    pub due: Moment,
    /// The name of the service in the credential scope.
    pub service: &'static str,
    /// The region.
    pub region: String,
    /// The access key ID in whose name it is made.
    pub identity: String,
    /// The value of `X-Amz-Target`, for services that have one.
    pub target: Option<String>,
    /// The content type.
    pub content_type: &'static str,
    /// The body.
    pub body: Bytes,
}

impl World {
    /// A world in which nothing has happened.
    #[must_use]
    pub fn new(seed: u64, real_times: bool) -> World {
        World {
            now: Moment::default(),
            state: State::default(),
            random: Random::new(seed),
            real_times,
            logs_delay: None,
            scenarios: BTreeMap::new(),
            outbox: Vec::new(),
        }
    }

    /// A delay, drawn from `lag`.
    pub fn delay(&mut self, lag: Lag) -> Duration {
        let (low, high) = lag.bounds(self.real_times);
        Duration::from_secs_f64(self.random.between(low, high))
    }

    /// The moment that lies a drawn delay after now.
    pub fn later(&mut self, lag: Lag) -> Moment {
        let delay = self.delay(lag);
        self.now.after(delay)
    }

    /// Whether a scenario is on.
    #[must_use]
    pub fn has(&self, scenario: &str) -> bool {
        self.scenarios.contains_key(scenario)
    }

    /// The value of a scenario that is on; [`None`] if it has none.
    #[must_use]
    pub fn value(&self, scenario: &str) -> Option<&str> {
        let value = self.scenarios.get(scenario)?;
        (!value.is_empty()).then_some(value.as_str())
    }
}
