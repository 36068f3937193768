//! The places that Zoho has for refresh tokens: 20 per user and client, and the 21st silently deletes the oldest.
//!
//! Counts what this daemon has enrolled and does not know to be gone: grants in force, those that they replaced, and
//! those of orgs that left the config. Whose user a grant is of Zoho does not say, so all of a client count as one
//! user's, unless more of them live than one user can have; what others have enrolled with the same client nobody can
//! count. A refresh token that was taken over is of unknown age and counts as the oldest, in the order of nothing better
//! than the orgs' names. Sources: Kaizen #43, CRM API v8 "Token Validity", "Will the refresh tokens expire".

use std::cell::OnceCell;
use std::collections::BTreeMap;

use serde::Serialize;

use super::event::Severity;
use super::fleet::{Fleet, Moment};
use super::past::Plan;
use super::record::{LaneId, OrgRecord, Word};
use super::settings::Binding;
use crate::base::{Key, Now, OrgName, UnixTime};

/// What Zoho keeps per user and client.
pub const SEATS_MAX: usize = 20;

/// From so many on an operator is warned.
pub const WARN_FROM: usize = 17;

/// How many of the places are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Count {
    /// Refresh tokens that this daemon has enrolled with the client and does not know to be gone.
    pub known: usize,
    /// What Zoho keeps.
    pub most: usize,
}

/// One refresh token at Zoho.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seat {
    /// When Zoho made it; `None`, which counts as older than all: nobody knows.
    pub since: Option<UnixTime>,
    /// Whose it is.
    pub org: OrgName,
    /// Whether its org lives on it.
    pub is_in_force: bool,
}

/// Client id and data center.
type Client = (Key, Key);

/// Every refresh token by its client, the oldest first.
type Book = BTreeMap<Client, Vec<Seat>>;

/// The book, made when somebody asks and thrown away when anything happens: a thousand orgs ask together.
#[derive(Debug, Default)]
pub(super) struct Seats(OnceCell<Book>);

impl Fleet {
    /// How many places of that client are taken in that data center.
    pub fn seat_count(&self, of: &Binding, now: Now) -> Count {
        Count {
            known: self.seats_of(of, now).len(),
            most: SEATS_MAX,
        }
    }

    fn seats_of(&self, of: &Binding, now: Now) -> &[Seat] {
        let book = self.seats.0.get_or_init(|| book(self.records(), now));
        let key = (of.client_id.clone(), of.data_center.clone());
        book.get(&key).map_or(&[], Vec::as_slice)
    }

    /// What an operator should know of the places, for the org whose grant in force is the first to be deleted.
    pub(super) fn seat_warning(&self, record: &OrgRecord, now: Now) -> Option<String> {
        let grant = record.grant.as_ref()?;
        grant.root.refresh_token()?;
        let (first, warning) = self.seat_warning_in(&grant.binding, now)?;
        (first == record.org).then_some(warning)
    }

    /// The same of the org's client, whichever org is the first.
    pub fn seat_warning_of(&self, name: &OrgName, now: Now) -> Option<String> {
        let grant = self.orgs.get(name)?.record.grant.as_ref()?;
        grant.root.refresh_token()?;
        Some(self.seat_warning_in(&grant.binding, now)?.1)
    }

    fn seat_warning_in(&self, of: &Binding, now: Now) -> Option<(OrgName, String)> {
        let seats = self.seats_of(of, now);
        let first = seats.iter().find(|seat| seat.is_in_force)?;
        let in_force = seats.iter().filter(|seat| seat.is_in_force).count();
        // So many live that they cannot be one user's.
        let is_one_users = in_force <= SEATS_MAX;
        if !is_one_users || seats.len() < WARN_FROM {
            return None;
        }
        // Of those whose age nobody knows any may be the oldest.
        let older = seats.iter().filter(|seat| seat.since < first.since).count();
        let age = first.since.map_or_else(
            || "taken over, so of unknown age and counted as the oldest".to_owned(),
            |since| format!("enrolled at {}", since.to_rfc3339()),
        );
        let org = &first.org;
        let whose = format!("the oldest grant in force, that of org {org} ({age})");
        let danger = match (SEATS_MAX + older).checked_sub(seats.len()) {
            None => format!(
                "it has most likely deleted {whose}, already: `zoho-tokend refresh {org}` tells"
            ),
            Some(0) => format!("the next enrolment makes it delete {whose}, without a word"),
            Some(more) => format!(
                "{} more enrolments make it delete {whose}, without a word",
                more + 1
            ),
        };
        let taken = match seats.len() {
            known if known > SEATS_MAX => {
                format!(
                    "{known} refresh tokens of client {} are known, and Zoho keeps {SEATS_MAX} per user",
                    shown(of)
                )
            }
            known => format!(
                "{known} of the {SEATS_MAX} refresh tokens that Zoho keeps per user are taken with client {}",
                shown(of)
            ),
        };
        let cure = "revoke what no job uses (`zoho-tokend revoke ORG`; what was kept or forgotten: under Connected Apps of \
                    the user who gave it), or enroll with another client";
        Some((first.org.clone(), format!("{taken}: {danger}; {cure}")))
    }

