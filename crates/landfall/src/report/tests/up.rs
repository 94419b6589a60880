//! A whole `landfall up`.

use super::{digest, read};
use rules::app::manifest::Architecture;
use rules::app::names::Slot;
use rules::event::{Event, Past, Phase, PhaseTime, Progress};
use rules::exit::Exit;
use rules::release::diagnosis::Cause;
use rules::release::ledger::{AvailabilityCounts, Entry};
use rules::release::revision::RevisionId;
use rules::release::verdict::{Answers, Verdict};
use rules::release::{
    Awaited, HoldReason, ManualOverride, Outcome, Proof, Purpose, Step, Strategy,
};
use rules::shape::contract::Root;
use rules::shape::cost::account::AccountPlan;
use rules::shape::cost::prices::Table;
use rules::shape::cost::{Bill, EstimateInput, Workload, estimate};
use rules::shape::plan::{Action, Change};
use rules::time::Timestamp;

fn planned() -> Event {
    let change = |address: &str, action| Change::new(address, "", action);
    Event::Planned {
        root: Root::Fargate,
        changes: vec![
            change("aws_lb.main", Action::Create),
            change("aws_ecs_service.slot[\"blue\"]", Action::Replace),
            change("aws_lb_target_group.slot[\"blue\"]", Action::Update),
            change("aws_vpc.main", Action::Delete),
        ],
        summary: "1 to create, 1 to update, 1 to replace, 1 to delete".into(),
    }
}

/// Of one small task, and nothing in front of it.
fn bill() -> Bill {
    let basis = EstimateInput {
        secrets: 0,
        resources: &[],
        workload: Workload::Tasks {
            count: 1,
            cpu: 256,
            memory: 512,
            architecture: Architecture::X86_64,
        },
        region: "eu-west-2",
        account: &AccountPlan::Unknown {
            why: "the account was not asked".into(),
        },
        now: Timestamp(0),
    };
    estimate(Table::own(), &basis)
}

fn provisioning() -> Vec<Event> {
    vec![
        Event::Place {
            name: "uptime".into(),
            environment: "prod".into(),
            account: "123456789012".into(),
            region: "eu-west-2".into(),
            rehearsal: false,
        },
        Event::Priced {
            bill: Box::new(bill()),
        },
        Event::PhaseStarted {
            phase: Phase::Build,
        },
        Event::Output {
            tool: "build".into(),
            line: "Step 1/4 : FROM scratch".into(),
        },
        Event::PhaseFinished {
            time: PhaseTime {
                phase: Phase::Build,
                seconds: 3.24,
            },
        },
        planned(),
        Event::Resource {
            root: Root::Fargate,
            address: "aws_lb.main".into(),
            action: "create".into(),
            progress: Progress::Finished,
            seconds: 61.0,
        },
        Event::Warning {
            text: "the image exposes [9090]".into(),
        },
    ]
}

fn releasing() -> Vec<Event> {
    vec![
        Event::Step {
            step: Step::Stage { slot: Slot::Green },
        },
        Event::Step {
            step: Step::EnablePreview,
        },
        Event::Step {
            step: Step::Wait {
                what: Awaited::Healthy,
                until: Timestamp(1),
            },
        },
        Event::Step {
            step: Step::Probe { requests: 6 },
        },
        Event::Step {
            step: Step::Shift {
                slot: Slot::Green,
                share: 10,
            },
        },
        Event::Step {
            step: Step::Finished {
                outcome: Outcome::Serving {
                    slot: Slot::Green,
                    proof: Some(Proof::Users),
                },
            },
        },
        Event::Step {
            step: Step::Watch {
                probes: 20,
                until: Timestamp(1),
            },
        },
        Event::Step {
            step: Step::Promote {
                proof: Proof::Probes,
            },
        },
        Event::Step {
            step: Step::RollBack {
                cause: Cause::Stopped,
            },
        },
        Event::Step {
            step: Step::Finished {
                outcome: Outcome::Held {
                    slot: Slot::Green,
                    share: 50,
                    why: HoldReason::Undecided,
                },
            },
        },
    ]
}

fn results() -> Vec<Event> {
    vec![
        Event::Pinged {
            pings: AvailabilityCounts {
                requests: 219,
                failed: 0,
                errors: 3,
                longest_gap_ms: 215,
            },
        },
        Event::Foreseen {
            steps: vec![
                Step::Shift {
                    slot: Slot::Green,
                    share: 0,
                },
                Step::Retire { slot: Slot::Green },
            ],
        },
        Event::Private {
            url: "https://d111.cloudfront.net".into(),
            header: "X-Landfall-Slot".into(),
            token: "0a1b".into(),
        },
        Event::Past(Box::new(Past {
            number: 7,
            revision: RevisionId("3f19814ec17c".into()),
            digest: digest("ab"),
            from: Some(RevisionId("a23a0d81ef0c".into())),
            purpose: Purpose::Deploy,
            strategy: Strategy::Canary,
            by: "ann@desk".into(),
            started: Timestamp(1_795_453_120_000),
            ended_at: Some(Timestamp(1_795_453_163_700)),
            steps: 10,
            outcome: Some(Outcome::Serving {
                slot: Slot::Green,
                proof: Some(Proof::Users),
            }),
            pings: Some(AvailabilityCounts::default()),
        })),
        Event::Entry {
            entry: Box::new(Entry::Order {
                at: Timestamp(2_500),
                by: "bob@desk".into(),
                order: ManualOverride::Abort,
            }),
            since: Timestamp(1_000),
        },
        Event::Data {
            data: serde_json::json!({"window": 1}),
        },
        Event::Judged {
            verdict: Verdict::Serving {
                digest: digest("ab"),
                answers: Answers {
                    asked: 4,
                    good: 3,
                    errors: 1,
                    lost: 0,
                },
            },
        },
        Event::Times {
            phases: vec![
                PhaseTime {
                    phase: Phase::Build,
                    seconds: 3.24,
                },
                PhaseTime {
                    phase: Phase::Fargate,
                    seconds: 62.0,
                },
            ],
            total: 81.5,
        },
        Event::Unchanged {
            revision: RevisionId("e790b3b3dbaf".into()),
        },
        Event::Url {
            url: "https://d111.cloudfront.net".into(),
        },
        Event::Ended {
            exit: Exit::Done,
            code: 0,
        },
    ]
}

#[test]
fn an_up_reads_like_this() {
    let events = [provisioning(), releasing(), results()].concat();
    let (usual, verbose) = (read(&events, false), read(&events, true));
    let usual_lines: Vec<&str> = usual.lines().collect();
    let more = verbose.lines().filter(|line| !usual_lines.contains(line));
    assert_eq!(
        more.collect::<Vec<_>>(),
        ["  build: Step 1/4 : FROM scratch", "    + aws_lb.main"]
    );
    insta::assert_snapshot!("up", usual);
}
