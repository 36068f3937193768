//! The tables, as a list of migrations; `user_version` counts those that are done.
//!
//! Times are milliseconds: `*_boot_ms` on the clock of `boot_id`, `*_unix_ms` on the wall clock. Sealed columns
//! are BLOBs ([`super::seal`]); everything else is there to be read by people.

use rusqlite::{Connection, TransactionBehavior};

use super::error::{Damage, Fault};
use super::meta::{Digest, Meta};
use super::rows::{LANE, ORG};
use super::seal::Seal;

/// Says in the file's header whose database this is: `ztkd`.
pub(super) const APPLICATION_ID: i32 = 0x7a74_6b64;

/// What makes each schema from the one before. Append only: a released one never changes.
pub(super) const MIGRATIONS: &[&str] = &[V1, V2, V3, V4, V5, V6, V7];

const V1: &str = "
CREATE TABLE meta (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  state_id TEXT NOT NULL,
  writes INTEGER NOT NULL,
  digest BLOB NOT NULL,
  canary BLOB NOT NULL,
  seal BLOB NOT NULL
) STRICT;
CREATE TABLE org (
  name TEXT PRIMARY KEY NOT NULL,
  revision INTEGER NOT NULL,
  boot_id TEXT NOT NULL,
  anchor_boot_ms INTEGER NOT NULL,
  anchor_unix_ms INTEGER NOT NULL,
  client_id TEXT,
  data_center TEXT,
  environment TEXT,
  scopes TEXT,
  refresh_token BLOB,
  client_secret BLOB,
  lane TEXT,
  enrolled_boot_ms INTEGER,
  prior_refresh_token BLOB,
  prior_lane TEXT,
  access_token BLOB,
  token_generation INTEGER,
  token_started_boot_ms INTEGER,
  token_expires_boot_ms INTEGER,
  token_api_domain TEXT,
  token_scopes TEXT,
  token_verified INTEGER,
  generation INTEGER NOT NULL,
  word TEXT NOT NULL,
  since_boot_ms INTEGER NOT NULL,
  cause_code TEXT,
  cause_detail TEXT,
  failures INTEGER NOT NULL,
  until_boot_ms INTEGER,
  seal BLOB NOT NULL
) STRICT;
CREATE TABLE lane (
  id TEXT PRIMARY KEY NOT NULL,
  client_id TEXT NOT NULL,
  data_center TEXT NOT NULL,
  boot_id TEXT NOT NULL,
  anchor_boot_ms INTEGER NOT NULL,
  anchor_unix_ms INTEGER NOT NULL,
  slots TEXT NOT NULL, -- [[started, settled, lives until], ...] in *_boot_ms
  seal BLOB NOT NULL
) STRICT;
CREATE TABLE history (
  org TEXT NOT NULL,
  n INTEGER NOT NULL,
  at_unix_ms INTEGER NOT NULL,
  kind TEXT NOT NULL,
  detail TEXT NOT NULL,
  PRIMARY KEY (org, n)
) STRICT, WITHOUT ROWID;
";

/// What is there already was written by nobody knows what clock.
const V2: &str = "
ALTER TABLE org ADD COLUMN anchor_is_vouched INTEGER NOT NULL DEFAULT 0;
ALTER TABLE lane ADD COLUMN anchor_is_vouched INTEGER NOT NULL DEFAULT 0;
";

/// A grant with a soid has no refresh token. An older release would take such a row for a damaged one.
const V3: &str = "
ALTER TABLE org ADD COLUMN soid TEXT;
";

/// What Zoho's API has told of an org, as JSON: nobody has asked it yet.
const V4: &str = "
ALTER TABLE org ADD COLUMN identity TEXT;
";

/// What jobs have said of an org's tokens, and sixteen bits of the client secret that Zoho refused.
const V5: &str = "
ALTER TABLE org ADD COLUMN refused_generation INTEGER;
ALTER TABLE org ADD COLUMN refused_successor INTEGER;
ALTER TABLE org ADD COLUMN reports_held_until_boot_ms INTEGER;
ALTER TABLE org ADD COLUMN refused_secret_mark INTEGER;
";

/// `past` is one sealed JSON: refresh tokens of other clients and data centers than the grant's, each with its own.
/// It takes the place of `prior_refresh_token` and `prior_lane`, which only a state of before has.
const V6: &str = "
ALTER TABLE org ADD COLUMN is_taken_over INTEGER NOT NULL DEFAULT 0;
ALTER TABLE org ADD COLUMN past BLOB;
";

