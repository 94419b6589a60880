//! The edge as a custom runtime of AWS Lambda.

mod runtime_api;
mod stage;

use edge_contract::summary::Summary;
use runtime_api::{RuntimeApi, event};
use serde_json::{Value, json};
use stage::{SECRET, Setup, Stage, header, setup, signal, until};
use std::time::{Duration, Instant};

/// Starts the edge as on Lambda; it is not ready yet.
fn lambda(setup: Setup) -> (RuntimeApi, Stage) {
    let api = RuntimeApi::start();
    let address = api.address.to_string();
    let stage = setup
        .app_variable("AWS_LAMBDA_RUNTIME_API", &address)
        .start();
    (api, stage)
}

fn text(answer: &Value) -> &str {
    assert_eq!(answer["isBase64Encoded"], false, "{answer}");
    answer["body"].as_str().expect("a body")
}

fn post(path: &str) -> Value {
    event("POST", path, "", json!({}), "body")
}

/// The sum of all seconds.
fn totals(api: &RuntimeApi) -> edge_contract::bucket::Bucket {
    let secret = json!({"x-landfall-secret": SECRET});
    let answer = api.http(&event("GET", "/.landfall/summary", "", secret, ""));
    let summary = Summary::parse(text(&answer)).expect("a summary");
    let mut sum = edge_contract::bucket::Bucket::default();
    summary.buckets.values().for_each(|bucket| sum.add(bucket));
    sum
}

fn app_pid(api: &RuntimeApi) -> u32 {
    text(&api.get("/pid")).parse().expect("a number")
}

