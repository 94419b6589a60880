//! A landfall command as a test sees it: its events while it runs, and how it ended.

use rules::event::{Event, Line};
use rules::release::Step;
use rules::time::Timestamp;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

/// A command that runs.
pub struct Running {
    child: Child,
    out: BufReader<ChildStdout>,
    seen: Vec<Event>,
    at: Vec<Timestamp>,
    words: String,
}

/// A command that ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code; 0 as well if a signal ended it, see [`Ended::killed`].
    pub code: i32,
    /// Whether a signal ended it.
    pub killed: bool,
    /// Everything it said.
    pub events: Vec<Event>,
    /// When it said each of them.
    pub at: Vec<Timestamp>,
    /// The command line and its standard error, for messages.
    pub words: String,
}

impl Running {
    /// Starts `command`, which is to print events.
    ///
    /// # Panics
    /// It cannot be started.
    pub fn start(command: Command) -> Running {
        Running::begin(command, None)
    }

    /// The same, with this on its standard input.
    ///
    /// # Panics
    /// It cannot be started, or does not read.
    pub fn start_with(command: Command, input: &str) -> Running {
        Running::begin(command, Some(input))
    }

    fn begin(mut command: Command, input: Option<&str>) -> Running {
        let words = format!("{command:?}");
        let mut child = command
            .stdin(match input {
                Some(_) => Stdio::piped(),
                None => Stdio::null(),
            })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{words}: {error}"));
        if let (Some(text), Some(mut to)) = (input, child.stdin.take()) {
            to.write_all(text.as_bytes()).expect("it reads");
        }
        let out = BufReader::new(child.stdout.take().expect("piped"));
        Running {
            child,
            out,
            seen: Vec::new(),
            at: Vec::new(),
            words,
        }
    }

    /// Reads on until an event is as `wanted`.
    ///
    /// # Panics
    /// The command ends before.
    pub fn wait_for(&mut self, what: &str, wanted: impl Fn(&Event) -> bool) {
        loop {
            match self.next() {
                Some(event) if wanted(&event) => return,
                Some(_) => {}
                None => panic!("{} ended without {what}: {:#?}", self.words, self.seen),
            }
        }
    }

    /// Reads on until it says that it takes its next step; [`None`] once it has ended.
    pub fn next_step(&mut self) -> Option<Step> {
        loop {
            if let Event::Step { step } = self.next()? {
                return Some(step);
            }
        }
    }

    /// Everything it has said so far.
    pub fn events(&self) -> &[Event] {
        &self.seen
    }

    fn next(&mut self) -> Option<Event> {
        let mut text = String::new();
        self.out
            .read_line(&mut text)
            .expect("its output can be read");
        // What a kill has cut off is no line.
        if !text.ends_with('\n') {
            return None;
        }
        let line: Line = serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("no event ({error}): {text}"));
        self.seen.push(line.event.clone());
        self.at.push(line.at);
        Some(line.event)
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    ///
    /// # Panics
    /// The process is gone.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).expect("the command runs");
    }

    /// SIGKILL after this time, unless it has ended by then; reads meanwhile what it says.
    ///
    /// # Panics
    /// Its output is no event.
    pub fn kill_after(mut self, after: Duration) -> Ended {
        let pid = rustix::process::Pid::from_child(&self.child);
        let (ended, has_ended) = std::sync::mpsc::channel::<()>();
        // It is not waited for before this thread has ended: the pid is its own all the while.
        let killer = std::thread::spawn(move || {
            if has_ended.recv_timeout(after) == Err(RecvTimeoutError::Timeout) {
                // A process that has just ended can't be killed, and need not be.
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
        });
        while self.next().is_some() {}
        drop(ended);
        killer.join().expect("the killer");
        self.end()
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// Its output is no event.
    pub fn end(mut self) -> Ended {
        while self.next().is_some() {}
        let mut complaints = String::new();
        if let Some(mut err) = self.child.stderr.take() {
            err.read_to_string(&mut complaints)
                .expect("its complaints can be read");
        }
        let status = self.child.wait().expect("it ended");
        Ended {
            code: status.code().unwrap_or(0),
            killed: status.code().is_none(),
            events: self.seen,
            at: self.at,
            words: format!("{}\n{complaints}", self.words),
        }
    }
}

impl Ended {
    /// Checks the exit code.
    ///
    /// # Panics
    /// It is another one.
    #[must_use]
    #[track_caller]
    pub fn expect(self, exit: rules::exit::Exit) -> Ended {
        assert_eq!(
            self.code,
            i32::from(exit.code()),
            "{}\n{:#?}",
            self.words,
            self.events
        );
        self
    }

    /// What `pick` takes from each event.
    pub fn all<T>(&self, pick: impl Fn(&Event) -> Option<T>) -> Vec<T> {
        self.events.iter().filter_map(pick).collect()
    }

    /// The steps of its release, each with the time at which it was decided on.
    pub fn steps(&self) -> Vec<(Timestamp, Step)> {
        let step = |(event, at): (&Event, &Timestamp)| match event {
            Event::Step { step } => Some((*at, step.clone())),
            _ => None,
        };
        self.events.iter().zip(&self.at).filter_map(step).collect()
    }

    /// What `pick` takes from the one event that it takes something from.
    ///
    /// # Panics
    /// There is none, or more than one.
    #[track_caller]
    pub fn one<T>(&self, what: &str, pick: impl Fn(&Event) -> Option<T>) -> T {
        let mut all = self.all(pick);
        assert_eq!(
            all.len(),
            1,
            "one {what} in {:#?}\n{}",
            self.events,
            self.words
        );
        all.remove(0)
    }

    /// The failure's text: what, why and what next.
    ///
    /// # Panics
    /// It did not fail.
    #[track_caller]
    pub fn failure(&self) -> String {
        self.one("failure", |event| match event {
            Event::Failed { what, why, next } => {
                Some(format!("{what}\n{}\n{}", why.join("\n"), next.join("\n")))
            }
            _ => None,
        })
    }
}
