//! PID 1: starts the app and restarts it, forwards signals, reaps children, shuts down cleanly.

use crate::edge::{Edge, ShutdownReason, SupervisorRequest};
use crate::policy::drain::{self, DrainObservation, Phase};
use crate::policy::monotonic::Monotonic;
use crate::policy::restart::{Exit, RestartPolicy, Restarts, Step};
use crate::port_hint::port_hint;
use crate::process::{self, AppCommand, Process};
use edge_contract::time::readable;
use rustix::process::Signal;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{Signal as SignalStream, SignalKind, signal};

/// Exit code for an app that never answered: `EX_UNAVAILABLE` of `sysexits.h`.
const NEVER_READY: u8 = 69;
/// Exit code for an edge that can receive no requests: the same as when it cannot listen.
const CANT_SERVE: u8 = 71;
/// After SIGKILL a process ends at once, unless the kernel is stuck.
const KILL_TIMEOUT: Duration = Duration::from_secs(2);

/// Signals that the edge only forwards to the app.
const FORWARDED: [(SignalKind, Signal); 5] = [
    (SignalKind::hangup(), Signal::HUP),
    (SignalKind::user_defined1(), Signal::USR1),
    (SignalKind::user_defined2(), Signal::USR2),
    (SignalKind::quit(), Signal::QUIT),
    (SignalKind::window_change(), Signal::WINCH),
];

#[derive(Debug)]
enum App {
    Running {
        process: Process,
        started: Monotonic,
    },
    StartsAt(Monotonic),
    Ended,
}

#[derive(Debug)]
pub(crate) struct Supervisor {
    edge: Arc<Edge>,
    command: AppCommand,
    app: App,
    restarts: Restarts,
    is_hurried: bool,
    /// The exit code, if no signal asked for the shutdown.
    failure: Option<u8>,
    was_killed: bool,
}

/// The signals that arrive.
struct Signals {
    child: SignalStream,
    terminate: SignalStream,
    interrupt: SignalStream,
    forwarded: tokio::sync::mpsc::Receiver<Signal>,
}

impl Signals {
    fn listen() -> std::io::Result<Signals> {
        let (sender, forwarded) = tokio::sync::mpsc::channel(16);
        for (kind, name) in FORWARDED {
            let mut stream = signal(kind)?;
            let sender = sender.clone();
            tokio::spawn(async move {
                while stream.recv().await.is_some() && sender.send(name).await.is_ok() {}
            });
        }
        Ok(Signals {
            child: signal(SignalKind::child())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            forwarded,
        })
    }
}

impl Supervisor {
    pub(crate) fn new(edge: Arc<Edge>, command: AppCommand) -> Supervisor {
        let restarts = Restarts::new(RestartPolicy::up_to(edge.settings.restarts));
        let app = App::StartsAt(edge.clock.now());
        Supervisor {
            edge,
            command,
            app,
            restarts,
            is_hurried: false,
            failure: None,
            was_killed: false,
        }
    }

    /// Runs the app until the shutdown is complete; returns the exit code of the container.
    pub(crate) async fn run(mut self) -> std::io::Result<u8> {
        let mut signals = Signals::listen()?;
        process::become_subreaper();
        let mut closings = self.edge.connections.closings();
        let mut requests = self.edge.supervisor_request.subscribe();
        loop {
            self.start_if_due();
            self.kill_if_due();
            self.give_up_if_overdue();
            self.advance_phase();
            let phase = *self.edge.phase.borrow();
            if phase == Phase::Done {
                break;
            }
            let next_check = self.next_check(phase);
            tokio::select! {
                _ = signals.child.recv() => self.reap_children(),
                _ = signals.terminate.recv() => {
                    self.shut_down("SIGTERM", phase.is_draining());
                }
                _ = signals.interrupt.recv() => self.shut_down("SIGINT", true),
                Some(signal) = signals.forwarded.recv() => self.forward(signal),
                Ok(()) = requests.changed() => {
                    let request = requests.borrow_and_update().clone();
                    self.handle(&request);
                }
                () = sleep_until(&self.edge, next_check) => {}
                _ = closings.changed(), if matches!(phase, Phase::Draining { .. }) => {}
            }
        }
        self.kill_remaining(&mut signals.child).await;
        Ok(self.failure.unwrap_or(if self.was_killed {
            Exit::Signal(9).code()
        } else {
            0
        }))
    }

