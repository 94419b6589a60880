//! Docker commands of tests.

use std::process::Command;

/// Runs `docker` with these arguments.
///
/// # Panics
/// Docker is not installed, or the command fails.
pub fn docker(arguments: &[&str]) {
    let done = Command::new("docker")
        .args(arguments)
        .output()
        .expect("docker runs");
    let stderr = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "docker {arguments:?}: {stderr}");
}
