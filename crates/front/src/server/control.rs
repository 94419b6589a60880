//! The control endpoint, by which a test changes scenarios while the proxy runs.

use super::forward::{Body, response};
use super::shared::Shared;
use crate::answer::Answer;
use crate::options::{Data, Kind, seconds, url};
use crate::rule::On;
use crate::rules;
use http::{Method, Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::{Value, json};

pub(super) async fn handle(shared: &Shared, request: Request<Incoming>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let text = match body.collect().await {
        Ok(body) => String::from_utf8_lossy(&body.to_bytes()).trim().to_owned(),
        Err(_) => String::new(),
    };
    let path = parts.uri.path();
    let decided = match path.strip_prefix("/data/") {
        Some(kind) if parts.method == Method::POST => open(shared, kind, &text).await,
        _ => decide(shared, &parts.method, path, &text),
    };
    let answer = match decided {
        Ok(value) => Answer::of_json(200, &value),
        Err(why) => Answer::of_json(400, &json!({"error": why})),
    };
    response(answer)
}

/// Opens a listener for users' requests. The body is `URL`, or `ADDRESS,URL`.
async fn open(shared: &Shared, kind: &str, body: &str) -> Result<Value, String> {
    let (listen, upstream) = body.split_once(',').unwrap_or(("127.0.0.1:0", body));
    let data = Data {
        kind: Kind::read(kind)?,
        listen: listen.to_owned(),
        upstream: url(upstream)?,
    };
    let address = shared.open(data, None).await?;
    Ok(json!({"address": address.to_string()}))
}

/// The result of a request; the body is a scenario's value, a number of seconds, or URLs.
fn decide(shared: &Shared, method: &Method, path: &str, body: &str) -> Result<Value, String> {
    let mut front = shared.front();
    match (method.as_str(), path) {
        ("GET", "/rules") => {
            let is_on = front.rules();
            let rules: Vec<Value> = rules::all()
                .map(|rule| {
                    let scenario = match rule.on {
                        On::Default => None,
                        On::Scenario(name) => Some(name),
                    };
                    json!({
                        "id": rule.id,
                        "kind": rule.kind.name(),
                        "scenario": scenario,
                        "on": is_on.get(rule.id),
                        "summary": rule.summary,
                        "source": rule.source,
                    })
                })
                .collect();
            Ok(Value::Array(rules))
        }
        ("GET", "/scenarios") => Ok(json!({
            "on": front.world.scenarios,
            "known": rules::scenarios(),
        })),
        ("POST", "/gates") => {
            let gates = body.split_whitespace().map(url);
            let gates = gates.collect::<Result<Vec<_>, _>>()?;
            shared.set_gates(gates.clone());
            Ok(json!({ "gates": gates }))
        }
        ("POST", "/logs-delay") => {
            let delay = seconds(body)?;
            front.world.logs_delay = Some(delay);
            Ok(json!({"seconds": delay.as_secs_f64()}))
        }
        (_, path) if path.starts_with("/scenarios/") => {
            let name = &path["/scenarios/".len()..];
            match *method {
                Method::POST => front.select(name, body)?,
                Method::DELETE => drop(front.deselect(name)),
                _ => return Err(format!("{method} {path} is not known")),
            }
            Ok(json!({"on": front.world.scenarios}))
        }
        _ => Err(format!("{method} {path} is not known")),
    }
}
