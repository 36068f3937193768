//! The state in one `SQLite` database: a write is one transaction, and one sync of the log.
//!
//! Opening verifies before it changes anything: until then the connection leaves the log as it is, so that a
//! damaged state is kept. Invariant: what [`Sqlite::write`] has acknowledged, the next [`Sqlite::open`] finds or
//! misses aloud.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::Store;
use super::cells;
use super::create;
use super::error::{Damage, Fault, StoreError};
use super::files::Files;
use super::history;
use super::key::KeySource;
use super::lock::Lock;
use super::mark::{self, Mark};
use super::meta::{Digest, Meta};
use super::rows::{self, LANE, ORG};
use super::schema::{self, MIGRATIONS};
use super::seal::Seal;
use super::table::Values;
use crate::base::OrgName;
use crate::policy::record::{Change, Note, OrgRecord, Stored};

/// How long a write waits for another program's transaction, a person's `sqlite3` say.
const LOCK_WAIT: Duration = Duration::from_secs(2);

/// Largest value or row, in bytes: ours have some thousands, and a hostile file must not make us take more.
const ROW_LEN_MAX: i32 = 1 << 20;

/// The store of one daemon on one host.
pub struct Sqlite {
    // The connection closes before the lock goes: fields are dropped from the first to the last.
    conn: Connection,
    seal: Seal,
    mark: Mark,
    files: Files,
    identity: Option<[(u64, u64); 2]>,
    source: KeySource,
    /// A dropped secret may still stand, sealed, in the log.
    wipe_due: bool,
    _lock: Lock,
}

impl Sqlite {
    /// Opens the state at `state`, made at a first start, for this process alone; verifies all of it.
    pub fn open(state: &Path, source: &KeySource) -> Result<Self, StoreError> {
        let files = Files::of(state);
        files.require_folder()?;
        let lock = Lock::take(&files.lock, state)?;
        let key = if files.require_ours()? {
            source.read()?.ok_or_else(|| source.missing(state))?
        } else {
            create::create(&files, source)?
        };
        let (mut conn, meta) =
            open_verified(&files, &key.seal).map_err(|fault| fault.at(state, source))?;
        files.remove_new()?;
        let settled = settle(&mut conn).map_err(|fault| fault.at(state, source))?;
        let mark = Mark::open(&files.mark, &meta.state_id)?;
        mark.raise(meta.writes, &key.seal);
        Ok(Self {
            conn,
            seal: key.seal,
            mark,
            identity: files.identity(),
            files,
            source: source.clone(),
            wipe_due: !settled,
            _lock: lock,
        })
    }

    fn at(&self, fault: Fault) -> StoreError {
        fault.at(&self.files.state, &self.source)
    }

    /// Writes the changes and commits them. Returns the count of writes, and whether a lasting secret was dropped.
    fn commit(&mut self, changes: &[Change]) -> Result<(u64, bool), Fault> {
        let tx = self
            .conn
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut meta = Meta::read(&tx, &self.seal)?;
        let mut wiped = false;
        for change in changes {
            wiped |= apply(change, &tx, &mut meta.digest, &self.seal)?;
        }
        meta.writes += 1;
        meta.write(&tx, &self.seal)?;
        tx.commit()?;
        Ok((meta.writes, wiped))
    }
}

impl Store for Sqlite {
    fn load(&mut self) -> Result<Stored, StoreError> {
        read(&self.conn, &self.seal).map_err(|fault| self.at(fault))
    }

    fn write(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        if changes.is_empty() {
            return Ok(());
        }
        if self.files.identity() != self.identity {
            return Err(self.files.moved());
        }
        let (writes, wiped) = self.commit(changes).map_err(|fault| self.at(fault))?;
        self.mark.raise(writes, &self.seal);
        if wiped || self.wipe_due {
            self.wipe_due = !empty_log(&self.conn);
        }
        Ok(())
    }

    fn history(&mut self, org: &OrgName) -> Result<Vec<Note>, StoreError> {
        history::of_org(org, &self.conn).map_err(|fault| self.at(fault))
    }
}

