//! Versions and aliases of a function that fakecloud runs in containers: an image with bridge, edge
//! and app.

mod emulators;

use aws::{
    Endpoints, ErrorKind, Functions, Invoked, Logs, Placed, Publication, Registry, Session, Traffic,
};
use aws_sdk_lambda::types::{FunctionCode, PackageType};
use edge_contract::summary::Collection;
use emulators::{ACCOUNT, REGION, api_gateway, config};
use rules::app::manifest::Architecture;
use rules::app::names::{Slot, Slots};
use rules::release::published_versions::Stay;
use rules::release::revision::{Image, RevisionId};
use rules::time::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};
use testkit::Sandbox;

const FUNCTION: &str = "shop-prod";
const GROUP: &str = "/aws/lambda/shop-prod";

/// Emulators with a function as Terraform creates it: an image that cannot be pulled, `live`
/// pointing to `$LATEST`, and an HTTP API that invokes `live`.
struct Stage {
    sandbox: Sandbox,
    session: Session,
    emulator: String,
    api: String,
}

impl Stage {
    async fn new() -> Stage {
        let sandbox = Sandbox::new().with_emulators();
        // Each call alone: what a function that is pending refuses is met by whole releases.
        let (main, second) = sandbox.behind_front();
        let endpoints = Endpoints {
            main: main.clone(),
            second,
        };
        let session = Session::open(None, Some(REGION), Some(endpoints)).await;
        let config = config(&main).await;
        aws_sdk_ecr::Client::new(&config)
            .create_repository()
            .repository_name(FUNCTION)
            .send()
            .await
            .expect("a repository");
        aws_sdk_cloudwatchlogs::Client::new(&config)
            .create_log_group()
            .log_group_name(GROUP)
            .send()
            .await
            .expect("a log group");
        let lambda = aws_sdk_lambda::Client::new(&config);
        let code = FunctionCode::builder().image_uri("registry.invalid/placeholder@sha256:0");
        lambda
            .create_function()
            .function_name(FUNCTION)
            .role(format!("arn:aws:iam::{ACCOUNT}:role/{FUNCTION}-function"))
            .package_type(PackageType::Image)
            .code(code.build())
            .timeout(20)
            .send()
            .await
            .expect("a function");
        let alias = lambda
            .create_alias()
            .function_name(FUNCTION)
            .name("live")
            .function_version("$LATEST")
            .send()
            .await
            .expect("an alias");
        let arn = alias.alias_arn.expect("an ARN");
        Stage {
            sandbox,
            session: session.expect("a session"),
            api: http_api(&main, &arn),
            emulator: main,
        }
    }

    /// Builds an image whose app has these arguments, and pushes it.
    async fn push(&self, tag: &str, arguments: &[&str]) -> Image {
        let registry = Registry::new(&self.session);
        let login = registry.login().await.expect("a login");
        let context = self.sandbox.path().join("images").join(tag);
        std::fs::create_dir_all(&context).expect("a directory");
        for name in ["landfall-bridge", "landfall-edge", "landfall-edge-testapp"] {
            std::fs::copy(program(name), context.join(name)).expect("the program is copied");
        }
        let entry: Vec<&str> = [
            "/landfall-bridge",
            "--",
            "/landfall-edge",
            "--",
            "/landfall-edge-testapp",
            // The port that fakecloud expects of a function; the app may use it.
            "--port",
            "8080",
        ]
        .into_iter()
        .chain(arguments.iter().copied())
        .collect();
        let text = format!(
            "FROM scratch\nCOPY landfall-bridge /.landfall/bridge\nCOPY landfall-* /\nENV VERSION={tag}\n\
             ENTRYPOINT {}\n",
            serde_json::to_string(&entry).expect("JSON")
        );
        std::fs::write(context.join("Dockerfile"), text).expect("the Dockerfile");
        let keys = self.sandbox.path().join("docker");
        std::fs::create_dir_all(&keys).expect("a directory");
        let auths = serde_json::json!({"auths": {&login.host: {"auth": &login.basic}}});
        std::fs::write(keys.join("config.json"), auths.to_string()).expect("the login");
        let repository_url = format!("{}/{FUNCTION}", login.host);
        let name = format!("{repository_url}:{tag}");
        docker(
            &keys,
            &[
                "build",
                "--quiet",
                "--tag",
                &name,
                &context.to_string_lossy(),
            ],
        );
        docker(&keys, &["push", "--quiet", &name]);
        docker(&keys, &["rmi", "--no-prune", &name]);
        let digest = registry.find(FUNCTION, tag).await.expect("a digest");
        Image {
            repository_url,
            digest: digest.expect("it was pushed"),
        }
    }

