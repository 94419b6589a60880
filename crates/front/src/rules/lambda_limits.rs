//! Lambda: limits of a function's configuration.

use crate::answer::Answer;
use crate::request::Call;
use crate::rule::{Apply, Before, Concern, Kind, On, Rule};
use crate::world::World;
use serde_json::{Map, Value};

const CONFIGURATIONS: &[Concern] =
    &[("lambda", &["CreateFunction", "UpdateFunctionConfiguration"])];

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "lambda-memory-limit",
        concerns: CONFIGURATIONS,
        kind: Kind::Refuse,
        on: On::Default,
        summary: "A function has at most 3,008 MB of memory in an account without an increase.",
        source: "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html",
        apply: Apply::Request(memory),
    },
    Rule {
        id: "lambda-environment-size",
        concerns: CONFIGURATIONS,
        kind: Kind::Refuse,
        on: On::Default,
        summary: "All environment variables of a function together have at most 4 KB.",
        source: "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html",
        apply: Apply::Request(environment_size),
    },
    Rule {
        id: "lambda-environment-names",
        concerns: CONFIGURATIONS,
        kind: Kind::Refuse,
        on: On::Default,
        summary: "Reserved names of environment variables are refused, and so are names that do \
                  not match [a-zA-Z]([a-zA-Z0-9_])+.",
        source: "https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html",
        apply: Apply::Request(environment_names),
    },
];

const LARGEST_MEMORY: u64 = 3_008;
const LARGEST_ENVIRONMENT: usize = 4_096;

/// Names that only the platform may set.
const RESERVED: [&str; 20] = [
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SECRET_KEY",
    "AWS_SESSION_TOKEN",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
    "_AWS_XRAY_DAEMON_ADDRESS",
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
];

fn refuse(call: &Call, message: &str) -> Before {
    Before::Answer(Answer::error(
        call,
        400,
        "InvalidParameterValueException",
        message,
    ))
}

fn memory(_: &mut World, call: &Call) -> Before {
    match call.json()["MemorySize"].as_u64() {
        Some(memory) if memory > LARGEST_MEMORY => refuse(
            call,
            "'MemorySize' value failed to satisfy constraint: Member must have value less than or \
             equal to 3008",
        ),
        _ => Before::Pass,
    }
}

fn variables(request: &Value) -> Option<&Map<String, Value>> {
    request["Environment"]["Variables"].as_object()
}

fn environment_size(_: &mut World, call: &Call) -> Before {
    let request = call.json();
    let Some(variables) = variables(&request) else {
        return Before::Pass;
    };
    let measured = Value::Object(variables.clone()).to_string();
    if measured.len() <= LARGEST_ENVIRONMENT {
        return Before::Pass;
    }
    let message = format!(
        "Lambda was unable to configure your environment variables because the environment \
         variables you have provided exceeded the 4KB limit. String measured: {measured}"
    );
    refuse(call, &message)
}

fn environment_names(_: &mut World, call: &Call) -> Before {
    let request = call.json();
    let names: Vec<&str> = variables(&request)
        .into_iter()
        .flatten()
        .map(|(name, _)| name.as_str())
        .collect();
    let reserved: Vec<&str> = names
        .iter()
        .copied()
        .filter(|name| RESERVED.contains(name))
        .collect();
    if !reserved.is_empty() {
        let message = format!(
            "Lambda was unable to configure your environment variables because the environment \
             variables you have provided contains reserved keys that are currently not supported \
             for modification. Reserved keys used in this request: {}",
            reserved.join(", ")
        );
        return refuse(call, &message);
    }
    if names.iter().all(|name| is_name(name)) {
        return Before::Pass;
    }
    let message = "1 validation error detected: Value at 'environment.variables' failed to satisfy \
                   constraint: Map keys must satisfy constraint: [Member must satisfy regular \
                   expression pattern: [a-zA-Z]([a-zA-Z0-9_])+]";
    Before::Answer(Answer::error(call, 400, "ValidationException", message))
}

fn is_name(name: &str) -> bool {
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic());
    starts && name.len() > 1 && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use crate::request::Call;
    use crate::rules::testing::{Bench, call};
    use serde_json::{Value, json};

    fn create(more: &Value) -> Call {
        call("lambda", "POST", "/2015-03-31/functions", &more.to_string())
    }

    fn with(name: &str, value: &str) -> Call {
        create(&json!({"Environment": {"Variables": {name: value}}}))
    }

    #[test]
    fn memory_has_a_limit() {
        let mut bench = Bench::new();
        assert_eq!(bench.refusal(&create(&json!({"MemorySize": 3_008}))), None);
        let large = create(&json!({"MemorySize": 3_009}));
        let (status, text) = bench.refusal(&large).expect("a refusal");
        assert_eq!(status, 400);
        assert!(text.contains("less than or equal to 3008"), "{text}");
    }

    #[test]
    fn the_environment_has_a_limit() {
        let mut bench = Bench::new();
        // {"KEY":"…"} has ten characters besides the value.
        assert_eq!(bench.refusal(&with("KEY", &"x".repeat(4_086))), None);
        let (_, text) = bench
            .refusal(&with("KEY", &"x".repeat(4_087)))
            .expect("a refusal");
        assert!(text.contains("exceeded the 4KB limit"), "{text}");
    }

    #[test]
    fn names_are_checked() {
        let mut bench = Bench::new();
        for name in ["AB", "app_1", "AWS_LAMBDA_EXEC_WRAPPER"] {
            assert_eq!(bench.refusal(&with(name, "1")), None, "{name}");
        }
        for name in ["AWS_REGION", "_HANDLER", "LAMBDA_TASK_ROOT"] {
            let (_, text) = bench.refusal(&with(name, "1")).expect("a refusal");
            assert!(text.contains(&format!("in this request: {name}")), "{text}");
        }
        for name in ["A", "_X", "1A", "A-B"] {
            let (_, text) = bench.refusal(&with(name, "1")).expect("a refusal");
            assert!(text.contains("ValidationException"), "{text}");
        }
    }
}
