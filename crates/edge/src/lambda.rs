//! The edge as a custom runtime of AWS Lambda: it serves invocations instead of connections.
//!
//! The policy's clock is paused between invocations: Lambda freezes the machine meanwhile, so what
//! would be due then gives no information about the app.

mod event_handler;
mod invocation;
mod runtime_client;
mod streamed_body;
pub(crate) mod unreleased;

use crate::client::Client;
use crate::clock::wall_clock;
use crate::edge::{Edge, ShutdownReason, SupervisorRequest};
use crate::policy::lambda::api_failure::{self, OnFailure};
use crate::policy::lambda::timing;
use crate::port_hint::port_hint;
use crate::readiness::Backoff;
use crate::{prober, summary_log};
use edge_contract::invocation_error::{self, When};
use edge_contract::runtime_api::Address;
use edge_contract::time::{Timestamp, readable};
use invocation::{Invocation, Reply};
use runtime_client::RuntimeClient;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// How long an invocation waits for its lines to be written. Later lines wait for the next
/// invocation.
const FLUSH_TIMEOUT: Duration = Duration::from_millis(50);
/// How long a killed app may take to end.
const KILL_TIMEOUT: Duration = Duration::from_millis(500);
/// How long the app may take to answer a probe while it starts.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);
/// Pause before the next probe.
const PROBE_INTERVAL: Duration = Duration::from_millis(2);

/// The first requests of an instance are slow whatever the version: connections to databases, just-in-time
/// compilation. Their times are not compared.
const COLD_REQUESTS: u32 = 3;

/// Serves invocations until the shutdown.
pub(crate) async fn serve(edge: Arc<Edge>, address: Address) {
    edge.counters.set_cold(COLD_REQUESTS);
    tokio::spawn({
        let edge = Arc::clone(&edge);
        async move {
            edge.readiness
                .watch(edge.settings.app, Backoff::LAMBDA)
                .await;
        }
    });
    // Counts as an open connection, so that a drain waits for it.
    let open = Client::new(Arc::clone(&edge), address.socket);
    let extension = tokio::spawn(runtime_client::register_extension(address.clone()));
    let mut client = RuntimeClient::new(address);
    let mut ready = tokio::spawn(await_ready(Arc::clone(&edge)));
    let init = init(&edge, &mut ready).await;
    if let Init::Failed(reason) = init {
        let error_type = invocation_error::app_failed(When::AtStart, reason.exit);
        let error = invocation_error::to_json(&error_type, &reason.message, &reason.lines);
        client.fail_start(&error_type, error).await;
        return;
    }
    // Lambda refuses extensions that register later.
    let _ = extension.await;
    drop(open);
    Runtime {
        edge,
        client,
        ready: matches!(init, Init::NotReady).then_some(ready),
        logged_at: None,
        failures: 0,
    }
    .run()
    .await;
}

/// How the init phase ended.
enum Init {
    Ready,
    NotReady,
    Failed(ShutdownReason),
}

/// The init phase. The app gets as much of it as Lambda allows, and continues to start afterwards.
async fn init(edge: &Edge, ready: &mut JoinHandle<()>) -> Init {
    let within = timing::INIT.saturating_sub(process_age());
    tokio::select! {
        _ = ready => Init::Ready,
        reason = shutdown_reason(edge) => Init::Failed(reason),
        () = tokio::time::sleep(within) => {
            let (address, hint) = (edge.settings.app, port_hint(&edge.settings));
            let within = readable(timing::INIT);
            edge.stdio.log(&format!(
                "the app has not answered on {address} within {within}{hint}; the first invocation waits for it"
            ));
            Init::NotReady
        }
    }
}

/// How long this process exists. `landfall-secrets`, which fetches the app's secrets in the same init phase,
/// replaces itself by the edge, so its time counts.
fn process_age() -> Duration {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let ticks = rustix::param::clock_ticks_per_second();
    timing::process_age(&read("/proc/self/stat"), &read("/proc/uptime"), ticks).unwrap_or_default()
}

/// Waits for a shutdown that no signal asked for.
async fn shutdown_reason(edge: &Edge) -> ShutdownReason {
    let mut reasons = edge.shutdown_reason.subscribe();
    let found = reasons.wait_for(Option::is_some).await;
    match found.ok().and_then(|found| found.clone()) {
        Some(reason) => reason,
        // The edge is gone, and the caller soon will be.
        None => std::future::pending().await,
    }
}