    /// A user's request to the API's host name. Returns the status and the whole response.
    fn ask(&self, path: &str) -> (u16, String) {
        let host = format!("{}.execute-api.{REGION}.amazonaws.com", self.api);
        self.request(path, &host)
    }

    fn request(&self, path: &str, host: &str) -> (u16, String) {
        let address = self.emulator.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).expect("a connection");
        let text = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        stream.write_all(text.as_bytes()).expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let status = answer
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        (status.expect("a status"), answer)
    }

    /// How many of `count` requests each version serves.
    fn count(&self, count: usize) -> BTreeMap<String, usize> {
        let mut seen = BTreeMap::new();
        for _ in 0..count {
            let (status, answer) = self.ask("/env");
            assert_eq!(status, 200, "{answer}");
            let version = answer
                .lines()
                .find_map(|line| line.strip_prefix("AWS_LAMBDA_FUNCTION_VERSION="));
            *seen
                .entry(version.expect("a version").to_owned())
                .or_default() += 1;
        }
        seen
    }
}

/// Creates an HTTP API that invokes the alias; returns its ID.
fn http_api(endpoint: &str, alias_arn: &str) -> String {
    let id = |answer: &Value, name: &str| answer[name].as_str().expect("an ID").to_owned();
    let api = json!({ "name": FUNCTION, "protocolType": "HTTP" });
    let api = id(&api_gateway(endpoint, "apis", &api), "apiId");
    let create = |kind: &str, input: Value| {
        let path = format!("apis/{api}/{kind}");
        api_gateway(endpoint, &path, &input)
    };
    let integration = create(
        "integrations",
        json!({
            "integrationType": "AWS_PROXY",
            "payloadFormatVersion": "2.0",
            "integrationUri": alias_arn,
        }),
    );
    let target = format!("integrations/{}", id(&integration, "integrationId"));
    create(
        "routes",
        json!({ "routeKey": "$default", "target": target }),
    );
    create(
        "stages",
        json!({ "stageName": "$default", "autoDeploy": true }),
    );
    api
}

/// The path of a static program, which is in the edge's directory.
fn program(name: &str) -> PathBuf {
    let edge = std::env::var_os("LANDFALL_EDGE").map(PathBuf::from);
    let edge =
        edge.expect("LANDFALL_EDGE names the edge's program: run the tests with `./dev test`");
    edge.with_file_name(name)
}

fn docker(keys: &Path, arguments: &[&str]) {
    let done = Command::new("docker")
        .args(arguments)
        .env("DOCKER_CONFIG", keys)
        .output()
        .expect("docker runs");
    let complaint = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "docker {arguments:?}: {complaint}");
}

fn publication<'a>(image: &'a Image, revision: &str) -> Publication<'a> {
    let variables = [("LANDFALL_EDGE_APP", "8080")];
    Publication {
        image,
        revision: RevisionId(revision.to_owned()),
        memory: 256,
        architecture: Architecture::X86_64,
        environment: variables
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    Timestamp(u64::try_from(since.expect("a clock").as_millis()).expect("milliseconds"))
}

/// First attempts of users' requests in all seconds of a revision.
fn attempts(collection: &Collection, revision: &str) -> u64 {
    let seconds = collection.seconds(revision);
    let of = |second| collection.second(revision, second).first.total;
    seconds.into_iter().map(of).sum()
}

