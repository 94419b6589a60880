//! A proxy with its app, started for one measurement and stopped after it.

use crate::client::Client;
use crate::process;
use crate::proxies::{Program, Programs, Proxy, Setting};
use rustix::process::{Pid, Signal};
use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Timeout of everything that starts or ends here.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long a process may take to end after SIGKILL.
const AFTERMATH: Duration = Duration::from_secs(5);
/// Interval in which that is checked.
const LOOK: Duration = Duration::from_millis(2);

/// The app behind a proxy.
#[derive(Debug, Clone)]
pub(crate) struct App {
    program: PathBuf,
    arguments: Vec<OsString>,
    port: u16,
}

impl App {
    /// A program that listens on `port`.
    pub(crate) fn program(path: &str, port: u16) -> Result<App, String> {
        let program = std::fs::canonicalize(path).map_err(|error| format!("{path}: {error}"))?;
        Ok(App {
            program,
            arguments: Vec::new(),
            port,
        })
    }

    /// The counting app: `percent` of its answers are 500, and it listens after `start`.
    pub(crate) fn counting(percent: u32, start: Duration) -> Result<App, String> {
        let program = std::fs::canonicalize("/proc/self/exe").map_err(|error| error.to_string())?;
        let [port] = free_ports()?;
        let arguments = [
            "app".to_owned(),
            port.to_string(),
            percent.to_string(),
            start.as_millis().to_string(),
        ];
        Ok(App {
            program,
            arguments: arguments.into_iter().map(OsString::from).collect(),
            port,
        })
    }

    fn address(&self) -> SocketAddr {
        at(self.port)
    }

    fn command(&self) -> Vec<OsString> {
        let program = std::iter::once(self.program.clone().into_os_string());
        program.chain(self.arguments.iter().cloned()).collect()
    }

    fn start(&self) -> Result<Child, String> {
        Command::new(&self.program)
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("can't start {}: {error}", self.program.display()))
    }
}

/// A running proxy with its app. Dropping it ends both.
#[derive(Debug)]
pub(crate) struct Stage {
    proxy: Child,
    /// [`None`] behind the edge, which starts the app itself.
    app_child: Option<Child>,
    app: App,
    pub(crate) address: SocketAddr,
    /// The edge's health endpoint.
    pub(crate) private: Option<SocketAddr>,
    directory: tempfile::TempDir,
}

impl Stage {
    /// Starts both, and waits until the app answers through the proxy.
    pub(crate) fn start(
        proxy: &Proxy,
        programs: &Programs,
        app: &App,
        lead: Duration,
    ) -> Result<Stage, String> {
        // The previous app's threads may end a moment after its process.
        let end = Instant::now() + AFTERMATH;
        while TcpStream::connect(app.address()).is_ok() {
            let port = app.port;
            if Instant::now() > end {
                return Err(format!(
                    "something listens on port {port} already, where the app has to; stop it first"
                ));
            }
            thread::sleep(LOOK);
        }
        let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
        let errors = File::create(directory.path().join("stderr")).map_err(|e| e.to_string())?;
        let [listen, private] = free_ports()?;
        let setting = Setting {
            listen,
            private,
            app: app.port,
            app_command: &app.command(),
            lead_ms: lead.as_millis() as u64,
            directory: directory.path(),
        };
        let mut command = proxy.command(programs, &setting)?;
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(errors);
        let is_edge = proxy.program == Program::Edge;
        let app_child = if is_edge { None } else { Some(app.start()?) };
        let child = command
            .spawn()
            .map_err(|error| format!("can't start {}: {error}", proxy.name))?;
        let mut stage = Stage {
            proxy: child,
            app_child,
            app: app.clone(),
            address: at(listen),
            private: is_edge.then(|| at(private)),
            directory,
        };
        stage.read_its_log()?;
        stage.wait_until_ready().map_err(|why| {
            let told = std::fs::read_to_string(stage.directory.path().join("stderr"));
            format!("{}: {why}\n{}", proxy.name, told.unwrap_or_default())
        })?;
        Ok(stage)
    }

    /// Reads the proxy's log like a container runtime, so that logging costs what it costs there.
    fn read_its_log(&mut self) -> Result<(), String> {
        let mut log = self.proxy.stdout.take().ok_or("no stdout")?;
        let read = move || {
            let mut piece = vec![0; 64 * 1024];
            while matches!(log.read(&mut piece), Ok(1..)) {}
        };
        let thread = thread::Builder::new().spawn(read);
        thread.map(drop).map_err(|error| error.to_string())
    }

