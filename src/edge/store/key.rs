//! The seal key: from a file that is made once, together with the state, or from a credential of systemd's.
//!
//! A key file is text. Line 1: the key, 64 hex digits. Line 2, only in a key that was made here: `state ID`, the
//! state that it was made with; so a key of ours without a state means that the state was lost, while a key that
//! a person brought means nothing. Invariant: no key is ever replaced.

use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::error::{KeyFlaw, StoreError};
use super::files;
use super::seal::{KEY_LEN, Seal, fill_random, hex, unhex};

/// No key file is longer, in bytes: two lines, and room for a remark.
const FILE_LEN_MAX: u64 = 4096;

/// Where the seal key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// This file; made with the state if there is neither.
    File(PathBuf),
    /// `$CREDENTIALS_DIRECTORY/NAME` (systemd.exec(5), "Credentials"); never made here.
    Credential(String),
}

/// A key, ready for use.
pub(super) struct Key {
    pub(super) seal: Seal,
    /// The state that it was made with, if it was made here.
    pub(super) made_with: Option<String>,
}

impl KeySource {
    /// The key, or `None` if there is none.
    pub(super) fn read(&self) -> Result<Option<Key>, StoreError> {
        let Some(path) = self.path(std::env::var_os("CREDENTIALS_DIRECTORY")) else {
            return Ok(None);
        };
        let us = rustix::process::geteuid().as_raw();
        let Some(text) = read(&path, us)? else {
            return Ok(None);
        };
        match parse(&text) {
            Some(key) => Ok(Some(key)),
            None => Err(self.wrong(KeyFlaw::Malformed)),
        }
    }

    /// Makes a key for the state `state_id`, durable before this returns.
    pub(super) fn make(&self, state_id: &str) -> Result<Key, StoreError> {
        let Self::File(path) = self else {
            return Err(self.wrong(KeyFlaw::NotPassed));
        };
        let mut key = Zeroizing::new([0; KEY_LEN]);
        fill_random(&mut *key);
        let digits = Zeroizing::new(hex(&*key));
        let text = Zeroizing::new(format!("{}\nstate {state_id}\n", *digits));
        write_new(path, text.as_bytes())
            .map_err(|err| StoreError::of_io(path, "make this key", &err))?;
        files::sync_folder(path)?;
        let (seal, made_with) = (Seal::new(&key), Some(state_id.to_owned()));
        Ok(Key { seal, made_with })
    }

    /// Removes a copy of a key that a first start left half made.
    pub(super) fn remove_unfinished(&self) -> Result<(), StoreError> {
        match self {
            Self::File(path) => files::remove_if_there(&half_of(path)),
            Self::Credential(_) => Ok(()),
        }
    }

    /// The error for `flaw` in this key.
    pub(super) fn wrong(&self, flaw: KeyFlaw) -> StoreError {
        let path = match self {
            Self::File(path) => path.display().to_string(),
            Self::Credential(name) => format!("credential {name}"),
        };
        StoreError::WrongKey { path, flaw }
    }

    /// The error for a key that is not there, where `state` is sealed with it.
    pub(super) fn missing(&self, state: &Path) -> StoreError {
        self.wrong(match self {
            Self::File(_) => KeyFlaw::Missing(state.to_owned()),
            Self::Credential(_) => KeyFlaw::NotPassed,
        })
    }

    fn path(&self, credentials: Option<OsString>) -> Option<PathBuf> {
        match self {
            Self::File(path) => Some(path.clone()),
            // A name with a slash would leave the folder.
            Self::Credential(name) if name.is_empty() || name.contains('/') => None,
            Self::Credential(name) => credentials.map(|folder| Path::new(&folder).join(name)),
        }
    }
}

/// What a look at a key's file finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyFile {
    /// It is not there.
    Missing,
    /// A key that a person brought.
    Brought,
    /// A key that was made here, together with a state.
    MadeWithState,
}

/// Looks at the key in the file at `path` as a daemon that runs as `uid` would. Keeps nothing of it.
pub fn look_at_key(path: &Path, uid: u32) -> Result<KeyFile, StoreError> {
    let Some(text) = read(path, uid)? else {
        return Ok(KeyFile::Missing);
    };
    match parse(&text).map(|key| key.made_with) {
        Some(Some(_)) => Ok(KeyFile::MadeWithState),
        Some(None) => Ok(KeyFile::Brought),
        None => Err(KeySource::File(path.to_owned()).wrong(KeyFlaw::Malformed)),
    }
}

