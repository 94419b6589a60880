//! The program as a developer runs it, against emulators behind the front. Only questions that deploy nothing, so that
//! this takes half a minute.

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};
use testkit::Sandbox;

/// The questions, and the outcome of each in a rehearsal.
const EXPECTED: [(&str, &str); 8] = [
    ("api-change", "not_tested"),
    ("api-create-tags", "not_tested"),
    ("api-delete", "not_tested"),
    ("api-stage-tags", "not_tested"),
    ("bucket-name", "held"),
    ("distribution-tags", "not_tested"),
    ("fargate-tmpfs", "not_tested"),
    ("settled-bucket", "held"),
];

/// A program of the workspace.
fn program(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_aws-test")).with_file_name(name);
    assert!(path.is_file(), "{name} is not built: run `./dev test`");
    path
}

/// Runs the program; its output and its report.
fn rehearse(more: &[&str]) -> (Output, Value) {
    let report = tempfile::tempdir().expect("a directory");
    let only: Vec<&str> = EXPECTED.iter().map(|(id, _)| *id).collect();
    let output = Command::new(program("aws-test"))
        .arg("--landfall")
        .arg(program("landfall"))
        .arg("--front")
        .arg(program("landfall-front"))
        .arg("--report")
        .arg(report.path())
        .args(["--rehearse", "--only", &only.join(",")])
        .args(more)
        .output()
        .expect("it runs");
    let json = std::fs::read_to_string(report.path().join("report.json"));
    let json = json.unwrap_or_else(|error| panic!("{error}: {output:?}"));
    let page = std::fs::read_to_string(report.path().join("report.html")).expect("a page");
    assert!(page.contains("id=\"bucket-name\""), "{page}");
    (output, serde_json::from_str(&json).expect("JSON"))
}

fn outcomes(report: &Value) -> BTreeMap<String, String> {
    let rows = report["assumptions"].as_array().expect("rows");
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    rows.iter()
        .map(|row| (word(&row["id"]), word(&row["outcome"])))
        .collect()
}

/// What is broken, and nothing else, is reported as not held: once where emulators show the assumption, and once where
/// they show only its opposite.
#[test]
fn a_broken_assumption_and_only_that_one_does_not_hold() {
    let runs = [None, Some("bucket-name"), Some("api-stage-tags")].map(|broken| {
        std::thread::spawn(move || match broken {
            None => (broken, rehearse(&[])),
            Some(id) => (broken, rehearse(&["--break", id])),
        })
    });
    for run in runs {
        let (broken, (output, report)) = run.join().expect("a run");
        let mut expected: BTreeMap<String, String> = EXPECTED
            .map(|(id, outcome)| (id.to_owned(), outcome.to_owned()))
            .into();
        if let Some(id) = broken {
            expected.insert(id.to_owned(), "did_not_hold".to_owned());
        }
        let words = String::from_utf8_lossy(&output.stderr);
        assert_eq!(outcomes(&report), expected, "{broken:?}\n{words}");
        assert_eq!(report["left"], serde_json::json!([]), "{words}");
        let code = if broken.is_some() { 10 } else { 0 };
        assert_eq!(output.status.code(), Some(code), "{words}");
        for row in report["assumptions"].as_array().expect("rows") {
            assert!(
                !row["evidence"].as_array().expect("evidence").is_empty(),
                "{row}"
            );
        }
    }
}

/// The program as on AWS, with emulators in the place of AWS's endpoints.
fn on_endpoints(sandbox: &Sandbox, more: &[&str]) -> Command {
    let (main, second) = sandbox.emulators();
    let mut command = Command::new(program("aws-test"));
    command
        .arg("--landfall")
        .arg(program("landfall"))
        .arg("--report")
        .arg(sandbox.path().join("report"))
        .args(["--yes", "--region", "us-east-1"])
        .args(more)
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_ENDPOINT_URL", main)
        .env("AWS_ENDPOINT_URL_S3", &second)
        .env("AWS_ENDPOINT_URL_CLOUDFRONT", second)
        .env_remove("AWS_PROFILE")
        .env_remove("AWS_SESSION_TOKEN")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// The program, once it has created its bucket.
fn started(sandbox: &Sandbox) -> std::process::Child {
    let child = on_endpoints(sandbox, &["--only", "settled-bucket"]).spawn();
    let child = child.expect("it starts");
    let began = Instant::now();
    while !has_bucket(sandbox) {
        assert!(began.elapsed() < Duration::from_secs(60), "no bucket");
        std::thread::sleep(Duration::from_millis(100));
    }
    child
}

fn has_bucket(sandbox: &Sandbox) -> bool {
    let (_, second) = sandbox.behind_front();
    let address = second.trim_start_matches("http://");
    let request = format!("GET / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    let mut stream = std::net::TcpStream::connect(address).expect("ministack listens");
    std::io::Write::write_all(&mut stream, request.as_bytes()).expect("written");
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut stream, &mut answer).expect("an answer");
    answer.contains("landfall-test-x")
}

/// A killed run leaves its bucket, which `--clean` finds by name; an interrupted one leaves nothing.
#[test]
fn what_a_killed_run_leaves_is_cleaned_and_an_interrupted_one_leaves_nothing() {
    let sandbox = Sandbox::new().with_emulators();
    let mut killed = started(&sandbox);
    killed.kill().expect("it runs");
    killed.wait().expect("it ended");
    assert!(has_bucket(&sandbox), "a killed run removes nothing");
    let cleaned = on_endpoints(&sandbox, &["--clean"])
        .output()
        .expect("it runs");
    let words = String::from_utf8_lossy(&cleaned.stderr);
    assert_eq!(cleaned.status.code(), Some(0), "{words}");
    assert!(!has_bucket(&sandbox), "{words}");

    let interrupted = started(&sandbox);
    let pid = rustix::process::Pid::from_child(&interrupted);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("it runs");
    let ended = interrupted.wait_with_output().expect("it ended");
    let words = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(130), "{words}");
    assert!(!has_bucket(&sandbox), "{words}");
}