    fn start_if_due(&mut self) {
        let now = self.edge.clock.now();
        if !matches!(self.app, App::StartsAt(at) if at <= now) {
            return;
        }
        match process::start(&self.command, self.edge.settings.output, &self.edge.stdio) {
            Ok(process) => {
                self.app = App::Running {
                    process,
                    started: now,
                }
            }
            Err(error) => {
                let code = process::exit_code_of_failed_start(&error);
                let program = self.command.program.display();
                self.fail(code, Some(code), &format!("can't start {program}: {error}"));
            }
        }
    }

    /// For development: kills the app at intervals, so that restarts can be watched.
    fn kill_if_due(&self) {
        if let (App::Running { process, started }, Some(after)) =
            (&self.app, self.edge.settings.faults.kill_every)
            && started.plus(after) <= self.edge.clock.now()
        {
            process.kill_group();
        }
    }

    fn handle(&mut self, request: &SupervisorRequest) {
        match (request, &self.app) {
            (SupervisorRequest::RestartApp, App::Running { process, .. }) => {
                self.edge
                    .stdio
                    .log("the app used up the time of an invocation; killing it");
                process.kill_group();
            }
            (SupervisorRequest::Shutdown(why), app) if self.failure.is_none() => {
                if let App::Running { process, .. } = app {
                    process.kill_group();
                }
                self.fail(CANT_SERVE, None, why);
            }
            _ => {}
        }
    }

    /// Collects the exit status of every child that has ended; one of them may be the app.
    fn reap_children(&mut self) {
        for exited in process::reap() {
            if matches!(&self.app, App::Running { process, .. } if process.pid() == exited.pid) {
                self.app_ended(exited.exit);
            }
        }
    }

    fn app_ended(&mut self, exit: Exit) {
        let App::Running { process, started } = std::mem::replace(&mut self.app, App::Ended) else {
            return;
        };
        let now = self.edge.clock.now();
        self.edge.readiness.mark_down();
        self.edge.app.close_all();
        process.kill_group();
        if matches!(
            *self.edge.phase.borrow(),
            Phase::StoppingApp { .. } | Phase::Done
        ) {
            process.wait_for_output();
            return;
        }
        let ready = self
            .edge
            .readiness
            .last_answer()
            .filter(|at| *at >= started);
        let ran = readable(now.since(started));
        match self.restarts.ended(started, ready, now) {
            Step::Start(pause) => {
                self.edge.counters.set_restarts(self.restarts.total());
                let when = if pause.is_zero() {
                    "starting it again".to_owned()
                } else {
                    format!("starting it again in {}", readable(pause))
                };
                self.edge
                    .stdio
                    .log(&format!("the app ended after {ran} with {exit}; {when}"));
                self.app = App::StartsAt(now.plus(pause));
            }
            Step::GiveUp => {
                process.wait_for_output();
                self.fail(
                    exit.code(),
                    Some(exit.code()),
                    &format!("the app ended after {ran} with {exit}; giving up"),
                );
            }
        }
    }

    /// Gives up on an app that has not answered within the time it may take to start.
    fn give_up_if_overdue(&mut self) {
        let App::Running { process, started } = &self.app else {
            return;
        };
        let now = self.edge.clock.now();
        let limit = self.edge.settings.start;
        let has_answered = self
            .edge
            .readiness
            .last_answer()
            .is_some_and(|at| at >= *started);
        let is_draining = self.edge.phase.borrow().is_draining();
        if has_answered || is_draining || now.since(*started) < limit {
            return;
        }
        // Before it is killed: the message contains the ports that it listens on instead.
        let hint = port_hint(&self.edge.settings);
        process.kill_group();
        let address = self.edge.settings.app;
        let within = readable(limit);
        if self.edge.readiness.observation(false).was_ready {
            let text = format!("the app has not answered on {address} within {within}; killing it");
            return self.edge.stdio.log(&text);
        }
        process.wait_for_output();
        self.app = App::Ended;
        self.fail(
            NEVER_READY,
            None,
            &format!("the app has not answered on {address} within {within} of its start{hint}"),
        );
    }

