//! The command's process.

use crate::function::Place;
use crate::log::{Log, Stream};
use rules::edge_contract::runtime_api;
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

/// What is left of the output when the process is gone is in a pipe. A process that it left behind may
/// hold that open for ever.
const OUTPUT_WITHIN: Duration = Duration::from_millis(500);

/// What to run.
#[derive(Debug)]
pub(crate) struct Command {
    words: Vec<OsString>,
}

impl Command {
    /// The program and its arguments.
    pub(crate) fn new(words: Vec<OsString>) -> Command {
        Command { words }
    }
}

/// A process.
#[derive(Debug)]
pub(crate) struct Child {
    pid: Pid,
    end: watch::Receiver<Option<String>>,
}

impl Child {
    /// Starts the command with all of this environment, and where the Runtime API is.
    pub(crate) fn start(
        command: &Command,
        place: &Place,
        api: SocketAddr,
        log: &Arc<Log>,
    ) -> std::io::Result<Child> {
        let mut words = command.words.iter();
        let program = words
            .next()
            .ok_or_else(|| std::io::Error::other("no command"))?;
        let mut process = std::process::Command::new(program)
            .args(words)
            .envs(place.told())
            .env(runtime_api::VARIABLE, api.to_string())
            .envs(place.emulator().map(|url| (secrets_loader::ENDPOINT, url)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let pid = i32::try_from(process.id()).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| std::io::Error::other("the process has no number"))?;
        let (done, passed) = sync_channel(2);
        if let Some(out) = process.stdout.take() {
            log.pass(Stream::Out, out, done.clone());
        }
        if let Some(err) = process.stderr.take() {
            log.pass(Stream::Err, err, done);
        }
        let (tell, end) = watch::channel(None);
        std::thread::spawn(move || {
            let status = process.wait();
            let how = status.map_or_else(|error| error.to_string(), how);
            for _ in [Stream::Out, Stream::Err] {
                let _ = passed.recv_timeout(OUTPUT_WITHIN);
            }
            tell.send_replace(Some(how));
        });
        Ok(Child { pid, end })
    }

    /// How it ended; [`None`] while it runs.
    pub(crate) fn ended(&self) -> Option<String> {
        self.end.borrow().clone()
    }

    /// Waits for its end, and says how it ended.
    pub(crate) async fn wait(&self) -> String {
        let mut end = self.end.clone();
        let found = end.wait_for(Option::is_some).await;
        found
            .ok()
            .and_then(|how| how.clone())
            .unwrap_or_else(|| "nobody saw it end".to_owned())
    }

    /// Ends it: SIGTERM, and after `grace` SIGKILL.
    pub(crate) async fn stop(&self, grace: Duration) -> String {
        self.signal(Signal::TERM);
        if let Ok(how) = tokio::time::timeout(grace, self.wait()).await {
            return how;
        }
        self.signal(Signal::KILL);
        self.wait().await
    }

    fn signal(&self, signal: Signal) {
        // Its number may be another's once it has been waited for.
        if self.ended().is_none() {
            let _ = rustix::process::kill_process(self.pid, signal);
        }
    }
}

/// As AWS words it.
fn how(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(9)) => "signal: killed".to_owned(),
        (None, Some(signal)) => format!("signal: {signal}"),
        (None, None) => status.to_string(),
    }
}
