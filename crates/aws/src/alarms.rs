//! CloudWatch alarms of an environment.

use crate::error::{Error, translate};
use crate::session::Session;
use crate::time::timestamp;
use aws_sdk_cloudwatch::types::{MetricAlarm, StateValue};
use rules::app::names::Names;
use rules::operate::release_warnings::Alarm;

/// The alarms of one environment: those whose names begin with its name and that notify its topic.
/// The prefix alone would match another environment's as well: `app-prod` and `app-prod-2`.
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

    /// The alarms in state `ALARM`, sorted by name
    /// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html>).
    ///
    /// # Errors
    /// The call fails.
    pub async fn firing(&self) -> Result<Vec<Alarm>, Error> {
        let mut firing = Vec::new();
        let mut pages = self
            .cloudwatch
            .describe_alarms()
            .alarm_name_prefix(&self.prefix)
            .state_value(StateValue::Alarm)
            .into_paginator()
            .page_size(100)
            .send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(translate("cloudwatch:DescribeAlarms"))?;
            let alarms = page.metric_alarms.unwrap_or_default().into_iter();
            let ours = alarms.filter(|alarm| notifies(alarm, &self.topic));
            firing.extend(ours.map(alarm_of));
        }
        firing.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(firing)
    }
}

fn alarm_of(alarm: MetricAlarm) -> Alarm {
    let since = alarm
        .state_transitioned_timestamp
        .or(alarm.state_updated_timestamp)
        .and_then(timestamp);
    Alarm {
        name: alarm.alarm_name.unwrap_or_default(),
        since,
        reason: alarm.state_reason.unwrap_or_default(),
    }
}

/// Whether an alarm notifies the SNS topic named `topic`.
pub(crate) fn notifies(alarm: &MetricAlarm, topic: &str) -> bool {
    let actions = alarm.alarm_actions.as_deref().unwrap_or_default();
    actions
        .iter()
        .any(|arn| arn.rsplit(':').next() == Some(topic))
}
