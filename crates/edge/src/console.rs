//! What leaves the container on stdout and stderr: the app's output, byte for byte, and the edge's own
//! lines, each on a line of its own.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Lines of the app that are kept for the day it gives up.
const KEPT_LINES: usize = 20;
/// Longest part of a line that is kept.
const KEPT_BYTES: usize = 400;
/// Own lines that wait for a slow reader; more are dropped: a log must not hold up users.
const QUEUE: usize = 1_024;
/// Own lines are written together up to this many bytes.
const BATCH: usize = 32 * 1024;
/// How long an own line waits for the app to end its line.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where a line goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    Out,
    Err,
}

enum Order {
    Line(Stream, String),
    Flush(SyncSender<()>),
}

/// The way out.
#[derive(Debug, Clone)]
pub struct Console {
    orders: SyncSender<Order>,
    out: Arc<Outlet>,
    err: Arc<Outlet>,
    last: Arc<Mutex<LastLines>>,
}

impl Console {
    /// Starts the thread that writes own lines.
    pub fn start() -> Console {
        let (orders, inbox) = sync_channel(QUEUE);
        let console = Console {
            orders,
            out: Arc::new(Outlet::new(Stream::Out)),
            err: Arc::new(Outlet::new(Stream::Err)),
            last: Arc::default(),
        };
        let outlets = (Arc::clone(&console.out), Arc::clone(&console.err));
        spawn("console", move || {
            write_orders(&inbox, &outlets.0, &outlets.1)
        });
        console
    }

    /// Tells people what happened, on stderr.
    pub fn say(&self, text: &str) {
        self.line(Stream::Err, format!("landfall-edge: {text}"));
    }

    /// A line for programs, on stdout.
    pub(crate) fn record(&self, line: String) {
        self.line(Stream::Out, line);
    }

    fn line(&self, stream: Stream, mut line: String) {
        line.push('\n');
        // A full queue means that nobody reads: waiting would hold up users for a log line.
        let _ = self.orders.try_send(Order::Line(stream, line));
    }

    /// Passes on everything that `from` gives, until its end.
    pub(crate) fn pass(&self, stream: Stream, mut from: impl Read + Send + 'static) -> Passing {
        let outlet = Arc::clone(if stream == Stream::Out {
            &self.out
        } else {
            &self.err
        });
        let last = Arc::clone(&self.last);
        let (done, passing) = sync_channel(1);
        spawn("output", move || {
            let mut buffer = vec![0; 16 * 1024];
            let mut line = Vec::new();
            loop {
                match from.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(count) => {
                        let bytes = buffer.get(..count).unwrap_or_default();
                        outlet.write(bytes);
                        keep(&last, &mut line, bytes);
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
        Passing(passing)
    }

    /// The last lines of the app, oldest first.
    pub(crate) fn last_lines(&self) -> Vec<String> {
        lock(&self.last).0.iter().cloned().collect()
    }

    /// Waits until own lines are written, for a moment: a reader that has gone must not hold up the end.
    pub fn flush(&self) {
        self.flush_within(PATIENCE + Duration::from_secs(1));
    }

    /// The same for no longer than `within`.
    pub(crate) fn flush_within(&self, within: Duration) {
        let (done, flushed) = sync_channel(1);
        if self.orders.try_send(Order::Flush(done)).is_ok() {
            let _ = flushed.recv_timeout(within);
        }
    }
}

/// Output of the app that is being passed on.
#[derive(Debug)]
pub(crate) struct Passing(Receiver<()>);

impl Passing {
    /// Waits for its end. A process that the app left behind may hold it open for ever.
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

/// Cuts what passes into lines. `line` is the one that has begun.
fn keep(last: &Mutex<LastLines>, line: &mut Vec<u8>, bytes: &[u8]) {
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

/// One of the two streams, with what has to be known about its last byte.
#[derive(Debug)]
struct Outlet {
    stream: Stream,
    at_line_start: Mutex<bool>,
    line_ended: Condvar,
}

impl Outlet {
    fn new(stream: Stream) -> Outlet {
        Outlet {
            stream,
            at_line_start: Mutex::new(true),
            line_ended: Condvar::new(),
        }
    }

    /// Bytes of the app.
    fn write(&self, bytes: &[u8]) {
        let mut at_line_start = lock(&self.at_line_start);
        self.emit(bytes);
        *at_line_start = bytes.last() == Some(&b'\n');
        if *at_line_start {
            self.line_ended.notify_all();
        }
    }

    /// A whole line of the edge. It waits for the end of the app's line; an app that leaves its
    /// prompt standing gets a line feed after it, or the edge would have to be silent for ever.
    fn write_line(&self, line: &str) {
        let at_line_start = lock(&self.at_line_start);
        let waited = self
            .line_ended
            .wait_timeout_while(at_line_start, PATIENCE, |at| !*at);
        let (mut at_line_start, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if !*at_line_start {
            self.emit(b"\n");
        }
        self.emit(line.as_bytes());
        *at_line_start = true;
    }

    fn emit(&self, bytes: &[u8]) {
        // Nobody can be told that nobody reads.
        let _ = match self.stream {
            Stream::Out => {
                let mut out = std::io::stdout().lock();
                out.write_all(bytes).and_then(|()| out.flush())
            }
            Stream::Err => std::io::stderr().lock().write_all(bytes),
        };
    }
}

fn write_orders(inbox: &Receiver<Order>, out: &Outlet, err: &Outlet) {
    let mut next = None;
    loop {
        let Some(order) = next.take().or_else(|| inbox.recv().ok()) else {
            return;
        };
        match order {
            Order::Line(Stream::Err, line) => err.write_line(&line),
            Order::Flush(done) => drop(done.send(())),
            // All that wait behind it go with it: an access log is many lines.
            Order::Line(Stream::Out, mut lines) => {
                next = loop {
                    match inbox.try_recv() {
                        Ok(Order::Line(Stream::Out, line)) if lines.len() < BATCH => {
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
        // Without a thread the app's output would be lost, silently: better no start at all.
        panic!("no thread for the output: the limit of processes is reached");
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