    fn wait_until_ready(&mut self) -> Result<(), String> {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Ok(Some(status)) = self.proxy.try_wait() {
                return Err(format!("it ended with {status}"));
            }
            let is_well = self.private.is_none_or(|_| self.health() == Some(200));
            if is_well && self.is_passed_on() {
                return Ok(());
            }
            if Instant::now() > end {
                return Err(format!("no answer within {} s", PATIENCE.as_secs()));
            }
            thread::sleep(LOOK);
        }
    }

    /// Whether the app answers, and its answer (not one of the proxy's own) arrives through the
    /// proxy.
    fn is_passed_on(&self) -> bool {
        let get = |address| Client::connect(address).and_then(|mut client| client.get("/"));
        match (get(self.app.address()), get(self.address)) {
            (Ok(own), Ok(passed)) => {
                // Some proxies replace the app's errors by pages of their own.
                let is_same = passed.status <= 500 && own.body.is_empty() == passed.body.is_empty();
                own.status >= 500 || is_same
            }
            _ => false,
        }
    }

    /// The status of the edge's health endpoint.
    pub(crate) fn health(&self) -> Option<u16> {
        let mut client = Client::connect(self.private?).ok()?;
        client
            .get("/.landfall/health")
            .ok()
            .map(|answer| answer.status)
    }

    /// The count of the counting app.
    pub(crate) fn count(&self) -> Result<u64, String> {
        let answer = Client::connect(self.app.address()).and_then(|mut c| c.get("/count"));
        let answer =
            answer.map_err(|error| format!("the counting app does not answer: {error}"))?;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        text.parse().map_err(|_| format!("not a count: {text}"))
    }

    /// The proxy's processes without the app's.
    pub(crate) fn proxy_pids(&self) -> Vec<u32> {
        let mut pids = process::family(self.proxy.id());
        pids.retain(|pid| !process::runs(*pid, &self.app.program));
        pids
    }

    pub(crate) fn cpu(&self) -> Duration {
        self.proxy_pids().into_iter().map(process::cpu).sum()
    }

    pub(crate) fn memory(&self) -> u64 {
        self.proxy_pids().into_iter().map(process::memory).sum()
    }

    /// Kills the app. Behind a proxy that does not supervise it, starts a new one at once.
    pub(crate) fn kill_app(&mut self) -> Result<(), String> {
        if let Some(mut child) = self.app_child.take() {
            child.kill().map_err(|error| error.to_string())?;
            child.wait().map_err(|error| error.to_string())?;
            self.app_child = Some(self.app.start()?);
            return Ok(());
        }
        for pid in process::family(self.proxy.id()) {
            if process::runs(pid, &self.app.program) {
                signal(pid, Signal::KILL);
            }
        }
        Ok(())
    }

    /// Sends SIGTERM, like a container runtime.
    pub(crate) fn terminate(&self) {
        signal(self.proxy.id(), Signal::TERM);
    }

    /// Waits for the proxy to end; whether it did in time.
    pub(crate) fn has_ended(&mut self) -> bool {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if matches!(self.proxy.try_wait(), Ok(Some(_))) {
                return true;
            }
            thread::sleep(LOOK);
        }
        false
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let family = process::family(self.proxy.id());
        // The process id of a process that was waited for may belong to another one.
        if matches!(self.proxy.try_wait(), Ok(None)) {
            family.iter().for_each(|pid| signal(*pid, Signal::KILL));
            let _ = self.proxy.wait();
        }
        if let Some(mut app) = self.app_child.take() {
            let _ = app.kill();
            let _ = app.wait();
        }
        let end = Instant::now() + AFTERMATH;
        while family.iter().any(|pid| process::is_alive(*pid)) && Instant::now() < end {
            thread::sleep(LOOK);
        }
    }
}

fn at(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

fn free_ports<const N: usize>() -> Result<[u16; N], String> {
    let mut taken = Vec::new();
    let mut ports = [0; N];
    for port in &mut ports {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
        *port = listener
            .local_addr()
            .map_err(|error| error.to_string())?
            .port();
        taken.push(listener);
    }
    Ok(ports)
}

fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // It may have ended a moment ago.
        let _ = rustix::process::kill_process(pid, signal);
    }
}
