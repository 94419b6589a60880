//! Status, logs, removal, and the result of CI.

use super::read;
use rules::app::manifest::StateBackend;
use rules::app::names::Slot;
use rules::event::{Event, SlotStatus, Status};
use rules::operate::expiry::ListedEnvironment;
use rules::operate::sweep::{Found, Kind, Leftover};
use rules::operate::ttl::{ObservedExpiry, expiry};
use rules::release::diagnosis::Cause;
use rules::release::revision::RevisionId;
use rules::time::Timestamp;

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
