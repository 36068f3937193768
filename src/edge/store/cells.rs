//! Rows to records, one cell after the other; [`super::rows`] is the way there.
//!
//! A row comes verified, so what does not fit here was written by a broken release, or is a secret of another
//! place. Invariant: a secret goes from its sealed bytes into a [`Secret`] and nowhere else.

use std::sync::Arc;

use rusqlite::types::Value;
use zeroize::Zeroizing;

use super::error::Fault;
use super::identity;
use super::past_cell;
use super::rows::{CAUSE_WIDTH, GRANT_WIDTH, LANE, ORG, Owner, PRIOR_WIDTH, TOKEN_WIDTH};
use super::seal::Seal;
use super::table::{Table, Values};
use crate::base::{Boottime, Environment, Now, OrgName, ScopeSet, Secret, SecretMark, UnixTime};
use crate::policy::identity::Identity;
use crate::policy::past::{Past, Plan};
use crate::policy::record::{
    Anchor, Cause, Grant, LaneId, LaneRecord, OrgRecord, Slot, Streak, Token, Verdict, Word,
};
use crate::policy::root::Root;
use crate::policy::settings::Binding;

/// The record that `row` holds.
pub(super) fn to_org(row: &Values, seal: &Seal) -> Result<OrgRecord, Fault> {
    let mut cells = Cells {
        table: &ORG,
        row,
        seal,
        next: 0,
    };
    let (org, revision) = (
        cells.parsed(|name| OrgName::parse(name).ok())?,
        cells.int()?.cast_unsigned(),
    );
    let (anchor, grant) = (cells.anchor()?, cells.group(GRANT_WIDTH, Cells::grant)?);
    let prior = cells.group(PRIOR_WIDTH, Cells::prior)?;
    let prior = prior.zip(grant.as_ref());
    let mut record = OrgRecord {
        org,
        revision,
        anchor,
        past: prior
            .map(|(prior, grant)| past_of(prior, grant))
            .into_iter()
            .collect(),
        grant,
        token: cells.group(TOKEN_WIDTH, Cells::token)?,
        generation: cells.int()?.cast_unsigned(),
        verdict: cells.verdict()?,
        identity: Identity::default(),
        streak: Streak::default(),
    };
    record.anchor.is_vouched = cells.int()? != 0;
    let soid = cells.group(1, Cells::text)?.map(str::to_owned);
    if let Some(grant) = &mut record.grant {
        grant.binding.soid = soid;
    }
    record.identity = cells.group(1, Cells::identity)?.unwrap_or_default();
    record.streak = cells.streak()?;
    record.verdict.refused_secret = cells.group(1, Cells::mark)?;
    let is_taken_over = cells.int()? != 0;
    if let Some(grant) = &mut record.grant {
        grant.is_taken_over = is_taken_over;
    }
    record.past.extend(cells.past()?);
    Ok(record)
}

/// What a state of before schema 3 has of the older grant: the client that it is of was that of the newer one, or it
/// could not have been used.
fn past_of((refresh_token, lane): (Arc<Secret>, LaneId), grant: &Grant) -> Past {
    Past {
        lane,
        client_id: grant.binding.client_id.clone(),
        data_center: grant.binding.data_center.clone(),
        since: None,
        refresh_token: Some(refresh_token),
        client_secret: grant.client_secret.clone(),
        plan: Plan::Fallback { is_kept: false },
        may_be_gone: false,
    }
}

/// The record that `row` holds.
pub(super) fn to_lane(row: &Values, seal: &Seal) -> Result<LaneRecord, Fault> {
    let mut cells = Cells {
        table: &LANE,
        row,
        seal,
        next: 0,
    };
    let mut record = LaneRecord {
        id: cells.lane()?,
        client_id: cells.text()?.into(),
        data_center: cells.text()?.into(),
        anchor: cells.anchor()?,
        slots: cells.parsed(slots)?,
        quiet_until: None,
    };
    record.anchor.is_vouched = cells.int()? != 0;
    record.quiet_until = cells.group(1, Cells::boottime)?;
    Ok(record)
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
        let mut plain = self.plain(&Owner::of_row(self.row))?;
        match String::from_utf8(std::mem::take(&mut *plain)) {
            Ok(text) => Ok(Arc::new(Secret::new(text))),
            Err(err) => {
                drop(Zeroizing::new(err.into_bytes()));
                Err(self.bad())
            }
        }
    }

    /// What the next cell seals.
    fn plain(&mut self, owner: &Owner<'_>) -> Result<Zeroizing<Vec<u8>>, Fault> {
        let Value::Blob(sealed) = self.take() else {
            return Err(self.bad());
        };
        let place = owner.place(self.table.columns[self.next - 1]);
        self.seal.unseal(sealed, &place).map_err(|_| self.bad())
    }

    fn past(&mut self) -> Result<Vec<Past>, Fault> {
        if self.row[self.next] == Value::Null {
            return Ok(Vec::new());
        }
        let plain = self.plain(&Owner::of_row(self.row).of_any_client())?;
        past_cell::read(&plain).ok_or_else(|| self.bad())
    }

    fn lane(&mut self) -> Result<LaneId, Fault> {
        self.text().map(|id| LaneId(id.into()))
    }

    /// All of it but who vouched: that column came later, and stands last.
    fn anchor(&mut self) -> Result<Anchor, Fault> {
        let boot_id = self.text()?.into();
        let (boot, wall) = (self.boottime()?, UnixTime(self.int()?));
        Ok(Anchor {
            boot_id,
            at: Now { boot, wall },
            is_vouched: false,
        })
    }

    /// All of it but the soid: that column came later, and stands last.
    fn grant(&mut self) -> Result<Grant, Fault> {
        Ok(Grant {
            binding: Binding {
                client_id: self.text()?.into(),
                data_center: self.text()?.into(),
                environment: self.parsed(Environment::parse)?,
                scopes: ScopeSet::parse(self.text()?),
                soid: None,
            },
            root: self
                .group(1, Self::secret)?
                .map_or(Root::Client, Root::RefreshToken),
            client_secret: self.group(1, Self::secret)?,
            lane: self.lane()?,
            enrolled_at: self.boottime()?,
            is_taken_over: false,
        })
    }

    fn prior(&mut self) -> Result<(Arc<Secret>, LaneId), Fault> {
        Ok((self.secret()?, self.lane()?))
    }

    fn token(&mut self) -> Result<Token, Fault> {
        Ok(Token {
            access_token: self.secret()?,
            generation: self.int()?.cast_unsigned(),
            started: self.boottime()?,
            expires: self.boottime()?,
            api_domain: self.text()?.into(),
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
            refused_secret: None,
        })
    }

    fn identity(&mut self) -> Result<Identity, Fault> {
        self.parsed(identity::of_cell)
    }

    fn streak(&mut self) -> Result<Streak, Fault> {
        Ok(Streak {
            refused: self.group(1, Self::int)?.map(i64::cast_unsigned),
            successor: self.group(1, Self::int)?.map(i64::cast_unsigned),
            held_until: self.group(1, Self::boottime)?,
        })
    }

    fn mark(&mut self) -> Result<SecretMark, Fault> {
        let mark = u16::try_from(self.int()?).map_err(|_| self.bad())?;
        Ok(SecretMark(mark))
    }

    fn cause(&mut self) -> Result<Cause, Fault> {
        let code = self.text()?.to_owned();
        Ok(Cause {
            code,
            detail: self.text()?.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests;
