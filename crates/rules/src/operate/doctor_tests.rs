use super::account::{Identity, LoadBalancers, Region, Strangers, known, strangers};
use super::app::{Image, Trial, run_gap};
use super::machine::{Directory, Disk, Engine, Tool};
use super::permissions::{Ask, Decision, Principal, Simulated, Whereabouts, asks};
use super::*;
use crate::app::manifest::{
    AppName, Architecture, Draft, EnvironmentName, Facts as AppFacts, Overrides, Target,
};
use crate::app::manifest::{SecretName, SecretsStore};
use crate::app::names::{Names, Slot};
use crate::operate::sweep::{Found, Kind};
use crate::release::evidence::Listening;
use crate::shape::permissions::Phase;

const GIB: u64 = 1024 * 1024 * 1024;

/// The settings of an app that a `landfall.toml` of `text` gives.
fn settings(text: &str) -> Result<Manifest, Vec<Problem>> {
    let facts = AppFacts {
        directory_name: "uptime".into(),
        dockerfile: Some("FROM scratch\nEXPOSE 8080\n".into()),
        protected: vec![],
    };
    Draft::read(Some(text))
        .resolve(&facts, &Overrides::default())
        .map_err(|problems| problems.as_slice().to_vec())
}

fn names() -> Names {
    Names::new(
        AppName::parse("uptime").expect("a name"),
        EnvironmentName::parse("prod").expect("an environment"),
    )
}

fn engine(processor: &str, emulates: Option<bool>) -> Engine {
    Engine {
        name: "docker".into(),
        version: "29.1.0".into(),
        processor: processor.into(),
        emulates,
    }
}

fn image() -> Image {
    Image {
        name: "landfall/uptime:prod".into(),
        architecture: "amd64".into(),
        size: 12 * 1024 * 1024,
        user: "65532:65532".into(),
        exposed: vec![8080],
        command: vec!["/app".into()],
        ..Image::default()
    }
}

fn directory(writable: bool, free: u64) -> Directory {
    Directory {
        purpose: "the cache of Terraform's providers".into(),
        path: "/home/ann/.cache/landfall".into(),
        variable: "LANDFALL_CACHE".into(),
        writable,
        free: Some(free),
    }
}

fn listens(reachable: &[u16], loopback: &[u16]) -> Trial {
    Trial::Listened(Listening {
        reachable: reachable.to_vec(),
        loopback: loopback.to_vec(),
    })
}

fn simulated(action: &str, resource: &str, decision: Decision) -> Simulated {
    Simulated {
        action: action.into(),
        resource: resource.into(),
        decision,
        by: match decision {
            Decision::ExplicitDeny => vec!["NoNewRoles".into()],
            _ => vec![],
        },
        condition: serde_json::Value::Null,
    }
}

/// A machine and an account where nothing is wrong, for an app on Lambda.
fn good() -> Facts {
    Facts {
        secrets: Err(Unavailable::NotAsked),
        app: Ok(settings("target = \"lambda\"\n")),
        engine: Ok(engine("x86_64", Some(false))),
        disk: Ok(Disk {
            path: "/var/lib/docker".into(),
            free: 41 * GIB,
        }),
        terraform: Ok(Tool {
            path: "/usr/bin/tofu".into(),
            version: "1.11.4".into(),
        }),
        directories: Ok(vec![directory(true, 41 * GIB)]),
        edge: Ok(Some("/usr/bin/landfall-edge".into())),
        credentials: Ok(Identity {
            account: "123456789012".into(),
            arn: "arn:aws:sts::123456789012:assumed-role/deploy/ann".into(),
            rehearsal: false,
        }),
        clock: Ok(-800),
        region: Ok(Region {
            name: "eu-west-2".into(),
            opt_in: Some("opt-in-not-required".into()),
        }),
        concurrency: Ok(1000),
        vcpus: Err(Unavailable::NotAsked),
        load_balancers: Err(Unavailable::NotAsked),
        names: Ok(Strangers {
            names: names(),
            region: "eu-west-2".into(),
            found: vec![],
            unseen: vec![],
        }),
        domain: Err(Unavailable::NotAsked),
        permissions: Ok(vec![simulated(
            "ecr:CreateRepository",
            "*",
            Decision::Allowed,
        )]),
        image: Ok(image()),
        trial: Ok(listens(&[8080], &[])),
    }
}

