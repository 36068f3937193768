//! Records to rows and back.
//!
//! Writers and readers below go through the columns in the order of [`ORG`] and [`LANE`]. A group of columns (the
//! grant, the prior, the token) is all NULL where the record has none.

use std::sync::Arc;

use rusqlite::types::Value;
use zeroize::Zeroizing;

use super::error::Fault;
use super::seal::Seal;
use super::table::{Table, Values};
use crate::base::{Boottime, Environment, Now, OrgName, ScopeSet, Secret, UnixTime};
use crate::policy::record::{
    Anchor, Cause, Grant, LaneId, LaneRecord, OrgRecord, Prior, Slot, Token, Verdict, Word,
};
use crate::policy::settings::Binding;

pub(super) const ORG: Table = Table {
    name: "org",
    columns: &[
        "name",
        "revision",
        "boot_id",
        "anchor_boot_ms",
        "anchor_unix_ms",
        "client_id",
        "data_center",
        "environment",
        "scopes",
        "refresh_token",
        "client_secret",
        "lane",
        "enrolled_boot_ms",
        "prior_refresh_token",
        "prior_lane",
        "access_token",
        "token_generation",
        "token_started_boot_ms",
        "token_expires_boot_ms",
        "token_api_domain",
        "token_scopes",
        "token_verified",
        "generation",
        "word",
        "since_boot_ms",
        "cause_code",
        "cause_detail",
        "failures",
        "until_boot_ms",
    ],
};

pub(super) const LANE: Table = Table {
    name: "lane",
    columns: &[
        "id",
        "client_id",
        "data_center",
        "boot_id",
        "anchor_boot_ms",
        "anchor_unix_ms",
        "slots",
    ],
};

const GRANT_WIDTH: usize = 8;
const PRIOR_WIDTH: usize = 2;
const TOKEN_WIDTH: usize = 7;
const CAUSE_WIDTH: usize = 2;

/// Whose secrets a row holds: they open under no other org, client, data center or environment.
struct Owner<'a> {
    org: &'a str,
    client_id: &'a str,
    data_center: &'a str,
    environment: &'a str,
}

impl<'a> Owner<'a> {
    fn of_record(record: &'a OrgRecord) -> Self {
        let binding = record.grant.as_ref().map(|grant| &grant.binding);
        Self {
            org: record.org.as_str(),
            client_id: binding.map_or("", |binding| &binding.client_id),
            data_center: binding.map_or("", |binding| &binding.data_center),
            environment: binding.map_or("", |binding| binding.environment.as_str()),
        }
    }

    fn of_row(row: &'a Values) -> Self {
        let text = |column| match &row[index(column)] {
            Value::Text(text) => text.as_str(),
            _ => "",
        };
        Self {
            org: text("name"),
            client_id: text("client_id"),
            data_center: text("data_center"),
            environment: text("environment"),
        }
    }

    /// `1`: the first arrangement of the associated data.
    fn place(&self, column: &'a str) -> [&'a [u8]; 7] {
        [
            b"secret",
            b"1",
            self.org.as_bytes(),
            column.as_bytes(),
            self.client_id.as_bytes(),
            self.data_center.as_bytes(),
            self.environment.as_bytes(),
        ]
    }
}

fn index(column: &str) -> usize {
    let found = ORG.columns.iter().position(|name| *name == column);
    found.expect("a column of the list above")
}

/// Seals the secrets of one row; those that did not change stay as they are, byte for byte.
struct Sealer<'a> {
    seal: &'a Seal,
    owner: Owner<'a>,
    old: Option<&'a Values>,
    wiped: bool,
}

impl Sealer<'_> {
    fn cell(&mut self, column: &'static str, secret: Option<&Secret>) -> Value {
        let old = self.old.map(|row| &row[index(column)]);
        if let (Some(Value::Blob(sealed)), Some(secret)) = (old, secret) {
            let plain = self.seal.unseal(sealed, &self.owner.place(column));
            if plain.is_ok_and(|plain| plain.as_slice() == secret.expose().as_bytes()) {
                return Value::Blob(sealed.clone());
            }
        }
        // An access token lives an hour: what is left of it in the log is worth no extra sync.
        self.wiped |= column != "access_token" && matches!(old, Some(Value::Blob(_)));
        let place = self.owner.place(column);
        secret.map_or(Value::Null, |secret| {
            Value::Blob(self.seal.seal(secret.expose().as_bytes(), &place))
        })
    }
}

