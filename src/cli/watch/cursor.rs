//! What was told, in a file: a watcher that starts again begins there.
//!
//! Replaced whole after each thing that was told, never before. Invariants: a crash leaves the cursor at most one thing
//! behind, never ahead; of two watchers with one file the second is refused, since each would take the other's word
//! for its own; and what is no cursor is kept, not overwritten.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::change::Told;
use crate::cli::failure::{Exit, Failure};
use crate::cli::output;
use crate::edge::small_file::{self, Unreadable};

/// Most bytes of a cursor: those of ten thousand orgs.
const LEN_MAX: usize = 2 * 1024 * 1024;

/// So many files that were no cursor are kept.
const DAMAGED_MAX: u32 = 9;

/// The file, ours alone until this is dropped.
pub struct Cursor {
    path: PathBuf,
    _lock: File,
}

/// What is in it.
#[derive(Serialize, Deserialize)]
struct Content {
    zoho_tokend_cursor: u32,
    orgs: BTreeMap<String, Told>,
}

/// The form that this release writes.
const FORM: u32 = 1;

impl Cursor {
    /// The cursor at `path`, and what was told; nothing where there is none, or none that can be used, which is said.
    pub fn open(path: &Path) -> Result<(Self, BTreeMap<String, Told>), Failure> {
        refuse_link(path)?;
        let lock = lock(path)?;
        let cursor = Self {
            path: path.to_owned(),
            _lock: lock,
        };
        let told = match read(path) {
            Ok(told) => told,
            Err(why) => cursor.begin_anew(&why)?,
        };
        // Here and now, and not after the first command, it shows whether the file can be written at all.
        cursor.save(&told)?;
        Ok((cursor, told))
    }

    /// This was told.
    pub fn save(&self, told: &BTreeMap<String, Told>) -> Result<(), Failure> {
        let content = Content {
            zoho_tokend_cursor: FORM,
            orgs: told.clone(),
        };
        // Texts and numbers under text keys: nothing in it can be refused.
        let mut bytes = serde_json::to_vec(&content).unwrap_or_default();
        bytes.push(b'\n');
        replace(&self.path, &bytes).map_err(|error| {
            let what = format!("the cursor cannot be written ({error})");
            let cure = "make room, or let this user write its folder; what is told meanwhile is told again after a restart";
            Failure::new(Exit::Output, &self.path.display().to_string(), &what, cure)
        })
    }

    fn begin_anew(&self, why: &Unusable) -> Result<BTreeMap<String, Told>, Failure> {
        let who = self.path.display().to_string();
        let refused = |what: &str, cure: &str| Failure::new(Exit::Output, &who, what, cure);
        match why {
            Unusable::Unreadable(Unreadable::Missing) => return Ok(BTreeMap::new()),
            Unusable::Unreadable(why) => {
                return Err(refused("the cursor is not read", &format!("it {why}")));
            }
            Unusable::Damaged => (),
        }
        let aside = free_name(&self.path);
        fs::rename(&self.path, &aside).map_err(|error| {
            let what = format!("this is no cursor, and cannot be moved away ({error})");
            refused(&what, "name another file")
        })?;
        let cure = format!("all is told anew; what stood there is {}", aside.display());
        output::complain_of(&refused("this is no cursor, or a damaged one", &cure));
        Ok(BTreeMap::new())
    }
}

/// Why a file tells nothing.
enum Unusable {
    Unreadable(Unreadable),
    Damaged,
}

fn read(path: &Path) -> Result<BTreeMap<String, Told>, Unusable> {
    let file = match small_file::read(path, LEN_MAX) {
        Err(Unreadable::TooLarge(_)) => return Err(Unusable::Damaged),
        read => read.map_err(Unusable::Unreadable)?,
    };
    let content: Content = serde_json::from_slice(&file.bytes).map_err(|_| Unusable::Damaged)?;
    let is_known = content.zoho_tokend_cursor == FORM;
    is_known.then_some(content.orgs).ok_or(Unusable::Damaged)
}

/// A crash leaves the old one or the new one, whole.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = beside(path, ".new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        // Left by a crash, and ours: we hold the lock.
        _ => (),
    }
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    File::open(folder_of(path))?.sync_all()
}

/// A link would be read through and then replaced by a file; and whoever may make one in the folder would choose what
/// is moved away.
fn refuse_link(path: &Path) -> Result<(), Failure> {
    if !path.is_symlink() {
        return Ok(());
    }
    let who = path.display().to_string();
    let what = "the cursor is a link";
    Err(Failure::new(
        Exit::Output,
        &who,
        what,
        "name the file itself",
    ))
}

/// `FILE.damaged`, or where that is taken `FILE.damaged-2` and so on; the last takes the place of another.
fn free_name(path: &Path) -> PathBuf {
    let numbered = (2..DAMAGED_MAX).map(|n| beside(path, &format!(".damaged-{n}")));
    let mut all = [beside(path, ".damaged")].into_iter().chain(numbered);
    let last = beside(path, &format!(".damaged-{DAMAGED_MAX}"));
    all.find(|name| !name.exists()).unwrap_or(last)
}

/// The kernel drops it with the process, however that dies. Commands do not inherit it.
fn lock(path: &Path) -> Result<File, Failure> {
    let path = beside(path, ".lock");
    let who = path.display().to_string();
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    options.custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed());
    let opened = options.open(&path).map_err(TryLockError::Error);
    let locked = opened.and_then(|file| file.try_lock().map(|()| file));
    locked.map_err(|error| match error {
        TryLockError::WouldBlock => Failure::new(
            Exit::TryLater,
            &who,
            "another watch holds this cursor",
            "end that one, or give each a file of its own",
        ),
        TryLockError::Error(error) => Failure::new(
            Exit::Output,
            &who,
            &format!("cannot be opened ({error})"),
            "make its folder, let this user write there, or name another file",
        ),
    })
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}
