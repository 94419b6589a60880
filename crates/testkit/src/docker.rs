//! Docker, for what a test needs beside landfall.

use std::process::Command;

/// Runs `docker` with these arguments.
///
/// # Panics
/// It is not there, or fails.
pub fn docker(arguments: &[&str]) {
    let done = Command::new("docker")
        .args(arguments)
        .output()
        .expect("docker runs");
    let complaint = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "docker {arguments:?}: {complaint}");
}
