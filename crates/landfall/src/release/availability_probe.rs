//! Landfall's own requests to the public address during a release: they measure its availability.

use crate::release::http_probe::{Prober, SlotRoute};
use rules::release::ledger::AvailabilityCounts;
use rules::release::verdict::Answers;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// Time between two requests.
const EVERY: Duration = Duration::from_millis(200);

/// Sends requests until it is dropped.
pub(crate) struct AvailabilityProbe {
    seen: Arc<Mutex<AvailabilityCounts>>,
    task: JoinHandle<()>,
}

impl AvailabilityProbe {
    /// Starts. The requests are routed like those of users; `route` marks them, so that the edges count them
    /// separately. `before` is what an earlier process of the same release counted.
    pub(crate) fn start(
        prober: Prober,
        route: SlotRoute,
        before: AvailabilityCounts,
    ) -> AvailabilityProbe {
        let seen = Arc::new(Mutex::new(before));
        let into = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            let mut ticks = interval(EVERY);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut answered_at = Instant::now();
            loop {
                ticks.tick().await;
                let status = prober.ask(&route).await;
                let mut one = Answers::default();
                one.count(status);
                let mut seen = into.lock().unwrap_or_else(PoisonError::into_inner);
                seen.requests += 1;
                seen.failed += u64::from(one.lost);
                seen.errors += u64::from(one.errors);
                if one.lost == 0 {
                    let gap = u64::try_from(answered_at.elapsed().as_millis()).unwrap_or(u64::MAX);
                    seen.longest_gap_ms = seen.longest_gap_ms.max(gap);
                    answered_at = Instant::now();
                }
            }
        });
        AvailabilityProbe { seen, task }
    }

    /// The counts so far.
    pub(crate) fn seen(&self) -> AvailabilityCounts {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for AvailabilityProbe {
    fn drop(&mut self) {
        self.task.abort();
    }
}