/// A row for `record`, and whether that drops a lasting secret of the `old` row.
pub(super) fn of_org(record: &OrgRecord, old: Option<&Values>, seal: &Seal) -> (Values, bool) {
    let owner = Owner::of_record(record);
    let mut sealer = Sealer {
        seal,
        owner,
        old,
        wiped: false,
    };
    let mut row = vec![
        text(record.org.as_str()),
        Value::Integer(record.revision.cast_signed()),
    ];
    row.extend(of_anchor(&record.anchor));
    row.extend(of_grant(record.grant.as_ref(), &mut sealer));
    let prior = record.prior.as_ref();
    row.push(sealer.cell(
        "prior_refresh_token",
        prior.map(|prior| &*prior.refresh_token),
    ));
    row.push(prior.map_or(Value::Null, |prior| text(&prior.lane.0)));
    row.extend(of_token(record.token.as_ref(), &mut sealer));
    row.push(Value::Integer(record.generation.cast_signed()));
    row.extend(of_verdict(&record.verdict));
    (row, sealer.wiped)
}

fn of_anchor(anchor: &Anchor) -> [Value; 3] {
    [
        text(&anchor.boot_id),
        Value::Integer(anchor.at.boot.0),
        Value::Integer(anchor.at.wall.0),
    ]
}

fn of_grant(grant: Option<&Grant>, sealer: &mut Sealer<'_>) -> [Value; GRANT_WIDTH] {
    let secret = grant.and_then(|grant| grant.client_secret.as_deref());
    let refresh_token = sealer.cell("refresh_token", grant.map(|grant| &*grant.refresh_token));
    let client_secret = sealer.cell("client_secret", secret);
    let Some(Grant {
        binding,
        lane,
        enrolled_at,
        ..
    }) = grant
    else {
        return [const { Value::Null }; GRANT_WIDTH];
    };
    [
        text(&binding.client_id),
        text(&binding.data_center),
        text(binding.environment.as_str()),
        Value::Text(binding.scopes.to_string()),
        refresh_token,
        client_secret,
        text(&lane.0),
        Value::Integer(enrolled_at.0),
    ]
}

fn of_token(token: Option<&Token>, sealer: &mut Sealer<'_>) -> [Value; TOKEN_WIDTH] {
    let access_token = sealer.cell("access_token", token.map(|token| &*token.access_token));
    let Some(token) = token else {
        return [const { Value::Null }; TOKEN_WIDTH];
    };
    [
        access_token,
        Value::Integer(token.generation.cast_signed()),
        Value::Integer(token.started.0),
        Value::Integer(token.expires.0),
        text(&token.api_domain),
        Value::Text(token.scope.to_string()),
        Value::Integer(token.verified.into()),
    ]
}

fn of_verdict(verdict: &Verdict) -> [Value; 6] {
    let cause = verdict.cause.as_ref();
    [
        text(verdict.word.as_str()),
        Value::Integer(verdict.since.0),
        cause.map_or(Value::Null, |cause| text(&cause.code)),
        cause.map_or(Value::Null, |cause| text(&cause.detail)),
        Value::Integer(verdict.failures.into()),
        verdict
            .until
            .map_or(Value::Null, |until| Value::Integer(until.0)),
    ]
}

/// A row for `record`.
pub(super) fn of_lane(record: &LaneRecord) -> Values {
    let slots = record.slots.iter().map(|slot| {
        let Slot {
            started,
            settled,
            lives_until,
        } = slot;
        format!("[{},{},{}]", started.0, settled.0, lives_until.0)
    });
    let slots = format!("[{}]", slots.collect::<Vec<_>>().join(","));
    let head = [&*record.id.0, &record.client_id, &record.data_center].map(text);
    let anchor = of_anchor(&record.anchor);
    head.into_iter()
        .chain(anchor)
        .chain([Value::Text(slots)])
        .collect()
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// The revision in `row`.
pub(super) fn revision(row: &Values) -> u64 {
    match row[index("revision")] {
        Value::Integer(revision) => revision.cast_unsigned(),
        _ => 0,
    }
}

/// The record that `row` holds.
pub(super) fn to_org(row: &Values, seal: &Seal) -> Result<OrgRecord, Fault> {
    let mut cells = Cells {
        table: &ORG,
        row,
        seal,
        next: 0,
    };
    Ok(OrgRecord {
        org: cells.parsed(|name| OrgName::parse(name).ok())?,
        revision: cells.int()?.cast_unsigned(),
        anchor: cells.anchor()?,
        grant: cells.group(GRANT_WIDTH, Cells::grant)?,
        prior: cells.group(PRIOR_WIDTH, Cells::prior)?,
        token: cells.group(TOKEN_WIDTH, Cells::token)?,
        generation: cells.int()?.cast_unsigned(),
        verdict: cells.verdict()?,
    })
}

/// The record that `row` holds.
pub(super) fn to_lane(row: &Values, seal: &Seal) -> Result<LaneRecord, Fault> {
    let mut cells = Cells {
        table: &LANE,
        row,
        seal,
        next: 0,
    };
    Ok(LaneRecord {
        id: cells.lane()?,
        client_id: cells.text()?.to_owned(),
        data_center: cells.text()?.to_owned(),
        anchor: cells.anchor()?,
        slots: cells.parsed(slots)?,
    })
}

fn slots(text: &str) -> Option<Vec<Slot>> {
    let slots: Vec<[i64; 3]> = serde_json::from_str(text).ok()?;
    let slot = |[started, settled, lives_until]: [i64; 3]| Slot {
        started: Boottime(started),
        settled: Boottime(settled),
        lives_until: Boottime(lives_until),
    };
    Some(slots.into_iter().map(slot).collect())
}

/// Reads one row from left to right.
struct Cells<'a> {
    table: &'static Table,
    row: &'a Values,
    seal: &'a Seal,
    next: usize,
}

