use super::*;
use crate::app::manifest::Target;
use std::time::Duration;

fn expected() -> Expectation {
    Expectation {
        port: 8080,
        memory: 512,
        architecture: Some(Architecture::Arm64),
        edge: false,
        settings: None,
    }
}

fn stopped(
    stop_code: &str,
    stopped_reason: &str,
    exit_code: Option<i32>,
    reason: &str,
) -> Evidence {
    Evidence {
        stopped: vec![StoppedTask {
            id: "t".into(),
            stop_code: stop_code.into(),
            stopped_reason: stopped_reason.into(),
            exit_code,
            container_reason: reason.into(),
        }],
        ..Evidence::default()
    }
}

#[test]
fn each_kind_of_evidence_indicates_one_cause() {
    let exited = "EssentialContainerExited";
    let failed = "TaskFailedToStart";
    let table = [
        (
            stopped(exited, "Essential container in task exited", Some(3), ""),
            "crash",
        ),
        (
            stopped(
                failed,
                "ResourceInitializationError: unable to pull secrets or registry auth: execution resource \
                   retrieval failed: unable to retrieve secrets from ssm: service call has been retried 1 \
                   time(s): AccessDeniedException",
                None,
                "",
            ),
            "secret_not_read",
        ),
        (
            stopped(
                failed,
                "ResourceInitializationError: unable to pull secrets or registry auth: execution resource \
                   retrieval failed: unable to retrieve secret from asm: ResourceNotFoundException",
                None,
                "",
            ),
            "secret_not_read",
        ),
        (
            // The same first words, of the registry.
            stopped(
                failed,
                "ResourceInitializationError: unable to pull secrets or registry auth: execution resource \
                   retrieval failed: unable to retrieve ecr registry auth: service call has been retried 3 time(s)",
                None,
                "",
            ),
            "cannot_start",
        ),
        (
            stopped(SECRET_NOT_READ, SECRET_NOT_READ, None, "KEY: status 503"),
            "secret_not_read",
        ),
        (
            stopped(
                exited,
                "Essential container in task exited",
                Some(137),
                "OutOfMemoryError: Container killed due to memory usage",
            ),
            "out_of_memory",
        ),
        (
            stopped(
                failed,
                "CannotPullContainerError: pull image manifest has been retried 7 time(s): \
                   image Manifest does not contain descriptor matching platform 'linux/arm64'",
                None,
                "",
            ),
            "wrong_architecture",
        ),
        (
            stopped(
                failed,
                "CannotPullContainerError: ref does not exist: not found",
                None,
                "",
            ),
            "cannot_pull",
        ),
        (
            stopped(
                failed,
                "ResourceInitializationError: unable to pull secrets",
                None,
                "",
            ),
            "cannot_start",
        ),
    ];
    for (evidence, code) in table {
        let cause = diagnose(&evidence, &expected()).expect(code);
        assert_eq!(cause.code(), code, "{evidence:?}");
    }
}

#[test]
fn a_log_line_can_show_the_architecture() {
    let mut evidence = stopped("EssentialContainerExited", "exited", Some(255), "");
    evidence.log = vec!["exec /webapp: exec format error".into()];
    let cause = diagnose(&evidence, &expected()).expect("a cause");
    assert_eq!(
        cause,
        Cause::WrongArchitecture {
            expected: "arm64".into()
        }
    );
}

#[test]
fn a_task_that_landfall_stopped_is_no_evidence() {
    let evidence = stopped(
        "ServiceSchedulerInitiated",
        "Scaling activity",
        Some(137),
        "",
    );
    assert_eq!(diagnose(&evidence, &expected()), None);
}

#[test]
fn a_port_seen_elsewhere_is_a_wrong_port_and_none_seen_is_not() {
    let with = |ports: &[u16]| Evidence {
        listens_on: Some(Listening {
            reachable: ports.to_vec(),
            loopback: vec![],
        }),
        ..Evidence::default()
    };
    let cause = diagnose(&with(&[9090]), &expected()).expect("a cause");
    assert_eq!(
        cause,
        Cause::WrongPort {
            expected: 8080,
            listens_on: vec![9090]
        }
    );
    assert!(cause.is_certain());
    assert_eq!(
        diagnose(&with(&[]), &expected()),
        None,
        "it may still be starting"
    );
    assert_eq!(diagnose(&with(&[9090, 8080]), &expected()), None);
}

#[test]
fn a_loopback_address_is_reached_by_an_edge_only() {
    let evidence = Evidence {
        listens_on: Some(Listening {
            reachable: vec![80, 9090],
            loopback: vec![8080, 9091],
        }),
        ..Evidence::default()
    };
    assert_eq!(
        diagnose(&evidence, &expected()),
        Some(Cause::LoopbackOnly { port: 8080 })
    );
    let behind_an_edge = Expectation {
        edge: true,
        ..expected()
    };
    assert_eq!(
        diagnose(&evidence, &behind_an_edge),
        None,
        "the edge reaches it"
    );
}

