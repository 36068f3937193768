//! Client secrets in files of their own.
//!
//! Invariant: a secret that anybody but its owner could read is not used, and no error holds a part of one (S1).
//! Credential folders are systemd's: their owner and mode differ between its releases and are never looked at.

use std::path::{Path, PathBuf};

use crate::base::Secret;
use crate::config::SecretSource;

use super::credentials::{Credentials, MissingCredential};
use super::small_file::{self, SmallFile, Unreadable};

/// Longest secret, in bytes; Zoho's have 42.
const SIZE_MAX: usize = 4096;

/// Why a secret is not used. Ends a sentence about the key that names it, and says what to do.
#[derive(Debug, thiserror::Error)]
pub enum BadSecret {
    /// systemd did not pass it.
    #[error(transparent)]
    NotPassed(#[from] MissingCredential),
    /// Its file is not fit to hold it.
    #[error("is in {}, which {why}", path.display())]
    BadFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: BadFile,
    },
}

/// What is wrong with a secret's file, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum BadFile {
    /// It is not there.
    #[error("is not there; write the secret there, with mode 0600 and the daemon's user as owner")]
    Missing,
    /// It is there and cannot be read.
    #[error(transparent)]
    Unreadable(Unreadable),
    /// Others could have read it.
    #[error(
        "others can read or change (mode {0:04o}); chmod 0600 it, and renew the secret if strangers use this host"
    )]
    Loose(u32),
    /// Somebody else could replace it.
    #[error("belongs to uid {0}; chown it to the daemon's user")]
    ForeignOwner(u32),
    /// Nothing, or not one line of text.
    #[error("holds no single line of text; write the secret there and nothing else")]
    NotALine,
}

/// Reads a secret. A file must belong to root or `daemon_uid`, and be for its owner alone.
pub fn read(
    source: &SecretSource,
    credentials: &Credentials,
    daemon_uid: u32,
) -> Result<Secret, BadSecret> {
    let (path, line) = match source {
        SecretSource::Credential(name) => {
            let path = credentials.path_of(name)?;
            let line = read_line(&path, |_, _| Ok(()));
            (path, line)
        }
        SecretSource::File(path) => {
            let line = read_line(path, |mode, uid| check_owner_only(mode, uid, daemon_uid));
            (path.clone(), line)
        }
    };
    line.map_err(|why| BadSecret::BadFile { path, why })
}

/// Whether a file is fit to hold a secret, whatever is in it.
pub fn check_file(path: &Path, daemon_uid: u32) -> Result<(), BadFile> {
    let file = open(path)?;
    check_owner_only(file.mode, file.uid, daemon_uid)
}

fn check_owner_only(mode: u32, uid: u32, daemon_uid: u32) -> Result<(), BadFile> {
    if mode & 0o077 != 0 {
        return Err(BadFile::Loose(mode));
    }
    if uid == 0 || uid == daemon_uid {
        return Ok(());
    }
    Err(BadFile::ForeignOwner(uid))
}

/// One newline at the end is the editor's, not the secret's.
fn read_line(
    path: &Path,
    check: impl FnOnce(u32, u32) -> Result<(), BadFile>,
) -> Result<Secret, BadFile> {
    let mut file = open(path)?;
    check(file.mode, file.uid)?;
    let mut ends = [b"\r\n".as_slice(), b"\n"].into_iter();
    let line = ends.find_map(|end| file.bytes.strip_suffix(end));
    let length = line.map_or(file.bytes.len(), <[u8]>::len);
    file.bytes.truncate(length);
    if !is_line(&file.bytes) {
        return Err(BadFile::NotALine);
    }
    let text = String::from_utf8(std::mem::take(&mut *file.bytes));
    Ok(Secret::new(text.expect("printable ASCII is UTF-8")))
}

fn open(path: &Path) -> Result<SmallFile, BadFile> {
    small_file::read(path, SIZE_MAX).map_err(|why| match why {
        Unreadable::Missing => BadFile::Missing,
        why => BadFile::Unreadable(why),
    })
}

/// Printable ASCII (RFC 6749, appendix A.2), without the spaces around that a paste leaves.
fn is_line(bytes: &[u8]) -> bool {
    let is_printable = bytes.iter().all(|b| matches!(b, b' '..=b'~'));
    !bytes.is_empty() && is_printable && bytes.trim_ascii().len() == bytes.len()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn read_file(text: &[u8], mode: u32, daemon_uid: u32) -> Result<String, String> {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("secret");
        std::fs::write(&path, text).expect("a file");
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(&path, permissions).expect("our own file");
        let secret = read(&SecretSource::File(path), &Credentials::none(), daemon_uid);
        secret
            .map(|secret| secret.expose().to_owned())
            .map_err(|bad| bad.to_string())
    }

    fn own_uid() -> u32 {
        rustix::process::geteuid().as_raw()
    }

    #[test]
    fn one_newline_at_the_end_is_not_part_of_the_secret() {
        for text in ["abc", "abc\n", "abc\r\n"] {
            assert_eq!(
                read_file(text.as_bytes(), 0o600, own_uid()),
                Ok("abc".into())
            );
        }
    }

    #[test]
    fn s1_a_file_that_is_no_single_line_is_refused_without_showing_it() {
        for text in [
            "",
            "\n",
            "canary\n\n",
            "canary ",
            "canary\u{e9}",
            "\u{feff}canary",
        ] {
            let error = read_file(text.as_bytes(), 0o600, own_uid()).expect_err("no line");
            assert!(
                error.contains("no single line of text") && !error.contains("canary"),
                "{error}"
            );
        }
        assert!(read_file(b"\xff\xfe", 0o600, own_uid()).is_err());
    }

    #[test]
    fn s1_a_secret_that_others_can_read_is_not_used() {
        for mode in [0o640, 0o604, 0o644, 0o620] {
            let error = read_file(b"canary", mode, own_uid()).expect_err("loose");
            assert!(
                error.contains("chmod 0600") && !error.contains("canary"),
                "{error}"
            );
        }
        assert!(read_file(b"abc", 0o400, own_uid()).is_ok());
    }

    #[test]
    fn a_secret_of_another_user_is_not_used() {
        let (root, daemon, stranger) = (0, 4711, 4712);
        assert!(check_owner_only(0o600, root, daemon).is_ok());
        assert!(check_owner_only(0o600, daemon, daemon).is_ok());
        let error = check_owner_only(0o600, stranger, daemon).expect_err("foreign");
        assert!(error.to_string().contains("uid 4712; chown"), "{error}");
    }

    #[test]
    fn a_credential_may_have_any_mode() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(dir.path().join("warehouse"), "abc\n").expect("a file");
        let credentials = Credentials::in_folder(dir.path());
        let read = |name: &str| read(&SecretSource::Credential(name.into()), &credentials, 0);
        assert_eq!(read("warehouse").expect("passed").expose(), "abc");
        let missing = read("other").expect_err("not passed").to_string();
        assert!(missing.contains("LoadCredential=other"), "{missing}");
    }
}
