//! How many file descriptors this process may have open: the one limit that connections, files and calls share.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// As many as the unit gives: 4 096 connections, and plenty for the rest.
const WANTED: u64 = 16_384;

/// What is kept for the state, the token files, and the calls to Zoho.
const KEPT: u64 = 256;

/// Raises the soft limit as far as the hard one lets us; the room that is left for connections.
///
/// A shell's soft limit is 1 024 for the sake of programs that use select(2); a client that opens so many would else
/// keep all others out, and the daemon from calling Zoho.
pub fn room_for_connections() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(WANTED, |hard| hard.min(WANTED));
    let now = limit.current.unwrap_or(WANTED);
    let raised = Rlimit {
        current: Some(wanted),
        ..limit
    };
    let is_raised = now < wanted && setrlimit(Resource::Nofile, raised).is_ok();
    let have = if is_raised { wanted } else { now };
    usize::try_from(have.saturating_sub(KEPT).max(have / 2)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_descriptors_for_the_rest() {
        let room = room_for_connections() as u64;
        let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        assert!(
            room < limit && room >= limit.min(WANTED) / 2,
            "{room} of {limit}"
        );
    }
}
