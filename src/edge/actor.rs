//! What a user may do to a file or folder, as the kernel would decide it; the user need not be our own.
//!
//! Only owner, group and mode are looked at. Where an access list decides as well, the answer is yes: `check` must
//! not call wrong what it cannot judge.

use std::collections::BTreeSet;
use std::ffi::CString;
use std::fs::{self, Metadata};
use std::io::ErrorKind::{NotADirectory, NotFound};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::unistd::{Uid, User};

/// Search a folder, or run a file.
const EXECUTE: u32 = 1;
/// Change a file, or a folder's entries.
const WRITE: u32 = 2;
/// Read a file.
const READ: u32 = 4;

/// A user, with what the kernel would look at.
#[derive(Debug, Clone)]
pub struct Actor {
    /// The name, or the number of one without.
    pub name: String,
    /// The number.
    pub uid: u32,
    gids: BTreeSet<u32>,
}

/// Whether files can be made in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Folder {
    /// It is there, and the actor may write to it.
    Writable,
    /// It is not there, and the actor may make it.
    CanBeMade,
    /// Something is in the way: that path, and who owns it.
    Closed(PathBuf, String),
    /// That path is a file.
    NotAFolder(PathBuf),
    /// That folder above it is not there either.
    Missing(PathBuf),
}

impl Actor {
    /// The user that this process runs as.
    pub fn own() -> Self {
        let uid = Uid::effective();
        let groups = nix::unistd::getgroups().unwrap_or_default();
        let groups = groups.into_iter().chain([nix::unistd::getegid()]);
        Self {
            name: name_of(uid.as_raw()),
            uid: uid.as_raw(),
            gids: groups.map(nix::unistd::Gid::as_raw).collect(),
        }
    }

    /// A user by name, with all groups that a login would give; `None` if there is none.
    pub fn named(name: &str) -> Option<Self> {
        let user = User::from_name(name).ok()??;
        let c_name = CString::new(name).ok()?;
        let groups = nix::unistd::getgrouplist(&c_name, user.gid).unwrap_or(vec![user.gid]);
        Some(Self {
            name: name.to_owned(),
            uid: user.uid.as_raw(),
            gids: groups.into_iter().map(nix::unistd::Gid::as_raw).collect(),
        })
    }

    /// Whether it is in a group.
    pub fn is_in(&self, gid: u32) -> bool {
        self.gids.contains(&gid)
    }

    /// Whether it may read a file.
    pub fn may_read(&self, path: &Path) -> bool {
        self.may_open(path, READ)
    }

    /// Whether it may change a file that is there.
    pub fn may_change(&self, path: &Path) -> bool {
        self.may_open(path, READ | WRITE)
    }

    fn may_open(&self, path: &Path, wanted: u32) -> bool {
        let stat = fs::metadata(path);
        self.may_reach(path) && stat.is_ok_and(|stat| self.may(&stat, path, wanted))
    }

    /// Whether it may make files in `folder`, now or after making the folder itself.
    pub fn look_at(&self, folder: &Path) -> Folder {
        let stat = match fs::metadata(folder) {
            Err(error) if matches!(error.kind(), NotFound | NotADirectory) => {
                return match folder.parent().map(|parent| self.look_at(parent)) {
                    Some(Folder::Writable) => Folder::CanBeMade,
                    // One is made, not a whole path of them.
                    Some(Folder::CanBeMade) => {
                        Folder::Missing(folder.parent().unwrap_or(folder).to_owned())
                    }
                    Some(other) => other,
                    None => Folder::NotAFolder(folder.to_owned()),
                };
            }
            Err(_) => return Folder::Closed(folder.to_owned(), "unknown".to_owned()),
            Ok(stat) => stat,
        };
        if !stat.is_dir() {
            return Folder::NotAFolder(folder.to_owned());
        }
        if self.may_reach(folder) && self.may(&stat, folder, WRITE | EXECUTE) {
            return Folder::Writable;
        }
        Folder::Closed(folder.to_owned(), name_of(stat.uid()))
    }