/// Waits for the app's first answer.
async fn await_ready(edge: Arc<Edge>) {
    loop {
        if edge.readiness.wait_until_up(PROBE_TIMEOUT).await
            && let Ok(Ok(())) = tokio::time::timeout(PROBE_TIMEOUT, prober::probe(&edge)).await
        {
            return edge.readiness.answered();
        }
        tokio::time::sleep(PROBE_INTERVAL).await;
    }
}

/// Serves invocations, one at a time.
struct Runtime {
    edge: Arc<Edge>,
    client: RuntimeClient,
    /// Until the app has answered for the first time.
    ready: Option<JoinHandle<()>>,
    /// When the last summary line was written.
    logged_at: Option<Timestamp>,
    /// Failures of the Runtime API in a row.
    failures: u32,
}

impl Runtime {
    async fn run(mut self) {
        let mut phase = self.edge.phase.subscribe();
        while !self.edge.is_draining() {
            self.edge.clock.pause();
            let next = tokio::select! {
                next = self.client.next() => Some(next),
                _ = phase.wait_for(|phase| phase.is_draining()) => None,
            };
            let pause = self.edge.clock.resume();
            self.edge.app.resumed_after(pause);
            match next {
                None => return,
                Some(Ok(invocation)) => {
                    self.failures = 0;
                    self.invoke(invocation).await;
                }
                Some(Err(failure)) => {
                    match api_failure::on_failure(self.failures, failure.status) {
                        OnFailure::RetryAfter(pause) => {
                            self.failures += 1;
                            tokio::time::sleep(pause).await;
                        }
                        OnFailure::ShutDown => {
                            let why = format!("the Runtime API failed: {}", failure.why);
                            self.edge
                                .supervisor_request
                                .send_replace(SupervisorRequest::Shutdown(why));
                            return;
                        }
                    }
                }
            }
        }
    }

    /// One invocation, from its event to the lines about it.
    async fn invoke(&mut self, invocation: Invocation) {
        let _open = Client::new(Arc::clone(&self.edge), self.client.socket());
        let limit = timing::limit(invocation.deadline, wall_clock());
        let end = limit.map(|limit| tokio::time::Instant::now() + limit);
        self.await_app(limit).await;
        let is_ready = self.ready.is_none();
        let left = end.map(|end| end.saturating_duration_since(tokio::time::Instant::now()));
        let reply = tokio::select! {
            biased;
            reply = event_handler::handle(&self.edge, &invocation, left, is_ready) => reply,
            reason = shutdown_reason(&self.edge) => {
                let error_type = invocation_error::app_failed(When::Later, reason.exit);
                let bytes = invocation_error::to_json(&error_type, &reason.message, &reason.lines);
                Reply::Error { error_type, bytes }
            }
        };
        let is_stuck = reply.is_stuck();
        let id = &invocation.id;
        let text = match self.client.reply(id, reply).await {
            Ok(None) => None,
            Ok(Some((why, sent))) => Some(format!("invocation {id}: {}", why.message(sent))),
            Err(why) => Some(format!(
                "the Runtime API did not accept the answer to invocation {id}: {why}"
            )),
        };
        if let Some(text) = text {
            self.edge.stdio.log(&text);
        }
        if is_stuck {
            // After a timeout, Lambda itself would discard the whole sandbox. Here only the app is
            // restarted, so that the next invocation does not meet the rest of this one.
            self.edge
                .supervisor_request
                .send_replace(SupervisorRequest::RestartApp);
            self.edge.readiness.wait_until_down(KILL_TIMEOUT).await;
        }
        self.write_lines();
    }

    /// If the app was not ready when the init phase ended, waits for it as long as the invocation
    /// allows.
    async fn await_app(&mut self, limit: Option<Duration>) {
        let Some(ready) = &mut self.ready else { return };
        let within = limit.unwrap_or(self.edge.settings.start);
        tokio::select! {
            _ = ready => self.ready = None,
            () = tokio::time::sleep(within) => {}
            _ = shutdown_reason(&self.edge) => {}
        }
    }

    /// Writes the lines about what happened, before the machine is frozen.
    fn write_lines(&mut self) {
        let now = wall_clock();
        if timing::line_is_due(self.edge.settings.summary, self.logged_at, now)
            && summary_log::write(&self.edge)
        {
            self.logged_at = Some(now);
        }
        self.edge.stdio.flush_within(FLUSH_TIMEOUT);
    }
}
