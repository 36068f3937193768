//! The one row about the whole: which state this is, how often it was written, and a digest of all rows.
//!
//! Its shape is the same in every schema, so that an older release can tell a newer state from a damaged one.

use rusqlite::{Connection, OptionalExtension, params};

use super::error::{Damage, Fault};
use super::schema;
use super::seal::{Refused, Seal, Tag, fill_random, hex};

/// All rows of all sealed tables in 16 bytes: the tags of their seals, added without carry.
///
/// A tag is never twice the same, so a row that is missing, doubled or of an older write shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Digest(Tag);

impl Digest {
    /// Adds a row's tag, or takes it away again.
    pub(super) fn flip(&mut self, tag: Tag) {
        for (byte, other) in self.0.iter_mut().zip(tag) {
            *byte ^= other;
        }
    }
}

/// The row.
#[derive(Debug, Clone)]
pub(super) struct Meta {
    /// Names this state among all others, 32 hex digits.
    pub(super) state_id: String,
    /// Counts the acknowledged writes.
    pub(super) writes: u64,
    pub(super) digest: Digest,
}

impl Meta {
    /// A random name for a state.
    pub(super) fn new_id() -> String {
        let mut id = [0; 16];
        fill_random(&mut id);
        hex(&id)
    }

    /// The meta of an empty state.
    pub(super) fn insert(state_id: &str, conn: &Connection, seal: &Seal) -> Result<(), Fault> {
        let meta = Self {
            state_id: state_id.to_owned(),
            writes: 0,
            digest: Digest::default(),
        };
        let canary = seal.seal(b"canary", &[b"canary", state_id.as_bytes()]);
        conn.execute(
            "INSERT INTO meta (id, state_id, writes, digest, canary, seal) VALUES (1, ?1, 0, x'', ?2, x'')",
            params![state_id, canary],
        )?;
        meta.write(conn, seal)
    }

    /// The row as it is, if its seal is right.
    pub(super) fn read(conn: &Connection, seal: &Seal) -> Result<Self, Fault> {
        let schema = schema::version(conn)?;
        let row = conn.query_row(
            "SELECT state_id, writes, digest, canary, seal FROM meta WHERE id = 1",
            [],
            |row| {
                let meta = Self {
                    state_id: row.get(0)?,
                    writes: row.get::<_, i64>(1)?.cast_unsigned(),
                    digest: Digest(row.get(2)?),
                };
                Ok((meta, row.get::<_, Vec<u8>>(3)?, row.get::<_, Vec<u8>>(4)?))
            },
        );
        let (meta, canary, sealed) = row.optional()?.ok_or(Damage::Whole)?;
        match seal.unseal(&sealed, &meta.place(schema).each_ref().map(Vec::as_slice)) {
            Ok(_) => Ok(meta),
            // The key is another only if the canary says so too; else these bytes are broken.
            Err(Refused::OtherKey(wanted)) if is_of_key(&canary, &wanted, seal, &meta) => {
                let given = seal.key_id();
                Err(Fault::OtherKey { given, wanted })
            }
            Err(_) => Err(Damage::Whole.into()),
        }
    }

    /// Puts the row in place of the old one.
    pub(super) fn write(&self, conn: &Connection, seal: &Seal) -> Result<(), Fault> {
        let place = self.place(schema::version(conn)?);
        let sealed = seal.seal(b"", &place.each_ref().map(Vec::as_slice));
        let mut update = conn
            .prepare_cached("UPDATE meta SET writes = ?1, digest = ?2, seal = ?3 WHERE id = 1")?;
        update.execute(params![self.writes.cast_signed(), self.digest.0, sealed])?;
        Ok(())
    }

    fn place(&self, schema: u32) -> [Vec<u8>; 5] {
        [
            b"meta".to_vec(),
            schema.to_le_bytes().to_vec(),
            self.state_id.clone().into_bytes(),
            self.writes.to_le_bytes().to_vec(),
            self.digest.0.to_vec(),
        ]
    }
}

/// Whether the canary, too, was sealed with the key `id`.
fn is_of_key(canary: &[u8], id: &str, seal: &Seal, meta: &Meta) -> bool {
    let place: [&[u8]; 2] = [b"canary", meta.state_id.as_bytes()];
    seal.unseal(canary, &place) == Err(Refused::OtherKey(id.to_owned()))
}
