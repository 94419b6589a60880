//! Calls and a clock for the tests of rules.

use crate::answer::Answer;
use crate::clock::Moment;
use crate::front::{Decision, Front};
use crate::request::Call;
use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Value, json};
use std::time::Duration;

/// A front with a clock that the test turns.
pub(crate) struct Bench {
    pub(crate) front: Front,
    pub(crate) now: Moment,
}

impl Bench {
    pub(crate) fn new() -> Bench {
        Bench {
            front: Front::new(1, false),
            now: Moment(1_795_940_955_000),
        }
    }

    /// With a scenario selected.
    pub(crate) fn of(scenario: &str) -> Bench {
        let mut bench = Bench::new();
        bench.front.select(scenario, "").expect("a scenario");
        bench
    }

    pub(crate) fn pass(&mut self, seconds: u64) {
        self.now = self.now.after(Duration::from_secs(seconds));
    }

    /// The response to a call, for which the emulator has `answer`.
    pub(crate) fn call(&mut self, call: &Call, answer: Answer) -> Answer {
        match self.front.decide(call, self.now) {
            Decision::Answer(answer) => answer,
            Decision::Forward { .. } => {
                self.front.ended(call);
                self.front.answered(call, answer, self.now)
            }
        }
    }

    /// The same in JSON.
    pub(crate) fn json(&mut self, call: &Call, answer: &Value) -> Value {
        self.call(call, Answer::of_json(200, answer)).json()
    }

    /// The refusal of a call, as status and text; [`None`] if it is forwarded.
    pub(crate) fn refusal(&mut self, call: &Call) -> Option<(u16, String)> {
        match self.front.decide(call, self.now) {
            Decision::Forward { .. } => {
                self.front.ended(call);
                None
            }
            Decision::Answer(answer) => {
                let code = answer.headers.get("x-amzn-errortype");
                let code = code.map_or("", |code| code.to_str().unwrap_or_default());
                Some((answer.status.as_u16(), format!("{code}: {}", answer.text())))
            }
        }
    }

    /// The body with which a call is forwarded.
    pub(crate) fn sent(&mut self, call: &Call) -> String {
        match self.front.decide(call, self.now) {
            Decision::Forward { body } => {
                let body = body.unwrap_or_else(|| call.body.clone());
                String::from_utf8_lossy(&body).into_owned()
            }
            Decision::Answer(answer) => panic!("refused: {}", answer.text()),
        }
    }

    /// The same in JSON.
    pub(crate) fn forwarded(&mut self, call: &Call) -> Value {
        serde_json::from_str(&self.sent(call)).unwrap_or(Value::Null)
    }
}

/// A call of any protocol.
pub(crate) fn call(service: &str, method: &str, target: &str, body: &str) -> Call {
    let scope =
        format!("AWS4-HMAC-SHA256 Credential=test/20261129/us-east-1/{service}/aws4_request, X");
    let mut headers = HeaderMap::new();
    headers.insert("authorization", scope.parse().expect("a value"));
    if body.starts_with("Action=") {
        let form = "application/x-www-form-urlencoded".parse();
        headers.insert("content-type", form.expect("a value"));
    }
    let body = Bytes::copy_from_slice(body.as_bytes());
    Call::of_head(method, target, &headers).with_body(body)
}

/// A call about the function `app` of Lambda.
pub(crate) fn on_function(method: &str, path: &str) -> Call {
    let target = format!("/2015-03-31/functions/app{path}");
    call("lambda", method, &target, "{}")
}

/// The state of a version of that function, which the emulator reports as active.
pub(crate) fn version_state(bench: &mut Bench, version: &str) -> Value {
    let stored = json!({"Configuration": {"Version": version, "State": "Active"}});
    let get = on_function("GET", &format!("?Qualifier={version}"));
    bench.json(&get, &stored)["Configuration"]["State"].clone()
}

/// A call of a JSON service, such as `ecs`.
pub(crate) fn target(service: &str, operation: &str, body: &Value) -> Call {
    let mut call = call(service, "POST", "/", &body.to_string());
    let name = format!("Service.{operation}");
    call.headers
        .insert("x-amz-target", name.parse().expect("a value"));
    operation.clone_into(&mut call.operation);
    call
}

/// A call of a Query service, such as `iam`.
pub(crate) fn query(service: &str, parameters: &[(&str, &str)]) -> Call {
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(parameters)
        .finish();
    call(service, "POST", "/", &body)
}
