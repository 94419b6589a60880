//! What is found in the settings of a release, and in a plan.

use super::*;
use crate::app::manifest::{Draft, Facts, Overrides};
use serde_json::json;

fn settings(text: &str) -> Settings {
    let facts = Facts {
        directory_name: "app".into(),
        dockerfile: Some("FROM scratch\n".into()),
        protected: vec![],
    };
    let manifest = Draft::read(Some(text))
        .resolve(&facts, &Overrides::default())
        .expect("a manifest");
    Settings::from_manifest(&manifest)
}

fn lines(settings: &Settings, image_user: Option<&str>) -> Vec<String> {
    review(&[], settings, image_user)
        .iter()
        .map(|finding| format!("{} {}", finding.severity.word(), finding.line()))
        .collect()
}

#[test]
fn the_defaults_are_safe_whatever_the_image() {
    for user in [None, Some(""), Some("root"), Some("node")] {
        assert_eq!(lines(&settings(""), user), [""; 0], "on Lambda");
        let fargate = settings("target = \"fargate\"\n");
        assert_eq!(lines(&fargate, user), [""; 0], "on Fargate");
    }
}

#[test]
fn what_the_manifest_turns_off_is_found_with_its_key() {
    let relaxed = settings(
        "[container]\nuser = \"root\"\nread_only = false\ncapabilities = [\"CHOWN\", \"SETUID\"]\n\
         no_new_privileges = false\n",
    );
    assert_eq!(
        lines(&relaxed, Some("")),
        [
            "warn LF011 container: it runs as \"root\": `user` under `[container]`",
            "note LF017 container: its root filesystem can be written: `read_only = false` under `[container]`",
            "note LF018 container: it has CHOWN, SETUID: `capabilities` under `[container]`",
            "note LF018 container: its programs can gain privileges: `no_new_privileges = false` under `[container]`",
        ]
    );
}

#[test]
fn a_revision_without_settings_of_its_container_has_what_docker_gives() {
    let before = Settings {
        container: None,
        ..settings("")
    };
    let of_all = [
        "note LF017 container: its root filesystem can be written",
        "note LF018 container: it keeps Docker's default capabilities",
    ];
    assert_eq!(lines(&before, Some("node")), of_all);
    for (user, first) in [
        (
            Some(""),
            "warn LF011 container: the image sets no user, so it runs as root",
        ),
        (Some("0:0"), "warn LF011 container: it runs as \"0:0\""),
        (None, "note LF011 container: its user is not known yet"),
    ] {
        assert_eq!(lines(&before, user), [&[first], &of_all[..]].concat());
    }
}

#[test]
fn a_secret_is_refused_without_its_value_unless_it_is_allowed() {
    let leaky = settings("[env]\nAPI_KEY = \"hunter2\"\nPORT = \"8080\"\n");
    let found = review(&[], &leaky, None);
    assert_eq!(
        lines(&leaky, None),
        ["refuse LF010 container: the variable API_KEY is named like a secret"]
    );
    assert!(is_refused(&found));
    let mut allowed = found.clone();
    allow(&mut allowed, &[Rule::PlainSecret.id()]);
    assert!(allowed[0].allowed && !is_refused(&allowed));
    let mut unchanged = found.clone();
    let removed = RuleId::parse("LF013").expect("the ID of a removed rule");
    allow(&mut unchanged, &[removed]);
    assert_eq!(unchanged, found);
}

#[test]
fn only_the_default_certificate_of_cloudfront_admits_old_tls() {
    let plan = |certificate| Plan {
        resources: vec![Resource {
            address: "aws_cloudfront_distribution.front_door".into(),
            kind: "aws_cloudfront_distribution".into(),
            values: json!({ "viewer_certificate": [certificate] }),
            ..Resource::default()
        }],
        ..Plan::default()
    };
    let own = plan(json!({"cloudfront_default_certificate": true}));
    let found = review(&[&own], &settings(""), None);
    let rules: Vec<(Rule, Severity)> = found.iter().map(|one| (one.rule, one.severity)).collect();
    assert_eq!(rules, [(Rule::OldTls, Severity::Note)]);
    let chosen = plan(json!({"minimum_protocol_version": "TLSv1.2_2021"}));
    assert_eq!(review(&[&chosen], &settings(""), None), []);
}
