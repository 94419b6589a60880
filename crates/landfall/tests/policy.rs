//! `landfall policy`: the life of an app with identities that have only its policies, enforced by a
//! gate in front of the emulators (`testkit::PermissionGate`), and the error for a missing
//! statement.

use rules::app::manifest::{AppName, EnvironmentName, RolePath, Target};
use rules::app::names::Names;
use rules::event::Event;
use rules::exit::Exit;
use rules::leave::ci::permissions::documents as ci_documents;
use rules::leave::ci::{Deployment, Role};
use rules::shape::permissions::{LONGEST, Phase};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use testkit::{AccessDecision, App, CommandOutput, Mode, PermissionGate, Sandbox};

/// Short enough for a test, with the same evidence.
const BRIEF: [&str; 6] = [
    "up",
    "--yes",
    "--minimum=1s",
    "--bake=2s",
    "--ready-timeout=60s",
    "--strategy=all-at-once",
];

/// The policies of a phase, as printed.
fn documents(sandbox: &Sandbox, app: &App, phase: Phase) -> Vec<Value> {
    let printed = sandbox
        .rehearse(app, &["policy", phase.as_str()])
        .expect(Exit::Done);
    let texts = printed.all(|event| match event {
        Event::Document { text } => Some(text.clone()),
        _ => None,
    });
    assert!(!texts.is_empty());
    let read = |text: &String| {
        let document: Value = serde_json::from_str(text).expect("JSON");
        let length = document.to_string().len();
        assert!(length <= LONGEST, "{phase}: {length}");
        document
    };
    texts.iter().map(read).collect()
}

fn texts(documents: &[Value]) -> Vec<String> {
    documents.iter().map(Value::to_string).collect()
}

/// The documents without a statement.
fn without(documents: &[Value], sid: &str) -> Vec<String> {
    let mut less = documents.to_vec();
    let mut found = 0;
    for document in &mut less {
        let statements = document["Statement"].as_array_mut().expect("statements");
        let before = statements.len();
        statements.retain(|statement| statement["Sid"] != sid);
        found += before - statements.len();
    }
    assert_eq!(found, 1, "{sid}");
    texts(&less)
}

/// One identity for each phase, with that phase's documents.
fn identities(sandbox: &Sandbox, app: &App) -> BTreeMap<String, Vec<String>> {
    let of = |phase: Phase| (phase.to_string(), texts(&documents(sandbox, app, phase)));
    Phase::ALL.map(of).into()
}

/// Optional calls of the provider at its start: the identity, and whether the account predates
/// VPCs.
const NOT_NEEDED: [&str; 2] = ["iam:GetUser", "ec2:DescribeAccountAttributes"];

fn denied(judged: &[AccessDecision]) -> Vec<&AccessDecision> {
    judged
        .iter()
        .filter(|one| !one.allowed && !NOT_NEEDED.contains(&one.action.as_str()))
        .collect()
}

fn actions<'a>(judged: &'a [AccessDecision], who: &str) -> BTreeSet<&'a str> {
    let own = judged.iter().filter(|one| one.who == who);
    own.map(|one| one.action.as_str()).collect()
}

fn nothing_is_left(down: &CommandOutput) {
    down.one("sweep", |event| match event {
        Event::Swept { left, unseen, .. } => {
            assert_eq!((*left, unseen.as_slice()), (0, [].as_slice()));
            Some(())
        }
        _ => None,
    });
}

