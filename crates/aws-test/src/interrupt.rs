//! Ctrl-C and SIGTERM: the command that runs is told to stop in order, and this program goes on to remove everything.

use rustix::process::{Pid, Signal, kill_process};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use tokio::runtime::Handle;
use tokio::signal::unix::{SignalKind, signal};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);
/// The command that may be interrupted; 0 if there is none.
static COMMAND: AtomicI32 = AtomicI32::new(0);

/// Handles both signals from now on.
///
/// # Errors
/// They cannot be handled.
pub(crate) fn handle(runtime: &Handle) -> Result<(), String> {
    let _guard = runtime.enter();
    for kind in [SignalKind::interrupt(), SignalKind::terminate()] {
        let mut signals = signal(kind).map_err(|error| error.to_string())?;
        runtime.spawn(async move {
            while signals.recv().await.is_some() {
                eprintln!("aws-test: interrupted; everything that was created is removed now");
                INTERRUPTED.store(true, Ordering::SeqCst);
                interrupt_command();
            }
        });
    }
    Ok(())
}

/// Whether a signal has come.
pub(crate) fn is_interrupted() -> bool {
    INTERRUPTED.load(Ordering::SeqCst)
}

/// A command that is interrupted with this program, until the result is dropped.
pub(crate) struct Interruptible;

impl Interruptible {
    pub(crate) fn new(pid: u32) -> Interruptible {
        COMMAND.store(i32::try_from(pid).unwrap_or(0), Ordering::SeqCst);
        // The signal may have come before this.
        if is_interrupted() {
            interrupt_command();
        }
        Interruptible
    }
}

impl Drop for Interruptible {
    fn drop(&mut self) {
        COMMAND.store(0, Ordering::SeqCst);
    }
}

fn interrupt_command() {
    if let Some(pid) = Pid::from_raw(COMMAND.load(Ordering::SeqCst)) {
        // It fails if the command has just ended.
        let _ = kill_process(pid, Signal::INT);
    }
}
