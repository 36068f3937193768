//! Signals as events of the daemon's loop.
//!
//! What a signal means in the end (drain, re-read) is the loop's business. SIGPIPE is no concern: Rust
//! ignores it from the start.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// What somebody wants of the daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM or SIGINT: drain and end.
    Stop,
    /// SIGHUP: take the new config, or none of it.
    Reload,
}

/// The signals that came, each kind at most once until it is taken.
pub struct Signals(signal_hook_tokio::Signals);

impl Signals {
    /// Registers the handlers; from here on these signals no longer end the process.
    ///
    /// Must be called inside a tokio runtime.
    pub fn register() -> io::Result<Self> {
        signal_hook_tokio::Signals::new([SIGTERM, SIGINT, SIGHUP]).map(Self)
    }

    /// The next signal. Loses none when dropped half-way.
    pub async fn next(&mut self) -> Option<Signal> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

impl Stream for Signals {
    type Item = Signal;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Signal>> {
        Pin::new(&mut self.0).poll_next(cx).map(|number| {
            number.map(|number| match number {
                SIGHUP => Signal::Reload,
                _ => Signal::Stop,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rustix::process::{Signal as Number, getpid, kill_process};

    use super::*;

    async fn after(signals: &mut Signals, number: Number) -> Option<Signal> {
        kill_process(getpid(), number).expect("one may signal oneself");
        let wait = tokio::time::timeout(Duration::from_secs(10), signals.next());
        wait.await.expect("the signal arrives")
    }

    #[tokio::test]
    async fn term_and_int_stop_and_hup_reloads() {
        let mut signals = Signals::register().expect("inside a runtime");
        assert_eq!(after(&mut signals, Number::HUP).await, Some(Signal::Reload));
        assert_eq!(after(&mut signals, Number::TERM).await, Some(Signal::Stop));
        assert_eq!(after(&mut signals, Number::INT).await, Some(Signal::Stop));
    }
}
