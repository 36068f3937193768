//! One daemon at a time: a lock of the kernel's on `state.db.lock`, which holds the pid for people.
//!
//! The kernel drops the lock with the process, however it dies; the file stays, and says nothing by itself. Children
//! do not keep it: the descriptor closes at exec.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use super::error::StoreError;
use super::files;

/// Longest that the holder may take from the lock to the pid, and the steps in which it is waited for.
const PID_TRIES: u32 = 10;
const PID_PAUSE: Duration = Duration::from_millis(10);

/// The state is ours until this is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock at `path` for the state at `state`, without waiting for another holder.
    pub(super) fn take(path: &Path, state: &Path) -> Result<Self, StoreError> {
        loop {
            let mut file = open(path)?;
            match file.try_lock() {
                Ok(()) => (),
                Err(TryLockError::WouldBlock) => {
                    let (path, pid) = (state.to_owned(), read_pid(path));
                    return Err(StoreError::Busy { path, pid });
                }
                Err(TryLockError::Error(err)) => {
                    return Err(StoreError::of_io(path, "lock it", &err));
                }
            }
            // Somebody may have removed the file in between: then another could lock a new one of this name.
            if is_at(&file, path) {
                // The pid is for people; a full disk must not stop a start by it.
                let written = file
                    .set_len(0)
                    .and_then(|()| writeln!(file, "{}", std::process::id()));
                drop(written);
                return Ok(Self { file });
            }
        }
    }
}

/// Gives the lock back also if another thread is between a fork and an exec, where the child shares it.
impl Drop for Lock {
    fn drop(&mut self) {
        // If this fails the close does it, a moment later.
        drop(self.file.unlock());
    }
}

fn open(path: &Path) -> Result<File, StoreError> {
    files::look(path)?;
    // Not truncated: until the lock is ours, the pid in it is another's.
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600);
    options.custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed());
    options
        .open(path)
        .map_err(|err| StoreError::of_io(path, "open it", &err))
}

fn is_at(file: &File, path: &Path) -> bool {
    let (Ok(ours), Ok(there)) = (file.metadata(), fs::symlink_metadata(path)) else {
        return false;
    };
    (ours.dev(), ours.ino()) == (there.dev(), there.ino())
}

/// The holder's pid; a holder that has only just locked gets a moment to write it.
fn read_pid(path: &Path) -> Option<u32> {
    for _ in 0..PID_TRIES {
        let mut text = String::new();
        let read = File::open(path).and_then(|file| file.take(16).read_to_string(&mut text));
        if let (Ok(_), Ok(pid)) = (read, text.trim().parse()) {
            return Some(pid);
        }
        std::thread::sleep(PID_PAUSE);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_taker_is_told_the_pid_of_the_first() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, state) = (folder.path().join("s.lock"), folder.path().join("s"));
        let first = Lock::take(&path, &state).expect("free");
        let refused = Lock::take(&path, &state).expect_err("held");
        let pid = Some(std::process::id());
        assert_eq!(
            refused,
            StoreError::Busy {
                path: state.clone(),
                pid
            }
        );
        drop(first);
        Lock::take(&path, &state).expect("free again");
    }

    #[test]
    fn a_child_does_not_get_the_lock() {
        let folder = tempfile::tempdir().expect("a folder");
        let lock = Lock::take(&folder.path().join("s.lock"), folder.path()).expect("free");
        let flags = rustix::io::fcntl_getfd(&lock.file).expect("open");
        assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
    }

    #[test]
    fn a_link_in_the_place_of_the_lock_is_not_followed() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, victim) = (folder.path().join("s.lock"), folder.path().join("victim"));
        fs::write(&victim, "precious").expect("written");
        std::os::unix::fs::symlink(&victim, &path).expect("linked");
        let refused = Lock::take(&path, &folder.path().join("s")).expect_err("a link");
        assert!(
            matches!(refused, StoreError::NotPermitted { .. }),
            "{refused}"
        );
        assert_eq!(fs::read(&victim).expect("there"), b"precious");
    }
}
