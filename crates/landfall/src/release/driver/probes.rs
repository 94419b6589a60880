//! Probes of the candidate and of the old version.

use super::Driver;
use crate::release::platform::{Look, Platform, Probed};
use crate::report::now;
use futures_util::future::join_all;
use rules::app::names::Slot;
use rules::release::Release;
use rules::release::verdict::Answers;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Answers of the candidate's edge in a row that show that every node of the load balancer has the rule: each node
/// answers about one request of two.
const ROUTED: u32 = 8;
/// How long a rule may take.
const ROUTED_WITHIN: Duration = Duration::from_secs(30);
/// Requests that each task of a candidate gets before anything is counted.
const WARM_UP: u32 = 5;
/// Time limit for these requests.
const WARM_UP_WITHIN: Duration = Duration::from_secs(10);

/// The answers to pairs of probes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pairs {
    pub(super) new: Answers,
    pub(super) old: Answers,
}

impl Driver<'_> {
    /// A new rule of a load balancer takes effect some seconds late, and until then the old version answers what is
    /// meant for the candidate. Returns once the candidate's edge answers, or after a while.
    pub(super) async fn await_route(&self, release: &Release, look: &Look) {
        if !matches!(self.platform, Platform::Fargate(_)) {
            return;
        }
        let route = look.route(release.candidate);
        let since = now().0 / 1_000;
        let begun = Instant::now();
        let mut in_a_row = 0;
        while in_a_row < ROUTED && begun.elapsed() < ROUTED_WITHIN {
            let counts = self.prober.counts(&route, since).await;
            if counts.is_some_and(|counts| counts.revision == release.revision.0) {
                in_a_row += 1;
            } else {
                in_a_row = 0;
                sleep(Duration::from_millis(200)).await;
            }
        }
    }

    /// The first requests of a process are slow, and not representative of later ones. These are not
    /// marked as probes and come before users, so they are not counted.
    pub(super) async fn warm_up(&self, release: &Release, look: &Look) {
        let count = WARM_UP * release.count.max(1);
        let one = || self.platform.warm_up(&self.prober, release.candidate, look);
        let all = (0..count).map(|_| one());
        // The probes find out about a version that does not answer.
        let _ = tokio::time::timeout(WARM_UP_WITHIN, join_all(all)).await;
    }

    /// Sends `pairs` of probes: one to the candidate, one to the old version if it is healthy, at the same
    /// time.
    pub(super) async fn probe(&self, pairs: u32, release: &Release, look: &Look) -> Pairs {
        let (new_slot, old_slot) = (release.candidate, release.candidate.other());
        let has_old = look.slots().of(old_slot).healthy > 0;
        let probe = |slot: Slot| self.platform.probe(&self.prober, slot, look);
        let pair = async || {
            let old = async {
                match has_old {
                    true => Some(probe(old_slot).await),
                    false => None,
                }
            };
            tokio::join!(probe(new_slot), old)
        };
        let mut answers = Pairs::default();
        let mut left = usize::try_from(pairs).unwrap_or(0);
        while left > 0 {
            let at_once = left.min(self.platform.pairs_at_once());
            left -= at_once;
            for (new, old) in join_all((0..at_once).map(|_| pair())).await {
                // A probe that was not sent shows nothing, and then neither does its pair.
                match (new.status(), old.map(Probed::status)) {
                    (None, _) | (_, Some(None)) => {}
                    (Some(new), None) => answers.new.count(new),
                    (Some(new), Some(Some(old))) => {
                        answers.new.count(new);
                        answers.old.count(old);
                    }
                }
            }
        }
        answers
    }
}