fn stay(at: u64) -> Stay {
    Stay {
        staged_at: Some(Timestamp(at)),
        answered: at > 5,
    }
}

fn placed(version: &str, at: u64) -> Option<Placed> {
    Some(Placed {
        version: version.to_owned(),
        stay: stay(at),
    })
}

#[tokio::test]
async fn versions_are_published_placed_probed_and_get_their_shares() {
    let stage = Stage::new().await;
    let begin = now();
    let functions = Functions::new(&stage.session, FUNCTION);
    nothing_is_published_at_first(&functions).await;
    versions_are_published(&stage, &functions, begin).await;
    versions_are_placed(&functions).await;
    versions_are_probed(&stage, &functions).await;
    let shares = requests_get_their_shares(&stage, &functions).await;
    the_app_sees_the_path(&stage);
    let users = [3 + shares["1"] as u64, shares["2"] as u64 + 3 + 2];
    summaries_are_counted(&stage, &functions, begin, users).await;
    versions_are_withdrawn_and_pruned(&functions).await;
}

fn traffic(version: &str, others: &[(&str, f64)]) -> Traffic {
    let others = others.iter();
    Traffic {
        version: version.to_owned(),
        others: others.map(|(v, share)| ((*v).to_owned(), *share)).collect(),
    }
}

async fn nothing_is_published_at_first(functions: &Functions) {
    assert_eq!(
        functions.traffic().await.expect("traffic"),
        traffic("$LATEST", &[])
    );
    assert_eq!(functions.placed().await.expect("slots"), Slots::default());
    assert_eq!(functions.versions().await.expect("versions"), []);
    assert!(functions.concurrency().await.expect("a limit") >= 10);
}

async fn versions_are_published(stage: &Stage, functions: &Functions, begin: Timestamp) {
    let (first, second) = (stage.push("one", &[]).await, stage.push("two", &[]).await);
    for (image, revision, version) in [
        (&first, "aaaa", "1"),
        (&second, "bbbb", "2"),
        (&first, "aaaa", "1"),
    ] {
        let published = functions.publish(&publication(image, revision)).await;
        assert_eq!(published.expect("a version"), version);
    }
    let facts = functions.version("2").await.expect("facts");
    assert_eq!(facts.revision, Some(RevisionId("bbbb".to_owned())));
    assert_eq!(facts.image, Some(second.to_string()));
    assert_eq!(facts.state, "Active");
    assert!(
        facts
            .modified
            .is_some_and(|at| at >= Timestamp(begin.0 - 1)),
        "{facts:?}"
    );
    let listed = functions.versions().await.expect("versions");
    let listed: Vec<&str> = listed.iter().map(|facts| facts.version.as_str()).collect();
    assert_eq!(listed, ["1", "2"]);
    let missing = functions.version("9").await.expect_err("there is none");
    assert_eq!(missing.kind, ErrorKind::NotFound);
}

async fn versions_are_placed(functions: &Functions) {
    functions
        .place(Slot::Blue, "1", stay(5))
        .await
        .expect("placed");
    functions
        .place(Slot::Green, "1", stay(6))
        .await
        .expect("placed");
    functions
        .place(Slot::Green, "2", stay(7))
        .await
        .expect("placed again");
    let expected = Slots {
        blue: placed("1", 5),
        green: placed("2", 7),
    };
    assert_eq!(functions.placed().await.expect("slots"), expected);
}

async fn versions_are_probed(stage: &Stage, functions: &Functions) {
    for qualifier in ["1", "green"] {
        let probed = functions.probe(qualifier, "/").await.expect("a probe");
        let Invoked::Answered(answer) = probed else {
            panic!("{probed:?}");
        };
        assert_eq!((answer.status, answer.error), (200, false));
    }
    let erring = functions
        .probe("2", "/fail/503/1/probe")
        .await
        .expect("a probe");
    assert!(
        matches!(erring, Invoked::Answered(answer) if answer.status == 503 && answer.error),
        "{erring:?}"
    );
    let nowhere = functions
        .probe("nowhere", "/")
        .await
        .expect_err("no such alias");
    assert_eq!(nowhere.kind, ErrorKind::NotFound);
    let bad = stage
        .push("bad", &["--print", "no database\n", "--exit", "3"])
        .await;
    let third = functions.publish(&publication(&bad, "cccc")).await;
    assert_eq!(third.expect("a version"), "3");
    let failed = functions.probe("3", "/").await.expect("a probe");
    let Invoked::Failed {
        kind, message, log, ..
    } = failed
    else {
        panic!("{failed:?}");
    };
    assert_eq!(kind, "Landfall.AppFailedToStart.Exit3", "{message}");
    assert!(log.is_some_and(|log| log.contains("no database")));
}

