//! The identity of this process as a holder of the lock, and whether another holder's process has
//! ended.

use rules::release::lease::Holder;
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

/// This process, which runs `command`, for example `landfall up`.
pub(crate) fn this(command: &str) -> Holder {
    let user = ["USER", "LOGNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|user| !user.is_empty()))
        .unwrap_or_else(|| format!("uid {}", rustix::process::getuid().as_raw()));
    let host = rustix::system::uname();
    let host = host.nodename().to_string_lossy();
    Holder {
        who: format!("{user}@{host}"),
        pid: std::process::id(),
        command: command.to_owned(),
        machine: machine(),
    }
}

/// Identifies the process table: the boot of the kernel
/// (<https://www.kernel.org/doc/html/latest/admin-guide/sysctl/kernel.html#random>) and the PID
/// namespace (<https://man7.org/linux/man-pages/man7/pid_namespaces.7.html>). [`None`] without
/// /proc.
fn machine() -> Option<String> {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let namespace = std::fs::read_link("/proc/self/ns/pid").ok()?;
    Some(format!("{} {}", boot.trim(), namespace.display()))
}

/// Whether the holder's process is known to have ended: it had the same process table as this
/// process, and no process has its ID. `false` if the holder is elsewhere, or its ID was given to
/// another process.
pub(super) fn is_dead(holder: &Holder) -> bool {
    let is_here = holder.machine.is_some() && holder.machine == machine();
    let pid = i32::try_from(holder.pid).ok().and_then(Pid::from_raw);
    is_here && pid.is_some_and(|pid| test_kill_process(pid) == Err(Errno::SRCH))
}
