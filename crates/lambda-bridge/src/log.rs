//! The command's lines: to this process's own output, and to the emulated CloudWatch Logs.

use crate::desk::Desk;
use crate::function::{self, Line, Place};
use crate::{client, now};
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Longest part of a line that is one event
/// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html>).
const LONGEST: u64 = 256 * 1024;
/// Lines that wait for an emulator that does not answer; older ones go first.
const WAITING: usize = 20_000;
/// Lines that no invocation asked for go out this often.
const PACE: Duration = Duration::from_millis(250);
/// The emulator is asked no longer than this.
const WITHIN: Duration = Duration::from_secs(5);

/// Which of the two outputs.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stream {
    Out,
    Err,
}

/// What the emulator did with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Taken,
    /// It will never be taken: the log group is gone.
    Refused,
    /// None came; the next try may have more luck.
    None,
}

/// Lines on their way.
#[derive(Debug)]
pub(crate) struct Log {
    place: Arc<Place>,
    desk: Arc<Desk>,
    lines: Mutex<VecDeque<Line>>,
    /// One call at a time, so that the order stays. Whether the stream is there.
    has_stream: tokio::sync::Mutex<bool>,
}

impl Log {
    pub(crate) fn new(place: Arc<Place>, desk: Arc<Desk>) -> Arc<Log> {
        Arc::new(Log {
            place,
            desk,
            lines: Mutex::default(),
            has_stream: tokio::sync::Mutex::new(false),
        })
    }

    /// Passes on all lines that `from` gives, on a thread of its own; says when it has ended.
    pub(crate) fn pass(
        self: &Arc<Log>,
        stream: Stream,
        from: impl Read + Send + 'static,
        done: SyncSender<()>,
    ) {
        let log = Arc::clone(self);
        std::thread::spawn(move || {
            let mut from = BufReader::new(from);
            let mut line = Vec::new();
            while let Ok(1..) = from.by_ref().take(LONGEST).read_until(b'\n', &mut line) {
                // Nobody can be told that nobody reads.
                let _ = match stream {
                    Stream::Out => std::io::stdout().write_all(&line),
                    Stream::Err => std::io::stderr().write_all(&line),
                };
                log.keep(&line);
                line.clear();
            }
            let _ = done.send(());
        });
    }

    fn keep(&self, line: &[u8]) {
        if self.place.endpoint.is_none() {
            return;
        }
        let text = String::from_utf8_lossy(line);
        let mut lines = self.lines();
        if lines.len() == WAITING {
            lines.pop_front();
        }
        lines.push_back(Line {
            at: now(),
            text: text.trim_end_matches(['\n', '\r']).to_owned(),
        });
    }

    /// Sends lines when an invocation has ended, and now and then, for ever.
    pub(crate) async fn ship(self: Arc<Log>) {
        let mut changes = self.desk.changes();
        loop {
            let _ = tokio::time::timeout(PACE, changes.changed()).await;
            self.send().await;
        }
    }

    /// Sends what is there. What cannot be sent now waits for the next time.
    pub(crate) async fn send(&self) {
        let mut has_stream = self.has_stream.lock().await;
        let lines: Vec<Line> = self.lines().drain(..).collect();
        let mut batches = function::batches(lines).into_iter();
        while let Some(batch) = batches.next() {
            if !*has_stream {
                match self.create_stream().await {
                    Answer::Taken => *has_stream = true,
                    Answer::Refused => return,
                    Answer::None => {}
                }
            }
            if *has_stream && self.put(&batch).await != Answer::None {
                continue;
            }
            let unsent: Vec<Line> = batch.into_iter().chain(batches.flatten()).collect();
            let mut lines = self.lines();
            for line in unsent.into_iter().rev() {
                lines.push_front(line);
            }
            let superfluous = lines.len().saturating_sub(WAITING);
            lines.drain(..superfluous);
            return;
        }
    }

    /// The group is Terraform's to make: a late line must not bring back one that was removed.
    async fn create_stream(&self) -> Answer {
        let body = serde_json::json!({
            "logGroupName": self.place.log_group,
            "logStreamName": self.place.log_stream,
        });
        self.call("CreateLogStream", body.to_string().into_bytes())
            .await
    }

    async fn put(&self, batch: &[Line]) -> Answer {
        let body = function::put_log_events(&self.place, batch);
        self.call("PutLogEvents", body).await
    }

    async fn call(&self, action: &str, body: Vec<u8>) -> Answer {
        let target = format!("Logs_20140328.{action}");
        let request = http::Request::post("/")
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", target)
            .header("authorization", self.place.authorization("logs"));
        let answer = client::call(&self.place, request, body);
        let Ok(Ok(answer)) = tokio::time::timeout(WITHIN, answer).await else {
            return Answer::None;
        };
        let text = String::from_utf8_lossy(&answer.body);
        match answer.status {
            200 => Answer::Taken,
            500.. => Answer::None,
            _ if text.contains("ResourceAlreadyExistsException") => Answer::Taken,
            _ => Answer::Refused,
        }
    }

    fn lines(&self) -> MutexGuard<'_, VecDeque<Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
