//! Zoho's API, asked which org a token is of; and what may be published before and after it has told (S4).
//!
//! It has a chance of its own, so that orgs that ask leave the rest of a run as it was. The judge knows whose each
//! grant is: none is published before its first question is over, and none that the API has called another's.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::dice::Seeded;
use super::mail::Due;
use super::trouble::Trouble;
use super::world::World;
use super::zoho::Zoho;
use crate::base::{OrgName, Secret, millis};
use crate::policy::event::{Attempt, Event};
use crate::policy::identity::ZohoOrg;
use crate::policy::record::Cause;

/// An org that no org of a plan stands for.
pub(super) const STRANGE_ORG: &str = "69999999";

/// So many questions in a thousand get no answer in fair weather.
const SILENT_PER_MILLE: u64 = 150;

/// An answer on its way.
#[derive(Debug, Clone)]
pub(super) struct Word {
    org: usize,
    attempt: Attempt,
    /// Of which grant.
    grant: usize,
    said: Result<ZohoOrg, Cause>,
}

/// What has been asked, and told.
#[derive(Debug)]
pub(super) struct Api {
    dice: Seeded,
    /// Grants that a question about is over, by org.
    heard: BTreeSet<(usize, usize)>,
    /// Grants that this life of the daemon was told of as another org's.
    accused: BTreeMap<usize, BTreeSet<usize>>,
}

impl Api {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            dice: Seeded::new(seed ^ 0xa91_0000),
            heard: BTreeSet::new(),
            accused: BTreeMap::new(),
        }
    }

    /// What the process knew is gone, but for what the disk has: that is looked at by what it does next.
    pub(super) fn forget(&mut self) {
        self.accused.clear();
    }

    /// Another org of Zoho's is meant by it from now on.
    pub(super) fn forget_of(&mut self, org: usize) {
        self.accused.remove(&org);
    }
}

impl World<'_> {
    /// The daemon asks the API.
    pub(super) fn question(
        &mut self,
        name: &OrgName,
        attempt: Attempt,
        access_token: &Secret,
        timeout: Duration,
    ) {
        let org = self.index_of(name);
        let Some(token) = Zoho::token_of(access_token.expose()) else {
            let what = "the API was asked about a text that is no token".to_owned();
            return self.judge.breaks("S5", Some(org), self.now, what);
        };
        let grant = self.zoho.issued[token].grant;
        let said = self.answer_of_api(org, token);
        let latest = millis(timeout);
        let after = match &said {
            Err(cause) if cause.code == "timeout" => latest,
            _ => self.api.dice.between(1, latest.min(2_000)),
        };
        let word = Word {
            org,
            attempt,
            grant,
            said,
        };
        self.mail
            .post_to(self.life, self.now + after, Due::Told(word));
    }

    fn answer_of_api(&mut self, org: usize, token: usize) -> Result<ZohoOrg, Cause> {
        let is_away = match self.weather_of(org) {
            Some(Trouble::Unreachable | Trouble::Silent) => true,
            Some(Trouble::Noise) => self.api.dice.happens(700),
            _ => self.api.dice.happens(SILENT_PER_MILLE),
        };
        if is_away {
            let code = *self
                .api
                .dice
                .pick(&["timeout", "http-503", "NO_PERMISSION"]);
            return Err(Cause::new(code, "the API does not say"));
        }
        let place = &self.zoho.grants[self.zoho.issued[token].grant].place;
        let settings = &self.plan.orgs[org];
        let host = settings.api_domains.of(settings.binding.environment);
        let is_at_home = host == Some(&*place.api_domain);
        if !self.zoho.is_alive(token, self.now) || (!is_at_home && self.api.dice.happens(500)) {
            return Err(Cause::new("INVALID_TOKEN", "HTTP 401 from the API"));
        }
        Ok(ZohoOrg {
            id: place.zoho_org.to_string(),
            record_id: None,
            name: None,
            environment: settings.api_domains.environment_of(&place.api_domain),
        })
    }

    /// The API's answer arrives.
    pub(super) fn told(&mut self, word: Word) {
        let Word {
            org,
            attempt,
            grant,
            said,
        } = word;
        self.api.heard.insert((org, grant));
        let is_accused = said.is_ok() && !self.is_grant_of(org, grant);
        if is_accused {
            self.api.accused.entry(org).or_default().insert(grant);
        }
        self.tally.tellings[match (&said, is_accused) {
            (Ok(_), false) => 0,
            (Ok(_), true) => 1,
            (Err(_), _) => 2,
        }] += 1;
        let (name, before) = (self.names[org].clone(), self.word(org));
        self.step(Event::Told {
            org: name,
            attempt,
            said,
        });
        self.note_need(org, before, self.now);
    }

    /// S4: a reader has a token of this grant.
    pub(super) fn check_whose(&mut self, org: usize, token: usize) {
        if !self.plan.orgs[org].verify {
            return;
        }
        let grant = self.zoho.issued[token].grant;
        let accused = self.api.accused.get(&org);
        let what = if accused.is_some_and(|grants| grants.contains(&grant)) {
            "a token is out that the API has called another org's"
        } else if !self.api.heard.contains(&(org, grant)) {
            "a token is out of a grant that the API was not asked about"
        } else {
            return;
        };
        self.judge
            .breaks("S4", Some(org), self.now, what.to_owned());
    }

    fn is_grant_of(&self, org: usize, grant: usize) -> bool {
        let (place, own) = (&self.zoho.grants[grant].place, self.place_of(org));
        let binding = self.binding_in_force(org);
        if binding.environment != self.plan.orgs[org].binding.environment {
            // Of another environment's org nobody knows the id before the API has told it.
            let host = self.plan.orgs[org].api_domains.of(binding.environment);
            return Some(&*place.api_domain) == host;
        }
        place.zoho_org == own.zoho_org && place.api_domain == own.api_domain
    }
}
