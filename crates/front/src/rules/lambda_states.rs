//! Lambda: states of functions, and what is refused in them.

use super::lambda::named;
use crate::answer::Answer;
use crate::clock::{Lag, Moment};
use crate::request::Call;
use crate::rule::{Apply, Before, Kind, On, Rule};
use crate::state::lambda::{LATEST, Named};
use crate::world::{ACCOUNT, World};
use serde_json::{Value, json};

const STATES: &str = "https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html";
pub(super) const READS: &[&str] = &["GetFunction", "GetFunctionConfiguration"];

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "lambda-inactive",
        concerns: &[(
            "lambda",
            &[
                "GetFunction",
                "GetFunctionConfiguration",
                "Invoke",
                "InvokeWithResponseStream",
            ],
        )],
        kind: Kind::Refuse,
        on: On::Scenario("lambda-inactive"),
        summary: "Versions that exist when the scenario is selected are Inactive: the first \
                  invocation wakes one up and fails with 409, as do others until it is Active.",
        source: STATES,
        apply: Apply::Both(refuse_inactive, show_inactive),
    },
    Rule {
        id: "lambda-pending",
        concerns: &[(
            "lambda",
            &[
                "CreateFunction",
                "GetFunction",
                "GetFunctionConfiguration",
                "PublishVersion",
            ],
        )],
        kind: Kind::HoldBack,
        on: On::Default,
        summary: "A new function or version is Pending before it is Active.",
        source: STATES,
        apply: Apply::Response(show_pending),
    },
    Rule {
        id: "lambda-update-in-progress",
        concerns: &[(
            "lambda",
            &[
                "GetFunction",
                "GetFunctionConfiguration",
                "UpdateFunctionCode",
                "UpdateFunctionConfiguration",
            ],
        )],
        kind: Kind::HoldBack,
        on: On::Default,
        summary: "After an update LastUpdateStatus is InProgress for a while.",
        source: STATES,
        apply: Apply::Response(show_update),
    },
    Rule {
        id: "lambda-busy",
        concerns: &[(
            "lambda",
            &[
                "Invoke",
                "InvokeWithResponseStream",
                "PublishVersion",
                "UpdateFunctionCode",
                "UpdateFunctionConfiguration",
            ],
        )],
        kind: Kind::Refuse,
        on: On::Default,
        summary: "A function that is Pending cannot be invoked or changed, and one update at a \
                  time is in progress.",
        source: STATES,
        apply: Apply::Request(refuse_busy),
    },
];

/// How long it takes a version to wake up.
const AWAKE: Lag = Lag {
    short: (2.0, 4.0),
    real: (40.0, 106.0),
};

const PENDING: &str = "The operation cannot be performed at this time. The function is currently \
                       in the following state: Pending";

pub(super) fn selected(world: &mut World, scenario: &str) {
    if scenario == "lambda-inactive" {
        world.state.lambda.sleep();
    }
}

/// Changes the configuration in a response.
pub(super) fn edit(answer: &mut Answer, change: impl FnOnce(&mut Value)) {
    if !answer.status.is_success() {
        return;
    }
    answer.edit(|answer| {
        if answer["Configuration"].is_object() {
            change(&mut answer["Configuration"]);
        } else {
            change(answer);
        }
    });
}

pub(super) fn state(configuration: &mut Value, state: &str, code: &str, reason: &str) {
    configuration["State"] = json!(state);
    configuration["StateReasonCode"] = json!(code);
    configuration["StateReason"] = json!(reason);
}

/// The version that a response describes.
pub(super) fn answered(call: &Call, answer: &Answer) -> Named {
    let mut named = named(call);
    let json = answer.json();
    if let Some(version) = json["Version"].as_str() {
        version.clone_into(&mut named.qualifier);
    }
    named
}

fn refuse_inactive(world: &mut World, call: &Call) -> Before {
    if READS.contains(&call.operation.as_str()) {
        return Before::Pass;
    }
    let named = named(call);
    let awake = world.later(AWAKE);
    let Some((number, version)) = world.state.lambda.version(&named) else {
        return Before::Pass;
    };
    match version.awake {
        Some(awake) if world.now >= awake => return Before::Pass,
        Some(_) => {}
        None => {
            let function = world.state.lambda.entry(&named.function);
            if let Some(version) = function.versions.get_mut(&number) {
                version.awake = Some(awake);
            }
        }
    }
    let message = "Lambda is initializing your function. It will be ready to invoke shortly.";
    Before::Answer(Answer::error(
        call,
        409,
        "CodeArtifactUserPendingException",
        message,
    ))
}

fn show_inactive(world: &mut World, call: &Call, answer: &mut Answer) {
    if !READS.contains(&call.operation.as_str()) {
        return;
    }
    let awake = match world.state.lambda.version(&answered(call, answer)) {
        Some((_, version)) => version.awake,
        None => return,
    };
    match awake {
        None => edit(answer, |found| {
            state(found, "Inactive", "Idle", "The function is inactive.");
        }),
        Some(awake) if world.now < awake => edit(answer, |found| {
            state(
                found,
                "Pending",
                "Restoring",
                "The function is being restored.",
            );
        }),
        Some(_) => {}
    }
}

