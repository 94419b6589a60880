//! Keeps the release lock for as long as a command works.

use crate::failure::Failure;
use crate::lock::lease_guard::holder::this;
use crate::lock::lease_guard::{LeaseGuard, LeaseLost};
use crate::report::Report;
use crate::store::Store;
use infra::Interrupt;
use rules::release::ledger::LEASE_KEY;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

/// How often the lease is looked after while the command waits for something else.
const RENEW_EVERY: Duration = Duration::from_secs(5);

/// The lock, renewed until it is given back.
pub(crate) struct Keepalive {
    inner: Arc<Mutex<Inner>>,
    task: JoinHandle<()>,
}

struct Inner {
    hold: Option<LeaseGuard>,
    step: String,
    lost: Option<LeaseLost>,
}

impl Keepalive {
    /// Takes the lock.
    ///
    /// # Errors
    /// Somebody holds it, or the store does not answer.
    pub(crate) async fn take(
        store: &Store,
        command: &str,
        report: &Report,
        interrupt: &Interrupt,
    ) -> Result<Keepalive, Failure> {
        let mut interrupt = interrupt.clone();
        let holder = this(command);
        let teller = report.clone();
        let mut tell = |text: String| teller.note(text);
        let step = "beginning".to_owned();
        let hold =
            LeaseGuard::take(store, LEASE_KEY, holder, &step, &mut interrupt, &mut tell).await?;
        let inner = Arc::new(Mutex::new(Inner {
            hold: Some(hold),
            step,
            lost: None,
        }));
        let own = Arc::clone(&inner);
        let task = tokio::spawn(async move {
            loop {
                tokio::time::sleep(RENEW_EVERY).await;
                // What is lost is told by the next `at`, before anything is done.
                let _ = own.lock().await.renew().await;
            }
        });
        Ok(Keepalive { inner, task })
    }

    /// To be called before everything that changes something: `step` is what others get to read.
    ///
    /// # Errors
    /// The lock is lost; nothing may be changed any more.
    pub(crate) async fn at(&self, step: &str) -> Result<(), Failure> {
        let mut inner = self.inner.lock().await;
        step.clone_into(&mut inner.step);
        inner.renew().await
    }

    /// Says which release the lock is held for.
    pub(crate) async fn name_release(&self, number: u64) {
        if let Some(hold) = &mut self.inner.lock().await.hold {
            hold.name_release(number);
        }
    }

    /// Gives the lock back after what was done under it. If that failed, its failure is what matters: a
    /// lock that cannot be given back runs out.
    ///
    /// # Errors
    /// What was done failed; or the lock was lost before, or the store does not answer.
    pub(crate) async fn end<T>(self, done: Result<T, Failure>) -> Result<T, Failure> {
        // A renewal in work comes to its end first.
        let hold = self.inner.lock().await.hold.take();
        let released = match hold {
            Some(hold) => hold.release().await,
            None => Ok(()),
        };
        let done = done?;
        released?;
        Ok(done)
    }

    /// Renews it no more, and leaves it where it is: what it lies in is about to be removed.
    pub(crate) async fn leave(self) {
        self.inner.lock().await.hold = None;
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
        let Some(hold) = &mut self.hold else {
            return Ok(());
        };
        let done = hold.renew(&self.step).await;
        if let Err(lost) = &done {
            self.lost = Some(lost.clone());
        }
        Ok(done?)
    }
}