    /// Shuts down although no signal asked for it.
    fn fail(&mut self, code: u8, exit: Option<u8>, message: &str) {
        let stdio = &self.edge.stdio;
        stdio.log(message);
        let lines = stdio.last_lines();
        if !lines.is_empty() {
            stdio.log(&format!(
                "the last lines of the app:\n  {}",
                lines.join("\n  ")
            ));
        }
        let reason = ShutdownReason {
            message: message.to_owned(),
            exit,
            lines,
        };
        self.edge.shutdown_reason.send_replace(Some(reason));
        self.app = App::Ended;
        self.failure = Some(code);
        self.begin_drain();
    }

    /// Shuts down because of a signal; in a hurry, the lead time is skipped.
    fn shut_down(&mut self, signal: &str, is_hurried: bool) {
        self.is_hurried |= is_hurried;
        if !self.edge.phase.borrow().is_draining() {
            self.edge.stdio.log(&format!("{signal}: draining"));
            self.begin_drain();
        }
    }

    fn begin_drain(&self) {
        let now = self.edge.clock.now();
        let policy = self.edge.settings.drain;
        self.edge.phase.send_if_modified(|phase| {
            let is_first = !phase.is_draining();
            if is_first {
                *phase = drain::begin(&policy, now);
            }
            is_first
        });
    }

    /// Enters the phases that are due, and does what each of them requires.
    fn advance_phase(&mut self) {
        loop {
            let before = *self.edge.phase.borrow();
            let observation = DrainObservation {
                connections: self.edge.connections.count(),
                app_runs: !matches!(self.app, App::Ended),
                hurry: self.is_hurried,
            };
            let now = self.edge.clock.now();
            let after = drain::next(before, &self.edge.settings.drain, &observation, now);
            if after == before {
                return;
            }
            self.edge.phase.send_replace(after);
            match (after, &self.app) {
                (Phase::StoppingApp { .. }, App::Running { process, .. }) => {
                    process.signal(Signal::TERM);
                }
                (Phase::StoppingApp { .. }, App::StartsAt(_)) => self.app = App::Ended,
                _ => {}
            }
        }
    }

    fn forward(&self, signal: Signal) {
        if let App::Running { process, .. } = &self.app {
            process.signal(signal);
        }
    }

    /// When something may be due next.
    fn next_check(&self, phase: Phase) -> Option<Monotonic> {
        let app = match &self.app {
            App::StartsAt(at) => Some(*at),
            App::Running { started, .. } => {
                let until = started.plus(self.edge.settings.start);
                let kill = self.edge.settings.faults.kill_every;
                [Some(until), kill.map(|after| started.plus(after))]
                    .into_iter()
                    .flatten()
                    .filter(|until| *until > self.edge.clock.now())
                    .min()
            }
            App::Ended => None,
        };
        app.into_iter().chain(phase.until()).min()
    }

    async fn kill_remaining(&mut self, child: &mut SignalStream) {
        let App::Running { process, .. } = &self.app else {
            return;
        };
        let within = readable(self.edge.settings.drain.stop);
        self.edge.stdio.log(&format!(
            "the app has not ended within {within} of SIGTERM; killing it"
        ));
        self.was_killed = true;
        process.kill_group();
        let until = self.edge.clock.now().plus(KILL_TIMEOUT);
        while matches!(self.app, App::Running { .. }) && self.edge.clock.now() < until {
            tokio::select! {
                _ = child.recv() => {}
                () = sleep_until(&self.edge, Some(until)) => {}
            }
            self.reap_children();
        }
    }
}

async fn sleep_until(edge: &Edge, at: Option<Monotonic>) {
    match at {
        Some(at) => tokio::time::sleep_until(edge.clock.instant(at)).await,
        None => std::future::pending().await,
    }
}
