//! Peers by the kernel's word, with more groups than fit in the first read.

use tokio::net::UnixStream;
use zoho_tokend::edge::peer::Caller;

use crate::support::{GROUP, READER, as_user, is_root_or_skips};

/// S2
#[tokio::test]
async fn s2_a_peer_is_known_by_all_of_its_groups_and_not_by_ours() {
    if !is_root_or_skips("s2_a_peer_is_known_by_all_of_its_groups_and_not_by_ours") {
        return;
    }
    for count in [0, 1, 64, 65, 3_000, 65_536] {
        let groups: Vec<u32> = (100_000..100_000 + count).collect();
        let pair = || std::os::unix::net::UnixStream::pair().expect("a socket pair");
        let (ours, _theirs) = as_user(READER, GROUP, &groups, pair);
        ours.set_nonblocking(true).expect("a socket");
        let ours = UnixStream::from_std(ours).expect("inside a runtime");
        let mut caller = Caller::of(&ours).expect("connected");
        caller.peer.groups.sort_unstable();
        assert_eq!((caller.peer.uid, caller.peer.gid), (READER, GROUP));
        assert!(caller.peer.groups == groups, "{count} groups");
    }
}