#[test]
fn a_request_reaches_the_app_unchanged() {
    let (api, _stage) = lambda(setup());
    let headers = json!({
        "host": "shop.example", "x-forwarded-for": "6.6.6.6, 203.0.113.7", "x-forwarded-proto": "https",
        "x-forwarded-port": "443", "x-forwarded-host": "evil.example", "x-many": "a,b",
        "content-length": "9999", "transfer-encoding": "chunked", "cookie": "a=1; b=2",
    });
    let mut request = event(
        "POST",
        "/echo",
        "q=a%20b&q=%2F+&sig=x%3d&e",
        headers,
        "aGVsbG8gw6Q=",
    );
    request["cookies"] = json!(["a=1", "b=2"]);
    request["isBase64Encoded"] = json!(true);
    let answer = api.http(&request);
    assert_eq!(answer["statusCode"], 200);
    let got = text(&answer);
    assert!(
        got.starts_with("POST /echo?q=a%20b&q=%2F+&sig=x%3d&e HTTP/1.1\r\n"),
        "{got}"
    );
    assert!(got.ends_with("hello ä"), "{got}");
    for (name, value) in [
        ("host", "shop.example"),
        ("cookie", "a=1; b=2"),
        ("x-many", "a,b"),
        ("content-length", "8"),
        ("x-forwarded-for", "203.0.113.7"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-port", "443"),
        ("x-forwarded-host", "shop.example"),
        ("x-request-id", "8476a536-e9f4-11e8-9739-000000000000"),
        (
            "x-amzn-trace-id",
            "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700",
        ),
    ] {
        assert_eq!(header(got, name), Some(value), "{name}: {got}");
    }
    assert_eq!(header(got, "transfer-encoding"), None);
    assert_eq!(
        answer["headers"]["x-request-id"],
        "8476a536-e9f4-11e8-9739-000000000000"
    );
}

/// Libraries take an app that sees the address for a function, and an app could take invocations away.
#[test]
fn the_app_does_not_see_the_runtime_api() {
    let (api, _stage) = lambda(setup());
    let env = api.get("/env");
    let env = text(&env);
    assert!(env.contains("PATH="), "{env}");
    assert!(!env.contains("AWS_LAMBDA_RUNTIME_API"), "{env}");
}

#[test]
fn bytes_and_cookies_are_returned_unchanged() {
    let (api, _stage) = lambda(setup());
    let answer = api.get("/binary");
    assert_eq!(answer["isBase64Encoded"], true);
    let body = answer["body"].as_str().expect("a body");
    assert!(
        body.starts_with("AAECAwQFBgcICQoL") && body.ends_with("+/w=="),
        "{body}"
    );
    assert_eq!(body.len(), 344);
    assert_eq!(answer["cookies"], json!(["a=1; Path=/", "b=2"]));
    assert_eq!(answer["headers"]["vary"], "accept, origin");
    assert_eq!(answer["headers"]["content-type"], "image/png");
    assert_eq!(answer["headers"]["set-cookie"], Value::Null);
    let redirect = api.get("/redirect");
    assert_eq!(
        (&redirect["statusCode"], &redirect["headers"]["location"]),
        (&json!(302), &json!("/elsewhere?a=b"))
    );
}

#[test]
fn random_errors_are_hidden_and_counted() {
    let (api, _stage) = lambda(setup());
    assert_eq!(api.get("/fail/500/2/a")["statusCode"], 200);
    assert_eq!(api.get("/reset/1/b")["statusCode"], 200);
    let post = api.http(&post("/fail/500/1/c"));
    assert_eq!(post["statusCode"], 500);
    let sum = totals(&api);
    assert_eq!((sum.first.total, sum.first.errors, sum.retries), (3, 3, 3));
    assert_eq!((sum.users.total, sum.users.errors()), (3, 1));
}

/// Connections to databases and just-in-time compilation make them slow in every version.
#[test]
fn the_times_of_the_first_requests_are_not_compared() {
    let (api, _stage) = lambda(setup());
    for path in ["/a", "/fail/500/9/b", "/c", "/d", "/e"] {
        api.get(path);
    }
    let first = totals(&api).first;
    assert_eq!((first.total, first.errors), (5, 1));
    assert_eq!((first.cold, first.latency.count()), (3, 2));
}

#[test]
fn probes_are_not_retried_and_counted_apart() {
    let (api, _stage) = lambda(setup());
    let probe = |path: &str| {
        let event = json!({"landfall": "probe", "path": path});
        api.http(&event)
    };
    let good = probe("/?a=b");
    assert_eq!(
        (&good["status"], &good["error"]),
        (&json!(200), &json!(false))
    );
    let bad = probe("/fail/503/1/p");
    assert_eq!((&bad["status"], &bad["error"]), (&json!(503), &json!(true)));
    let missing = probe("/nowhere");
    assert_eq!(
        (&missing["status"], &missing["error"]),
        (&json!(404), &json!(false))
    );
    let half = probe("/partial");
    assert_eq!(
        (&half["landfall"], &half["error"]),
        (&json!("probe"), &json!(true))
    );
    let sum = totals(&api);
    assert_eq!(
        (sum.probes.total, sum.probes.errors, sum.retries),
        (4, 1, 0)
    );
    assert_eq!((sum.first.total, sum.users.total), (0, 0));
}

#[test]
fn invalid_events_get_an_error_and_do_no_harm() {
    let (api, stage) = lambda(setup());
    for bad in [
        &b"no JSON"[..],
        b"",
        b"\xff\xfe",
        br#"{"version":"1.0","path":"/","httpMethod":"GET"}"#,
        br#"{"Records":[{"eventSource":"aws:sqs"}]}"#,
        br#"{"version":"2.0","requestContext":{"http":{"method":"G T"}}}"#,
        br#"{"landfall":"probe","path":"nowhere"}"#,
    ] {
        let error = api.invoke(bad).error();
        assert_eq!(error["errorType"], "Landfall.BadEvent", "{error}");
        assert!(
            !error["errorMessage"]
                .as_str()
                .unwrap_or_default()
                .is_empty()
        );
    }
    assert_eq!(text(&api.get("/")), "hello");
    assert!(
        stage.err().contains("payload format 2.0"),
        "{}",
        stage.err()
    );
}

#[test]
fn an_answer_that_lambda_would_refuse_is_a_413() {
    let (api, stage) = lambda(setup());
    let answer = api.get("/big");
    assert_eq!(answer["statusCode"], 413);
    let expected = "The app's answer takes 8388608 bytes, and Lambda takes 6291556 at most";
    assert!(text(&answer).contains(expected), "{answer}");
    stage.until("a line reports it", || stage.err().contains(expected));
    let sum = totals(&api);
    assert_eq!((sum.users.cut, sum.first.errors), (1, 0));
    // No user could get this answer, so the probe reports an error instead of the app's status.
    let error = api.invoke(br#"{"landfall":"probe","path":"/big"}"#).error();
    assert_eq!(error["errorType"], "Landfall.AnswerTooLong", "{error}");
    let message = error["errorMessage"].as_str().unwrap_or_default();
    assert!(message.contains(expected) && message.contains("GET /big"));
    assert_eq!(text(&api.get("/")), "hello");
}

#[test]
fn a_truncated_answer_is_a_502() {
    let (api, _stage) = lambda(setup());
    for path in ["/partial", "/partial-chunked"] {
        assert_eq!(api.get(path)["statusCode"], 502, "{path}");
    }
    assert_eq!(totals(&api).users.cut, 2);
}

#[test]
fn a_hanging_app_is_a_504_before_the_deadline_and_is_restarted() {
    let (api, stage) = lambda(setup());
    let before = app_pid(&api);
    let hangs = event("GET", "/hang-all", "", json!({}), "");
    assert_eq!(api.http(&hangs)["statusCode"], 200);
    let id = api.begin(post("/").to_string().as_bytes(), 1_000);
    assert_eq!(api.reply(&id).answer()["statusCode"], 504);
    // A POST, and a GET: neither meets the old process.
    assert_eq!(api.http(&post("/length"))["statusCode"], 200);
    assert_ne!(app_pid(&api), before);
    assert!(
        stage.err().contains("used up the time of an invocation"),
        "{}",
        stage.err()
    );
}

#[test]
fn an_endless_answer_is_a_504() {
    let (api, _stage) = lambda(setup());
    let events = event("GET", "/events/k", "", json!({}), "").to_string();
    let id = api.begin(events.as_bytes(), 1_000);
    assert_eq!(api.reply(&id).answer()["statusCode"], 504);
    assert_eq!(totals(&api).users.cut, 1);
}

#[test]
fn a_crash_between_requests_is_not_an_error() {
    let (api, stage) = lambda(setup());
    for _ in 0..3 {
        let pid = app_pid(&api);
        signal(pid, "KILL");
        let process = format!("/proc/{pid}");
        // Before that, a request could reach it, and a POST would not be sent twice.
        stage.until("it is gone", || !std::path::Path::new(&process).exists());
        assert_eq!(api.http(&post("/length"))["statusCode"], 200);
        assert_ne!(app_pid(&api), pid);
    }
}

#[test]
fn before_the_first_release_users_get_a_503_and_the_app_does_not_start() {
    let (api, stage) = lambda(
        setup()
            .app(&["--print", "started\n"])
            .set("RELEASED", "off"),
    );
    for _ in 0..2 {
        let answer = api.get("/");
        assert_eq!(answer["statusCode"], 503, "{answer}");
        assert_eq!(answer["headers"]["retry-after"], "30");
        assert_eq!(text(&answer), "This app has not been released yet.\n");
    }
    assert_eq!(stage.out() + &stage.err(), "", "neither app nor edge wrote");
}

#[test]
fn an_app_that_exits_at_its_start_is_an_init_error_with_its_last_lines() {
    let (api, mut stage) = lambda(setup().app(&["--print", "no database\n", "--exit", "3"]));
    assert_eq!(stage.exit_code(), 3);
    let error = api.start_error().expect("an init error");
    assert_eq!(error["errorType"], "Landfall.AppFailedToStart.Exit3");
    let why = error["errorMessage"].as_str().expect("a message");
    assert!(why.contains("exit code 3; giving up"), "{why}");
    let lines = error["stackTrace"].as_array().expect("lines");
    assert!(lines.contains(&json!("no database")), "{error}");
    assert_eq!(api.polls(), 0);
}

#[test]
fn an_app_that_does_not_listen_on_its_port_is_an_init_error() {
    let (api, mut stage) = lambda(setup().app(&["--never-bind", ""]).set("START_MS", "300"));
    assert_eq!(stage.exit_code(), 69);
    let error = api.start_error().expect("an init error");
    assert!(
        error["errorMessage"]
            .to_string()
            .contains("has not answered"),
        "{error}"
    );
    let (api, mut stage) = lambda(setup().set("APP", "1").set("START_MS", "4000"));
    let listens = stage.app;
    assert_eq!(stage.exit_code(), 69);
    let error = api.start_error().expect("an init error").to_string();
    assert!(error.contains(&listens.to_string()), "{error}");
}

#[test]
fn a_start_longer_than_the_init_phase_continues_in_the_first_invocation() {
    let directory = tempfile::tempdir().expect("directory");
    let gate = directory.path().join("gate");
    let (api, stage) = lambda(setup().app(&["--start-after", &gate.to_string_lossy()]));
    stage.until("the init phase is over", || api.polls() == 1);
    let id = api.begin(post("/length").to_string().as_bytes(), 30_000);
    std::fs::write(&gate, "").expect("gate");
    assert_eq!(text(&api.reply(&id).answer()), "4");
    assert!(
        stage.err().contains("the first invocation waits for it"),
        "{}",
        stage.err()
    );
}

#[test]
fn a_probe_of_an_app_that_has_never_answered_is_an_error() {
    let (api, stage) = lambda(setup().app(&["--never-bind", ""]));
    stage.until("the init phase is over", || api.polls() == 1);
    let id = api.begin(br#"{"landfall":"probe","path":"/"}"#, 300);
    let error = api.reply(&id).error();
    assert_eq!(error["errorType"], "Landfall.AppNotReady", "{error}");
    let why = error["errorMessage"].as_str().expect("a message");
    assert!(why.contains(&stage.app.to_string()), "{why}");
    // A user gets an answer nevertheless.
    let id = api.begin(post("/length").to_string().as_bytes(), 300);
    assert_eq!(api.reply(&id).answer()["statusCode"], 503);
}

#[test]
fn frozen_time_does_not_count() {
    // Longer than an idle connection is kept, and than an app may be silent.
    let (api, stage) = lambda(setup().set("APP_IDLE_MS", "300").set("STUCK_MS", "200"));
    let app = app_pid(&api);
    for _ in 0..3 {
        let polls = api.polls();
        assert_eq!(api.get("/fail/500/1/x")["statusCode"], 200);
        stage.until("it asks for the next one", || api.polls() > polls);
        freeze(&[stage.edge_pid(), app], Duration::from_millis(700));
        assert_eq!(api.http(&post("/length"))["statusCode"], 200);
    }
    assert_eq!(app_pid(&api), app);
    let sum = totals(&api);
    assert_eq!(
        (sum.users.errors(), sum.first.errors, sum.denied),
        (0, 1, 0)
    );
}

#[test]
fn a_start_that_was_frozen_is_not_overdue() {
    let directory = tempfile::tempdir().expect("directory");
    let gate = directory.path().join("gate");
    let setup = setup().app(&["--start-after", &gate.to_string_lossy()]);
    let (api, stage) = lambda(setup.set("START_MS", "15000"));
    stage.until("the init phase is over", || api.polls() == 1);
    // If these six seconds counted, the app would exceed its limit.
    freeze(&[stage.edge_pid()], Duration::from_secs(6));
    let id = api.begin(post("/length").to_string().as_bytes(), 30_000);
    std::fs::write(&gate, "").expect("gate");
    assert_eq!(text(&api.reply(&id).answer()), "4");
}

/// Freezes processes for a while, as Lambda does between invocations.
fn freeze(pids: &[u32], time: Duration) {
    pids.iter().for_each(|pid| signal(*pid, "STOP"));
    let since = Instant::now();
    until(
        "time passes",
        || (since.elapsed() > time).then_some(()),
        String::new,
    );
    pids.iter().rev().for_each(|pid| signal(*pid, "CONT"));
}

#[test]
fn lines_are_written_before_the_machine_is_frozen() {
    let (api, stage) = lambda(setup().set("SUMMARY_MS", "10000"));
    assert_eq!(text(&api.get("/")), "hello");
    stage.until("it asks for the next one", || api.polls() == 2);
    signal(stage.edge_pid(), "STOP");
    stage.until("the line is there", || {
        stage.out().contains("\"first\":{\"total\":1")
    });
    signal(stage.edge_pid(), "CONT");
}

#[test]
fn sigterm_shuts_it_down_with_a_last_line() {
    let setup = setup().set("SUMMARY_MS", "10000").set("LEAD_MS", "60000");
    let (api, mut stage) = lambda(setup);
    for _ in 0..5 {
        assert_eq!(text(&api.get("/")), "hello");
    }
    assert_eq!(api.extensions(), 1);
    stage.signal("TERM");
    assert_eq!(stage.exit_code(), 0);
    let lines = stage.out();
    let summaries = lines.lines().filter_map(|line| Summary::parse(line).ok());
    // A later line about a second replaces an earlier one.
    let seconds: std::collections::BTreeMap<_, _> =
        summaries.flat_map(|summaries| summaries.buckets).collect();
    assert_eq!(
        seconds.values().map(|b| b.users.total).sum::<u64>(),
        5,
        "{lines}"
    );
}

#[test]
fn connections_to_the_api_may_break() {
    let (api, mut stage) = lambda(setup());
    api.hang_up();
    for _ in 0..5 {
        assert_eq!(text(&api.get("/")), "hello");
    }
    stage.signal("TERM");
    assert_eq!(stage.exit_code(), 0);
}

#[test]
fn an_app_that_crashes_too_often_fails_its_invocation_and_the_edge_exits() {
    let (api, mut stage) = lambda(setup().set("RESTARTS", "0"));
    assert_eq!(text(&api.get("/")), "hello");
    let error = api.invoke(post("/crash/7").to_string().as_bytes());
    // Either the broken connection or the end of the process is noticed first.
    let shown = format!("{error:?}");
    assert!(
        shown.contains("502") || shown.contains("Landfall.AppFailed"),
        "{shown}"
    );
    assert_eq!(stage.exit_code(), 7);
}

#[test]
fn without_an_api_it_exits() {
    let unused = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = unused.local_addr().expect("address").to_string();
    drop(unused);
    let mut stage = setup()
        .app_variable("AWS_LAMBDA_RUNTIME_API", &address)
        .start();
    assert_eq!(stage.exit_code(), 71);
    assert!(
        stage.err().contains("the Runtime API failed"),
        "{}",
        stage.err()
    );
    let mut stage = setup()
        .app_variable("AWS_LAMBDA_RUNTIME_API", "nonsense")
        .start();
    assert_eq!(stage.exit_code(), 64);
}
