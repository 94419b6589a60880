//! What the edge forwards, and what it does not.

mod stage;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use stage::{Client, SECRET, header, setup};

/// The head that the app got.
fn echo(client: &mut Client, request: &str) -> String {
    let answer = client.send(request);
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}

#[test]
fn a_connection_is_used_for_many_requests() {
    let stage = setup().ready();
    let mut client = stage.connect();
    for _ in 0..10 {
        assert_eq!(client.get("/").body, "hello");
    }
    let head = client.send("HEAD / HTTP/1.1\r\nhost: app\r\n\r\n");
    assert_eq!(head.header("content-length"), Some("5"));
    assert_eq!(client.get("/").body, "hello");
    // Two requests in one packet are answered in order.
    client.write("GET / HTTP/1.1\r\nhost: app\r\n\r\nGET /redirect HTTP/1.1\r\nhost: app\r\n\r\n");
    assert_eq!(client.answer().expect("first").status, 200);
    let redirect = client.answer().expect("second");
    assert_eq!(
        (redirect.status, redirect.header("location")),
        (302, Some("/elsewhere?a=b"))
    );
}

#[test]
fn http_1_0_is_supported() {
    let stage = setup().ready();
    let mut client = stage.connect();
    let answer = client.send("GET / HTTP/1.0\r\n\r\n");
    assert_eq!(answer.body, "hello");
    assert!(client.is_closed());
}

#[test]
fn hop_by_hop_headers_are_not_forwarded() {
    let stage = setup().ready();
    let mut client = stage.connect();
    let got = echo(
        &mut client,
        "GET /echo HTTP/1.1\r\nhost: app.example\r\nconnection: x-private, x-forwarded-for\r\n\
         keep-alive: 5\r\nte: trailers, gzip\r\nx-private: 1\r\nx-public: 1\r\nproxy-connection: x\r\n\
         proxy-authorization: x\r\nupgrade: h2c\r\nx-landfall-secret: guess\r\n\r\n",
    );
    for gone in [
        "connection",
        "keep-alive",
        "x-private",
        "proxy-connection",
        "upgrade",
        "x-landfall-secret",
    ] {
        assert_eq!(header(&got, gone), None, "{got}");
    }
    assert_eq!(header(&got, "x-public"), Some("1"));
    assert_eq!(header(&got, "te"), Some("trailers"));
    assert_eq!(header(&got, "host"), Some("app.example"));
    assert_eq!(header(&got, "x-forwarded-for"), Some("127.0.0.1"));
    let answer = stage.get("/hop");
    assert_eq!(answer.header("x-public"), Some("1"));
    for gone in ["x-private", "keep-alive", "connection"] {
        assert_eq!(answer.header(gone), None, "{answer:?}");
    }
}