    /// Whether the org's grant was the oldest of so many that a 21st may have pushed it out: how many are known.
    fn eviction(&self, record: &OrgRecord, now: Now) -> Option<usize> {
        let grant = record.grant.as_ref()?;
        grant.root.refresh_token()?;
        let made_at = now.wall_at(grant.enrolled_at);
        let since = (!grant.is_taken_over).then_some(made_at);
        let others = self.seats_of(&grant.binding, now);
        let is_oldest = others
            .iter()
            .all(|seat| seat.org == record.org || seat.since >= since);
        let count = others.len() + 1;
        (is_oldest && count >= WARN_FROM).then_some(count)
    }

    /// A grant that was well is gone all of a sudden: says so if a 21st refresh token may be why.
    pub(super) fn suspect_eviction(&mut self, name: &OrgName, moment: &mut Moment<'_>) {
        let org = self.orgs.get(name).filter(|org| org.is_called_invalid());
        let count = org.and_then(|org| self.eviction(&org.record, moment.now));
        let Some(count) = count else {
            return;
        };
        self.with(name, moment, |org, scene| {
            org.evicted_of = Some(count);
            let detail = format!(
                "the grant that is gone was the oldest of {count} of its client: a 21st refresh token makes Zoho \
                 delete the oldest"
            );
            org.tell(Severity::Warning, "evicted", detail, scene);
        });
    }

    /// The start: the same of grants that were gone before it, without a word to the operator, who was told.
    pub(super) fn recall_evictions(&mut self, now: Now) {
        let gone = self.orgs.values().filter(|org| org.is_called_invalid());
        let gone: Vec<&OrgRecord> = gone.map(|org| &org.record).collect();
        // An older one that lived longer: then it was not the oldest.
        let is_outlived = |own: &OrgRecord| gone.iter().any(|other| outlives(other, own));
        let first = gone.iter().filter(|record| !is_outlived(record));
        let counts = first.map(|record| (record.org.clone(), self.eviction(record, now)));
        for (name, count) in counts.collect::<Vec<_>>() {
            if let Some(org) = self.orgs.get_mut(&name) {
                org.evicted_of = count;
            }
        }
    }
}

/// Whether both are gone, and `older` is both the older grant and the one that went later.
fn outlives(older: &OrgRecord, own: &OrgRecord) -> bool {
    let both = older.grant.as_ref().zip(own.grant.as_ref());
    older.verdict.since > own.verdict.since
        && both.is_some_and(|(older, own)| {
            older.binding.client_id == own.binding.client_id
                && older.binding.data_center == own.binding.data_center
                && older.enrolled_at < own.enrolled_at
        })
}

/// What a cure begins with where a 21st may have pushed the grant out.
pub(super) fn eviction_cure(count: usize, cure: &str) -> String {
    format!(
        "Look for a 21st refresh token first, made here or elsewhere, which makes Zoho delete the oldest: this was the \
         oldest of {count} that the daemon knows of its client; revoke what no job uses, or use another client. {cure}"
    )
}

fn book<'a>(records: impl Iterator<Item = &'a OrgRecord>, now: Now) -> Book {
    let mut by_lane: BTreeMap<&LaneId, (Client, Seat)> = BTreeMap::new();
    for record in records {
        for (lane, client, seat) in seats_in(record, now) {
            let fresh = || (client.clone(), seat.clone());
            let known = by_lane.entry(lane).or_insert_with(fresh);
            // Whoever lives on it is who has to know.
            if seat.is_in_force && !known.1.is_in_force {
                *known = (client, seat);
            }
        }
    }
    let mut book = Book::new();
    for (client, seat) in by_lane.into_values() {
        book.entry(client).or_default().push(seat);
    }
    for seats in book.values_mut() {
        seats.sort();
    }
    book
}

/// The refresh tokens of one org. One that Zoho has called invalid takes no place.
fn seats_in(record: &OrgRecord, now: Now) -> Vec<(&LaneId, Client, Seat)> {
    let seat = |since, is_in_force| Seat {
        since,
        org: record.org.clone(),
        is_in_force,
    };
    let mut seats = Vec::new();
    let grant = record.grant.as_ref();
    let grant = grant.filter(|grant| grant.root.refresh_token().is_some());
    if let Some(grant) = grant.filter(|_| record.verdict.word != Word::NeedsConsent) {
        let made_at = now.wall_at(grant.enrolled_at);
        let since = (!grant.is_taken_over).then_some(made_at);
        let binding = &grant.binding;
        let client = (binding.client_id.clone(), binding.data_center.clone());
        seats.push((&grant.lane, client, seat(since, true)));
    }
    for past in &record.past {
        if past.plan != Plan::Left || !past.may_be_gone {
            let client = (past.client_id.clone(), past.data_center.clone());
            seats.push((&past.lane, client, seat(past.since, false)));
        }
    }
    seats
}

fn shown(of: &Binding) -> String {
    format!("{} in {}", of.client_id, of.data_center)
}