fn missing(exit: Exit, what: &str, next: &str) -> Unavailable {
    Unavailable::Trouble(Trouble {
        exit,
        what: what.into(),
        why: vec!["docker: No such file or directory (os error 2)".into()],
        next: vec![next.into()],
    })
}

/// One where everything is, for an app on Fargate.
fn broken() -> Facts {
    let role = "arn:aws:iam::123456789012:role/uptime-prod-task";
    let cluster = "arn:aws:ecs:eu-south-1:123456789012:cluster/uptime-prod";
    Facts {
        secrets: Err(Unavailable::NotAsked),
        app: Ok(settings(
            "target = \"fargate\"\ncpu = 1024\ncount = 2\nedge = false\narchitecture = \"arm64\"\n",
        )),
        engine: Ok(engine("x86_64", Some(false))),
        disk: Ok(Disk {
            path: "/var/lib/docker".into(),
            free: 300 * 1024 * 1024,
        }),
        terraform: Err(missing(
            Exit::MissingTool,
            "no usable OpenTofu or Terraform",
            "install OpenTofu",
        )),
        directories: Ok(vec![directory(false, GIB), directory(true, GIB / 2)]),
        edge: Ok(None),
        credentials: Ok(Identity {
            account: "123456789012".into(),
            arn: "arn:aws:iam::123456789012:root".into(),
            rehearsal: false,
        }),
        clock: Ok(431_000),
        region: Ok(Region {
            name: "eu-south-1".into(),
            opt_in: Some("not-opted-in".into()),
        }),
        concurrency: Err(Unavailable::NotAsked),
        vcpus: Ok(0.0),
        load_balancers: Ok(LoadBalancers {
            limit: 50,
            there: 50,
            own: false,
        }),
        names: Ok(Strangers {
            names: names(),
            region: "eu-south-1".into(),
            found: vec![
                Found::new(Kind::Repository, "uptime-prod"),
                Found::new(Kind::LogGroup, "/landfall/uptime-prod"),
                Found::new(Kind::Cluster, "uptime-prod"),
                Found::new(Kind::Function, "uptime-prod"),
            ],
            unseen: vec!["budgets: budgets:ViewBudget: not allowed".into()],
        }),
        domain: Err(Unavailable::NotAsked),
        permissions: Ok(vec![
            simulated("iam:CreateRole", role, Decision::ExplicitDeny),
            simulated("iam:PassRole", role, Decision::ImplicitDeny),
            simulated("ecs:CreateCluster", cluster, Decision::ImplicitDeny),
            simulated("sns:CreateTopic", "*", Decision::Allowed),
        ]),
        image: Ok(Image {
            size: 11 * GIB,
            index: true,
            user: "root".into(),
            volumes: vec!["/data".into()],
            exposed: vec![3000],
            command: vec![],
            ..image()
        }),
        trial: Ok(Trial::Exited {
            code: Some(3),
            lines: vec!["DATABASE_URL is not set".into()],
        }),
    }
}

/// The checks as a person reads them.
fn told(checks: &[Check]) -> String {
    let mut lines = Vec::new();
    for check in checks {
        let outcome = match check.outcome {
            Outcome::Ok => "ok".to_owned(),
            Outcome::Warning => "warning".to_owned(),
            Outcome::Blocker { exit } => format!("blocker {}", exit.code()),
            Outcome::Skipped => "skipped".to_owned(),
            Outcome::Unknown => "unknown".to_owned(),
        };
        lines.push(format!(
            "{outcome:10} {}: {}",
            check.check.as_str(),
            check.what
        ));
        lines.extend(check.why.iter().map(|line| format!("    {line}")));
        lines.extend(check.fix.iter().map(|line| format!("  → {line}")));
    }
    lines.push(Summary::of(checks).describe());
    lines.join("\n")
}

