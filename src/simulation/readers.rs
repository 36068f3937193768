//! The readers, and every check of what they see.

use std::time::Duration;

use super::excuse::{PROBE_MS, START_MS};
use super::grants::{UNKNOWN_HOST, right_of};
use super::judge::Look;
use super::mail::Due;
use super::trouble::Trouble;
use super::world::World;
use super::zoho::{Place, Zoho};
use crate::base::{Boottime, millis};
use crate::policy::event::Right;
use crate::policy::query::{Query, Reading};
use crate::policy::record::{Token, Word};
use crate::policy::reply::Asked;
use crate::policy::schedule;
use crate::policy::settings::OrgSettings;

/// How long before `min_ttl` the policy may give up a live token for a new one: a fifth of the window for each org that
/// mints by the same right.
const EVE_PARTS: i64 = 5;

/// How long files may hold a token that has ended.
const FILES_LAG_MS: i64 = 1_000;

/// Readers ask for less than this to be left, in seconds: what a token has at some moments and lacks at others.
const WANTED_MAX_S: u64 = 25 * 60;

impl World<'_> {
    /// Readers look at every org that something was done to.
    pub(super) fn look_at_touched(&mut self) {
        for org in 0..self.touched.len() {
            if std::mem::take(&mut self.touched[org]) {
                self.look(org);
            }
        }
    }

    /// Readers look at every org.
    pub(super) fn look_at_all(&mut self) {
        self.check_waiting();
        for org in 0..self.names.len() {
            self.look(org);
            self.look_with_min_ttl(org);
        }
        self.check_agreement();
    }

    /// S4: where the config contradicts the grant nothing is served. The disk knows the grant.
    fn check_agreement(&mut self) {
        let boot = self.clocks.at(self.now).boot;
        let is_known = self.disk.is_idle() && self.is_disk_steady();
        let Some(fleet) = self.fleet.as_ref().filter(|_| is_known) else {
            return;
        };
        let contradicts = |own: &&OrgSettings| {
            let grant = self.disk.grant(&own.name).map(|grant| &grant.binding);
            let is_served = fleet
                .org(&own.name)
                .and_then(|org| org.served(boot))
                .is_some();
            is_served
                && grant.is_some_and(|grant| {
                    grant.environment != own.binding.environment
                        || !grant.scopes.is_same_as(&own.binding.scopes)
                })
        };
        if let Some(own) = self.settings.iter().find(contradicts) {
            let (org, now) = (self.index_of(&own.name), self.now);
            let what = "the config contradicts the grant of a token that is served".to_owned();
            self.judge.breaks("S4", Some(org), now, what);
        }
    }

    /// A plain reader and a reader of the files.
    fn look(&mut self, org: usize) {
        let Some(fleet) = &self.fleet else {
            return self.look_at_files_alone(org);
        };
        self.tally.reads += 1;
        let boot = self.clocks.at(self.now).boot;
        let Some(own) = fleet.org(&self.names[org]) else {
            return self.look_at_nothing(org, None);
        };
        let word = own.word();
        let Reading::Token { token, is_stale } = own.read(fleet.ledger(), Query::default(), boot)
        else {
            return self.look_at_nothing(org, Some(word));
        };
        let Some(number) = Zoho::token_of(token.access_token.expose()) else {
            let what = "a reader got a text that is no token".to_owned();
            return self.judge.breaks("S5", Some(org), self.now, what);
        };
        let min_ttl = own.min_ttl(token);
        let life = token.expires.since(token.started);
        let settings = &self.plan.orgs[org];
        let promises = !schedule::life_is_too_short(life, settings.at, settings.limits);
        let look = Look {
            token: number,
            generation: token.generation,
            is_stale,
            min_ttl_ms: if promises { millis(min_ttl) } else { 0 },
        };
        let misplaced = self.misplaced(org, number, token);
        self.judge.read(org, look, &self.zoho, self.now);
        self.check_files(org, Some((number, look.generation)));
        if let Some(what) = misplaced {
            self.judge.breaks("S4", Some(org), self.now, what);
        }
        self.check_whose(org, number);
        self.check_right(org, number);
        self.note_word(org, Some(word));
    }

    fn look_at_nothing(&mut self, org: usize, word: Option<Word>) {
        self.note_word(org, word);
        if matches!(word, Some(Word::Quarantined | Word::Misconfigured) | None) {
            self.judge.orgs[org].is_given_up = true;
        }
        let is_well = matches!(
            word,
            Some(Word::Ok | Word::Retrying | Word::Starting | Word::Throttled)
        );
        let is_good = is_well && self.good_grant(org).is_some();
        if word.is_some() {
            self.judge.read_nothing(org, is_good, &self.zoho, self.now);
        }
        self.check_files(org, None);
    }

    /// Whoever asks for so much left gets it, or nothing.
    fn look_with_min_ttl(&mut self, org: usize) {
        let wanted = Duration::from_secs(self.dice.below(WANTED_MAX_S));
        let boot = self.clocks.at(self.now).boot;
        let query = Query {
            min_ttl: Some(wanted),
            after: None,
        };
        let Some(fleet) = &self.fleet else {
            return;
        };
        let Some(Reading::Token { token, .. }) = fleet.read(&self.names[org], query, boot) else {
            return;
        };
        let number = Zoho::token_of(token.access_token.expose());
        let end = number.map_or(0, |number| self.zoho.issued[number].ends);
        if end - self.now < millis(wanted) {
            let left = end - self.now;
            let what = format!("asked for {wanted:?}, got a token with {left} ms left");
            self.judge.breaks("R1", Some(org), self.now, what);
        }
    }

    /// R2 and R6 as far as the policy goes: the files hold what the socket says.
    fn check_files(&mut self, org: usize, served: Option<(usize, u64)>) {
        let held = self.files[org];
        if held == served.map(|(_, generation)| generation) {
            return;
        }
        let word = self.word(org);
        let what =
            format!("the files hold {held:?}, the socket says {served:?}, the grant is {word:?}");
        let ended = self.judge.orgs[org]
            .seen
            .map(|(_, token)| self.zoho.issued[token].ends);
        let is_old = ended.is_some_and(|end| end + FILES_LAG_MS < self.now);
        let promise = if served.is_none() && is_old {
            "R1"
        } else {
            "R2"
        };
        self.judge.breaks(promise, Some(org), self.now, what);
    }

    /// S4: no token under an org that any evidence contradicts; absent evidence proves nothing.
    fn misplaced(&self, org: usize, number: usize, token: &Token) -> Option<String> {
        let settings = self.settings_of(org);
        let configured = settings.api_domains.of(settings.binding.environment);
        let said = self.zoho.issued[number].said_api_domain.as_deref();
        let is_known = |host: &str| host != UNKNOWN_HOST;
        if said.is_some_and(|said| Some(said) != configured && is_known(said)) {
            Some(format!("Zoho said {said:?} for a token that is published"))
        } else if Some(&*token.api_domain) != configured {
            let host = &token.api_domain;
            Some(format!("{host} is published, {configured:?} is configured"))
        } else if token.verified && said != configured {
            Some(format!("called verified on the word of {said:?}"))
        } else {
            None
        }
    }

    /// S4: what was minted by a client's own right is read only while the config says what it said then.
    fn check_right(&mut self, org: usize, token: usize) {
        if !self.is_of_client(org) {
            return;
        }
        let binding = self.binding_in_force(org);
        let issued = &self.zoho.issued[token];
        let own = self.zoho.own_right(right_of(binding));
        let is_its = own.is_some_and(|(grant, _)| grant == issued.grant);
        if !is_its || !binding.scopes.iter().eq(issued.scope.split(' ')) {
            let what = "a token of another soid or scope than the config has".to_owned();
            self.judge.breaks("S4", Some(org), self.now, what);
        }
    }

    fn note_word(&mut self, org: usize, word: Option<Word>) {
        let Some(word) = word else {
            // Out of the config: what it had may be given up, and comes back with the config.
            return self.judge.excuse(org, self.now + START_MS);
        };
        let was = std::mem::replace(&mut self.judge.orgs[org].word, word);
        self.tally.count_word(was, word);
        if word.wants_a_person() {
            self.judge.excuse(org, self.now + PROBE_MS);
        }
    }

    /// The policy publishes: files have it, and a reader looks at its end.
    pub(super) fn publish(&mut self, org: usize) {
        let boot = self.clocks.at(self.now).boot;
        let token = self.org(org).and_then(|own| own.served(boot));
        let Some(token) = token else {
            let what = "it publishes what it does not serve".to_owned();
            return self.judge.breaks("R2", Some(org), self.now, what);
        };
        let number = Zoho::token_of(token.access_token.expose());
        let generation = token.generation;
        self.files[org] = Some(generation);
        let end = number.and_then(|number| self.zoho.issued.get(number));
        if let Some(end) = end.map(|issued| issued.ends) {
            self.mail
                .post_to(self.life, end.max(self.now), Due::Look(org));
        }
        self.look_as_it_ends(org);
        self.check_durable(org, generation);
    }

    /// R7: what readers have is on the disk, unless the disk is in trouble and they would go short.
    fn check_durable(&mut self, org: usize, generation: u64) {
        let kept = self.disk.generation(&self.names[org]);
        if kept < generation && self.is_disk_steady() {
            let what = format!("generation {generation} is out, the disk has {kept}");
            self.judge.breaks("R7", Some(org), self.now, what);
        }
    }

    /// R3, R7, S3: a call has its slot on the disk, and goes where its grant is.
    pub(super) fn check_call(&mut self, org: usize, asked: Asked, right: &Right, timeout: i64) {
        let boot = self.clocks.at(self.now).boot;
        let latest = Boottime(boot.0 + timeout);
        let is_enrolment = !asked.is_by_schedule();
        let name = &self.names[org];
        if !self.disk.covers(name, is_enrolment, boot.0, latest.0 - 1) {
            let what = "a call without a slot on the disk".to_owned();
            self.judge.breaks("R3", Some(org), self.now, what);
        }
        let Right::RefreshToken(token) = right else {
            return;
        };
        let Some(grant) = Zoho::line_of(token.expose()).and_then(|at| self.zoho.grants.get(at))
        else {
            return;
        };
        let settings = self.settings.iter().find(|own| own.name == *name);
        let binding = settings.map(|own| &own.binding);
        let is_its = |place: &Place| {
            binding.is_some_and(|binding| {
                *place.data_center == *binding.data_center && *place.client_id == *binding.client_id
            })
        };
        if !is_its(&grant.place) {
            let what = "a refresh token goes to another data center or client".to_owned();
            self.judge.breaks("S3", Some(org), self.now, what);
        }
    }

    /// Whether the readers of an org are about to go short, so that an eleventh live token is in order.
    pub(super) fn is_eve(&self, org: usize) -> bool {
        let boot = self.clocks.at(self.now).boot;
        let Some(own) = self.org(org) else {
            return true;
        };
        let eve = self.sharers_of_its_lane(org) * self.limits.0 / EVE_PARTS;
        own.served(boot).is_none_or(|token| {
            let left = millis(token.expires.since(boot));
            left <= millis(own.min_ttl(token)) + eve
        })
    }

    /// After the calm: every org is well, and nobody waits.
    pub(super) fn check_end(&mut self) {
        self.look_at_all();
        for org in 0..self.names.len() {
            let word = self.word(org);
            // An enrolment whose answer named neither scope nor host may be found out in the last minute.
            let is_found_out = word == Some(Word::Quarantined) && !self.is_of_its_place(org);
            let is_well = word == Some(Word::Ok) && self.files[org].is_some();
            if !is_well && !is_found_out {
                let what = format!(
                    "after hours of calm it is {word:?}, files {:?}",
                    self.files[org]
                );
                self.judge.breaks("end", Some(org), self.now, what);
            }
        }
    }

    /// What the whole way to an org's data center suffers from.
    pub(super) fn weather_of(&self, org: usize) -> Option<Trouble> {
        let data_center = &self.plan.orgs[org].binding.data_center;
        self.weather.get(data_center).map(|(trouble, _)| *trouble)
    }
}
