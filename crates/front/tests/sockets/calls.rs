//! Calls of AWS's API through the real server, with a small emulator behind it.

use crate::support::{Proxy, Upstream, ask, call, json as stored, signed};
use http::Response;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

#[tokio::test]
async fn host_signature_and_body_pass_unchanged() {
    let upstream = Upstream::start(&|_| stored("{}")).await;
    let proxy = Proxy::start(
        &format!("--listen 127.0.0.1:0 --upstream {}", upstream.url),
        false,
    )
    .await;
    let scope = signed("iam");
    let form = "application/x-www-form-urlencoded";
    let headers = [
        ("authorization", &*scope),
        ("host", "iam.example"),
        ("content-type", form),
    ];
    let body = "Action=ListRoles&Version=2010-05-08";
    let address = proxy.running.listeners[0];
    let answer = ask(address, "POST", "/?x=%20y", &headers, body).await;
    assert_eq!((answer.status, &*answer.body), (200, "{}"));
    let got = &upstream.got()[0];
    assert_eq!(
        (&*got.method, &*got.target, &*got.body),
        ("POST", "/?x=%20y", body)
    );
    assert_eq!(got.headers["authorization"], scope);
    assert_eq!(got.headers["host"], "iam.example");
}

#[tokio::test]
async fn a_body_is_streamed_before_it_has_ended() {
    // The emulator responds to what it reads first, so the request must reach it in parts.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = listener.local_addr().expect("an address");
    let emulator = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut seen = Vec::new();
        while !seen.ends_with(b"first") {
            let mut buffer = [0; 1_024];
            let read = stream.read(&mut buffer).await.expect("bytes");
            seen.extend(&buffer[..read]);
        }
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        stream.write_all(answer).await.expect("a response");
        stream
    });
    let proxy = Proxy::start(
        &format!("--listen 127.0.0.1:0 --upstream http://{address}"),
        false,
    )
    .await;
    let mut client = TcpStream::connect(proxy.running.listeners[0])
        .await
        .expect("a connection");
    let head = "PUT /v2/app/blobs/uploads/1 HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nfirst";
    client.write_all(head.as_bytes()).await.expect("a request");
    let mut answer = Vec::new();
    while !answer.ends_with(b"ok") {
        let mut buffer = [0; 1_024];
        let read = client.read(&mut buffer).await.expect("bytes");
        assert_ne!(read, 0, "the connection is closed");
        answer.extend(&buffer[..read]);
    }
    assert!(answer.starts_with(b"HTTP/1.1 200"));
    drop(emulator.await);
}

#[tokio::test]
async fn a_refused_call_never_reaches_the_emulator() {
    let upstream = Upstream::start(&|_| stored("{}")).await;
    let arguments = format!(
        "--listen 127.0.0.1:0 --upstream {} --scenario budgets-not-enabled",
        upstream.url
    );
    let proxy = Proxy::start(&arguments, false).await;
    let answer = call(proxy.running.listeners[0], "budgets", "CreateBudget", "{}").await;
    assert_eq!(answer.status, 400);
    assert_eq!(parsed(&answer.body)["__type"], "AccessDeniedException");
    assert!(upstream.got().is_empty());
}

#[tokio::test]
async fn requests_and_responses_are_rewritten() {
    let upstream = Upstream::start(&|_| {
        stored(
            r#"{"service":{"clusterArn":"a:cluster/c","serviceName":"s","taskDefinition":"arn:t/app:1"},
                "taskDefinition":{"containerDefinitions":[{}]}}"#,
        )
    })
    .await;
    let proxy = Proxy::start(
        &format!("--listen 127.0.0.1:0 --upstream {}", upstream.url),
        false,
    )
    .await;
    let address = proxy.running.listeners[0];
    call(
        address,
        "ecs",
        "CreateService",
        r#"{"cluster":"c","serviceName":"s"}"#,
    )
    .await;
    let update = r#"{"cluster":"c","service":"s","taskDefinition":"app:1","desiredCount":2}"#;
    call(address, "ecs", "UpdateService", update).await;
    let sent = parsed(&upstream.got()[1].body);
    assert_eq!(
        sent,
        json!({"cluster": "c", "service": "s", "desiredCount": 2})
    );
    let seen = call(address, "ecs", "DescribeTaskDefinition", "{}").await;
    let seen = parsed(&seen.body);
    assert_eq!(
        seen["taskDefinition"]["containerDefinitions"][0]["environment"],
        json!([])
    );
}