/// The only check of this name.
fn one(facts: &Facts, name: CheckId) -> Check {
    let checks = examine(facts);
    let mut ours = checks.into_iter().filter(|check| check.check == name);
    let one = ours.next().unwrap_or_else(|| panic!("no check {name:?}"));
    assert_eq!(ours.next(), None, "{name:?} comes once");
    one
}

#[test]
fn a_good_machine_reads_like_this() {
    let checks = examine(&good());
    assert_eq!(verdict(&checks), None);
    insta::assert_snapshot!("good", told(&checks));
}

#[test]
fn a_broken_machine_reads_like_this() {
    let checks = examine(&broken());
    insta::assert_snapshot!("broken", told(&checks));
    let verdict = verdict(&checks).expect("blockers");
    assert_eq!(
        verdict.exit,
        Exit::Image,
        "the first blocker decides: the disk"
    );
    assert!(verdict.what.contains("things stand in the way"));
}

#[test]
fn without_anything_each_part_says_why() {
    let skipped = || Unavailable::Skipped("AWS is not asked with --offline".to_owned());
    let facts = Facts {
        app: Ok(settings("prot = 1\ncpu = 300\n")),
        engine: Err(missing(
            Exit::MissingTool,
            "neither Docker nor Podman answers",
            "install Docker",
        )),
        disk: Err(Unavailable::Skipped("there is no container engine".into())),
        credentials: Err(skipped()),
        image: Err(Unavailable::Skipped(
            "the app's settings are not in order".into(),
        )),
        trial: Err(Unavailable::Unknown("it was not seen".into())),
        ..Facts::default()
    };
    let checks = examine(&facts);
    insta::assert_snapshot!("nothing", told(&checks));
    let verdict = verdict(&checks).expect("blockers");
    assert_eq!(verdict.exit, Exit::BadInput, "the settings come first");
    let text = format!("{}\n{}", verdict.why.join("\n"), verdict.next.join("\n"));
    for part in ["`prot`", "line 2", "Docker", "1. ", "3. install Docker"] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
}

#[test]
fn what_nobody_asked_for_is_not_told() {
    assert_eq!(examine(&Facts::default()), []);
}

#[test]
fn a_single_blocker_speaks_for_itself() {
    let facts = Facts {
        credentials: Err(missing(
            Exit::Access,
            "no usable AWS credentials or region",
            "sign in with `aws login`",
        )),
        ..good()
    };
    let verdict = verdict(&examine(&facts)).expect("a blocker");
    assert_eq!(verdict.exit, Exit::Access);
    assert_eq!(verdict.what, "no usable AWS credentials or region");
    assert_eq!(verdict.next, ["sign in with `aws login`"]);
}

