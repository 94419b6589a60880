//! CloudWatch Logs: late lines, empty pages, few calls.

use crate::answer::Answer;
use crate::clock::{Lag, Moment};
use crate::request::Call;
use crate::rule::{Apply, Before, Kind, On, Rule};
use crate::world::World;
use serde_json::{Value, json};
use std::time::Duration;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "logs-five-calls",
        concerns: &[("logs", &["FilterLogEvents", "GetLogEvents"])],
        kind: Kind::Refuse,
        on: On::Default,
        summary: "An account makes five FilterLogEvents a second in a region, and 25 GetLogEvents.",
        source: "https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html",
        apply: Apply::Request(few_calls),
    },
    Rule {
        id: "logs-empty-pages",
        concerns: &[("logs", &["FilterLogEvents"])],
        kind: Kind::Rewrite,
        on: On::Default,
        summary: "A page may be empty although more follow.",
        source: "botocore logs 2014-03-28, FilterLogEvents",
        apply: Apply::Request(empty_page),
    },
    Rule {
        id: "logs-late",
        concerns: &[("logs", &["FilterLogEvents", "GetLogEvents"])],
        kind: Kind::HoldBack,
        on: On::Default,
        summary: "Lines can be read some time after they were written, up to minutes.",
        source: "https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html",
        apply: Apply::Both(from_start, late),
    },
];

/// How late lines are unless the rehearsal says otherwise.
const LATE: Lag = Lag {
    short: (2.0, 2.0),
    real: (20.0, 20.0),
};
/// The token of a stream of which nothing was shown yet.
const START: &str = "f/front-start";
/// Probability of an empty page.
const EMPTY: f64 = 0.25;

fn few_calls(world: &mut World, call: &Call) -> Before {
    let allowed = if call.operation == "FilterLogEvents" {
        5
    } else {
        25
    };
    let now = world.now;
    let key = format!("{}/{}", call.region, call.operation);
    let calls = world.state.logs.calls.entry(key).or_default();
    calls.retain(|at| now.since(*at) < Duration::from_secs(1));
    if calls.len() >= allowed {
        return Before::Answer(Answer::error(
            call,
            400,
            "ThrottlingException",
            "Rate exceeded",
        ));
    }
    calls.push_back(now);
    Before::Pass
}

fn empty_page(world: &mut World, call: &Call) -> Before {
    let mut request = call.json();
    let asked = request["nextToken"].as_str().map(str::to_owned);
    let logs = &mut world.state.logs;
    // After an empty page comes one that is not. A client may ask for it again.
    let original = asked.as_ref().and_then(|token| logs.pages.get(token));
    if let Some(original) = original.cloned() {
        match original {
            Some(token) => request["nextToken"] = json!(token),
            None => drop(request.as_object_mut().map(|all| all.remove("nextToken"))),
        }
        return Before::Body(request.to_string().into());
    }
    if !world.random.chance(EMPTY) {
        return Before::Pass;
    }
    logs.empty += 1;
    let token = format!("front-page-{}", logs.empty);
    logs.pages.insert(token.clone(), asked);
    let page = json!({"events": [], "searchedLogStreams": [], "nextToken": token});
    let mut answer = Answer::of_json(200, &page);
    let kind = http::HeaderValue::from_static("application/x-amz-json-1.1");
    answer.headers.insert("content-type", kind);
    Before::Answer(answer)
}

fn from_start(_: &mut World, call: &Call) -> Before {
    let mut request = call.json();
    if request["nextToken"] != START {
        return Before::Pass;
    }
    if let Some(all) = request.as_object_mut() {
        all.remove("nextToken");
    }
    request["startFromHead"] = json!(true);
    Before::Body(request.to_string().into())
}

/// When an event was written, as far as the emulator knows.
fn written(event: &Value) -> Moment {
    let of = |name: &str| event[name].as_u64().unwrap_or(0);
    Moment(of("timestamp").max(of("ingestionTime")))
}

