//! CloudWatch: the requests that a load balancer and a function's alias have had. The emulators count none, so the
//! front publishes its own counts to them, in the names that AWS has.

use crate::answer::Answer;
use crate::request::Call;
use crate::rule::{Apply, Concern, Kind, On, Rule};
use crate::state::requests::Counted;
use crate::world::{Outgoing, World};
use std::fmt::Write as _;

pub(super) const RULES: &[Rule] = &[Rule {
    id: "request-metrics",
    concerns: &[("alb", &[]), ("api-data", &[])],
    kind: Kind::Rewrite,
    on: On::Default,
    summary: "CloudWatch has RequestCount of each load balancer, and Invocations of each alias that an HTTP API \
              invokes, by the minute.",
    source: "https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-view.html",
    apply: Apply::Elsewhere,
}];

pub(super) const OBSERVED: &[Concern] =
    &[("apigateway", &["CreateIntegration", "UpdateIntegration"])];

/// Milliseconds.
const MINUTE: u64 = 60_000;

/// Remembers which alias an HTTP API invokes.
pub(super) fn observe(world: &mut World, call: &Call, _: &Answer) {
    let request = call.json();
    let uri = request["integrationUri"].as_str();
    if let (Some(api), Some(alias)) = (call.segment(2), uri.and_then(Counted::of_arn)) {
        world.state.metrics.aliases.insert(api, alias);
    }
}

/// Counts a request of a user now.
pub(crate) fn count(world: &mut World, what: Counted) {
    let minute = world.now.0 / MINUTE;
    let counts = &mut world.state.metrics.counts;
    *counts.entry((what, minute)).or_default() += 1;
}

/// Counts a request to an HTTP API by the name of its host.
pub(crate) fn count_api(world: &mut World, host: &str) {
    let api = host.split('.').next().unwrap_or_default();
    if let Some(alias) = world.state.metrics.aliases.get(api).cloned() {
        count(world, alias);
    }
}

/// Publishes what was counted since the last time.
pub(crate) fn publish(world: &mut World) {
    let counts = std::mem::take(&mut world.state.metrics.counts);
    for ((what, minute), count) in counts {
        let of = what.name();
        let (namespace, name, dimensions) = match what.is_balancer() {
            true => (
                "AWS/ApplicationELB",
                "RequestCount",
                vec![("LoadBalancer", of)],
            ),
            false => {
                let function = of.split(':').next().unwrap_or_default();
                let dimensions = vec![("FunctionName", function), ("Resource", of)];
                ("AWS/Lambda", "Invocations", dimensions)
            }
        };
        let mut body = format!(
            "Action=PutMetricData&Version=2010-08-01&Namespace={}&MetricData.member.1.MetricName={name}\
             &MetricData.member.1.Value={count}&MetricData.member.1.Unit=Count&MetricData.member.1.Timestamp={}",
            encoded(namespace),
            encoded(&timestamp(minute)),
        );
        for (index, (name, value)) in dimensions.into_iter().enumerate() {
            let at = format!("MetricData.member.1.Dimensions.member.{}", index + 1);
            let _ = write!(body, "&{at}.Name={name}&{at}.Value={}", encoded(value));
        }
        world.outbox.push(Outgoing {
            due: world.now,
            service: "monitoring",
            region: what.region().to_owned(),
            identity: "test".to_owned(),
            target: None,
            content_type: "application/x-www-form-urlencoded",
            body: body.into(),
        });
    }
}

/// The beginning of a minute since the Unix epoch, in ISO 8601.
fn timestamp(minute: u64) -> String {
    let (year, month, day) = crate::clock::Moment(minute * MINUTE).date();
    let of_day = minute % 1_440;
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:00Z",
        of_day / 60,
        of_day % 60
    )
}

fn encoded(text: &str) -> String {
    text.replace('%', "%25")
        .replace('/', "%2F")
        .replace(':', "%3A")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Moment;
    use crate::rules::testing::{Bench, call};
    use serde_json::json;

    #[test]
    fn requests_are_published_by_the_minute() {
        let mut bench = Bench::new();
        let integration = json!({
            "integrationUri": "arn:aws:lambda:us-east-1:123456789012:function:shop-prod:live/invocations",
        });
        let create = call(
            "apigateway",
            "POST",
            "/v2/apis/a1b2/integrations",
            &integration.to_string(),
        );
        bench.call(&create, Answer::new(201, "application/json", "{}"));
        let world = &mut bench.front.world;
        world.now = Moment(1_795_940_955_000);
        for host in [
            "a1b2.execute-api.localhost:4566",
            "a1b2.execute-api.us-east-1.amazonaws.com",
            "other.x",
        ] {
            count_api(world, host);
        }
        let arn =
            "arn:aws:elasticloadbalancing:eu-west-2:123456789012:loadbalancer/app/shop-prod/06c7";
        count(world, Counted::of_arn(arn).expect("a load balancer"));
        publish(world);
        let calls = bench.front.own_calls();
        let body = |call: &Outgoing| String::from_utf8_lossy(&call.body).into_owned();
        let [balancer, alias] = calls.as_slice() else {
            panic!("{calls:?}");
        };
        assert_eq!(
            (&*balancer.region, &*alias.region),
            ("eu-west-2", "us-east-1")
        );
        let (balancer, alias) = (body(balancer), body(alias));
        assert!(
            balancer.contains("Namespace=AWS%2FApplicationELB"),
            "{balancer}"
        );
        assert!(balancer.contains(".Value=1&"), "{balancer}");
        assert!(balancer.ends_with(
            "Name=LoadBalancer&MetricData.member.1.Dimensions.member.1.Value=app%2Fshop-prod%2F06c7"
        ));
        assert!(
            alias.contains("MetricName=Invocations") && alias.contains(".Value=2&"),
            "{alias}"
        );
        assert!(alias.contains("Timestamp=2026-11-29T"), "{alias}");
        assert!(alias.ends_with("Value=shop-prod%3Alive"), "{alias}");
        publish(&mut bench.front.world);
        assert_eq!(bench.front.own_calls(), []);
    }
}
