//! Forwards the command's lines to this process's stdout and stderr, and to the emulated CloudWatch
//! Logs.

use crate::emulator;
use crate::function::FunctionContext;
use crate::invocation_queue::InvocationQueue;
use crate::log_events::{self, Line};
use crate::system::now;
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Longest event in bytes; longer lines are split
/// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html>).
const LONGEST: u64 = 256 * 1024;
/// Most lines that wait for an emulator that does not answer; older ones are dropped.
const WAITING: usize = 20_000;
/// Interval in which lines are sent that do not belong to an invocation.
const INTERVAL: Duration = Duration::from_millis(250);
/// Timeout of a call.
const TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, Copy)]
pub(crate) enum Stream {
    Out,
    Err,
}

/// What the emulator did with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Taken,
    /// The log group is gone, so repeating the call is useless.
    Refused,
    /// Repeating the call may help.
    None,
}

#[derive(Debug)]
pub(crate) struct LogForwarder {
    function: Arc<FunctionContext>,
    queue: Arc<InvocationQueue>,
    lines: Mutex<VecDeque<Line>>,
    /// Whether the log stream exists. Held during calls, so that lines stay in order.
    has_stream: tokio::sync::Mutex<bool>,
}

impl LogForwarder {
    pub(crate) fn new(
        function: Arc<FunctionContext>,
        queue: Arc<InvocationQueue>,
    ) -> Arc<LogForwarder> {
        Arc::new(LogForwarder {
            function,
            queue,
            lines: Mutex::default(),
            has_stream: tokio::sync::Mutex::new(false),
        })
    }

    /// Forwards all lines of `from` on a thread of its own; sends to `done` at the end.
    pub(crate) fn forward(
        self: &Arc<LogForwarder>,
        stream: Stream,
        from: impl Read + Send + 'static,
        done: SyncSender<()>,
    ) {
        let log = Arc::clone(self);
        std::thread::spawn(move || {
            let mut from = BufReader::new(from);
            let mut line = Vec::new();
            while let Ok(1..) = from.by_ref().take(LONGEST).read_until(b'\n', &mut line) {
                // There is no other place to report that writing failed.
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
        if self.function.endpoint.is_none() {
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

    /// Sends lines at the end of each invocation, and at intervals, for ever.
    pub(crate) async fn run(self: Arc<LogForwarder>) {
        let mut changes = self.queue.changes();
        loop {
            let _ = tokio::time::timeout(INTERVAL, changes.changed()).await;
            self.send().await;
        }
    }

    /// Sends the lines that wait. Those that cannot be sent now wait for the next call.
    pub(crate) async fn send(&self) {
        let mut has_stream = self.has_stream.lock().await;
        let lines: Vec<Line> = self.lines().drain(..).collect();
        let mut batches = log_events::batches(lines).into_iter();
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

    /// Does not create the log group: Terraform does, and a late line must not recreate a removed
    /// one.
    async fn create_stream(&self) -> Answer {
        let body = serde_json::json!({
            "logGroupName": self.function.log_group,
            "logStreamName": self.function.log_stream,
        });
        self.call("CreateLogStream", body.to_string().into_bytes())
            .await
    }

    async fn put(&self, batch: &[Line]) -> Answer {
        let body = log_events::put_log_events(&self.function, batch);
        self.call("PutLogEvents", body).await
    }

    async fn call(&self, action: &str, body: Vec<u8>) -> Answer {
        let target = format!("Logs_20140328.{action}");
        let request = http::Request::post("/")
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", target)
            .header("authorization", self.function.authorization("logs"));
        let answer = emulator::call(&self.function, request, body);
        let Ok(Ok(answer)) = tokio::time::timeout(TIMEOUT, answer).await else {
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
