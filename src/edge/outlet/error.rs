//! Why files could not be published, sorted by what a person does about it.

use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use crate::base::OrgName;

/// So many readers have room in the access lists of every file system.
const READERS_SURE: usize = 100;

/// What failed, and the trouble. Displays as `WHO: WHAT; WHAT TO DO`, without secrets.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {trouble}")]
pub struct OutletError {
    /// `output /srv/sync/zoho.header of org acme`, or `token files of org acme`.
    pub what: String,
    /// Why, and the cure.
    pub trouble: Trouble,
}

/// One kind of trouble per cure.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// `EROFS`, which under systemd means the sandbox.
    #[error(
        "{} is read-only for the daemon; mount it writable, or where it is the unit's sandbox (findmnt shows it \
         writable), allow it with a drop-in (systemctl edit zoho-tokend: [Service] ReadWritePaths={}) and restart",
        .0.display(), .0.display()
    )]
    ReadOnly(PathBuf),
    /// `ENOTDIR`, `EEXIST`: a file in the place of a folder.
    #[error("{} is no folder, and must be one; move it away, or name another in the config", .0.display())]
    NotAFolder(PathBuf),
    /// `ENOENT`, `ENOTDIR` further up.
    #[error(
        "the folder {} does not exist, or the unit hides it (ProtectHome=, PrivateTmp=); make the folder, \
         writable by the daemon's user", .0.display()
    )]
    NoFolder(PathBuf),
    /// `EACCES`, `EPERM` on the folder.
    #[error(
        "the daemon's user (uid {uid}) may not write in {}; give it the right, as with \
         setfacl -m u:{uid}:rwx {}", .folder.display(), .folder.display()
    )]
    NotWritable {
        /// The folder.
        folder: PathBuf,
        /// The daemon's user.
        uid: u32,
    },
    /// `EPERM` on chgrp(2).
    #[error(
        "the daemon is not in group {0}; add it with a drop-in (systemctl edit zoho-tokend: \
         [Service] SupplementaryGroups={0}) and restart"
    )]
    NotInGroup(u32),
    /// `ENOSPC`, `EDQUOT`.
    #[error("no space or no inodes are left where {} is; free some (df -h, df -i)", .0.display())]
    Full(PathBuf),
    /// A folder where a file or a link must be.
    #[error("{} is a folder that the daemon did not make; move it away", .0.display())]
    IsFolder(PathBuf),
    /// Somebody else's file at the path of an output.
    #[error("{} is there already and holds no token; move it away, or name another path", .0.display())]
    InUse(PathBuf),
    /// `tokens_dir` holds other things.
    #[error("{} is in use for other things ({}); give tokens_dir a folder of its own", .folder.display(), .found)]
    NotOurs {
        /// `tokens_dir`.
        folder: PathBuf,
        /// One of the things.
        found: String,
    },
    /// `EWOULDBLOCK` on the lock of `tokens_dir`.
    #[error(
        "another zoho-tokend{} keeps its files in {}; stop that one, or give this one a tokens_dir of its own",
        .pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default(), .folder.display()
    )]
    Busy {
        /// `tokens_dir`.
        folder: PathBuf,
        /// The holder, where the kernel tells.
        pid: Option<u32>,
    },
    /// Readers could be given a forged token.
    #[error("readers could be given forged tokens: {} {why}; {cure}", .folder.display())]
    Forgeable {
        /// `tokens_dir`, or a folder above it.
        folder: PathBuf,
        /// Who can do it.
        why: String,
        /// What to do.
        cure: String,
    },
    /// `EOPNOTSUPP` on the access list.
    #[error(
        "the file system of {} has no POSIX access lists; put tokens_dir on a tmpfs, as /run is", .0.display()
    )]
    NoAccessLists(PathBuf),
    /// `E2BIG` on the access list: 64 KiB on tmpfs, a block on ext4.
    #[error("an access list has no room for all {0} readers; list a group instead of its members")]
    TooManyReaders(usize),
    /// `EINVAL` on the access list.
    #[error(
        "the kernel refuses the readers' access list: a reader's id is not known in this user namespace; \
         run the daemon without one (PrivateUsers=no)"
    )]
    UnknownIds,
    /// Anything else.
    #[error("{step} {} failed: {source}; the daemon tries again", .path.display())]
    Other {
        /// What was tried.
        step: &'static str,
        /// With what.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
}

impl Trouble {
    /// Sorts what `step` on `path`, in `folder`, failed with.
    pub(super) fn of(step: &'static str, path: &Path, folder: &Path, source: io::Error) -> Self {
        let folder = folder.to_owned();
        match source.raw_os_error().map(Errno::from_raw_os_error) {
            Some(Errno::ROFS) => Self::ReadOnly(folder),
            Some(Errno::NOENT | Errno::NOTDIR) => Self::NoFolder(folder),
            Some(Errno::ACCESS | Errno::PERM) => Self::NotWritable {
                folder,
                uid: rustix::process::geteuid().as_raw(),
            },
            Some(Errno::NOSPC | Errno::DQUOT) => Self::Full(folder),
            Some(Errno::ISDIR) => Self::IsFolder(path.to_owned()),
            _ => Self::Other {
                step,
                path: path.to_owned(),
                source,
            },
        }
    }

    /// Sorts what setting an access list with `readers` entries on `path` failed with.
    pub(super) fn of_access_list(path: &Path, readers: usize, source: io::Error) -> Self {
        match source.raw_os_error().map(Errno::from_raw_os_error) {
            Some(Errno::OPNOTSUPP) => Self::NoAccessLists(path.to_owned()),
            Some(Errno::TOOBIG | Errno::RANGE) => Self::TooManyReaders(readers),
            // ext4 says "no space" of a list that is longer than a block.
            Some(Errno::NOSPC) if readers > READERS_SURE => Self::TooManyReaders(readers),
            Some(Errno::INVAL) => Self::UnknownIds,
            _ => Self::of("set the access list of", path, path, source),
        }
    }

    /// Whether the config, or a folder that it names, must be mended before anything can be written: what `check`
    /// tells, too. The rest comes and goes with the file system.
    pub(super) fn is_of_config(&self) -> bool {
        matches!(
            self,
            Self::NotAFolder(_)
                | Self::NoFolder(_)
                | Self::NotWritable { .. }
                | Self::IsFolder(_)
                | Self::NotOurs { .. }
                | Self::Busy { .. }
                | Self::Forgeable { .. }
        )
    }

    /// Names whose files have this trouble.
    pub(super) fn with_files_of(self, org: &OrgName) -> OutletError {
        OutletError {
            what: format!("token files of org {org}"),
            trouble: self,
        }
    }

    /// Names the folder of all token files, where no single org is concerned.
    pub(super) fn with_dir(self, tokens_dir: &Path) -> OutletError {
        OutletError {
            what: format!("tokens_dir {}", tokens_dir.display()),
            trouble: self,
        }
    }
}