#[test]
fn where_it_listens_is_judged_by_who_has_to_reach_it() {
    let alone = "target = \"fargate\"\nedge = false\n";
    let table = [
        ("", listens(&[8080], &[]), None, "listens on 8080"),
        ("", listens(&[], &[8080]), None, "which the edge reaches"),
        (
            alone,
            listens(&[], &[8080]),
            Some(Exit::BadInput),
            "127.0.0.1:8080 only",
        ),
        (
            "",
            listens(&[9090], &[]),
            Some(Exit::BadInput),
            "but listens on 9090",
        ),
        (
            "",
            listens(&[], &[9090]),
            Some(Exit::BadInput),
            "but listens on 9090",
        ),
        (
            alone,
            listens(&[], &[9090]),
            Some(Exit::BadInput),
            "on loopback only",
        ),
        (
            "",
            listens(&[9090, 9091], &[]),
            Some(Exit::BadInput),
            "9090, 9091",
        ),
        (
            "",
            listens(&[], &[]),
            Some(Exit::BadInput),
            "listens on no port",
        ),
        ("", Trial::Asked { answered: true }, None, "answers on 8080"),
        (
            "",
            Trial::Asked { answered: false },
            None,
            "nothing answered",
        ),
        (
            "",
            Trial::Exited {
                code: Some(3),
                lines: vec!["bad".into()],
            },
            Some(Exit::BadInput),
            "ended with exit code 3",
        ),
    ];
    for (text, trial, exit, words) in table {
        let facts = Facts {
            app: Ok(settings(text)),
            trial: Ok(trial.clone()),
            ..good()
        };
        let check = one(&facts, CheckId::Port);
        assert_eq!(check.exit(), exit, "{trial:?}");
        assert!(check.what.contains(words), "{trial:?}: {}", check.what);
        if exit.is_some() {
            assert_ne!(check.fix, [""; 0], "{trial:?} has a fix");
        }
    }
    let facts = Facts {
        trial: Ok(listens(&[9090], &[])),
        ..good()
    };
    assert!(one(&facts, CheckId::Port).fix[0].contains("`port = 9090`"));
}

#[test]
fn a_list_of_images_is_told_where_only_one_will_do() {
    let told = |text: &str| {
        let facts = Facts {
            app: Ok(settings(text)),
            image: Ok(Image {
                index: true,
                ..image()
            }),
            ..good()
        };
        let check = one(&facts, CheckId::Image);
        assert_eq!(check.outcome, Outcome::Ok);
        check.what
    };
    assert!(told("target = \"lambda\"\n").contains("a list of images"));
    assert!(!told("target = \"fargate\"\n").contains("list"));
}

#[test]
fn what_the_image_exposes_counts_only_where_nothing_was_seen() {
    let facts = |trial| Facts {
        image: Ok(Image {
            exposed: vec![3000],
            ..image()
        }),
        trial,
        ..good()
    };
    let unseen = one(&facts(Err(Unavailable::NotAsked)), CheckId::Image);
    assert_eq!(unseen.outcome, Outcome::Warning);
    assert!(unseen.what.contains("exposes 3000"));
    let seen = one(&facts(Ok(listens(&[8080], &[]))), CheckId::Image);
    assert_eq!(seen.outcome, Outcome::Ok);
}

#[test]
fn quotas_are_held_against_what_the_app_wants() {
    let fargate = "target = \"fargate\"\ncpu = 1024\ncount = 2\n";
    let with = |limit| {
        let facts = Facts {
            app: Ok(settings(fargate)),
            vcpus: Ok(limit),
            ..good()
        };
        one(&facts, CheckId::Vcpus).outcome
    };
    let exit = Exit::Infrastructure;
    assert_eq!(with(0.0), Outcome::Blocker { exit });
    assert_eq!(with(1.9), Outcome::Blocker { exit });
    assert_eq!(with(2.0), Outcome::Warning, "a release needs both versions");
    assert_eq!(with(4.0), Outcome::Ok);

    let with = |limit| {
        let facts = Facts {
            concurrency: Ok(limit),
            ..good()
        };
        one(&facts, CheckId::Concurrency)
    };
    assert_eq!(with(0).outcome, Outcome::Blocker { exit });
    assert_eq!(with(10).outcome, Outcome::Warning);
    assert!(with(10).why[1].contains("100 a second"), "{:?}", with(10));
    assert!(with(10).fix[0].ends_with("--region eu-west-2`"));
    assert_eq!(with(1000).outcome, Outcome::Ok);

    let with = |own, there| {
        let facts = Facts {
            load_balancers: Ok(LoadBalancers {
                limit: 50,
                there,
                own,
            }),
            ..good()
        };
        one(&facts, CheckId::LoadBalancers).outcome
    };
    assert_eq!(with(false, 49), Outcome::Ok);
    assert_eq!(with(false, 50), Outcome::Blocker { exit });
    assert_eq!(with(true, 50), Outcome::Ok, "ours is one of them");
}

