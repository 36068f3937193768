//! Why the state cannot be used, sorted by what to do about it. Each text names the file and the cure.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::key::KeySource;
use super::schema;
use crate::base::OrgName;

/// Why the store refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Another daemon holds the state.
    #[error("{}: {} has this state open; stop that one first, or give this one another `state`", path.display(), Holder(*pid))]
    Busy {
        /// The state.
        path: PathBuf,
        /// The other daemon, where it could write its pid down.
        pid: Option<u32>,
    },
    /// The state is not what was acknowledged. Nothing was changed.
    #[error("{}: {damage}; {}", path.display(), damage.cure(path))]
    Damaged {
        /// The state.
        path: PathBuf,
        /// What is wrong with it.
        damage: Damage,
    },
    /// The seal key is missing, is no key, or is another state's.
    #[error("{path}: {flaw}")]
    WrongKey {
        /// The key's file, or `credential NAME`.
        path: String,
        /// What is wrong with it.
        flaw: KeyFlaw,
    },
    /// A newer release has written the state.
    #[error("{}: a newer zoho-tokend wrote this state (schema {schema}; this one reads up to {known}); \
             run that release again, or restore a backup that this one made", path.display())]
    Newer {
        /// The state.
        path: PathBuf,
        /// Its schema version.
        schema: u32,
        /// The newest that this release knows.
        known: u32,
    },
    /// Somebody else wrote the org's record since it was read.
    #[error("{}: org {org}: revision {revision} cannot follow the stored {stored}, so another program has \
             written this state; stop that program, then restart zoho-tokend", path.display())]
    Conflict {
        /// The state.
        path: PathBuf,
        /// The org.
        org: OrgName,
        /// The revision that was to be written.
        revision: u64,
        /// The stored one; 0 if there is none.
        stored: u64,
    },
    /// The disk cannot serve now; what was acknowledged before is safe.
    #[error("{}: {hindrance}", path.display())]
    Unwritable {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        hindrance: Hindrance,
    },
    /// Owner or mode of a file or folder is wrong.
    #[error("{}: {what}; {cure}", path.display())]
    NotPermitted {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong.
        what: String,
        /// A command or an act.
        cure: String,
    },
}

impl StoreError {
    /// The sysexits code of a start that failed by this: 75 try later, 77 not permitted, 78 a person must act.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Damaged { .. }
            | Self::WrongKey { .. }
            | Self::Newer { .. }
            | Self::Unwritable {
                hindrance: Hindrance::NoFolder,
                ..
            } => 78,
            Self::NotPermitted { .. } => 77,
            Self::Busy { .. } | Self::Conflict { .. } | Self::Unwritable { .. } => 75,
        }
    }

    /// What a failed call of the operating system on `path` means, while `doing` something to it.
    pub(super) fn of_io(path: &Path, doing: &str, err: &io::Error) -> Self {
        let path = path.to_owned();
        let hindrance = match err.kind() {
            io::ErrorKind::PermissionDenied => {
                return Self::NotPermitted {
                    path,
                    what: format!("cannot {doing}: {err}"),
                    cure: "run as the user who owns the folder, and let nobody else into it".into(),
                };
            }
            io::ErrorKind::NotFound => Hindrance::NoFolder,
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Hindrance::Full,
            io::ErrorKind::ReadOnlyFilesystem => Hindrance::ReadOnly,
            _ => Hindrance::Io(format!("cannot {doing}: {err}")),
        };
        Self::Unwritable { path, hindrance }
    }
}

/// Names a daemon by what is known of it.
struct Holder(Option<u32>);

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(pid) => write!(f, "another zoho-tokend (process {pid})"),
            None => f.write_str("another zoho-tokend"),
        }
    }
}

/// What is wrong with a state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// It is gone, and these files say that it was there.
    #[error("the state is missing, though there was one: see {}", list(.0))]
    Missing(Vec<PathBuf>),
    /// A file of so few bytes; the smallest database has 512.
    #[error("the state is damaged: the file has only {0} bytes")]
    Short(u64),
    /// `SQLite` cannot make sense of it; its words.
    #[error("the state is damaged: {0}")]
    Structure(String),
    /// A database, but not of this program, or of a broken header.
    #[error("this is no state of zoho-tokend, or its header is damaged")]
    Foreign,
    /// The record of the whole does not verify.
    #[error("the state is damaged: the seal over the whole is broken")]
    Whole,
    /// One row does not verify, or a secret in it is not of this place.
    #[error("the state is damaged: {table} `{key}`: the seal of {} is broken", .column.unwrap_or("the row"))]
    Row {
        /// The table.
        table: &'static str,
        /// The row's key.
        key: String,
        /// The sealed column, if one of them is the cause.
        column: Option<&'static str>,
    },
    /// Each row verifies, but they are not all of the last write.
    #[error("the state is damaged: rows are missing, or older than the others")]
    Mixed,
    /// An older state, or its log is lost.
    #[error(
        "the state lacks the last {0} acknowledged writes: its -wal file was lost or damaged, or this is an older copy"
    )]
    Behind(u64),
}

