//! Who is at the other end of a connected Unix socket, by the kernel's word.
//!
//! uid, gid and pid come from `SO_PEERCRED`, the supplementary groups from `SO_PEERGROUPS`, since the
//! former has none. Both are of the moment of connect(2): read once per connection. Who may do what is
//! [`crate::policy::access`].

use std::io;
use std::os::fd::AsFd;

use tokio::net::UnixStream;

use super::kernel;
use crate::policy::access::Peer;

/// A peer's ids, and what to call it in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// What it may do depends on these alone.
    pub peer: Peer,
    /// For logs only: a pid proves nothing, its number may be another process by now. `None` where it
    /// lives in another pid namespace.
    pub pid: Option<u32>,
}

impl Caller {
    /// Reads who connected to `stream`; an error means that the connection is to be closed unread.
    pub fn of(stream: &UnixStream) -> io::Result<Self> {
        let credentials = stream.peer_cred()?;
        let pid = credentials.pid().and_then(|pid| u32::try_from(pid).ok());
        Ok(Self {
            peer: Peer {
                uid: credentials.uid(),
                gid: credentials.gid(),
                groups: kernel::peer_groups(stream.as_fd())?,
            },
            pid: pid.filter(|pid| *pid != 0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_caller_is_known_by_its_own_ids() {
        let (ours, _theirs) = UnixStream::pair().expect("a socket pair");
        let caller = Caller::of(&ours).expect("connected");
        assert_eq!(caller.pid, Some(std::process::id()));
        assert_eq!(caller.peer.uid, rustix::process::geteuid().as_raw());
        assert_eq!(caller.peer.gid, rustix::process::getegid().as_raw());
    }
}