/// Until when Zoho throttles a lane. Before, the word of an org was all that told of it.
const V7: &str = "
ALTER TABLE lane ADD COLUMN quiet_until_boot_ms INTEGER;
UPDATE lane SET quiet_until_boot_ms = (
  SELECT max(until_boot_ms) FROM org
  WHERE org.lane = lane.id AND org.boot_id = lane.boot_id AND org.word = 'throttled'
);
";

/// The newest schema that this release knows.
pub(super) fn newest() -> u32 {
    u32::try_from(MIGRATIONS.len()).expect("a short list")
}

/// The schema of the database.
pub(super) fn version(conn: &Connection) -> rusqlite::Result<u32> {
    let version: i32 = conn.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok(version.cast_unsigned())
}

/// Does `migrations` beyond the schema that is there. The caller holds the transaction.
pub(super) fn migrate(conn: &Connection, migrations: &[&str]) -> Result<(), Fault> {
    let done = usize::try_from(version(conn)?).unwrap_or(usize::MAX);
    for (done, sql) in (1i32..).zip(migrations).skip(done) {
        conn.execute_batch(sql)?;
        conn.pragma_update(None, "user_version", done)?;
    }
    Ok(())
}

/// Brings a verified state to the newest schema, in one transaction, and seals its rows anew.
pub(super) fn upgrade(
    conn: &mut Connection,
    seal: &Seal,
    migrations: &[&str],
) -> Result<(), Fault> {
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut meta = Meta::read(&tx, seal)?;
    migrate(&tx, migrations)?;
    meta.digest = Digest::default();
    for table in [&ORG, &LANE] {
        table.seal_again(&tx, &mut meta.digest, seal)?;
    }
    meta.write(&tx, seal)?;
    Ok(tx.commit()?)
}

/// Refuses a database that is not of this program.
pub(super) fn require_ours(conn: &Connection) -> Result<(), Fault> {
    let id: i32 = conn.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if id == APPLICATION_ID && version(conn)? > 0 {
        return Ok(());
    }
    Err(Damage::Foreign.into())
}

/// The tables are letter by letter what the migrations up to their version make: a changed name in there would
/// show only at the next write.
pub(super) fn require_exact(conn: &Connection, migrations: &[&str]) -> Result<(), Fault> {
    let done = usize::try_from(version(conn)?).unwrap_or(usize::MAX);
    let reference = Connection::open_in_memory()?;
    migrate(&reference, &migrations[..done.min(migrations.len())])?;
    if definitions(conn)? == definitions(&reference)? {
        return Ok(());
    }
    Err(Damage::Structure("its tables are not as this release makes them".into()).into())
}

fn definitions(conn: &Connection) -> rusqlite::Result<Vec<(String, String, Option<String>)>> {
    let mut select = conn.prepare("SELECT type, name, sql FROM sqlite_schema ORDER BY name")?;
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R4: who upgrades within a throttle has it on the disk as the org's word alone.
    #[test]
    fn r4_a_throttle_that_an_older_state_tells_of_is_its_lanes() {
        let conn = Connection::open_in_memory().expect("memory");
        migrate(&conn, &MIGRATIONS[..6]).expect("the sixth schema");
        for (org, lane, boot_id, word) in [
            ("a", "throttled", "now", "throttled"),
            ("b", "well", "now", "ok"),
            ("c", "of-another-boot", "then", "throttled"),
        ] {
            let sql = "INSERT INTO org (name, revision, boot_id, anchor_boot_ms, anchor_unix_ms, generation, word,
                since_boot_ms, failures, lane, until_boot_ms, seal) VALUES (?1, 1, ?3, 0, 0, 0, ?4, 0, 0, ?2, 77, x'')";
            conn.execute(sql, [org, lane, boot_id, word])
                .expect("an org");
            let sql = "INSERT INTO lane (id, client_id, data_center, boot_id, anchor_boot_ms, anchor_unix_ms, slots,
                seal) VALUES (?1, 'c', 'eu', 'now', 0, 0, '[]', x'')";
            conn.execute(sql, [lane]).expect("a lane");
        }
        migrate(&conn, MIGRATIONS).expect("the newest");
        let quiet = |lane: &str| {
            let sql = "SELECT quiet_until_boot_ms FROM lane WHERE id = ?1";
            conn.query_row(sql, [lane], |row| row.get::<_, Option<i64>>(0))
        };
        assert_eq!(quiet("throttled"), Ok(Some(77)));
        assert_eq!(quiet("well"), Ok(None));
        assert_eq!(quiet("of-another-boot"), Ok(None));
    }
}
