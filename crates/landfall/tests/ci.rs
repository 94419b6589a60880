//! CI: roles that only the right jobs get by their tokens, and the files and commands around them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use infra::{Backend, Binary, Emulators, Terraform, WorkDir};
use rules::app::manifest::{AppName, EnvironmentName, RolePath, Target};
use rules::app::names::Names;
use rules::event::Event;
use rules::exit::Exit;
use rules::leave::ci::claims::{Answer, Claims, ask};
use rules::leave::ci::origin::Project;
use rules::leave::ci::{Deployment, Forge, Ids, Role, Setup, trust};
use rules::operate::sweep::Kind;
use rules::shape::contract::{CiInputs, CiOutputs, Root};
use rules::shape::plan::Plan;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use testkit::{App, CommandOutput, Mode, Running, Sandbox};

const ACCOUNT: &str = "123456789012";

/// An unsigned token: the emulator does not check signatures.
fn token(claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!(
        "{}.{}.bm9ib2R5",
        part(&json!({ "alg": "none" })),
        part(claims)
    )
}

fn github_token(sub: &str) -> Value {
    json!({
        "iss": "https://token.actions.githubusercontent.com",
        "aud": "sts.amazonaws.com",
        "sub": sub,
        "ref": "refs/heads/main",
    })
}

fn gitlab_token(sub: &str) -> Value {
    json!({ "iss": "https://gitlab.com", "aud": "sts.amazonaws.com", "sub": sub, "ref": "main" })
}

fn setup(forge: Forge) -> Setup {
    Setup {
        forge,
        project: Project::parse(forge, "octo/shop").expect("a project"),
        ids: (forge == Forge::Github).then_some(Ids {
            owner: 12,
            repository: 345,
        }),
        branch: "main".parse().expect("a branch"),
        default_branch: None,
        github_environment: None,
        previews: true,
    }
}

fn deployment(environment: &str) -> Deployment {
    Deployment {
        partition: "aws".to_owned(),
        account: ACCOUNT.to_owned(),
        region: "us-east-1".to_owned(),
        names: Names::new(
            AppName::parse("shop").expect("a name"),
            EnvironmentName::parse(environment).expect("an environment"),
        ),
        target: Target::Lambda,
        domain: None,
        tags: BTreeMap::new(),
        permissions_boundary: None,
        role_path: RolePath::default(),
        directory: ".".to_owned(),
        archive: None,
    }
}

/// An emulator that checks the permissions of every caller, and trust policies.
struct Enforcing {
    process: Child,
    url: String,
}

