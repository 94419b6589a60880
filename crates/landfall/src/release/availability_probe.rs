//! The proof that nothing is lost: landfall's own requests to the public address, all through a release.

use crate::release::http_probe::{Prober, SlotRoute};
use rules::release::ledger::AvailabilityCounts;
use rules::release::verdict::Answers;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// Between two requests.
const EVERY: Duration = Duration::from_millis(200);

/// Requests that go on until this is dropped.
pub(crate) struct AvailabilityProbe {
    seen: Arc<Mutex<AvailabilityCounts>>,
    task: JoinHandle<()>,
}

impl AvailabilityProbe {
    /// Starts. The requests take the way of users; `door` marks them, so that the edges count them apart.
    /// `before` is what an earlier driver of the same release saw.
    pub(crate) fn start(
        prober: Prober,
        door: SlotRoute,
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
                let status = prober.ask(&door).await;
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

    /// What was seen so far.
    pub(crate) fn seen(&self) -> AvailabilityCounts {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for AvailabilityProbe {
    fn drop(&mut self) {
        self.task.abort();
    }
}
