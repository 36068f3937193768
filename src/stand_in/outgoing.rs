//! Bodies as they leave: whole, dripping, broken off, or larger than memory.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::time::Sleep;

/// Bytes of a huge body that are sent at once.
const CHUNK: usize = 64 * 1024;
/// Between the last byte and the hang-up, so that the bytes before it leave.
const BEFORE_HANG_UP: Duration = Duration::from_millis(50);

/// A body in pieces.
pub(super) struct Outgoing {
    /// What is still to send, `repeats` times over.
    piece: Bytes,
    repeats: u64,
    /// Bytes of `piece` to send at once.
    step: usize,
    /// Before each step but the first.
    pause: Duration,
    /// Break off at the end, where the client expects more.
    breaks_off: bool,
    waiting: Option<Pin<Box<Sleep>>>,
}

impl Outgoing {
    pub(super) fn whole(body: Vec<u8>) -> Self {
        Self {
            step: body.len().max(1),
            repeats: u64::from(!body.is_empty()),
            piece: body.into(),
            pause: Duration::ZERO,
            breaks_off: false,
            waiting: None,
        }
    }

    /// The first half of `body`, then nothing.
    pub(super) fn half(mut body: Vec<u8>) -> Self {
        body.truncate(body.len() / 2);
        Self {
            breaks_off: true,
            ..Self::whole(body)
        }
    }

    /// A byte at a time.
    pub(super) fn drip(body: Vec<u8>, pause: Duration) -> Self {
        Self {
            step: 1,
            pause,
            ..Self::whole(body)
        }
    }

    /// Spaces, at least `size` bytes of them.
    pub(super) fn huge(size: u64) -> Self {
        Self {
            repeats: size.div_ceil(CHUNK as u64),
            ..Self::whole(vec![b' '; CHUNK])
        }
    }

    fn next_step(&mut self) -> Option<Bytes> {
        if self.repeats == 0 {
            return None;
        }
        if self.step < self.piece.len() {
            return Some(self.piece.split_to(self.step)); // Only pieces that do not repeat have steps.
        }
        self.repeats -= 1;
        Some(self.piece.clone())
    }

    fn wait(&mut self, span: Duration, cx: &mut Context<'_>) -> Poll<()> {
        let sleep = || Box::pin(tokio::time::sleep(span));
        let poll = self.waiting.get_or_insert_with(sleep).as_mut().poll(cx);
        if poll.is_ready() {
            self.waiting = None;
        }
        poll
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if !self.pause.is_zero() && self.repeats > 0 {
            let pause = self.pause;
            ready!(self.wait(pause, cx));
        }
        if let Some(bytes) = self.next_step() {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        if self.breaks_off {
            ready!(self.wait(BEFORE_HANG_UP, cx));
            return Poll::Ready(Some(Err(io::ErrorKind::BrokenPipe.into())));
        }
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        self.repeats == 0 && !self.breaks_off
    }

    /// Exact where the whole body is at hand, so that its length is announced.
    fn size_hint(&self) -> SizeHint {
        let is_whole = self.repeats <= 1 && !self.breaks_off;
        let size = if self.repeats == 0 {
            0
        } else {
            self.piece.len()
        };
        if is_whole {
            SizeHint::with_exact(size as u64)
        } else {
            SizeHint::default()
        }
    }
}
