//! CloudWatch Logs: lines of the app, and the edge's summaries of its requests.

use crate::error::{Error, ErrorKind, translate};
use crate::session::Session;
use aws_sdk_cloudwatchlogs::operation::filter_log_events::builders::FilterLogEventsFluentBuilder;
use aws_sdk_cloudwatchlogs::types::FilteredLogEvent;
use edge_contract::log_window::{self, Skipped};
use edge_contract::summary::Collection;
use rules::time::Timestamp;

/// Matches summary lines of the edge.
const SUMMARIES: &str = r#"{ $.landfall = "summary" }"#;
/// Matches Lambda's reports of failed invocations; those of others have no status.
const FAILED: &str = r#"REPORT "Status:""#;

/// One line of the app.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct LogLine {
    /// The log's ID of the line. It distinguishes a line that is returned twice from two equal
    /// lines.
    pub id: String,
    pub time: Timestamp,
    /// ID of the task that wrote it.
    pub task: String,
    pub message: String,
}

/// A log group.
#[derive(Debug, Clone)]
pub struct Logs {
    logs: aws_sdk_cloudwatchlogs::Client,
    group: String,
}

impl LogLine {
    /// Whether a sandbox of this version of a function wrote it. Its streams are named
    /// `2026/11/29/[7]0a1b…`: date, version and sandbox.
    pub fn is_of_version(&self, version: &str) -> bool {
        let of = self
            .task
            .strip_prefix('[')
            .and_then(|rest| rest.split_once(']'));
        of.is_some_and(|(number, _)| number == version)
    }
}

impl Logs {
    /// The log group `group`.
    pub fn new(session: &Session, group: &str) -> Logs {
        Logs {
            logs: aws_sdk_cloudwatchlogs::Client::new(session.config()),
            group: group.to_owned(),
        }
    }

    /// Lines since `since`, oldest first, of all tasks or of one. A log group that does not exist
    /// has none.
    ///
    /// # Errors
    /// The call fails.
    pub async fn since(&self, since: Timestamp, task: Option<&str>) -> Result<Vec<LogLine>, Error> {
        let request = self
            .request(since)
            // The awslogs driver names its streams `prefix/container/task ID`.
            .set_log_stream_names(task.map(|id| vec![format!("app/app/{id}")]));
        lines(request).await
    }

    /// Lambda's reports of failed invocations since `since`. Other lines may be among them.
    ///
    /// # Errors
    /// The call fails.
    pub async fn failed_invocations(&self, since: Timestamp) -> Result<Vec<LogLine>, Error> {
        lines(self.request(since).filter_pattern(FAILED)).await
    }

    /// The edges' summaries since `since`, of all tasks, and the number of summary lines that could
    /// not be read. A log group that does not exist has none.
    ///
    /// Lines appear some seconds after they were written, and not in order: read again from
    /// [`edge_contract::log_window::ask_since`] and merge; each second of a task counts
    /// once. A second whose line has not appeared yet looks like one without requests.
    ///
    /// The filter pattern excludes the app's own lines on the server
    /// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html>).
    ///
    /// # Errors
    /// The call fails.
    pub async fn summaries(&self, since: Timestamp) -> Result<(Collection, Skipped), Error> {
        let events = all(self.request(since).filter_pattern(SUMMARIES)).await?;
        // An emulator may ignore the pattern, so each line is checked here as well.
        let lines = events.iter().filter_map(|event| event.message.as_deref());
        Ok(log_window::read(lines))
    }

    fn request(&self, since: Timestamp) -> FilterLogEventsFluentBuilder {
        self.logs
            .filter_log_events()
            .log_group_name(&self.group)
            .start_time(i64::try_from(since.0).unwrap_or(i64::MAX))
    }

    /// Deletes the log group if it exists.
    ///
    /// # Errors
    /// The call fails.
    pub async fn delete(&self) -> Result<(), Error> {
        let answer = self
            .logs
            .delete_log_group()
            .log_group_name(&self.group)
            .send()
            .await
            .map(drop)
            .map_err(translate("logs:DeleteLogGroup"));
        match answer {
            Err(error) if error.kind == ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }
}

/// The lines of all pages, oldest first.
async fn lines(request: FilterLogEventsFluentBuilder) -> Result<Vec<LogLine>, Error> {
    let events = all(request).await?;
    let mut lines: Vec<LogLine> = events
        .into_iter()
        .map(|event| LogLine {
            id: event.event_id.unwrap_or_default(),
            time: Timestamp(u64::try_from(event.timestamp.unwrap_or(0)).unwrap_or(0)),
            task: event
                .log_stream_name
                .and_then(|name| name.rsplit('/').next().map(str::to_owned))
                .unwrap_or_default(),
            message: event.message.unwrap_or_default().trim_end().to_owned(),
        })
        .collect();
    lines.sort_by(|a, b| (a.time, &a.task).cmp(&(b.time, &b.task)));
    Ok(lines)
}

/// The events of all pages. A page may be empty although others follow
/// (<https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html>).
async fn all(request: FilterLogEventsFluentBuilder) -> Result<Vec<FilteredLogEvent>, Error> {
    let mut events = Vec::new();
    let mut pages = request.into_paginator().send();
    while let Some(page) = pages.next().await {
        match page.map_err(translate("logs:FilterLogEvents")) {
            Ok(page) => events.extend(page.events.unwrap_or_default()),
            // There is no log group, or no stream of that task, so nothing was written.
            Err(error) if error.kind == ErrorKind::NotFound => break,
            Err(error) => return Err(error),
        }
    }
    Ok(events)
}
