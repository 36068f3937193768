//! Waits for descriptors, for a bounded time.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::base::Boottime;
use crate::edge::clock::SystemClock;

/// What one waits for on a descriptor.
pub struct For<'a> {
    fd: BorrowedFd<'a>,
    flags: PollFlags,
}

impl<'a> For<'a> {
    /// That there is something to read, or that the other side has gone.
    pub fn input(fd: BorrowedFd<'a>) -> Self {
        let flags = PollFlags::IN;
        Self { fd, flags }
    }

    /// That nobody reads what one would write there.
    pub fn hang_up(fd: BorrowedFd<'a>) -> Self {
        // The kernel reports it unasked.
        let flags = PollFlags::empty();
        Self { fd, flags }
    }
}

/// Which of them it is; `None` when the time is over.
pub fn wait(
    fds: &[Option<For<'_>>],
    clock: &SystemClock,
    until: Boottime,
) -> io::Result<Option<usize>> {
    let present: Vec<usize> = (0..fds.len())
        .filter(|place| fds[*place].is_some())
        .collect();
    let fds = fds.iter().flatten();
    let mut fds: Vec<PollFd<'_>> = fds
        .map(|own| PollFd::from_borrowed_fd(own.fd, own.flags))
        .collect();
    loop {
        let left = until.since(clock.now().boot);
        match poll(&mut fds, Some(&timespec(left))) {
            Ok(0) if left.is_zero() => return Ok(None),
            Ok(0) | Err(Errno::INTR) => (),
            Ok(_) => {
                let ready = fds.iter().position(|fd| !fd.revents().is_empty());
                return Ok(ready.and_then(|place| present.get(place).copied()));
            }
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// A millisecond more: what is left is counted in whole ones, and zero would not wait at all.
fn timespec(span: Duration) -> Timespec {
    let span = if span.is_zero() {
        span
    } else {
        span + Duration::from_millis(1)
    };
    Timespec {
        tv_sec: i64::try_from(span.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: span.subsec_nanos().into(),
    }
}
