//! A life that ends with the parent's, for a daemon that is part of something else.
//!
//! The kernel sends the signal, so that also a parent that was killed takes its child along.

use std::io;

use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

/// Asks for SIGTERM at the end of `parent`. Says whether that is our parent still: one that died before the kernel
/// was asked has left us to another, and no signal would come.
pub fn end_with(parent: Pid) -> io::Result<bool> {
    set_parent_process_death_signal(Some(Signal::TERM))?;
    Ok(getppid() == Some(parent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_that_is_another_by_now_is_told() {
        let (parent, own) = (getppid().expect("somebody"), rustix::process::getpid());
        assert!(end_with(parent).expect("no privilege is needed"));
        assert!(!end_with(own).expect("no privilege is needed"));
        set_parent_process_death_signal(None).expect("taken back");
    }
}
