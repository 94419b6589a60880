//! A small emulator on a socket, and a client.

use bytes::Bytes;
use front::clock::Moment;
use front::options::{Command, Serve, read};
use front::server::{Running, Settings, start};
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;

/// A request that the emulator got.
#[derive(Debug, Clone)]
pub(crate) struct Got {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

/// What the emulator responds with; never, if it is [`None`].
pub(crate) type Handler = dyn Fn(&Got) -> Option<Response<String>> + Send + Sync;

/// A small emulator.
pub(crate) struct Upstream {
    pub(crate) url: String,
    got: Arc<Mutex<Vec<Got>>>,
}

impl Upstream {
    pub(crate) async fn start(handler: &'static Handler) -> Upstream {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let got: Arc<Mutex<Vec<Got>>> = Arc::default();
        let all = Arc::clone(&got);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let all = Arc::clone(&all);
                let service = service_fn(move |request: Request<Incoming>| {
                    let all = Arc::clone(&all);
                    async move { Ok::<_, Infallible>(respond(&all, handler, request).await) }
                });
                let connection =
                    http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                tokio::spawn(connection);
            }
        });
        Upstream {
            url: format!("http://{address}"),
            got,
        }
    }

    /// The requests so far.
    pub(crate) fn got(&self) -> Vec<Got> {
        self.got.lock().expect("no panic").clone()
    }
}

async fn respond(
    all: &Mutex<Vec<Got>>,
    handler: &Handler,
    request: Request<Incoming>,
) -> Response<Full<Bytes>> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    let got = Got {
        method: parts.method.to_string(),
        target: parts.uri.to_string(),
        headers: parts.headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    all.lock().expect("no panic").push(got.clone());
    match handler(&got) {
        Some(response) => response.map(|text| Full::new(Bytes::from(text))),
        None => std::future::pending().await,
    }
}

/// A response in JSON.
pub(crate) fn json(text: &str) -> Option<Response<String>> {
    Some(Response::new(text.to_owned()))
}

/// A proxy with a clock that the test turns.
pub(crate) struct Proxy {
    pub(crate) running: Running,
    now: Arc<AtomicU64>,
}

impl Proxy {
    /// Starts with these arguments after `serve`. Time limits pass at once if `is_over`.
    pub(crate) async fn start(arguments: &str, is_over: bool) -> Proxy {
        let words: Vec<String> = format!("serve {arguments}")
            .split_whitespace()
            .map(str::to_owned)
            .collect();
        let Ok(Command::Serve(serve)) = read(&words) else {
            panic!("wrong arguments: {arguments}");
        };
        Proxy::of(*serve, is_over).await
    }

    async fn of(serve: Serve, is_over: bool) -> Proxy {
        let now = Arc::new(AtomicU64::new(1_795_940_955_000));
        let clock = Arc::clone(&now);
        let settings = Settings {
            clock: Arc::new(move || Moment(clock.load(Ordering::SeqCst))),
            limit: if is_over {
                |_| Duration::ZERO
            } else {
                |limit| limit
            },
        };
        let running = start(serve, settings).await.expect("a proxy");
        Proxy { running, now }
    }

    /// Turns the clock.
    pub(crate) fn pass(&self, seconds: u64) {
        self.now.fetch_add(seconds * 1_000, Ordering::SeqCst);
    }
}

/// A response.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

/// Sends a request. `Host` is the address unless `headers` has another.
pub(crate) async fn ask(
    address: SocketAddr,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let mut request = Request::builder()
        .method(method)
        .uri(format!("http://{address}{target}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = Full::new(Bytes::copy_from_slice(body.as_bytes()));
    let request = request.body(body).expect("a request");
    let response = client.request(request).await.expect("a response");
    let (parts, body) = response.into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    Answer {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    }
}

/// The `Authorization` header of a call.
pub(crate) fn signed(service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential=test/20261129/us-east-1/{service}/aws4_request, \
         SignedHeaders=host, Signature=0123"
    )
}

/// Calls an operation of a JSON service.
pub(crate) async fn call(
    address: SocketAddr,
    service: &str,
    operation: &str,
    body: &str,
) -> Answer {
    let target = format!("Service_1.{operation}");
    let scope = signed(service);
    let headers = [
        ("authorization", scope.as_str()),
        ("x-amz-target", &target),
        ("content-type", "application/x-amz-json-1.1"),
    ];
    ask(address, "POST", "/", &headers, body).await
}
