//! Who this process is to others, and whether another one is gone.

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

/// Which process table this is: the boot of the kernel
/// (<https://www.kernel.org/doc/html/latest/admin-guide/sysctl/kernel.html#random>) and the namespace in
/// it (<https://man7.org/linux/man-pages/man7/pid_namespaces.7.html>). [`None`] where there is no /proc.
fn machine() -> Option<String> {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let namespace = std::fs::read_link("/proc/self/ns/pid").ok()?;
    Some(format!("{} {}", boot.trim(), namespace.display()))
}

/// Whether the holder's process was looked for where it has to be and is not there. If it counts in
/// another process table, or its number has been given to another process, that is not known.
pub(super) fn is_dead(holder: &Holder) -> bool {
    let is_here = holder.machine.is_some() && holder.machine == machine();
    let pid = i32::try_from(holder.pid).ok().and_then(Pid::from_raw);
    is_here && pid.is_some_and(|pid| test_kill_process(pid) == Err(Errno::SRCH))
}
