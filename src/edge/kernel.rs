//! The two kernel calls that no crate wraps: the only `unsafe` of the crate.
//!
//! Nothing here judges what it reads. Invariant: every buffer that the kernel fills is ours, initialised,
//! and as long as the kernel is told.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Most groups of one process, `NGROUPS_MAX` of `linux/limits.h`.
pub const GROUPS_MAX: usize = 65_536;

/// Room for the groups of almost everybody, so that one call is enough.
const GROUPS_USUAL: usize = 64;

/// The supplementary groups of the process that connected to `socket`, as they were at that moment.
///
/// `SO_PEERGROUPS` of socket(7). Fails with the kernel's own error, and where it asks for more than
/// [`GROUPS_MAX`].
pub fn peer_groups(socket: BorrowedFd<'_>) -> io::Result<Vec<u32>> {
    let mut groups = vec![0; GROUPS_USUAL];
    loop {
        let (result, count) = read_peer_groups(socket, &mut groups);
        match result {
            Ok(()) => {
                groups.truncate(count);
                return Ok(groups);
            }
            // Too short, and `count` is what it takes. It cannot change: the list is of the moment of connect(2).
            Err(err) if err.raw_os_error() == Some(libc::ERANGE) && grows(groups.len(), count) => {
                groups.resize(count, 0);
            }
            Err(err) => return Err(err),
        }
    }
}

/// Whether the kernel's clock discipline says that the wall clock is right. "Cannot tell" is no.
///
/// adjtimex(2) with `modes` 0, which needs no privilege. A sandbox may forbid it; then this is no, too.
pub fn is_wall_clock_synchronised() -> bool {
    let (state, status) = clock_discipline();
    is_synchronised(state, status)
}

/// Each round must ask for more room than the one before, within the bound, so the loop ends.
fn grows(room: usize, count: usize) -> bool {
    room < count && count <= GROUPS_MAX
}

fn is_synchronised(state: i32, status: i32) -> bool {
    state >= 0 && state != libc::TIME_ERROR && status & libc::STA_UNSYNC == 0
}

/// One getsockopt(2): how it went, and the number of groups read or needed.
#[expect(unsafe_code, reason = "no crate wraps SO_PEERGROUPS")]
fn read_peer_groups(socket: BorrowedFd<'_>, groups: &mut [u32]) -> (io::Result<()>, usize) {
    let room_bytes = size_of_val(groups);
    let mut len_bytes =
        libc::socklen_t::try_from(room_bytes).expect("GROUPS_MAX times 4 bytes fits in 32 bits");
    // SAFETY: `socket` is open for as long as it is borrowed; `groups` is ours alone and `len_bytes` long,
    // the kernel writes at most that much, and any bits are a `u32`.
    let answer = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERGROUPS,
            groups.as_mut_ptr().cast(),
            &raw mut len_bytes,
        )
    };
    let result = match answer {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    };
    let count = usize::try_from(len_bytes).unwrap_or(usize::MAX) / size_of::<u32>();
    (result, count)
}

/// One adjtimex(2) that changes nothing: its answer, and the status bits.
#[expect(unsafe_code, reason = "no crate wraps adjtimex")]
fn clock_discipline() -> (i32, i32) {
    // SAFETY: `timex` is a C struct of integers alone, for which all zeros is a value; `modes` 0 reads only.
    let mut timex: libc::timex = unsafe { std::mem::zeroed() };
    // SAFETY: `timex` is ours alone, and of the type that the call fills.
    let state = unsafe { libc::adjtimex(&raw mut timex) };
    (state, timex.status)
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn the_groups_of_a_peer_are_those_that_it_connected_with() {
        let (ours, _theirs) = UnixStream::pair().expect("a socket pair");
        let mut expected: Vec<u32> = rustix::process::getgroups()
            .expect("our own groups")
            .iter()
            .map(|gid| gid.as_raw())
            .collect();
        let mut seen = peer_groups(ours.as_fd()).expect("a connected Unix socket has groups");
        expected.sort_unstable();
        seen.sort_unstable();
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_file_has_no_peer_groups() {
        let file = std::fs::File::open("/proc/self/stat").expect("procfs");
        let err = peer_groups(file.as_fd()).expect_err("no socket");
        assert_eq!(err.raw_os_error(), Some(libc::ENOTSOCK));
    }

    #[test]
    fn more_groups_than_a_process_can_have_are_refused() {
        assert!(grows(64, GROUPS_MAX));
        assert!(!grows(64, GROUPS_MAX + 1));
        assert!(!grows(64, 64), "or the loop would not end");
    }

    /// R9
    #[test]
    fn r9_a_clock_is_synchronised_only_if_the_kernel_says_so_in_both_ways() {
        assert!(is_synchronised(libc::TIME_OK, 0));
        assert!(is_synchronised(libc::TIME_INS, libc::STA_INS));
        assert!(!is_synchronised(libc::TIME_OK, libc::STA_UNSYNC));
        assert!(!is_synchronised(libc::TIME_ERROR, 0));
        assert!(!is_synchronised(-1, 0), "the call was forbidden");
    }

    #[test]
    fn reading_the_clock_discipline_is_allowed_to_everybody() {
        let (state, _) = clock_discipline();
        assert!((libc::TIME_OK..=libc::TIME_ERROR).contains(&state));
    }
}
