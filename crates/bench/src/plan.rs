//! How much is measured.

use std::time::Duration;

/// Sizes of one run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// Rounds of the main load, each with every proxy.
    pub(crate) rounds: usize,
    /// GETs of a proxy in one round.
    pub(crate) gets: u64,
    /// GETs to count attempts, on the 10% app and on the one that always fails.
    pub(crate) counted: u64,
    pub(crate) outage: u64,
    /// The longest that counting may take.
    pub(crate) counting: Duration,
    /// GETs while the app is killed, and how many a second.
    pub(crate) kill: u64,
    pub(crate) kill_rate: f64,
    /// Rounds of latency, and the GETs of each.
    pub(crate) latency_rounds: usize,
    pub(crate) latency: u64,
    pub(crate) drains: usize,
    /// How long the load runs before SIGTERM.
    pub(crate) drain_load: Duration,
    /// Requests on each of the connections whose memory is measured.
    pub(crate) passes: usize,
    pub(crate) settle: Duration,
}

impl Plan {
    /// What the figures in the documentation come from: about ten minutes.
    pub(crate) fn full() -> Plan {
        Plan {
            rounds: 10,
            gets: 50_000,
            counted: 50_000,
            outage: 20_000,
            counting: Duration::from_secs(20),
            kill: 4_000,
            kill_rate: 500.0,
            latency_rounds: 3,
            latency: 6_000,
            drains: 20,
            drain_load: Duration::from_millis(300),
            passes: 20,
            settle: Duration::from_millis(1_000),
        }
    }

    /// Enough to see that everything works, not enough to conclude anything.
    pub(crate) fn quick() -> Plan {
        Plan {
            rounds: 2,
            gets: 4_000,
            counted: 2_000,
            outage: 1_000,
            counting: Duration::from_secs(3),
            kill: 400,
            kill_rate: 250.0,
            latency_rounds: 1,
            latency: 1_500,
            drains: 2,
            drain_load: Duration::from_millis(100),
            passes: 3,
            settle: Duration::from_millis(200),
        }
    }
}

/// Connections of the main load.
pub(crate) const CONNECTIONS: usize = 64;
/// Requests a second when latency is measured.
pub(crate) const RATE: f64 = 1_500.0;
/// The app is killed so often.
pub(crate) const KILLS: u32 = 3;
/// The app that is killed takes so long to start.
pub(crate) const APP_START: Duration = Duration::from_millis(100);
/// Answers in a hundred that the counting app fails, to be like the example.
pub(crate) const PERCENT: u32 = 10;
/// How long the edge goes on serving after SIGTERM: a load balancer's time, made short.
pub(crate) const LEAD: Duration = Duration::from_millis(300);
/// Connections whose memory is measured, and that are left half open.
pub(crate) const MANY: usize = 1_000;
