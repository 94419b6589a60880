//! How long the phases of a release may take.

use crate::app::manifest::Target;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long and how often a release waits before it draws a conclusion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseTimings {
    /// From staging until the candidate must be healthy.
    #[serde(with = "millis")]
    pub ready: Duration,
    /// From a shift until the slot without users is stopped: the load balancer's nodes take a moment to
    /// apply a changed listener, and requests in flight have to end.
    #[serde(with = "millis")]
    pub settle: Duration,
    /// Stopped tasks of the candidate that count as a crash. One stop may be chance.
    pub stops: u32,
    /// Probes that the candidate must have answered before it gets users; the old version gets as many.
    pub probes: u32,
    /// Minimum time from the first users until a promotion.
    #[serde(with = "millis")]
    pub minimum: Duration,
    /// Maximum time from the first users for the comparison.
    #[serde(with = "millis")]
    pub maximum: Duration,
    /// How long the old version is kept warm, with a few users, after a promotion.
    #[serde(with = "millis")]
    pub bake: Duration,
}

mod millis {
    use serde::{Deserialize, Deserializer, Serializer};
    use std::time::Duration;
    pub(super) fn serialize<S: Serializer>(d: &Duration, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_u64(u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
    }
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Duration, D::Error> {
        u64::deserialize(d).map(Duration::from_millis)
    }
}

impl ReleaseTimings {
    /// The defaults for an app with an edge, without one, and on Lambda, where the counts come by the log,
    /// about 50 seconds late. The load balancer's counts are used two minutes after their minute
    /// ([`crate::release::minute_counts::SETTLES`]): four minutes show at least one window.
    ///
    /// `start_seconds` is how long a new task may take until its first answer. Three minutes on top of it are for
    /// ECS to place it and to pull its image.
    pub fn default_for(target: Target, edge: bool, start_seconds: u32) -> ReleaseTimings {
        let mut usual = ReleaseTimings::default();
        usual.ready = usual
            .ready
            .max(Duration::from_secs(u64::from(start_seconds) + 180));
        if target == Target::Lambda {
            return ReleaseTimings {
                minimum: Duration::from_secs(30),
                bake: Duration::from_secs(120),
                ..usual
            };
        }
        if edge {
            return usual;
        }
        let late = Duration::from_secs(240);
        ReleaseTimings {
            minimum: late,
            bake: late,
            ..usual
        }
    }
}

impl Default for ReleaseTimings {
    fn default() -> ReleaseTimings {
        ReleaseTimings {
            ready: Duration::from_secs(300),
            settle: Duration::from_secs(10),
            stops: 2,
            probes: 6,
            minimum: Duration::from_secs(15),
            maximum: Duration::from_secs(600),
            bake: Duration::from_secs(60),
        }
    }
}
