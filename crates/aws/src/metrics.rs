//! CloudWatch metrics: the load balancer's counts for each slot.

use crate::error::{Error, ErrorKind, translate};
use crate::session::Session;
use aws_sdk_cloudwatch::types::{
    Dimension, Metric, MetricDataQuery, MetricStat, ScanBy, StatusCode,
};
use aws_smithy_types::DateTime;
use rules::app::names::{Slot, Slots};
use rules::release::minute_counts::{MINUTE_MS, Minute, Minutes};
use rules::shape::contract::FargateOutputs;
use rules::time::Timestamp;
use std::collections::BTreeMap;

const OPERATION: &str = "cloudwatch:GetMetricData";

/// The field that a value is stored in.
type Field = fn(&mut Minute) -> &mut u64;

/// A metric: its name, its name in the query's ID, and its field. IDs consist of lower-case
/// letters, digits and underscores.
type Counted = (&'static str, &'static str, Field);

/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html>
const COUNTED: [Counted; 3] = [
    ("RequestCount", "requests", |minute| &mut minute.requests),
    ("HTTPCode_Target_5XX_Count", "errors", |minute| {
        &mut minute.errors
    }),
    ("TargetConnectionErrorCount", "unconnected", |minute| {
        &mut minute.unconnected
    }),
];

/// The counts of one environment's load balancer.
#[derive(Debug, Clone)]
pub struct Metrics {
    cloudwatch: aws_sdk_cloudwatch::Client,
    /// `app/name/id`
    load_balancer: String,
    /// `targetgroup/name/id`
    target_groups: Slots<String>,
}

impl Metrics {
    /// The counts of the load balancer that the Fargate root created.
    ///
    /// # Errors
    /// An output that should be an ARN is none.
    pub fn new(session: &Session, outputs: &FargateOutputs) -> Result<Metrics, Error> {
        let of = |resource: &str, arn: &str| {
            dimension(resource, arn).ok_or_else(|| {
                let message = format!("{arn:?} is not the ARN of a {resource}");
                Error::new(ErrorKind::Other, OPERATION, message)
            })
        };
        Ok(Metrics {
            cloudwatch: aws_sdk_cloudwatch::Client::new(session.config()),
            load_balancer: of("loadbalancer", &outputs.load_balancer_arn)?,
            target_groups: Slots {
                blue: of("targetgroup", &outputs.target_groups.blue)?,
                green: of("targetgroup", &outputs.target_groups.green)?,
            },
        })
    }

    /// The name of the load balancer in metrics: `app/name/id`.
    pub fn load_balancer(&self) -> &str {
        &self.load_balancer
    }

    /// The counts of each slot from the minute of `since` to the one before that of `until`. The
    /// last two minutes may be incomplete; [`rules::release::minute_counts::windows`] leaves those
    /// out.
    ///
    /// One call for six metrics. AWS charges for each metric
    /// (<https://aws.amazon.com/cloudwatch/pricing/>), so call this once a minute.
    ///
    /// # Errors
    /// The call fails, or CloudWatch did not return all counts: a missing count would look like no
    /// requests.
    pub async fn minutes(
        &self,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Slots<Minutes>, Error> {
        let mut minutes: Slots<Minutes> = Slots::default();
        let [from, to] = [since, until].map(|at| at.0 / MINUTE_MS);
        if from >= to {
            return Ok(minutes);
        }
        let start = |minute: u64| {
            DateTime::from_secs(i64::try_from(minute.saturating_mul(60)).unwrap_or(i64::MAX))
        };
        let mut pages = self
            .cloudwatch
            .get_metric_data()
            .start_time(start(from))
            .end_time(start(to))
            .scan_by(ScanBy::TimestampAscending)
            .set_metric_data_queries(Some(self.queries()))
            .into_paginator()
            .send();
        let mut statuses: BTreeMap<String, Option<StatusCode>> = BTreeMap::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(translate(OPERATION))?;
            for result in page.metric_data_results.unwrap_or_default() {
                let id = result.id.unwrap_or_default();
                let Some((slot, field)) = queried_field(&id) else {
                    continue;
                };
                statuses.insert(id, result.status_code);
                let values = result.values.unwrap_or_default();
                for (at, value) in result.timestamps.unwrap_or_default().iter().zip(values) {
                    let minute = u64::try_from(at.secs() / 60).unwrap_or(0);
                    let counted = minutes.of_mut(slot).entry(minute).or_default();
                    // A sum of ones.
                    *field(counted) = value.round() as u64;
                }
            }
        }
        // A metric without any data point is reported as complete and empty.
        let is_complete = |(slot, word): (Slot, &str)| {
            statuses.get(&id(slot, word)) == Some(&Some(StatusCode::Complete))
        };
        match queried().find(|query| !is_complete(*query)) {
            Some((slot, word)) => {
                let what = format!("complete count of {word} of the {slot} slot");
                Err(Error::incomplete(OPERATION, &what))
            }
            None => Ok(minutes),
        }
    }

