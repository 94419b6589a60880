//! Sends the app requests of the edge's own while there are none of users, to know whether it
//! answers.

use crate::edge::Edge;
use crate::policy::settings::AppProtocol;
use bytes::Bytes;
use http::{Request, header};
use http_body_util::Empty;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;

/// Interval until the app's first answer.
const WHILE_STARTING: Duration = Duration::from_millis(50);
/// Longest interval afterwards, and longest time an answer may take. Both are shorter if the app
/// counts as stuck sooner.
const LONGEST: Duration = Duration::from_secs(5);
/// Longest interval while the app does not answer.
const WHILE_SILENT: Duration = Duration::from_secs(1);

/// Probes the app for ever.
pub(crate) async fn run(edge: Arc<Edge>) {
    let interval = (edge.settings.health.stuck / 3).min(LONGEST);
    loop {
        let seen = edge.readiness.observation(false);
        let wait = match (seen.was_ready, seen.silent_since) {
            (false, _) => WHILE_STARTING,
            (true, None) => interval,
            (true, Some(_)) => interval.min(WHILE_SILENT),
        };
        tokio::time::sleep(wait).await;
        let now = edge.clock.now();
        let answered_since = edge
            .readiness
            .last_answer()
            .is_some_and(|at| now.since(at) < wait);
        // While the app is down, `readiness` itself tries to connect.
        if answered_since || !edge.readiness.wait_until_up(LONGEST).await {
            continue;
        }
        let sent = edge.clock.now();
        if matches!(
            tokio::time::timeout(interval, probe(&edge)).await,
            Ok(Ok(()))
        ) {
            edge.readiness.answered();
            edge.retry_state().circuit.answered();
        } else {
            edge.readiness.unanswered(sent);
        }
    }
}

/// One request over a connection of its own. Any status is an answer: whether answers are good is
/// judged by releases.
pub(crate) async fn probe(edge: &Edge) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let address = edge.app.address();
    let io = TokioIo::new(TcpStream::connect(address).await?);
    let request = Request::get(&edge.settings.ready_path)
        .header(header::HOST, address.to_string())
        .header(header::USER_AGENT, "landfall-edge")
        .header(header::CONNECTION, "close");
    match edge.settings.app_protocol {
        AppProtocol::Http1 => {
            let (mut sender, connection) = http1::handshake(io).await?;
            let driver = tokio::spawn(connection);
            let answer = sender
                .send_request(request.body(Empty::<Bytes>::new())?)
                .await;
            driver.abort();
            answer?;
        }
        AppProtocol::H2c => {
            let (mut sender, connection) = http2::handshake(TokioExecutor::new(), io).await?;
            let driver = tokio::spawn(connection);
            let mut request = request.body(Empty::<Bytes>::new())?;
            request.headers_mut().remove(header::CONNECTION);
            request.headers_mut().remove(header::HOST);
            *request.uri_mut() = format!("http://{address}{}", edge.settings.ready_path).parse()?;
            let answer = sender.send_request(request).await;
            driver.abort();
            answer?;
        }
    }
    Ok(())
}