/// The text of a key's file that is private to `us`; `None` where there is no file.
fn read(path: &Path, us: u32) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
    let mut options = OpenOptions::new();
    // A link is followed (a mounted secret is one): what counts is the file that was opened. NONBLOCK: a pipe in its
    // place must not hang the start.
    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    options.read(true).custom_flags(flags);
    let file = match options.open(path) {
        Ok(file) => file,
        Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(err) => return Err(StoreError::of_io(path, "read this key", &err)),
    };
    let fail = |err| StoreError::of_io(path, "read this key", &err);
    require_private(path, &file.metadata().map_err(fail)?, us)?;
    let mut text = Zeroizing::new(Vec::with_capacity(256));
    file.take(FILE_LEN_MAX)
        .read_to_end(&mut text)
        .map_err(fail)?;
    Ok(Some(text))
}

/// Only this user, or root and a group that root chose (systemd's ACLs show as group bits), can read it.
fn require_private(path: &Path, found: &Metadata, us: u32) -> Result<(), StoreError> {
    files::require_regular(path, found)?;
    let (mode, owner) = (found.mode() & 0o7777, found.uid());
    if owner != us && owner != 0 {
        return Err(files::not_ours(path, owner, us));
    }
    let allowed = if owner == 0 { 0o740 } else { 0o700 };
    if mode & !allowed != 0 {
        let what = format!("mode {mode:04o} lets others read or change this key");
        return Err(files::not_permitted(
            path,
            what,
            format!("`chmod 600 {}`", path.display()),
        ));
    }
    Ok(())
}

fn parse(text: &[u8]) -> Option<Key> {
    let mut lines = std::str::from_utf8(text).ok()?.lines();
    let key = unhex::<KEY_LEN>(lines.next()?.trim())?;
    let made_with = lines.find_map(|line| line.strip_prefix("state "));
    Some(Key {
        seal: Seal::new(&key),
        made_with: made_with.map(|id| id.trim().to_owned()),
    })
}

fn half_of(path: &Path) -> PathBuf {
    files::with(path, ".new")
}

/// Whole or not at all under its name, and never over another file.
fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let half = half_of(path);
    let mut file = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&half)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    let made = fs::hard_link(&half, path);
    fs::remove_file(&half)?;
    made
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("seal.key");
        (folder, path)
    }

    fn put(path: &Path, text: &str, mode: u32) {
        fs::write(path, text).expect("written");
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("set");
    }

    #[test]
    fn a_made_key_is_private_reads_back_and_is_never_replaced() {
        let (_folder, path) = folder();
        let source = KeySource::File(path.clone());
        assert!(source.read().expect("no error").is_none());
        let made = source.make("id1").expect("made");
        assert_eq!(fs::metadata(&path).expect("there").mode() & 0o7777, 0o600);
        let read = source.read().expect("good").expect("there");
        assert_eq!(read.seal.key_id(), made.seal.key_id());
        assert_eq!(read.made_with.as_deref(), Some("id1"));
        assert!(matches!(
            source.make("id2"),
            Err(StoreError::Unwritable { .. })
        ));
        assert_eq!(
            source.read().expect("good").expect("there").made_with,
            made.made_with
        );
    }

    #[test]
    fn a_key_that_others_can_read_is_refused_with_the_command_that_cures_it() {
        let (_folder, path) = folder();
        for mode in [0o604, 0o644, 0o660, 0o602] {
            put(&path, &"ab".repeat(32), mode);
            let refused = KeySource::File(path.clone())
                .read()
                .err()
                .expect("too open");
            assert!(matches!(refused, StoreError::NotPermitted { .. }));
            assert!(
                refused
                    .to_string()
                    .ends_with(&format!("`chmod 600 {}`", path.display()))
            );
        }
    }

    #[test]
    fn a_key_that_a_person_made_speaks_of_no_state() {
        let (_folder, path) = folder();
        put(&path, &format!("{}\n", "ab".repeat(32)), 0o400);
        let key = KeySource::File(path).read().expect("good").expect("there");
        assert_eq!(key.made_with, None);
    }

    #[test]
    fn what_is_no_key_is_told_and_not_taken() {
        let (_folder, path) = folder();
        let digits = "ab".repeat(32);
        for bad in [
            "",
            "\n",
            "ab",
            &digits[1..],
            &format!("{digits}a"),
            &digits.replace('a', "g"),
        ] {
            put(&path, bad, 0o600);
            let source = KeySource::File(path.clone());
            let refused = source.read().err().expect("no key");
            assert_eq!(refused, source.wrong(KeyFlaw::Malformed), "{bad:?}");
        }
    }

    #[test]
    fn a_credential_is_one_file_in_its_folder() {
        let path = |name: &str, folder: Option<&str>| {
            KeySource::Credential(name.into()).path(folder.map(Into::into))
        };
        assert_eq!(path("k", Some("/run/c")), Some("/run/c/k".into()));
        assert_eq!(path("../k", Some("/run/c")), None);
        assert_eq!(path("", Some("/run/c")), None);
        assert_eq!(path("k", None), None);
    }
}
