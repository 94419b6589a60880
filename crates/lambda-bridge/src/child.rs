//! The command's process.

use crate::function::FunctionContext;
use crate::log_forwarder::{LogForwarder, Stream};
use edge_contract::runtime_api;
use rules::release::secrets_loader;
use rustix::process::{Pid, Signal};
use std::ffi::OsString;
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;
use tokio::sync::watch;

/// How long the rest of the output may take. Usually it is in the pipe already, but a process that
/// was left behind may keep the pipe open.
const OUTPUT_TIMEOUT: Duration = Duration::from_millis(500);

/// The command that the bridge runs.
#[derive(Debug)]
pub(crate) struct Command {
    words: Vec<OsString>,
}

impl Command {
    /// From the program and its arguments.
    pub(crate) fn new(words: Vec<OsString>) -> Command {
        Command { words }
    }
}

/// The running command.
#[derive(Debug)]
pub(crate) struct Child {
    pid: Pid,
    end: watch::Receiver<Option<String>>,
}

impl Child {
    /// Starts the command with this process's environment, the variables of Lambda, and the address
    /// of the Runtime API.
    pub(crate) fn start(
        command: &Command,
        function: &FunctionContext,
        api: SocketAddr,
        log: &Arc<LogForwarder>,
    ) -> std::io::Result<Child> {
        let mut words = command.words.iter();
        let program = words
            .next()
            .ok_or_else(|| std::io::Error::other("no command"))?;
        let mut process = std::process::Command::new(program)
            .args(words)
            .envs(function.lambda_variables())
            .env(runtime_api::VARIABLE, api.to_string())
            .envs(
                function
                    .emulator_url()
                    .map(|url| (secrets_loader::ENDPOINT, url)),
            )
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let pid = i32::try_from(process.id()).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| std::io::Error::other("the process has no id"))?;
        let (done, passed) = sync_channel(2);
        if let Some(out) = process.stdout.take() {
            log.forward(Stream::Out, out, done.clone());
        }
        if let Some(err) = process.stderr.take() {
            log.forward(Stream::Err, err, done);
        }
        let (sender, end) = watch::channel(None);
        std::thread::spawn(move || {
            let status = process.wait();
            let how = status.map_or_else(|error| error.to_string(), how);
            for _ in [Stream::Out, Stream::Err] {
                let _ = passed.recv_timeout(OUTPUT_TIMEOUT);
            }
            sender.send_replace(Some(how));
        });
        Ok(Child { pid, end })
    }

    /// How it ended; [`None`] while it runs.
    pub(crate) fn ended(&self) -> Option<String> {
        self.end.borrow().clone()
    }

    /// Waits for its end; returns how it ended.
    pub(crate) async fn wait(&self) -> String {
        let mut end = self.end.clone();
        let found = end.wait_for(Option::is_some).await;
        found
            .ok()
            .and_then(|how| how.clone())
            .unwrap_or_else(|| "its exit status is unknown".to_owned())
    }

    /// Stops it with SIGTERM, and after `grace` with SIGKILL; returns how it ended.
    pub(crate) async fn stop(&self, grace: Duration) -> String {
        self.signal(Signal::TERM);
        if let Ok(how) = tokio::time::timeout(grace, self.wait()).await {
            return how;
        }
        self.signal(Signal::KILL);
        self.wait().await
    }

    fn signal(&self, signal: Signal) {
        // After it has been waited for, its id may belong to another process.
        if self.ended().is_none() {
            let _ = rustix::process::kill_process(self.pid, signal);
        }
    }
}

/// In the words of AWS.
fn how(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(9)) => "signal: killed".to_owned(),
        (None, Some(signal)) => format!("signal: {signal}"),
        (None, None) => status.to_string(),
    }
}
