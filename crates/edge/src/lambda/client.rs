//! A client of the Runtime API and of the part of the Extensions API that brings SIGTERM.

use super::request::Reply;
use super::stream::{Ended, Streamed};
use crate::policy::lambda::stream::{self, Cut};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Either, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rules::edge_contract::runtime_api::{self, Address};
use rules::time::Timestamp;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

const RUNTIME: &str = "/2018-06-01/runtime";
const EXTENSION: &str = "/2020-01-01/extension";
const ERROR_TYPE: &str = "lambda-runtime-function-error-type";
/// An emulator without extensions may not even say so.
const REGISTERED_WITHIN: Duration = Duration::from_millis(500);

/// What Lambda asks for.
#[derive(Debug)]
pub(super) struct Invocation {
    pub(super) id: String,
    pub(super) deadline: Option<Timestamp>,
    pub(super) trace: Option<HeaderValue>,
    pub(super) event: Bytes,
}

/// The API did not do as it should.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) status: Option<u16>,
    pub(super) why: String,
}

impl Failure {
    fn broken(why: impl std::fmt::Display) -> Failure {
        Failure {
            status: None,
            why: why.to_string(),
        }
    }
}

/// What is brought to the API: as a whole, or as it comes.
type Content = Either<Full<Bytes>, Box<Streamed>>;

/// A connection to the API.
#[derive(Debug)]
struct Line {
    sender: SendRequest<Content>,
    task: AbortHandle,
}

/// One connection to the API, made anew when it breaks.
#[derive(Debug)]
pub(super) struct Client {
    address: Address,
    line: Option<Line>,
}

impl Client {
    pub(super) fn new(address: Address) -> Client {
        Client {
            address,
            line: None,
        }
    }

    pub(super) fn clone_address(&self) -> Address {
        self.address.clone()
    }

    pub(super) fn socket(&self) -> SocketAddr {
        self.address.socket
    }

    /// Waits for the next invocation, as long as it takes.
    pub(super) async fn next(&mut self) -> Result<Invocation, Failure> {
        let path = format!("{RUNTIME}/invocation/next");
        let answer = self.call(Method::GET, &path, None, Bytes::new()).await?;
        let answer = accepted(answer)?;
        let (parts, body) = answer.into_parts();
        let text = |name: &str| {
            let value = parts.headers.get(name)?;
            value.to_str().ok()
        };
        let id = text("lambda-runtime-aws-request-id").filter(|id| runtime_api::is_id(id));
        let id = id.ok_or_else(|| Failure::broken("an invocation has no sound id"))?;
        let deadline = text("lambda-runtime-deadline-ms").and_then(|ms| ms.trim().parse().ok());
        let event = body.collect().await.map_err(Failure::broken)?.to_bytes();
        Ok(Invocation {
            id: id.to_owned(),
            deadline: deadline.map(Timestamp),
            trace: parts.headers.get("lambda-runtime-trace-id").cloned(),
            event,
        })
    }

    /// Brings an invocation's reply. What is streamed may have been cut, after so many bytes.
    pub(super) async fn reply(
        &mut self,
        id: &str,
        reply: Reply,
    ) -> Result<Option<(Cut, u64)>, String> {
        let (path, kind, bytes) = match reply {
            Reply::Stream { body, ended, .. } => return self.stream(id, body, ended).await,
            Reply::Answer { bytes, .. } => ("response", None, bytes),
            Reply::Error { kind, bytes } => ("error", Some(kind), bytes),
        };
        let path = format!("{RUNTIME}/invocation/{id}/{path}");
        let answer = self
            .call(Method::POST, &path, kind.as_deref(), bytes.into())
            .await;
        self.finish(answer).await.map(|()| None)
    }

    /// Brings an answer while it comes.
    async fn stream(
        &mut self,
        id: &str,
        body: Box<Streamed>,
        ended: oneshot::Receiver<Ended>,
    ) -> Result<Option<(Cut, u64)>, String> {
        let path = format!("{RUNTIME}/invocation/{id}/response");
        let request = request(
            &self.address,
            &Method::POST,
            &path,
            None,
            Either::Right(body),
        );
        let mut request = request.map_err(|failure| failure.why)?;
        let headers = request.headers_mut();
        let (mode, streaming) = stream::MODE;
        headers.insert(mode, HeaderValue::from_static(streaming));
        let kind = HeaderValue::from_static(stream::CONTENT_TYPE);
        headers.insert(header::CONTENT_TYPE, kind);
        for trailer in [stream::ERROR_TYPE, stream::ERROR_BODY] {
            headers.append(header::TRAILER, HeaderValue::from_static(trailer));
        }
        let sent = self.send_once(request).await;
        let (line, answer) = sent.map_err(|failure| failure.why)?;
        let finished = self.finish(Ok(answer)).await;
        match finished {
            // An answer to half of it says nothing about the rest. The documentation wants the connection
            // closed then; it closes by itself when all is written.
            Ok(()) => {
                drop(line.sender);
                let ended = ended.await.map_err(|_| "it broke off".to_owned());
                ended.map(Result::err)
            }
            // What was refused is not to be brought any further.
            Err(why) => {
                line.task.abort();
                Err(why)
            }
        }
    }

    /// Tells that the start has failed, and why.
    pub(super) async fn fail_start(&mut self, kind: &str, error: Vec<u8>) {
        let path = format!("{RUNTIME}/init/error");
        let answer = self
            .call(Method::POST, &path, Some(kind), error.into())
            .await;
        // The process ends next, and that says it as well.
        let _ = self.finish(answer).await;
    }