impl<'a> Cells<'a> {
    fn take(&mut self) -> &'a Value {
        self.next += 1;
        &self.row[self.next - 1]
    }

    /// The cell that was just read is not what it must be.
    fn bad(&self) -> Fault {
        self.table
            .damage(self.row, Some(self.table.columns[self.next - 1]))
    }

    fn group<T>(
        &mut self,
        width: usize,
        read: impl FnOnce(&mut Self) -> Result<T, Fault>,
    ) -> Result<Option<T>, Fault> {
        if self.row[self.next] == Value::Null {
            self.next += width;
            return Ok(None);
        }
        read(self).map(Some)
    }

    fn int(&mut self) -> Result<i64, Fault> {
        match self.take() {
            Value::Integer(int) => Ok(*int),
            _ => Err(self.bad()),
        }
    }

    fn boottime(&mut self) -> Result<Boottime, Fault> {
        self.int().map(Boottime)
    }

    fn text(&mut self) -> Result<&'a str, Fault> {
        match self.take() {
            Value::Text(text) => Ok(text),
            _ => Err(self.bad()),
        }
    }

    fn parsed<T>(&mut self, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, Fault> {
        let text = self.text()?;
        parse(text).ok_or_else(|| self.bad())
    }

    fn secret(&mut self) -> Result<Arc<Secret>, Fault> {
        let Value::Blob(sealed) = self.take() else {
            return Err(self.bad());
        };
        let place = Owner::of_row(self.row).place(self.table.columns[self.next - 1]);
        let mut plain = self.seal.unseal(sealed, &place).map_err(|_| self.bad())?;
        match String::from_utf8(std::mem::take(&mut *plain)) {
            Ok(text) => Ok(Arc::new(Secret::new(text))),
            Err(err) => {
                drop(Zeroizing::new(err.into_bytes()));
                Err(self.bad())
            }
        }
    }

    fn lane(&mut self) -> Result<LaneId, Fault> {
        self.text().map(|id| LaneId(id.into()))
    }

    fn anchor(&mut self) -> Result<Anchor, Fault> {
        let boot_id = self.text()?.into();
        let (boot, wall) = (self.boottime()?, UnixTime(self.int()?));
        Ok(Anchor {
            boot_id,
            at: Now { boot, wall },
        })
    }

    fn grant(&mut self) -> Result<Grant, Fault> {
        Ok(Grant {
            binding: Binding {
                client_id: self.text()?.to_owned(),
                data_center: self.text()?.to_owned(),
                environment: self.parsed(Environment::parse)?,
                scopes: ScopeSet::parse(self.text()?),
            },
            refresh_token: self.secret()?,
            client_secret: self.group(1, Self::secret)?,
            lane: self.lane()?,
            enrolled_at: self.boottime()?,
        })
    }

    fn prior(&mut self) -> Result<Prior, Fault> {
        let refresh_token = self.secret()?;
        Ok(Prior {
            refresh_token,
            lane: self.lane()?,
        })
    }

    fn token(&mut self) -> Result<Token, Fault> {
        Ok(Token {
            access_token: self.secret()?,
            generation: self.int()?.cast_unsigned(),
            started: self.boottime()?,
            expires: self.boottime()?,
            api_domain: self.text()?.to_owned(),
            scope: ScopeSet::parse(self.text()?),
            verified: self.int()? != 0,
        })
    }

    fn verdict(&mut self) -> Result<Verdict, Fault> {
        Ok(Verdict {
            word: self.parsed(Word::parse)?,
            since: self.boottime()?,
            cause: self.group(CAUSE_WIDTH, Self::cause)?,
            failures: u32::try_from(self.int()?).map_err(|_| self.bad())?,
            until: self.group(1, Self::boottime)?,
        })
    }

    fn cause(&mut self) -> Result<Cause, Fault> {
        let code = self.text()?.to_owned();
        Ok(Cause {
            code,
            detail: self.text()?.to_owned(),
        })
    }
}