#[test]
fn a_wrong_clock_is_told_before_aws_refuses_it() {
    let with = |ahead| {
        let facts = Facts {
            clock: Ok(ahead),
            ..good()
        };
        one(&facts, CheckId::Clock)
    };
    assert_eq!(with(59_000).outcome, Outcome::Ok);
    assert_eq!(with(-61_000).outcome, Outcome::Warning);
    assert!(with(-61_000).what.contains("1 min 01 s behind"));
    let exit = Exit::Access;
    assert_eq!(with(301_000).outcome, Outcome::Blocker { exit });
    assert_eq!(with(i64::MIN).outcome, Outcome::Blocker { exit });
}

#[test]
fn a_region_that_cannot_be_used_explains_refused_credentials() {
    let facts = |opt_in: Option<&str>| Facts {
        credentials: Err(missing(
            Exit::Access,
            "no usable AWS credentials",
            "sign in",
        )),
        region: Ok(Region {
            name: "eu-south-1".into(),
            opt_in: opt_in.map(str::to_owned),
        }),
        ..good()
    };
    let off = facts(Some("not-opted-in"));
    assert_eq!(one(&off, CheckId::Credentials).outcome, Outcome::Unknown);
    let exit = Exit::Access;
    assert_eq!(
        one(&off, CheckId::Region).outcome,
        Outcome::Blocker { exit }
    );
    let nowhere = facts(None);
    let exit = Exit::BadInput;
    assert_eq!(
        one(&nowhere, CheckId::Region).outcome,
        Outcome::Blocker { exit }
    );
    // A region that can be used excuses nothing.
    let on = facts(Some("opted-in"));
    assert_eq!(one(&on, CheckId::Credentials).exit(), Some(Exit::Access));
}

#[test]
fn what_stands_in_the_way_depends_on_the_target() {
    let outcomes = |target: &str, found: Found| {
        let facts = Facts {
            app: Ok(settings(&format!("target = \"{target}\"\n"))),
            names: Ok(Strangers {
                names: names(),
                region: "eu-west-2".into(),
                found: vec![found],
                unseen: vec![],
            }),
            ..good()
        };
        one(&facts, CheckId::Names).outcome
    };
    let blocker = Outcome::Blocker {
        exit: Exit::BadInput,
    };
    let balancer = "arn:aws:elasticloadbalancing:eu-west-2:1:loadbalancer/app/uptime-prod/5";
    let table = [
        (Kind::Repository, "uptime-prod", blocker, blocker),
        (Kind::LogGroup, "/landfall/uptime-prod", blocker, blocker),
        (
            Kind::LogGroup,
            "/aws/lambda/uptime-prod",
            blocker,
            Outcome::Warning,
        ),
        (Kind::Role, "uptime-prod-task", blocker, blocker),
        (
            Kind::Role,
            "uptime-prod-function",
            blocker,
            Outcome::Warning,
        ),
        (Kind::Function, "uptime-prod", blocker, Outcome::Warning),
        (Kind::LoadBalancer, balancer, Outcome::Warning, blocker),
        (
            Kind::Cluster,
            "uptime-prod",
            Outcome::Warning,
            Outcome::Warning,
        ),
        (Kind::HttpApi, "a1b2c3", Outcome::Warning, Outcome::Warning),
    ];
    for (kind, id, lambda, fargate) in table {
        assert_eq!(outcomes("lambda", Found::new(kind, id)), lambda, "{id}");
        assert_eq!(outcomes("fargate", Found::new(kind, id)), fargate, "{id}");
    }
}

