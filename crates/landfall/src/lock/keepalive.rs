//! Holds the release lock while a command works, by renewing its lease in the background.

use crate::failure::Failure;
use crate::lock::holder;
use crate::lock::lease_guard::{LeaseGuard, LeaseLost};
use crate::report::Report;
use crate::store::Store;
use infra::Interrupt;
use rules::release::ledger::LEASE_KEY;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

/// The interval at which the background task renews the lease if it is due.
const RENEW_EVERY: Duration = Duration::from_secs(5);

/// The lock, renewed in the background until it is released.
pub(crate) struct Keepalive {
    inner: Arc<Mutex<Inner>>,
    task: JoinHandle<()>,
}

struct Inner {
    /// [`None`] once it was released or abandoned.
    guard: Option<LeaseGuard>,
    step: String,
    lost: Option<LeaseLost>,
}

impl Keepalive {
    /// Acquires the lock.
    ///
    /// # Errors
    /// Another command holds it, or the store does not answer.
    pub(crate) async fn acquire(
        store: &Store,
        command: &str,
        report: &Report,
        interrupt: &Interrupt,
    ) -> Result<Keepalive, Failure> {
        let mut interrupt = interrupt.clone();
        let holder = holder::this(command);
        let report = report.clone();
        let mut note = |text: String| report.note(text);
        let step = "beginning".to_owned();
        let guard =
            LeaseGuard::acquire(store, LEASE_KEY, holder, &step, &mut interrupt, &mut note).await?;
        let inner = Arc::new(Mutex::new(Inner {
            guard: Some(guard),
            step,
            lost: None,
        }));
        let own = Arc::clone(&inner);
        let task = tokio::spawn(async move {
            loop {
                tokio::time::sleep(RENEW_EVERY).await;
                // A lost lock is reported by the next `at`, before anything is changed.
                let _ = own.lock().await.renew().await;
            }
        });
        Ok(Keepalive { inner, task })
    }

    /// Call this before every step that changes something. `step` is shown to commands that wait for
    /// the lock.
    ///
    /// # Errors
    /// The lock is lost; nothing may be changed any more.
    pub(crate) async fn at(&self, step: &str) -> Result<(), Failure> {
        let mut inner = self.inner.lock().await;
        step.clone_into(&mut inner.step);
        inner.renew().await
    }

    /// Records the number of the release that the lock is held for.
    pub(crate) async fn name_release(&self, number: u64) {
        if let Some(guard) = &mut self.inner.lock().await.guard {
            guard.name_release(number);
        }
    }

    /// Releases the lock after the work under it. If the work failed, that failure is returned and
    /// a lock that cannot be released expires by itself.
    ///
    /// # Errors
    /// The work failed; or the lock was lost before, or the store does not answer.
    pub(crate) async fn release<T>(self, done: Result<T, Failure>) -> Result<T, Failure> {
        // Waits for a renewal that is in progress.
        let guard = self.inner.lock().await.guard.take();
        let released = match guard {
            Some(guard) => guard.release().await,
            None => Ok(()),
        };
        let done = done?;
        released?;
        Ok(done)
    }

    /// Stops renewing the lock without releasing it, because its store is about to be deleted.
    pub(crate) async fn abandon(self) {
        self.inner.lock().await.guard = None;
    }
}

impl Drop for Keepalive {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Inner {
    async fn renew(&mut self) -> Result<(), Failure> {
        if let Some(lost) = &self.lost {
            return Err(lost.clone().into());
        }
        let Some(guard) = &mut self.guard else {
            return Ok(());
        };
        let renewed = guard.renew(&self.step).await;
        if let Err(lost) = &renewed {
            self.lost = Some(lost.clone());
        }
        Ok(renewed?)
    }
}
