//! Lambda: what is remembered of functions, versions and aliases.

use crate::answer::Answer;
use crate::clock::Lag;
use crate::request::Call;
use crate::rule::Concern;
use crate::state::lambda::{LATEST, Named, Version};
use crate::world::World;
use serde_json::Value;

pub(super) const OBSERVED: &[Concern] = &[(
    "lambda",
    &[
        "CreateAlias",
        "CreateFunction",
        "DeleteFunction",
        "DeleteFunctionConcurrency",
        "PublishVersion",
        "PutFunctionConcurrency",
        "UpdateAlias",
        "UpdateFunctionCode",
        "UpdateFunctionConfiguration",
    ],
)];

/// From creation to the first possible invocation, for an image.
const ACTIVE: Lag = Lag {
    short: (1.0, 3.0),
    real: (10.0, 60.0),
};
/// From an update to its end.
const UPDATED: Lag = Lag {
    short: (0.5, 2.0),
    real: (5.0, 30.0),
};

/// The function and the version or alias that a call is about.
pub(super) fn named(call: &Call) -> Named {
    let name = match call.operation.as_str() {
        "CreateFunction" => call.json()["FunctionName"].as_str().map(str::to_owned),
        _ => call.segment(2),
    };
    Named::read(&name.unwrap_or_default(), call.parameter("Qualifier"))
}

pub(super) fn observe(world: &mut World, call: &Call, answer: &Answer) {
    let named = named(call);
    let name = named.function.as_str();
    let (request, answer) = (call.json(), answer.json());
    let now = world.now;
    match call.operation.as_str() {
        "CreateFunction" => {
            let active = world.later(ACTIVE);
            let version = Version {
                active,
                image: text(&request["Code"]["ImageUri"]),
                awake: Some(now),
                is_warm: false,
            };
            let function = world.state.lambda.entry(name);
            if let Some(number) = answer["Version"].as_str().filter(|one| *one != LATEST) {
                function.versions.insert(number.to_owned(), version.clone());
            }
            function.versions.insert(LATEST.to_owned(), version);
            function.memory = request["MemorySize"].as_u64().unwrap_or(128);
        }
        "DeleteFunction" if call.parameter("Qualifier").is_some() => {
            let function = world.state.lambda.entry(name);
            function.versions.remove(&named.qualifier);
        }
        "DeleteFunction" => drop(world.state.lambda.functions.remove(name)),
        "UpdateFunctionCode" | "UpdateFunctionConfiguration" => {
            let update = world.later(UPDATED);
            let function = world.state.lambda.entry(name);
            function.update = update;
            if let Some(memory) = request["MemorySize"].as_u64() {
                function.memory = memory;
            }
            let latest = function.versions.entry(LATEST.to_owned()).or_default();
            latest.is_warm = false;
            latest.awake = Some(now);
            if let Some(image) = request["ImageUri"].as_str() {
                image.clone_into(&mut latest.image);
            }
            let version = latest.clone();
            if let Some(number) = answer["Version"].as_str().filter(|one| *one != LATEST) {
                function.versions.insert(number.to_owned(), version);
            }
        }
        "PublishVersion" => {
            let active = world.later(ACTIVE);
            let function = world.state.lambda.entry(name);
            let latest = function.versions.get(LATEST).cloned().unwrap_or_default();
            let version = Version {
                active,
                image: latest.image,
                awake: Some(now),
                is_warm: false,
            };
            if let Some(number) = answer["Version"].as_str() {
                let versions = &mut function.versions;
                versions.entry(number.to_owned()).or_insert(version);
            }
        }
        "CreateAlias" | "UpdateAlias" => {
            let alias = text(&answer["Name"]);
            let version = text(&answer["FunctionVersion"]);
            let function = world.state.lambda.entry(name);
            function.aliases.insert(alias, version);
        }
        "PutFunctionConcurrency" => {
            let reserved = request["ReservedConcurrentExecutions"].as_u64();
            world.state.lambda.entry(name).reserved = reserved;
        }
        "DeleteFunctionConcurrency" => world.state.lambda.entry(name).reserved = None,
        _ => {}
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
