//! Streamed answers to function URLs.

mod runtime_api;
mod stage;

use edge::policy::lambda::stream::LONGEST;
use edge_contract::summary::Summary;
use runtime_api::{RuntimeApi, Stream, event};
use serde_json::{Value, json};
use stage::{SECRET, Setup, Stage, header, setup, until};
use std::time::{Duration, Instant};

/// Starts the edge as on Lambda, behind a function URL that accepts streams.
fn lambda(setup: Setup) -> (RuntimeApi, Stage) {
    let api = RuntimeApi::start();
    let address = api.address.to_string();
    let stage = setup
        .app_variable("AWS_LAMBDA_RUNTIME_API", &address)
        .set("STREAM", "on")
        .start();
    (api, stage)
}

/// A request in the form of a function URL.
fn url(method: &str, path: &str) -> Value {
    let mut event = event(method, path, "", json!({}), "");
    event["requestContext"]["domainName"] =
        json!("abcdefghij0123456789.lambda-url.eu-central-1.on.aws");
    event
}

fn get(api: &RuntimeApi, path: &str) -> Stream {
    api.streamed(&url("GET", path))
}

/// Begins a `GET` with a time limit.
fn begin(api: &RuntimeApi, path: &str, milliseconds: u64) -> String {
    api.begin(url("GET", path).to_string().as_bytes(), milliseconds)
}

/// The sum of all seconds.
fn totals(api: &RuntimeApi) -> edge_contract::bucket::Bucket {
    let mut event = url("GET", "/.landfall/summary");
    event["headers"] = json!({"x-landfall-secret": SECRET});
    let summary = Summary::parse(&api.streamed(&event).text()).expect("a summary");
    let mut sum = edge_contract::bucket::Bucket::default();
    summary.buckets.values().for_each(|bucket| sum.add(bucket));
    sum
}

#[test]
fn events_arrive_one_at_a_time() {
    let (api, stage) = lambda(setup());
    let id = begin(&api, "/events/k", 20_000);
    // The app sends the second event only after `/release`, so the first one was not held back.
    api.until_body(&id, "data: 1\n\n");
    stage.app("/release/k");
    api.until_body(&id, "data: 1\n\ndata: 2\n\n");
    stage.app("/release/k");
    let stream = api.whole(&id);
    let prelude = stream.prelude().expect("a prelude");
    assert_eq!(prelude["statusCode"], 200);
    assert_eq!(prelude["headers"]["content-type"], "text/event-stream");
    assert_eq!(prelude["cookies"], json!([]));
    assert_eq!(stream.error(), None);
    for (name, value) in [
        ("transfer-encoding", "chunked"),
        (
            "content-type",
            "application/vnd.awslambda.http-integration-response",
        ),
    ] {
        assert_eq!(header(&stream.head, name), Some(value), "{}", stream.head);
    }
    let declared: Vec<&str> = stream
        .head
        .lines()
        .filter_map(|line| line.strip_prefix("trailer: "))
        .flat_map(|names| names.split(", "))
        .collect();
    let trailers = [
        "lambda-runtime-function-error-type",
        "lambda-runtime-function-error-body",
    ];
    assert_eq!(declared, trailers, "{}", stream.head);
    until(
        "the connection is closed",
        || api.so_far(&id).filter(|stream| stream.is_closed),
        || stage.err(),
    );
    let sum = totals(&api);
    assert_eq!((sum.users.total, sum.users.errors()), (1, 0));
}

#[test]
fn bytes_and_cookies_are_streamed_unchanged() {
    let (api, _stage) = lambda(setup());
    let stream = get(&api, "/binary");
    assert_eq!(stream.body(), (0..=255).collect::<Vec<u8>>());
    let prelude = stream.prelude().expect("a prelude");
    assert_eq!(prelude["cookies"], json!(["a=1; Path=/", "b=2"]));
    assert_eq!(prelude["headers"]["vary"], "accept, origin");
    assert_eq!(prelude["headers"]["content-type"], "image/png");
    assert_eq!(prelude["headers"]["set-cookie"], Value::Null);
    let id = &prelude["headers"]["x-request-id"];
    assert_eq!(*id, "8476a536-e9f4-11e8-9739-000000000000");
}

#[test]
fn answers_without_a_body_are_streamed() {
    let (api, _stage) = lambda(setup());
    for (method, path, status) in [
        ("HEAD", "/empty/200", 200),
        ("GET", "/empty/204", 204),
        ("GET", "/empty/304", 304),
        ("GET", "/redirect", 302),
    ] {
        let stream = api.streamed(&url(method, path));
        assert_eq!(stream.status(), status, "{method} {path}");
        assert_eq!(stream.body(), b"", "{method} {path}");
        assert_eq!(stream.error(), None, "{method} {path}");
    }
    let location = get(&api, "/redirect").prelude().expect("a prelude");
    assert_eq!(location["headers"]["location"], "/elsewhere?a=b");
}

