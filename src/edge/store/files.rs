//! The state's files: their names, and that they are ours alone.
//!
//! Looks at files by name only: opening `state.db` is for `SQLite`. Invariant: what passes is a regular file of
//! this user's, mode 0600.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::Access;

use super::error::{Damage, Hindrance, StoreError};

/// No database is smaller, in bytes. For `SQLite` a file of 0 or 1 is a new one, whose log it deletes.
pub(super) const STATE_LEN_MIN: u64 = 512;

/// What `SQLite` may have left beside a database.
const SIDES: [&str; 3] = ["-journal", "-wal", "-shm"];

/// The names of all files that belong to one state.
#[derive(Debug, Clone)]
pub(super) struct Files {
    pub(super) state: PathBuf,
    pub(super) wal: PathBuf,
    pub(super) shm: PathBuf,
    pub(super) lock: PathBuf,
    pub(super) mark: PathBuf,
    /// A first start that has not come to its end.
    pub(super) new: PathBuf,
}

impl Files {
    pub(super) fn of(state: &Path) -> Self {
        Self {
            state: state.to_owned(),
            wal: with(state, "-wal"),
            shm: with(state, "-shm"),
            lock: with(state, ".lock"),
            mark: with(state, ".mark"),
            new: with(state, ".new"),
        }
    }

    /// The folder exists, made here if its parent does, and no stranger can put files into it.
    pub(super) fn require_folder(&self) -> Result<(), StoreError> {
        let folder = folder_of(&self.state);
        match DirBuilder::new().mode(0o700).create(folder) {
            Ok(()) => return Ok(()),
            Err(err) if err.kind() == io::ErrorKind::AlreadyExists => (),
            Err(err) if folder.is_dir() => drop(err), // Say, a read-only parent.
            Err(err) => return Err(StoreError::of_io(&self.state, "make its folder", &err)),
        }
        self.refuse_strangers()
    }

    /// No stranger can put files into the folder, if it is there.
    pub(super) fn refuse_strangers(&self) -> Result<(), StoreError> {
        let folder = folder_of(&self.state);
        let found = match fs::metadata(folder) {
            Ok(found) => found,
            Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(err) => return Err(StoreError::of_io(folder, "look at it", &err)),
        };
        let (by_others, sticky) = (found.mode() & 0o002 != 0, found.mode() & 0o1000 != 0);
        if by_others && !sticky {
            return Err(not_permitted(
                folder,
                format!(
                    "mode {:04o} lets every user replace the state",
                    found.mode() & 0o7777
                ),
                format!("chmod o-w {}", folder.display()),
            ));
        }
        Ok(())
    }

    /// Whether there is a state; it and its log are ours, and it is no stump.
    pub(super) fn require_ours(&self) -> Result<bool, StoreError> {
        for path in [&self.wal, &self.shm, &self.mark] {
            if let Some(found) = look(path)? {
                tighten(path, &found)?;
            }
        }
        let Some(found) = look(&self.state)? else {
            return Ok(false);
        };
        tighten(&self.state, &found)?;
        if found.len() < STATE_LEN_MIN {
            let (path, damage) = (self.state.clone(), Damage::Short(found.len()));
            return Err(StoreError::Damaged { path, damage });
        }
        // SQLite would fall back to reading alone, and say so only at the first write.
        rustix::fs::access(&self.state, Access::READ_OK | Access::WRITE_OK)
            .map_err(|err| StoreError::of_io(&self.state, "open it for writing", &err.into()))?;
        Ok(true)
    }

    /// Begins, or begins again, a first start: an empty `.new`. While that stands there, the next start knows that
    /// nothing was acknowledged yet, so it is never gone in between.
    pub(super) fn begin_new(&self) -> Result<(), StoreError> {
        for suffix in SIDES {
            remove_if_there(&with(&self.new, suffix))?;
        }
        let mut options = File::options();
        options.write(true).create(true).truncate(true).mode(0o600);
        let opened = options.open(&self.new);
        opened.map_err(|err| StoreError::of_io(&self.new, "make the state", &err))?;
        sync_folder(&self.new)
    }

