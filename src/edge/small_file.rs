//! Reads a file that is expected to be small, and nothing that only looks like a file.
//!
//! Invariant: neither a pipe nor a device nor a growing file can stall or bloat the reader (S5), and mode and owner
//! are those of the file that was read, not of whatever has its name a moment later.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use zeroize::Zeroizing;

/// A file's bytes, wiped when dropped, and who may change or see them.
pub struct SmallFile {
    /// All of it.
    pub bytes: Zeroizing<Vec<u8>>,
    /// Permission bits.
    pub mode: u32,
    /// Its owner.
    pub uid: u32,
}

/// Why a file was not read. Ends a sentence that names the file, and says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It is not there.
    #[error("is not there; make it, or correct the path")]
    Missing,
    /// It is there, and not for us.
    #[error("may not be read by this user; correct its owner and mode, and those of its folders")]
    Denied,
    /// A folder, a pipe, a device.
    #[error("is no regular file; correct the path")]
    NotAFile,
    /// Longer than any good one.
    #[error("is larger than {0} bytes; correct the path")]
    TooLarge(usize),
    /// Something else.
    #[error("cannot be read ({0}); look at the disk and the path")]
    Io(io::Error),
}

/// Reads at most `size_max` bytes.
pub fn read(path: &Path, size_max: usize) -> Result<SmallFile, Unreadable> {
    // Opening a pipe without a writer would wait for one.
    let nonblocking = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0);
    let mut options = OpenOptions::new();
    let file = options.read(true).custom_flags(nonblocking).open(path)?;
    let stat = file.metadata()?;
    if !stat.is_file() {
        return Err(Unreadable::NotAFile);
    }
    Ok(SmallFile {
        bytes: read_at_most(&file, size_max)?,
        mode: stat.mode() & 0o7777,
        uid: stat.uid(),
    })
}

/// The buffer never grows: a growing one leaves copies behind that nobody wipes.
fn read_at_most(file: &File, size_max: usize) -> Result<Zeroizing<Vec<u8>>, Unreadable> {
    let size = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    if size > size_max {
        return Err(Unreadable::TooLarge(size_max));
    }
    let mut bytes = Zeroizing::new(vec![0; size_max.min(size + 1)]);
    let mut length = 0;
    loop {
        match (&*file).read(&mut bytes[length..])? {
            0 => break,
            more => length += more,
        }
    }
    bytes.truncate(length);
    Ok(bytes)
}

impl From<io::Error> for Unreadable {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::Missing,
            io::ErrorKind::PermissionDenied => Self::Denied,
            _ => Self::Io(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s5_a_pipe_a_folder_and_a_large_file_are_refused_at_once() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let pipe = dir.path().join("pipe");
        let cwd = rustix::fs::CWD;
        let (fifo, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR);
        rustix::fs::mknodat(cwd, &pipe, fifo, mode, 0).expect("a pipe");
        assert!(matches!(read(&pipe, 9), Err(Unreadable::NotAFile)));
        assert!(matches!(read(dir.path(), 9), Err(Unreadable::NotAFile)));
        let large = dir.path().join("large");
        std::fs::write(&large, "0123456789").expect("a file");
        assert!(matches!(read(&large, 9), Err(Unreadable::TooLarge(9))));
        assert_eq!(
            **read(&large, 10).expect("small enough").bytes,
            *b"0123456789"
        );
    }

    #[test]
    fn a_missing_file_is_told_from_one_that_cannot_be_read() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let missing = dir.path().join("no/such");
        assert!(matches!(read(&missing, 9), Err(Unreadable::Missing)));
    }
}
