//! Takes events from fakecloud, one at a time as Lambda does, and answers them.

use crate::child::{Child, Command};
use crate::desk::{Desk, Invocation};
use crate::function::{self, INVOCATIONS, Place};
use crate::log::Log;
use crate::{now, switch, unique};
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

/// How long a runtime whose start failed, or whose time is over, may take to end.
const GRACE: Duration = Duration::from_secs(2);
/// Lines written last go out within this, or not at all.
const LAST_LINES: Duration = Duration::from_secs(2);

/// The way in.
#[derive(Debug)]
pub(crate) struct Front {
    place: Arc<Place>,
    command: Command,
    api: SocketAddr,
    desk: Arc<Desk>,
    log: Arc<Log>,
    /// Held for as long as an invocation lasts.
    turn: tokio::sync::Mutex<()>,
    child: Mutex<Option<Arc<Child>>>,
}

impl Front {
    pub(crate) fn new(
        place: Arc<Place>,
        command: Command,
        api: &TcpListener,
    ) -> Result<Arc<Front>, String> {
        let api = api.local_addr().map_err(|error| error.to_string())?;
        let desk = Arc::new(Desk::new());
        Ok(Arc::new(Front {
            log: Log::new(Arc::clone(&place), Arc::clone(&desk)),
            place,
            command,
            api,
            desk,
            turn: tokio::sync::Mutex::new(()),
            child: Mutex::new(None),
        }))
    }

    pub(crate) fn desk(&self) -> Arc<Desk> {
        Arc::clone(&self.desk)
    }

    pub(crate) fn log(&self) -> Arc<Log> {
        Arc::clone(&self.log)
    }

    /// The init phase begins before the first event. What only passes events on starts nothing.
    pub(crate) fn begin(&self) {
        if self.place.version != function::LATEST || self.place.endpoint.is_none() {
            // If it fails, it fails for the first event as well, which is then told why.
            let _ = self.start();
        }
    }

    /// Takes events for ever.
    pub(crate) async fn serve(self: Arc<Front>, listener: TcpListener) {
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                continue;
            };
            let front = Arc::clone(&self);
            let service = service_fn(move |request| {
                let front = Arc::clone(&front);
                async move { Ok::<_, Infallible>(front.answer(request).await) }
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    }

    /// Ends the command, and sends its last lines.
    pub(crate) async fn end(&self, grace: Duration) {
        let child = self.child().take();
        if let Some(child) = child {
            child.stop(grace).await;
        }
        let _ = tokio::time::timeout(LAST_LINES, self.log.send()).await;
    }

    async fn answer(self: Arc<Front>, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::default());
        if (request.method(), request.uri().path()) != (&Method::POST, INVOCATIONS) {
            *response.status_mut() = StatusCode::NOT_FOUND;
            return response;
        }
        let Ok(event) = request.into_body().collect().await else {
            *response.status_mut() = StatusCode::BAD_REQUEST;
            return response;
        };
        // A caller who goes away does not end an invocation.
        let invocation = tokio::spawn(async move { self.invoke(event.to_bytes()).await });
        match invocation.await {
            Ok(body) => *response.body_mut() = Full::new(body),
            Err(_) => *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR,
        }
        let json = http::HeaderValue::from_static("application/json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        response
    }

    /// One invocation: what the runtime says to it, or why it cannot.
    async fn invoke(&self, event: Bytes) -> Bytes {
        if let Some(answer) = switch::pass_on(&self.place, &event).await {
            return answer;
        }
        let _turn = self.turn.lock().await;
        let id = unique();
        let deadline = now().plus(self.place.timeout);
        loop {
            let child = match self.start() {
                Ok(child) => child,
                Err(error) => {
                    let message =
                        format!("RequestId: {id} Error: the command does not start: {error}");
                    return function::failure("Runtime.InvalidEntrypoint", &message).into();
                }
            };
            let has_served = self.desk.is_initialised();
            let replied = self.desk.put(Invocation {
                id: id.clone(),
                deadline,
                event: event.clone(),
            });
            let left = deadline.since(now());
            let error = tokio::select! {
                biased;
                Ok(reply) = replied => return reply,
                () = self.desk.start_failed() => {
                    child.stop(GRACE).await;
                    None
                }
                how = child.wait() => {
                    // It was gone already when the event came, and nobody has seen that event.
                    if has_served && self.desk.is_waiting() {
                        continue;
                    }
                    Some(function::exited(&id, &how))
                }
                () = tokio::time::sleep(left) => {
                    child.stop(GRACE).await;
                    Some(function::timed_out(&id, self.place.timeout))
                }
            };
            // Told of once; the next event gets a new one.
            self.child().take();
            let told = self.desk.start_error();
            return told.unwrap_or_else(|| error.unwrap_or_default().into());
        }
    }

    /// The running command; starts it if there is none. One that has served and ended meanwhile is
    /// replaced without a word; one that never came up is left for the next event to be told of.
    fn start(&self) -> std::io::Result<Arc<Child>> {
        let mut held = self.child();
        let is_over = held.as_ref().is_some_and(|child| child.ended().is_some());
        if is_over && self.desk.is_initialised() && self.desk.start_error().is_none() {
            *held = None;
        }
        if let Some(child) = held.as_ref() {
            return Ok(Arc::clone(child));
        }
        self.desk.begin();
        let child = Child::start(&self.command, &self.place, self.api, &self.log)?;
        Ok(Arc::clone(held.insert(Arc::new(child))))
    }

    fn child(&self) -> MutexGuard<'_, Option<Arc<Child>>> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
