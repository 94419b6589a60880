//! How an account pays. No emulator implements these services, so the answers are written after
//! AWS's API reference: the tests show that such answers are read, and not that AWS returns them.

use aws::{Account, Endpoints, ErrorKind, Session};
use rules::time::Timestamp;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;

/// A server whose answer to a request is `answer` of its text. The thread ends with the test's
/// process.
async fn account(answer: fn(&str) -> (u16, &'static str)) -> Account {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let (mut request, mut part) = (String::new(), [0; 4096]);
            while !is_whole(&request) {
                let length = stream.read(&mut part).expect("a request");
                request.push_str(&String::from_utf8_lossy(&part[..length]));
            }
            let (status, body) = answer(&request.to_lowercase());
            let text = format!(
                "HTTP/1.1 {status} Status\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
                 Connection: close\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(text.as_bytes()).expect("an answer");
        }
    });
    let endpoints = Endpoints {
        main: url.clone(),
        second: url,
    };
    let session = Session::open(None, Some("eu-west-2"), Some(endpoints)).await;
    Account::new(&session.expect("a session"))
}

/// Whether the request contains its whole body.
fn is_whole(request: &str) -> bool {
    let Some((head, body)) = request.split_once("\r\n\r\n") else {
        return false;
    };
    let head = head.to_lowercase();
    let mut lengths = head
        .lines()
        .filter_map(|line| line.strip_prefix("content-length:"));
    let length = lengths.next().and_then(|text| text.trim().parse().ok());
    body.len() >= length.unwrap_or(0)
}

#[tokio::test]
async fn plan_credits_and_age_are_read() {
    let account = account(|request| match request.contains("getaccountplanstate") {
        true => (
            200,
            r#"{"accountId":"123456789012","accountPlanType":"FREE","accountPlanStatus":"ACTIVE",
                "accountPlanRemainingCredits":{"amount":87.12,"unit":"USD"},
                "accountPlanExpirationDate":"2027-01-02T00:00:00Z"}"#,
        ),
        false => {
            assert!(request.starts_with("post /getaccountinformation"));
            // Both services exist in one region, regardless of the app's.
            assert!(request.contains("/us-east-1/account/"), "{request}");
            (200, r#"{"AccountCreatedDate":"2025-07-15T00:00:00Z"}"#)
        }
    })
    .await;
    let state = account.plan_state().await.expect("a state");
    assert_eq!((&*state.plan_type, &*state.status), ("FREE", "ACTIVE"));
    assert_eq!(state.credits, Some((87.12, "USD".to_owned())));
    assert_eq!(state.expires, Some(Timestamp(1_798_848_000_000)));
    let created = account.created().await.expect("a date");
    assert_eq!(created, rules::shape::cost::account::PLANS_SINCE);
}

#[tokio::test]
async fn a_denied_call_is_reported_as_denied() {
    let account = account(|_| {
        let denied = r#"{"__type":"AccessDeniedException","message":"not you"}"#;
        (400, denied)
    })
    .await;
    let error = account.plan_state().await.expect_err("denied");
    assert_eq!(error.kind, ErrorKind::Denied);
    let error = account.created().await.expect_err("denied");
    assert_eq!(error.kind, ErrorKind::Denied);
}
