//! The view on a real terminal: the terminal is always left in its original state.

use rustix::process::Signal;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Termios, Winsize, tcgetattr, tcsetwinsize};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::num::NonZero;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant, SystemTime};

/// Limit of every wait; the example itself takes seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// A terminal, and the example on it.
struct Stage {
    keyboard: File,
    output: Receiver<Vec<u8>>,
    screen: vt100::Parser,
    child: Child,
}

impl Stage {
    fn of(what: &str, columns: u16, lines: u16) -> Stage {
        let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&terminal).expect("it is ours");
        unlockpt(&terminal).expect("it can be opened");
        let name = ptsname(&terminal, Vec::new()).expect("it has a name");
        let path = Path::new(OsStr::from_bytes(name.to_bytes())).to_owned();
        let side = || {
            let opened = File::options().read(true).write(true).open(&path);
            Stdio::from(opened.expect("the other side"))
        };
        tcsetwinsize(&terminal, size(columns, lines)).expect("a size");
        let child = Command::new(example())
            .arg(what)
            .env("TERM", "xterm-256color")
            .env_remove("NO_COLOR")
            .env_remove("RUST_BACKTRACE")
            .stdin(side())
            .stdout(side())
            .stderr(side())
            .spawn()
            .expect("the example starts");
        let keyboard = File::from(terminal);
        let mut reader = keyboard.try_clone().expect("a second handle");
        let (sender, output) = channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // Reading fails once the other side is closed.
            while let Ok(count) = reader.read(&mut bytes) {
                if sender.send(bytes[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        let number = |number| NonZero::new(number).expect("a size");
        Stage {
            keyboard,
            output,
            screen: vt100::Parser::new(number(lines), number(columns), 0),
            child,
        }
    }

    fn modes(&self) -> Termios {
        tcgetattr(&self.keyboard).expect("a terminal has modes")
    }

    fn resize(&mut self, columns: u16, lines: u16) {
        let number = |number| NonZero::new(number).expect("a size");
        self.screen
            .screen_mut()
            .set_size(number(lines), number(columns));
        tcsetwinsize(&self.keyboard, size(columns, lines)).expect("another size");
    }

    fn text(&self) -> String {
        self.screen.screen().contents()
    }

    /// Reads until the screen shows what is expected.
    fn wait_for(&mut self, what: &str, wanted: impl Fn(&str) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !wanted(&self.text()) {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.output.recv_timeout(left) {
                Ok(bytes) => self.screen.process(&bytes),
                Err(_) => panic!("no {what} on the screen:\n{}", self.text()),
            }
        }
    }

    fn signal(&self, signal: Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).expect("the example runs");
    }

    /// Reads to the end of the example.
    fn end(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.output.recv_timeout(left) {
                Ok(bytes) => self.screen.process(&bytes),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("no end:\n{}", self.text()),
            }
        }
        self.child.wait().expect("it ended")
    }