fn late(world: &mut World, call: &Call, answer: &mut Answer) {
    if !answer.status.is_success() {
        return;
    }
    let delay = match world.logs_delay {
        Some(delay) => delay,
        None => world.delay(LATE),
    };
    let newest = world.now.before(delay);
    let request = call.json();
    answer.edit(|answer| {
        let Some(events) = answer["events"].as_array_mut() else {
            return;
        };
        if call.operation == "FilterLogEvents" {
            events.retain(|event| written(event) <= newest);
            return;
        }
        if events.iter().all(|event| written(event) <= newest) {
            return;
        }
        // The emulator's next token lies behind the lines that are held back, so the reader gets
        // nothing and the token it has: it reads all of them later.
        // A reader of the last lines alone gets those that are not held back.
        if request["startFromHead"] != true && request["nextToken"].is_null() {
            events.retain(|event| written(event) <= newest);
            return;
        }
        events.clear();
        let token = request["nextToken"].as_str().unwrap_or(START);
        answer["nextForwardToken"] = json!(token);
    });
}

#[cfg(test)]
mod tests {
    use crate::front::Decision;
    use crate::request::Call;
    use crate::rules::testing::{Bench, target};
    use serde_json::{Value, json};
    use std::time::Duration;

    fn filter(more: &Value) -> Call {
        target("logs", "FilterLogEvents", more)
    }

    /// The page that follows, however many empty ones come before it.
    fn page(bench: &mut Bench, call: &Call, stored: &Value) -> Value {
        let mut call = call.clone();
        for _ in 0..20 {
            bench.pass(1);
            let page = bench.json(&call, stored);
            match page["nextToken"].as_str() {
                Some(token) if token.starts_with("front-page") => {
                    call = filter(&json!({"nextToken": token}));
                }
                _ => return page,
            }
        }
        panic!("only empty pages");
    }

    #[test]
    fn five_calls_a_second() {
        let mut bench = Bench::new();
        let call = target("logs", "GetLogEvents", &json!({}));
        for _ in 0..25 {
            assert_eq!(bench.refusal(&call), None);
        }
        let (status, text) = bench.refusal(&call).expect("a refusal");
        assert_eq!(status, 400);
        assert!(text.starts_with("ThrottlingException"), "{text}");
        let call = filter(&json!({}));
        let throttled = |bench: &mut Bench| {
            let found = bench.refusal(&call);
            found.is_some_and(|(_, text)| text.starts_with("ThrottlingException"))
        };
        assert!((0..5).all(|_| !throttled(&mut bench)));
        assert!(throttled(&mut bench));
        bench.pass(1);
        assert!(!throttled(&mut bench));
    }

    #[test]
    fn an_empty_page_is_followed_by_the_real_one() {
        let mut bench = Bench::new();
        let mut empty = 0;
        for _ in 0..40 {
            bench.pass(1);
            let call = filter(&json!({"logGroupName": "g", "nextToken": "real"}));
            let Decision::Answer(answer) = bench.front.decide(&call, bench.now) else {
                continue;
            };
            empty += 1;
            let page = answer.json();
            assert_eq!(page["events"], json!([]));
            let next = filter(&json!({"logGroupName": "g", "nextToken": page["nextToken"]}));
            let sent = bench.forwarded(&next);
            assert_eq!(sent, json!({"logGroupName": "g", "nextToken": "real"}));
        }
        assert!((2..25).contains(&empty), "{empty}");
    }

    #[test]
    fn lines_are_late_as_configured() {
        let mut bench = Bench::new();
        bench.front.world.logs_delay = Some(Duration::from_secs(90));
        let written = bench.now.0;
        let stored = json!({"events": [
            {"message": "old", "timestamp": written - 90_000},
            {"message": "new", "timestamp": written, "ingestionTime": written + 1_000},
        ]});
        let call = filter(&json!({}));
        let seen = page(&mut bench, &call, &stored);
        assert_eq!(seen["events"].as_array().expect("events").len(), 1);
        assert_eq!(seen["events"][0]["message"], "old");
        bench.pass(91);
        assert_eq!(page(&mut bench, &call, &stored)["events"], stored["events"]);
    }

    #[test]
    fn a_stream_shows_late_lines_later() {
        let mut bench = Bench::new();
        let written = bench.now.0;
        let stored = json!({
            "events": [{"message": "new", "timestamp": written}],
            "nextForwardToken": "f/after",
        });
        let read = target("logs", "GetLogEvents", &json!({"startFromHead": true}));
        let seen = bench.json(&read, &stored);
        assert_eq!(seen["events"], json!([]));
        let token = json!({"nextToken": seen["nextForwardToken"]});
        let next = target("logs", "GetLogEvents", &token);
        assert_eq!(bench.forwarded(&next), json!({"startFromHead": true}));
        bench.pass(3);
        assert_eq!(bench.json(&next, &stored), stored);
    }
}