#[test]
fn retries_happen_before_the_first_byte() {
    let (api, stage) = lambda(setup());
    assert_eq!(get(&api, "/fail/500/2/a").status(), 200);
    assert_eq!(get(&api, "/reset/1/b").status(), 200);
    assert_eq!(api.streamed(&url("POST", "/fail/500/1/c")).status(), 500);
    assert_eq!(stage.hits("c"), 1);
    let sum = totals(&api);
    assert_eq!((sum.first.total, sum.first.errors, sum.retries), (3, 3, 3));
    assert_eq!((sum.users.total, sum.users.errors()), (3, 1));
}

#[test]
fn a_truncated_answer_has_an_error_in_its_trailers() {
    let (api, stage) = lambda(setup());
    for (path, beginning) in [("/partial", "beginning"), ("/partial-chunked", "begin")] {
        let stream = get(&api, path);
        assert_eq!((stream.status(), stream.text().as_str()), (200, beginning));
        let (kind, error) = stream.error().expect("an error");
        assert_eq!(kind, "Landfall.AnswerBrokeOff");
        assert_eq!(error["errorType"], kind);
        let length = beginning.len();
        let why =
            format!("the app broke off within its answer; it was truncated after {length} bytes");
        assert_eq!(error["errorMessage"], why);
        stage.until("a line reports it", || stage.err().contains(&why));
    }
    let sum = totals(&api);
    // An answer that has begun is not retried.
    assert_eq!((sum.users.cut, sum.first.total, sum.retries), (2, 2, 0));
    assert_eq!(get(&api, "/").text(), "hello");
}

#[test]
fn a_streamed_answer_may_be_longer_than_a_complete_one() {
    const COUNT: usize = 20 << 20;
    let (api, _stage) = lambda(setup());
    for path in ["bytes", "flood"] {
        let stream = get(&api, &format!("/{path}/{COUNT}"));
        assert_eq!((stream.status(), stream.error()), (200, None));
        assert_eq!(stream.body().len(), COUNT);
        assert!(stream.body().iter().all(|byte| *byte == b'x'));
    }
    assert_eq!(totals(&api).users.errors(), 0);
}

#[test]
fn an_answer_that_is_not_read_is_not_buffered() {
    const COUNT: usize = 96 << 20;
    let (api, stage) = lambda(setup());
    assert_eq!(get(&api, "/").text(), "hello");
    let before = peak_kib(stage.edge_pid());
    api.hold(true);
    let id = begin(&api, &format!("/flood/{COUNT}"), 20_000);
    // Until the number is constant: then all buffers between the app and the API are full.
    let written = || -> usize {
        let answer = stage.app(&format!("/written/{COUNT}"));
        answer.body.parse().expect("a number")
    };
    let (mut last, mut same) = (0, 0);
    until(
        "the app is held up",
        || {
            let now = written();
            same = if now == last { same + 1 } else { 0 };
            last = now;
            (now > 0 && same > 40).then_some(())
        },
        || stage.err(),
    );
    assert!(last < COUNT, "all of it has gone somewhere");
    api.hold(false);
    assert_eq!(api.whole(&id).body().len(), COUNT);
    let grown = peak_kib(stage.edge_pid()) - before;
    assert!(grown < 8 << 10, "{grown} KiB were kept");
}

/// The peak memory of a process.
fn peak_kib(pid: u32) -> i64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a status");
    let line = header(&status, "VmHWM").expect("a peak");
    let number = line.split_whitespace().next().expect("a number");
    number.parse().expect("a number")
}

#[test]
fn an_answer_known_to_be_too_long_is_a_413() {
    let (api, stage) = lambda(setup());
    let stream = get(&api, &format!("/bytes/{}", LONGEST + 1));
    assert_eq!(stream.status(), 413);
    let expected =
        "The app's answer takes 209715201 bytes, and Lambda takes 209715200 at most of a stream";
    assert!(stream.text().contains(expected), "{}", stream.text());
    assert_eq!(stream.error(), None);
    stage.until("a line reports it", || stage.err().contains(expected));
    assert_eq!(totals(&api).users.cut, 1);
    assert_eq!(get(&api, "/").text(), "hello");
}

#[test]
fn an_answer_that_becomes_too_long_is_truncated() {
    let (api, _stage) = lambda(setup());
    let stream = get(&api, &format!("/flood/{}", LONGEST + 1));
    let (kind, error) = stream.error().expect("an error");
    assert_eq!(kind, "Landfall.AnswerTooLong", "{error}");
    let length = stream.body().len() as u64;
    assert!(
        length <= LONGEST && length > LONGEST - (1 << 20),
        "{length}"
    );
    assert_eq!(totals(&api).users.cut, 1);
}

