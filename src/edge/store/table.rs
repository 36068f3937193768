//! Tables whose rows are sealed: a row that was changed, lost or put back is noticed.
//!
//! Knows columns and values, not what they mean. The seal of a row covers the table's name and every value.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row as SqlRow, params_from_iter};

use super::error::{Damage, Fault};
use super::meta::Digest;
use super::seal::{Seal, Tag, tag};

/// A table: its key first, then its other columns in the order of their declaration, but for `seal`.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) columns: &'static [&'static str],
}

/// The values of one row in the order of the table's columns.
pub(super) type Values = Vec<Value>;

impl Table {
    /// The row with that key, verified.
    pub(super) fn find(
        &self,
        conn: &Connection,
        key: &str,
        seal: &Seal,
    ) -> Result<Option<Values>, Fault> {
        let sql = format!("SELECT * FROM {} WHERE {} = ?1", self.name, self.columns[0]);
        let mut select = conn.prepare_cached(&sql)?;
        let mut rows = select.query([key])?;
        let Some(row) = rows.next()? else {
            return Ok(None);
        };
        let (values, _tag) = self.take(row, seal)?;
        Ok(Some(values))
    }

    /// All rows by key, verified; their tags are added to `digest`.
    pub(super) fn all(
        &self,
        conn: &Connection,
        digest: &mut Digest,
        seal: &Seal,
    ) -> Result<Vec<Values>, Fault> {
        let sql = format!("SELECT * FROM {} ORDER BY {}", self.name, self.columns[0]);
        let mut select = conn.prepare(&sql)?;
        let mut rows = select.query([])?;
        let mut all = Vec::new();
        while let Some(row) = rows.next()? {
            let (values, tag) = self.take(row, seal)?;
            digest.flip(tag);
            all.push(values);
        }
        Ok(all)
    }

    /// Seals every row anew, after a migration has changed what they are; `digest` is then of them alone.
    pub(super) fn seal_again(
        &self,
        conn: &Connection,
        digest: &mut Digest,
        seal: &Seal,
    ) -> Result<(), Fault> {
        let mut select = conn.prepare(&format!("SELECT * FROM {}", self.name))?;
        let sql = format!(
            "UPDATE {} SET seal = ?2 WHERE {} = ?1",
            self.name, self.columns[0]
        );
        let mut update = conn.prepare(&sql)?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let (values, _old) = split(row)?;
            let sealed = seal.seal(b"", &self.place(&values).each());
            digest.flip(tag(&sealed));
            update.execute((key_of(&values), sealed))?;
        }
        Ok(())
    }

    /// Seals `values` and puts them in place of the row with the same key, if there is one.
    pub(super) fn put(
        &self,
        conn: &Connection,
        values: Values,
        digest: &mut Digest,
        seal: &Seal,
    ) -> Result<(), Fault> {
        self.forget(conn, key_of(&values), digest)?;
        let sealed = seal.seal(b"", &self.place(&values).each());
        digest.flip(tag(&sealed));
        let marks = vec!["?"; values.len() + 1].join(", ");
        let columns = self.columns.join(", ");
        let sql = format!(
            "REPLACE INTO {} ({columns}, seal) VALUES ({marks})",
            self.name
        );
        let mut put = conn.prepare_cached(&sql)?;
        put.execute(params_from_iter(
            values.into_iter().chain([Value::Blob(sealed)]),
        ))?;
        Ok(())
    }

    /// Removes the row with that key, if there is one.
    pub(super) fn remove(
        &self,
        conn: &Connection,
        key: &str,
        digest: &mut Digest,
    ) -> Result<(), Fault> {
        self.forget(conn, key, digest)?;
        let sql = format!("DELETE FROM {} WHERE {} = ?1", self.name, self.columns[0]);
        conn.prepare_cached(&sql)?.execute([key])?;
        Ok(())
    }

    /// Takes the row's tag out of `digest`.
    fn forget(&self, conn: &Connection, key: &str, digest: &mut Digest) -> Result<(), Fault> {
        let sql = format!(
            "SELECT seal FROM {} WHERE {} = ?1",
            self.name, self.columns[0]
        );
        let mut select = conn.prepare_cached(&sql)?;
        let sealed: Option<Vec<u8>> = select.query_row([key], |row| row.get(0)).optional()?;
        digest.flip(sealed.map_or([0; 16], |sealed| tag(&sealed)));
        Ok(())
    }

    /// A row's values and the tag of its seal, if the seal is right.
    fn take(&self, row: &SqlRow<'_>, seal: &Seal) -> Result<(Values, Tag), Fault> {
        let (values, sealed) = split(row)?;
        match seal.unseal(&sealed, &self.place(&values).each()) {
            Ok(_) => Ok((values, tag(&sealed))),
            Err(_) => Err(self.damage(&values, None)),
        }
    }

    /// The damage of a row, and of which column in it.
    pub(super) fn damage(&self, values: &Values, column: Option<&'static str>) -> Fault {
        let (table, key) = (self.name, key_of(values).chars().take(80).collect());
        Damage::Row { table, key, column }.into()
    }

    fn place(&self, values: &Values) -> RowPlace {
        let first = [b"row".to_vec(), self.name.as_bytes().to_vec()];
        RowPlace(first.into_iter().chain(values.iter().map(bytes)).collect())
    }
}

/// The values of a row in the order of the table's declaration, and apart from them the seal.
fn split(row: &SqlRow<'_>) -> Result<(Values, Vec<u8>), Fault> {
    let columns = row.as_ref().column_names();
    let (mut values, mut sealed) = (Vec::with_capacity(columns.len()), Vec::new());
    for (at, column) in columns.into_iter().enumerate() {
        if column == "seal" {
            sealed = row.get(at)?;
        } else {
            values.push(row.get(at)?);
        }
    }
    Ok((values, sealed))
}

struct RowPlace(Vec<Vec<u8>>);

impl RowPlace {
    fn each(&self) -> Vec<&[u8]> {
        self.0.iter().map(Vec::as_slice).collect()
    }
}

/// A value with its type, so that no two values look the same.
fn bytes(value: &Value) -> Vec<u8> {
    let (kind, bytes) = match value {
        Value::Null => (b'n', Vec::new()),
        Value::Integer(int) => (b'i', int.to_le_bytes().to_vec()),
        Value::Real(real) => (b'r', real.to_le_bytes().to_vec()),
        Value::Text(text) => (b't', text.clone().into_bytes()),
        Value::Blob(blob) => (b'b', blob.clone()),
    };
    [vec![kind], bytes].concat()
}

fn key_of(values: &Values) -> &str {
    match values.first() {
        Some(Value::Text(key)) => key,
        _ => "",
    }
}
