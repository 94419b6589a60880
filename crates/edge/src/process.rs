//! The app's process, and all others that PID 1 has to answer for.

use crate::console::{Console, Passing, Stream};
use crate::policy::restart::Exit;
use crate::policy::settings::Output;
use rules::edge_contract::env_vars::PREFIX;
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus};
use std::ffi::OsString;
use std::io::IsTerminal;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What is left of the output when its processes are gone is in a pipe: reading it takes no time.
const OUTPUT_WITHIN: Duration = Duration::from_secs(1);

/// The image's own command: ENTRYPOINT and CMD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppCommand {
    /// The program, looked up in `PATH` unless it has a slash.
    pub program: OsString,
    /// Its arguments.
    pub arguments: Vec<OsString>,
}

/// A process of the app.
#[derive(Debug)]
pub(crate) struct Process {
    pid: Pid,
    outputs: Vec<Passing>,
}

/// A child that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) pid: Pid,
    pub(crate) exit: Exit,
}

/// Exit code for a program that could not be started. Shells use these, and people know them.
pub(crate) fn not_started(error: &std::io::Error) -> u8 {
    match error.kind() {
        std::io::ErrorKind::NotFound => 127,
        _ => 126,
    }
}

/// The command with all of the environment but the edge's.
fn prepare(command: &AppCommand) -> Command {
    let mut prepared = Command::new(&command.program);
    prepared.args(&command.arguments);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with(PREFIX) {
            prepared.env_remove(name);
        }
    }
    prepared
}

/// Becomes the command: what comes back is the exit code of a command that could not be started, and why.
pub fn become_command(command: &AppCommand) -> (u8, String) {
    let error = prepare(command).exec();
    let program = command.program.display();
    (
        not_started(&error),
        format!("can't start {program}: {error}"),
    )
}

/// Starts the app in a process group of its own, with all of the environment but the edge's.
///
/// Must not run at the same time as [`reap`]: `spawn` waits for a child that could not be started.
pub(crate) fn start(
    command: &AppCommand,
    output: Output,
    console: &Console,
) -> std::io::Result<Process> {
    let mut app = prepare(command);
    app.process_group(0);
    // On a terminal the app is to see one: colours, and lines as they come.
    let pipe_out = output == Output::Pipe && !std::io::stdout().is_terminal();
    let pipe_err = output == Output::Pipe && !std::io::stderr().is_terminal();
    app.stdout(if pipe_out {
        Stdio::piped()
    } else {
        Stdio::inherit()
    });
    app.stderr(if pipe_err {
        Stdio::piped()
    } else {
        Stdio::inherit()
    });
    let mut child = app.spawn()?;
    let mut outputs = Vec::new();
    outputs.extend(
        child
            .stdout
            .take()
            .map(|out| console.pass(Stream::Out, out)),
    );
    outputs.extend(
        child
            .stderr
            .take()
            .map(|err| console.pass(Stream::Err, err)),
    );
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or_else(|| std::io::Error::other("the process has no number"))?;
    Ok(Process { pid, outputs })
}

impl Process {
    pub(crate) fn pid(&self) -> Pid {
        self.pid
    }

    /// Sends a signal to the app itself, as the container runtime would without the edge.
    pub(crate) fn signal(&self, signal: Signal) {
        // It may have ended just now; then there is nobody to be told.
        let _ = rustix::process::kill_process(self.pid, signal);
    }

    /// Kills it and whatever it has started. Workers that outlive it would keep its port.
    pub(crate) fn kill_all(&self) {
        let _ = rustix::process::kill_process_group(self.pid, Signal::KILL);
    }

    /// Waits until all of its output has been passed on.
    pub(crate) fn wait_for_output(&self) {
        let until = Instant::now() + OUTPUT_WITHIN;
        for output in &self.outputs {
            output.wait(until);
        }
    }
}

/// Collects every child that has ended: as PID 1 also those that others have left behind.
pub(crate) fn reap() -> Vec<Ended> {
    let mut all = Vec::new();
    while let Ok(Some((pid, status))) = rustix::process::wait(WaitOptions::NOHANG) {
        all.extend(exit_of(status).map(|exit| Ended { pid, exit }));
    }
    all
}

fn exit_of(status: WaitStatus) -> Option<Exit> {
    let code = status.exit_status().map(Exit::Code);
    code.or_else(|| status.terminating_signal().map(Exit::Signal))
}

/// Sees to it that neither this process nor anything that it starts gets more rights: programs that are
/// setuid, or whose files have capabilities, run without those.
///
/// To be called before there are other threads: it holds for the calling one and all that it starts.
///
/// # Errors
/// The kernel does not know it (before Linux 3.5), or a filter forbids it.
pub fn renounce_privileges() -> std::io::Result<()> {
    Ok(rustix::thread::set_no_new_privs(true)?)
}

/// Has orphans handed to this process even if it is not PID 1.
pub(crate) fn adopt_orphans() {
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
}
