//! A release that failed, and the terms of Lambda.

use super::{digest, read, read_as};
use crate::report::style::Style;
use rules::app::manifest::Target;
use rules::app::names::Slot;
use rules::event::{Event, SlotStatus, Status};
use rules::release::diagnosis::Cause;
use rules::release::evidence::{Evidence, Listening, StoppedTask, TargetHealth};
use rules::release::revision::RevisionId;
use rules::release::verdict::{Answers, Verdict};
use rules::release::{Awaited, HoldReason, Outcome, Proof, Step};
use rules::time::Timestamp;

#[test]
fn a_failure_reads_like_this() {
    let cause = Cause::WrongPort {
        expected: 8080,
        listens_on: vec![9090],
    };
    let events = [
        Event::Step {
            step: Step::RollBack {
                cause: cause.clone(),
            },
        },
        Event::Step {
            step: Step::Finished {
                outcome: Outcome::RolledBack {
                    slot: Slot::Blue,
                    cause: cause.clone(),
                },
            },
        },
        Event::Autopsy {
            cause,
            evidence: Evidence {
                stopped: vec![StoppedTask {
                    id: "3c4246c5".into(),
                    stop_code: "EssentialContainerExited".into(),
                    stopped_reason: "Essential container in task exited".into(),
                    exit_code: Some(3),
                    container_reason: String::new(),
                }],
                targets: vec![TargetHealth {
                    id: "10.0.1.5".into(),
                    state: "unhealthy".into(),
                    reason: "Target.FailedHealthChecks".into(),
                    description: "Health checks failed".into(),
                }],
                log: vec!["listening on :9090".into()],
                events: Vec::new(),
                listens_on: Some(Listening {
                    reachable: vec![9090],
                    loopback: vec![],
                }),
            },
        },
        Event::Judged {
            verdict: Verdict::OtherDigest {
                expected: digest("ab"),
                running: vec![digest("cd")],
            },
        },
        Event::Judged {
            verdict: Verdict::OtherDigest {
                expected: digest("ab"),
                running: vec![],
            },
        },
        Event::Judged {
            verdict: Verdict::Unreachable {
                answers: Answers {
                    asked: 9,
                    good: 0,
                    errors: 2,
                    lost: 7,
                },
            },
        },
        Event::Failed {
            what: "the new version was rolled back before it got traffic".into(),
            why: vec!["wrong port".into()],
            next: vec!["set `port = 9090` in landfall.toml".into()],
        },
    ];
    insta::assert_snapshot!("failure", read(&events, false));
}

/// Every step of a release.
fn steps() -> Vec<Step> {
    let (slot, until) = (Slot::Green, Timestamp(1));
    let wait = |what| Step::Wait { what, until };
    let shift = |share| Step::Shift { slot, share };
    let cause = Cause::Aborted;
    let outcome = |outcome| Step::Finished { outcome };
    let watch = Step::Watch { probes: 20, until };
    let proof = Some(Proof::Person);
    let why = HoldReason::Manual;
    vec![
        Step::Stage { slot },
        wait(Awaited::Healthy),
        Step::Probe { requests: 6 },
        shift(10),
        watch,
        shift(100),
        Step::Promote {
            proof: Proof::Users,
        },
        wait(Awaited::Settled),
        Step::Scale { slot, count: 2 },
        Step::Retire { slot },
        wait(Awaited::Gone),
        outcome(Outcome::Serving { slot, proof }),
        outcome(Outcome::Held {
            slot,
            share: 50,
            why,
        }),
        outcome(Outcome::AtRisk {
            slot,
            cause: cause.clone(),
        }),
        outcome(Outcome::RolledBack { slot, cause }),
    ]
}

#[test]
fn on_lambda_a_release_and_a_status_speak_of_versions_and_the_alias() {
    let style = Style {
        target: Target::Lambda,
        ..Style::plain()
    };
    let slot = |slot, share, version: Option<&str>| SlotStatus {
        slot,
        live: share > 0,
        share,
        revision: Some(RevisionId("e790b3b3dbaf".into())),
        image: Some("registry/uptime-prod@sha256:54f8".into()),
        desired: u32::from(version.is_some()),
        running: 1,
        healthy: 1,
        version: version.map(str::to_owned),
        cause: None,
    };
    let status = |slots| {
        Event::Status(Status {
            name: "uptime".into(),
            environment: "prod".into(),
            account: "123456789012".into(),
            region: "eu-west-2".into(),
            url: "https://x1.execute-api.eu-west-2.amazonaws.com".into(),
            answers: true,
            slots,
            lifetime: None,
        })
    };
    let failed = StoppedTask {
        id: "7".into(),
        stop_code: "Runtime.ExitError".into(),
        stopped_reason: "exit status 1".into(),
        ..StoppedTask::default()
    };
    let steps = steps().into_iter().map(|step| Event::Step { step });
    let mut events: Vec<Event> = steps.collect();
    events.push(Event::Autopsy {
        cause: Cause::Crash { exit_code: 1 },
        evidence: Evidence {
            stopped: vec![failed],
            ..Evidence::default()
        },
    });
    let (blue, green) = (Slot::Blue, Slot::Green);
    events.push(status(vec![
        slot(blue, 90, Some("6")),
        slot(green, 10, Some("7")),
    ]));
    events.push(status(vec![
        slot(blue, 100, Some("6")),
        slot(green, 0, None),
    ]));
    let text = read_as(&events, &style);
    for word in ["task", "slot", "target"] {
        assert!(!text.contains(word), "{word}:\n{text}");
    }
    insta::assert_snapshot!("on_lambda", text);
}