    /// Gives the finished `.new` its name.
    pub(super) fn finish_new(&self) -> Result<(), StoreError> {
        let failed = |err| StoreError::of_io(&self.new, "finish the state", &err);
        let finished = File::open(&self.new).map_err(failed)?;
        finished.sync_all().map_err(failed)?;
        fs::rename(&self.new, &self.state).map_err(failed)?;
        sync_folder(&self.state)
    }

    /// Removes a `.new` beside a good state: nobody needs it, and were the state lost, it would hide that.
    pub(super) fn remove_new(&self) -> Result<(), StoreError> {
        remove_if_there(&self.new)
    }

    /// Which files the state and its log are now; another answer later means that somebody moved them.
    pub(super) fn identity(&self) -> Option<[(u64, u64); 2]> {
        let of = |path| fs::symlink_metadata(path).map(|found| (found.dev(), found.ino()));
        Some([of(&self.state).ok()?, of(&self.wal).ok()?])
    }

    /// The error for a changed [`Self::identity`].
    pub(super) fn moved(&self) -> StoreError {
        let (path, hindrance) = (self.state.clone(), Hindrance::Moved);
        StoreError::Unwritable { path, hindrance }
    }
}

/// `path` with `suffix` behind its name.
pub(super) fn with(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

/// The folder that holds `path`.
pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

pub(super) fn remove_if_there(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(err) if err.kind() != io::ErrorKind::NotFound => {
            Err(StoreError::of_io(path, "remove it", &err))
        }
        _ => Ok(()),
    }
}

/// Makes a new, removed or renamed name in the folder of `path` last.
pub(super) fn sync_folder(path: &Path) -> Result<(), StoreError> {
    let folder = folder_of(path);
    File::open(folder)
        .and_then(|opened| opened.sync_all())
        .map_err(|err| StoreError::of_io(folder, "sync this folder", &err))
}

/// What stands at `path`, if anything: a regular file of this user's, or it is refused.
pub(super) fn look(path: &Path) -> Result<Option<Metadata>, StoreError> {
    look_for(path, rustix::process::geteuid().as_raw())
}

/// The same for the user `us`.
pub(super) fn look_for(path: &Path, us: u32) -> Result<Option<Metadata>, StoreError> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(err) => return Err(StoreError::of_io(path, "look at it", &err)),
    };
    require_regular(path, &found)?;
    if found.uid() != us {
        return Err(not_ours(path, found.uid(), us));
    }
    Ok(Some(found))
}

/// The error for a file of the user `owner`, where `us` is another.
pub(super) fn not_ours(path: &Path, owner: u32, us: u32) -> StoreError {
    let what = format!("it belongs to uid {owner}, but this runs as uid {us}");
    // To give a service's files to root would stop the service.
    let cure = match us {
        0 => format!("start the service instead of running this as root, or run it as uid {owner}"),
        _ => format!("run as that user, or `chown {us} {}`", path.display()),
    };
    not_permitted(path, what, cure)
}

/// Refuses links, folders and devices.
pub(super) fn require_regular(path: &Path, found: &Metadata) -> Result<(), StoreError> {
    if found.is_file() {
        return Ok(());
    }
    let what = "it is no regular file (a link, a folder or a device)".into();
    let cure = "name the file itself in the config, or move this away".into();
    Err(not_permitted(path, what, cure))
}

pub(super) fn not_permitted(path: &Path, what: String, cure: String) -> StoreError {
    let path = path.to_owned();
    StoreError::NotPermitted { path, what, cure }
}

/// Takes away what a copy under a loose umask gave to others. A file without our own two bits was meant so.
fn tighten(path: &Path, found: &Metadata) -> Result<(), StoreError> {
    let mode = found.mode() & 0o7777;
    if mode & 0o600 != 0o600 {
        return Err(not_permitted(
            path,
            format!("mode {mode:04o} lets its owner not read and write it"),
            format!("chmod 600 {}", path.display()),
        ));
    }
    if mode == 0o600 {
        return Ok(());
    }
    fs::set_permissions(path, Permissions::from_mode(0o600))
        .map_err(|err| StoreError::of_io(path, "make it private", &err))
}