#[test]
fn what_a_state_holds_is_no_stranger() {
    let state = r#"{"version":4,"resources":[
        {"mode":"data","instances":[{"attributes":{"id":"data-only"}}]},
        {"mode":"managed","instances":[
            {"attributes":{"id":"uptime-prod","arn":"arn:aws:ecr:eu-west-2:1:repository/uptime-prod"}},
            {"attributes":{"id":"1:uptime-prod","name":"uptime-prod-budget","count":3}}]}]}"#;
    let known = known(state).expect("a state");
    assert_eq!(known.len(), 4, "{known:?}");
    let found = |kind, id: &str| Found::new(kind, id);
    let left = strangers(
        vec![
            found(Kind::Repository, "uptime-prod"),
            found(Kind::Budget, "uptime-prod-budget"),
            found(Kind::Role, "data-only"),
            // None of Terraform's.
            found(Kind::TaskDefinition, "uptime-prod:3"),
            found(Kind::StateBucket, "landfall-1-eu-west-2-uptime-prod"),
            found(Kind::NetworkInterface, "eni-1"),
        ],
        &known,
    );
    assert_eq!(left, [found(Kind::Role, "data-only")]);
    assert_eq!(super::account::known("encrypted"), None);
    assert_eq!(super::account::known("{}"), None);
}

#[test]
fn callers_are_told_apart() {
    let arn = |text: &str| Principal::Arn(text.to_owned());
    let table = [
        ("arn:aws:iam::1:root", Principal::Root),
        (
            "arn:aws:iam::1:user/team/ann",
            arn("arn:aws:iam::1:user/team/ann"),
        ),
        (
            "arn:aws:sts::1:assumed-role/AWSReservedSSO_Admin_1f/ann@example.com",
            Principal::Role("AWSReservedSSO_Admin_1f".into()),
        ),
        (
            "arn:aws-cn:sts::1:assumed-role/deploy/x",
            Principal::Role("deploy".into()),
        ),
        ("arn:aws:sts::1:assumed-role", Principal::Other),
        ("arn:aws:sts::1:federated-user/ann", Principal::Other),
        ("", Principal::Other),
    ];
    for (text, principal) in table {
        assert_eq!(Principal::of(text), principal, "{text}");
    }
}

#[test]
fn every_question_is_about_something_that_exists() {
    let names = names();
    let at = Whereabouts {
        partition: "aws",
        account: "123456789012",
        region: "eu-west-2",
        names: &names,
        domain: Some("app.example.com"),
    };
    for target in Target::ALL {
        let asks = asks(Phase::Setup, target, &at);
        let actions: Vec<&str> = asks.iter().flat_map(|ask| ask.actions.clone()).collect();
        assert!(
            asks.len() <= 45,
            "{target}: a call for each of {}",
            asks.len()
        );
        assert!(actions.contains(&"ecr:CreateRepository"), "{actions:?}");
        assert!(
            !actions.iter().any(|one| one.starts_with("ec2:Describe")),
            "{actions:?}"
        );
        // Nothing that only a tear-down does.
        for removes in ["iam:DeleteRole", "lambda:DeleteFunction", "ec2:DeleteVpc"] {
            let of_versions = |ask: &Ask| ask.resource.contains(":function:uptime-prod:*");
            let asked = asks
                .iter()
                .any(|ask| ask.actions.contains(&removes) && !of_versions(ask));
            assert!(!asked, "{removes}");
        }
        for ask in &asks {
            assert!(!ask.resource.contains(['{', '}']), "{}", ask.resource);
            assert!(ask.resource == "*" || ask.resource.starts_with("arn:aws:"));
            assert!(ask.resource == "*" || !ask.example().contains('*'));
            assert!(ask.actions.iter().all(|action| action.contains(':')));
        }
    }
    let roles = |target, wanted: &str| {
        let all = asks(Phase::Setup, target, &at);
        all.iter().any(|ask| ask.resource.ends_with(wanted))
    };
    assert!(roles(Target::Lambda, &names.function_role()));
    assert!(roles(Target::Fargate, &names.slot(Slot::Blue)));
}

