//! A look at a state from outside, for `check`.
//!
//! Reads and never writes, takes no lock and does not ask `SQLite`, so that a daemon that has the state open is not
//! disturbed. What it finds, a start would refuse; whether the seals hold, only a start can tell.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::error::{Damage, KeyFlaw, StoreError};
use super::files::{self, Files};
use super::key::KeyFile;
use super::schema;

/// The header of a database, in bytes, and what stands in it ("Database File Format", 1.3).
const HEADER_LEN: usize = 100;
const MAGIC: &[u8] = b"SQLite format 3\0";
const USER_VERSION_AT: usize = 60;
const APPLICATION_ID_AT: usize = 68;

/// What a start on the state at `state` would refuse, for a daemon that runs as `uid`. `key`: its key's file, if the key
/// is in one that is no problem itself.
pub fn look_at_state(state: &Path, key: Option<(&Path, KeyFile)>, uid: u32) -> Vec<StoreError> {
    let files = Files::of(state);
    let mut found: Vec<StoreError> = files.refuse_strangers().err().into_iter().collect();
    for path in [
        &files.state,
        &files.wal,
        &files.shm,
        &files.mark,
        &files.lock,
    ] {
        // What may not be looked at is told as a folder that the daemon may not enter.
        if !is_hidden(path) {
            found.extend(files::look_for(path, uid).err());
        }
    }
    if !found.is_empty() || is_hidden(state) {
        return found;
    }
    if state.exists() {
        found.extend(header(state).err());
        if let Some((path, KeyFile::Missing)) = key {
            let path = path.display().to_string();
            let flaw = KeyFlaw::Missing(state.to_owned());
            found.push(StoreError::WrongKey { path, flaw });
        }
    } else if !files.new.exists() {
        found.extend(lost(&files, key));
    }
    found
}

fn is_hidden(path: &Path) -> bool {
    let looked = fs::symlink_metadata(path);
    looked.is_err_and(|err| err.kind() == io::ErrorKind::PermissionDenied)
}

/// Whether the file begins as a state of ours does.
fn header(path: &Path) -> Result<(), StoreError> {
    let damaged = |damage| {
        let path = path.to_owned();
        Err(StoreError::Damaged { path, damage })
    };
    let mut bytes = Vec::with_capacity(HEADER_LEN);
    let read = File::open(path).and_then(|file| {
        let length = file.metadata()?.len();
        file.take(HEADER_LEN as u64).read_to_end(&mut bytes)?;
        Ok(length)
    });
    let length = match read {
        Ok(length) => length,
        Err(err) if err.kind() == io::ErrorKind::PermissionDenied => return Ok(()),
        Err(err) => return Err(StoreError::of_io(path, "read it", &err)),
    };
    if length < files::STATE_LEN_MIN {
        return damaged(Damage::Short(length));
    }
    let number = |at: usize| {
        let digits = bytes.get(at..).and_then(|rest| rest.first_chunk::<4>());
        digits.map_or(0, |digits| u32::from_be_bytes(*digits))
    };
    if !bytes.starts_with(MAGIC) {
        return damaged(Damage::Structure("file is not a database".to_owned()));
    }
    if number(APPLICATION_ID_AT) != schema::APPLICATION_ID.cast_unsigned() {
        return damaged(Damage::Foreign);
    }
    let (schema, known) = (number(USER_VERSION_AT), schema::newest());
    if schema > known {
        let path = path.to_owned();
        return Err(StoreError::Newer {
            path,
            schema,
            known,
        });
    }
    Ok(())
}

/// No state, and something that says that there was one.
fn lost(files: &Files, key: Option<(&Path, KeyFile)>) -> Option<StoreError> {
    let has_text = |path: &&PathBuf| fs::metadata(path).is_ok_and(|found| found.len() > 0);
    let sides = [&files.wal, &files.mark].into_iter().filter(has_text);
    let mut witnesses: Vec<PathBuf> = sides.cloned().collect();
    if let Some((path, KeyFile::MadeWithState)) = key {
        witnesses.push(path.to_owned());
    }
    if witnesses.is_empty() {
        return None;
    }
    let (path, damage) = (files.state.clone(), Damage::Missing(witnesses));
    Some(StoreError::Damaged { path, damage })
}
