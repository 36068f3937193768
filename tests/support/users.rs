//! Being somebody else, as only root can: what the kernel then allows is the answer.

use rustix::process::{Gid, Uid};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

/// Runs `act` as another user in a thread of its own; on Linux ids belong to the thread.
pub(crate) fn as_user<T: Send>(
    uid: u32,
    gid: u32,
    groups: &[u32],
    act: impl FnOnce() -> T + Send,
) -> T {
    let become_user = || {
        let groups: Vec<Gid> = groups.iter().copied().map(Gid::from_raw).collect();
        let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
        set_thread_groups(&groups).expect("root may");
        set_thread_res_gid(gid, gid, gid).expect("root may");
        set_thread_res_uid(uid, uid, uid).expect("root may");
        act()
    };
    let joined = std::thread::scope(|scope| scope.spawn(become_user).join());
    joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
