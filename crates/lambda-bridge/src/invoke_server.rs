//! Accepts events from fakecloud, one at a time as Lambda does, and answers them.

use crate::child::{Child, Command};
use crate::function::{FunctionContext, LATEST};
use crate::invocation_queue::{Invocation, InvocationQueue};
use crate::log_forwarder::LogForwarder;
use crate::system::{now, unique_id};
use crate::{alias_router, errors};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;

/// Path to which fakecloud posts events
/// (<https://docs.aws.amazon.com/lambda/latest/dg/images-test.html>).
const INVOCATIONS: &str = "/2015-03-31/functions/function/invocations";
/// How long a runtime may take to exit whose start failed or whose time is over.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);
/// How long the last lines may take to be sent.
const LAST_LINES_TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(crate) struct InvokeServer {
    function: Arc<FunctionContext>,
    command: Command,
    api: SocketAddr,
    queue: Arc<InvocationQueue>,
    log: Arc<LogForwarder>,
    /// Held during an invocation.
    turn: tokio::sync::Mutex<()>,
    child: Mutex<Option<Arc<Child>>>,
}

impl InvokeServer {
    pub(crate) fn new(
        function: Arc<FunctionContext>,
        command: Command,
        api: &TcpListener,
    ) -> Result<Arc<InvokeServer>, String> {
        let api = api.local_addr().map_err(|error| error.to_string())?;
        let queue = Arc::new(InvocationQueue::new());
        Ok(Arc::new(InvokeServer {
            log: LogForwarder::new(Arc::clone(&function), Arc::clone(&queue)),
            function,
            command,
            api,
            queue,
            turn: tokio::sync::Mutex::new(()),
            child: Mutex::new(None),
        }))
    }

    pub(crate) fn queue(&self) -> Arc<InvocationQueue> {
        Arc::clone(&self.queue)
    }

    pub(crate) fn log(&self) -> Arc<LogForwarder> {
        Arc::clone(&self.log)
    }

    /// Begins the init phase before the first event. A container that only routes events starts
    /// nothing.
    pub(crate) fn init(&self) {
        if self.function.version != LATEST || self.function.endpoint.is_none() {
            // If this fails, it fails again for the first event, which then reports it.
            let _ = self.start();
        }
    }

    /// Accepts events for ever.
    pub(crate) async fn serve(self: Arc<InvokeServer>, listener: TcpListener) {
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                continue;
            };
            let server = Arc::clone(&self);
            let service = service_fn(move |request| {
                let server = Arc::clone(&server);
                async move { Ok::<_, Infallible>(server.answer(request).await) }
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    }

    /// Stops the command, and sends its last lines.
    pub(crate) async fn shut_down(&self, grace: Duration) {
        let child = self.child().take();
        if let Some(child) = child {
            child.stop(grace).await;
        }
        let _ = tokio::time::timeout(LAST_LINES_TIMEOUT, self.log.send()).await;
    }

    async fn answer(self: Arc<InvokeServer>, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::default());
        if (request.method(), request.uri().path()) != (&Method::POST, INVOCATIONS) {
            *response.status_mut() = StatusCode::NOT_FOUND;
            return response;
        }
        let Ok(event) = request.into_body().collect().await else {
            *response.status_mut() = StatusCode::BAD_REQUEST;
            return response;
        };
        // In a task of its own: an invocation does not end when its caller disconnects.
        let invocation = tokio::spawn(async move { self.invoke(event.to_bytes()).await });
        match invocation.await {
            Ok(body) => *response.body_mut() = Full::new(body),
            Err(_) => *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR,
        }
        let json = http::HeaderValue::from_static("application/json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        response
    }

    /// One invocation: the runtime's reply, or an error.
    async fn invoke(&self, event: Bytes) -> Bytes {
        if let Some(answer) = alias_router::route(&self.function, &event).await {
            return answer;
        }
        let _turn = self.turn.lock().await;
        let id = unique_id();
        let deadline = now().plus(self.function.timeout);
        loop {
            let child = match self.start() {
                Ok(child) => child,
                Err(error) => {
                    let message =
                        format!("RequestId: {id} Error: the command does not start: {error}");
                    return errors::error("Runtime.InvalidEntrypoint", &message).into();
                }
            };
            let has_served = self.queue.is_initialised();
            let replied = self.queue.put(Invocation {
                id: id.clone(),
                deadline,
                event: event.clone(),
            });
            let left = deadline.since(now());
            let error = tokio::select! {
                biased;
                Ok(reply) = replied => return reply,
                () = self.queue.start_failed() => {
                    child.stop(STOP_TIMEOUT).await;
                    None
                }
                how = child.wait() => {
                    // It had ended before it could fetch the event: a new one gets it.
                    if has_served && self.queue.is_waiting() {
                        continue;
                    }
                    Some(errors::exited(&id, &how))
                }
                () = tokio::time::sleep(left) => {
                    child.stop(STOP_TIMEOUT).await;
                    Some(errors::timed_out(&id, self.function.timeout))
                }
            };
            // The next event gets a new process.
            self.child().take();
            let start_error = self.queue.start_error();
            return start_error.unwrap_or_else(|| error.unwrap_or_default().into());
        }
    }

    /// The running command; starts it if there is none. A process that has served and ended since
    /// is replaced silently; one that failed to start is kept, so that the next event reports it.
    fn start(&self) -> std::io::Result<Arc<Child>> {
        let mut held = self.child();
        let has_ended = held.as_ref().is_some_and(|child| child.ended().is_some());
        if has_ended && self.queue.is_initialised() && self.queue.start_error().is_none() {
            *held = None;
        }
        if let Some(child) = held.as_ref() {
            return Ok(Arc::clone(child));
        }
        self.queue.runtime_starts();
        let child = Child::start(&self.command, &self.function, self.api, &self.log)?;
        Ok(Arc::clone(held.insert(Arc::new(child))))
    }

    fn child(&self) -> MutexGuard<'_, Option<Arc<Child>>> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
