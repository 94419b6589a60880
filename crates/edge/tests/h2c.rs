//! The edge in front of an app that speaks HTTP/2 without TLS.

mod stage;

use bytes::Bytes;
use http::{Request, Response, StatusCode, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use stage::setup;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::net::TcpListener;

/// Answers with the request as received. Every second request to `/flaky` fails.
async fn answer(
    request: Request<Incoming>,
    flaky: Arc<AtomicU32>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    let version = request.version();
    let host = request.uri().host().unwrap_or("none").to_owned();
    let body = request
        .into_body()
        .collect()
        .await
        .map_or_else(|_| Bytes::new(), |body| body.to_bytes());
    let mut response = Response::new(Full::new(Bytes::from(format!(
        "{version:?} {host} {path} {}",
        String::from_utf8_lossy(&body)
    ))));
    let fails = path == "/flaky" && flaky.fetch_add(1, Ordering::Relaxed).is_multiple_of(2);
    if fails || version != Version::HTTP_2 {
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    }
    Ok(response)
}

/// Serves until the end of the test; returns its port.
async fn serve(flaky: Arc<AtomicU32>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("its address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let flaky = Arc::clone(&flaky);
            let service = service_fn(move |request| answer(request, Arc::clone(&flaky)));
            tokio::spawn(
                hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(stream), service),
            );
        }
    });
    port
}

#[tokio::test(flavor = "multi_thread")]
async fn users_of_http_1_reach_it_and_its_errors_are_tried_again() {
    let flaky = Arc::new(AtomicU32::new(0));
    let port = serve(Arc::clone(&flaky)).await;
    // The edge supervises the test app, but sends requests to this one.
    let stage = setup()
        .set("APP", &port.to_string())
        .set("APP_PROTOCOL", "h2c")
        .ready();
    tokio::task::spawn_blocking(move || {
        let got = stage.get("/hello");
        assert_eq!(got.status, 200, "{got:?}");
        assert!(got.body.starts_with("HTTP/2.0 "), "{}", got.body);
        assert!(got.body.contains(" /hello "), "{}", got.body);
        let got = stage.post("/upload", "", "a body");
        assert!(got.body.ends_with("/upload a body"), "{}", got.body);
        for _ in 0..20 {
            assert_eq!(stage.get("/flaky").status, 200);
        }
        assert_eq!(flaky.load(Ordering::Relaxed), 40, "each was tried twice");
    })
    .await
    .expect("the users");
}
