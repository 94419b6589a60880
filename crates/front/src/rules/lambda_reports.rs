//! Lambda: the lines that the platform writes about each invocation.

use super::lambda::named;
use crate::answer::Answer;
use crate::request::Call;
use crate::rule::{Apply, Kind, On, Rule};
use crate::world::{Outgoing, World};
use serde_json::{Value, json};

pub(super) const RULES: &[Rule] = &[Rule {
    id: "lambda-report-lines",
    concerns: &[("lambda", &["Invoke"])],
    kind: Kind::Rewrite,
    on: On::Default,
    summary: "Each invocation ends with a REPORT line in the log group, and a failed start with an \
              INIT_REPORT line.",
    source: "https://docs.aws.amazon.com/lambda/latest/operatorguide/log-structure.html",
    apply: Apply::Response(report),
}];

/// Errors of an invocation whose runtime did not start.
const OF_INIT: [&str; 4] = [
    "Extension.",
    "Runtime.InvalidEntrypoint",
    "Runtime.ExitError",
    "Sandbox.Timedout",
];

fn report(world: &mut World, call: &Call, answer: &mut Answer) {
    if !answer.status.is_success() {
        return;
    }
    let mut named = named(call);
    let Some((number, version)) = world.state.lambda.version(&named) else {
        return;
    };
    let was_warm = version.is_warm;
    named.qualifier.clone_from(&number);
    let has_failed = answer.headers.contains_key("x-amz-function-error");
    let id = answer.headers.get("x-amzn-requestid");
    let id = id.and_then(|id| id.to_str().ok()).map(str::to_owned);
    let id = id.unwrap_or_else(|| world.random.id());
    let payload = if has_failed {
        answer.json()
    } else {
        Value::Null
    };
    let kind = payload["errorType"].as_str().unwrap_or_default().to_owned();
    let status = status(&kind, &payload);
    let function = world.state.lambda.entry(&named.function);
    let memory = function.memory.max(128);
    if let Some(version) = function.versions.get_mut(&number) {
        version.is_warm = !has_failed;
    }
    let is_of_init = !was_warm && OF_INIT.iter().any(|start| kind.starts_with(start));
    let end = status.map_or(String::new(), |status| match status {
        "timeout" => "\tStatus: timeout".to_owned(),
        _ => format!("\tStatus: {status}\tError Type: {kind}"),
    });
    let mut lines = Vec::new();
    if is_of_init {
        lines.push(format!(
            "INIT_REPORT Init Duration: 100.00 ms\tPhase: init{end}"
        ));
    }
    lines.push(format!("START RequestId: {id} Version: {number}"));
    lines.push(format!("END RequestId: {id}"));
    lines.push(format!(
        "REPORT RequestId: {id}\tDuration: 1.00 ms\tBilled Duration: 1 ms\tMemory Size: {memory} \
         MB\tMax Memory Used: {} MB{end}",
        memory.min(128)
    ));
    write(world, call, &named.function, &number, &lines);
}

/// The `Status` of a failed invocation whose error is the platform's.
fn status(kind: &str, payload: &Value) -> Option<&'static str> {
    let message = payload["errorMessage"].as_str().unwrap_or_default();
    if kind == "Sandbox.Timedout" || message.contains("Task timed out after") {
        return Some("timeout");
    }
    let is_platform = ["Runtime.", "Extension.", "Sandbox."];
    is_platform
        .iter()
        .any(|start| kind.starts_with(start))
        .then_some("error")
}

/// Writes lines to the stream of a version.
fn write(world: &mut World, call: &Call, function: &str, version: &str, lines: &[String]) {
    let (year, month, day) = world.now.date();
    let group = format!("/aws/lambda/{function}");
    let stream = format!("{year}/{month:02}/{day:02}/[{version}]platform");
    let events: Vec<Value> = lines
        .iter()
        .map(|line| json!({"timestamp": world.now.0, "message": format!("{line}\n")}))
        .collect();
    let mut send = |operation: &str, body: Value| {
        world.outbox.push(Outgoing {
            due: world.now,
            service: "logs",
            region: call.region.clone(),
            // The platform writes these lines, not the caller.
            identity: "test".to_owned(),
            target: Some(format!("Logs_20140328.{operation}")),
            content_type: "application/x-amz-json-1.1",
            body: body.to_string().into(),
        });
    };
    let place = json!({"logGroupName": group, "logStreamName": stream});
    send("CreateLogStream", place.clone());
    let mut events_body = place;
    events_body["logEvents"] = json!(events);
    send("PutLogEvents", events_body);
}

#[cfg(test)]
mod tests {
    use crate::answer::Answer;
    use crate::rules::testing::{Bench, call};
    use serde_json::{Value, json};

    fn created() -> Bench {
        let mut bench = Bench::new();
        let body = json!({"FunctionName": "app", "MemorySize": 512}).to_string();
        let create = call("lambda", "POST", "/2015-03-31/functions", &body);
        bench.json(&create, &json!({"Version": "$LATEST"}));
        bench.pass(4);
        bench
    }

    fn invoke(bench: &mut Bench, error: Option<&Value>) -> Vec<String> {
        let invoke = call(
            "lambda",
            "POST",
            "/2015-03-31/functions/app/invocations",
            "",
        );
        let mut answer = Answer::of_json(200, error.unwrap_or(&json!({})));
        if error.is_some() {
            let unhandled = "Unhandled".parse().expect("a value");
            answer.headers.insert("x-amz-function-error", unhandled);
        }
        bench.call(&invoke, answer);
        let sent = bench.front.own_calls();
        assert_eq!(
            sent[0].target.as_deref(),
            Some("Logs_20140328.CreateLogStream")
        );
        let body: Value = serde_json::from_slice(&sent[1].body).expect("JSON");
        assert_eq!(body["logGroupName"], "/aws/lambda/app");
        assert_eq!(body["logStreamName"], "2026/11/29/[$LATEST]platform");
        let events = body["logEvents"].as_array().expect("events");
        let texts = events.iter().map(|event| event["message"].as_str());
        texts.map(|text| text.expect("text").to_owned()).collect()
    }

    #[test]
    fn an_invocation_is_reported() {
        let mut bench = created();
        let lines = invoke(&mut bench, None);
        assert!(lines[0].starts_with("START RequestId: "), "{lines:?}");
        assert!(lines[2].contains("\tMemory Size: 512 MB\t"), "{lines:?}");
        assert!(!lines[2].contains("Status:"), "{lines:?}");
        let error = json!({"errorType": "Error", "errorMessage": "the app's own"});
        assert!(!invoke(&mut bench, Some(&error))[2].contains("Status:"));
    }

    #[test]
    fn a_crash_and_a_timeout_are_reported() {
        let mut bench = created();
        let crash = json!({"errorType": "Runtime.ExitError", "errorMessage": "exited"});
        let lines = invoke(&mut bench, Some(&crash));
        assert!(lines[0].starts_with("INIT_REPORT "), "{lines:?}");
        assert!(
            lines[3].contains("\tStatus: error\tError Type: Runtime.ExitError"),
            "{lines:?}"
        );
        invoke(&mut bench, None);
        let late = json!({"errorMessage": "2026 Task timed out after 30.00 seconds"});
        let lines = invoke(&mut bench, Some(&late));
        assert!(lines[2].ends_with("\tStatus: timeout\n"), "{lines:?}");
    }
}
