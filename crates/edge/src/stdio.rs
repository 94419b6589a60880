//! stdout and stderr of the container: the app's output, byte for byte, and the edge's own lines
//! between its lines.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How many of the app's last lines are kept, for the message when it is given up.
const KEPT_LINES: usize = 20;
/// Longest part of a line that is kept.
const KEPT_BYTES: usize = 400;
/// Own lines that wait for a slow reader; more are dropped, as logging must not delay requests.
const QUEUE: usize = 1_024;
/// Own lines are written together, up to this many bytes.
const BATCH: usize = 32 * 1024;
/// How long an own line waits for the app to end the line it has begun.
const LINE_TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    Out,
    Err,
}

enum Message {
    Line(Stream, String),
    Flush(SyncSender<()>),
}

/// The container's stdout and stderr.
#[derive(Debug, Clone)]
pub struct Stdio {
    messages: SyncSender<Message>,
    out: Arc<Writer>,
    err: Arc<Writer>,
    last: Arc<Mutex<LastLines>>,
}

impl Stdio {
    /// Starts the thread that writes the edge's own lines.
    pub fn start() -> Stdio {
        let (messages, inbox) = sync_channel(QUEUE);
        let stdio = Stdio {
            messages,
            out: Arc::new(Writer::new(Stream::Out)),
            err: Arc::new(Writer::new(Stream::Err)),
            last: Arc::default(),
        };
        let writers = (Arc::clone(&stdio.out), Arc::clone(&stdio.err));
        spawn("stdio", move || {
            write_messages(&inbox, &writers.0, &writers.1)
        });
        stdio
    }

    /// Writes a line for people to stderr.
    pub fn log(&self, text: &str) {
        self.queue(Stream::Err, format!("landfall-edge: {text}"));
    }

    /// Writes a line for programs to stdout.
    pub(crate) fn write_line(&self, line: String) {
        self.queue(Stream::Out, line);
    }

    fn queue(&self, stream: Stream, mut line: String) {
        line.push('\n');
        // A full queue means that the output is not read: waiting for it would delay requests.
        let _ = self.messages.try_send(Message::Line(stream, line));
    }

    /// Copies everything from `from` to the stream, until its end.
    pub(crate) fn forward(
        &self,
        stream: Stream,
        mut from: impl Read + Send + 'static,
    ) -> Forwarding {
        let writer = Arc::clone(match stream {
            Stream::Out => &self.out,
            Stream::Err => &self.err,
        });
        let last = Arc::clone(&self.last);
        let (done, forwarding) = sync_channel(1);
        spawn("output", move || {
            let mut buffer = vec![0; 16 * 1024];
            let mut line = Vec::new();
            loop {
                match from.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(count) => {
                        let bytes = buffer.get(..count).unwrap_or_default();
                        writer.write(bytes);
                        keep_lines(&last, &mut line, bytes);
                    }
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                    Err(_) => break,
                }
            }
            if !line.is_empty() {
                lock(&last).push(&line);
            }
            let _ = done.send(());
        });
        Forwarding(forwarding)
    }

    /// The app's last lines, oldest first.
    pub(crate) fn last_lines(&self) -> Vec<String> {
        lock(&self.last).0.iter().cloned().collect()
    }

    /// Waits until own lines are written, but not for ever: their reader may be gone.
    pub fn flush(&self) {
        self.flush_within(LINE_TIMEOUT + Duration::from_secs(1));
    }

    /// Waits until own lines are written, at most for `within`.
    pub(crate) fn flush_within(&self, within: Duration) {
        let (done, flushed) = sync_channel(1);
        if self.messages.try_send(Message::Flush(done)).is_ok() {
            let _ = flushed.recv_timeout(within);
        }
    }
}

/// Output of the app that is being forwarded.
#[derive(Debug)]
pub(crate) struct Forwarding(Receiver<()>);

impl Forwarding {
    /// Waits for its end, at most until `until`: a process that the app left behind may keep it
    /// open.
    pub(crate) fn wait(&self, until: Instant) {
        let left = until.saturating_duration_since(Instant::now());
        let _ = self.0.recv_timeout(left);
    }
}

#[derive(Debug, Default)]
struct LastLines(VecDeque<String>);

impl LastLines {
    fn push(&mut self, line: &[u8]) {
        if self.0.len() == KEPT_LINES {
            self.0.pop_front();
        }
        self.0.push_back(String::from_utf8_lossy(line).into_owned());
    }
}

/// Splits bytes into lines. `line` is the beginning of the current one.
fn keep_lines(last: &Mutex<LastLines>, line: &mut Vec<u8>, bytes: &[u8]) {
    for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
        let (text, ended) = match piece.split_last() {
            Some((b'\n', text)) => (text, true),
            _ => (piece, false),
        };
        let room = KEPT_BYTES.saturating_sub(line.len()).min(text.len());
        line.extend_from_slice(text.get(..room).unwrap_or_default());
        if ended {
            lock(last).push(line);
            line.clear();
        }
    }
}

/// One of the two streams.
#[derive(Debug)]
struct Writer {
    stream: Stream,
    at_line_start: Mutex<bool>,
    line_ended: Condvar,
}

impl Writer {
    fn new(stream: Stream) -> Writer {
        Writer {
            stream,
            at_line_start: Mutex::new(true),
            line_ended: Condvar::new(),
        }
    }

    /// Writes bytes of the app.
    fn write(&self, bytes: &[u8]) {
        let mut at_line_start = lock(&self.at_line_start);
        self.emit(bytes);
        *at_line_start = bytes.last() == Some(&b'\n');
        if *at_line_start {
            self.line_ended.notify_all();
        }
    }

    /// Writes a whole line of the edge. It waits for the app to end its line; if the app does not
    /// (a prompt), a line feed is inserted, or the edge could never write again.
    fn write_line(&self, line: &str) {
        let at_line_start = lock(&self.at_line_start);
        let waited = self
            .line_ended
            .wait_timeout_while(at_line_start, LINE_TIMEOUT, |at| !*at);
        let (mut at_line_start, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if !*at_line_start {
            self.emit(b"\n");
        }
        self.emit(line.as_bytes());
        *at_line_start = true;
    }

    fn emit(&self, bytes: &[u8]) {
        // There is no other place to report that writing failed.
        let _ = match self.stream {
            Stream::Out => {
                let mut out = std::io::stdout().lock();
                out.write_all(bytes).and_then(|()| out.flush())
            }
            Stream::Err => std::io::stderr().lock().write_all(bytes),
        };
    }
}

fn write_messages(inbox: &Receiver<Message>, out: &Writer, err: &Writer) {
    let mut next = None;
    loop {
        let Some(message) = next.take().or_else(|| inbox.recv().ok()) else {
            return;
        };
        match message {
            Message::Line(Stream::Err, line) => err.write_line(&line),
            Message::Flush(done) => drop(done.send(())),
            // Writes all queued lines at once: an access log is many lines.
            Message::Line(Stream::Out, mut lines) => {
                next = loop {
                    match inbox.try_recv() {
                        Ok(Message::Line(Stream::Out, line)) if lines.len() < BATCH => {
                            lines.push_str(&line);
                        }
                        other => break other.ok(),
                    }
                };
                out.write_line(&lines);
            }
        }
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) {
    let builder = thread::Builder::new()
        .name(name.to_owned())
        .stack_size(64 * 1024);
    if builder.spawn(work).is_err() {
        // Without this thread the app's output would be lost silently: do not start at all.
        panic!("no thread for the output: the limit of processes is reached");
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
