//! The JSON schema of `landfall.toml`, for editors and checkers. What it cannot say – that memory has to fit
//! the processor, that only one port may be exposed – the reader still checks.

use super::traffic::{DEFAULT_DRAIN_SECONDS, MAX_DRAIN_SECONDS};
use super::watch::{DEFAULT_LOG_RETENTION_DAYS, LOG_RETENTION_DAYS};
use super::{
    Architecture, Capability, Cpu, DOMAIN_LENGTH, Need, SecretName, SecretsStore, StateBackend,
    Target,
};
use serde_json::{Value, json};

/// Where the schema's own words are defined: <https://json-schema.org/draft/2020-12>.
const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

/// A file inside the app directory.
const PATH: &str = r"^(?!/|-)(?!.*(^|/)\.\.(/|$))[^\\]+$";

/// A host's name in lower case, of at least two parts; the last is no number.
const DOMAIN: &str =
    r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+(?![0-9]+$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$";

/// Lower-case letters, digits and single hyphens, as in every name that AWS gets.
const NAME: &str = "^[a-z][a-z0-9]*(-[a-z0-9]+)*$";

/// The name of an environment variable that the app may have.
const VARIABLE: &str = "^(?!LANDFALL_|AWS_)[A-Za-z_][A-Za-z0-9_]*$";

/// The schema.
pub fn schema() -> Value {
    json!({
        "$schema": DRAFT,
        "title": "landfall.toml",
        "description": "How landfall deploys the app in this directory",
        "type": "object",
        "additionalProperties": false,
        "properties": properties(),
    })
}

fn properties() -> Value {
    let words = |all: &[&str]| json!({"type": "string", "enum": all});
    let targets: Vec<&str> = Target::ALL.iter().map(|target| target.as_str()).collect();
    let needs: Vec<String> = Need::ALL.iter().map(ToString::to_string).collect();
    let architectures: Vec<String> = [Architecture::X86_64, Architecture::Arm64]
        .iter()
        .map(ToString::to_string)
        .collect();
    let stores: Vec<String> = SecretsStore::ALL.iter().map(ToString::to_string).collect();
    let cpus = Cpu::all();
    let strings = json!({"type": "array", "items": {"type": "string"}, "uniqueItems": true});
    json!({
        "name": with(json!({"type": "string", "pattern": NAME, "maxLength": 22}),
            "The app; the directory's name unless it is set"),
        "environment": with(json!({"type": "string", "pattern": NAME, "maxLength": 22, "default": "prod"}),
            "One deployment of the app"),
        "target": with(words(&targets), "Where it runs; lambda if the app fits it, unless it is set"),
        "needs": with(json!({"type": "array", "items": {"type": "string", "enum": needs}, "uniqueItems": true, "default": []}),
            "What not every target has"),
        "region": with(json!({"type": "string", "pattern": "^[a-z]{2}(-[a-z]+)+-[0-9]$"}),
            "AWS region; the profile's unless it is set"),
        "domain": with(json!({"type": "string", "pattern": DOMAIN, "maxLength": DOMAIN_LENGTH}),
            "Name of your own that people reach the app under; its zone is in Route 53"),
        "port": with(json!({"type": "integer", "minimum": 1, "maximum": 65535}),
            "TCP port that the app listens on; the Dockerfile's EXPOSE, else 8080, unless it is set"),
        "cpu": with(json!({"type": "integer", "enum": cpus, "default": Cpu::default().units()}),
            "CPU units of a task; 1024 are one vCPU"),
        "memory": with(json!({"type": "integer", "minimum": 512, "maximum": 30720}),
            "MiB; the least for cpu unless it is set"),
        "count": with(json!({"type": "integer", "minimum": 1, "maximum": 10, "default": 1}),
            "Tasks on Fargate"),
        "architecture": with(json!({"type": "string", "enum": architectures, "default": Architecture::default().to_string()}),
            "Processor that the image is built for and runs on"),
        "env": with(json!({"type": "object", "additionalProperties": {"type": "string"}, "default": {}}),
            "Environment variables of the app; no secrets"),
        "secrets": with(json!({"type": "array", "items": {"type": "string", "pattern": VARIABLE, "maxLength": SecretName::LENGTH}, "uniqueItems": true, "default": []}),
            "Environment variables whose values `landfall secrets set` keeps"),
        "secrets_store": with(json!({"type": "string", "enum": stores, "default": SecretsStore::default().to_string()}),
            "Where those values are kept"),
        "container": with(container(), "What the app may do in its container; as little as possible unless it is set"),
        "edge": with(json!({"type": "boolean", "default": true}),
            "Whether landfall's proxy rides in the container, in front of the app"),
        "health": with(json!({"type": "string", "pattern": "^/", "maxLength": 1024, "default": "/"}),
            "Path that tells whether the app answers"),
        "protected": with(json!({"anyOf": [
                {"type": "boolean"},
                strings,
                {"type": "object", "additionalProperties": {"type": "string", "pattern": "^[0-9A-Fa-f]{64}$"}}
            ], "default": []}),
            "Files that must not have changed: those that must equal git HEAD, or a table of files and their SHA-256 sums"),
        "budget": with(json!({"type": "number", "minimum": 0, "maximum": 1_000_000}),
            "USD a month: what costs more without traffic is refused; 0 unless it is set"),
        "alarm_emails": with(json!({"type": "array", "items": {"type": "string", "pattern": "@"}, "uniqueItems": true, "default": []}),
            "Addresses that get alarms, once each has confirmed AWS's mail"),
        "allow": with(json!({"type": "array", "items": {"type": "string", "pattern": "^LF[0-9]{3}$"}, "uniqueItems": true, "default": []}),
            "Findings of the review that are meant, by their rules' ids"),
        "state": with(json!({"type": "string", "enum": ["s3", "local"], "default": StateBackend::default().to_string()}),
            "Where the Terraform state is kept"),
        "dockerfile": with(json!({"type": "string", "pattern": PATH, "default": "Dockerfile"}),
            "Relative to the directory"),
        "drain_seconds": with(json!({"type": "integer", "minimum": 0, "maximum": MAX_DRAIN_SECONDS, "default": DEFAULT_DRAIN_SECONDS}),
            "How long a target keeps answering requests in flight, seconds"),
        "log_retention_days": with(json!({"type": "integer", "enum": LOG_RETENTION_DAYS, "default": DEFAULT_LOG_RETENTION_DAYS}),
            "Days that log lines are kept"),
    })
}

fn container() -> Value {
    let capabilities = Capability::ALL.map(Capability::as_str);
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "user": with(json!({"type": "string", "pattern": "^[A-Za-z0-9_.][A-Za-z0-9_.-]*(:[A-Za-z0-9_.][A-Za-z0-9_.-]*)?$"}),
                "Whom it runs as, by name or number; the image's user, or nobody instead of root, unless it is set"),
            "read_only": with(json!({"type": "boolean", "default": true}),
                "Whether the root filesystem cannot be written; /tmp always can"),
            "writable": with(json!({"type": "array", "items": {"type": "string", "pattern": "^/."}, "uniqueItems": true, "default": []}),
                "Directories besides /tmp that can be written, empty at each start"),
            "capabilities": with(json!({"type": "array", "items": {"type": "string", "enum": capabilities}, "uniqueItems": true, "default": []}),
                "Rights of root that it keeps"),
            "no_new_privileges": with(json!({"type": "boolean", "default": true}),
                "Whether no program in it gets more rights than it was started with"),
        },
    })
}

