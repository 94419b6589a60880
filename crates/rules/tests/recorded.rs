//! What earlier versions of landfall keep and send, recorded: this one reads each and writes it back the
//! same. The state bucket of an environment outlives the landfall that made it, and scripts read
//! `--json`.
//!
//! A recording never changes. What is new gets a recording of its own.

use edge_contract::probe::{self, ProbeAnswer};
use edge_contract::summary::Summary;
use rules::app::manifest::{RuleId, Target};
use rules::event::{self, Line};
use rules::leave::eject::Ejected;
use rules::operate::expiry::LocalExpiry;
use rules::operate::ttl::{ObservedExpiry, TAG_EXPIRES_AT, Ttl, tag_value};
use rules::release::canary::{Judgement, audit, judge};
use rules::release::lease::Lease;
use rules::release::ledger::{LEASE_KEY, RELEASES_PREFIX, Record};
use rules::release::published_versions::{self, Stay};
use rules::release::revision::{Revision, RevisionId};
use rules::release::{Release, ReleaseTimings, Step};
use rules::shape::contract::{
    CiInputs, CiOutputs, DomainOutputs, FargateDomainInputs, FargateInputs, FargateOutputs,
    FoundationInputs, FoundationOutputs, LambdaDomainInputs, LambdaInputs, LambdaOutputs,
};
use rules::shape::review::Rule;
use rules::time::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::HashSet;

macro_rules! recording {
    ($name:literal) => {
        parsed(include_str!(concat!("recorded/", $name, ".json")))
    };
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).expect("the recording is JSON")
}

fn all(recording: &Value) -> &[Value] {
    recording.as_array().expect("an array")
}

fn text(recording: &Value) -> &str {
    recording.as_str().expect("a text")
}

fn read<T: DeserializeOwned>(recorded: &Value) -> T {
    serde_json::from_value(recorded.clone()).unwrap_or_else(|error| panic!("{error}: {recorded}"))
}

fn written(value: &impl Serialize) -> Value {
    serde_json::to_value(value).expect("JSON")
}

/// Reads it as a `T`, and compares what that writes.
#[track_caller]
fn comes_back<T: Serialize + DeserializeOwned>(recorded: &Value) -> T {
    let value: T = read(recorded);
    assert_eq!(written(&value), *recorded);
    value
}

/// The line without findings of removed review rules. They only saw our own HCL, are tests of `infra`
/// now, and are not reported any more; their IDs stay valid in `allow`.
fn without_removed_rules(line: &Value) -> Value {
    let mut line = line.clone();
    let Some(findings) = line.get_mut("findings").and_then(Value::as_array_mut) else {
        return line;
    };
    findings.retain(|finding| {
        let is_reported = serde_json::from_value::<Rule>(finding["rule"].clone()).is_ok();
        assert!(is_reported || RuleId::parse(text(&finding["rule"])).is_ok());
        is_reported
    });
    assert_eq!(findings.len(), 5);
    line
}

#[test]
fn every_event_is_read_and_written_the_same() {
    let recording = recording!("events");
    let mut types = HashSet::new();
    for line in all(&recording) {
        let line = comes_back::<Line>(&without_removed_rules(line));
        assert_eq!(line.v, event::VERSION);
        types.insert(std::mem::discriminant(&line.event));
    }
    assert_eq!(types.len(), 48, "every type of event is in the recording");
}

#[test]
fn every_record_of_the_ledger_is_read_and_written_the_same() {
    let recording = recording!("releases");
    for record in all(&recording) {
        comes_back::<Record>(record);
        Record::parse(&record.to_string()).expect("a record");
    }
}

#[test]
fn every_recorded_step_still_follows_from_what_was_seen() {
    let recording = recording!("releases");
    // The first record holds each step and outcome once, and is no release that ever happened.
    let (_, played) = all(&recording).split_first().expect("records");
    assert_eq!(played.len(), 7);
    for record in played {
        let record: Record = read(record);
        record
            .replay()
            .unwrap_or_else(|wrong| panic!("release {}: {wrong:?}", record.number));
    }
}

