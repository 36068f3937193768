//! SIGTERM and SIGINT: the end, with exit code 0, at once or once a command is over.
//!
//! Nothing is half-way while no command runs, so the signal's handler itself ends the process then, wherever it blocks.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::{flag, low_level};

use crate::cli::failure::{Exit, Failure};

/// Whether somebody wants this to end.
pub struct Stop {
    may_end_at_once: Arc<AtomicBool>,
    is_asked: Arc<AtomicBool>,
    /// Readable once it is asked.
    bell: UnixStream,
}

impl Stop {
    /// Takes both signals over.
    pub fn catch() -> Result<Self, Failure> {
        Self::register().map_err(|error| {
            let what = format!("signals cannot be taken ({error})");
            Failure::bug("watch", &what)
        })
    }

    fn register() -> io::Result<Self> {
        let may_end_at_once = Arc::new(AtomicBool::new(true));
        let is_asked = Arc::new(AtomicBool::new(false));
        let (bell, hammer) = UnixStream::pair()?;
        bell.set_nonblocking(true)?;
        for signal in [SIGTERM, SIGINT] {
            let may = Arc::clone(&may_end_at_once);
            flag::register_conditional_shutdown(signal, Exit::Done as i32, may)?;
            flag::register(signal, Arc::clone(&is_asked))?;
            low_level::pipe::register(signal, hammer.try_clone()?)?;
        }
        Ok(Self {
            may_end_at_once,
            is_asked,
            bell,
        })
    }

    /// From here until [`Self::unshield`] the process does not end under its own hands.
    pub fn shield(&self) {
        self.may_end_at_once.store(false, Ordering::SeqCst);
    }

    /// Whether it is to end now, because that was asked for meanwhile.
    pub fn unshield(&self) -> bool {
        self.may_end_at_once.store(true, Ordering::SeqCst);
        self.is_asked()
    }

    /// Whether somebody has asked for the end.
    pub fn is_asked(&self) -> bool {
        self.is_asked.load(Ordering::SeqCst)
    }
}

impl AsFd for Stop {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}
