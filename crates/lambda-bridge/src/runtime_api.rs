//! The Runtime API (<https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>), and what the
//! edge asks of the Extensions API
//! (<https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html>).

use crate::function::FunctionContext;
use crate::invocation_queue::InvocationQueue;
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

/// Serves the runtime for ever.
pub(crate) async fn serve(
    listener: TcpListener,
    queue: Arc<InvocationQueue>,
    function: Arc<FunctionContext>,
) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let (queue, function) = (Arc::clone(&queue), Arc::clone(&function));
        let service = service_fn(move |request| {
            let (queue, function) = (Arc::clone(&queue), Arc::clone(&function));
            async move { Ok::<_, Infallible>(answer(&queue, &function, request).await) }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

async fn answer(
    queue: &InvocationQueue,
    function: &FunctionContext,
    request: Request<Incoming>,
) -> Response<Full<Bytes>> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let steps: Vec<&str> = path.split('/').skip(1).collect();
    match (&parts.method, steps.as_slice()) {
        (&Method::GET, ["2018-06-01", "runtime", "invocation", "next"]) => next(queue).await,
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
                return error(StatusCode::BAD_REQUEST, "InvalidRequest");
            };
            match queue.reply(id, body.to_bytes()) {
                true => accepted(),
                false => error(StatusCode::BAD_REQUEST, "InvalidRequestID"),
            }
        }
        (&Method::POST, ["2018-06-01", "runtime", "init", "error"]) => {
            let Ok(body) = body.collect().await else {
                return error(StatusCode::BAD_REQUEST, "InvalidRequest");
            };
            queue.fail_start(body.to_bytes());
            accepted()
        }
        (&Method::POST, ["2020-01-01", "extension", "register"]) => registered(function),
        // There are no events: the edge registers for none.
        (&Method::GET, ["2020-01-01", "extension", "event", "next"]) => {
            std::future::pending().await
        }
        _ => error(StatusCode::NOT_FOUND, "NotFound"),
    }
}

async fn next(queue: &InvocationQueue) -> Response<Full<Bytes>> {
    let invocation = queue.next().await;
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

fn registered(function: &FunctionContext) -> Response<Full<Bytes>> {
    let body = serde_json::json!({
        "functionName": function.name,
        "functionVersion": function.version,
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

fn error(status: StatusCode, kind: &str) -> Response<Full<Bytes>> {
    let body = serde_json::json!({"errorType": kind, "errorMessage": status.to_string()});
    let mut response = Response::new(Full::new(body.to_string().into()));
    *response.status_mut() = status;
    response
}
