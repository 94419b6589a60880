//! PID 1: starts the app, starts it again, passes signals on, buries the dead, and ends in order.

use crate::edge::{Edge, Farewell, Wish};
use crate::policy::drain::{self, DrainSeen, Phase};
use crate::policy::listening;
use crate::policy::monotonic::Moment;
use crate::policy::restart::{Exit, RestartPolicy, Restarts, Step};
use crate::process::{self, AppCommand, Process};
use rules::time::readable;
use rustix::process::Signal;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

/// Exit code for an app that never answered: what `sysexits.h` calls unavailable.
const NEVER_READY: u8 = 69;
/// Exit code for an edge that users cannot reach: the same as for one that cannot listen.
const LOST: u8 = 71;
/// After SIGKILL a process is gone at once, unless the kernel is stuck.
const KILLED_WITHIN: Duration = Duration::from_secs(2);

/// Signals that mean something to the app and nothing to the edge.
const PASSED_ON: [(SignalKind, Signal); 5] = [
    (SignalKind::hangup(), Signal::HUP),
    (SignalKind::user_defined1(), Signal::USR1),
    (SignalKind::user_defined2(), Signal::USR2),
    (SignalKind::quit(), Signal::QUIT),
    (SignalKind::window_change(), Signal::WINCH),
];

/// The app as it is at present.
#[derive(Debug)]
enum App {
    Runs { process: Process, started: Moment },
    StartsAt(Moment),
    Ended,
}

#[derive(Debug)]
pub(crate) struct Supervisor {
    edge: Arc<Edge>,
    command: AppCommand,
    app: App,
    restarts: Restarts,
    is_hurried: bool,
    /// Set when the end was not asked for.
    failure: Option<u8>,
    was_killed: bool,
}

/// All signals that arrive.
struct Signals {
    child: Stream,
    terminate: Stream,
    interrupt: Stream,
    others: tokio::sync::mpsc::Receiver<Signal>,
}