fn causes() -> Vec<Cause> {
    vec![
        Cause::Crash { exit_code: 137 },
        Cause::Crash { exit_code: 0 },
        Cause::SecretNotRead {
            reason: "KEY: status 503".into(),
        },
        Cause::WrongPort {
            expected: 8080,
            listens_on: vec![9090],
        },
        Cause::LoopbackOnly { port: 8080 },
        Cause::WrongArchitecture {
            expected: "arm64".into(),
        },
        Cause::CannotPull {
            reason: "not found".into(),
        },
        Cause::OutOfMemory { memory: 512 },
        Cause::CannotStart {
            reason: "no capacity".into(),
        },
        Cause::AnswerTooLong {
            reason:
                "The app's answer takes 7000000 bytes, and Lambda takes 6291556 at most (GET /)"
                    .into(),
        },
        Cause::NotReady {
            within: Duration::from_secs(300),
        },
        Cause::ProbesLost { lost: 7 },
        Cause::OnlyErrors { answered: 6 },
        Cause::Stopped,
        Cause::Worse(Worse {
            monitor: "errors".into(),
            among: "users".into(),
            old: Rate {
                requests: 412,
                bad: 40,
            },
            new: Rate {
                requests: 45,
                bad: 15,
            },
            slow: None,
            ln_m: 4.93,
        }),
        Cause::Worse(Worse {
            monitor: "p90".into(),
            among: "probes".into(),
            old: Rate {
                requests: 100,
                bad: 10,
            },
            new: Rate {
                requests: 100,
                bad: 10,
            },
            slow: Some(Slow {
                old_ms: 203,
                new_ms: 812,
            }),
            ln_m: 5.0,
        }),
        Cause::Unproven,
        Cause::Displaced,
        Cause::Aborted,
        Cause::Interrupted,
    ]
}

/// What and next of every cause, as a person reads them on a target.
fn texts(target: Target) -> Vec<String> {
    let text = |cause: &Cause| {
        let Explanation { what, next } = cause.explain(target);
        format!("{}\n  {what}\n  → {next}", cause.code())
    };
    causes().iter().map(text).collect()
}

#[test]
fn every_cause_has_a_remedy() {
    insta::assert_snapshot!("causes", texts(Target::Fargate).join("\n"));
}

#[test]
fn on_lambda_a_cause_is_about_versions_and_the_alias() {
    let on_lambda = texts(Target::Lambda);
    for text in &on_lambda {
        let words = text.split(|c: char| !c.is_alphanumeric());
        for word in words {
            assert!(
                !["task", "tasks", "slot", "slots"].contains(&word),
                "{word} in {text}"
            );
        }
    }
    let different: Vec<String> = on_lambda
        .into_iter()
        .zip(texts(Target::Fargate))
        .filter(|(lambda, fargate)| lambda != fargate)
        .map(|(lambda, _)| lambda)
        .collect();
    insta::assert_snapshot!("causes_on_lambda", different.join("\n"));
}

/// Without capacity there is no task that could stop, only an event of the service.
#[test]
fn a_task_that_is_not_placed_is_explained_by_the_scheduler() {
    let message = "(service shop-prod-blue) was unable to place a task. Reason: You've reached the \
                   limit on the number of vCPUs you can run concurrently.";
    let evidence = Evidence {
        events: vec![
            "(service shop-prod-blue) has started 1 tasks: (task 1).".to_owned(),
            message.to_owned(),
        ],
        ..Evidence::default()
    };
    let cause = diagnose(&evidence, &expected());
    let reason = message.to_owned();
    assert_eq!(cause, Some(Cause::CannotStart { reason }));
    // Capacity may come back before the time is over.
    assert!(!cause.is_some_and(|cause| cause.is_certain()));
    let quiet = Evidence {
        events: vec!["(service shop-prod-blue) has reached a steady state.".to_owned()],
        ..Evidence::default()
    };
    assert_eq!(diagnose(&quiet, &expected()), None);
}

#[test]
fn a_registry_that_is_busy_once_does_not_end_a_release() {
    let pull = |reason: &str| Cause::CannotPull {
        reason: reason.to_owned(),
    };
    for reason in [
        "CannotPullContainerError: ref does not exist: not found",
        "CannotPullContainerError: pull access denied",
        "The image manifest is not supported (InvalidImage)",
    ] {
        assert!(pull(reason).is_certain(), "{reason}");
    }
    for reason in [
        "CannotPullContainerError: Error response from daemon: i/o timeout",
        "CannotPullContainerError: toomanyrequests: Rate exceeded",
    ] {
        assert!(!pull(reason).is_certain(), "{reason}");
    }
}
