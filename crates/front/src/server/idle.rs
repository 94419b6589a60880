//! Ending what has been idle for too long.

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use std::error::Error;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, Sleep, sleep, timeout, timeout_at};

/// A body that fails when no byte arrives for some time.
pub(super) struct IdleBody<B> {
    body: B,
    idle: Duration,
    sleep: Pin<Box<Sleep>>,
}

impl<B> IdleBody<B> {
    pub(super) fn new(body: B, idle: Duration) -> IdleBody<B> {
        IdleBody {
            body,
            idle,
            sleep: Box::pin(sleep(idle)),
        }
    }
}

impl<B> Body for IdleBody<B>
where
    B: Body<Data = Bytes, Error = Box<dyn Error + Send + Sync>> + Unpin,
{
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            let next = Instant::now() + self.idle;
            self.sleep.as_mut().reset(next);
            return Poll::Ready(frame);
        }
        ready!(self.sleep.as_mut().poll(context));
        Poll::Ready(Some(Err("no byte passed within the idle timeout".into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// When a byte of a request passed last.
#[derive(Clone)]
pub(super) struct Activity(Arc<Mutex<Instant>>);

impl Activity {
    pub(super) fn new() -> Activity {
        Activity(Arc::new(Mutex::new(Instant::now())))
    }

    /// The body, remembering when its bytes pass.
    pub(super) fn watch<B: Body<Data = Bytes>>(
        &self,
        body: B,
    ) -> impl Body<Data = Bytes, Error = B::Error> + use<B> {
        let activity = self.clone();
        body.map_frame(move |frame| {
            *activity.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
            frame
        })
    }

    fn last(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What `future` returns; [`None`] if that takes longer than `limit` from the last byte on.
    pub(super) async fn within<T>(
        &self,
        limit: Duration,
        future: impl Future<Output = T>,
    ) -> Option<T> {
        let mut future = std::pin::pin!(future);
        loop {
            let end = self.last() + limit;
            if let Ok(done) = timeout_at(end, &mut future).await {
                return Some(done);
            }
            if Instant::now() >= self.last() + limit {
                return None;
            }
        }
    }
}

/// Copies bytes between both ends of an upgraded connection until one closes it, or none has passed
/// for `idle`.
pub(super) async fn copy(
    mut user: impl AsyncRead + AsyncWrite + Unpin,
    mut origin: impl AsyncRead + AsyncWrite + Unpin,
    idle: Option<Duration>,
) -> std::io::Result<()> {
    let (mut from_user, mut from_origin) = (vec![0; 8_192], vec![0; 8_192]);
    loop {
        let next = async {
            tokio::select! {
                read = user.read(&mut from_user) => read.map(|read| (true, read)),
                read = origin.read(&mut from_origin) => read.map(|read| (false, read)),
            }
        };
        let next = match idle {
            Some(idle) => timeout(idle, next).await.unwrap_or(Ok((true, 0))),
            None => next.await,
        };
        match next? {
            (_, 0) => return Ok(()),
            (true, read) => origin.write_all(&from_user[..read]).await?,
            (false, read) => user.write_all(&from_origin[..read]).await?,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::Full;
    use http_body_util::channel::Channel;
    use tokio::io::duplex;

    const IDLE: Duration = Duration::from_secs(60);

    type AnyError = Box<dyn Error + Send + Sync>;

    #[tokio::test(start_paused = true)]
    async fn a_body_fails_when_it_is_idle() {
        let (mut sender, body) = Channel::<Bytes, AnyError>::new(1);
        let mut body = IdleBody::new(body, IDLE);
        let began = Instant::now();
        for _ in 0..2 {
            sleep(Duration::from_secs(50)).await;
            sender
                .send_data(Bytes::from_static(b"x"))
                .await
                .expect("room");
            assert!(body.frame().await.expect("a frame").is_ok());
        }
        assert!(body.frame().await.expect("an error").is_err());
        assert_eq!(began.elapsed().as_secs(), 50 + 50 + 60);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_in_time_is_unchanged() {
        let body = Full::new(Bytes::from_static(b"all")).map_err(|never| match never {});
        let body = IdleBody::new(body, IDLE);
        assert_eq!(body.size_hint().exact(), Some(3));
        let all = body.collect().await.expect("a body").to_bytes();
        assert_eq!(&all[..], b"all");
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_counts_from_the_last_byte_of_the_request() {
        let activity = Activity::new();
        let (mut sender, body) = Channel::<Bytes, AnyError>::new(1);
        let mut body = Box::pin(activity.watch(body));
        let began = Instant::now();
        let upload = async {
            sleep(Duration::from_secs(50)).await;
            sender
                .send_data(Bytes::from_static(b"x"))
                .await
                .expect("room");
            assert!(body.frame().await.expect("a frame").is_ok());
            std::future::pending::<()>().await;
        };
        assert_eq!(activity.within(IDLE, upload).await, None);
        assert_eq!(began.elapsed().as_secs(), 50 + 60);
        assert_eq!(activity.within(Duration::ZERO, async { 1 }).await, Some(1));
    }

    #[tokio::test(start_paused = true)]
    async fn an_upgraded_connection_ends_when_it_is_idle() {
        let (mut user, front) = duplex(64);
        let (front_to_origin, mut origin) = duplex(64);
        let copied = tokio::spawn(copy(front, front_to_origin, Some(IDLE)));
        let began = Instant::now();
        for _ in 0..3 {
            sleep(Duration::from_secs(50)).await;
            user.write_all(b"ping").await.expect("a frame");
            let mut seen = [0; 4];
            origin.read_exact(&mut seen).await.expect("a frame");
            origin.write_all(&seen).await.expect("an echo");
            user.read_exact(&mut seen).await.expect("an echo");
            assert_eq!(&seen, b"ping");
        }
        copied.await.expect("no panic").expect("no error");
        assert_eq!(began.elapsed().as_secs(), 3 * 50 + 60);
        assert_eq!(user.read(&mut [0; 4]).await.expect("the end"), 0);
    }
}