impl Signals {
    fn listen() -> std::io::Result<Signals> {
        let (passed, others) = tokio::sync::mpsc::channel(16);
        for (kind, name) in PASSED_ON {
            let mut stream = signal(kind)?;
            let passed = passed.clone();
            tokio::spawn(async move {
                while stream.recv().await.is_some() && passed.send(name).await.is_ok() {}
            });
        }
        Ok(Signals {
            child: signal(SignalKind::child())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            others,
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

    /// Runs the app until the end; returns the exit code of the container.
    pub(crate) async fn run(mut self) -> std::io::Result<u8> {
        let mut signals = Signals::listen()?;
        process::adopt_orphans();
        let mut connections = self.edge.connections.changes();
        let mut wishes = self.edge.wish.subscribe();
        loop {
            self.start_if_due();
            self.kill_if_due();
            self.give_up_if_overdue();
            self.advance();
            let phase = *self.edge.phase.borrow();
            if phase == Phase::Gone {
                break;
            }
            let look_at = self.look_at(phase);
            tokio::select! {
                _ = signals.child.recv() => self.bury(),
                _ = signals.terminate.recv() => self.end("SIGTERM", phase.is_draining()),
                _ = signals.interrupt.recv() => self.end("SIGINT", true),
                Some(signal) = signals.others.recv() => self.pass_on(signal),
                Ok(()) = wishes.changed() => {
                    let wish = wishes.borrow_and_update().clone();
                    self.grant(&wish);
                }
                () = sleep_until(&self.edge, look_at) => {}
                _ = connections.changed(), if matches!(phase, Phase::Ending { .. }) => {}
            }
        }
        self.kill_what_is_left(&mut signals.child).await;
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
        match process::start(&self.command, self.edge.settings.output, &self.edge.console) {
            Ok(process) => {
                self.app = App::Runs {
                    process,
                    started: now,
                }
            }
            Err(error) => {
                let code = process::not_started(&error);
                let program = self.command.program.display();
                self.fail(code, Some(code), &format!("can't start {program}: {error}"));
            }
        }
    }

    /// For development: sees to it that there is something to ride through.
    fn kill_if_due(&self) {
        if let (App::Runs { process, started }, Some(after)) =
            (&self.app, self.edge.settings.faults.kill_every)
            && started.plus(after) <= self.edge.clock.now()
        {
            process.kill_all();
        }
    }

    /// Does what another part of the edge asks for.
    fn grant(&mut self, wish: &Wish) {
        match (wish, &self.app) {
            (Wish::Renewal, App::Runs { process, .. }) => {
                self.edge
                    .console
                    .say("the app let an invocation run out of time; killing it");
                process.kill_all();
            }
            (Wish::End(why), app) if self.failure.is_none() => {
                if let App::Runs { process, .. } = app {
                    process.kill_all();
                }
                self.fail(LOST, None, why);
            }
            _ => {}
        }
    }

    /// Buries every child that has ended; one of them may be the app.
    fn bury(&mut self) {
        for ended in process::reap() {
            if matches!(&self.app, App::Runs { process, .. } if process.pid() == ended.pid) {
                self.app_ended(ended.exit);
            }
        }
    }

    fn app_ended(&mut self, exit: Exit) {
        let App::Runs { process, started } = std::mem::replace(&mut self.app, App::Ended) else {
            return;
        };
        let now = self.edge.clock.now();
        self.edge.gate.close();
        self.edge.app.forget();
        process.kill_all();
        if matches!(
            *self.edge.phase.borrow(),
            Phase::StoppingApp { .. } | Phase::Gone
        ) {
            process.wait_for_output();
            return;
        }
        let ready = self.edge.gate.last_answer().filter(|at| *at >= started);
        let ran = readable(now.since(started));
        match self.restarts.ended(started, ready, now) {
            Step::Start(wait) => {
                self.edge.ledger.restarted(self.restarts.total());
                let when = if wait.is_zero() {
                    "starting it again".to_owned()
                } else {
                    format!("starting it again in {}", readable(wait))
                };
                self.edge
                    .console
                    .say(&format!("the app ended after {ran} with {exit}; {when}"));
                self.app = App::StartsAt(now.plus(wait));
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

    /// An app that does not answer for too long after its start is not coming.
    fn give_up_if_overdue(&mut self) {
        let App::Runs { process, started } = &self.app else {
            return;
        };
        let now = self.edge.clock.now();
        let limit = self.edge.settings.start;
        let has_answered = self
            .edge
            .gate
            .last_answer()
            .is_some_and(|at| at >= *started);
        let is_draining = self.edge.phase.borrow().is_draining();
        if has_answered || is_draining || now.since(*started) < limit {
            return;
        }
        // Before it is killed: where it listens instead is part of the answer.
        let hint = hint(&self.edge);
        process.kill_all();
        let address = self.edge.settings.app;
        let within = readable(limit);
        if self.edge.gate.seen(false).was_ready {
            let text = format!("the app has not answered on {address} within {within}; killing it");
            return self.edge.console.say(&text);
        }
        process.wait_for_output();
        self.app = App::Ended;
        self.fail(
            NEVER_READY,
            None,
            &format!("the app has not answered on {address} within {within} of its start{hint}"),
        );
    }

    /// Ends the container for a reason that nobody has asked for.
    fn fail(&mut self, code: u8, exit: Option<u8>, why: &str) {
        let console = &self.edge.console;
        console.say(why);
        let lines = console.last_lines();
        if !lines.is_empty() {
            console.say(&format!(
                "the last lines of the app:\n  {}",
                lines.join("\n  ")
            ));
        }
        let farewell = Farewell {
            why: why.to_owned(),
            exit,
            lines,
        };
        self.edge.farewell.send_replace(Some(farewell));
        self.app = App::Ended;
        self.failure = Some(code);
        self.begin_drain();
    }

    /// Somebody asks for the end.
    fn end(&mut self, signal: &str, is_hurried: bool) {
        self.is_hurried |= is_hurried;
        if !self.edge.phase.borrow().is_draining() {
            self.edge.console.say(&format!("{signal}: draining"));
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

    /// Goes on to the next phases, each with its effect.
    fn advance(&mut self) {
        loop {
            let before = *self.edge.phase.borrow();
            let seen = DrainSeen {
                connections: self.edge.connections.open(),
                app_runs: !matches!(self.app, App::Ended),
                hurry: self.is_hurried,
            };
            let now = self.edge.clock.now();
            let after = drain::next(before, &self.edge.settings.drain, &seen, now);
            if after == before {
                return;
            }
            self.edge.phase.send_replace(after);
            match (after, &self.app) {
                (Phase::StoppingApp { .. }, App::Runs { process, .. }) => {
                    process.signal(Signal::TERM);
                }
                (Phase::StoppingApp { .. }, App::StartsAt(_)) => self.app = App::Ended,
                _ => {}
            }
        }
    }

    fn pass_on(&self, signal: Signal) {
        if let App::Runs { process, .. } = &self.app {
            process.signal(signal);
        }
    }

    /// The next moment at which something may be due.
    fn look_at(&self, phase: Phase) -> Option<Moment> {
        let app = match &self.app {
            App::StartsAt(at) => Some(*at),
            App::Runs { started, .. } => {
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

    async fn kill_what_is_left(&mut self, child: &mut Stream) {
        let App::Runs { process, .. } = &self.app else {
            return;
        };
        let within = readable(self.edge.settings.drain.stop);
        self.edge.console.say(&format!(
            "the app has not ended within {within} of SIGTERM; killing it"
        ));
        self.was_killed = true;
        process.kill_all();
        let until = self.edge.clock.now().plus(KILLED_WITHIN);
        while matches!(self.app, App::Runs { .. }) && self.edge.clock.now() < until {
            tokio::select! {
                _ = child.recv() => {}
                () = sleep_until(&self.edge, Some(until)) => {}
            }
            self.bury();
        }
    }
}

async fn sleep_until(edge: &Edge, moment: Option<Moment>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(edge.clock.instant(moment)).await,
        None => std::future::pending().await,
    }
}

/// Where somebody listens instead, as far as `/proc` tells.
pub(crate) fn hint(edge: &Edge) -> String {
    let mut ports: Vec<u16> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .into_iter()
        .filter_map(|path| std::fs::read_to_string(path).ok())
        .flat_map(|text| listening::ports(&text))
        .collect();
    let settings = &edge.settings;
    let own = [
        Some(settings.listen.port()),
        settings.private_listen.map(|a| a.port()),
    ];
    ports.retain(|port| !own.contains(&Some(*port)));
    ports.sort_unstable();
    ports.dedup();
    match ports.as_slice() {
        [] => "; nothing else listens in this container".to_owned(),
        ports => format!("; there are listeners on {ports:?}"),
    }
}
