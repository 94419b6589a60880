//! The program with a store and a Runtime API of the test.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Output};
use std::thread::JoinHandle;

const REFERENCE: &str = "KEY=parameter-store:/landfall/app-prod/KEY#3";
const VALUE: &str = "a value, \"quoted\"\nand more";

/// A server that answers one request after another, and returns the requests.
fn answers(all: &[(u16, &str)]) -> (SocketAddr, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    let all: Vec<(u16, String)> = all
        .iter()
        .map(|(status, body)| (*status, (*body).to_owned()))
        .collect();
    let served = std::thread::spawn(move || {
        let answer = |(status, body): (u16, String)| {
            let (mut stream, _) = listener.accept().expect("a client");
            let mut received = Vec::new();
            let mut piece = [0; 4096];
            while !is_whole(&received) {
                match stream.read(&mut piece).expect("a request") {
                    0 => break,
                    length => received.extend_from_slice(&piece[..length]),
                }
            }
            let head = format!(
                "HTTP/1.1 {status} x\r\nContent-Length: {}\r\n\r\n",
                body.len()
            );
            stream.write_all(head.as_bytes()).expect("a head");
            stream.write_all(body.as_bytes()).expect("a body");
            String::from_utf8_lossy(&received).into_owned()
        };
        all.into_iter().map(answer).collect()
    });
    (address, served)
}

fn is_whole(received: &[u8]) -> bool {
    let text = String::from_utf8_lossy(received);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    length.and_then(|length| length.parse().ok()) == Some(body.len())
}

fn fetch(variables: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_landfall-secrets"))
        .args(["--", "/usr/bin/env", "-0"])
        .env_clear()
        .env("AWS_REGION", "eu-west-2")
        .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "not-to-be-sent")
        .env("AWS_SESSION_TOKEN", "token")
        .envs(variables.iter().copied())
        .output()
        .expect("it runs")
}

/// The environment of the command that replaced it.
fn environment(output: &Output) -> Vec<String> {
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout.clone()).expect("text");
    let mut all: Vec<String> = text.split_terminator('\0').map(str::to_owned).collect();
    all.sort();
    all
}

fn answer_with(value: &str) -> String {
    let body = serde_json::json!({"Parameters": [
        {"Name": "/landfall/app-prod/KEY", "Version": 3, "Selector": ":3", "Type": "SecureString", "Value": value}
    ]});
    body.to_string()
}

#[test]
fn the_command_gets_the_values_and_nothing_else_changes() {
    // The first answer is temporary.
    let (address, served) = answers(&[(500, "busy"), (200, &answer_with(VALUE))]);
    let endpoint = format!("http://{address}");
    let output = fetch(&[
        ("LANDFALL_SECRETS", REFERENCE),
        ("LANDFALL_SECRETS_ENDPOINT", &endpoint),
        ("LANDFALL_EDGE_APP", "8080"),
    ]);
    let key = format!("KEY={VALUE}");
    assert_eq!(
        environment(&output),
        [
            "AWS_ACCESS_KEY_ID=AKIDEXAMPLE",
            "AWS_REGION=eu-west-2",
            "AWS_SECRET_ACCESS_KEY=not-to-be-sent",
            "AWS_SESSION_TOKEN=token",
            &key,
            "LANDFALL_EDGE_APP=8080",
        ]
    );
    assert!(output.stderr.is_empty(), "{output:?}");
    for asked in served.join().expect("it served") {
        assert!(
            asked.contains("x-amz-target: AmazonSSM.GetParameters\r\n"),
            "{asked}"
        );
        assert!(asked.contains("x-amz-security-token: token\r\n"), "{asked}");
        assert!(asked.contains("Credential=AKIDEXAMPLE/"), "{asked}");
        assert!(
            asked.ends_with(r#"{"Names":["/landfall/app-prod/KEY:3"],"WithDecryption":true}"#),
            "{asked}"
        );
        assert!(!asked.contains("not-to-be-sent"), "{asked}");
    }
}

#[test]
fn without_references_it_only_executes_the_command() {
    let output = fetch(&[("LANDFALL_SECRETS_ENDPOINT", "http://127.0.0.1:9")]);
    assert!(
        environment(&output)
            .iter()
            .all(|pair| pair.starts_with("AWS_")),
        "{output:?}"
    );
}

#[test]
fn a_failed_start_is_reported_without_values() {
    // The store has another version than the reference.
    let other = answer_with(VALUE).replace("\"Version\":3", "\"Version\":4");
    let (store, asked) = answers(&[(200, &other)]);
    let (api, received) = answers(&[(202, "{}")]);
    let output = fetch(&[
        ("LANDFALL_SECRETS", REFERENCE),
        ("LANDFALL_SECRETS_ENDPOINT", &format!("http://{store}")),
        ("AWS_LAMBDA_RUNTIME_API", &api.to_string()),
    ]);
    assert_eq!(output.status.code(), Some(69), "{output:?}");
    assert!(output.stdout.is_empty(), "the command ran: {output:?}");
    let why = "KEY: Parameter Store has no version 3 of /landfall/app-prod/KEY";
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(text, format!("landfall-secrets: {why}\n"));
    let received = received.join().expect("it was reported").remove(0);
    assert!(
        received.starts_with("POST /2018-06-01/runtime/init/error HTTP/1.1\r\n"),
        "{received}"
    );
    assert!(
        received.contains("lambda-runtime-function-error-type: Landfall.SecretNotRead\r\n"),
        "{received}"
    );
    assert!(
        received.contains(why) && !received.contains("a value"),
        "{received}"
    );
    assert_eq!(asked.join().expect("it was asked").len(), 1);
}

#[test]
fn problems_of_its_environment_are_reported() {
    for (variables, word) in [
        (
            &[("LANDFALL_SECRETS", "KEY=vault:x#1")][..],
            "LANDFALL_SECRETS",
        ),
        (
            &[("LANDFALL_SECRETS", REFERENCE), ("AWS_REGION", "")],
            "AWS_REGION",
        ),
        (
            &[
                ("LANDFALL_SECRETS", REFERENCE),
                ("LANDFALL_SECRETS_ENDPOINT", "https://x"),
            ],
            "LANDFALL_SECRETS_ENDPOINT",
        ),
    ] {
        let output = fetch(variables);
        assert_eq!(output.status.code(), Some(69), "{output:?}");
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(text.contains(word), "{text}");
    }
}