#[test]
fn an_endless_answer_is_truncated_in_time() {
    let (api, stage) = lambda(setup());
    let pid = get(&api, "/pid").text();
    let stream = api.whole(&begin(&api, "/events/k", 2_000));
    assert_eq!(
        (stream.status(), stream.text().as_str()),
        (200, "data: 1\n\n")
    );
    let (kind, error) = stream.error().expect("an error");
    assert_eq!(kind, "Landfall.AnswerOutOfTime", "{error}");
    // An app that is sending is not stuck.
    assert_eq!(get(&api, "/pid").text(), pid);
    assert_eq!(totals(&api).users.cut, 1);
    stage.until("a line reports it", || {
        stage.err().contains("time was over")
    });
}

#[test]
fn an_endless_answer_without_pauses_is_truncated_in_time() {
    let (api, stage) = lambda(setup());
    assert_eq!(get(&api, "/").text(), "hello");
    // The API reads nothing until the time is over, and then gets no more than what was buffered.
    api.hold(true);
    let id = begin(&api, "/flood/99999999999", 1_000);
    let since = Instant::now();
    let is_over = || (since.elapsed() > Duration::from_secs(1)).then_some(());
    until("the time is over", is_over, || stage.err());
    api.hold(false);
    let (kind, error) = api.whole(&id).error().expect("an error");
    assert_eq!(kind, "Landfall.AnswerOutOfTime", "{error}");
    assert_eq!(get(&api, "/").text(), "hello");
    assert_eq!(totals(&api).users.cut, 1);
}

#[test]
fn a_hanging_app_is_a_504_and_is_restarted() {
    let (api, _stage) = lambda(setup());
    let pid = get(&api, "/pid").text();
    assert_eq!(get(&api, "/hang-all").status(), 200);
    let stream = api.whole(&begin(&api, "/", 1_000));
    assert_eq!((stream.status(), stream.error()), (504, None));
    assert!(stream.text().contains("too long"), "{}", stream.text());
    assert_ne!(get(&api, "/pid").text(), pid);
}

#[test]
fn a_crash_within_an_answer_is_reported_and_the_next_one_is_complete() {
    let (api, stage) = lambda(setup());
    let pid: u32 = get(&api, "/pid").text().parse().expect("a number");
    let id = begin(&api, "/events/k", 20_000);
    api.until_body(&id, "data: 1\n\n");
    stage::signal(pid, "KILL");
    let (kind, _) = api.whole(&id).error().expect("an error");
    assert_eq!(kind, "Landfall.AnswerBrokeOff");
    assert_eq!(get(&api, "/").text(), "hello");
    assert_eq!(
        stage.err().matches("was truncated after 9 bytes").count(),
        1
    );
}

#[test]
fn callers_that_accept_no_streams_get_none() {
    let (api, _stage) = lambda(setup());
    let whole = api.get("/binary");
    assert_eq!(
        (&whole["statusCode"], &whole["isBase64Encoded"]),
        (&json!(200), &json!(true))
    );
    assert_eq!(api.get("/big")["statusCode"], 413);
    let probe = api.http(&json!({"landfall": "probe", "path": "/"}));
    assert_eq!(probe["status"], 200);
    // An event that is not a request is an error, whatever its sender.
    let mut nonsense = url("G T", "/");
    nonsense["requestContext"]["http"]["method"] = json!("G T");
    let error = api.invoke(nonsense.to_string().as_bytes()).error();
    assert_eq!(error["errorType"], "Landfall.BadEvent");
}

#[test]
fn without_the_setting_nothing_is_streamed() {
    let api = RuntimeApi::start();
    let address = api.address.to_string();
    let setup = setup().app_variable("AWS_LAMBDA_RUNTIME_API", &address);
    let _stage = setup.start();
    let answer = api.http(&url("GET", "/"));
    assert_eq!(
        (&answer["statusCode"], &answer["body"]),
        (&json!(200), &json!("hello"))
    );
}

#[test]
fn a_stream_that_the_api_refuses_is_aborted() {
    let (api, stage) = lambda(setup());
    assert_eq!(get(&api, "/").text(), "hello");
    api.refuse(true);
    let id = begin(&api, "/events/k", 20_000);
    // The app would continue for ever: only the edge ends it.
    until(
        "the connection is closed",
        || api.so_far(&id).filter(|stream| stream.is_closed),
        || stage.err(),
    );
    stage.until("a line reports it", || {
        stage.err().contains(&format!(
            "the Runtime API did not accept the answer to invocation {id}"
        ))
    });
    api.refuse(false);
    assert_eq!(get(&api, "/").text(), "hello");
    let sum = totals(&api);
    assert_eq!((sum.users.total, sum.users.gone, sum.users.open), (3, 1, 0));
}

#[test]
fn connections_to_the_api_may_break() {
    let (api, mut stage) = lambda(setup());
    api.hang_up();
    for _ in 0..3 {
        assert_eq!(get(&api, "/").text(), "hello");
        assert_eq!(api.get("/")["body"], "hello");
    }
    stage.signal("TERM");
    assert_eq!(stage.exit_code(), 0);
}
