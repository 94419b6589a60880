//! A client's connection, with an eye on what the client does with its time.

use crate::policy::monotonic::Moment;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::clock::Clock;

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doing {
    /// Nothing has come yet.
    New(Moment),
    /// A head has begun.
    Head(Moment),
    /// Requests are being answered.
    Busy,
    /// All requests are answered.
    Idle(Moment),
}

const NEW: u64 = 0;
const HEAD: u64 = 1;
const IDLE: u64 = 2;
/// No moment.
const NEVER: u64 = u64::MAX;

/// What is known about it, shared between its reader and its requests.
#[derive(Debug)]
pub(crate) struct Activity {
    clock: Clock,
    /// Requests that are not answered to the end.
    open: AtomicU32,
    /// Since when the client takes nothing of what is to be written; [`NEVER`] if it does.
    stalled_since: AtomicU64,
    /// When the last change was, with its kind in the two lowest bits.
    last: AtomicU64,
}

impl Activity {
    pub(crate) fn new(clock: Clock) -> Activity {
        let activity = Activity {
            clock,
            open: AtomicU32::new(0),
            stalled_since: AtomicU64::new(NEVER),
            last: AtomicU64::new(0),
        };
        activity.mark(NEW);
        activity
    }

    pub(crate) fn doing(&self) -> Doing {
        if self.open.load(Ordering::Acquire) > 0 {
            return Doing::Busy;
        }
        let last = self.last.load(Ordering::Acquire);
        let at = Moment(last >> 2);
        match last & 3 {
            NEW => Doing::New(at),
            HEAD => Doing::Head(at),
            _ => Doing::Idle(at),
        }
    }

    pub(crate) fn request_begins(&self) {
        self.open.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn request_ends(&self) {
        self.mark(IDLE);
        self.open.fetch_sub(1, Ordering::AcqRel);
    }

    /// Since when the client takes nothing of what is to be written.
    pub(crate) fn stalled_since(&self) -> Option<Moment> {
        Some(self.stalled_since.load(Ordering::Relaxed))
            .filter(|at| *at != NEVER)
            .map(Moment)
    }

    /// Notes whether the client takes what is written, and passes the news on.
    fn note<T>(&self, written: Poll<T>) -> Poll<T> {
        let is_stalled = self.stalled_since.load(Ordering::Relaxed) != NEVER;
        if written.is_pending() && !is_stalled {
            self.stalled_since
                .store(self.clock.now().0, Ordering::Relaxed);
        } else if written.is_ready() && is_stalled {
            self.stalled_since.store(NEVER, Ordering::Relaxed);
        }
        written
    }

    fn read_something(&self) {
        if self.open.load(Ordering::Acquire) == 0 && self.last.load(Ordering::Acquire) & 3 != HEAD {
            self.mark(HEAD);
        }
    }

    fn mark(&self, kind: u64) {
        self.last
            .store(self.clock.now().0 << 2 | kind, Ordering::Release);
    }
}

/// The connection as hyper reads and writes it.
#[derive(Debug)]
pub(crate) struct ClientIo {
    stream: Arc<TcpStream>,
    activity: Arc<Activity>,
}

impl ClientIo {
    pub(crate) fn new(stream: Arc<TcpStream>, activity: Arc<Activity>) -> ClientIo {
        ClientIo { stream, activity }
    }
}

/// Whether something has arrived that nobody has read yet. Asks the kernel itself: tokio may not have
/// heard of it.
pub(crate) fn has_unread(stream: &TcpStream) -> bool {
    let mut byte = [MaybeUninit::uninit()];
    socket2::SockRef::from(stream)
        .peek(&mut byte)
        .is_ok_and(|count| count > 0)
}

impl AsyncRead for ClientIo {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.stream.poll_read_ready(cx))?;
            match self.stream.try_read(buffer.initialize_unfilled()) {
                Ok(count) => {
                    buffer.advance(count);
                    if count > 0 {
                        self.activity.read_something();
                    }
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl ClientIo {
    fn poll_with(
        &self,
        cx: &mut Context<'_>,
        write: impl Fn(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.stream.poll_write_ready(cx))?;
            match write(&self.stream) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => return Poll::Ready(written),
            }
        }
    }
}

impl AsyncWrite for ClientIo {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.activity
            .note(self.poll_with(cx, |stream| stream.try_write(bytes)))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.activity
            .note(self.poll_with(cx, |stream| stream.try_write_vectored(pieces)))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = socket2::SockRef::from(&*self.stream).shutdown(std::net::Shutdown::Write);
        Poll::Ready(match shut {
            Err(error) if error.kind() != io::ErrorKind::NotConnected => Err(error),
            _ => Ok(()),
        })
    }
}
