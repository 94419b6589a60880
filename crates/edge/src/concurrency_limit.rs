//! Lets as many requests through to the app as its concurrency limit allows; the others queue for a
//! while.

use crate::clock::Clock;
use crate::policy::limit::{Limit, LimitPolicy};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

/// Longest queue. Requests behind it would time out anyway.
const MAX_QUEUE: usize = 4_096;

/// The limit, if there is one, with the queue of requests that wait for a permit.
#[derive(Debug)]
pub(crate) struct ConcurrencyLimit {
    clock: Clock,
    queue: Option<Mutex<Queue>>,
}

#[derive(Debug)]
struct Queue {
    limit: Limit,
    waiting: VecDeque<oneshot::Sender<()>>,
}

/// The app is at its limit, and the request has waited long enough or could not queue.
#[derive(Debug)]
pub(crate) struct Rejected;

impl ConcurrencyLimit {
    /// `max` is the largest limit; with [`None`] every request passes.
    pub(crate) fn new(clock: Clock, max: Option<u32>) -> ConcurrencyLimit {
        let queue = max.map(|max| {
            let limit = Limit::new(LimitPolicy::up_to(max));
            Mutex::new(Queue {
                limit,
                waiting: VecDeque::new(),
            })
        });
        ConcurrencyLimit { clock, queue }
    }

    /// Acquires a permit; queues for it, at most for `within`.
    pub(crate) async fn acquire(&self, within: Duration) -> Result<Permit<'_>, Rejected> {
        let granted = {
            let Some(mut queue) = self.lock() else {
                return Ok(Permit::unlimited(self));
            };
            if queue.waiting.is_empty() && queue.limit.acquire() {
                return Ok(Permit::held(self));
            }
            // Requests that have stopped waiting stay in the queue until they are due: that is
            // cheap.
            if queue.waiting.len() >= MAX_QUEUE {
                return Err(Rejected);
            }
            let (grant, granted) = oneshot::channel();
            queue.waiting.push_back(grant);
            granted
        };
        let mut wait = Wait {
            limit: self,
            granted,
        };
        match tokio::time::timeout(within, &mut wait.granted).await {
            Ok(Ok(())) => {
                // The permit passes to the caller: `wait` must not release it.
                wait.granted.close();
                Ok(Permit::held(self))
            }
            _ => Err(Rejected),
        }
    }

    /// Requests at the app, and the current limit.
    pub(crate) fn load(&self) -> Option<(u32, u32)> {
        self.lock()
            .map(|queue| (queue.limit.in_flight(), queue.limit.current()))
    }

    fn lock(&self) -> Option<MutexGuard<'_, Queue>> {
        self.queue
            .as_ref()
            .map(|queue| queue.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Releases a permit with `how`, and grants what has become free to waiting requests.
    fn release(&self, how: impl FnOnce(&mut Limit)) {
        let Some(mut queue) = self.lock() else { return };
        how(&mut queue.limit);
        while !queue.waiting.is_empty() && queue.limit.acquire() {
            let grant = queue.waiting.pop_front();
            let has_stopped_waiting = grant.is_none_or(|grant| grant.send(()).is_err());
            if has_stopped_waiting {
                queue.limit.release();
            }
        }
    }
}

/// A request in the queue. If it is dropped just when the permit is granted, the permit is
/// released.
struct Wait<'l> {
    limit: &'l ConcurrencyLimit,
    granted: oneshot::Receiver<()>,
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        self.granted.close();
        if self.granted.try_recv().is_ok() {
            self.limit.release(Limit::release);
        }
    }
}

/// Permission to send a request to the app; dropping it releases it.
#[derive(Debug)]
pub(crate) struct Permit<'l> {
    limit: &'l ConcurrencyLimit,
    is_held: bool,
}

impl<'l> Permit<'l> {
    /// For requests that the limit does not apply to.
    pub(crate) fn unlimited(limit: &'l ConcurrencyLimit) -> Permit<'l> {
        Permit {
            limit,
            is_held: false,
        }
    }

    fn held(limit: &'l ConcurrencyLimit) -> Permit<'l> {
        Permit {
            limit,
            is_held: true,
        }
    }

    /// Releases the permit after an answer that took `latency`; [`None`]: no answer came in time.
    pub(crate) fn finish(mut self, latency: Option<Duration>) {
        if std::mem::take(&mut self.is_held) {
            let now = self.limit.clock.now();
            self.limit.release(|limit| limit.finish(latency, now));
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if std::mem::take(&mut self.is_held) {
            self.limit.release(Limit::release);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(1);

    #[tokio::test]
    async fn a_released_permit_goes_to_a_waiting_request() {
        let limit = ConcurrencyLimit::new(Clock::start(), Some(1));
        let first = limit.acquire(SOON).await.expect("a permit");
        assert!(limit.acquire(SOON).await.is_err());
        let (second, ()) = tokio::join!(limit.acquire(Duration::from_secs(60)), async {
            drop(first)
        });
        assert_eq!(limit.load(), Some((1, 1)));
        drop(second);
        assert_eq!(limit.load(), Some((0, 1)));
        let third = limit.acquire(SOON).await.expect("a permit");
        third.finish(Some(SOON));
        assert_eq!(limit.load(), Some((0, 1)));
    }

    #[tokio::test]
    async fn without_a_limit_every_request_passes() {
        let limit = ConcurrencyLimit::new(Clock::start(), None);
        let permits: Vec<_> = [limit.acquire(SOON).await, limit.acquire(SOON).await].into();
        assert!(permits.iter().all(Result::is_ok));
    }
}
