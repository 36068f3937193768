//! Records to rows; [`super::cells`] is the way back.
//!
//! Both go through the columns in the order of [`ORG`] and [`LANE`]. A group of columns (the grant, the prior, the
//! token, the cause) is all NULL where the record has none; of a grant by the client's own right the refresh token is.

use rusqlite::types::Value;

use super::identity;
use super::past_cell;
use super::seal::Seal;
use super::table::{Table, Values};
use crate::base::{Boottime, Secret};
use crate::policy::past::Past;
use crate::policy::record::{Anchor, Grant, LaneRecord, OrgRecord, Slot, Token, Verdict};

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
        "anchor_is_vouched",
        "soid",
        "identity",
        "refused_generation",
        "refused_successor",
        "reports_held_until_boot_ms",
        "refused_secret_mark",
        "is_taken_over",
        "past",
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
        "anchor_is_vouched",
        "quiet_until_boot_ms",
    ],
};

/// The column of the past refresh tokens.
pub(super) const PAST: &str = "past";

pub(super) const GRANT_WIDTH: usize = 8;
pub(super) const PRIOR_WIDTH: usize = 2;
pub(super) const TOKEN_WIDTH: usize = 7;
pub(super) const CAUSE_WIDTH: usize = 2;

/// Whose secrets a row holds: they open under no other org, client, data center or environment.
pub(super) struct Owner<'a> {
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

    pub(super) fn of_row(row: &'a Values) -> Self {
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

    /// The same org under no client: for what holds secrets of several.
    pub(super) fn of_any_client(&self) -> Self {
        Self {
            org: self.org,
            client_id: "",
            data_center: "",
            environment: "",
        }
    }

    /// `1`: the first arrangement of the associated data.
    pub(super) fn place(&self, column: &'a str) -> [&'a [u8]; 7] {
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
        let plain = secret.map(|secret| secret.expose().as_bytes());
        let place = self.owner.place(column);
        let (value, is_dropped) = seal_anew(self.seal, plain, self.old, column, &place);
        // An access token lives an hour: what is left of it in the log is worth no extra sync.
        self.wiped |= column != "access_token" && is_dropped;
        value
    }

    fn past(&mut self, past: &[Past]) -> Value {
        let owner = self.owner.of_any_client();
        let plain = (!past.is_empty()).then(|| past_cell::write(past));
        let plain = plain.as_ref().map(|plain| plain.as_slice());
        let (value, is_dropped) = seal_anew(self.seal, plain, self.old, PAST, &owner.place(PAST));
        self.wiped |= is_dropped;
        value
    }
}

/// The sealed `plain`, byte for byte as in the `old` row where that has it, and whether that row had another.
fn seal_anew(
    seal: &Seal,
    plain: Option<&[u8]>,
    old: Option<&Values>,
    column: &str,
    place: &[&[u8]; 7],
) -> (Value, bool) {
    let old = old.map(|row| &row[index(column)]);
    if let (Some(Value::Blob(sealed)), Some(plain)) = (old, plain) {
        let is_same = |was: zeroize::Zeroizing<Vec<u8>>| was.as_slice() == plain;
        if seal.unseal(sealed, place).is_ok_and(is_same) {
            return (Value::Blob(sealed.clone()), false);
        }
    }
    let value = plain.map_or(Value::Null, |plain| Value::Blob(seal.seal(plain, place)));
    (value, matches!(old, Some(Value::Blob(_))))
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
    row.push(sealer.cell("prior_refresh_token", None));
    row.push(Value::Null);
    row.extend(of_token(record.token.as_ref(), &mut sealer));
    row.push(Value::Integer(record.generation.cast_signed()));
    row.extend(of_verdict(&record.verdict));
    row.push(Value::Integer(record.anchor.is_vouched.into()));
    let soid = record.grant.as_ref();
    let soid = soid.and_then(|grant| grant.binding.soid.as_deref());
    row.push(soid.map_or(Value::Null, text));
    row.push(identity::to_cell(&record.identity));
    row.extend(of_reports(record));
    let is_taken_over = record
        .grant
        .as_ref()
        .is_some_and(|grant| grant.is_taken_over);
    row.push(Value::Integer(is_taken_over.into()));
    row.push(sealer.past(&record.past));
    (row, sealer.wiped)
}

fn of_reports(record: &OrgRecord) -> [Value; 4] {
    let streak = &record.streak;
    let cells = [
        streak.refused.map(u64::cast_signed),
        streak.successor.map(u64::cast_signed),
        streak.held_until.map(|until| until.0),
        record.verdict.refused_secret.map(|mark| mark.0.into()),
    ];
    cells.map(|cell| cell.map_or(Value::Null, Value::Integer))
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
    let refresh_token = grant.and_then(|grant| grant.root.refresh_token());
    let refresh_token = sealer.cell("refresh_token", refresh_token.map(|token| &**token));
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
        maybe_moment(verdict.until),
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
        .chain([
            Value::Text(slots),
            Value::Integer(record.anchor.is_vouched.into()),
            maybe_moment(record.quiet_until),
        ])
        .collect()
}

fn maybe_moment(moment: Option<Boottime>) -> Value {
    moment.map_or(Value::Null, |moment| Value::Integer(moment.0))
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