/// A connection to a state that verifies in all its parts. If it does not, nothing was changed.
fn open_verified(files: &Files, seal: &Seal) -> Result<(Connection, Meta), Fault> {
    let mut conn = connect(&files.state)?;
    let meta = verify(&conn, seal, MIGRATIONS)?;
    let acknowledged = mark::read(&files.mark, &meta.state_id, seal).unwrap_or_default();
    if acknowledged > meta.writes {
        return Err(Damage::Behind(acknowledged - meta.writes).into());
    }
    if schema::version(&conn)? < schema::newest() {
        schema::upgrade(&mut conn, seal, MIGRATIONS)?;
    }
    read(&conn, seal)?;
    Ok((conn, meta))
}

fn connect(state: &Path) -> Result<Connection, Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(state, flags)?;
    // A close before the state has verified must leave the log: it may be the evidence.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    conn.set_limit(Limit::SQLITE_LIMIT_LENGTH, ROW_LEN_MAX)?;
    conn.busy_timeout(LOCK_WAIT)?;
    conn.pragma_update(None, "synchronous", "FULL")?;
    conn.pragma_update(None, "secure_delete", true)?;
    conn.pragma_update(None, "cell_size_check", true)?;
    conn.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(conn)
}

/// Every seal, the structure of the file, and that the rows are those of one write.
fn verify(conn: &Connection, seal: &Seal, migrations: &[&str]) -> Result<Meta, Fault> {
    let tx = conn.unchecked_transaction()?;
    schema::require_ours(&tx)?;
    if tx.is_readonly("main")? {
        // The file itself can be written: so its header names a format that only a later SQLite writes.
        return Err(Damage::Foreign.into());
    }
    let meta = Meta::read(&tx, seal)?;
    let schema = schema::version(&tx)?;
    if usize::try_from(schema).is_ok_and(|schema| schema > migrations.len()) {
        return Err(Fault::Newer { schema });
    }
    let said: String = tx.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if said != "ok" {
        let said = said.lines().last().unwrap_or_default();
        return Err(Damage::Structure(said.chars().take(200).collect()).into());
    }
    schema::require_exact(&tx, migrations)?;
    rows_of(&tx, &meta, seal)?;
    Ok(meta)
}

/// The rows of the orgs and of the lanes, each of them sealed and all of them of the write that `meta` tells of.
fn rows_of(conn: &Connection, meta: &Meta, seal: &Seal) -> Result<[Vec<Values>; 2], Fault> {
    let mut digest = Digest::default();
    let orgs = ORG.all(conn, &mut digest, seal)?;
    let lanes = LANE.all(conn, &mut digest, seal)?;
    if digest != meta.digest {
        return Err(Damage::Mixed.into());
    }
    Ok([orgs, lanes])
}

fn read(conn: &Connection, seal: &Seal) -> Result<Stored, Fault> {
    let tx = conn.unchecked_transaction()?;
    let [orgs, lanes] = rows_of(&tx, &Meta::read(&tx, seal)?, seal)?;
    let orgs: Result<_, _> = orgs.iter().map(|row| cells::to_org(row, seal)).collect();
    let lanes: Result<_, _> = lanes.iter().map(|row| cells::to_lane(row, seal)).collect();
    Ok(Stored {
        orgs: orgs?,
        lanes: lanes?,
    })
}

/// From here on the state may change: the log that a kill left is written back. Returns whether all of it was.
fn settle(conn: &mut Connection) -> Result<bool, Fault> {
    let mode: String = conn.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    if mode != "wal" {
        conn.pragma_update(None, "journal_mode", "WAL")?;
    }
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    Ok(empty_log(conn))
}

/// Writes the log back and truncates it, so that no dropped secret stays in there. Returns whether it could:
/// a reader or the disk may stand in the way, and then a later write tries again.
fn empty_log(conn: &Connection) -> bool {
    let emptied = || -> rusqlite::Result<bool> {
        // A long reader (`backup`) must not delay every write.
        conn.busy_timeout(Duration::ZERO)?;
        let busy = conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
            row.get::<_, i64>(0)
        });
        conn.busy_timeout(LOCK_WAIT)?;
        Ok(busy? == 0)
    };
    emptied().unwrap_or(false)
}

/// Does one change. Returns whether it drops a lasting secret.
fn apply(
    change: &Change,
    conn: &Connection,
    digest: &mut Digest,
    seal: &Seal,
) -> Result<bool, Fault> {
    match change {
        Change::Org(record) => return put_org(record, conn, digest, seal),
        Change::Lane(record) => LANE.put(conn, rows::of_lane(record), digest, seal)?,
        Change::DropLane(id) => LANE.remove(conn, &id.0, digest)?,
        Change::Note(note) => history::append(note, conn)?,
    }
    Ok(false)
}