impl Enforcing {
    async fn start() -> Enforcing {
        let program = std::env::var_os("LANDFALL_MINISTACK").expect("LANDFALL_MINISTACK");
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a free port")
            .port();
        let process = Command::new(program)
            .envs([
                ("AUTH", "true"),
                ("GATEWAY_PORT", port.to_string().as_str()),
                ("BIND_HOST", "127.0.0.1"),
                ("MINISTACK_ACCOUNT_ID", ACCOUNT),
                ("DOCKER_HOST", "unix:///nonexistent"),
                ("IOT_MTLS_ENABLED", "0"),
                ("SFTP_ENABLED", "0"),
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("ministack starts");
        let mut emulator = Enforcing {
            process,
            url: format!("http://127.0.0.1:{port}"),
        };
        let ready = format!("{}/_ministack/ready", emulator.url);
        while !reqwest::get(&ready)
            .await
            .is_ok_and(|answer| answer.status().is_success())
        {
            let ended = emulator.process.try_wait().expect("its state");
            assert!(ended.is_none(), "ministack ended: {ended:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        emulator
    }

    /// Requests the role's credentials with a token and without a signature, as a job does.
    async fn assume(&self, role: &str, token: &str) -> bool {
        let answer = reqwest::Client::new()
            .post(&self.url)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!(
                "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleSessionName=test&RoleArn={}&WebIdentityToken={token}",
                role.replace(':', "%3A").replace('/', "%2F")
            ))
            .send()
            .await
            .expect("STS answers");
        let status = answer.status();
        let text = answer.text().await.expect("text");
        let admitted = text.contains("<AccessKeyId>");
        assert_eq!(admitted, status.is_success(), "{text}");
        assert!(admitted || text.contains("AccessDenied"), "{text}");
        admitted
    }
}

impl Drop for Enforcing {
    fn drop(&mut self) {
        // It may have exited by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn fail<T>(failure: infra::Failure) -> T {
    panic!("{failure}\n{}", failure.why.join("\n"))
}

/// The root's Terraform against that emulator.
async fn terraform(emulator: &Enforcing, dir: &Path, inputs: &CiInputs) -> Terraform {
    let work = WorkDir::new(dir, Root::Ci);
    let emulators = Emulators {
        main: emulator.url.clone(),
        second: emulator.url.clone(),
        keys: Some(("test".to_owned(), "test".to_owned())),
    };
    work.write(&json!(inputs), &Backend::Local, Some(&emulators))
        .expect("a working directory");
    let path = std::env::var_os("PATH").expect("PATH");
    let terraform = Terraform::new(
        Binary::find(None, &path).expect("Terraform"),
        work,
        Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugins"),
        vec![("AWS_EC2_METADATA_DISABLED".into(), "true".into())],
        tokio::sync::watch::channel(false).1,
    );
    terraform.init().await.unwrap_or_else(fail);
    terraform
}

/// The trust policy of a role as planned.
fn planned(plan: &Plan, role: Role) -> String {
    let name = format!("-{role}");
    let found = plan.resources.iter().find(|resource| {
        resource.kind == "aws_iam_role"
            && resource.values["name"]
                .as_str()
                .is_some_and(|n| n.ends_with(&name))
    });
    let policy = &found.expect("the role").values["assume_role_policy"];
    policy.as_str().expect("known when planned").to_owned()
}

/// A policy in a normal form: the order of values and lists with one value have no meaning.
fn in_order(policy: &Value) -> Value {
    match policy {
        Value::Array(values) => {
            let mut values: Vec<Value> = values.iter().map(in_order).collect();
            values.sort_by_key(Value::to_string);
            match values.as_slice() {
                [one] => one.clone(),
                _ => Value::Array(values),
            }
        }
        Value::Object(fields) => fields
            .iter()
            .map(|(k, v)| (k.clone(), in_order(v)))
            .collect(),
        other => other.clone(),
    }
}

/// Three witnesses of each token: what the rules determine for the policy that Terraform plans, what an
/// emulator of STS does with the role that Terraform made, and what this test expects.
async fn witness(forge: Forge, cases: &[(&str, Value, &[Role])]) {
    let emulator = Enforcing::start().await;
    let dir = tempfile::tempdir().expect("a directory");
    let (setup, deployment) = (setup(forge), deployment("prod"));
    let inputs = CiInputs::of(&setup, &deployment);
    let terraform = terraform(&emulator, dir.path(), &inputs).await;
    let plan = terraform.plan(false).await.unwrap_or_else(fail);
    for role in Role::ALL {
        let made: Value = serde_json::from_str(&planned(&plan, role)).expect("JSON");
        let described = trust::policy(&setup, &deployment, role);
        assert_eq!(in_order(&made), in_order(&described), "{role}");
    }
    terraform.apply(&mut |_| {}).await.unwrap_or_else(fail);
    let outputs: Option<CiOutputs> = terraform.outputs().await.unwrap_or_else(fail);
    let arns = outputs.expect("outputs").role_arns;
    for (what, claims, roles) in cases {
        let token = token(claims);
        let read = Claims::read(&token).expect("a token");
        for role in Role::ALL {
            let expected = roles.contains(&role);
            let arn = &arns[role.as_str()];
            assert_eq!(arn, &deployment.role_arn(role));
            let ruled = ask(&planned(&plan, role), &read).expect("a policy") == Answer::Admitted;
            assert_eq!(ruled, expected, "rules: {role}: {what}");
            let admitted = emulator.assume(arn, &token).await;
            assert_eq!(admitted, expected, "STS: {role}: {what}");
        }
    }
    let again = terraform.plan(false).await.unwrap_or_else(fail);
    assert!(again.is_empty(), "{:#?}", again.changes);
    terraform.plan(true).await.unwrap_or_else(fail);
    terraform.apply(&mut |_| {}).await.unwrap_or_else(fail);
    assert_eq!(terraform.resources().await.unwrap_or_else(fail), 0);
}

#[tokio::test]
async fn jobs_of_github_get_exactly_their_roles() {
    let mut other_audience = github_token("repo:octo/shop:ref:refs/heads/main");
    other_audience["aud"] = json!("https://github.com/octo");
    let mut other_issuer = github_token("repo:octo/shop:ref:refs/heads/main");
    other_issuer["iss"] = json!("https://token.actions.example.com");
    let main = &[Role::Deploy, Role::Preview];
    let pull_request = &[Role::Plan, Role::Preview];
    witness(
        Forge::Github,
        &[
            ("main, old form", github_token("repo:octo/shop:ref:refs/heads/main"), main),
            ("main, form with numbers", github_token("repo:octo@12/shop@345:ref:refs/heads/main"), main),
            ("pull request, old form", github_token("repo:octo/shop:pull_request"), pull_request),
            ("pull request, form with numbers", github_token("repo:octo@12/shop@345:pull_request"), pull_request),
            ("another branch", github_token("repo:octo/shop:ref:refs/heads/feature"), &[]),
            ("a branch that begins alike", github_token("repo:octo@12/shop@345:ref:refs/heads/main2"), &[]),
            ("a tag", github_token("repo:octo/shop:ref:refs/tags/main"), &[]),
            ("an environment", github_token("repo:octo/shop:environment:production"), &[]),
            ("another repository", github_token("repo:octo/other:ref:refs/heads/main"), &[]),
            ("a repository that begins alike", github_token("repo:octo/shop-2:pull_request"), &[]),
            ("the workflow of a fork", github_token("repo:evil/shop:ref:refs/heads/main"), &[]),
            ("a pull request within a fork", github_token("repo:evil@9/shop@345:pull_request"), &[]),
            ("a repository that took over the name", github_token("repo:octo@12/shop@999:ref:refs/heads/main"), &[]),
            ("an owner who took over the name", github_token("repo:octo@13/shop@345:ref:refs/heads/main"), &[]),
            ("another case", github_token("repo:Octo/shop:ref:refs/heads/main"), &[]),
            ("another audience", other_audience, &[]),
            ("another issuer", other_issuer, &[]),
            ("no subject", json!({ "iss": "https://token.actions.githubusercontent.com", "aud": "sts.amazonaws.com" }), &[]),
        ],
    )
    .await;
}

#[tokio::test]
async fn jobs_of_gitlab_get_exactly_their_roles() {
    let of = |project: &str, kind: &str, name: &str| {
        gitlab_token(&format!(
            "project_path:{project}:ref_type:{kind}:ref:{name}"
        ))
    };
    let branch = &[Role::Plan, Role::Preview];
    witness(
        Forge::Gitlab,
        &[
            ("main", of("octo/shop", "branch", "main"), &Role::ALL),
            (
                "a merge request",
                of("octo/shop", "branch", "feature"),
                branch,
            ),
            ("a tag", of("octo/shop", "tag", "main"), &[]),
            ("a fork", of("evil/shop", "branch", "main"), &[]),
            (
                "a project that begins alike",
                of("octo/shop-2", "branch", "main"),
                &[],
            ),
            (
                "a project below",
                of("octo/shop/more", "branch", "main"),
                &[],
            ),
            (
                "a job of GitHub",
                github_token("repo:octo/shop:ref:refs/heads/main"),
                &[],
            ),
        ],
    )
    .await;
}

/// An app in a git repository with a remote.
fn repository(sandbox: &Sandbox, name: &str) -> App {
    let app = sandbox.app("app", name, Mode::Good, 1);
    for arguments in [
        &["init", "--quiet"] as &[&str],
        &[
            "remote",
            "add",
            "origin",
            "https://someone:secret@github.com/octo/shop.git",
        ],
    ] {
        let done = Command::new("git")
            .current_dir(app.path())
            .args(arguments)
            .status()
            .expect("git runs");
        assert!(done.success());
    }
    app
}

/// GitHub's answer about the repository, once; returns the first line of the request.
fn forge_with_repository() -> (String, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("its address"));
    let answer = json!({
        "id": 345, "full_name": "octo/shop", "owner": { "id": 12 }, "default_branch": "trunk",
    })
    .to_string();
    let forge = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a request");
        let lines = BufReader::new(&stream)
            .lines()
            .map(|line| line.expect("a line"));
        let asked: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
        let length = answer.len();
        write!(
            stream,
            "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{answer}"
        )
        .expect("an answer");
        asked.first().cloned().unwrap_or_default()
    });
    (url, forge)
}

fn roles(ended: &CommandOutput) -> Vec<String> {
    ended.one("result", |event| match event {
        Event::CiReady { role_arns, .. } => Some(role_arns.keys().cloned().collect()),
        _ => None,
    })
}

fn left(ended: &CommandOutput) -> Vec<Kind> {
    ended.all(|event| match event {
        Event::Left { leftover } => Some(leftover.kind),
        _ => None,
    })
}

#[test]
fn ci_is_set_up_checked_and_removed_completely() {
    let sandbox = Sandbox::new().on(Target::Lambda);
    let app = repository(&sandbox, "shop");
    let sum = "0123456789abcdef".repeat(4);
    let archive = [
        "--archive",
        "https://example.com/landfall.tar.gz",
        "--archive-sha256",
        &sum,
    ];
    let github = [&["ci", "github"] as &[&str], &archive].concat();

    // A role that does not trust the numbers of the repository may refuse every job: without them nothing is made.
    let unknown = sandbox.rehearse(&app, &github).expect(Exit::BadInput);
    assert!(
        unknown.failure().contains("gh api repos/octo/shop --jq"),
        "{}",
        unknown.failure()
    );
    let ids = ["--owner-id=12", "--repository-id=345"];
    let github = [&github as &[&str], &ids].concat();

    // Without confirmation nothing is created.
    let refused = sandbox.rehearse(&app, &github).expect(Exit::Refused);
    assert!(
        refused.failure().contains("octo/shop"),
        "{}",
        refused.failure()
    );
    let file = app.path().join(".github/workflows/landfall.yml");
    assert!(!file.exists());
    let none = sandbox
        .rehearse(&app, &["down", "--verify"])
        .expect(Exit::Done);
    assert_eq!(left(&none), []);

    let made = sandbox
        .rehearse(&app, &[&github as &[&str], &["--yes"]].concat())
        .expect(Exit::Done);
    assert_eq!(roles(&made), ["deploy", "plan"]);
    let text = std::fs::read_to_string(&file).expect("the workflow");
    assert!(
        text.contains("repo:octo/shop:ref:refs/heads/main"),
        "{text}"
    );
    assert!(!text.contains("secret@"), "{text}");
    assert!(!format!("{made:?}").contains("someone:secret"));

    // Again: nothing changes. With previews: one more role.
    let again = sandbox.rehearse(&app, &github).expect(Exit::Done);
    let planned = again.one("plan", |event| match event {
        Event::Planned { changes, .. } => Some(changes.len()),
        _ => None,
    });
    assert_eq!(planned, 0);
    // GitHub, asked for the default branch, knows the numbers as well.
    let (url, forge) = forge_with_repository();
    let arguments = ["ci", "github", "--previews", "--yes"];
    let mut command = sandbox.command(&[&arguments as &[&str], &archive].concat());
    command
        .env("LANDFALL_REHEARSE", "true")
        .env("GITHUB_API_URL", url)
        .current_dir(app.path());
    let more = Running::start(command).end().expect(Exit::Done);
    assert_eq!(
        forge.join().expect("the forge"),
        "GET /repos/octo/shop HTTP/1.1"
    );
    assert_eq!(roles(&more), ["deploy", "plan", "preview"]);

    let jobs = app.path().join("token");
    let check_role = |role: &str, sub: &str| {
        std::fs::write(&jobs, token(&github_token(sub))).expect("write");
        let path = jobs.to_string_lossy();
        sandbox.rehearse(
            &app,
            &["ci", "check", "--role", role, "--token-file", &path],
        )
    };
    // The hourly job runs on the default branch.
    let hourly = "repo:octo@12/shop@345:ref:refs/heads/trunk";
    let _ = check_role("shop-prod-preview", hourly).expect(Exit::Done);
    let _ = check_role("shop-prod-deploy", hourly).expect(Exit::Access);

    // An edited file is kept.
    let mine = text.replace("timeout-minutes: 55", "timeout-minutes: 20");
    std::fs::write(&file, &mine).expect("write");
    let kept = sandbox
        .rehearse(&app, &[&github as &[&str], &["--yes"]].concat())
        .expect(Exit::Refused);
    assert!(kept.failure().contains("--force"), "{}", kept.failure());
    assert_eq!(std::fs::read_to_string(&file).expect("it"), mine);
    let forced = sandbox
        .rehearse(
            &app,
            &[&github as &[&str], &["--previews", "--yes", "--force"]].concat(),
        )
        .expect(Exit::Done);
    assert_eq!(roles(&forced).len(), 3);
    let unsure = forced.all(|event| match event {
        Event::Warning { text } => text.contains("default branch").then_some(()),
        _ => None,
    });
    assert_eq!(unsure.len(), 1, "{:?}", forced.events);

    // The created role has the trust policy.
    let check = |sub: &str| check_role("shop-prod-deploy", sub);
    let _ = check("repo:octo/shop:ref:refs/heads/main").expect(Exit::Done);
    let _ = check("repo:octo@12/shop@345:ref:refs/heads/main").expect(Exit::Done);
    let other = check("repo:octo/shop:ref:refs/heads/feature").expect(Exit::Access);
    assert!(
        other.failure().contains("the branch feature"),
        "{}",
        other.failure()
    );

    let there = sandbox
        .rehearse(&app, &["down", "--verify"])
        .expect(Exit::Leftovers);
    let kinds = left(&there);
    assert_eq!(kinds.iter().filter(|kind| **kind == Kind::Role).count(), 3);
    assert!(kinds.contains(&Kind::Policy), "{kinds:?}");
    let _ = sandbox
        .rehearse(&app, &["ci", "remove", "--yes"])
        .expect(Exit::Done);
    let gone = sandbox
        .rehearse(&app, &["down", "--verify"])
        .expect(Exit::Done);
    assert_eq!(left(&gone), []);
    let gone = check("repo:octo/shop:ref:refs/heads/main").expect(Exit::Access);
    assert!(gone.failure().contains("no role"), "{}", gone.failure());
}

/// Without an account: the file alone.
#[test]
fn repository_and_branch_must_be_exact() {
    let sandbox = Sandbox::new();
    let app = repository(&sandbox, "shop");
    let run = |arguments: &[&str]| {
        let mut command = sandbox.command(&[&["ci"], arguments].concat());
        command.current_dir(app.path());
        command
    };
    for (arguments, what) in [
        (
            &["github", "--repository", "octo/*"] as &[&str],
            "OWNER/REPOSITORY",
        ),
        (&["github", "--repository", "octo"], "OWNER/REPOSITORY"),
        (&["gitlab"], "landfall ci github"),
    ] {
        let ended = Running::start(run(arguments)).end().expect(Exit::BadInput);
        assert!(ended.failure().contains(what), "{}", ended.failure());
        assert!(!format!("{ended:?}").contains("secret"));
    }
    // The option itself refuses a pattern.
    let output = run(&["github", "--branch", "release/*"])
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(i32::from(Exit::BadInput.code())));
    assert!(!sandbox.home().exists(), "nothing was created");
}

