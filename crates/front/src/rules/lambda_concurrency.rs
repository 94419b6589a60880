//! Lambda: concurrency of the account and its reservations.

use super::lambda::named;
use crate::answer::Answer;
use crate::request::Call;
use crate::rule::{Apply, Before, Kind, On, Rule};
use crate::world::World;
use serde_json::json;

const QUOTAS: &str = "https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html";
const INVOCATIONS: &[&str] = &["Invoke", "InvokeWithResponseStream"];

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "lambda-ten-concurrent",
        concerns: &[("lambda", &["GetAccountSettings", "PutFunctionConcurrency"])],
        kind: Kind::Rewrite,
        on: On::Scenario("concurrency-10"),
        summary: "A new account runs ten invocations at a time, and nothing can be reserved.",
        source: QUOTAS,
        apply: Apply::Elsewhere,
    },
    Rule {
        id: "lambda-unreserved-concurrency",
        concerns: &[("lambda", &["PutFunctionConcurrency"])],
        kind: Kind::Refuse,
        on: On::Default,
        summary: "A reservation leaves at least 100 of the account's 1,000 concurrent invocations \
                  to functions without one.",
        source: "botocore lambda 2015-03-31, PutFunctionConcurrency",
        apply: Apply::Request(unreserved),
    },
    Rule {
        id: "lambda-account-settings",
        concerns: &[("lambda", &["GetAccountSettings", "GetFunctionConcurrency"])],
        kind: Kind::Rewrite,
        on: On::Default,
        summary: "The account's settings have its limit and what no function has reserved, and a \
                  function's reservation can be read.",
        source: "botocore lambda 2015-03-31, GetAccountSettings",
        apply: Apply::Response(settings),
    },
    Rule {
        id: "lambda-throttled",
        concerns: &[("lambda", INVOCATIONS)],
        kind: Kind::Refuse,
        on: On::Scenario("lambda-throttled"),
        summary: "Other functions use up the account's concurrency: every second invocation, drawn \
                  at random, fails with 429.",
        source: QUOTAS,
        apply: Apply::Request(throttled),
    },
    Rule {
        id: "lambda-concurrency",
        concerns: &[("lambda", INVOCATIONS)],
        kind: Kind::Refuse,
        on: On::Default,
        summary: "An invocation beyond the function's reservation, or beyond what the account has \
                  left, fails with 429.",
        source: QUOTAS,
        apply: Apply::Request(beyond),
    },
];

fn limit(world: &World) -> u64 {
    if world.has("concurrency-10") {
        10
    } else {
        1_000
    }
}

/// What must stay unreserved.
fn floor(world: &World) -> u64 {
    limit(world).min(100)
}

fn unreserved(world: &mut World, call: &Call) -> Before {
    let wanted = call.json()["ReservedConcurrentExecutions"].as_u64();
    let others = world.state.lambda.reserved_by_others(&named(call).function);
    let floor = floor(world);
    if wanted.unwrap_or(0) + others + floor <= limit(world) {
        return Before::Pass;
    }
    let message = format!(
        "Specified ReservedConcurrentExecutions for function decreases account's \
         UnreservedConcurrentExecution below its minimum value of [{floor}]."
    );
    Before::Answer(Answer::error(
        call,
        400,
        "InvalidParameterValueException",
        &message,
    ))
}

fn settings(world: &mut World, call: &Call, answer: &mut Answer) {
    if !answer.status.is_success() {
        return;
    }
    if call.operation == "GetFunctionConcurrency" {
        let function = world.state.lambda.functions.get(&named(call).function);
        if let Some(reserved) = function.and_then(|function| function.reserved) {
            answer.edit(|answer| answer["ReservedConcurrentExecutions"] = json!(reserved));
        }
        return;
    }
    let limit = limit(world);
    let reserved = world.state.lambda.reserved_by_others("");
    answer.edit(|answer| {
        let limits = &mut answer["AccountLimit"];
        limits["ConcurrentExecutions"] = json!(limit);
        limits["UnreservedConcurrentExecutions"] = json!(limit.saturating_sub(reserved));
    });
}

fn too_many(call: &Call, reason: &str) -> Before {
    let mut answer = Answer::error(call, 429, "TooManyRequestsException", "Rate Exceeded.");
    answer.edit(|answer| answer["Reason"] = json!(reason));
    Before::Answer(answer)
}

fn throttled(world: &mut World, call: &Call) -> Before {
    if world.random.chance(0.5) {
        return too_many(call, "ConcurrentInvocationLimitExceeded");
    }
    Before::Pass
}

