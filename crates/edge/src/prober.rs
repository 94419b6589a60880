//! Asks the app whether it answers, as long as users don't.

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

/// Until the first answer.
const WHILE_STARTING: Duration = Duration::from_millis(50);
/// Afterwards, as long as users keep quiet; and how long an answer may take. Both are shorter if the app
/// is to be found stuck sooner.
const AT_MOST: Duration = Duration::from_secs(5);
/// While it does not answer.
const WHILE_SILENT: Duration = Duration::from_secs(1);

/// Asks for ever.
pub(crate) async fn run(edge: Arc<Edge>) {
    let pace = (edge.settings.health.stuck / 3).min(AT_MOST);
    loop {
        let seen = edge.gate.seen(false);
        let wait = match (seen.was_ready, seen.silent_since) {
            (false, _) => WHILE_STARTING,
            (true, None) => pace,
            (true, Some(_)) => pace.min(WHILE_SILENT),
        };
        tokio::time::sleep(wait).await;
        let now = edge.clock.now();
        let is_known = edge
            .gate
            .last_answer()
            .is_some_and(|at| now.since(at) < wait);
        // Without connections there is nothing to ask; the gate knocks by itself.
        if is_known || !edge.gate.wait(AT_MOST).await {
            continue;
        }
        let asked = edge.clock.now();
        if matches!(tokio::time::timeout(pace, ask(&edge)).await, Ok(Ok(()))) {
            edge.gate.answered();
            edge.guard().circuit.answered();
        } else {
            edge.gate.unanswered(asked);
        }
    }
}

/// One question over a connection of its own. Any status is an answer: it says that the app works on
/// requests, and whether its answers are good is for releases to judge.
pub(crate) async fn ask(edge: &Edge) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let address = edge.app.address();
    let io = TokioIo::new(TcpStream::connect(address).await?);
    let request = Request::get(&edge.settings.ready_path)
        .header(header::HOST, address.to_string())
        .header(header::USER_AGENT, "landfall-edge")
        .header(header::CONNECTION, "close");
    match edge.settings.app_protocol {
        AppProtocol::Http1 => {
            let (mut line, connection) = http1::handshake(io).await?;
            let driver = tokio::spawn(connection);
            let answer = line
                .send_request(request.body(Empty::<Bytes>::new())?)
                .await;
            driver.abort();
            answer?;
        }
        AppProtocol::H2c => {
            let (mut line, connection) = http2::handshake(TokioExecutor::new(), io).await?;
            let driver = tokio::spawn(connection);
            let mut request = request.body(Empty::<Bytes>::new())?;
            request.headers_mut().remove(header::CONNECTION);
            request.headers_mut().remove(header::HOST);
            *request.uri_mut() = format!("http://{address}{}", edge.settings.ready_path).parse()?;
            let answer = line.send_request(request).await;
            driver.abort();
            answer?;
        }
    }
    Ok(())
}
