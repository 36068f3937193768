//! The high-water mark: how many writes were acknowledged, kept beside the state.
//!
//! `SQLite` takes a log with a damaged or missing tail for a shorter log, without a word; the mark is what tells.
//! It is written after each commit and never synced: after kill -9 it is exact or one behind, after a power loss
//! it may be older. So it can fail to tell of a loss, but a mark that is ahead of the state always means one, or
//! an older copy of the state: who puts one back on purpose removes the mark. One line: state id, count, seal.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::error::StoreError;
use super::seal::{Seal, hex};

/// No mark is longer, in bytes.
const LEN_MAX: u64 = 512;

/// The mark of one state, open for writing.
#[derive(Debug)]
pub(super) struct Mark {
    path: PathBuf,
    file: File,
    state_id: String,
}

impl Mark {
    /// Opens the mark at `path`, made if there is none, to count the writes of the state `state_id`.
    pub(super) fn open(path: &Path, state_id: &str) -> Result<Self, StoreError> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        options.custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed());
        let file = options
            .open(path)
            .map_err(|err| StoreError::of_io(path, "open it", &err))?;
        let (path, state_id) = (path.to_owned(), state_id.to_owned());
        Ok(Self {
            path,
            file,
            state_id,
        })
    }

    /// Notes that `writes` are acknowledged. A failure weakens what the next start can tell, and stops nothing.
    pub(super) fn raise(&self, writes: u64, seal: &Seal) {
        let count = count(writes);
        let tag = seal.seal(b"", &place(&self.state_id, &count));
        // Always of one length and under a sector, so that it is replaced as a whole.
        let line = format!("{} {count} {}\n", self.state_id, hex(&tag));
        if let Err(err) = self.file.write_all_at(line.as_bytes(), 0) {
            tracing::warn!(path = %self.path.display(), %err, "cannot note the count of writes");
        }
    }
}

/// The writes that the mark at `path` says were acknowledged for the state `state_id`. `None` if it says nothing:
/// no file, one that does not verify, or the mark of another state.
pub(super) fn read(path: &Path, state_id: &str, seal: &Seal) -> Option<u64> {
    let mut text = String::new();
    File::open(path)
        .ok()?
        .take(LEN_MAX)
        .read_to_string(&mut text)
        .ok()?;
    let mut words = text.split_ascii_whitespace();
    let (id, count, sealed) = (words.next()?, words.next()?, words.next()?);
    let sealed = super::seal::unhex::<SEALED_LEN>(sealed)?;
    seal.unseal(&*sealed, &place(id, count)).ok()?;
    (id == state_id).then(|| count.parse().ok())?
}

/// Bytes of a sealed nothing.
const SEALED_LEN: usize = 49;

fn count(writes: u64) -> String {
    format!("{writes:020}")
}

fn place<'a>(state_id: &'a str, count: &'a str) -> [&'a [u8]; 3] {
    [b"mark", state_id.as_bytes(), count.as_bytes()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_reads_back_and_a_changed_one_says_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, seal) = (folder.path().join("mark"), Seal::new(&[1; 32]));
        assert_eq!(read(&path, "a", &seal), None);
        let mark = Mark::open(&path, "a").expect("made");
        for writes in [3, 20_000, u64::MAX, 4] {
            mark.raise(writes, &seal);
            assert_eq!(read(&path, "a", &seal), Some(writes));
        }
        assert_eq!(read(&path, "b", &seal), None);
        assert_eq!(read(&path, "a", &Seal::new(&[2; 32])), None);
        let text = std::fs::read_to_string(&path).expect("there");
        std::fs::write(&path, text.replace("0004", "0005")).expect("written");
        assert_eq!(read(&path, "a", &seal), None);
    }
}