    /// Whether it may walk through every folder above `path`.
    fn may_reach(&self, path: &Path) -> bool {
        let Ok(path) = std::path::absolute(path) else {
            return false;
        };
        let mut above = path.ancestors().skip(1);
        let may_pass =
            |folder: &Path| fs::metadata(folder).is_ok_and(|stat| self.may(&stat, folder, EXECUTE));
        above.all(may_pass)
    }

    /// The kernel looks at the first that applies: root, owner, group, others (`path_resolution(7)`).
    fn may(&self, stat: &Metadata, path: &Path, wanted: u32) -> bool {
        let shift = match () {
            () if self.uid == 0 => return true,
            () if stat.uid() == self.uid => 6,
            () if self.is_in(stat.gid()) => 3,
            () => 0,
        };
        (stat.mode() >> shift) & wanted == wanted || has_access_list(path)
    }
}

/// The name of a user, or the number of one without.
fn name_of(uid: u32) -> String {
    let user = User::from_uid(Uid::from_raw(uid)).ok().flatten();
    user.map_or_else(|| format!("uid {uid}"), |user| user.name)
}

fn has_access_list(path: &Path) -> bool {
    let mut empty: [u8; 0] = [];
    rustix::fs::getxattr(path, "system.posix_acl_access", &mut empty).is_ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn stranger() -> Actor {
        Actor {
            name: "stranger".into(),
            uid: 4_000_000,
            gids: [4_000_000].into(),
        }
    }

    fn folder(mode: u32) -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let permissions = fs::Permissions::from_mode(mode);
        fs::set_permissions(dir.path(), permissions).expect("our own folder");
        dir
    }

    #[test]
    fn a_folder_is_judged_for_the_user_that_will_use_it() {
        assert_eq!(stranger().look_at(folder(0o777).path()), Folder::Writable);
        let dir = folder(0o755);
        let owner = name_of(rustix::process::geteuid().as_raw());
        let closed = Folder::Closed(dir.path().to_owned(), owner);
        assert_eq!(stranger().look_at(dir.path()), closed);
        assert_eq!(Actor::own().look_at(dir.path()), Folder::Writable);
        assert_eq!(stranger().look_at(&dir.path().join("a/b")), closed);
    }

    #[test]
    fn a_member_of_the_folders_group_has_the_groups_rights_alone() {
        let dir = folder(0o770);
        let gid = fs::metadata(dir.path()).expect("our own folder").gid();
        let member = Actor {
            gids: [gid].into(),
            ..stranger()
        };
        assert_eq!(member.look_at(dir.path()), Folder::Writable);
        let dir = folder(0o707);
        assert!(matches!(member.look_at(dir.path()), Folder::Closed(..)));
    }

    #[test]
    fn a_folder_that_is_not_there_can_be_made_where_its_parent_is_open() {
        let dir = folder(0o777);
        assert_eq!(stranger().look_at(&dir.path().join("a")), Folder::CanBeMade);
        assert_eq!(
            stranger().look_at(&dir.path().join("a/b")),
            Folder::CanBeMade
        );
        let file = dir.path().join("file");
        fs::write(&file, "").expect("a file");
        assert_eq!(
            stranger().look_at(&file.join("a")),
            Folder::NotAFolder(file)
        );
    }

    #[test]
    fn a_path_without_a_folder_is_one_of_the_current_folder() {
        assert!(Actor::own().may_read(Path::new("Cargo.toml")));
    }

    #[test]
    fn a_closed_folder_above_closes_all_below() {
        let dir = folder(0o700);
        let below = dir.path().join("open");
        fs::create_dir(&below).expect("our own folder");
        fs::set_permissions(&below, fs::Permissions::from_mode(0o777)).expect("our own folder");
        assert!(matches!(stranger().look_at(&below), Folder::Closed(..)));
    }
}
