//! A client of the Runtime API, and of as much of the Extensions API as is needed to get SIGTERM.

use super::invocation::{Invocation, Reply};
use super::streamed_body::{StreamEnd, StreamedBody};
use crate::policy::lambda::stream::{self, Truncation};
use bytes::Bytes;
use edge_contract::runtime_api::{self, Address};
use edge_contract::time::Timestamp;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Either, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

const RUNTIME: &str = "/2018-06-01/runtime";
const EXTENSION: &str = "/2020-01-01/extension";
const ERROR_TYPE: &str = "lambda-runtime-function-error-type";
/// Emulators without extensions may not answer at all.
const REGISTER_TIMEOUT: Duration = Duration::from_millis(500);

/// A failed call of the API.
#[derive(Debug)]
pub(super) struct ApiError {
    /// The status, if there was an answer.
    pub(super) status: Option<u16>,
    pub(super) why: String,
}

impl ApiError {
    fn broken(why: impl std::fmt::Display) -> ApiError {
        ApiError {
            status: None,
            why: why.to_string(),
        }
    }
}

/// The body of a request: complete, or streamed.
type RequestBody = Either<Full<Bytes>, Box<StreamedBody>>;

#[derive(Debug)]
struct Connection {
    sender: SendRequest<RequestBody>,
    task: AbortHandle,
}

/// The client. It keeps one connection, and replaces it when it breaks.
#[derive(Debug)]
pub(super) struct RuntimeClient {
    address: Address,
    connection: Option<Connection>,
}

impl RuntimeClient {
    pub(super) fn new(address: Address) -> RuntimeClient {
        RuntimeClient {
            address,
            connection: None,
        }
    }

    pub(super) fn socket(&self) -> SocketAddr {
        self.address.socket
    }

    /// Waits for the next invocation, however long that takes.
    pub(super) async fn next(&mut self) -> Result<Invocation, ApiError> {
        let path = format!("{RUNTIME}/invocation/next");
        let answer = self.call(Method::GET, &path, None, Bytes::new()).await?;
        let answer = accepted(answer)?;
        let (parts, body) = answer.into_parts();
        let text = |name: &str| {
            let value = parts.headers.get(name)?;
            value.to_str().ok()
        };
        let id = text("lambda-runtime-aws-request-id").filter(|id| runtime_api::is_id(id));
        let id = id.ok_or_else(|| ApiError::broken("an invocation has no valid id"))?;
        let deadline = text("lambda-runtime-deadline-ms").and_then(|ms| ms.trim().parse().ok());
        let event = body.collect().await.map_err(ApiError::broken)?.to_bytes();
        Ok(Invocation {
            id: id.to_owned(),
            deadline: deadline.map(Timestamp),
            trace: parts.headers.get("lambda-runtime-trace-id").cloned(),
            event,
        })
    }

    /// Sends the reply to an invocation. Returns why and after how many bytes a streamed answer was
    /// truncated.
    pub(super) async fn reply(
        &mut self,
        id: &str,
        reply: Reply,
    ) -> Result<Option<(Truncation, u64)>, String> {
        let (path, error_type, bytes) = match reply {
            Reply::Stream { body, end, .. } => return self.stream(id, body, end).await,
            Reply::Response { bytes, .. } => ("response", None, bytes),
            Reply::Error { error_type, bytes } => ("error", Some(error_type), bytes),
        };
        let path = format!("{RUNTIME}/invocation/{id}/{path}");
        let answer = self
            .call(Method::POST, &path, error_type.as_deref(), bytes.into())
            .await;
        self.finish(answer).await.map(|()| None)
    }

    async fn stream(
        &mut self,
        id: &str,
        body: Box<StreamedBody>,
        end: oneshot::Receiver<StreamEnd>,
    ) -> Result<Option<(Truncation, u64)>, String> {
        let path = format!("{RUNTIME}/invocation/{id}/response");
        let request = request(
            &self.address,
            &Method::POST,
            &path,
            None,
            Either::Right(body),
        );
        let mut request = request.map_err(|error| error.why)?;
        let headers = request.headers_mut();
        let (mode, streaming) = stream::MODE;
        headers.insert(mode, HeaderValue::from_static(streaming));
        let content_type = HeaderValue::from_static(stream::CONTENT_TYPE);
        headers.insert(header::CONTENT_TYPE, content_type);
        for trailer in [stream::ERROR_TYPE, stream::ERROR_BODY] {
            headers.append(header::TRAILER, HeaderValue::from_static(trailer));
        }
        let sent = self.send_once(request).await;
        let (connection, answer) = sent.map_err(|error| error.why)?;
        let finished = self.finish(Ok(answer)).await;
        match finished {
            // The answer may arrive before the stream ends, and does not cover the rest. The
            // documentation requires that the connection is closed; it closes when all is written.
            Ok(()) => {
                drop(connection.sender);
                let end = end.await.map_err(|_| "it broke off".to_owned());
                end.map(Result::err)
            }
            Err(why) => {
                connection.task.abort();
                Err(why)
            }
        }
    }

    /// Reports that the start has failed.
    pub(super) async fn fail_start(&mut self, error_type: &str, error: Vec<u8>) {
        let path = format!("{RUNTIME}/init/error");
        let answer = self
            .call(Method::POST, &path, Some(error_type), error.into())
            .await;
        // If this fails: the process exits next, and Lambda reports that.
        let _ = self.finish(answer).await;
    }