fn beyond(world: &mut World, call: &Call) -> Before {
    let name = named(call).function;
    let functions = &world.state.lambda.functions;
    let reserved = functions.get(&name).and_then(|function| function.reserved);
    if let Some(reserved) = reserved {
        let own = functions
            .get(&name)
            .map_or(0, |function| function.in_flight);
        if own >= reserved {
            return too_many(call, "ReservedFunctionConcurrentInvocationLimitExceeded");
        }
        return Before::Pass;
    }
    let unreserved = functions
        .values()
        .filter(|function| function.reserved.is_none());
    let in_flight: u64 = unreserved.map(|function| function.in_flight).sum();
    let left = limit(world).saturating_sub(world.state.lambda.reserved_by_others(""));
    if in_flight >= left {
        return too_many(call, "ConcurrentInvocationLimitExceeded");
    }
    Before::Pass
}

pub(super) fn forwarded(world: &mut World, call: &Call) {
    if call.is("lambda", INVOCATIONS) {
        world.state.lambda.entry(&named(call).function).in_flight += 1;
    }
}

pub(super) fn ended(world: &mut World, call: &Call) {
    if call.is("lambda", INVOCATIONS) {
        let function = world.state.lambda.entry(&named(call).function);
        function.in_flight = function.in_flight.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use crate::front::Decision;
    use crate::request::Call;
    use crate::rules::testing::{Bench, call};
    use serde_json::{Value, json};

    fn reserve(name: &str, number: u64) -> Call {
        let body = json!({"ReservedConcurrentExecutions": number}).to_string();
        let path = format!("/2017-10-31/functions/{name}/concurrency");
        call("lambda", "PUT", &path, &body)
    }

    fn settings(bench: &mut Bench) -> Value {
        let get = call("lambda", "GET", "/2016-08-19/account-settings", "");
        bench.json(&get, &json!({"AccountLimit": {}}))["AccountLimit"].clone()
    }

    #[test]
    fn a_reservation_leaves_enough_to_others() {
        let mut bench = Bench::new();
        bench.json(&reserve("one", 500), &json!({}));
        let (_, text) = bench.refusal(&reserve("two", 401)).expect("a refusal");
        assert!(text.contains("below its minimum value of [100]"), "{text}");
        assert_eq!(bench.refusal(&reserve("two", 400)), None);
        assert_eq!(
            bench.refusal(&reserve("one", 900)),
            None,
            "its own does not count"
        );
        assert_eq!(settings(&mut bench)["UnreservedConcurrentExecutions"], 500);
        let get = call("lambda", "GET", "/2019-09-30/functions/one/concurrency", "");
        let seen = bench.json(&get, &json!({}));
        assert_eq!(seen["ReservedConcurrentExecutions"], 500);
    }

    #[test]
    fn a_new_account_reserves_nothing() {
        let mut bench = Bench::of("concurrency-10");
        assert_eq!(settings(&mut bench)["ConcurrentExecutions"], 10);
        let (_, text) = bench.refusal(&reserve("app", 1)).expect("a refusal");
        assert!(text.contains("[10]"), "{text}");
    }

    #[test]
    fn invocations_at_a_time_are_limited() {
        let mut bench = Bench::of("concurrency-10");
        let invoke = call(
            "lambda",
            "POST",
            "/2015-03-31/functions/app/invocations",
            "",
        );
        for _ in 0..10 {
            let decision = bench.front.decide(&invoke, bench.now);
            assert!(matches!(decision, Decision::Forward { .. }));
        }
        let (status, text) = bench.refusal(&invoke).expect("a refusal");
        assert_eq!(status, 429);
        assert!(
            text.contains("\"ConcurrentInvocationLimitExceeded\""),
            "{text}"
        );
        bench.front.ended(&invoke);
        assert_eq!(bench.refusal(&invoke), None);
        bench.front.deselect("concurrency-10");
        bench.json(&reserve("app", 9), &json!({}));
        let (_, text) = bench.refusal(&invoke).expect("a refusal");
        assert!(text.contains("ReservedFunction"), "{text}");
    }

    #[test]
    fn others_use_up_the_concurrency() {
        let mut bench = Bench::of("lambda-throttled");
        let invoke = call(
            "lambda",
            "POST",
            "/2015-03-31/functions/app/invocations",
            "",
        );
        let refused = (0..100)
            .filter(|_| bench.refusal(&invoke).is_some())
            .count();
        assert!((25..75).contains(&refused), "{refused}");
    }
}
