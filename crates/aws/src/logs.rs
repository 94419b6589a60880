//! CloudWatch Logs: what the app wrote.

use crate::error::{Error, ErrorKind, translate};
use crate::session::Session;
use rules::time::Timestamp;

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
        let mut lines = Vec::new();
        let mut token = None;
        loop {
            let page = self
                .logs
                .filter_log_events()
                .log_group_name(&self.group)
                .start_time(i64::try_from(since.0).unwrap_or(i64::MAX))
                // `prefix/container/task id`, as the awslogs driver names its streams.
                .set_log_stream_names(task.map(|id| vec![format!("app/app/{id}")]))
                .set_next_token(token.take())
                .send()
                .await
                .map_err(translate("logs:FilterLogEvents"));
            let page = match page {
                // No group, or no stream of that task: nothing was written.
                Err(error) if error.kind == ErrorKind::NotFound => return Ok(lines),
                other => other?,
            };
            lines.extend(page.events.unwrap_or_default().into_iter().map(|event| {
                LogLine {
                    id: event.event_id.unwrap_or_default(),
                    time: Timestamp(u64::try_from(event.timestamp.unwrap_or(0)).unwrap_or(0)),
                    task: event
                        .log_stream_name
                        .and_then(|name| name.rsplit('/').next().map(str::to_owned))
                        .unwrap_or_default(),
                    message: event.message.unwrap_or_default().trim_end().to_owned(),
                }
            }));
            token = page.next_token;
            if token.is_none() {
                lines.sort_by(|a, b| (a.time, &a.task).cmp(&(b.time, &b.task)));
                return Ok(lines);
            }
        }
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
