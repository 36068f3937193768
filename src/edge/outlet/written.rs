//! Which outputs the daemon wrote: how a start knows the file of one that left the config in the meantime.
//!
//! A list beside the state, replaced whole before an output is: per path the file that stands there and the one that
//! is about to, so that it is right whenever the daemon is killed. It holds no secret. Invariant: a file is the daemon's
//! only as long as it is the very one that it made; what somebody replaced, copied back or changed is theirs. A
//! list that cannot be written or read weakens what the next start can tell, and stops nothing.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::folder::create_new;
use crate::base::OrgName;
use crate::edge::small_file::{self, Unreadable};

/// Most bytes of the list.
const LEN_MAX: usize = 32 * 1024 * 1024;

/// Most paths in it, of at most 4 096 bytes each. What is beyond is written, and not known to the next start.
const PATHS_MAX: usize = 4_096;

/// The file that stands at a path, and the one that is about to.
const FILES_MAX: usize = 2;

/// The list.
#[derive(Debug)]
pub struct Written {
    path: PathBuf,
    entries: Mutex<BTreeMap<PathBuf, Entry>>,
}

/// One path.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Entry {
    org: String,
    /// Newest last.
    files: Vec<Made>,
}

/// What tells one file from every other that ever had its name: the number alone is given away again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Made {
    inode: u64,
    size: u64,
    changed_s: i64,
    changed_ns: i64,
}

impl Written {
    /// The list at `path`, empty where there is none.
    pub fn open(path: &Path) -> Self {
        let entries = read(path).unwrap_or_else(|why| {
            tracing::warn!(
                "the list of written outputs {}: {why}; a file of an output that has left the config may stay: remove it",
                path.display()
            );
            BTreeMap::new()
        });
        Self {
            path: path.to_owned(),
            entries: Mutex::new(entries),
        }
    }

    /// The paths of the list, and the org that each was written for last.
    pub fn paths(&self) -> Vec<(PathBuf, OrgName)> {
        self.with(|entries| {
            let paths = entries.iter();
            paths
                .filter_map(|(path, entry)| Some((path.clone(), OrgName::parse(&entry.org).ok()?)))
                .collect()
        })
    }

    /// Something may stand at `path`, or beside it, from now on.
    pub(super) fn expect(&self, path: &Path, org: &OrgName) {
        self.with(|entries| {
            if entries
                .get(path)
                .is_some_and(|entry| entry.org == org.as_str())
            {
                return;
            }
            let files = entries.remove(path).map(|entry| entry.files);
            let entry = Entry {
                org: org.to_string(),
                files: files.unwrap_or_default(),
            };
            if entries.len() < PATHS_MAX {
                entries.insert(path.to_owned(), entry);
            }
            self.save(entries);
        });
    }

    /// `file`, which is written whole, is about to stand at `path`.
    pub(super) fn note(&self, path: &Path, file: &File) -> io::Result<()> {
        let made = Made::of(&file.metadata()?);
        self.with(|entries| {
            if let Some(entry) = entries.get_mut(path) {
                entry.files.push(made);
                let surplus = entry.files.len().saturating_sub(FILES_MAX);
                entry.files.drain(..surplus);
                self.save(entries);
            }
        });
        Ok(())
    }

    /// Nothing of ours is at `path` any more.
    pub(super) fn forget(&self, path: &Path) {
        self.with(|entries| {
            if entries.remove(path).is_some() {
                self.save(entries);
            }
        });
    }

    /// Whether the daemon has put a file at `path` before, there still or not.
    pub(super) fn knows(&self, path: &Path) -> bool {
        self.with(|entries| {
            let entry = entries.get(path);
            entry.is_some_and(|entry| !entry.files.is_empty())
        })
    }

    /// Whether this is a file that the daemon put at `path`.
    pub(super) fn is_own(&self, path: &Path, found: &Metadata) -> bool {
        let is_file = found.is_file() && found.nlink() == 1;
        let made = Made::of(found);
        is_file
            && self.with(|entries| {
                entries
                    .get(path)
                    .is_some_and(|own| own.files.contains(&made))
            })
    }

    fn with<T>(&self, act: impl FnOnce(&mut BTreeMap<PathBuf, Entry>) -> T) -> T {
        // Each change is whole before anything can panic.
        act(&mut self.entries.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn save(&self, entries: &BTreeMap<PathBuf, Entry>) {
        if let Err(err) = replace(&self.path, entries) {
            let path = self.path.display();
            tracing::warn!(
                "the list of written outputs {path} cannot be written: {err}; free the disk of the state or mend the folder's rights: a start cannot tell outputs that leave the config until then"
            );
        }
    }
}

impl Made {
    fn of(file: &Metadata) -> Self {
        Self {
            inode: file.ino(),
            size: file.size(),
            changed_s: file.mtime(),
            changed_ns: file.mtime_nsec(),
        }
    }
}

fn read(path: &Path) -> Result<BTreeMap<PathBuf, Entry>, String> {
    match small_file::read(path, LEN_MAX) {
        Ok(file) => serde_json::from_slice(&file.bytes).map_err(|err| err.to_string()),
        Err(Unreadable::Missing) => Ok(BTreeMap::new()),
        Err(why) => Err(why.to_string()),
    }
}

fn replace(path: &Path, entries: &BTreeMap<PathBuf, Entry>) -> io::Result<()> {
    let new = path.with_added_extension("new");
    match fs::remove_file(&new) {
        Err(err) if err.kind() != io::ErrorKind::NotFound => return Err(err),
        _ => (), // Left by a crash.
    }
    let mut file = create_new(&new)?;
    file.write_all(&serde_json::to_vec(entries)?)?;
    file.sync_all()?;
    fs::rename(&new, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes `text` to `path`; the list knows it.
    fn make(list: &Written, path: &Path, text: &str) {
        fs::write(path, text).expect("ours");
        list.note(path, &File::open(path).expect("there"))
            .expect("a file");
    }

    fn is_own(list: &Written, path: &Path) -> bool {
        list.is_own(path, &path.symlink_metadata().expect("there"))
    }

    #[test]
    fn only_the_very_file_that_was_made_is_our_own() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, at) = (folder.path().join("zoho"), folder.path().join("list"));
        let list = Written::open(&at);
        list.expect(&path, &OrgName::parse("acme").expect("a name"));
        make(&list, &path, "token");
        let again = Written::open(&at);
        assert!(is_own(&again, &path) && again.paths().len() == 1);
        fs::rename(&path, folder.path().join("moved")).expect("ours");
        fs::copy(folder.path().join("moved"), &path).expect("ours");
        assert!(!is_own(&again, &path), "a copy is another file");
        make(&list, &path, "token");
        fs::write(&path, "a person's").expect("ours");
        assert!(!is_own(&list, &path), "its content is a person's");
        std::os::unix::fs::symlink(folder.path().join("moved"), folder.path().join("link"))
            .expect("ours");
        assert!(!is_own(&list, &folder.path().join("link")));
        list.forget(&path);
        assert!(Written::open(&at).paths().is_empty());
    }

    /// S5
    #[test]
    fn s5_a_damaged_list_is_an_empty_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = folder.path().join("list");
        for text in ["", "{", "[]", r#"{"/srv/x":{"org":"acme"}}"#] {
            fs::write(&at, text).expect("ours");
            assert!(Written::open(&at).paths().is_empty(), "{text}");
        }
        fs::write(&at, r#"{"/srv/x":{"org":"../acme","files":[]}}"#).expect("ours");
        assert!(Written::open(&at).paths().is_empty(), "no such name");
    }
}