fn active(world: &World, named: &Named) -> Moment {
    let version = world.state.lambda.version(named);
    version.map_or(Moment::default(), |(_, version)| version.active)
}

fn show_pending(world: &mut World, call: &Call, answer: &mut Answer) {
    if world.now < active(world, &answered(call, answer)) {
        edit(answer, |found| {
            state(
                found,
                "Pending",
                "Creating",
                "The function is being created.",
            );
        });
    }
}

fn show_update(world: &mut World, call: &Call, answer: &mut Answer) {
    let named = answered(call, answer);
    let Some(function) = world.state.lambda.functions.get(&named.function) else {
        return;
    };
    if named.qualifier != LATEST || world.now >= function.update {
        return;
    }
    edit(answer, |found| {
        found["LastUpdateStatus"] = json!("InProgress");
        found["LastUpdateStatusReasonCode"] = json!("Creating");
        found["LastUpdateStatusReason"] = json!("The function is being created.");
    });
}

fn refuse_busy(world: &mut World, call: &Call) -> Before {
    let named = named(call);
    if world.now < active(world, &named) {
        return Before::Answer(Answer::error(
            call,
            409,
            "ResourceConflictException",
            PENDING,
        ));
    }
    let function = world.state.lambda.functions.get(&named.function);
    let is_updating = function.is_some_and(|function| world.now < function.update);
    if call.operation.starts_with("Invoke") || !is_updating {
        return Before::Pass;
    }
    let message = format!(
        "The operation cannot be performed at this time. An update is in progress for resource: \
         arn:aws:lambda:{}:{ACCOUNT}:function:{}",
        call.region, named.function
    );
    Before::Answer(Answer::error(
        call,
        409,
        "ResourceConflictException",
        &message,
    ))
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{Bench, call, on_function, version_state};
    use serde_json::{Value, json};

    fn create(bench: &mut Bench) -> Value {
        let body = json!({"FunctionName": "app"}).to_string();
        let create = call("lambda", "POST", "/2015-03-31/functions", &body);
        bench.json(&create, &json!({"Version": "$LATEST", "State": "Active"}))
    }

    fn publish(bench: &mut Bench) -> Value {
        bench.json(
            &on_function("POST", "/versions"),
            &json!({"Version": "1", "State": "Active"}),
        )
    }

    #[test]
    fn a_new_function_and_a_new_version_are_pending() {
        let mut bench = Bench::new();
        assert_eq!(create(&mut bench)["State"], "Pending");
        assert_eq!(version_state(&mut bench, "$LATEST"), "Pending");
        bench.pass(4);
        assert_eq!(version_state(&mut bench, "$LATEST"), "Active");
        assert_eq!(publish(&mut bench)["StateReasonCode"], "Creating");
        assert_eq!(version_state(&mut bench, "1"), "Pending");
        assert_eq!(version_state(&mut bench, "$LATEST"), "Active");
        bench.pass(4);
        assert_eq!(version_state(&mut bench, "1"), "Active");
    }

    #[test]
    fn a_pending_function_is_busy_and_so_is_one_with_an_update() {
        let mut bench = Bench::new();
        create(&mut bench);
        let invoke = on_function("POST", "/invocations");
        let code = on_function("PUT", "/code");
        let (status, text) = bench.refusal(&invoke).expect("a refusal");
        assert_eq!(status, 409);
        assert!(text.starts_with("ResourceConflictException"), "{text}");
        assert!(bench.refusal(&code).is_some());
        bench.pass(4);
        assert_eq!(bench.refusal(&invoke), None);
        let updated = bench.json(&code, &json!({"Version": "$LATEST"}));
        assert_eq!(updated["LastUpdateStatus"], "InProgress");
        assert_eq!(bench.refusal(&invoke), None, "the old code serves");
        let (_, text) = bench
            .refusal(&on_function("POST", "/versions"))
            .expect("a refusal");
        assert!(text.contains("An update is in progress"), "{text}");
        bench.pass(3);
        assert_eq!(bench.refusal(&on_function("POST", "/versions")), None);
        let get = bench.json(
            &on_function("GET", "/configuration"),
            &json!({"LastUpdateStatus": "Successful"}),
        );
        assert_eq!(get["LastUpdateStatus"], "Successful");
    }

    #[test]
    fn an_inactive_version_wakes_up_at_the_first_invocation() {
        let mut bench = Bench::new();
        create(&mut bench);
        bench.pass(4);
        publish(&mut bench);
        bench.pass(4);
        bench
            .front
            .select("lambda-inactive", "")
            .expect("a scenario");
        assert_eq!(version_state(&mut bench, "1"), "Inactive");
        let invoke = on_function("POST", "/invocations?Qualifier=1");
        let (status, text) = bench.refusal(&invoke).expect("a refusal");
        assert_eq!(status, 409);
        assert!(
            text.starts_with("CodeArtifactUserPendingException"),
            "{text}"
        );
        assert_eq!(version_state(&mut bench, "1"), "Pending");
        assert_eq!(version_state(&mut bench, "$LATEST"), "Inactive");
        assert!(bench.refusal(&invoke).is_some());
        bench.pass(5);
        assert_eq!(bench.refusal(&invoke), None);
        assert_eq!(version_state(&mut bench, "1"), "Active");
    }
}
