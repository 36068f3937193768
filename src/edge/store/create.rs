//! The first start: an empty state and its key, and none of it if anything speaks of an earlier state.
//!
//! The order makes it safe to die between any two steps. `state.db.new` comes first and goes last, by becoming
//! `state.db`: while it is there and `state.db` is not, nothing was ever acknowledged, and all is done again,
//! with the key if that was made already. The mark comes later still, so a mark means that there was a state.

use std::path::PathBuf;

use rusqlite::{Connection, OpenFlags};

use super::error::{Damage, Fault, StoreError};
use super::files::{self, Files};
use super::key::{Key, KeySource};
use super::meta::Meta;
use super::schema;
use super::seal::Seal;

/// Makes an empty state and returns its key. The caller holds the lock and has seen no state.
pub(super) fn create(files: &Files, source: &KeySource) -> Result<Key, StoreError> {
    let key = source.read()?;
    if files::look(&files.new)?.is_none() {
        refuse_if_lost(files, source, key.as_ref())?;
    }
    if let (None, KeySource::Credential(_)) = (&key, source) {
        return Err(source.missing(&files.state));
    }
    files.begin_new()?;
    source.remove_unfinished()?;
    let made_with = key.as_ref().and_then(|key| key.made_with.clone());
    let state_id = made_with.unwrap_or_else(Meta::new_id);
    let key = match key {
        Some(key) => key,
        None => source.make(&state_id)?,
    };
    fill(files, &state_id, &key.seal).map_err(|fault| fault.at(&files.new, source))?;
    files.finish_new()?;
    Ok(key)
}

/// A log without its database, a mark, or a key that was made with a state: there was one.
fn refuse_if_lost(files: &Files, source: &KeySource, key: Option<&Key>) -> Result<(), StoreError> {
    let mut witnesses: Vec<PathBuf> = Vec::new();
    for path in [&files.wal, &files.mark] {
        if files::look(path)?.is_some_and(|found| found.len() > 0) {
            witnesses.push(path.clone());
        }
    }
    if let (
        KeySource::File(path),
        Some(Key {
            made_with: Some(_), ..
        }),
    ) = (source, key)
    {
        witnesses.push(path.clone());
    }
    if witnesses.is_empty() {
        return Ok(());
    }
    let (path, damage) = (files.state.clone(), Damage::Missing(witnesses));
    Err(StoreError::Damaged { path, damage })
}

fn fill(files: &Files, state_id: &str, seal: &Seal) -> Result<(), Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(&files.new, flags)?;
    conn.pragma_update(None, "application_id", schema::APPLICATION_ID)?;
    schema::migrate(&conn, schema::MIGRATIONS)?;
    Meta::insert(state_id, &conn, seal)?;
    // Kept in the header; the close below writes the log back and removes it.
    conn.pragma_update(None, "journal_mode", "WAL")?;
    conn.close().map_err(|(_, err)| err.into())
}
