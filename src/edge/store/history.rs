//! An org's history: the newest notes, in the order of their writing.
//!
//! For people. It is not sealed: no decision rests on it, and a note holds no secret.

use rusqlite::{Connection, params};

use super::error::{Damage, Fault};
use crate::base::{OrgName, is_shown};
use crate::policy::record::Note;

/// Most notes that one org keeps.
pub const NOTES_MAX: u32 = 1000;
/// Longest kind of a note, in characters; the rest is cut.
pub const KIND_MAX: usize = 32;
/// Longest detail of a note, in characters; the rest is cut. A sentence and a cure out of the table fit.
pub const DETAIL_MAX: usize = 600;

/// Adds `note`; the oldest beyond the bound go.
pub(super) fn append(note: &Note, conn: &Connection) -> Result<(), Fault> {
    let org = note.org.as_str();
    let mut newest = conn.prepare_cached("SELECT ifnull(max(n), 0) FROM history WHERE org = ?1")?;
    let n = newest
        .query_row([org], |row| row.get::<_, i64>(0))?
        .saturating_add(1);
    let mut insert = conn.prepare_cached(
        "INSERT INTO history (org, n, at_unix_ms, kind, detail) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    let (kind, detail) = (cut(&note.kind, KIND_MAX), cut(&note.detail, DETAIL_MAX));
    insert.execute(params![org, n, note.at_unix_ms, kind, detail])?;
    let mut prune = conn.prepare_cached("DELETE FROM history WHERE org = ?1 AND n <= ?2")?;
    prune.execute(params![org, n.saturating_sub(NOTES_MAX.into())])?;
    Ok(())
}

/// The notes of `org`, oldest first.
pub(super) fn of_org(org: &OrgName, conn: &Connection) -> Result<Vec<Note>, Fault> {
    let mut select = conn.prepare_cached(
        "SELECT at_unix_ms, kind, detail FROM history WHERE org = ?1 ORDER BY n LIMIT ?2",
    )?;
    let notes = select.query_map(params![org.as_str(), NOTES_MAX], |row| {
        Ok(Note {
            org: org.clone(),
            at_unix_ms: row.get(0)?,
            kind: row.get(1)?,
            detail: row.get(2)?,
        })
    })?;
    let notes: Result<Vec<_>, _> = notes.collect();
    notes.map_err(|err| match err.sqlite_error_code() {
        Some(_) => err.into(),
        // A value of another type than was written.
        None => Damage::Structure(err.to_string()).into(),
    })
}

/// Without control characters, which could forge lines on a terminal. Where something is missing it shows.
fn cut(text: &str, max: usize) -> String {
    let mut kept: String = text
        .chars()
        .filter(|c| is_shown(*c))
        .take(max + 1)
        .collect();
    if let Some((last, _)) = kept.char_indices().nth(max) {
        kept.truncate(last);
        kept.pop();
        kept.push('…');
    }
    kept
}
