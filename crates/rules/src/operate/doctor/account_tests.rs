use super::account::{Region, UnknownResources, Usage, known_ids, unknown_resources};
use super::permissions::{Ask, Decision, Location, Principal, asks};
use super::samples::*;
use super::*;
use crate::app::manifest::Target;
use crate::app::names::Slot;
use crate::check::Outcome;
use crate::exit::Exit;
use crate::operate::sweep::{Found, Kind};
use crate::shape::permissions::Phase;

#[test]
fn quotas_are_compared_with_what_the_app_needs() {
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
            load_balancers: Ok(Usage {
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
fn a_wrong_clock_is_a_warning_before_aws_refuses_it() {
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
fn conflicts_depend_on_the_target() {
    let outcomes = |target: &str, found: Found| {
        let facts = Facts {
            app: Ok(settings(&format!("target = \"{target}\"\n"))),
            names: Ok(UnknownResources {
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
fn resources_of_a_state_are_known() {
    let state = r#"{"version":4,"resources":[
        {"mode":"data","instances":[{"attributes":{"id":"data-only"}}]},
        {"mode":"managed","instances":[
            {"attributes":{"id":"uptime-prod","arn":"arn:aws:ecr:eu-west-2:1:repository/uptime-prod"}},
            {"attributes":{"id":"1:uptime-prod","name":"uptime-prod-budget","count":3}}]}]}"#;
    let known = known_ids(state).expect("a state");
    assert_eq!(known.len(), 4, "{known:?}");
    let found = |kind, id: &str| Found::new(kind, id);
    let left = unknown_resources(
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
    assert_eq!(known_ids("encrypted"), None);
    assert_eq!(known_ids("{}"), None);
}

#[test]
fn callers_are_distinguished() {
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
        assert_eq!(Principal::from_arn(text), principal, "{text}");
    }
}

#[test]
fn every_simulation_has_a_valid_resource() {
    let names = names();
    let manifest = settings("domain = \"app.example.com\"\n").unwrap();
    let at = Location {
        partition: "aws",
        account: "123456789012",
        region: "eu-west-2",
        names: &names,
        manifest: &manifest,
    };
    for target in Target::ALL {
        let asks = asks(Phase::Setup, target, &at);
        let actions: Vec<&str> = asks.iter().flat_map(|ask| ask.actions.clone()).collect();
        assert!(
            asks.len() <= 50,
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
fn a_condition_that_cannot_be_simulated_is_no_denial() {
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
