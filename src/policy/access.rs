//! Who may do what, by the ids that the kernel reports of a peer.
//!
//! Names have become numbers before they get here. Invariant: [`NOBODY`] gets nothing and gives nothing.
//! That is what the kernel says of every user and group that a user namespace does not know.

use std::collections::BTreeSet;

/// The kernel's overflow uid and gid: nobody in particular (`/proc/sys/kernel/overflowuid`).
pub const NOBODY: u32 = 65_534;

/// The ids of a process at the other end of the socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Effective uid.
    pub uid: u32,
    /// Effective gid.
    pub gid: u32,
    /// Supplementary groups, in any order; may hold `gid` too.
    pub groups: Vec<u32>,
}

/// Users and groups, as one key of the config lists them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ids {
    /// Uids.
    pub users: BTreeSet<u32>,
    /// Gids; a peer counts by its own and by its supplementary groups.
    pub groups: BTreeSet<u32>,
}

/// The rights that do not depend on an org.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// May do everything. Root is one only if it is listed here, as it is by default.
    pub admins: Ids,
    /// May read every org's status and the metrics, and no token.
    pub monitors: Ids,
    /// The user that the daemon runs as: always an admin, so that its own `ExecReload=` works.
    pub own_uid: u32,
}

impl Access {
    /// Whether `peer` may enroll, revoke, refresh, reload and read every token.
    pub fn may_admin(&self, peer: &Peer) -> bool {
        peer.uid != NOBODY && (peer.uid == self.own_uid || self.admins.include(peer))
    }

    /// Whether `peer` may read the status of every org, and the metrics.
    pub fn may_monitor(&self, peer: &Peer) -> bool {
        self.may_admin(peer) || self.monitors.include(peer)
    }

    /// Whether `peer` may read the token and the status of the org with these `readers`.
    pub fn may_read(&self, peer: &Peer, readers: &Ids) -> bool {
        self.may_admin(peer) || readers.include(peer)
    }

    /// All who may read an org's files: its `readers` and the admins, by the rule of [`Self::may_read`].
    ///
    /// Without the daemon's own user, which owns the files.
    pub fn file_readers(&self, readers: &Ids) -> Ids {
        Ids {
            users: &readers.users | &self.admins.users,
            groups: &readers.groups | &self.admins.groups,
        }
    }
}

impl Ids {
    /// Whether `peer` is one of the users or in one of the groups.
    pub fn include(&self, peer: &Peer) -> bool {
        let in_group = |gid: &u32| *gid != NOBODY && self.groups.contains(gid);
        peer.uid != NOBODY
            && (self.users.contains(&peer.uid)
                || in_group(&peer.gid)
                || peer.groups.iter().any(in_group))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(users: &[u32], groups: &[u32]) -> Ids {
        Ids {
            users: users.iter().copied().collect(),
            groups: groups.iter().copied().collect(),
        }
    }

    fn peer(uid: u32, gid: u32, groups: &[u32]) -> Peer {
        Peer {
            uid,
            gid,
            groups: groups.to_vec(),
        }
    }

    fn access() -> Access {
        Access {
            admins: ids(&[0], &[27]),
            monitors: ids(&[200], &[201]),
            own_uid: 990,
        }
    }

    /// S2
    #[test]
    fn s2_a_reader_counts_by_uid_by_gid_or_by_any_supplementary_group() {
        let readers = ids(&[1001], &[500]);
        assert!(access().may_read(&peer(1001, 1001, &[]), &readers));
        assert!(access().may_read(&peer(1002, 500, &[]), &readers));
        assert!(access().may_read(&peer(1002, 1002, &[7, 500]), &readers));
    }

    /// S2
    #[test]
    fn s2_a_stranger_reads_nothing_and_a_uid_is_no_gid() {
        let readers = ids(&[1001], &[500]);
        assert!(!access().may_read(&peer(1002, 1002, &[7]), &readers));
        assert!(!access().may_read(&peer(500, 1001, &[1001]), &readers));
        assert!(!access().may_read(&peer(1001, 500, &[]), &Ids::default()));
    }

    /// S2
    #[test]
    fn s2_nobody_gets_nothing_even_where_it_is_listed() {
        let listed = ids(&[NOBODY], &[NOBODY, 500]);
        let all = Access {
            admins: listed.clone(),
            monitors: listed.clone(),
            own_uid: NOBODY,
        };
        for nobody in [peer(NOBODY, 500, &[500]), peer(NOBODY, NOBODY, &[NOBODY])] {
            assert!(!all.may_admin(&nobody) && !all.may_monitor(&nobody));
            assert!(!all.may_read(&nobody, &listed));
        }
        assert!(!all.may_read(&peer(1001, NOBODY, &[NOBODY]), &listed));
    }

    /// S2
    #[test]
    fn s2_a_listed_user_keeps_its_right_in_the_group_of_nobody() {
        let readers = ids(&[1001], &[]);
        assert!(access().may_read(&peer(1001, NOBODY, &[NOBODY]), &readers));
    }

    #[test]
    fn root_is_an_admin_only_if_listed() {
        let mut access = access();
        assert!(access.may_admin(&peer(0, 0, &[0])));
        access.admins.users.clear();
        assert!(!access.may_admin(&peer(0, 0, &[0])));
    }

    #[test]
    fn the_user_that_the_daemon_runs_as_is_always_an_admin() {
        let mut access = access();
        access.admins = Ids::default();
        assert!(access.may_admin(&peer(990, 990, &[])));
        assert!(!access.may_admin(&peer(991, 990, &[990])));
    }

    #[test]
    fn a_monitor_reads_no_token_and_an_admin_is_a_monitor_too() {
        let access = access();
        for monitor in [peer(200, 1, &[]), peer(1, 201, &[])] {
            assert!(access.may_monitor(&monitor));
            assert!(!access.may_read(&monitor, &Ids::default()));
        }
        assert!(access.may_monitor(&peer(1, 1, &[27])));
    }

    /// S2: the files' readers are those of the socket.
    #[test]
    fn s2_files_are_for_the_readers_and_the_admins() {
        let readers = access().file_readers(&ids(&[1001], &[500]));
        assert_eq!(readers, ids(&[0, 1001], &[27, 500]));
    }
}