/// From `up` to `down`; `proofs` are actions of each phase that prove that the gate checked.
fn lives(target: Target, proofs: &[(Phase, &[&str])]) {
    let sandbox = Sandbox::new().on(target);
    let store = match target {
        Target::Lambda => "secrets_store = \"parameter-store\"\n",
        Target::Fargate => "secrets_store = \"secrets-manager\"\n",
    };
    let app = |label: &str, version| {
        sandbox
            .app(label, "least", Mode::Good, version)
            .manifest(store)
    };
    let (first, second) = (app("first", 1), app("second", 2));
    let mut identities = identities(&sandbox, &first);
    let allowed = allowed(&identities);
    identities.extend(of_ci(&sandbox, &first, target));
    let gate = PermissionGate::start(&sandbox, &identities);

    gate.use_identity("setup");
    let _ = sandbox.rehearse(&first, &BRIEF).expect(Exit::Done);
    assert_eq!(denied(&gate.decisions()), [] as [&AccessDecision; 0]);

    gate.use_identity("release");
    for (command, input) in [
        (&["secrets", "set", "TOKEN"] as &[&str], "one"),
        (&["secrets", "set", "TOKEN"], "two"),
        (&["secrets", "list"], ""),
        (&["secrets", "unset", "TOKEN", "--yes"], ""),
    ] {
        let _ = sandbox
            .rehearse_with(&first, command, input)
            .expect(Exit::Done);
        assert_eq!(
            denied(&gate.decisions()),
            [] as [&AccessDecision; 0],
            "{command:?}"
        );
    }
    for command in [
        &BRIEF as &[&str],
        &["status"],
        &["logs"],
        &["plan"],
        &["rollback"],
        &["url"],
    ] {
        let _ = sandbox.rehearse(&second, command).expect(Exit::Done);
        assert_eq!(
            denied(&gate.decisions()),
            [] as [&AccessDecision; 0],
            "{command:?}"
        );
    }

    if target == Target::Lambda {
        deploys_from_ci(&sandbox, &first, &gate);
    }

    // The identity for releases may not destroy; the error names the right policy.
    // Where there are roles of CI, a person removes them too.
    let teardown = match target {
        Target::Lambda => "teardown --ci",
        Target::Fargate => "teardown",
    };
    let refused = sandbox
        .rehearse(&second, &["down", "--yes"])
        .expect(Exit::Access);
    assert!(
        refused
            .failure()
            .contains(&format!("`landfall policy {teardown}`")),
        "{}",
        refused.failure()
    );
    let progress = gate.decisions().len();

    gate.use_identity(teardown);
    let down = sandbox
        .rehearse(&second, &["down", "--yes"])
        .expect(Exit::Done);
    nothing_is_left(&down);
    assert_eq!(
        denied(&gate.decisions()[progress..]),
        [] as [&AccessDecision; 0]
    );

    let judged = gate.decisions();
    for (phase, expected) in proofs {
        let mut asked = actions(&judged, phase.as_str());
        asked.extend(actions(&judged, &format!("{phase} --ci")));
        for action in *expected {
            assert!(asked.contains(action), "{phase}: {action} in {asked:?}");
        }
    }
    // Actions that were never called are not covered here; docs/permissions.md lists them.
    let asked: BTreeSet<&str> = judged.iter().map(|one| one.action.as_str()).collect();
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/permissions.md");
    let page = std::fs::read_to_string(page).expect("a page");
    for action in allowed.iter().filter(|action| !action.ends_with('*')) {
        let is_known = asked.contains(action.as_str()) || page.contains(&format!("`{action}`"));
        assert!(
            is_known,
            "{target}: nothing requested {action}, and the page does not list it"
        );
    }
}

/// Who sets CI up and removes it, and the role of the job that deploys.
fn of_ci(sandbox: &Sandbox, app: &App, target: Target) -> BTreeMap<String, Vec<String>> {
    let person = |phase: Phase| {
        let printed = sandbox.rehearse(app, &["policy", phase.as_str(), "--ci"]);
        let texts = printed.expect(Exit::Done).all(|event| match event {
            Event::Document { text } => Some(text.clone()),
            _ => None,
        });
        (format!("{phase} --ci"), texts)
    };
    let deployment = Deployment {
        partition: "aws".to_owned(),
        account: "123456789012".to_owned(),
        region: "us-east-1".to_owned(),
        names: Names::new(
            AppName::parse("least").expect("a name"),
            EnvironmentName::parse("prod").expect("an environment"),
        ),
        target,
        domain: None,
        tags: BTreeMap::new(),
        permissions_boundary: None,
        role_path: RolePath::default(),
        directory: ".".to_owned(),
        archive: None,
    };
    let deploy = ci_documents(Role::Deploy, &deployment);
    [
        person(Phase::Setup),
        person(Phase::Teardown),
        ("deploy".to_owned(), deploy),
    ]
    .into()
}

/// CI is set up, and its role gives the roles of the app their boundary; a person then plans no change.
fn deploys_from_ci(sandbox: &Sandbox, app: &App, gate: &PermissionGate) {
    let before = gate.decisions().len();
    let none: [&AccessDecision; 0] = [];
    gate.use_identity("setup --ci");
    let ci = ["ci", "github", "--repository=octo/least", "--yes"];
    let ids = ["--owner-id=12", "--repository-id=345"];
    let _ = sandbox
        .rehearse(app, &[&ci as &[&str], &ids].concat())
        .expect(Exit::Done);
    assert_eq!(denied(&gate.decisions()[before..]), none);
    gate.use_identity("deploy");
    let _ = sandbox.rehearse(app, &BRIEF).expect(Exit::Done);
    let judged = gate.decisions();
    assert_eq!(denied(&judged[before..]), none);
    let bounded = actions(&judged, "deploy").contains("iam:PutRolePermissionsBoundary");
    assert!(bounded, "the roles have no boundary");
    gate.use_identity("release");
    let planned = sandbox.rehearse(app, &["plan"]).expect(Exit::Done);
    let changes = planned.all(|event| match event {
        Event::Planned { changes, .. } => Some(changes.len()),
        _ => None,
    });
    assert_eq!(changes, [0, 0]);
}

/// Every action that the documents allow.
fn allowed(documents: &BTreeMap<String, Vec<String>>) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for text in documents.values().flatten() {
        let document: Value = serde_json::from_str(text).expect("JSON");
        for statement in document["Statement"].as_array().expect("statements") {
            match &statement["Action"] {
                Value::String(one) => all.extend([one.clone()]),
                many => all
                    .extend(serde_json::from_value::<Vec<String>>(many.clone()).expect("actions")),
            }
        }
    }
    all
}