#[test]
fn a_record_without_the_fields_that_have_defaults_is_read() {
    let recording = recording!("release_without_defaults");
    let record: Record = read(&recording);
    let mut again = written(&record);
    let fields = again.as_object_mut().expect("an object");
    assert!(fields.remove("policy").is_some() && fields.remove("counts").is_some());
    assert_eq!(again, recording);
}

#[test]
fn objects_lie_where_they_lay() {
    let recording = recording!("keys");
    assert_eq!(recording["lease"], LEASE_KEY);
    assert_eq!(recording["releases"], RELEASES_PREFIX);
    for number in [7, 1_234_567] {
        let key = Record::key(number);
        assert_eq!(recording[format!("release {number}")], key);
        assert_eq!(Record::number_of(&key), Some(number));
    }
}

#[test]
fn every_lease_is_read_and_written_the_same() {
    let recording = recording!("leases");
    for lease in all(&recording) {
        comes_back::<Lease>(lease);
    }
    let text = include_str!("recorded/lease.txt");
    let lease = Lease::parse(text).expect("a lease");
    assert_eq!(lease.to_text().expect("text"), text);
    assert_eq!(written(&lease), all(&recording)[0]);
}

#[test]
fn a_revision_keeps_its_id_and_environment() {
    let recording = recording!("revisions");
    for recorded in all(&recording) {
        let revision = comes_back::<Revision>(&recorded["revision"]);
        assert_eq!(written(&revision.id()), recorded["id"]);
        assert_eq!(written(&revision.environment()), recorded["environment"]);
        assert_eq!(written(&revision.front_port()), recorded["front_port"]);
    }
}

#[test]
fn releases_take_the_time_they_took() {
    let recording = recording!("timings");
    let now = [
        ReleaseTimings::default_for(Target::Fargate, true, 120),
        ReleaseTimings::default_for(Target::Fargate, false, 120),
        ReleaseTimings::default_for(Target::Lambda, true, 120),
    ];
    assert_eq!(written(&now), recording);
    for timings in all(&recording) {
        comes_back::<ReleaseTimings>(timings);
    }
}

#[test]
fn the_tag_with_the_expiry_is_read_and_written_the_same() {
    let recording = recording!("ttl");
    let now: Timestamp = read(&recording["now"]);
    assert_eq!(recording["key"], TAG_EXPIRES_AT);
    for recorded in all(&recording["tags"]) {
        let lifetime = comes_back::<ObservedExpiry>(&recorded["lifetime"]);
        assert_eq!(
            ObservedExpiry::read(now, recorded["tag"].as_str()),
            lifetime
        );
    }
    for ttl in all(&recording["ttls"]) {
        comes_back::<Ttl>(ttl);
    }
    let file = recording!("ttl_file");
    comes_back::<LocalExpiry>(&file);
    let two_hours = Ttl::parse("2h").expect("a TTL").expires_at(now);
    assert_eq!(recording["two_hours_from_now"], tag_value(two_hours));
}

#[test]
fn descriptions_of_aliases_round_trip() {
    let recording = recording!("aliases");
    assert_eq!(recording["live"], published_versions::LIVE);
    let revision = RevisionId("0123456789ab".to_owned());
    let description = published_versions::description(&revision);
    assert_eq!(recording["version"], description);
    for recorded in all(&recording["slots"]) {
        let stay = Stay {
            staged_at: read(&recorded["staged_at"]),
            answered: read(&recorded["answered"]),
        };
        let description = text(&recorded["description"]);
        assert_eq!(stay.write(), description);
        // An alias without a time is read as placed at 0.
        let at = stay.staged_at.or(Some(Timestamp(0)));
        let again = Stay {
            staged_at: at,
            ..stay
        };
        assert_eq!(Stay::read(description), again);
    }
}

