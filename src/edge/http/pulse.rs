//! What one connection is doing and since when: the stream's own bytes tell.

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::UnixStream;
use tokio::time::Instant;

/// A connection that asks nothing for so long is closed.
const IDLE_MAX: Duration = Duration::from_mins(1);

/// A request whose head takes longer is given up.
const HEAD_MAX: Duration = Duration::from_secs(5);

/// What a connection is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Between requests, or taking the last answer in, since then.
    Idle(Instant),
    /// In the middle of a request's head, since then.
    Head(Instant),
    /// In the middle of a request's body, since then. Whoever reads the body bounds it, and tells the client.
    Body(Instant),
    /// Being answered; what bounds it is the answer's own business.
    Busy,
}

/// One connection's state, shared by its stream, its service and the list of connections.
#[derive(Debug)]
pub(super) struct Pulse {
    phase: Cell<Phase>,
    is_evicted: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Pulse {
    pub(super) fn new() -> Rc<Self> {
        Rc::new(Self {
            phase: Cell::new(Phase::Idle(Instant::now())),
            is_evicted: Cell::new(false),
            waker: RefCell::new(None),
        })
    }

    /// A request's body is on its way.
    pub(super) fn bring(&self) {
        self.phase.set(Phase::Body(Instant::now()));
    }

    /// A request is being answered.
    pub(super) fn begin(&self) {
        self.phase.set(Phase::Busy);
    }

    /// The answer is on its way out.
    pub(super) fn end(&self) {
        self.phase.set(Phase::Idle(Instant::now()));
    }

    /// Since when nothing whole has been asked; `None` while something is. Who is between requests goes before
    /// who is in the middle of one.
    pub(super) fn spare_since(&self) -> Option<(bool, Instant)> {
        match self.phase.get() {
            Phase::Idle(since) => Some((false, since)),
            Phase::Head(since) | Phase::Body(since) => Some((true, since)),
            Phase::Busy => None,
        }
    }

    /// When the connection is closed if nothing changes.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.phase.get() {
            Phase::Idle(since) => Some(since + IDLE_MAX),
            Phase::Head(since) => Some(since + HEAD_MAX),
            Phase::Body(_) | Phase::Busy => None,
        }
    }

    /// Ends the connection, to make room for another one, of whichever user.
    pub(super) fn evict(&self) {
        self.is_evicted.set(true);
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }

    /// Whether the connection has to go; wakes the task again when that changes.
    pub(super) fn is_evicted(&self, cx: &Context<'_>) -> bool {
        let mut waker = self.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|own| own.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
        self.is_evicted.get()
    }

    fn read(&self) {
        if let Phase::Idle(_) = self.phase.get() {
            self.phase.set(Phase::Head(Instant::now()));
        }
    }
}

/// The stream, watched. While its peer does not take what it has been answered, nothing more is read of it:
/// who pipelines and never reads would have its answers pile up here.
#[derive(Debug)]
pub(super) struct Watched {
    stream: UnixStream,
    pub(super) pulse: Rc<Pulse>,
    /// Whether the last write had to wait.
    is_stuck: bool,
    /// Whoever wanted to read meanwhile.
    reader: Option<Waker>,
}

impl Watched {
    pub(super) fn new(stream: UnixStream, pulse: Rc<Pulse>) -> Self {
        Self {
            stream,
            pulse,
            is_stuck: false,
            reader: None,
        }
    }

    fn wrote(&mut self, polled: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        self.is_stuck = polled.is_pending();
        if !self.is_stuck
            && let Some(reader) = self.reader.take()
        {
            reader.wake();
        }
        polled
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_stuck {
            self.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.pulse.read();
        }
        polled
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.wrote(polled)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.wrote(polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// R10
    #[tokio::test]
    async fn r10_nothing_is_read_of_a_peer_that_does_not_take_its_answers() {
        let (mut peer, own) = UnixStream::pair().expect("descriptors");
        let mut watched = Watched::new(own, Pulse::new());
        let bytes = vec![0; 64 * 1024];
        let mut written = 0;
        poll_fn(|cx| {
            while let Poll::Ready(Ok(length)) = Pin::new(&mut watched).poll_write(cx, &bytes) {
                written += length;
            }
            Poll::Ready(())
        })
        .await;
        peer.write_all(b"GET").await.expect("room");
        let ready = watched.stream.readable();
        ready.await.expect("there is something to read");
        let mut taken = [0; 3];
        let polled = poll_fn(|cx| {
            let mut buf = ReadBuf::new(&mut taken);
            Poll::Ready(Pin::new(&mut watched).poll_read(cx, &mut buf).is_ready())
        });
        assert!(!polled.await, "it reads on");
        let mut sink = vec![0; written];
        peer.read_exact(&mut sink).await.expect("all of it");
        watched.write_all(b"x").await.expect("room again");
        watched.read_exact(&mut taken).await.expect("it was sent");
        assert_eq!(&taken, b"GET");
    }
}
