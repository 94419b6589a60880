//! Refreshes the view between events, and removes it on a panic.

use super::{Printer, Report, now};
use rustix::process::{Signal, getpid, kill_process};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::MissedTickBehavior;

/// How often the view is refreshed without events: for clocks, the spinner and the terminal's size.
const TICK: Duration = Duration::from_millis(125);

/// Longer than a paint takes.
const SOON: Duration = Duration::from_millis(200);

impl Report {
    /// Refreshes the view regularly. Call it once, within the runtime: it is a task that ends with it. It
    /// paints under the printer's lock, and skips a tick while that is held.
    pub(crate) fn animate(&self) {
        let printer = Arc::clone(&self.printer);
        let has_view = |printer: &Mutex<Printer>| {
            let printer = printer.lock().unwrap_or_else(PoisonError::into_inner);
            printer.view.is_some()
        };
        if !has_view(&printer) {
            return;
        }
        let stop = SignalKind::from_raw(Signal::TSTP.as_raw());
        // Without it, the view only comes back in the wrong place after Ctrl-Z and `fg`.
        let mut stop = signal(stop).ok();
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(TICK);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
            loop {
                let stop = async {
                    match &mut stop {
                        Some(stop) => stop.recv().await,
                        None => std::future::pending().await,
                    }
                };
                let is_to_stop = tokio::select! {
                    biased;
                    _ = stop => true,
                    _ = ticks.tick() => false,
                };
                let mut locked = printer.try_lock().ok();
                let view = locked.as_mut().and_then(|printer| printer.view.as_mut());
                match view {
                    // The shell gets the terminal without the view.
                    Some(view) if is_to_stop => view.step_aside(),
                    Some(view) => view.refresh(now()),
                    None => {}
                }
                if is_to_stop {
                    // The default action of Ctrl-Z. Nothing paints in between: the lock is held.
                    let _ = kill_process(getpid(), Signal::STOP);
                }
            }
        });
    }

    /// Removes the view on a panic, whose message is printed at any time; from then on only lines are
    /// printed.
    pub(super) fn give_way_to_panics(&self) {
        let printer = Arc::downgrade(&self.printer);
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let printer = printer.upgrade();
            let locked = printer.as_deref().and_then(lock_soon);
            if let Some(mut printer) = locked {
                printer.do_without_view();
            }
            previous(panic);
        }));
    }
}

/// The lock, unless it is held for long: the panicking thread itself may hold it.
fn lock_soon(printer: &Mutex<Printer>) -> Option<MutexGuard<'_, Printer>> {
    let deadline = Instant::now() + SOON;
    loop {
        match printer.try_lock() {
            Ok(printer) => return Some(printer),
            Err(TryLockError::Poisoned(poisoned)) => return Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) if Instant::now() >= deadline => return None,
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(1)),
        }
    }
}
