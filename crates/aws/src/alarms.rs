//! CloudWatch alarms: what the environment complains of.

use crate::error::{Error, translate};
use crate::session::Session;
use aws_sdk_cloudwatch::types::{MetricAlarm, StateValue};
use rules::app::names::Names;
use rules::operate::release_warnings::Alarm;
use rules::time::Timestamp;

/// The alarms of one environment: those that begin with its name and speak to its topic. A prefix
/// alone would name those of another environment as well: `app-prod` and `app-prod-2`.
#[derive(Debug, Clone)]
pub struct Alarms {
    cloudwatch: aws_sdk_cloudwatch::Client,
    prefix: String,
    topic: String,
}

impl Alarms {
    /// The alarms of `names`.
    pub fn new(session: &Session, names: &Names) -> Alarms {
        Alarms {
            cloudwatch: aws_sdk_cloudwatch::Client::new(session.config()),
            prefix: format!("{}-", names.id()),
            topic: names.alarm_topic(),
        }
    }

    /// Those that are firing now, by name
    /// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html>).
    ///
    /// # Errors
    /// The call fails.
    pub async fn firing(&self) -> Result<Vec<Alarm>, Error> {
        let mut firing = Vec::new();
        let mut token = None;
        loop {
            let page = self
                .cloudwatch
                .describe_alarms()
                .alarm_name_prefix(&self.prefix)
                .state_value(StateValue::Alarm)
                .max_records(100)
                .set_next_token(token.take())
                .send()
                .await
                .map_err(translate("cloudwatch:DescribeAlarms"))?;
            let alarms = page.metric_alarms.unwrap_or_default().into_iter();
            firing.extend(
                alarms
                    .filter(|alarm| speaks_to(alarm, &self.topic))
                    .map(told),
            );
            token = page.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                firing.sort_by(|a, b| a.name.cmp(&b.name));
                return Ok(firing);
            }
        }
    }
}

fn told(alarm: MetricAlarm) -> Alarm {
    let since = alarm
        .state_transitioned_timestamp
        .or(alarm.state_updated_timestamp)
        .and_then(|since| since.to_millis().ok())
        .and_then(|millis| u64::try_from(millis).ok());
    Alarm {
        name: alarm.alarm_name.unwrap_or_default(),
        since: since.map(Timestamp),
        reason: alarm.state_reason.unwrap_or_default(),
    }
}

/// Whether an alarm tells the SNS topic named `topic`.
pub(crate) fn speaks_to(alarm: &MetricAlarm, topic: &str) -> bool {
    let actions = alarm.alarm_actions.as_deref().unwrap_or_default();
    actions
        .iter()
        .any(|arn| arn.rsplit(':').next() == Some(topic))
}