#[test]
fn with_account_and_region_no_credentials_are_needed() {
    let sandbox = Sandbox::new();
    let app = sandbox.app("app", "least", Mode::Good, 1);
    let files = sandbox.path().join("policies");
    let directory = app.path().to_string_lossy().into_owned();
    let place = ["--account=210987654321", "--region=cn-north-1", "--ci"];
    let command = [&["policy", "setup", directory.as_str()], &place as &[&str]].concat();
    let printed = sandbox.run(&command).expect(Exit::Done);
    let texts = printed.all(|event| match event {
        Event::Document { text } => Some(text.clone()),
        _ => None,
    });
    let write = format!("--write={}", files.display());
    let written = sandbox
        .run(&[&command as &[&str], &[&write]].concat())
        .expect(Exit::Done);
    assert!(
        !written
            .events
            .iter()
            .any(|event| matches!(event, Event::Document { .. }))
    );
    for (number, text) in texts.iter().enumerate() {
        assert!(
            text.contains("arn:aws-cn:") && !text.contains("arn:aws:"),
            "{text}"
        );
        assert!(text.contains(":210987654321:"), "{text}");
        let file = files.join(format!("least-prod-setup-{}.json", number + 1));
        assert_eq!(
            std::fs::read_to_string(file).expect("a file").trim_end(),
            text
        );
    }
    assert!(texts.concat().contains("iam:CreateOpenIDConnectProvider"));
    let wrong = sandbox.run(&["policy", "release", &directory, "--account=12"]);
    assert_eq!(
        wrong.code,
        i32::from(Exit::BadInput.code()),
        "{}",
        wrong.words
    );
}

#[test]
fn each_phase_on_fargate_needs_only_its_own_policies() {
    lives(
        Target::Fargate,
        &[
            (
                Phase::Setup,
                &[
                    "s3:CreateBucket",
                    "ec2:CreateVpc",
                    "ecs:CreateService",
                    "iam:PassRole",
                    "cloudfront:CreateDistribution",
                ],
            ),
            (
                Phase::Release,
                &[
                    "ecs:RegisterTaskDefinition",
                    "ecs:UpdateService",
                    "elasticloadbalancing:ModifyListener",
                    "logs:FilterLogEvents",
                ],
            ),
            (
                Phase::Teardown,
                &[
                    "ec2:DeleteVpc",
                    "ecs:DeleteCluster",
                    "iam:DeleteRole",
                    "s3:DeleteObjectVersion",
                ],
            ),
        ],
    );
}

#[test]
fn each_phase_on_lambda_needs_only_its_own_policies() {
    lives(
        Target::Lambda,
        &[
            (
                Phase::Setup,
                &[
                    "s3:CreateBucket",
                    "lambda:CreateFunction",
                    "iam:PassRole",
                    "apigateway:POST",
                    "apigateway:TagResource",
                    "budgets:ModifyBudget",
                ],
            ),
            (
                Phase::Release,
                &[
                    "lambda:PublishVersion",
                    "lambda:UpdateAlias",
                    "apigateway:GET",
                ],
            ),
            (
                Phase::Teardown,
                &[
                    "lambda:DeleteFunction",
                    "apigateway:DELETE",
                    "sns:DeleteTopic",
                ],
            ),
        ],
    );
}

#[test]
fn a_missing_statement_is_named_by_what_it_allows() {
    let sandbox = Sandbox::new().on(Target::Lambda);
    let app = sandbox.app("app", "lacking", Mode::Good, 1);
    let setup = documents(&sandbox, &app, Phase::Setup);
    let lacking = [
        // A call of landfall's own.
        ("MakeState", "s3:CreateBucket"),
        // A call of Terraform's.
        ("MakeTopic", "sns:CreateTopic"),
    ];
    let mut identities: BTreeMap<String, Vec<String>> = lacking
        .iter()
        .map(|(sid, _)| ((*sid).to_owned(), without(&setup, sid)))
        .collect();
    let teardown = documents(&sandbox, &app, Phase::Teardown);
    identities.insert("teardown".to_owned(), texts(&teardown));
    let gate = PermissionGate::start(&sandbox, &identities);
    for (sid, action) in lacking {
        gate.use_identity(sid);
        let failed = sandbox.rehearse(&app, &BRIEF).expect(Exit::Access);
        let text = failed.failure();
        let statement = text
            .lines()
            .find_map(|line| {
                let (_, statement) = line.split_once("`landfall policy setup` has it): ")?;
                serde_json::from_str::<Value>(statement).ok()
            })
            .unwrap_or_else(|| panic!("no statement in {text}"));
        assert!(text.contains(&format!("allow {action} ")), "{text}");
        assert_eq!(statement["Sid"], sid, "{text}");
        assert_eq!(statement["Action"], action, "{text}");
        let whole = setup
            .iter()
            .flat_map(|document| document["Statement"].as_array().expect("statements"))
            .find(|one| one["Sid"] == sid)
            .expect("the statement");
        assert_eq!(statement["Resource"], whole["Resource"]);
    }
    gate.use_identity("teardown");
    nothing_is_left(
        &sandbox
            .rehearse(&app, &["down", "--yes"])
            .expect(Exit::Done),
    );
}
