//! A client's connection, and what is known about the client's activity on it.

use crate::clock::Clock;
use crate::policy::monotonic::Monotonic;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// What a connection is doing, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConnectionState {
    /// Nothing has arrived yet.
    New(Monotonic),
    /// A request's head has begun.
    Head(Monotonic),
    /// Requests are being answered.
    Busy,
    /// All requests are answered.
    Idle(Monotonic),
}

const NEW: u64 = 0;
const HEAD: u64 = 1;
const IDLE: u64 = 2;
/// Represents [`None`].
const NEVER: u64 = u64::MAX;

/// The activity on a connection, shared between its I/O and its requests.
#[derive(Debug)]
pub(crate) struct Activity {
    clock: Clock,
    /// Requests whose answer has not been sent completely.
    open: AtomicU32,
    /// Since when the client does not read the pending output; [`NEVER`] if it does.
    stalled_since: AtomicU64,
    /// When the last change was; its kind is in the two lowest bits.
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

    pub(crate) fn state(&self) -> ConnectionState {
        if self.open.load(Ordering::Acquire) > 0 {
            return ConnectionState::Busy;
        }
        let last = self.last.load(Ordering::Acquire);
        let at = Monotonic(last >> 2);
        match last & 3 {
            NEW => ConnectionState::New(at),
            HEAD => ConnectionState::Head(at),
            _ => ConnectionState::Idle(at),
        }
    }

    pub(crate) fn request_began(&self) {
        self.open.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn request_ended(&self) {
        self.mark(IDLE);
        self.open.fetch_sub(1, Ordering::AcqRel);
    }

    /// Since when the client does not read the pending output.
    pub(crate) fn stalled_since(&self) -> Option<Monotonic> {
        Some(self.stalled_since.load(Ordering::Relaxed))
            .filter(|at| *at != NEVER)
            .map(Monotonic)
    }

    /// Notes whether the client reads what is written; returns `written`.
    fn note_write<T>(&self, written: Poll<T>) -> Poll<T> {
        let is_stalled = self.stalled_since.load(Ordering::Relaxed) != NEVER;
        if written.is_pending() && !is_stalled {
            self.stalled_since
                .store(self.clock.now().0, Ordering::Relaxed);
        } else if written.is_ready() && is_stalled {
            self.stalled_since.store(NEVER, Ordering::Relaxed);
        }
        written
    }

    fn note_read(&self) {
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

/// Whether something has arrived that has not been read yet. Asks the kernel, as tokio may not have
/// been notified yet.
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
                        self.activity.note_read();
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
            .note_write(self.poll_with(cx, |stream| stream.try_write(bytes)))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.activity
            .note_write(self.poll_with(cx, |stream| stream.try_write_vectored(pieces)))
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