#[test]
fn summaries_of_edges_are_read_and_written_the_same() {
    let recording = recording!("summaries");
    for line in all(&recording) {
        let summary = Summary::parse(text(line)).expect("a summary");
        assert_eq!(summary.to_line(), text(line));
    }
}

#[test]
fn probes_of_a_function_are_read_and_written_the_same() {
    let recording = recording!("probes");
    assert_eq!(probe::event("/up"), text(&recording["event"]).as_bytes());
    let wire = text(&recording["answer"]).as_bytes();
    let answer = ProbeAnswer::parse(wire).expect("an answer");
    assert_eq!(answer.to_json(), wire);
}

#[test]
fn recorded_counts_lead_to_the_recorded_judgement() {
    let recording = recording!("canary");
    let evidence = audit::parse(&recording["evidence"].to_string()).expect("evidence");
    let (policy, counts) = (&evidence.policy, &evidence.counts);
    assert_eq!(parsed(&audit::write(policy, counts)), recording["evidence"]);
    let recorded: Judgement = read(&recording["judgement"]);
    let now = judge(policy, counts);
    assert_eq!(now.decision, recorded.decision);
    assert_eq!(now.totals, recorded.totals);
    assert!((now.ln_m - recorded.ln_m).abs() < audit::AGREEMENT);
}

/// What an earlier version wrote is read, with these values for what it did not know yet.
fn gains<T: DeserializeOwned + Serialize>(old: &Value, more: &Value) {
    let read: T = serde_json::from_value(old.clone()).expect("readable");
    let mut expected = old.clone();
    let all = expected.as_object_mut().expect("an object");
    all.extend(more.as_object().expect("an object").clone());
    assert_eq!(serde_json::to_value(&read).expect("JSON"), expected);
}

#[test]
fn outputs_of_terraform_are_read_and_variables_written_the_same() {
    let outputs = recording!("outputs");
    comes_back::<FoundationOutputs>(&outputs["foundation"]);
    comes_back::<FargateOutputs>(&outputs["fargate"]);
    comes_back::<LambdaOutputs>(&outputs["lambda"]);
    comes_back::<CiOutputs>(&outputs["ci"]);
    comes_back::<DomainOutputs>(&outputs["domain"]);
    let inputs = recording!("inputs");
    let tags = json!({"tags": {}});
    let roles = json!({"tags": {}, "permissions_boundary": "", "role_path": "/"});
    let foundation =
        json!({"has_budget": true, "tags": {}, "permissions_boundary": "", "role_path": "/"});
    gains::<FoundationInputs>(&inputs["foundation"], &foundation);
    let waits = json!({
        "start_seconds": 120, "request_seconds": 30, "idle_seconds": 60, "edge": true, "tags": {}
    });
    gains::<FargateInputs>(&inputs["fargate"], &waits);
    gains::<LambdaInputs>(&inputs["lambda"], &roles);
    gains::<LambdaDomainInputs>(&inputs["lambda_domain"], &tags);
    let request = json!({"request_seconds": 30, "edge": true, "tags": {}});
    gains::<FargateDomainInputs>(&inputs["fargate_domain"], &request);
    let ci = json!({"boundaries": {}, "tags": {}, "permissions_boundary": "", "role_path": "/"});
    gains::<CiInputs>(&inputs["ci"], &ci);
}

#[test]
fn a_release_and_its_steps_are_read_by_themselves_too() {
    let recording = recording!("releases");
    for record in all(&recording) {
        comes_back::<Release>(&record["begun"]);
        for entry in all(&record["entries"]) {
            if entry["what"] == "step" {
                comes_back::<Step>(&entry["step"]);
            }
        }
    }
}

#[test]
fn the_record_of_an_eject_is_read_and_written_the_same() {
    let text = include_str!("recorded/ejected.txt");
    let record = Ejected::parse(text).expect("a record");
    assert_eq!(record.write(), text);
}
