//! The Runtime API (<https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>), and what the edge
//! asks of the Extensions API
//! (<https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html>).

use crate::desk::Desk;
use crate::function::Place;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::sync::Arc;
use tokio::net::TcpListener;

/// Answers the runtime for ever.
pub(crate) async fn serve(listener: TcpListener, desk: Arc<Desk>, place: Arc<Place>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let (desk, place) = (Arc::clone(&desk), Arc::clone(&place));
        let service = service_fn(move |request| {
            let (desk, place) = (Arc::clone(&desk), Arc::clone(&place));
            async move { Ok::<_, Infallible>(answer(&desk, &place, request).await) }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

async fn answer(desk: &Desk, place: &Place, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let steps: Vec<&str> = path.split('/').skip(1).collect();
    match (&parts.method, steps.as_slice()) {
        (&Method::GET, ["2018-06-01", "runtime", "invocation", "next"]) => next(desk).await,
        (
            &Method::POST,
            [
                "2018-06-01",
                "runtime",
                "invocation",
                id,
                "response" | "error",
            ],
        ) => {
            let Ok(body) = body.collect().await else {
                return said(StatusCode::BAD_REQUEST, "InvalidRequest");
            };
            match desk.reply(id, body.to_bytes()) {
                true => accepted(),
                false => said(StatusCode::BAD_REQUEST, "InvalidRequestID"),
            }
        }
        (&Method::POST, ["2018-06-01", "runtime", "init", "error"]) => {
            let Ok(body) = body.collect().await else {
                return said(StatusCode::BAD_REQUEST, "InvalidRequest");
            };
            desk.fail_start(body.to_bytes());
            accepted()
        }
        (&Method::POST, ["2020-01-01", "extension", "register"]) => registered(place),
        // There are no events: the edge asks for none, and SIGTERM is a signal.
        (&Method::GET, ["2020-01-01", "extension", "event", "next"]) => {
            std::future::pending().await
        }
        _ => said(StatusCode::NOT_FOUND, "NotFound"),
    }
}

async fn next(desk: &Desk) -> Response<Full<Bytes>> {
    let invocation = desk.next().await;
    let mut response = Response::new(Full::new(invocation.event));
    let deadline = invocation.deadline.0.to_string();
    for (name, value) in [
        ("lambda-runtime-aws-request-id", invocation.id.as_str()),
        ("lambda-runtime-deadline-ms", &deadline),
        ("content-type", "application/json"),
    ] {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

fn registered(place: &Place) -> Response<Full<Bytes>> {
    let body = serde_json::json!({
        "functionName": place.function,
        "functionVersion": place.version,
        "handler": "",
    });
    let mut response = Response::new(Full::new(body.to_string().into()));
    let id = HeaderValue::from_static("landfall-bridge");
    response
        .headers_mut()
        .insert("lambda-extension-identifier", id);
    response
}

fn accepted() -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(br#"{"status":"OK"}"#)));
    *response.status_mut() = StatusCode::ACCEPTED;
    response
}

fn said(status: StatusCode, kind: &str) -> Response<Full<Bytes>> {
    let body = serde_json::json!({"errorType": kind, "errorMessage": status.to_string()});
    let mut response = Response::new(Full::new(body.to_string().into()));
    *response.status_mut() = status;
    response
}
