//! Processes of tests: waiting, signals, and programs of other packages.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// A step that takes longer than this has failed.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Polls until `look` returns a value.
///
/// # Panics
/// There is none within [`PATIENCE`]; the message has `what` and the text of `context`.
pub fn until<T>(
    what: &str,
    mut look: impl FnMut() -> Option<T>,
    context: impl Fn() -> String,
) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = look() {
            return value;
        }
        assert!(Instant::now() < end, "timed out: {what}\n{}", context());
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Sends a signal to a process.
///
/// # Panics
/// There is no such process.
pub fn signal(pid: u32, name: &str) {
    let status = Command::new("kill")
        .arg(format!("-{name}"))
        .arg(pid.to_string())
        .status();
    assert!(
        status.is_ok_and(|status| status.success()),
        "kill -{name} {pid}"
    );
}

/// The program `name` of another package, in the target folder where `own` is: a path from
/// `CARGO_BIN_EXE_*`, which exists for programs of the test's own package only.
///
/// # Panics
/// It has not been built; the message has the command that builds it.
pub fn sibling(own: &str, package: &str, name: &str) -> PathBuf {
    let path = Path::new(own).with_file_name(name);
    assert!(
        path.is_file(),
        "{} is missing: build it with `cargo build --package {package}`",
        path.display()
    );
    path
}