fn with(mut property: Value, description: &str) -> Value {
    property["description"] = json!(description);
    property
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::manifest::{Draft, Facts, Overrides, key};
    use std::collections::BTreeSet;

    fn instance(text: &str) -> Value {
        let table: toml::Table = toml::from_str(text).expect("TOML");
        serde_json::to_value(table).expect("JSON")
    }

    #[test]
    fn it_has_each_key_and_takes_what_the_errors_propose() {
        let schema = schema();
        let validator = jsonschema::draft202012::new(&schema).expect("a schema");
        let known: BTreeSet<&str> = key::all().map(|(key, _)| key).collect();
        let properties = schema["properties"].as_object().expect("an object");
        let told: BTreeSet<&str> = properties.keys().map(String::as_str).collect();
        assert_eq!(told, known);
        let inner = &properties["container"]["properties"];
        let told: BTreeSet<&str> = inner
            .as_object()
            .expect("an object")
            .keys()
            .map(String::as_str)
            .collect();
        let known: BTreeSet<&str> = key::all_of_container().map(|(key, _)| key).collect();
        assert_eq!(told, known);
        let of_container =
            key::all_of_container().map(|(key, example)| (key, format!("[container]\n{example}")));
        let all = key::all().map(|(key, example)| (key, example.to_owned()));
        for (key, example) in all.chain(of_container) {
            let errors: Vec<String> = validator
                .iter_errors(&instance(&example))
                .map(|error| error.to_string())
                .collect();
            assert!(errors.is_empty(), "{key}: {errors:?}");
        }
    }

    #[test]
    fn its_defaults_are_those_of_the_reader() {
        let facts = Facts {
            directory_name: "app".into(),
            dockerfile: Some("FROM scratch\n".into()),
            ..Facts::default()
        };
        let overrides = Overrides {
            region: crate::app::manifest::Region::parse("eu-west-2").ok(),
            ..Overrides::default()
        };
        let manifest = Draft::read(None)
            .resolve(&facts, &overrides)
            .expect("a manifest");
        let manifest = serde_json::to_value(manifest).expect("JSON");
        for (key, property) in schema()["properties"].as_object().expect("an object") {
            if let Some(default) = property.get("default")
                && let Some(value) = manifest.get(key)
            {
                assert_eq!(value, default, "{key}");
            }
        }
    }

    #[test]
    fn what_the_reader_refuses_it_refuses_where_it_can() {
        let schema = schema();
        let validator = jsonschema::draft202012::new(&schema).expect("a schema");
        for wrong in [
            "prot = 8080",
            "name = \"My_App\"",
            "target = \"ecs\"",
            "needs = [\"speed\"]",
            "region = \"eu-west-2b\"",
            "domain = \"https://app.example.com\"",
            "domain = \"localhost\"",
            "port = \"8080\"",
            "port = 0",
            "cpu = 300",
            "count = 11",
            "health = \"healthz\"",
            "protected = [\"a\", \"a\"]",
            "protected = { a = \"abc\" }",
            "budget = -1",
            "dockerfile = \"/Dockerfile\"",
            "dockerfile = \"../Dockerfile\"",
            "drain_seconds = 111",
            "log_retention_days = 10",
            "env = { A = 1 }",
            "secrets = [\"AWS_KEY\"]",
            "secrets = [\"A\", \"A\"]",
            "secrets_store = \"vault\"",
        ] {
            assert!(!validator.is_valid(&instance(wrong)), "{wrong}");
        }
    }
}
