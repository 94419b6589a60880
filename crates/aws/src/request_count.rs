//! How many requests users made in a time, by CloudWatch's count of the load balancer or the function.

use crate::error::{Error, ErrorKind, translate};
use crate::session::Session;
use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricStat, StatusCode};
use aws_smithy_types::DateTime;
use rules::release::published_versions::LIVE;
use rules::time::Timestamp;

const OPERATION: &str = "cloudwatch:GetMetricData";
const ID: &str = "requests";
/// Seconds that one data point spans.
const PERIOD: i32 = 60;

/// Counts the requests of one environment, landfall's own among them.
#[derive(Debug, Clone)]
pub struct RequestCount {
    cloudwatch: aws_sdk_cloudwatch::Client,
    namespace: &'static str,
    metric: &'static str,
    dimensions: Vec<(&'static str, String)>,
}

impl RequestCount {
    /// `RequestCount` of a load balancer; `load_balancer` is its dimension, `app/name/id`
    /// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html>).
    pub fn of_load_balancer(session: &Session, load_balancer: &str) -> RequestCount {
        RequestCount {
            cloudwatch: aws_sdk_cloudwatch::Client::new(session.config()),
            namespace: "AWS/ApplicationELB",
            metric: "RequestCount",
            dimensions: vec![("LoadBalancer", load_balancer.to_owned())],
        }
    }

    /// `Invocations` of a function by the alias that users reach
    /// (<https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-view.html>).
    pub fn of_function(session: &Session, function: &str) -> RequestCount {
        RequestCount {
            cloudwatch: aws_sdk_cloudwatch::Client::new(session.config()),
            namespace: "AWS/Lambda",
            metric: "Invocations",
            dimensions: vec![
                ("FunctionName", function.to_owned()),
                ("Resource", format!("{function}:{LIVE}")),
            ],
        }
    }

    /// Requests between two times. No data point is no request; the last minutes may be missing.
    ///
    /// # Errors
    /// The call fails, or CloudWatch did not return all data points.
    pub async fn between(&self, since: Timestamp, until: Timestamp) -> Result<u64, Error> {
        let at = |time: Timestamp| {
            DateTime::from_secs(i64::try_from(time.0 / 1_000).unwrap_or(i64::MAX))
        };
        let mut metric = Metric::builder()
            .namespace(self.namespace)
            .metric_name(self.metric);
        for (name, value) in &self.dimensions {
            metric = metric.dimensions(Dimension::builder().name(*name).value(value).build());
        }
        let stat = MetricStat::builder()
            .metric(metric.build())
            .period(PERIOD)
            .stat("Sum")
            .build();
        let query = MetricDataQuery::builder().id(ID).metric_stat(stat).build();
        let mut pages = self
            .cloudwatch
            .get_metric_data()
            .start_time(at(since))
            .end_time(at(until))
            .metric_data_queries(query)
            .into_paginator()
            .send();
        let (mut sum, mut is_complete) = (0.0, false);
        while let Some(page) = pages.next().await {
            let page = page.map_err(translate(OPERATION))?;
            for result in page.metric_data_results.unwrap_or_default() {
                is_complete = result.status_code == Some(StatusCode::Complete);
                sum += result.values.unwrap_or_default().iter().sum::<f64>();
            }
        }
        match is_complete {
            // A sum of ones.
            true => Ok(sum.round() as u64),
            false => Err(Error::new(
                ErrorKind::Other,
                OPERATION,
                format!("CloudWatch returned no complete {} count", self.metric),
            )),
        }
    }
}