fn put_org(
    record: &OrgRecord,
    conn: &Connection,
    digest: &mut Digest,
    seal: &Seal,
) -> Result<bool, Fault> {
    let (org, revision) = (record.org.clone(), record.revision);
    let old = ORG.find(conn, org.as_str(), seal)?;
    let stored = old.as_ref().map_or(0, rows::revision);
    if stored.checked_add(1) != Some(revision) {
        return Err(Fault::Conflict {
            org,
            revision,
            stored,
        });
    }
    let (row, wiped) = rows::of_org(record, old.as_ref(), seal);
    ORG.put(conn, row, digest, seal)?;
    Ok(wiped)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Boottime, Now, UnixTime};
    use crate::policy::record::{Anchor, LaneId, LaneRecord};

    fn lane(id: &str) -> Change {
        let at = Now {
            boot: Boottime(1),
            wall: UnixTime(2),
        };
        Change::Lane(LaneRecord {
            id: LaneId(id.into()),
            client_id: "1000.C".into(),
            data_center: "eu".into(),
            anchor: Anchor {
                boot_id: "b".into(),
                at,
                is_vouched: true,
            },
            slots: Vec::new(),
            quiet_until: None,
        })
    }

    /// Shows the whole way of the next schema, before there is one.
    #[test]
    fn an_older_state_is_brought_forward_and_then_refused_by_the_older_release() {
        let folder = tempfile::tempdir().expect("a folder");
        let (state, source) = (
            folder.path().join("s.db"),
            KeySource::File(folder.path().join("k")),
        );
        let mut store = Sqlite::open(&state, &source).expect("a first start");
        store.write(&[lane("a"), lane("b")]).expect("written");
        let later = [
            MIGRATIONS,
            &["ALTER TABLE lane ADD COLUMN remark TEXT NOT NULL DEFAULT 'x'"],
        ]
        .concat();
        schema::upgrade(&mut store.conn, &store.seal, &later).expect("brought forward");
        let meta = verify(&store.conn, &store.seal, &later).map(|meta| meta.writes);
        assert!(matches!(meta, Ok(1)), "{meta:?}");
        let forged = store
            .conn
            .execute("UPDATE lane SET remark = 'y' WHERE id = 'a'", []);
        assert_eq!(forged, Ok(1));
        let damaged = verify(&store.conn, &store.seal, &later);
        assert!(
            matches!(damaged, Err(Fault::Damage(Damage::Row { .. }))),
            "the new column is sealed too"
        );
        drop(store);
        let refused = Sqlite::open(&state, &source).err().expect("newer");
        let (path, known) = (state, schema::newest());
        assert_eq!(
            refused,
            StoreError::Newer {
                path,
                schema: known + 1,
                known
            }
        );
    }

    #[test]
    fn the_columns_are_those_of_the_newest_schema_in_its_order() {
        let conn = Connection::open_in_memory().expect("memory");
        schema::migrate(&conn, MIGRATIONS).expect("made");
        for table in [&ORG, &LANE] {
            let select = conn
                .prepare(&format!("SELECT * FROM {}", table.name))
                .expect("there");
            // Where the seal stands depends on which schema brought the columns after it.
            let columns = select.column_names().filter(|name| *name != "seal");
            assert!(columns.eq(table.columns.iter().copied()), "{}", table.name);
        }
    }

    #[test]
    fn a_full_disk_refuses_the_write_and_keeps_what_was_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let (state, source) = (
            folder.path().join("s.db"),
            KeySource::File(folder.path().join("k")),
        );
        let mut store = Sqlite::open(&state, &source).expect("a first start");
        store.write(&[lane("a")]).expect("written");
        let pages: u32 = store
            .conn
            .pragma_query_value(None, "page_count", |row| row.get(0))
            .expect("said");
        store
            .conn
            .pragma_update(None, "max_page_count", pages)
            .expect("set");
        let many: Vec<Change> = (0..500).map(|n| lane(&n.to_string())).collect();
        let refused = store.write(&many).expect_err("full");
        assert!(
            refused
                .to_string()
                .contains("the disk is full; free some space"),
            "{refused}"
        );
        assert_eq!(store.load().expect("good").lanes.len(), 1);
        store
            .conn
            .pragma_update(None, "max_page_count", 100_000)
            .expect("set");
        store.write(&many).expect("space again");
    }
}