impl Damage {
    fn cure(&self, state: &Path) -> String {
        let state = state.display();
        match self {
            Self::Missing(witnesses) => format!(
                "put it back, or restore a backup (README, Backup). \
                 To begin anew on purpose, and enroll every org again, delete {}",
                list(witnesses)
            ),
            Self::Behind(_) => format!(
                "nothing was changed. Put the newest {state} and {state}-wal back, or restore a backup \
                 (README, Backup). To go on with this older state on purpose, wait ten minutes, \
                 since mints are missing in its count, and delete {state}.mark"
            ),
            Self::Foreign => format!(
                "nothing was changed. Correct `state` in the config; if {state} is the right file, move it aside, \
                 keep it, and restore a backup (README, Backup)"
            ),
            _ => format!(
                "nothing was changed. Move {state} and {state}-wal aside, keep them, and restore a backup \
                 (README, Backup)"
            ),
        }
    }
}

fn list(paths: &[PathBuf]) -> String {
    let paths: Vec<String> = paths
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    paths.join(" and ")
}

/// What is wrong with a seal key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyFlaw {
    /// No such file, but a state that is sealed.
    #[error("the seal key is missing, and {} is sealed with it; put the key back from where you keep it. \
             No other key opens that state", .0.display())]
    Missing(PathBuf),
    /// The unit passes no such credential.
    #[error(
        "the service manager passed no such credential; add `LoadCredential=` (or \
             `LoadCredentialEncrypted=`) for it to the unit and restart"
    )]
    NotPassed,
    /// Not 64 hex digits.
    #[error(
        "this is no seal key: its first line must be 64 hex digits; put the right file back, or make a \
             first one with `openssl rand -hex 32`"
    )]
    Malformed,
    /// A key, but not the one that this state is sealed with.
    #[error("this key (id {given}) does not open {}, which is sealed with key id {wanted}; put that key back", state.display())]
    Other {
        /// The state.
        state: PathBuf,
        /// Id of the key that was given.
        given: String,
        /// Id of the key that is needed.
        wanted: String,
    },
}

/// Why the disk cannot serve now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Hindrance {
    /// No space, or over quota.
    #[error("the disk is full; free some space, then this goes on by itself")]
    Full,
    /// A folder on the way to it is missing.
    #[error(
        "its folder does not exist; make it (`install -d -m 0700 -o USER FOLDER`), or correct the path in the config"
    )]
    NoFolder,
    /// The file system takes no writes.
    #[error(
        "the file system is read-only; mount it writable (after an error of the disk: see `dmesg`)"
    )]
    ReadOnly,
    /// Another program is in the middle of a write.
    #[error("another program holds a lock on the state; end it (`fuser -v FILE` names it)")]
    Locked,
    /// A file was removed or replaced under the running daemon.
    #[error(
        "the file was moved, deleted or replaced while in use; put the original back, or restart \
             zoho-tokend to go on with what is there"
    )]
    Moved,
    /// Anything else that the disk said.
    #[error("{0}; see `dmesg` for the disk, this is tried again")]
    Io(String),
}

/// Why something inside the store failed; the path is added at its edge.
#[derive(Debug)]
pub(super) enum Fault {
    Sqlite(rusqlite::Error),
    Damage(Damage),
    OtherKey {
        given: String,
        wanted: String,
    },
    Newer {
        schema: u32,
    },
    Conflict {
        org: OrgName,
        revision: u64,
        stored: u64,
    },
}

impl From<rusqlite::Error> for Fault {
    fn from(err: rusqlite::Error) -> Self {
        Self::Sqlite(err)
    }
}

impl From<Damage> for Fault {
    fn from(damage: Damage) -> Self {
        Self::Damage(damage)
    }
}

impl Fault {
    /// This fault of the state at `path`, which the key of `source` seals.
    pub(super) fn at(self, path: &Path, source: &KeySource) -> StoreError {
        let path = path.to_owned();
        match self {
            Self::Sqlite(err) => of_sqlite(path, &err),
            Self::Damage(damage) => StoreError::Damaged { path, damage },
            Self::OtherKey { given, wanted } => {
                let state = path;
                source.wrong(KeyFlaw::Other {
                    state,
                    given,
                    wanted,
                })
            }
            Self::Newer { schema } => {
                let known = schema::newest();
                StoreError::Newer {
                    path,
                    schema,
                    known,
                }
            }
            Self::Conflict {
                org,
                revision,
                stored,
            } => StoreError::Conflict {
                path,
                org,
                revision,
                stored,
            },
        }
    }
}

/// What an error of `SQLite` means ("Result and Error Codes").
fn of_sqlite(path: PathBuf, err: &rusqlite::Error) -> StoreError {
    use rusqlite::ErrorCode as Code;
    let hindrance = match err.sqlite_error_code() {
        Some(Code::DiskFull) => Hindrance::Full,
        Some(Code::ReadOnly) => Hindrance::ReadOnly,
        Some(Code::DatabaseBusy | Code::DatabaseLocked | Code::FileLockingProtocolFailed) => {
            Hindrance::Locked
        }
        Some(Code::SystemIoFailure | Code::CannotOpen | Code::OutOfMemory) => {
            Hindrance::Io(format!("cannot read or write: {err}"))
        }
        Some(Code::PermissionDenied) => {
            return StoreError::NotPermitted {
                path,
                what: format!("cannot open: {err}"),
                cure: "run as the user who owns it".into(),
            };
        }
        _ => {
            let damage = Damage::Structure(err.to_string());
            return StoreError::Damaged { path, damage };
        }
    };
    StoreError::Unwritable { path, hindrance }
}
