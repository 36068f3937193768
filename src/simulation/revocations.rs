//! Revocations on their way to Zoho and back, and what must hold of them (R4): what is being revoked mints no more, and
//! no refresh token that lives is forgotten unless a person wants just that.

use std::collections::BTreeSet;

use super::mail::Due;
use super::spans::HOUR;
use super::trouble::Trouble;
use super::waiting::{Asker, Wants};
use super::world::World;
use super::zoho::Zoho;
use crate::base::OrgName;
use crate::policy::event::{Attempt, Event, Refusal, RequestId};
use crate::policy::record::{Cause, OrgRecord};
use crate::policy::revocation::{Dialect, Reading, Said};
use crate::policy::revoke::{Ended, Wish};
use crate::policy::revoking::Doomed;

/// What is known of refresh tokens that are to end.
#[derive(Debug, Default)]
pub(super) struct Endings {
    /// Grants whose revocation was sent, and has not failed for certain.
    doomed: BTreeSet<usize>,
    /// Grants that a person had forgotten.
    forgotten: BTreeSet<usize>,
}

/// A call to revoke.
#[derive(Debug, Clone)]
pub(super) struct Revocation {
    org: usize,
    attempt: Attempt,
    token: String,
    may_be_gone: bool,
}

impl World<'_> {
    /// A person has an org's grant revoked, or forgotten, or those before it.
    pub(super) fn revoke(&mut self, org: usize) {
        self.judge.excuse_trouble(org, self.now, HOUR);
        let wish = Wish {
            forgets: self.dice.happens(200),
            only_old: self.dice.happens(200),
        };
        let name = self.names[org].clone();
        if wish.forgets {
            let record = self.disk.orgs.get(&name);
            let lines = record.into_iter().flat_map(|record| lines_of(record));
            self.endings.forgotten.extend(lines);
            self.judge.orgs[org].is_given_up = true;
        }
        self.ask(org, Wants::Revocation, |request| Event::Revoke {
            org: name,
            request,
            wish,
        });
    }

    /// The daemon asks Zoho to revoke.
    pub(super) fn send_revocation(&mut self, name: &OrgName, attempt: Attempt, doomed: &Doomed) {
        let org = self.index_of(name);
        let token = doomed.refresh_token.expose().to_owned();
        if self.weather_of(org) == Some(Trouble::Unreachable) {
            let said = Said::NotSent(Cause::new("connect", "no way to Zoho"));
            let answer = Due::Revoked(org, attempt, said);
            return self.mail.post_to(self.life, self.now + 200, answer);
        }
        self.endings.doomed.extend(Zoho::line_of(&token));
        let call = Revocation {
            org,
            attempt,
            token,
            may_be_gone: doomed.may_be_gone,
        };
        let way = self.dice.between(1, 3_000);
        self.mail.post(self.now + way, Due::RevokeAtZoho(call));
    }

    /// It arrives there.
    pub(super) fn revoke_at_zoho(&mut self, call: &Revocation) {
        let weather = self.weather_of(call.org);
        let is_heard = match weather {
            Some(Trouble::Silent | Trouble::Noise) => self.dice.happens(500),
            _ => true,
        };
        // Whichever of its refresh tokens it is: a server that rotates ends the whole line (RFC 7009 §2.1).
        let line = Zoho::line_of(&call.token).filter(|_| is_heard);
        let lives = |grant: &usize| {
            let of = self.zoho.grants.get(*grant);
            of.is_some_and(|grant| grant.revoked_at.is_none())
        };
        let grant = line.filter(lives);
        if let Some(grant) = grant {
            self.zoho.revoke(grant, self.now);
        }
        let (status, body) = match (weather, grant) {
            (Some(Trouble::Silent), _) => {
                let said = Said::Lost(Cause::new("timeout", "no answer in time"));
                return self.bring(call, said);
            }
            (Some(Trouble::Noise), _) => (502, "<html>"),
            (Some(Trouble::Throttling), None) => (400, r#"{"error":"Access Denied"}"#),
            (_, Some(_)) => (200, r#"{"status":"success"}"#),
            // Both endpoints say as much of a token that they do not know.
            (_, None) if self.dice.happens(500) => (400, r#"{"error":"invalid_token"}"#),
            (_, None) => (400, ""),
        };
        let reading = Reading::of(Dialect::Zoho, &[], status, body.as_bytes());
        let said = if reading.wants_another(Dialect::Zoho, call.may_be_gone) {
            let other = reading.clone().settle(call.may_be_gone);
            reading.settle_with(other, call.may_be_gone)
        } else {
            reading.settle(call.may_be_gone)
        };
        self.bring(call, said);
    }

    fn bring(&mut self, call: &Revocation, said: Said) {
        let way = self.dice.between(1, 20_000);
        let answer = Due::Revoked(call.org, call.attempt, said);
        self.mail.post_to(self.life, self.now + way, answer);
    }

    /// The answer is there.
    pub(super) fn take_revocation(&mut self, org: usize, attempt: Attempt, said: Said) {
        let is_as_before = matches!(said, Said::NotSent(_) | Said::Refused(_));
        let name = self.names[org].clone();
        if is_as_before {
            let record = self.disk.orgs.get(&name);
            for line in record.into_iter().flat_map(|record| lines_of(record)) {
                self.endings.doomed.remove(&line);
            }
        } else {
            // A token that may be dead at Zoho is taken from readers, also where it turns out to live.
            self.judge.orgs[org].is_given_up = true;
        }
        self.step(Event::RevocationAnswered {
            org: name,
            attempt,
            said,
        });
    }

    /// A person is told how it ended.
    pub(super) fn revoked(&mut self, request: RequestId, result: &Result<Ended, Refusal>) {
        let Some(Asker { org, .. }) = self.askers.remove(&request) else {
            let what = format!("{request:?} was answered twice, or never asked");
            return self.judge.breaks("R7", None, self.now, what);
        };
        let name = &self.names[org];
        let has_grant = self.disk.grant(name).is_some();
        // What is told as ended the disk does not hold, but for what was enrolled before it.
        let is_ended = matches!(result, Ok(Ended::Revoked | Ended::Gone(_)));
        let lives = self
            .good_grant(org)
            .is_some_and(|grant| self.endings.doomed.contains(&grant));
        if is_ended && has_grant && lives {
            let what = "told that it is revoked, and it lives".to_owned();
            self.judge.breaks("R4", Some(org), self.now, what);
        }
    }

    /// R4: nothing is minted with what is being revoked.
    pub(super) fn check_doomed(&mut self, org: usize, grant: usize) {
        if self.endings.doomed.contains(&grant) {
            let what = "a call with a refresh token that is being revoked".to_owned();
            self.judge.breaks("R4", Some(org), self.now, what);
        }
    }

    /// R4: a refresh token leaves the store once Zoho has it no more, or a person wants it forgotten.
    pub(super) fn forgets_a_living_one(
        &self,
        org: usize,
        old: &OrgRecord,
        new: &OrgRecord,
    ) -> bool {
        let is_kept = |line: &usize| lines_of(new).any(|kept| kept == *line);
        let mut left = lines_of(old).filter(|line| !is_kept(line));
        left.any(|line| {
            let grant = self.zoho.grants.get(line);
            let lives = grant.is_some_and(|grant| grant.revoked_at.is_none());
            lives && !self.endings.forgotten.contains(&line) && !self.is_kept_by_another(org, line)
        })
    }

    /// Orgs may share a refresh token.
    fn is_kept_by_another(&self, org: usize, line: usize) -> bool {
        let others = self.disk.orgs.values();
        let mut others = others.filter(|record| record.org != self.names[org]);
        others.any(|record| lines_of(record).any(|own| own == line))
    }
}

/// The grants whose refresh tokens a record holds.
fn lines_of(record: &OrgRecord) -> impl Iterator<Item = usize> {
    let grant = record.grant.as_ref();
    let grant = grant.and_then(|grant| grant.root.refresh_token());
    let past = record
        .past
        .iter()
        .filter_map(|past| past.refresh_token.as_ref());
    let tokens = grant.into_iter().chain(past);
    tokens.filter_map(|token| Zoho::line_of(token.expose()))
}
