//! One daemon at a time on a `tokens_dir`: a lock of the kernel's on the folder itself.
//!
//! It needs no file, so a full disk does not stop it, and nothing is left behind: the kernel drops it with the
//! process, however that dies. Readers cannot take it, since they may not open the folder. Two spellings of one
//! folder are one lock.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{major, minor};

use super::Trouble;

/// The folder is ours until this is dropped.
#[derive(Debug)]
pub(super) struct Hold {
    folder: File,
}

impl Hold {
    /// Takes the folder at `root`, which is there, without waiting for another holder.
    pub(super) fn take(root: &Path) -> Result<Self, Trouble> {
        let open = |path| File::open(path).and_then(|folder| Ok((folder.metadata()?, folder)));
        let (found, folder) = open(root).map_err(|err| Trouble::of("open", root, root, err))?;
        match folder.try_lock() {
            Ok(()) => (),
            Err(TryLockError::WouldBlock) => {
                let locks = fs::read_to_string("/proc/locks").unwrap_or_default();
                return Err(Trouble::Busy {
                    folder: root.to_owned(),
                    pid: holder(&locks, found.dev(), found.ino()),
                });
            }
            // Some network file systems lock no folders.
            Err(TryLockError::Error(err)) => tracing::warn!(
                "tokens_dir {} cannot be locked ({err}); see that no other daemon uses it",
                root.display()
            ),
        }
        Ok(Self { folder })
    }

    /// Whether `root` is still the folder that was taken.
    pub(super) fn is_of(&self, root: &Path) -> bool {
        let same = |there: fs::Metadata| -> io::Result<bool> {
            let ours = self.folder.metadata()?;
            Ok((ours.dev(), ours.ino()) == (there.dev(), there.ino()))
        };
        fs::metadata(root).and_then(same).unwrap_or(false)
    }
}

/// Gives the lock back also if another thread is between a fork and an exec, where the child shares it.
impl Drop for Hold {
    fn drop(&mut self) {
        // If this fails the close does it, a moment later.
        drop(self.folder.unlock());
    }
}

/// The pid in the line `1: FLOCK ADVISORY WRITE 4711 00:2d:815 0 EOF` (`proc_locks(5)`).
fn holder(locks: &str, device: u64, inode: u64) -> Option<u32> {
    let place = format!("{:02x}:{:02x}:{inode}", major(device), minor(device));
    locks.lines().find_map(|line| {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        match words[..] {
            [_, "FLOCK", _, _, pid, at, ..] if at == place => pid.parse().ok(),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_taker_is_told_the_pid_of_the_first() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = Hold::take(folder.path()).expect("free");
        let refused = Hold::take(folder.path()).expect_err("held").to_string();
        let pid = std::process::id();
        assert!(refused.contains(&format!("pid {pid}")), "{refused}");
        assert!(first.is_of(folder.path()));
        drop(first);
        Hold::take(folder.path()).expect("free again");
    }

    #[test]
    fn another_folder_of_the_same_name_is_not_the_one_that_was_taken() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("tokens");
        fs::create_dir(&root).expect("ours");
        let hold = Hold::take(&root).expect("free");
        fs::rename(&root, folder.path().join("moved")).expect("ours");
        assert!(!hold.is_of(&root));
        fs::create_dir(&root).expect("ours");
        assert!(!hold.is_of(&root));
    }

    #[test]
    fn the_holder_is_the_one_of_that_very_folder() {
        let locks = "1: POSIX  ADVISORY  WRITE 1 00:2d:815 0 EOF\n\
                     2: FLOCK  ADVISORY  WRITE 2 00:2d:816 0 EOF\n\
                     3: FLOCK  ADVISORY  WRITE 4711 00:2d:815 0 EOF\n";
        let device = rustix::fs::makedev(0, 0x2d);
        assert_eq!(holder(locks, device, 815), Some(4711));
        assert_eq!(holder(locks, device, 817), None);
        assert_eq!(holder("nonsense\n", device, 815), None);
    }
}