    fn queries(&self) -> Vec<MetricDataQuery> {
        let dimension = |name: &str, value: &str| Dimension::builder().name(name).value(value);
        let query = |slot: Slot, (name, word, _): Counted| {
            let metric = Metric::builder()
                .namespace("AWS/ApplicationELB")
                .metric_name(name)
                .dimensions(dimension("LoadBalancer", &self.load_balancer).build())
                .dimensions(dimension("TargetGroup", self.target_groups.of(slot)).build())
                .build();
            let stat = MetricStat::builder()
                .metric(metric)
                .period(60)
                .stat("Sum")
                .build();
            MetricDataQuery::builder()
                .id(id(slot, word))
                .metric_stat(stat)
                .build()
        };
        Slot::ALL
            .into_iter()
            .flat_map(|slot| COUNTED.map(|counted| query(slot, counted)))
            .collect()
    }
}

fn id(slot: Slot, word: &str) -> String {
    format!("{slot}_{word}")
}

fn queried() -> impl Iterator<Item = (Slot, &'static str)> {
    Slot::ALL
        .into_iter()
        .flat_map(|slot| COUNTED.map(|(_, word, _)| (slot, word)))
}

/// The slot and the field that belong to the ID of a query.
fn queried_field(name: &str) -> Option<(Slot, Field)> {
    let slot_and_field = |slot| {
        let mut counted = COUNTED.into_iter();
        counted
            .find(|(_, word, _)| id(slot, word) == name)
            .map(|(_, _, field)| (slot, field))
    };
    Slot::ALL.into_iter().find_map(slot_and_field)
}

/// The part of an ARN that is the value of a metric's dimension: `app/name/id` of a load balancer,
/// `targetgroup/name/id` of a target group.
fn dimension(resource: &str, arn: &str) -> Option<String> {
    let mut parts = arn.splitn(6, ':');
    let is_ours = parts.next() == Some("arn") && parts.nth(1) == Some("elasticloadbalancing");
    let path = parts.nth(2).filter(|_| is_ours)?;
    let (kind, rest) = path.split_once('/')?;
    if kind != resource || rest.is_empty() {
        return None;
    }
    Some(match kind {
        "loadbalancer" => rest.to_owned(),
        _ => path.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dimensions_are_the_ends_of_arns() {
        let stem = "arn:aws-cn:elasticloadbalancing:cn-north-1:123456789012";
        let of = |resource, end: &str| dimension(resource, &format!("{stem}:{end}"));
        assert_eq!(
            of(
                "loadbalancer",
                "loadbalancer/app/uptime-prod/50dc6c495c0c9188"
            )
            .as_deref(),
            Some("app/uptime-prod/50dc6c495c0c9188")
        );
        assert_eq!(
            of(
                "targetgroup",
                "targetgroup/uptime-prod-blue/73e2d6bc24d8a067"
            )
            .as_deref(),
            Some("targetgroup/uptime-prod-blue/73e2d6bc24d8a067")
        );
        assert_eq!(of("targetgroup", "loadbalancer/app/uptime-prod/50"), None);
        assert_eq!(of("loadbalancer", "loadbalancer/"), None);
        for none in ["", "app/uptime-prod/50", "arn:aws:ecs:r:1:targetgroup/a/b"] {
            assert_eq!(dimension("targetgroup", none), None, "{none}");
        }
    }

    #[test]
    fn each_count_is_stored_in_the_field_of_its_query() {
        let mut ids = Vec::new();
        for (slot, word) in queried() {
            let id = id(slot, word);
            let (of, field) = queried_field(&id).expect("a field");
            assert_eq!(of, slot);
            let mut minute = Minute::default();
            *field(&mut minute) = 7;
            let stored = match word {
                "requests" => minute.requests,
                "errors" => minute.errors,
                _ => minute.unconnected,
            };
            assert_eq!(stored, 7, "{word}");
            assert!(!ids.contains(&id));
            ids.push(id);
        }
        assert_eq!(ids.len(), 6);
        assert!(queried_field("blue_else").is_none());
    }
}