    async fn finish(&mut self, answer: Result<Response<Incoming>, Failure>) -> Result<(), String> {
        let answer = answer.and_then(accepted).map_err(|failure| failure.why)?;
        // Read to its end, the connection can be used again.
        let read = answer.into_body().collect().await;
        read.map(drop).map_err(|error| error.to_string())
    }

    /// One question. A kept connection that turns out to be closed is no reason to give up.
    async fn call(
        &mut self,
        method: Method,
        path: &str,
        kind: Option<&str>,
        body: Bytes,
    ) -> Result<Response<Incoming>, Failure> {
        let is_kept = self.line.is_some();
        let answer = self.send(&method, path, kind, body.clone()).await;
        match answer {
            Err(_) if is_kept => self.send(&method, path, kind, body).await,
            answer => answer,
        }
    }

    async fn send(
        &mut self,
        method: &Method,
        path: &str,
        kind: Option<&str>,
        body: Bytes,
    ) -> Result<Response<Incoming>, Failure> {
        let content = Either::Left(Full::new(body));
        let request = request(&self.address, method, path, kind, content)?;
        let mut line = self.line().await?;
        line.sender.ready().await.map_err(Failure::broken)?;
        let answer = line.sender.send_request(request).await;
        let answer = answer.map_err(Failure::broken)?;
        self.line = Some(line);
        Ok(answer)
    }

    /// Sends what cannot be sent twice: over another connection only if nothing of it has left.
    async fn send_once(
        &mut self,
        mut request: Request<Content>,
    ) -> Result<(Line, Response<Incoming>), Failure> {
        loop {
            let is_kept = self.line.is_some();
            let mut line = self.line().await?;
            // One that is closed gives the request back.
            let _ = line.sender.ready().await;
            match line.sender.try_send_request(request).await {
                Ok(answer) => return Ok((line, answer)),
                Err(mut error) => match error.take_message() {
                    Some(unsent) if is_kept => request = unsent,
                    _ => return Err(Failure::broken(error.into_error())),
                },
            }
        }
    }

    /// The kept connection, or another one.
    async fn line(&mut self) -> Result<Line, Failure> {
        match self.line.take() {
            Some(line) => Ok(line),
            None => connect(self.address.socket).await,
        }
    }
}

fn request(
    address: &Address,
    method: &Method,
    path: &str,
    kind: Option<&str>,
    content: Content,
) -> Result<Request<Content>, Failure> {
    let mut request = Request::builder()
        .method(method)
        .uri(format!("{}{path}", address.prefix))
        .header(header::HOST, &address.host)
        .header(
            header::USER_AGENT,
            concat!("landfall-edge/", env!("CARGO_PKG_VERSION")),
        );
    if method == Method::POST {
        request = request.header(header::CONTENT_TYPE, "application/json");
    }
    if let Some(kind) = kind {
        request = request.header(ERROR_TYPE, kind);
    }
    request.body(content).map_err(Failure::broken)
}

async fn connect(socket: SocketAddr) -> Result<Line, Failure> {
    let stream = TcpStream::connect(socket).await.map_err(Failure::broken)?;
    let _ = stream.set_nodelay(true);
    let io = TokioIo::new(stream);
    let (sender, connection) = http1::handshake(io).await.map_err(Failure::broken)?;
    let task = tokio::spawn(connection).abort_handle();
    Ok(Line { sender, task })
}

fn accepted(answer: Response<Incoming>) -> Result<Response<Incoming>, Failure> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let why = match status {
        StatusCode::PAYLOAD_TOO_LARGE => "it is too long".to_owned(),
        status => format!("status {status}"),
    };
    Err(Failure {
        status: Some(status.as_u16()),
        why,
    })
}

/// Registers as an extension that wants no events: Lambda sends SIGTERM only where there is one.
pub(super) async fn extend(address: Address) {
    let mut client = Client::new(address);
    let registered = tokio::time::timeout(REGISTERED_WITHIN, register(&mut client)).await;
    if let Ok(Some(id)) = registered {
        // The init phase is over when all extensions have asked for their next event. There will be none.
        tokio::spawn(async move {
            let _ = ask_for_events(&mut client, &id).await;
        });
    }
}

async fn register(client: &mut Client) -> Option<HeaderValue> {
    let mut request = request(
        &client.address,
        &Method::POST,
        &format!("{EXTENSION}/register"),
        None,
        Either::Left(Full::from(&b"{\"events\":[]}"[..])),
    )
    .ok()?;
    request.headers_mut().insert(
        "lambda-extension-name",
        HeaderValue::from_static("landfall-edge"),
    );
    let mut line = connect(client.address.socket).await.ok()?;
    let answer = line.sender.send_request(request).await.ok()?;
    let id = answer.headers().get("lambda-extension-identifier").cloned();
    answer.into_body().collect().await.ok()?;
    client.line = Some(line);
    id
}

async fn ask_for_events(client: &mut Client, id: &HeaderValue) -> Result<(), Failure> {
    let path = format!("{EXTENSION}/event/next");
    let content = Either::Left(Full::default());
    let mut request = request(&client.address, &Method::GET, &path, None, content)?;
    let name = "lambda-extension-identifier";
    request.headers_mut().insert(name, id.clone());
    let mut line = client.line().await?;
    line.sender.ready().await.map_err(Failure::broken)?;
    let answer = line.sender.send_request(request).await;
    let answer = answer.map_err(Failure::broken)?;
    let read = answer.into_body().collect().await;
    read.map(drop).map_err(Failure::broken)
}
