//! The edge as a custom runtime of AWS Lambda: invocations instead of connections.
//!
//! The clock of the rules stands still from the request for the next invocation until it is there: Lambda
//! freezes the machine in between, so that nothing that would be due then says anything about the app.

mod client;
mod request;
mod stream;

use crate::clock::wall;
use crate::connection::Guest;
use crate::edge::{Edge, Farewell, Wish};
use crate::gate::KnockPace;
use crate::policy::lambda::api::{self, Failed};
use crate::policy::lambda::pace;
use crate::{prober, run, supervisor};
use client::{Client, Invocation};
use request::Reply;
use rules::edge_contract::invocation_error::{self, When};
use rules::edge_contract::runtime_api::Address;
use rules::time::{Timestamp, readable};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// After an invocation, lines that are not written by then have to wait for the next one.
const LINES: Duration = Duration::from_millis(50);
/// How long a killed app may take to be gone.
const GONE: Duration = Duration::from_millis(500);
/// How long an app may take to answer the question whether it does.
const ASKED: Duration = Duration::from_secs(5);
/// Until it is asked once more.
const ASK_AGAIN: Duration = Duration::from_millis(2);

/// Serves invocations until the end.
pub(crate) async fn serve(edge: Arc<Edge>, address: Address) {
    tokio::spawn({
        let edge = Arc::clone(&edge);
        async move { edge.gate.knock(edge.settings.app, KnockPace::HASTY).await }
    });
    let guest = Guest::new(Arc::clone(&edge), address.socket);
    let mut client = Client::new(address);
    let extension = tokio::spawn(client::extend(client.clone_address()));
    let mut ready = tokio::spawn(await_ready(Arc::clone(&edge)));
    let started = start(&edge, &mut ready).await;
    if let Started::Failed(farewell) = started {
        let kind = invocation_error::app_failed(When::AtStart, farewell.exit);
        let error = invocation_error::to_json(&kind, &farewell.why, &farewell.lines);
        client.fail_start(&kind, error).await;
        return;
    }
    // Who registers later is refused.
    let _ = extension.await;
    drop(guest);
    Runtime {
        edge,
        client,
        ready: matches!(started, Started::Unready).then_some(ready),
        told: None,
        failures: 0,
    }
    .run()
    .await;
}

/// How the init phase ended.
enum Started {
    Ready,
    Unready,
    Failed(Farewell),
}

/// The init phase. The app gets as much of it as Lambda allows, and goes on starting after it.
async fn start(edge: &Edge, ready: &mut JoinHandle<()>) -> Started {
    let within = pace::INIT.saturating_sub(edge.clock.now().since(Default::default()));
    tokio::select! {
        _ = ready => Started::Ready,
        farewell = farewell(edge) => Started::Failed(farewell),
        () = tokio::time::sleep(within) => {
            let (address, hint) = (edge.settings.app, supervisor::hint(edge));
            let within = readable(pace::INIT);
            edge.console.say(&format!(
                "the app has not answered on {address} within {within}{hint}; the first invocation waits for it"
            ));
            Started::Unready
        }
    }
}

/// Waits for an end that nobody has asked for.
async fn farewell(edge: &Edge) -> Farewell {
    let mut farewells = edge.farewell.subscribe();
    let found = farewells.wait_for(Option::is_some).await;
    match found.ok().and_then(|found| found.clone()) {
        Some(farewell) => farewell,
        // The edge itself is gone, and so is whoever asks.
        None => std::future::pending().await,
    }
}

/// Waits for the first answer of the app.
async fn await_ready(edge: Arc<Edge>) {
    loop {
        if edge.gate.wait(ASKED).await
            && let Ok(Ok(())) = tokio::time::timeout(ASKED, prober::ask(&edge)).await
        {
            return edge.gate.answered();
        }
        tokio::time::sleep(ASK_AGAIN).await;
    }
}

/// What serves invocations, one at a time.
struct Runtime {
    edge: Arc<Edge>,
    client: Client,
    /// Until the app has answered for the first time.
    ready: Option<JoinHandle<()>>,
    /// When the last line was written.
    told: Option<Timestamp>,
    /// Of the API, in a row.
    failures: u32,
}

impl Runtime {
    async fn run(mut self) {
        let mut phase = self.edge.phase.subscribe();
        while !self.edge.is_draining() {
            self.edge.clock.hold();
            let next = tokio::select! {
                next = self.client.next() => Some(next),
                _ = phase.wait_for(|phase| phase.is_draining()) => None,
            };
            let pause = self.edge.clock.resume();
            self.edge.app.rested(pause);
            match next {
                None => return,
                Some(Ok(invocation)) => {
                    self.failures = 0;
                    self.invoked(invocation).await;
                }
                Some(Err(failure)) => match api::failed(self.failures, failure.status) {
                    Failed::Again(wait) => {
                        self.failures += 1;
                        tokio::time::sleep(wait).await;
                    }
                    Failed::End => {
                        let why = format!("the Runtime API failed: {}", failure.why);
                        self.edge.wish.send_replace(Wish::End(why));
                        return;
                    }
                },
            }
        }
    }

    /// One invocation, from its request to the lines about it.
    async fn invoked(&mut self, invocation: Invocation) {
        let _open = Guest::new(Arc::clone(&self.edge), self.client.socket());
        let limit = pace::limit(invocation.deadline, wall());
        let end = limit.map(|limit| tokio::time::Instant::now() + limit);
        self.await_app(limit).await;
        let is_ready = self.ready.is_none();
        let left = end.map(|end| end.saturating_duration_since(tokio::time::Instant::now()));
        let reply = tokio::select! {
            biased;
            reply = request::answer(&self.edge, &invocation, left, is_ready) => reply,
            farewell = farewell(&self.edge) => {
                let kind = invocation_error::app_failed(When::Later, farewell.exit);
                let bytes = invocation_error::to_json(&kind, &farewell.why, &farewell.lines);
                Reply::Error { kind, bytes }
            }
        };
        let is_stuck = reply.is_stuck();
        let id = &invocation.id;
        let text = match self.client.reply(id, reply).await {
            Ok(None) => None,
            Ok(Some((cut, sent))) => Some(format!("invocation {id}: {}", cut.why(sent))),
            Err(why) => Some(format!(
                "the answer to invocation {id} was not taken: {why}"
            )),
        };
        if let Some(text) = text {
            self.edge.console.say(&text);
        }
        if is_stuck {
            // Lambda would have thrown the whole sandbox away. The next invocation is not to meet what is
            // left of this one.
            self.edge.wish.send_replace(Wish::Renewal);
            self.edge.gate.wait_for_closing(GONE).await;
        }
        self.tell();
    }

    /// An app that was not ready when the init phase ended has as long as the invocation.
    async fn await_app(&mut self, limit: Option<Duration>) {
        let Some(ready) = &mut self.ready else { return };
        let most = limit.unwrap_or(self.edge.settings.start);
        tokio::select! {
            _ = ready => self.ready = None,
            () = tokio::time::sleep(most) => {}
            _ = farewell(&self.edge) => {}
        }
    }

    /// Writes what has happened, as long as this machine is not frozen.
    fn tell(&mut self) {
        let now = wall();
        if pace::line_is_due(self.edge.settings.summary, self.told, now)
            && run::tell_once(&self.edge)
        {
            self.told = Some(now);
        }
        self.edge.console.flush_within(LINES);
    }
}
