//! How much is measured.

use std::time::Duration;

/// Sizes of a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// Rounds of the main load, each with every proxy.
    pub(crate) rounds: usize,
    /// GETs of a proxy in one round.
    pub(crate) gets: u64,
    /// GETs for counting attempts, with the 10% app and with the one that always fails.
    pub(crate) counted: u64,
    pub(crate) outage: u64,
    /// Limit of that time.
    pub(crate) counting: Duration,
    /// GETs while the app is killed, and how many per second.
    pub(crate) kill: u64,
    pub(crate) kill_rate: f64,
    /// Rounds of latency, and the GETs of each.
    pub(crate) latency_rounds: usize,
    pub(crate) latency: u64,
    pub(crate) drains: usize,
    /// How long the load runs before SIGTERM.
    pub(crate) drain_load: Duration,
    /// Requests on each connection whose memory is measured.
    pub(crate) passes: usize,
    pub(crate) settle: Duration,
}

impl Plan {
    /// The run behind the documented results: about ten minutes.
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

    /// A smoke run: it shows that everything works, and no more.
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
/// Requests per second for latency.
pub(crate) const RATE: f64 = 1_500.0;
/// How often the app is killed.
pub(crate) const KILLS: u32 = 3;
/// How long the killed app takes to start.
pub(crate) const APP_START: Duration = Duration::from_millis(100);
/// Percentage of answers that the counting app fails, like the example.
pub(crate) const PERCENT: u32 = 10;
/// How long the edge serves after SIGTERM: shorter than for a real load balancer.
pub(crate) const LEAD: Duration = Duration::from_millis(300);
/// Connections whose memory is measured, and that are left half open.
pub(crate) const MANY: usize = 1_000;