#[test]
fn a_condition_that_nobody_can_judge_is_no_refusal() {
    let facts = |decisions: &[Decision]| Facts {
        permissions: Ok(decisions
            .iter()
            .map(|decision| simulated("ecr:CreateRepository", "*", *decision))
            .collect()),
        ..good()
    };
    let depends = facts(&[Decision::Allowed, Decision::Depends]);
    assert_eq!(
        one(&depends, CheckId::Permissions).outcome,
        Outcome::Unknown
    );
    let denied = facts(&[Decision::Depends, Decision::ImplicitDeny]);
    let check = one(&denied, CheckId::Permissions);
    assert_eq!(check.exit(), Some(Exit::Access));
    let policy = check.fix[0].split_once(": ").expect("a policy").1;
    let policy: serde_json::Value = serde_json::from_str(policy).expect("JSON");
    assert_eq!(policy["Statement"][0]["Action"][0], "ecr:CreateRepository");
}

#[test]
fn an_image_for_another_processor_is_run_only_where_that_works() {
    let arm = Image {
        architecture: "arm64".into(),
        ..image()
    };
    assert_eq!(run_gap(&image(), &engine("x86_64", Some(false))), None);
    assert!(run_gap(&arm, &engine("x86_64", Some(false))).is_some());
    assert_eq!(run_gap(&arm, &engine("x86_64", Some(true))), None);
    assert_eq!(run_gap(&arm, &engine("aarch64", Some(false))), None);
    assert_eq!(super::machine::processor("riscv64"), None::<Architecture>);
}

#[test]
fn every_check_has_a_word_that_leads_back() {
    for name in CheckId::ALL {
        assert_eq!(name.word().parse(), Ok(name));
    }
    assert_eq!("load-balancers".parse(), Ok(CheckId::LoadBalancers));
    let error = "nothing".parse::<CheckId>().expect_err("no check");
    assert!(error.contains("permissions"));
    let json = serde_json::to_value(&examine(&good())[0]).expect("JSON");
    assert_eq!(json["check"], "app");
    assert_eq!(json["outcome"], "ok");
}

#[test]
fn an_app_that_ends_without_its_secrets_may_run_with_them() {
    let facts = |toml: &str, trial: Trial, stored: &[Stored]| Facts {
        app: Ok(settings(toml)),
        secrets: Ok(stored.to_vec()),
        trial: Ok(trial),
        ..good()
    };
    let ended = || Trial::Exited {
        code: Some(1),
        lines: vec!["DATABASE_URL: not set".into()],
    };
    let of = |facts: &Facts, name| {
        let found = examine(facts).into_iter().find(|check| check.check == name);
        found.expect("it was looked at")
    };
    let wants = "target = \"lambda\"\nsecrets = [\"DATABASE_URL\"]\n";
    let missing = facts(wants, ended(), &[]);
    assert_eq!(of(&missing, CheckId::Secrets).exit(), Some(Exit::BadInput));
    let port = of(&missing, CheckId::Port);
    assert_eq!(port.outcome, Outcome::Warning);
    assert!(port.fix[0].contains("DATABASE_URL"), "{port:?}");
    // One that listens elsewhere does so with them, too.
    let elsewhere = of(&facts(wants, listens(&[9090], &[]), &[]), CheckId::Port);
    assert!(elsewhere.exit().is_some());
    let without = of(&facts("target = \"lambda\"\n", ended(), &[]), CheckId::Port);
    assert!(without.exit().is_some());
    let set = Stored {
        name: SecretName::parse("DATABASE_URL").expect("a name"),
        store: SecretsStore::ParameterStore,
        id: "/landfall/uptime-prod/DATABASE_URL".into(),
        version: "1".into(),
        changed: None,
    };
    let there = of(
        &facts(wants, listens(&[8080], &[]), &[set]),
        CheckId::Secrets,
    );
    assert_eq!(there.what, "DATABASE_URL in Parameter Store");
}