/// Returns how many of 150 requests each version served, with a share of 10% for version 2.
async fn requests_get_their_shares(
    stage: &Stage,
    functions: &Functions,
) -> BTreeMap<String, usize> {
    functions.shift("1", None).await.expect("shifted");
    assert_eq!(
        functions.traffic().await.expect("traffic"),
        traffic("1", &[])
    );
    assert_eq!(stage.count(3), BTreeMap::from([("1".to_owned(), 3)]));
    functions
        .shift("1", Some(("2", 10)))
        .await
        .expect("shifted");
    assert_eq!(
        functions.traffic().await.expect("traffic"),
        traffic("1", &[("2", 0.1)])
    );
    let shares = stage.count(150);
    // With a share of a tenth, the probability of none of 150 is one in 7 million, and 50 never
    // happen.
    assert!((1..50).contains(&shares["2"]), "{shares:?}");
    functions.shift("2", None).await.expect("shifted");
    assert_eq!(stage.count(3), BTreeMap::from([("2".to_owned(), 3)]));
    shares
}

/// `users` are the requests of the first and of the second revision.
async fn summaries_are_counted(
    stage: &Stage,
    functions: &Functions,
    begin: Timestamp,
    users: [u64; 2],
) {
    let logs = Logs::new(&stage.session, GROUP);
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let (seen, _) = logs
            .summaries(Timestamp(begin.0 - 60_000))
            .await
            .expect("summaries");
        let counted = ["aaaa", "bbbb"].map(|revision| attempts(&seen, revision));
        if counted == users {
            break;
        }
        assert!(Instant::now() < end, "{counted:?} instead of {users:?}");
        // Summaries of the last second are written at the next invocation.
        stage.poke(functions).await;
    }
    let lines = logs.since(begin, None).await.expect("lines");
    assert!(lines.iter().any(|line| line.message == "no database"));
}

async fn versions_are_withdrawn_and_pruned(functions: &Functions) {
    functions.withdraw(Slot::Blue).await.expect("withdrawn");
    functions.withdraw(Slot::Blue).await.expect("gone already");
    let expected = Slots {
        blue: None,
        green: placed("2", 7),
    };
    assert_eq!(functions.placed().await.expect("slots"), expected);
    assert_eq!(functions.prune(1).await.expect("pruned"), ["1"]);
    assert_eq!(
        functions.prune(1).await.expect("nothing left"),
        Vec::<String>::new()
    );
}

impl Stage {
    /// Makes both versions write their remaining summaries. Probes are counted separately from
    /// users' requests.
    async fn poke(&self, functions: &Functions) {
        for version in ["1", "2"] {
            functions.probe(version, "/").await.expect("a probe");
        }
    }
}

/// The host names of the API, and the path that the app receives.
fn the_app_sees_the_path(stage: &Stage) {
    let path = "/echo?q=a%20b";
    let (status, answer) = stage.ask(path);
    assert_eq!(status, 200, "{answer}");
    assert!(answer.contains("GET /echo?q=a%20b HTTP/1.1"), "{answer}");
    // The emulator accepts any name with `execute-api`, such as one of this machine.
    let (status, answer) =
        stage.request(path, &format!("{}.execute-api.localhost:4566", stage.api));
    assert_eq!(status, 200, "{answer}");
    assert!(answer.contains("GET /echo?q=a%20b HTTP/1.1"), "{answer}");
}
