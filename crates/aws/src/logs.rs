//! CloudWatch Logs: what the app wrote, and what the edge told about its requests.

use crate::error::{Error, ErrorKind, translate};
use crate::session::Session;
use aws_sdk_cloudwatchlogs::operation::filter_log_events::builders::FilterLogEventsFluentBuilder;
use aws_sdk_cloudwatchlogs::types::FilteredLogEvent;
use rules::edge_contract::log_window::{self, Skipped};
use rules::edge_contract::summary::Collection;
use rules::time::Timestamp;

/// Matches summary lines of the edge.
const SUMMARIES: &str = r#"{ $.landfall = "summary" }"#;

/// One line of the app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// The log's own id of the line: tells a repeated line from an equal one.
    pub id: String,
    /// When it was written.
    pub time: Timestamp,
    /// Which task wrote it.
    pub task: String,
    /// The line.
    pub message: String,
}

/// A log group.
#[derive(Debug, Clone)]
pub struct Logs {
    logs: aws_sdk_cloudwatchlogs::Client,
    group: String,
}

impl Logs {
    /// The log group `group`.
    pub fn new(session: &Session, group: &str) -> Logs {
        Logs {
            logs: aws_sdk_cloudwatchlogs::Client::new(session.config()),
            group: group.to_owned(),
        }
    }

    /// Lines since `since`, oldest first, of every task or of the one named. A log group that does not
    /// exist has none.
    ///
    /// # Errors
    /// The call fails.
    pub async fn since(&self, since: Timestamp, task: Option<&str>) -> Result<Vec<LogLine>, Error> {
        let request = self
            .asked(since)
            // `prefix/container/task id`, as the awslogs driver names its streams.
            .set_log_stream_names(task.map(|id| vec![format!("app/app/{id}")]));
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

    /// Summaries that the edges wrote since `since`, of every task, and how many lines said that they
    /// are summaries and could not be read. A log group that does not exist has none.
    ///
    /// Lines are shown some seconds after they were written, and not in order: ask again from
    /// [`rules::edge_contract::log_window::ask_since`] and merge; each second of a task counts once. A second that
    /// no line has told of yet looks like one without requests.
    ///
    /// The pattern keeps the app's own lines from crossing the network:
    /// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html>.
    ///
    /// # Errors
    /// The call fails.
    pub async fn summaries(&self, since: Timestamp) -> Result<(Collection, Skipped), Error> {
        let events = all(self.asked(since).filter_pattern(SUMMARIES)).await?;
        // An emulator may pass over the pattern, and every line is looked at all the same.
        let lines = events.iter().filter_map(|event| event.message.as_deref());
        Ok(log_window::read(lines))
    }

    fn asked(&self, since: Timestamp) -> FilterLogEventsFluentBuilder {
        self.logs
            .filter_log_events()
            .log_group_name(&self.group)
            .start_time(i64::try_from(since.0).unwrap_or(i64::MAX))
    }

    /// Deletes the log group, if it is there.
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

/// Every event of every page. A page may be empty and have others after it:
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html>.
async fn all(request: FilterLogEventsFluentBuilder) -> Result<Vec<FilteredLogEvent>, Error> {
    let mut events = Vec::new();
    let mut token = None;
    loop {
        let page = request
            .clone()
            .set_next_token(token.take())
            .send()
            .await
            .map_err(translate("logs:FilterLogEvents"));
        let page = match page {
            // No group, or no stream of that task: nothing was written.
            Err(error) if error.kind == ErrorKind::NotFound => return Ok(events),
            other => other?,
        };
        events.extend(page.events.unwrap_or_default());
        token = page.next_token;
        if token.is_none() {
            return Ok(events);
        }
    }
}