/// In a job whose role was refused.
#[test]
fn ci_check_reports_what_differs_and_hides_the_token() {
    let sandbox = Sandbox::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    let given = token(&github_token("repo:octo@12/shop@345:ref:refs/heads/main"));
    let answer = json!({ "value": given.clone() }).to_string();
    let forge = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a request");
        let mut asked = String::new();
        for line in BufReader::new(&stream).lines() {
            let line = line.expect("a line");
            if line.is_empty() {
                break;
            }
            asked.push_str(&line);
            asked.push('\n');
        }
        write!(
            stream,
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{answer}",
            answer.len()
        )
        .expect("an answer");
        asked
    });
    let old = Setup {
        ids: None,
        ..setup(Forge::Github)
    };
    let trust = trust::policy(&old, &deployment("prod"), Role::Deploy).to_string();
    let mut command = sandbox.command(&["ci", "check"]);
    command
        .env("LANDFALL_TRUST", &trust)
        .env(
            "ACTIONS_ID_TOKEN_REQUEST_URL",
            format!("http://{address}/token?api-version=2"),
        )
        .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "the-bearer")
        .env_remove("AWS_WEB_IDENTITY_TOKEN_FILE");
    let ended = Running::start(command).end().expect(Exit::Access);
    let asked = forge.join().expect("the forge").to_ascii_lowercase();
    assert!(
        asked.starts_with("get /token?api-version=2&audience=sts.amazonaws.com "),
        "{asked}"
    );
    assert!(
        asked.contains("authorization: bearer the-bearer"),
        "{asked}"
    );
    let failure = ended.failure();
    assert!(
        failure.contains("--owner-id 12 --repository-id 345"),
        "{failure}"
    );
    // The first line is the command itself, with the test's own bearer.
    let complaints = ended.words.split_once('\n').map_or("", |(_, rest)| rest);
    let shown = format!("{:?}{complaints}", ended.events);
    for part in given.split('.') {
        assert!(!shown.contains(part), "the token is shown");
    }
    assert!(!shown.contains("the-bearer"));

    let mut command = sandbox.command(&["ci", "check"]);
    command
        .env("LANDFALL_TRUST", &trust)
        .env_remove("ACTIONS_ID_TOKEN_REQUEST_URL")
        .env_remove("AWS_WEB_IDENTITY_TOKEN_FILE");
    let ended = Running::start(command).end().expect(Exit::Access);
    assert!(
        ended.failure().contains("id-token: write"),
        "{}",
        ended.failure()
    );
}
