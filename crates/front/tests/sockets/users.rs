//! Users' requests through the real server, with a small app behind it.

use crate::support::{Proxy, Upstream, ask, json as stored, signed};
use http::Response;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

fn error(status: u16) -> Option<Response<String>> {
    Some(
        Response::builder()
            .status(status)
            .body("failed".to_owned())
            .expect("a response"),
    )
}

/// An emulator with one load balancer, which is the app itself.
async fn emulator_with(app: &Upstream) -> Upstream {
    let port = app.url.rsplit(':').next().expect("a port");
    let list = format!(r#"{{"loadBalancers":[{{"arn":"a","boundPort":{port}}}]}}"#);
    let list: &'static str = Box::leak(list.into_boxed_str());
    Upstream::start(Box::leak(Box::new(move |_: &crate::support::Got| {
        stored(list)
    })))
    .await
}

#[tokio::test]
async fn the_load_balancer_tells_the_app_who_asks() {
    let app = Upstream::start(&|_| stored("hello")).await;
    let proxy = Proxy::start(&format!("--data alb=127.0.0.1:0,{}", app.url), false).await;
    let address = proxy.running.data[0].1;
    let headers = [("host", "app.example"), ("x-forwarded-for", "203.0.113.9")];
    let answer = ask(address, "GET", "/path?q=1", &headers, "").await;
    assert_eq!((answer.status, &*answer.body), (200, "hello"));
    let got = &app.got()[0];
    assert_eq!(got.target, "/path?q=1");
    assert_eq!(got.headers["host"], "app.example");
    assert_eq!(got.headers["x-forwarded-for"], "203.0.113.9, 127.0.0.1");
    assert_eq!(got.headers["x-forwarded-proto"], "http");
    assert_eq!(got.headers["x-forwarded-port"], "80");
    assert!(got.headers.contains_key("x-amzn-trace-id"));
}

#[tokio::test]
async fn an_emulated_load_balancer_writes_its_header_fields_itself() {
    let app = Upstream::start(&|_| stored("hello")).await;
    let emulator = emulator_with(&app).await;
    let arguments = format!(
        "--listen 127.0.0.1:0 --upstream {} --data alb=127.0.0.1:0,{}",
        emulator.url, app.url
    );
    let proxy = Proxy::start(&arguments, false).await;
    ask(proxy.running.data[0].1, "GET", "/", &[], "").await;
    assert!(!app.got()[0].headers.contains_key("x-forwarded-for"));
}

#[tokio::test]
async fn users_reach_an_emulated_load_balancer_through_the_front() {
    let app = Upstream::start(&|_| stored("hello")).await;
    let emulator = emulator_with(&app).await;
    let arguments = format!("--listen 127.0.0.1:0 --upstream {}", emulator.url);
    let proxy = Proxy::start(&arguments, false).await;
    let path = "/_fakecloud/elbv2/load-balancers";
    let mut ports = Vec::new();
    for _ in 0..2 {
        let seen = ask(proxy.running.listeners[0], "GET", path, &[], "").await;
        let seen: serde_json::Value = serde_json::from_str(&seen.body).expect("JSON");
        ports.push(
            seen["loadBalancers"][0]["boundPort"]
                .as_u64()
                .expect("a port"),
        );
    }
    assert_eq!(ports[0], ports[1]);
    let port = app.url.rsplit(':').next().expect("a port");
    assert_ne!(ports[0].to_string(), port);
    let address = format!("127.0.0.1:{}", ports[0])
        .parse()
        .expect("an address");
    assert_eq!(ask(address, "GET", "/", &[], "").await.body, "hello");
}

#[tokio::test]
async fn a_listener_is_opened_while_the_front_runs() {
    let app = Upstream::start(&|_| error(404)).await;
    let proxy = Proxy::start(
        &format!("--data alb=127.0.0.1:0,{} --control 127.0.0.1:0", app.url),
        false,
    )
    .await;
    let control = proxy.running.control.expect("an address");
    let opened = ask(control, "POST", "/data/cloudfront", &[], &app.url).await;
    let opened: serde_json::Value = serde_json::from_str(&opened.body).expect("JSON");
    let address = opened["address"].as_str().expect("an address");
    let seen = ask(address.parse().expect("an address"), "GET", "/", &[], "").await;
    assert_eq!(seen.headers["x-cache"], "Error from cloudfront");
    assert_eq!(
        ask(control, "POST", "/data/tcp", &[], &app.url)
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn a_late_target_is_a_504_and_a_missing_one_a_502() {
    let app = Upstream::start(&|_| None).await;
    let proxy = Proxy::start(&format!("--data alb=127.0.0.1:0,{}", app.url), true).await;
    let answer = ask(proxy.running.data[0].1, "GET", "/", &[], "").await;
    assert_eq!(answer.status, 504);
    assert_eq!(answer.headers["server"], "awselb/2.0");
    let proxy = Proxy::start("--data alb=127.0.0.1:0,http://127.0.0.1:1", false).await;
    assert_eq!(
        ask(proxy.running.data[0].1, "GET", "/", &[], "")
            .await
            .status,
        502
    );
}

#[tokio::test]
async fn cloudfront_caches_an_error_for_every_viewer() {
    let app = Upstream::start(&|got| match got.target.as_str() {
        "/good" => stored("hello"),
        _ => error(500),
    })
    .await;
    let proxy = Proxy::start(&format!("--data cloudfront=127.0.0.1:0,{}", app.url), false).await;
    let address = proxy.running.data[0].1;
    let first = ask(address, "GET", "/bad?user=1", &[("cookie", "a=1")], "").await;
    assert_eq!(first.status, 500);
    assert_eq!(first.headers["x-cache"], "Error from cloudfront");
    proxy.pass(9);
    let second = ask(address, "GET", "/bad?user=2", &[], "").await;
    assert_eq!((second.status, &*second.body), (500, "failed"));
    assert_eq!(second.headers["age"], "9");
    assert_eq!(app.got().len(), 1);
    proxy.pass(1);
    ask(address, "GET", "/bad", &[], "").await;
    assert_eq!(app.got().len(), 2);
    let good = ask(
        address,
        "GET",
        "/good",
        &[("x-forwarded-proto", "https")],
        "",
    )
    .await;
    assert_eq!(good.headers["x-cache"], "Miss from cloudfront");
    let got = &app.got()[2].headers;
    assert_eq!(got["x-forwarded-for"], "127.0.0.1");
    assert!(!got.contains_key("x-forwarded-proto"));
    assert!(got.contains_key("x-amz-cf-id"));
}

#[tokio::test]
async fn a_late_origin_is_a_504_and_a_missing_one_a_502() {
    let app = Upstream::start(&|_| None).await;
    let proxy = Proxy::start(&format!("--data cloudfront=127.0.0.1:0,{}", app.url), true).await;
    let late = ask(proxy.running.data[0].1, "GET", "/", &[], "").await;
    assert_eq!(late.status, 504);
    assert_eq!(late.headers["server"], "CloudFront");
    assert_eq!(late.headers["x-cache"], "Error from cloudfront");
    let arguments = "--data cloudfront=127.0.0.1:0,http://127.0.0.1:1";
    let proxy = Proxy::start(arguments, false).await;
    assert_eq!(
        ask(proxy.running.data[0].1, "GET", "/", &[], "")
            .await
            .status,
        502
    );
}

#[tokio::test]
async fn the_distribution_decides_how_long_errors_are_cached() {
    let app = Upstream::start(&|_| error(500)).await;
    let emulator = Upstream::start(&|_| {
        let text = "<Distribution><Id>E1</Id><Status>Deployed</Status>\
                    <DomainName>d1.cloudfront.net</DomainName></Distribution>";
        Some(Response::new(text.to_owned()))
    })
    .await;
    let arguments = format!(
        "--listen 127.0.0.1:0 --upstream {} --data cloudfront=127.0.0.1:0,{}",
        emulator.url, app.url
    );
    let proxy = Proxy::start(&arguments, false).await;
    let config = "<DistributionConfig><CustomErrorResponses><Items><CustomErrorResponse>\
                  <ErrorCode>500</ErrorCode><ErrorCachingMinTTL>0</ErrorCachingMinTTL>\
                  </CustomErrorResponse></Items></CustomErrorResponses></DistributionConfig>";
    let scope = signed("cloudfront");
    let headers = [("authorization", scope.as_str())];
    let path = "/2020-05-31/distribution";
    let made = ask(proxy.running.listeners[0], "POST", path, &headers, config).await;
    assert!(made.body.contains("InProgress"), "{}", made.body);
    for _ in 0..2 {
        ask(proxy.running.data[0].1, "GET", "/bad", &[], "").await;
    }
    assert_eq!(app.got().len(), 2, "nothing is cached");
}

#[tokio::test]
async fn an_api_waits_thirty_seconds_and_is_throttled() {
    let app = Upstream::start(&|_| None).await;
    let proxy = Proxy::start(&format!("--data api=127.0.0.1:0,{}", app.url), true).await;
    let late = ask(proxy.running.data[0].1, "GET", "/", &[], "").await;
    assert_eq!(
        (late.status, &*late.body),
        (503, r#"{"message":"Service Unavailable"}"#)
    );
    let app = Upstream::start(&|_| stored("hello")).await;
    let arguments = format!(
        "--data api=127.0.0.1:0,{} --scenario api-throttled",
        app.url
    );
    let proxy = Proxy::start(&arguments, false).await;
    let mut statuses = Vec::new();
    for _ in 0..20 {
        statuses.push(
            ask(proxy.running.data[0].1, "GET", "/", &[], "")
                .await
                .status,
        );
    }
    assert!(
        statuses.contains(&429) && statuses.contains(&200),
        "{statuses:?}"
    );
}

#[tokio::test]
async fn an_api_on_the_emulators_own_port_is_found_by_its_host() {
    let emulator = Upstream::start(&|_| stored("hello")).await;
    let arguments = format!(
        "--listen 127.0.0.1:0 --upstream {} --scenario api-throttled",
        emulator.url
    );
    let proxy = Proxy::start(&arguments, false).await;
    let host = [("host", "a1.execute-api.localhost")];
    let mut statuses = Vec::new();
    for _ in 0..20 {
        let answer = ask(proxy.running.listeners[0], "GET", "/", &host, "").await;
        statuses.push(answer.status);
    }
    assert!(
        statuses.contains(&429) && statuses.contains(&200),
        "{statuses:?}"
    );
    assert_eq!(
        emulator.got()[0].headers["host"],
        "a1.execute-api.localhost"
    );
}

#[tokio::test]
async fn a_websocket_passes_through() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut seen = Vec::new();
        while !seen.ends_with(b"\r\n\r\n") {
            seen.push(stream.read_u8().await.expect("a byte"));
        }
        let head = String::from_utf8_lossy(&seen).to_lowercase();
        assert!(head.contains("upgrade: websocket"), "{head}");
        let answer = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\
                      Upgrade: websocket\r\n\r\n";
        stream
            .write_all(answer.as_bytes())
            .await
            .expect("a response");
        let mut frame = [0; 4];
        stream.read_exact(&mut frame).await.expect("a frame");
        stream.write_all(&frame).await.expect("an echo");
    });
    let proxy = Proxy::start(&format!("--data alb=127.0.0.1:0,http://{address}"), false).await;
    let mut client = TcpStream::connect(proxy.running.data[0].1)
        .await
        .expect("a connection");
    let head = "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    client.write_all(head.as_bytes()).await.expect("a request");
    let mut seen = Vec::new();
    while !seen.ends_with(b"\r\n\r\n") {
        seen.push(client.read_u8().await.expect("a byte"));
    }
    assert!(seen.starts_with(b"HTTP/1.1 101"));
    client.write_all(b"ping").await.expect("a frame");
    let mut echo = [0; 4];
    client.read_exact(&mut echo).await.expect("an echo");
    assert_eq!(&echo, b"ping");
}
