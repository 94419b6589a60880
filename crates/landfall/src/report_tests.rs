use super::text::{Style, Text, text};
use super::*;
use rules::app::manifest::{Architecture, StateBackend};
use rules::app::names::Slot;
use rules::check::{self, Check, CheckId, Summary};
use rules::event::{Past, Phase, PhaseTime, Progress, SlotStatus, Status};
use rules::exit::Exit;
use rules::operate::expiry::ListedEnvironment;
use rules::operate::sweep::{Found, Kind, Leftover};
use rules::operate::ttl::{ObservedExpiry, expiry};
use rules::release::diagnosis::Cause;
use rules::release::evidence::{Evidence, Listening, StoppedTask, TargetHealth};
use rules::release::ledger::{AvailabilityCounts, Entry};
use rules::release::revision::{Digest, RevisionId};
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

fn digest(byte: &str) -> Digest {
    Digest::parse(&format!("sha256:{}", byte.repeat(32))).expect("a digest")
}

/// What a person reads, marked with the stream it goes to.
fn read(events: &[Event], verbose: bool) -> String {
    let style = Style {
        verbose,
        ..Style::plain()
    };
    read_as(events, &style)
}

fn read_as(events: &[Event], style: &Style) -> String {
    let lines = events.iter().filter_map(|event| match text(event, style) {
        Text::Nothing => None,
        Text::Progress(text) => Some(text),
        Text::Result(text) => Some(format!("[result] {text}")),
    });
    lines.collect::<Vec<_>>().join("\n")
}

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

#[test]
fn an_up_reads_like_this() {
    let events = [
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
    ];
    insta::assert_snapshot!("up", read(&events, false));
    insta::assert_snapshot!("up_verbose", read(&events, true));
}

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

#[test]
fn a_status_a_log_and_a_sweep_read_like_this() {
    let leftover = |kind, billable| Leftover {
        kind,
        id: "ID".into(),
        billable,
        remove: "aws something".into(),
    };
    let noon = Timestamp(1_795_435_390_250);
    let events = [
        Event::Status(Status {
            name: "uptime".into(),
            environment: "prod".into(),
            account: "123456789012".into(),
            region: "eu-west-2".into(),
            url: "https://d111.cloudfront.net".into(),
            answers: true,
            slots: vec![
                SlotStatus {
                    slot: Slot::Blue,
                    live: true,
                    share: 90,
                    revision: Some(RevisionId("e790b3b3dbaf".into())),
                    image: Some("registry/uptime-prod@sha256:54f8".into()),
                    desired: 2,
                    running: 1,
                    healthy: 1,
                    version: None,
                    cause: Some(Cause::OutOfMemory { memory: 512 }),
                },
                SlotStatus {
                    slot: Slot::Green,
                    live: false,
                    share: 0,
                    revision: None,
                    image: None,
                    desired: 0,
                    running: 0,
                    healthy: 0,
                    version: None,
                    cause: None,
                },
            ],
            lifetime: Some(ObservedExpiry::read(noon, Some("2026-11-23T14:03:10Z"))),
        }),
        Event::Lifetime {
            lifetime: ObservedExpiry::read(noon, Some("2026-11-23T14:03:10Z")),
        },
        Event::Lifetime {
            lifetime: ObservedExpiry::read(noon, None),
        },
        Event::Lifetimes {
            environments: vec![ListedEnvironment {
                name: "uptime".into(),
                environment: "pr-7".into(),
                state: StateBackend::S3,
                expiry: expiry(noon, Some("2026-11-23T10:00:00Z")),
            }],
            unseen: vec!["a bucket: s3:GetBucketTagging: not allowed; it is left alone".into()],
            seen_at: noon,
        },
        Event::Reaped {
            removed: vec!["uptime-pr-7".into(), "uptime-pr-8".into()],
            failed: vec!["uptime-pr-9: the state is locked".into()],
        },
        Event::Reaped {
            removed: vec![],
            failed: vec![],
        },
        Event::Log {
            time: Timestamp(1),
            task: "3c4246c5d9044a45".into(),
            message: "Uptime: 3".into(),
        },
        Event::Doomed {
            things: vec![Found::new(Kind::LoadBalancer, "arn")],
        },
        Event::Left {
            leftover: leftover(Kind::LoadBalancer, true),
        },
        Event::Left {
            leftover: leftover(Kind::Role, false),
        },
        Event::Swept {
            left: 2,
            billable: 1,
            unseen: vec!["budgets: not allowed".into()],
        },
        Event::Swept {
            left: 0,
            billable: 0,
            unseen: vec![],
        },
    ];
    insta::assert_snapshot!("status_log_sweep", read(&events, false));
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

#[test]
fn a_doctors_findings_read_like_this() {
    let check = |check, outcome, what: &str| Check {
        check,
        outcome,
        what: what.into(),
        why: vec![],
        fix: vec![],
    };
    let exit = Exit::BadInput;
    let checks = [
        check(
            CheckId::Engine,
            check::Outcome::Ok,
            "docker 29.1.0 on x86_64",
        ),
        Check {
            why: vec!["on 127.0.0.1 only: 9091".into()],
            fix: vec!["set `port = 9090` in landfall.toml".into()],
            ..check(
                CheckId::Port,
                check::Outcome::Blocker { exit },
                "the app is expected on 8080, but listens on 9090",
            )
        },
        check(
            CheckId::Image,
            check::Outcome::Warning,
            "the container runs as root",
        ),
        check(
            CheckId::Permissions,
            check::Outcome::Unknown,
            "iam:SimulatePrincipalPolicy: not allowed",
        ),
        check(
            CheckId::Names,
            check::Outcome::Skipped,
            "--offline calls nothing in AWS",
        ),
    ];
    let mut events: Vec<Event> = checks
        .iter()
        .map(|check| Event::Checked {
            check: check.clone(),
        })
        .collect();
    events.push(Event::Examined {
        summary: Summary::of(&checks),
        problems: checks[1..3].to_vec(),
    });
    insta::assert_snapshot!("doctor", read(&events, false));
    let style = Style {
        color: true,
        ..Style::plain()
    };
    let Text::Result(line) = text(&events[0], &style) else {
        panic!("a line of the table is a result");
    };
    assert!(line.starts_with("\x1b[32m✓\x1b[0m container engine"));
}

#[test]
fn the_file_of_ci_and_its_roles_are_the_result() {
    let arn = |role: &str| {
        let arn = format!("arn:aws:iam::123456789012:role/shop-prod-{role}");
        (role.to_owned(), arn)
    };
    let ready = |role_arns| Event::CiReady {
        file: ".github/workflows/landfall.yml".into(),
        role_arns,
    };
    assert_eq!(
        read(&[ready(["plan", "deploy"].map(arn).into())], false),
        "[result] .github/workflows/landfall.yml\n\
         arn:aws:iam::123456789012:role/shop-prod-deploy\n\
         arn:aws:iam::123456789012:role/shop-prod-plan"
    );
    assert_eq!(
        read(&[ready([].into())], false),
        "[result] .github/workflows/landfall.yml"
    );
}
