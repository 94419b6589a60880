//! The app's process, and all other children of PID 1.

use crate::policy::restart::Exit;
use crate::policy::settings::Output;
use crate::stdio::{Forwarding, Stdio, Stream};
use edge_contract::env_vars::PREFIX;
use edge_contract::runtime_api;
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus};
use std::ffi::OsString;
use std::io::IsTerminal;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::{Duration, Instant};

/// Once the processes are gone, the rest of their output is in a pipe: reading it takes no time.
const OUTPUT_TIMEOUT: Duration = Duration::from_secs(1);

/// The image's own command: ENTRYPOINT and CMD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppCommand {
    /// The program, looked up in `PATH` unless it contains a slash.
    pub program: OsString,
    /// Its arguments.
    pub arguments: Vec<OsString>,
}

/// The running app.
#[derive(Debug)]
pub(crate) struct Process {
    pid: Pid,
    outputs: Vec<Forwarding>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ExitedChild {
    pub(crate) pid: Pid,
    pub(crate) exit: Exit,
}

/// The exit code that a shell uses for a program that cannot be started.
pub(crate) fn exit_code_of_failed_start(error: &std::io::Error) -> u8 {
    match error.kind() {
        std::io::ErrorKind::NotFound => 127,
        _ => 126,
    }
}

/// The command with the whole environment except the edge's variables.
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

/// Replaces this process by the command. Returns only if that fails: the exit code, and why.
pub fn exec_command(command: &AppCommand) -> (u8, String) {
    let error = prepare(command).exec();
    let program = command.program.display();
    (
        exit_code_of_failed_start(&error),
        format!("can't start {program}: {error}"),
    )
}

/// Starts the app in a process group of its own, with the whole environment except the edge's
/// variables.
///
/// Must not run at the same time as [`reap`]: `spawn` waits for a child that could not be started.
pub(crate) fn start(
    command: &AppCommand,
    output: Output,
    stdio: &Stdio,
) -> std::io::Result<Process> {
    let pipe_unless = |is_terminal: bool| {
        // On a terminal the app should see one: it then writes colours, and each line at once.
        match output == Output::Pipe && !is_terminal {
            true => std::process::Stdio::piped(),
            false => std::process::Stdio::inherit(),
        }
    };
    let mut child = prepare(command)
        // Only the edge asks for invocations; libraries take an app that sees the address for a function.
        .env_remove(runtime_api::VARIABLE)
        .process_group(0)
        .stdout(pipe_unless(std::io::stdout().is_terminal()))
        .stderr(pipe_unless(std::io::stderr().is_terminal()))
        .spawn()?;
    let out = child.stdout.take();
    let err = child.stderr.take();
    let outputs = out
        .map(|out| stdio.forward(Stream::Out, out))
        .into_iter()
        .chain(err.map(|err| stdio.forward(Stream::Err, err)))
        .collect();
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or_else(|| std::io::Error::other("the process has no id"))?;
    Ok(Process { pid, outputs })
}

impl Process {
    pub(crate) fn pid(&self) -> Pid {
        self.pid
    }

    /// Signals the app's first process only, as a container runtime would.
    pub(crate) fn signal(&self, signal: Signal) {
        // It may have ended a moment ago; then there is nothing to signal.
        let _ = rustix::process::kill_process(self.pid, signal);
    }

    /// Kills the app and everything it has started. Workers that outlive it would keep its port.
    pub(crate) fn kill_group(&self) {
        let _ = rustix::process::kill_process_group(self.pid, Signal::KILL);
    }

    /// Waits until all of its output has been forwarded.
    pub(crate) fn wait_for_output(&self) {
        let until = Instant::now() + OUTPUT_TIMEOUT;
        for output in &self.outputs {
            output.wait(until);
        }
    }
}

/// Collects every child that has ended, orphans of other processes included.
pub(crate) fn reap() -> Vec<ExitedChild> {
    let mut all = Vec::new();
    while let Ok(Some((pid, status))) = rustix::process::wait(WaitOptions::NOHANG) {
        all.extend(exit_of(status).map(|exit| ExitedChild { pid, exit }));
    }
    all
}

fn exit_of(status: WaitStatus) -> Option<Exit> {
    let code = status.exit_status().map(Exit::Code);
    code.or_else(|| status.terminating_signal().map(Exit::Signal))
}

/// Sets no-new-privileges (`prctl(2)`) for this thread and everything it starts: programs with
/// setuid or with file capabilities run without them. Call this before any other thread starts.
///
/// # Errors
/// The kernel lacks it (before Linux 3.5), or a seccomp filter forbids it.
pub fn set_no_new_privileges() -> std::io::Result<()> {
    Ok(rustix::thread::set_no_new_privs(true)?)
}

/// Makes orphans children of this process, even if it is not PID 1.
pub(crate) fn become_subreaper() {
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
}