#[tokio::test]
async fn both_listeners_share_what_is_known() {
    let first = Upstream::start(&|_| stored("{}")).await;
    let second = Upstream::start(&|_| stored("")).await;
    let arguments = format!(
        "--listen 127.0.0.1:0 --upstream {} --listen 127.0.0.1:0 --upstream {}",
        first.url, second.url
    );
    let proxy = Proxy::start(&arguments, false).await;
    let [one, two] = proxy.running.listeners[..] else {
        panic!("two listeners");
    };
    let scope = signed("s3");
    let headers = [("authorization", scope.as_str())];
    ask(one, "DELETE", "/bucket", &headers, "").await;
    let refused = ask(two, "PUT", "/bucket", &headers, "").await;
    assert_eq!(refused.status, 409);
    assert!(
        refused.body.contains("OperationAborted"),
        "{}",
        refused.body
    );
    proxy.pass(10);
    assert_eq!(ask(two, "PUT", "/bucket", &headers, "").await.status, 200);
    assert_eq!(second.got().len(), 1);
}

#[tokio::test]
async fn the_front_writes_report_lines_itself() {
    let upstream = Upstream::start(&|got| match got.target.as_str() {
        "/2015-03-31/functions" => stored(r#"{"Version":"$LATEST","State":"Active"}"#),
        _ => stored("{}"),
    })
    .await;
    let proxy = Proxy::start(
        &format!("--listen 127.0.0.1:0 --upstream {}", upstream.url),
        false,
    )
    .await;
    let address = proxy.running.listeners[0];
    let scope = signed("lambda");
    let headers = [("authorization", scope.as_str())];
    let create = r#"{"FunctionName":"app"}"#;
    let made = ask(address, "POST", "/2015-03-31/functions", &headers, create).await;
    assert_eq!(parsed(&made.body)["State"], "Pending");
    let path = "/2015-03-31/functions/app/invocations";
    let refused = ask(address, "POST", path, &headers, "{}").await;
    assert_eq!(refused.status, 409);
    assert_eq!(
        refused.headers["x-amzn-errortype"],
        "ResourceConflictException"
    );
    proxy.pass(5);
    assert_eq!(ask(address, "POST", path, &headers, "{}").await.status, 200);
    let written = loop {
        let got = upstream.got();
        let found = got.iter().find(|got| got.body.contains("REPORT RequestId"));
        if let Some(found) = found {
            break found.clone();
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(
        written.headers["x-amz-target"],
        "Logs_20140328.PutLogEvents"
    );
}

#[tokio::test]
async fn a_change_of_weights_reaches_the_emulator_late() {
    let upstream = Upstream::start(&|_| {
        stored("<R><L><member><ListenerArn>arn</ListenerArn></member></L></R>")
    })
    .await;
    let proxy = Proxy::start(
        &format!("--listen 127.0.0.1:0 --upstream {}", upstream.url),
        false,
    )
    .await;
    let address = proxy.running.listeners[0];
    let scope = signed("elasticloadbalancing");
    let form = "application/x-www-form-urlencoded";
    let headers = [("authorization", &*scope), ("content-type", form)];
    let call = |operation: &str, group: &str| {
        let action = "DefaultActions.member.1.TargetGroupArn";
        format!("Action={operation}&ListenerArn=arn&{action}={group}")
    };
    for body in [
        call("CreateListener", "blue"),
        call("ModifyListener", "green"),
    ] {
        assert_eq!(ask(address, "POST", "/", &headers, &body).await.status, 200);
    }
    assert_eq!(upstream.got().len(), 2);
    assert_eq!(upstream.got()[1].body, call("ModifyListener", "blue"));
    proxy.pass(5);
    while upstream.got().len() < 4 {
        tokio::task::yield_now().await;
    }
    assert!(upstream.got()[2].body.contains("ForwardConfig"));
    assert_eq!(upstream.got()[3].body, call("ModifyListener", "green"));
}

#[tokio::test]
async fn scenarios_and_delays_change_while_it_runs() {
    let upstream = Upstream::start(&|_| stored("{}")).await;
    let arguments = format!(
        "--listen 127.0.0.1:0 --upstream {} --control 127.0.0.1:0",
        upstream.url
    );
    let proxy = Proxy::start(&arguments, false).await;
    let address = proxy.running.listeners[0];
    let control = proxy.running.control.expect("an address");
    let create = || call(address, "budgets", "CreateBudget", "{}");
    assert_eq!(create().await.status, 200);
    let path = "/scenarios/budgets-not-enabled";
    assert_eq!(ask(control, "POST", path, &[], "").await.status, 200);
    assert_eq!(create().await.status, 400);
    let rules = parsed(&ask(control, "GET", "/rules", &[], "").await.body);
    let all = rules.as_array().expect("rules");
    let rule = all.iter().find(|rule| rule["id"] == "budgets-not-enabled");
    assert_eq!(rule.expect("a rule")["on"], true);
    assert_eq!(ask(control, "DELETE", path, &[], "").await.status, 200);
    assert_eq!(create().await.status, 200);
    let unknown = ask(control, "POST", "/scenarios/unknown", &[], "").await;
    assert_eq!(unknown.status, 400);
    assert!(unknown.body.contains("five-vpcs"), "{}", unknown.body);
    let delay = ask(control, "POST", "/logs-delay", &[], "90").await;
    assert_eq!(parsed(&delay.body), json!({"seconds": 90.0}));
    assert_eq!(
        ask(control, "POST", "/logs-delay", &[], "soon")
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn calls_are_recorded() {
    let upstream = Upstream::start(&|_| stored("{}")).await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("calls.jsonl");
    let arguments = format!(
        "--listen 127.0.0.1:0 --upstream {} --record {}",
        upstream.url,
        file.display()
    );
    let proxy = Proxy::start(&arguments, false).await;
    let address = proxy.running.listeners[0];
    call(address, "ecs", "ListTasks", r#"{"cluster":"c"}"#).await;
    ask(address, "GET", "/v2/", &[], "").await;
    let scope = signed("cloudfront");
    let headers = [("authorization", scope.as_str())];
    ask(
        address,
        "GET",
        "/2020-05-31/tagging?Resource=arn",
        &headers,
        "",
    )
    .await;
    let text = std::fs::read_to_string(&file).expect("a record");
    let lines: Vec<Value> = text.lines().map(parsed).collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert_eq!(lines[0]["service"], "ecs");
    assert_eq!(lines[0]["operation"], "ListTasks");
    assert_eq!(lines[0]["content_type"], "application/x-amz-json-1.1");
    assert_eq!(lines[0]["body"], r#"{"cluster":"c"}"#);
    assert_eq!(lines[0]["status"], 200);
    assert_eq!(lines[1]["query"], json!([["Resource", "arn"]]));
}

#[tokio::test]
async fn an_emulator_that_is_gone_is_a_502() {
    let proxy = Proxy::start("--listen 127.0.0.1:0 --upstream http://127.0.0.1:1", false).await;
    let answer = call(proxy.running.listeners[0], "ecs", "ListTasks", "{}").await;
    assert_eq!(answer.status, 502);
    assert!(answer.body.contains("127.0.0.1:1"), "{}", answer.body);
}

#[tokio::test]
async fn the_ready_line_has_the_addresses() {
    let upstream = Upstream::start(&|_| Some(Response::new(String::new()))).await;
    let arguments = format!(
        "--listen 127.0.0.1:0 --upstream {} --data api=127.0.0.1:0,{} --control 127.0.0.1:0",
        upstream.url, upstream.url
    );
    let proxy = Proxy::start(&arguments, false).await;
    let running = &proxy.running;
    let expected = format!(
        "ready listen={} api={} control={}",
        running.listeners[0],
        running.data[0].1,
        running.control.expect("an address")
    );
    assert_eq!(running.ready(), expected);
}
