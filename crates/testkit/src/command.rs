//! A landfall command: its events while it runs, and its exit code.

use rules::event::{Event, Line};
use rules::release::{Outcome, Step};
use rules::time::Timestamp;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

/// A running command.
pub struct Running {
    child: Child,
    out: BufReader<ChildStdout>,
    seen: Vec<Event>,
    at: Vec<Timestamp>,
    words: String,
}

/// What a command printed, and how it ended.
#[derive(Debug)]
pub struct CommandOutput {
    /// Its exit code; also 0 if a signal ended it, see [`CommandOutput::killed`].
    pub code: i32,
    /// Whether a signal ended it.
    pub killed: bool,
    /// Its events.
    pub events: Vec<Event>,
    /// The time of each event.
    pub at: Vec<Timestamp>,
    /// The command line and its standard error, for messages.
    pub words: String,
}

impl Running {
    /// Starts a command that prints events.
    ///
    /// # Panics
    /// It cannot be started.
    pub fn start(command: Command) -> Running {
        Running::begin(command, None)
    }

    /// Starts a command that prints events, with `input` on its standard input.
    ///
    /// # Panics
    /// It cannot be started, or does not read its input.
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

    /// Reads events until one is as `wanted`.
    ///
    /// # Panics
    /// The command ends before that.
    pub fn wait_for(&mut self, what: &str, wanted: impl Fn(&Event) -> bool) {
        loop {
            match self.next() {
                Some(event) if wanted(&event) => return,
                Some(_) => {}
                None => panic!("{} ended without {what}: {:#?}", self.words, self.seen),
            }
        }
    }

    /// Reads events until the next step of a release; [`None`] if the command ends before that.
    pub fn next_step(&mut self) -> Option<Step> {
        loop {
            if let Event::Step { step } = self.next()? {
                return Some(step);
            }
        }
    }

    /// The events that were read so far.
    pub fn events(&self) -> &[Event] {
        &self.seen
    }

    fn next(&mut self) -> Option<Event> {
        let mut text = String::new();
        self.out
            .read_line(&mut text)
            .expect("its output can be read");
        // A kill can cut off the last line.
        if !text.ends_with('\n') {
            return None;
        }
        let line: Line = serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("no event ({error}): {text}"));
        self.seen.push(line.event.clone());
        self.at.push(line.at);
        Some(line.event)
    }

    /// Its process ID.
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

    /// Sends SIGKILL after this time, unless the command has ended by then.
    ///
    /// # Panics
    /// It prints something other than events.
    pub fn kill_after(mut self, after: Duration) -> CommandOutput {
        let pid = rustix::process::Pid::from_child(&self.child);
        let (ended, has_ended) = std::sync::mpsc::channel::<()>();
        // The command is waited for only after this thread has ended, so its process ID is not reused.
        let killer = std::thread::spawn(move || {
            if has_ended.recv_timeout(after) == Err(RecvTimeoutError::Timeout) {
                // It fails if the command has just ended.
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
        });
        while self.next().is_some() {}
        drop(ended);
        killer.join().expect("the killer");
        self.end()
    }

    /// Waits until the command ends.
    ///
    /// # Panics
    /// It prints something other than events.
    pub fn end(mut self) -> CommandOutput {
        while self.next().is_some() {}
        let mut stderr = String::new();
        if let Some(mut err) = self.child.stderr.take() {
            err.read_to_string(&mut stderr)
                .expect("its stderr can be read");
        }
        let status = self.child.wait().expect("it ended");
        CommandOutput {
            code: status.code().unwrap_or(0),
            killed: status.code().is_none(),
            events: self.seen,
            at: self.at,
            words: format!("{}\n{stderr}", self.words),
        }
    }
}

impl CommandOutput {
    /// Checks the exit code.
    ///
    /// # Panics
    /// The exit code is another one.
    #[must_use]
    #[track_caller]
    pub fn expect(self, exit: rules::exit::Exit) -> CommandOutput {
        assert_eq!(
            self.code,
            i32::from(exit.code()),
            "{}\n{:#?}",
            self.words,
            self.events
        );
        self
    }

    /// The values that `pick` returns for the events.
    pub fn all<T>(&self, pick: impl Fn(&Event) -> Option<T>) -> Vec<T> {
        self.events.iter().filter_map(pick).collect()
    }

    /// The steps of its release, each with the time of the decision.
    pub fn steps(&self) -> Vec<(Timestamp, Step)> {
        let step = |(event, at): (&Event, &Timestamp)| match event {
            Event::Step { step } => Some((*at, step.clone())),
            _ => None,
        };
        self.events.iter().zip(&self.at).filter_map(step).collect()
    }

    /// The value that `pick` returns for exactly one event.
    ///
    /// # Panics
    /// `pick` returns a value for no event, or for several.
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

    /// The address that the command reported.
    ///
    /// # Panics
    /// It reported none, or several.
    #[track_caller]
    pub fn address(&self) -> String {
        self.one("address", |event| match event {
            Event::Url { url } => Some(url.clone()),
            _ => None,
        })
    }

    /// How the command's release ended.
    ///
    /// # Panics
    /// No release ended, or several.
    #[track_caller]
    pub fn outcome(&self) -> Outcome {
        self.one("outcome", |event| match event {
            Event::Step {
                step: Step::Finished { outcome },
            } => Some(outcome.clone()),
            _ => None,
        })
    }

    /// The text of the failure: what failed, why, and what to do next.
    ///
    /// # Panics
    /// The command did not fail.
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