    async fn finish(&mut self, answer: Result<Response<Incoming>, ApiError>) -> Result<(), String> {
        let answer = answer.and_then(accepted).map_err(|error| error.why)?;
        // After the end of the answer, the connection can be used again.
        let read = answer.into_body().collect().await;
        read.map(drop).map_err(|error| error.to_string())
    }

    /// One call. It is repeated if the kept connection turns out to be closed.
    async fn call(
        &mut self,
        method: Method,
        path: &str,
        error_type: Option<&str>,
        body: Bytes,
    ) -> Result<Response<Incoming>, ApiError> {
        let is_kept = self.connection.is_some();
        let answer = self.send(&method, path, error_type, body.clone()).await;
        match answer {
            Err(_) if is_kept => self.send(&method, path, error_type, body).await,
            answer => answer,
        }
    }

    async fn send(
        &mut self,
        method: &Method,
        path: &str,
        error_type: Option<&str>,
        body: Bytes,
    ) -> Result<Response<Incoming>, ApiError> {
        let body = Either::Left(Full::new(body));
        let request = request(&self.address, method, path, error_type, body)?;
        let mut connection = self.connection().await?;
        connection.sender.ready().await.map_err(ApiError::broken)?;
        let answer = connection.sender.send_request(request).await;
        let answer = answer.map_err(ApiError::broken)?;
        self.connection = Some(connection);
        Ok(answer)
    }

    /// Sends a request that must not be sent twice: it is sent over another connection only if no
    /// byte of it has left.
    async fn send_once(
        &mut self,
        mut request: Request<RequestBody>,
    ) -> Result<(Connection, Response<Incoming>), ApiError> {
        loop {
            let is_kept = self.connection.is_some();
            let mut connection = self.connection().await?;
            // If it is closed, sending fails and returns the request.
            let _ = connection.sender.ready().await;
            match connection.sender.try_send_request(request).await {
                Ok(answer) => return Ok((connection, answer)),
                Err(mut error) => match error.take_message() {
                    Some(unsent) if is_kept => request = unsent,
                    _ => return Err(ApiError::broken(error.into_error())),
                },
            }
        }
    }

    /// The kept connection, or a new one.
    async fn connection(&mut self) -> Result<Connection, ApiError> {
        match self.connection.take() {
            Some(connection) => Ok(connection),
            None => connect(self.address.socket).await,
        }
    }
}

fn request(
    address: &Address,
    method: &Method,
    path: &str,
    error_type: Option<&str>,
    body: RequestBody,
) -> Result<Request<RequestBody>, ApiError> {
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
    if let Some(error_type) = error_type {
        request = request.header(ERROR_TYPE, error_type);
    }
    request.body(body).map_err(ApiError::broken)
}

async fn connect(socket: SocketAddr) -> Result<Connection, ApiError> {
    let stream = TcpStream::connect(socket).await;
    let stream = stream.map_err(ApiError::broken)?;
    let _ = stream.set_nodelay(true);
    let io = TokioIo::new(stream);
    let (sender, connection) = http1::handshake(io).await.map_err(ApiError::broken)?;
    let task = tokio::spawn(connection).abort_handle();
    Ok(Connection { sender, task })
}

fn accepted(answer: Response<Incoming>) -> Result<Response<Incoming>, ApiError> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let why = match status {
        StatusCode::PAYLOAD_TOO_LARGE => "it is too long".to_owned(),
        status => format!("status {status}"),
    };
    Err(ApiError {
        status: Some(status.as_u16()),
        why,
    })
}

/// Registers as an extension without events: Lambda sends SIGTERM only to functions that have one.
pub(super) async fn register_extension(address: Address) {
    let mut client = RuntimeClient::new(address);
    let registered = tokio::time::timeout(REGISTER_TIMEOUT, register(&mut client)).await;
    if let Ok(Some(id)) = registered {
        // The init phase lasts until every extension has asked for its next event. None will come.
        tokio::spawn(async move {
            let _ = next_event(&mut client, &id).await;
        });
    }
}

async fn register(client: &mut RuntimeClient) -> Option<HeaderValue> {
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
    let mut connection = connect(client.address.socket).await.ok()?;
    let answer = connection.sender.send_request(request).await.ok()?;
    let id = answer.headers().get("lambda-extension-identifier").cloned();
    answer.into_body().collect().await.ok()?;
    client.connection = Some(connection);
    id
}

async fn next_event(client: &mut RuntimeClient, id: &HeaderValue) -> Result<(), ApiError> {
    let path = format!("{EXTENSION}/event/next");
    let body = Either::Left(Full::default());
    let mut request = request(&client.address, &Method::GET, &path, None, body)?;
    let name = "lambda-extension-identifier";
    request.headers_mut().insert(name, id.clone());
    let mut connection = client.connection().await?;
    connection.sender.ready().await.map_err(ApiError::broken)?;
    let answer = connection.sender.send_request(request).await;
    let answer = answer.map_err(ApiError::broken)?;
    let read = answer.into_body().collect().await;
    read.map(drop).map_err(ApiError::broken)
}