#[test]
fn only_headers_of_trusted_proxies_are_used() {
    let request = "GET /echo HTTP/1.1\r\nhost: app\r\nx-forwarded-for: 6.6.6.6\r\n\
                   x-forwarded-for: 203.0.113.7\r\nx-forwarded-proto: https\r\nforwarded: for=evil\r\n\r\n";
    let stage = setup().ready();
    let got = echo(&mut stage.connect(), request);
    assert_eq!(header(&got, "x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(header(&got, "x-forwarded-proto"), Some("http"));
    assert_eq!(
        header(&got, "forwarded"),
        Some("for=127.0.0.1;host=\"app\";proto=http")
    );
    let stage = setup().set("TRUSTED_HOPS", "1").ready();
    let got = echo(&mut stage.connect(), request);
    assert_eq!(header(&got, "x-forwarded-for"), Some("203.0.113.7"));
    assert_eq!(header(&got, "x-forwarded-proto"), Some("https"));
    assert_eq!(
        header(&got, "forwarded"),
        Some("for=203.0.113.7;host=\"app\";proto=https")
    );
}

#[test]
fn requests_get_ids() {
    let stage = setup().ready();
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let answer = stage.connect().send(&format!(
        "GET /echo HTTP/1.1\r\nhost: app\r\nx-request-id: mine\r\ntraceparent: {parent}\r\ntracestate: a=b\r\n\r\n"
    ));
    assert_eq!(answer.header("x-request-id"), Some("mine"));
    assert_eq!(header(&answer.body, "x-request-id"), Some("mine"));
    assert_eq!(header(&answer.body, "traceparent"), Some(parent));
    assert_eq!(header(&answer.body, "tracestate"), Some("a=b"));
    let answer = stage.connect().send(
        "GET /echo HTTP/1.1\r\nhost: app\r\nx-request-id: <script>\r\ntraceparent: 00-1\r\ntracestate: a=b\r\n\r\n",
    );
    let id = answer.header("x-request-id").expect("id");
    assert_eq!(
        (id.len(), header(&answer.body, "x-request-id")),
        (32, Some(id))
    );
    assert_eq!(header(&answer.body, "traceparent").map(str::len), Some(55));
    assert_eq!(header(&answer.body, "tracestate"), None);
}

#[test]
fn bodies_of_both_kinds_are_forwarded() {
    let stage = setup().ready();
    assert_eq!(
        stage.post("/length", "", &"x".repeat(1 << 20)).body,
        (1 << 20).to_string()
    );
    let chunked = "POST /echo HTTP/1.1\r\nhost: app\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n\
                   5\r\nhello\r\n6\r\n world\r\n0\r\nx-sum: 1\r\n\r\n";
    let got = echo(&mut stage.connect(), chunked);
    assert!(got.contains("hello world"), "{got}");
    let big = stage.get("/big");
    assert_eq!((big.body.len(), big.is_whole), (8 << 20, true));
}

#[test]
fn trailers_are_forwarded_to_clients_that_accept_them() {
    let stage = setup().ready();
    let answer = stage
        .connect()
        .send("GET /trailers HTTP/1.1\r\nhost: app\r\nte: trailers\r\n\r\n");
    assert_eq!(
        (answer.body.as_str(), answer.trailers.as_str()),
        ("ok", "x-sum: 42\r\n")
    );
    let answer = stage.get("/trailers");
    assert_eq!((answer.body.as_str(), answer.trailers.as_str()), ("ok", ""));
}

#[test]
fn a_truncated_answer_never_looks_complete() {
    let stage = setup().ready();
    for path in ["/partial", "/partial-chunked"] {
        let mut client = stage.connect();
        let answer = client.get(path);
        assert!(!answer.is_whole, "{answer:?}");
        assert!(client.is_closed());
    }
    stage.until("both are counted", || stage.totals().users.cut == 2);
}

#[test]
fn a_client_that_expects_100_continue_gets_it() {
    let stage = setup().ready();
    let mut client = stage.connect();
    client.write(
        "PUT /echo HTTP/1.1\r\nhost: app\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n",
    );
    assert_eq!(client.answer().expect("interim").status, 100);
    client.write("body");
    let answer = client.answer().expect("answer");
    assert_eq!(answer.status, 200);
    assert!(answer.body.ends_with("body"), "{answer:?}");
}

#[test]
fn an_app_may_answer_before_the_body_is_sent() {
    let stage = setup().ready();
    let mut client = stage.connect();
    client.write(
        "POST /early HTTP/1.1\r\nhost: app\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n",
    );
    let mut answer = client.answer().expect("answer");
    if answer.status == 100 {
        answer = client.answer().expect("answer");
    }
    assert_eq!(answer.status, 413);
}

#[test]
fn events_are_not_delayed() {
    let stage = setup().ready();
    let mut client = stage.connect();
    client.write("GET /events/a HTTP/1.1\r\nhost: app\r\naccept: text/event-stream\r\n\r\n");
    let head = client.head().expect("head");
    assert_eq!(header(&head, "content-type"), Some("text/event-stream"));
    // The app sends the second event only after the first has arrived.
    assert_eq!(client.chunk().as_deref(), Some("data: 1\n\n"));
    stage.app("/release/a");
    assert_eq!(client.chunk().as_deref(), Some("data: 2\n\n"));
    stage.app("/release/a");
    assert_eq!(client.chunk().as_deref(), Some(""));
}

const WEBSOCKET: &str = "GET /websocket HTTP/1.1\r\nhost: app\r\nconnection: keep-alive, Upgrade\r\n\
                         upgrade: websocket\r\nsec-websocket-version: 13\r\n\
                         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

#[test]
fn a_websocket_is_forwarded() {
    let stage = setup().ready();
    let mut client = stage.connect();
    client.write(WEBSOCKET);
    let head = client.head().expect("head");
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert_eq!(header(&head, "upgrade"), Some("websocket"));
    for text in ["one", "two", &"x".repeat(100_000)] {
        client.write(text);
        assert_eq!(client.bytes(text.len()), text.as_bytes());
    }
}

#[test]
fn a_refused_upgrade_is_a_normal_answer() {
    let stage = setup().ready();
    let request = WEBSOCKET.replace("/websocket", "/");
    let mut client = stage.connect();
    assert_eq!(client.send(&request).body, "hello");
    assert_eq!(client.get("/").body, "hello");
    // An upgrade without a request for it is invalid.
    assert_eq!(stage.get("/websocket").status, 502);
}

#[test]
fn ambiguous_requests_are_refused() {
    let stage = setup().ready();
    for request in [
        "POST / HTTP/1.1\r\nhost: app\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd",
        "POST / HTTP/1.1\r\nhost: app\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: app\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: app\r\ncontent-length: +3\r\n\r\nabc",
        "GET / HTTP/1.1\r\nhost: app\r\nhost: other\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: a b\r\n\r\n",
        "GET http://one.example/ HTTP/1.1\r\nhost: two.example\r\n\r\n",
        "GET / HTTP/1.1\r\nhost : app\r\n\r\n",
        "nonsense\r\n\r\n",
    ] {
        let mut client = stage.connect();
        let answer = client.send(request);
        assert_eq!(answer.status, 400, "{request:?}");
        assert!(client.is_closed(), "{request:?}");
    }
    assert_eq!(
        stage
            .connect()
            .send("CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\n")
            .status,
        501
    );
    assert_eq!(
        stage.totals().users.total,
        0,
        "nothing of it has reached the app"
    );
}

#[test]
fn nothing_is_read_after_an_ambiguous_body() {
    let stage = setup().ready();
    // By its length, the body contains the second request; by its chunks, it does not.
    let hidden = "GET /fail/200/0/hidden HTTP/1.1\r\nhost: app\r\n\r\n";
    for lengths in ["", "content-length: 50\r\n"] {
        let mut client = stage.connect();
        let answer = client.send(&format!(
            "POST / HTTP/1.1\r\nhost: app\r\n{lengths}transfer-encoding: chunked\r\n\r\n0\r\n\r\n{hidden}"
        ));
        assert_eq!(answer.header("connection"), Some("close"));
        assert!(client.is_closed());
    }
    assert_eq!(stage.hits("hidden"), 0);
}

#[test]
fn an_absolute_target_replaces_a_missing_host() {
    let stage = setup().ready();
    let got = echo(
        &mut stage.connect(),
        "GET http://app.example/echo?q=1 HTTP/1.1\r\nhost: app.example\r\n\r\n",
    );
    assert!(got.starts_with("GET /echo?q=1 HTTP/1.1\r\n"), "{got}");
    assert_eq!(header(&got, "host"), Some("app.example"));
}

#[test]
fn requests_that_are_too_large_are_refused() {
    let stage = setup()
        .set("MAX_BODY_BYTES", "10")
        .set("MAX_HEADER_BYTES", "8192")
        .ready();
    assert_eq!(stage.post("/length", "", "0123456789").status, 200);
    assert_eq!(stage.post("/length", "", "01234567890").status, 413);
    let chunked = "POST /length HTTP/1.1\r\nhost: app\r\ntransfer-encoding: chunked\r\n\r\n\
                   b\r\n01234567890\r\n0\r\n\r\n";
    assert_eq!(stage.connect().send(chunked).status, 413);
    let long = "x".repeat(9_000);
    let answer = stage
        .connect()
        .send(&format!("GET / HTTP/1.1\r\nhost: app\r\nx: {long}\r\n\r\n"));
    assert_eq!(answer.status, 431);
}

#[test]
fn silent_clients_are_disconnected() {
    let stage = setup()
        .set("HEADER_MS", "100")
        .set("IDLE_MS", "100")
        .set("BODY_MS", "100")
        .ready();
    assert!(stage.connect().is_closed(), "nothing at all");
    let mut half = stage.connect();
    half.write("GET / HTTP/1.1\r\nhost:");
    assert!(half.is_closed(), "half a head");
    let mut idle = stage.connect();
    assert_eq!(idle.get("/").status, 200);
    assert!(idle.is_closed(), "nothing after an answer");
    let mut slow = stage.connect();
    slow.write("PUT /length HTTP/1.1\r\nhost: app\r\ncontent-length: 5\r\n\r\nab");
    assert_eq!(slow.answer().expect("answer").status, 408, "half a body");
}

#[test]
fn error_pages_have_the_type_that_the_client_accepts() {
    let stage = setup().ready();
    let get = |accept: &str| {
        stage.connect().send(&format!(
            "GET /reset/99/x HTTP/1.1\r\nhost: app\r\naccept: {accept}\r\n\r\n"
        ))
    };
    let html = get("text/html,*/*;q=0.8");
    assert_eq!(
        (html.status, html.header("content-type")),
        (502, Some("text/html; charset=utf-8"))
    );
    assert!(html.body.starts_with("<!doctype html>"), "{}", html.body);
    let json = get("*/*");
    let page: serde_json::Value = serde_json::from_str(&json.body).expect("JSON");
    assert_eq!(page["status"], 502);
    assert_eq!(page["request_id"].as_str(), json.header("x-request-id"));
}

#[test]
fn an_image_may_bring_its_own_error_pages() {
    let pages = tempfile::tempdir().expect("directory");
    std::fs::write(pages.path().join("502.html"), "<h1>ours</h1>").expect("page");
    let directory = pages.path().to_str().expect("path");
    let stage = setup().set("ERROR_PAGES", directory).ready();
    let request = "GET /reset/9/x HTTP/1.1\r\nhost: app\r\naccept: text/html\r\n\r\n";
    assert_eq!(stage.connect().send(request).body, "<h1>ours</h1>");
}

#[test]
fn a_client_that_leaves_is_not_an_error() {
    let stage = setup().ready();
    let mut client = stage.connect();
    client.write("GET /hold/a HTTP/1.1\r\nhost: app\r\n\r\n");
    stage.until("it is at the app", || stage.hits("a") == 1);
    drop(client);
    stage.until("it is counted as gone", || {
        let totals = stage.totals();
        totals.users.gone == 1 && totals.first.gone == 1 && totals.first.open == 0
    });
    assert_eq!(stage.totals().users.errors(), 0);
}

#[test]
fn a_slow_reader_blocks_the_app_and_uses_no_memory() {
    let stage = setup().ready();
    let mut client = stage.connect();
    client.write("GET /big HTTP/1.1\r\nhost: app\r\n\r\n");
    let head = client.head().expect("head");
    assert_eq!(header(&head, "content-length"), Some("8388608"));
    // A client that reads nothing fills the buffers; the rest waits in the app.
    assert_eq!(stage.totals().users.open, 1);
    let answer = client.bytes(8 << 20);
    assert!(answer.iter().all(|byte| *byte == b'x'));
}

#[test]
fn clients_that_read_nothing_are_disconnected() {
    let stage = setup()
        .set("SEND_MS", "100")
        .set("HEADER_MS", "100")
        .ready();
    let mut client = stage.connect();
    client.write("GET /big HTTP/1.1\r\nhost: app\r\n\r\n");
    stage.until("the request is counted as gone", || {
        stage.totals().users.gone == 1
    });
    stage.until("the connection ends", || {
        stage
            .private("/.landfall/metrics")
            .body
            .contains("landfall_connections 0")
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn http_2_comes_in_without_tls() {
    let stage = setup().ready();
    let stream = tokio::net::TcpStream::connect(stage.address)
        .await
        .expect("connection");
    let (mut line, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .expect("HTTP/2");
    tokio::spawn(connection);
    let request = |path: &str| {
        http::Request::post(format!("http://app.example{path}"))
            .header("cookie", "a=1")
            .header("cookie", "b=2")
            .header("idempotency-key", "1")
            .body(Full::new(Bytes::from_static(b"body")))
            .expect("request")
    };
    let answer = line.send_request(request("/echo")).await.expect("answer");
    assert_eq!(
        (answer.status().as_u16(), answer.version()),
        (200, http::Version::HTTP_2)
    );
    let body = answer.into_body().collect().await.expect("body").to_bytes();
    let got = String::from_utf8_lossy(&body);
    assert!(got.starts_with("POST /echo HTTP/1.1\r\n"), "{got}");
    assert_eq!(header(&got, "host"), Some("app.example"));
    assert_eq!(header(&got, "cookie"), Some("a=1; b=2"));
    assert!(got.ends_with("body"), "{got}");
    // Many requests at once on one connection, with errors among them.
    let all: Vec<_> = (0..50)
        .map(|n| line.send_request(request(&format!("/fail/500/2/h2-{n}"))))
        .collect();
    for answer in all {
        assert_eq!(answer.await.expect("answer").status(), 200);
    }
    // The stream is reset, before or after its head was sent.
    if let Ok(cut) = line.send_request(request("/partial")).await {
        assert!(cut.into_body().collect().await.is_err());
    }
}

#[test]
fn requests_for_the_edge_never_reach_the_app() {
    let stage = setup().ready();
    assert_eq!(stage.get("/.landfall/health").status, 200);
    for path in [
        "/.landfall/summary",
        "/.landfall/metrics",
        "/.landfall/other",
    ] {
        assert_eq!(stage.get(path).status, 404, "{path}");
    }
    let with = |secret: &str| {
        let request = format!(
            "GET /.landfall/summary HTTP/1.1\r\nhost: app\r\nx-landfall-secret: {secret}\r\n\r\n"
        );
        stage.connect().send(&request).status
    };
    assert_eq!(with(SECRET), 200);
    assert_eq!(with("0123456789abcdef0124"), 404);
    assert_eq!(stage.private("/").status, 404);
    assert_eq!(stage.totals().users.total, 0);
}
