//! WebSockets, and other connections that are upgraded.

use crate::client::Client;
use crate::policy::drain::Phase;
use crate::policy::websocket::{Frames, GOING_AWAY};
use crate::request_record::RequestRecord;
use crate::response_body::ResponseBody;
use crate::retry::AppResponse;
use bytes::Bytes;
use edge_contract::bucket::Outcome;
use http::{HeaderValue, Response, header};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;

/// Size of a buffer. Small, as each WebSocket has two.
const BUFFER: usize = 4 * 1024;

/// Forwards the app's `101`, then copies bytes between the two connections.
pub(crate) fn open(
    client: &Arc<Client>,
    upgrade: OnUpgrade,
    mut answer: AppResponse,
    mut record: RequestRecord,
) -> Response<ResponseBody> {
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
    if let Some(entry) = &mut record.log {
        entry.status = parts.status.as_u16();
    }
    record.finish(Outcome::Good, 0);
    // The connection counts as open until this task drops the client.
    let client = Arc::clone(client);
    tokio::spawn(async move {
        let phase = client.edge.phase.subscribe();
        let silence = client.edge.settings.clients.stream_idle;
        if let (Ok(user), Ok(app)) = tokio::join!(upgrade, app) {
            let (user_in, user_out) = tokio::io::split(TokioIo::new(user));
            let (app_in, app_out) = tokio::io::split(TokioIo::new(app));
            let drain = is_websocket.then(|| phase.clone());
            let both = async {
                tokio::join!(
                    copy(user_in, app_out, None, silence),
                    copy(app_in, user_out, drain, silence)
                )
            };
            tokio::select! {
                _ = both => {}
                () = drain_over(phase) => {}
            }
        }
        drop(client);
    });
    Response::from_parts(parts, ResponseBody::Own(None::<Bytes>))
}

/// Waits until the drain is over, when remaining connections are cut off.
async fn drain_over(mut phase: watch::Receiver<Phase>) {
    let is_over = |phase: &Phase| matches!(phase, Phase::StoppingApp { .. } | Phase::Done);
    if phase.wait_for(is_over).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Copies bytes until one side ends. With `drain`, the stream is that of a WebSocket to its client:
/// when the drain begins, a close frame is sent between two frames, and nothing after it.
async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut drain: Option<watch::Receiver<Phase>>,
    silence: Option<Duration>,
) {
    let mut buffer = vec![0; BUFFER];
    let mut frames = Frames::default();
    let mut is_draining = false;
    let mut is_closed = false;
    loop {
        if is_draining && !is_closed && frames.may_close() {
            is_closed = true;
            if to.write_all(&GOING_AWAY).await.is_err() || to.flush().await.is_err() {
                break;
            }
        }
        let read = async {
            match silence {
                None => from.read(&mut buffer).await,
                Some(limit) => {
                    let read = tokio::time::timeout(limit, from.read(&mut buffer)).await;
                    read.unwrap_or(Ok(0))
                }
            }
        };
        let count = tokio::select! {
            count = read => count,
            () = drain_begins(&mut drain), if !is_draining => {
                is_draining = true;
                continue;
            }
        };
        let Ok(count @ 1..) = count else { break };
        if is_closed {
            continue;
        }
        let bytes = buffer.get(..count).unwrap_or_default();
        if drain.is_some() {
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

/// Waits until requests in flight, and so WebSockets, are asked to end.
async fn drain_begins(phase: &mut Option<watch::Receiver<Phase>>) {
    let is_draining = |phase: &Phase| matches!(phase, Phase::Draining { .. });
    if let Some(phase) = phase
        && phase.wait_for(is_draining).await.is_ok()
    {
        return;
    }
    std::future::pending().await
}