    /// Checks that the terminal is in its original state.
    #[track_caller]
    fn is_tidy(&self) {
        let screen = self.screen.screen();
        assert!(!screen.hide_cursor(), "the cursor is hidden");
        assert!(
            !screen.alternate_screen(),
            "the screen is not the first one"
        );
        let (_, column) = screen.cursor_position();
        assert_eq!(
            column,
            0,
            "the prompt would not begin a line:\n{}",
            self.text()
        );
        let left = ["⠹", "⢸", "⣰", "⣤", "⣆", "⡇", "⠏", "⠛"]
            .into_iter()
            .find(|frame| self.text().contains(frame));
        assert_eq!(left, None, "a view is left:\n{}", self.text());
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // It has exited already unless the test fails.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn size(columns: u16, lines: u16) -> Winsize {
    Winsize {
        ws_row: lines,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    }
}

/// Built with all tests, next to the binary. Cargo does not rebuild it when a single test is
/// chosen, and an old one must not be tested.
fn example() -> PathBuf {
    let binary = Path::new(env!("CARGO_BIN_EXE_landfall"));
    let example = binary.with_file_name("examples").join("view");
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut newest = changed(&here.join("examples/view.rs"));
    let mut sources = vec![here.join("src/report.rs"), here.join("src/report")];
    while let Some(source) = sources.pop() {
        if source.is_dir() {
            let entries = std::fs::read_dir(&source).expect("a directory");
            sources.extend(entries.map(|entry| entry.expect("an entry").path()));
        } else if source.extension().is_some_and(|kind| kind == "rs") {
            newest = newest.max(changed(&source));
        }
    }
    assert!(
        changed(&example) >= newest,
        "{} is missing or old: `cargo build -p landfall --example view` makes it",
        example.display()
    );
    example
}

/// When a file was changed; [`None`] for a missing one.
fn changed(path: &Path) -> Option<SystemTime> {
    path.metadata().and_then(|about| about.modified()).ok()
}

/// Whether a line outside the view is on the screen.
fn shows(line: &'static str) -> impl Fn(&str) -> bool {
    move |screen| screen.lines().any(|other| other.trim_end() == line)
}

#[test]
fn ctrl_c_restores_the_terminal() {
    let mut stage = Stage::of("live", 80, 24);
    let before = format!("{:?}", stage.modes());
    stage.wait_for("a view", |screen| screen.contains("p50 · p99"));
    assert_eq!(
        format!("{:?}", stage.modes()),
        before,
        "Ctrl-C must stay a signal, and lines lines"
    );
    stage.signal(Signal::INT);
    assert_eq!(stage.end().code(), Some(130));
    stage.is_tidy();
    let text = stage.text();
    assert!(text.contains("stopping gracefully …"), "{text}");
    assert!(
        text.contains("live  0:0"),
        "the last sample is printed:\n{text}"
    );
}

#[test]
fn a_view_follows_the_size_of_its_terminal() {
    let mut stage = Stage::of("live", 60, 24);
    stage.wait_for("a view", |screen| screen.contains("p50 · p99"));
    for (columns, lines) in [(120, 30), (44, 20), (200, 50), (80, 6)] {
        stage.resize(columns, lines);
        stage.wait_for("picture of that width", |screen| {
            let bar = |line: &str| line.contains('█').then(|| line.trim_end().chars().count());
            let widest = usize::from(columns.min(80)) - 1;
            screen.lines().find_map(bar).is_some_and(|width| {
                // A single column is 60 cells at most.
                (widest - 12..=widest).contains(&width)
            })
        });
    }
    stage.signal(Signal::INT);
    stage.end();
    stage.is_tidy();
}

#[test]
fn the_view_is_hidden_during_a_question() {
    let mut stage = Stage::of("ask", 80, 24);
    stage.wait_for("a question", |screen| screen.ends_with("[y/N] "));
    let text = stage.text();
    assert_eq!(
        text.trim_end(),
        "apply this plan? [y/N]",
        "nothing else is there"
    );
    stage.keyboard.write_all(b"y\n").expect("a key is typed");
    stage.wait_for("answer", shows("  the answer was true"));
    assert!(stage.end().success());
    stage.is_tidy();
}

#[test]
fn a_panic_can_be_read() {
    let mut stage = Stage::of("panic", 80, 24);
    assert!(stage.end().success());
    stage.is_tidy();
    let text = stage.text();
    assert!(text.contains("a panic for show"), "{text}");
    assert!(text.contains("panicked at"), "{text}");
}

#[test]
fn without_a_terminal_there_are_lines() {
    let output = Command::new(example())
        .arg("ask")
        .env("TERM", "xterm-256color")
        .stdin(Stdio::null())
        .output()
        .expect("the example runs");
    let text = String::from_utf8(output.stderr).expect("text");
    assert!(text.starts_with("plan …\n"), "{text}");
    assert!(!text.contains('\x1b'), "{text}");
}
