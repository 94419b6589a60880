//! WebSockets and whatever else a connection is upgraded to.

use crate::answer::{Account, UserBody};
use crate::connection::Guest;
use crate::policy::drain::Phase;
use crate::policy::websocket::{Frames, GOING_AWAY};
use crate::shield::Answer;
use bytes::Bytes;
use http::{HeaderValue, Response, header};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use rules::edge_contract::bucket::Outcome;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;

/// What is moved at once. Small: a thousand WebSockets have two each.
const PIECE: usize = 4 * 1024;

/// Passes the app's `101` on and joins the two connections behind it.
pub(crate) fn open(
    guest: &Arc<Guest>,
    client: OnUpgrade,
    mut answer: Answer,
    mut account: Account,
) -> Response<UserBody> {
    let app = hyper::upgrade::on(&mut answer.response);
    let (mut parts, _) = answer.response.into_parts();
    parts.extensions.clear();
    let to = parts.headers.get(header::UPGRADE).cloned();
    let is_websocket = to
        .as_ref()
        .is_some_and(|to| to.as_bytes().eq_ignore_ascii_case(b"websocket"));
    parts
        .headers
        .insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    if let Some(entry) = &mut account.log {
        entry.status = parts.status.as_u16();
    }
    account.close(Outcome::Good, 0);
    let guest = Arc::clone(guest);
    tokio::spawn(async move {
        // The connection counts as open until the tunnel has ended: `guest` goes with it.
        let phase = guest.edge.phase.subscribe();
        let silence = guest.edge.settings.clients.stream_idle;
        if let (Ok(client), Ok(app)) = tokio::join!(client, app) {
            let (client_in, client_out) = tokio::io::split(TokioIo::new(client));
            let (app_in, app_out) = tokio::io::split(TokioIo::new(app));
            let leaving = is_websocket.then(|| phase.clone());
            let both = async {
                tokio::join!(
                    carry(client_in, app_out, None, silence),
                    carry(app_in, client_out, leaving, silence)
                )
            };
            tokio::select! {
                _ = both => {}
                () = cut_off(phase) => {}
            }
        }
        drop(guest);
    });
    Response::from_parts(parts, UserBody::Own(None::<Bytes>))
}

/// Waits for the moment when what is left is cut off.
async fn cut_off(mut phase: watch::Receiver<Phase>) {
    let is_over = |phase: &Phase| matches!(phase, Phase::StoppingApp { .. } | Phase::Gone);
    if phase.wait_for(is_over).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Moves bytes until one side ends. With `leaving`, the stream is a WebSocket's way to its client, which
/// is told with a close frame when the task is about to end; nothing may follow that.
async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut leaving: Option<watch::Receiver<Phase>>,
    silence: Option<Duration>,
) {
    let mut piece = vec![0; PIECE];
    let mut frames = Frames::default();
    let mut is_leaving = false;
    let mut has_left = false;
    loop {
        if is_leaving && !has_left && frames.may_close() {
            has_left = true;
            if to.write_all(&GOING_AWAY).await.is_err() || to.flush().await.is_err() {
                break;
            }
        }
        let read = async {
            match silence {
                None => from.read(&mut piece).await,
                Some(limit) => {
                    let read = tokio::time::timeout(limit, from.read(&mut piece)).await;
                    read.unwrap_or(Ok(0))
                }
            }
        };
        let count = tokio::select! {
            count = read => count,
            () = ending(&mut leaving), if !is_leaving => {
                is_leaving = true;
                continue;
            }
        };
        let Ok(count @ 1..) = count else { break };
        if has_left {
            continue;
        }
        let bytes = piece.get(..count).unwrap_or_default();
        if leaving.is_some() {
            frames.pass(bytes);
        }
        let written = async { to.write_all(bytes).await.is_ok() && to.flush().await.is_ok() };
        let is_written = match silence {
            None => written.await,
            Some(limit) => tokio::time::timeout(limit, written).await.unwrap_or(false),
        };
        if !is_written {
            break;
        }
    }
    let _ = to.shutdown().await;
}

/// Waits for the moment when WebSockets are asked to go.
async fn ending(phase: &mut Option<watch::Receiver<Phase>>) {
    let is_ending = |phase: &Phase| matches!(phase, Phase::Ending { .. });
    if let Some(phase) = phase
        && phase.wait_for(is_ending).await.is_ok()
    {
        return;
    }
    std::future::pending().await
}
