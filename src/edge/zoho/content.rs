//! The body of one request, behind a gate that knows whether it has gone out.
//!
//! The HTTP client asks a body for its bytes when it has a connection, and not before. So a gate that nobody
//! has asked through proves that no byte of the form was written, whatever went wrong; and once the gate
//! is shut none will be, even if a connection becomes ready at that moment on another thread.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use zeroize::Zeroizing;

const WAITING: u8 = 0;
const OUT: u8 = 1;
const SHUT: u8 = 2;

/// Lets one body out, or keeps it in for good.
#[derive(Debug, Clone)]
pub(super) struct Gate(Arc<AtomicU8>);

impl Gate {
    pub(super) fn new() -> Self {
        Self(Arc::new(AtomicU8::new(WAITING)))
    }

    /// Ends the waiting. Whether the body is out, to the connection at least.
    pub(super) fn shut(&self) -> bool {
        self.turn(SHUT);
        self.0.load(Ordering::Acquire) == OUT
    }

    /// Whether the gate was waiting until now.
    fn turn(&self, to: u8) -> bool {
        self.0
            .compare_exchange(WAITING, to, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }
}

/// A form as a request's body: its length is known, its bytes are wiped when the connection drops them.
pub(super) struct Content {
    bytes: Bytes,
    gate: Gate,
}

impl Content {
    pub(super) fn new(form: Zeroizing<Vec<u8>>, gate: &Gate) -> Self {
        Self {
            bytes: Bytes::from_owner(form),
            gate: gate.clone(),
        }
    }
}

/// The caller has given up; the connection is then closed with nothing written.
#[derive(Debug, thiserror::Error)]
#[error("the call was given up before the request was sent")]
pub(super) struct GivenUp;

impl Body for Content {
    type Data = Bytes;
    type Error = GivenUp;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, GivenUp>>> {
        let bytes = std::mem::take(&mut self.bytes);
        Poll::Ready(match (bytes.is_empty(), self.gate.turn(OUT)) {
            (true, _) => None,
            (false, true) => Some(Ok(Frame::data(bytes))),
            (false, false) => Some(Err(GivenUp)),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form() -> Zeroizing<Vec<u8>> {
        Zeroizing::new(b"code=canary".to_vec())
    }

    fn poll(content: &mut Content) -> Option<Result<Vec<u8>, GivenUp>> {
        let mut cx = Context::from_waker(std::task::Waker::noop());
        match Pin::new(content).poll_frame(&mut cx) {
            Poll::Ready(frame) => frame.map(|frame| {
                let bytes = frame?.into_data().expect("a frame of data");
                Ok(bytes.to_vec())
            }),
            Poll::Pending => unreachable!("a body in memory never waits"),
        }
    }

    #[test]
    fn a_body_that_was_asked_for_is_out() {
        let gate = Gate::new();
        let mut content = Content::new(form(), &gate);
        assert_eq!(content.size_hint().exact(), Some(11));
        assert_eq!(
            poll(&mut content).expect("a frame").expect("let out"),
            *form()
        );
        assert!(poll(&mut content).is_none());
        assert!(gate.shut());
    }

    #[test]
    fn behind_a_shut_gate_a_body_stays_in() {
        let gate = Gate::new();
        let mut content = Content::new(form(), &gate);
        assert!(!gate.shut());
        assert!(poll(&mut content).expect("a frame").is_err());
        assert!(!gate.shut(), "still in");
    }
}
