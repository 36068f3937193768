//! What a reader is told when it asks for a token. A read never causes a call to Zoho (R12).

use std::time::Duration;

use super::fleet::Fleet;
use super::ledger::Ledger;
use super::org::Org;
use super::record::{Token, Word};
use super::reply::LIFE_MAX;
use super::saving::Newest;
use super::schedule;
use crate::base::{Boottime, OrgName};

/// What a reader asks of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Query {
    /// At least so much life left.
    pub min_ttl: Option<Duration>,
    /// Another generation than this one.
    pub after: Option<u64>,
}

/// What there is to tell.
#[derive(Debug)]
pub enum Reading<'a> {
    /// A token that satisfies the query.
    Token {
        /// The token.
        token: &'a Token,
        /// Whether less than the org's `min_ttl` is left.
        is_stale: bool,
    },
    /// The token satisfies the query, but is of the generation that the reader has.
    Unchanged,
    /// No token satisfies the query; wait, or be told this.
    NotFresh {
        /// How the grant fares.
        word: Word,
        /// When the next attempt is planned, if any is.
        retry_at: Option<Boottime>,
    },
    /// No token ever has so much left when it is replaced; the longest that works.
    TooLong(Duration),
}

impl Fleet {
    /// Answers a query about an org of the config; `None` for any other.
    pub fn read(&self, name: &OrgName, query: Query, now: Boottime) -> Option<Reading<'_>> {
        Some(self.orgs.get(name)?.read(&self.ledger, query, now))
    }
}

impl Org {
    /// Answers a query about this org.
    pub fn read(&self, ledger: &Ledger, query: Query, now: Boottime) -> Reading<'_> {
        if let Some(max) = self.refuses_as_too_long(query) {
            return Reading::TooLong(max);
        }
        let wanted = query.min_ttl.unwrap_or(Duration::ZERO);
        let has_it = |token: &&Token| token.expires.since(now) >= wanted;
        match self.served(now).filter(has_it) {
            Some(token) if query.after == Some(token.generation) => Reading::Unchanged,
            Some(token) => Reading::Token {
                token,
                is_stale: token.expires.since(now) < self.min_ttl(token),
            },
            None => Reading::NotFresh {
                word: self.word(),
                retry_at: self.news_at(ledger, now),
            },
        }
    }

    /// When asking again may help: at once while a call, or its token's way to the disk, is not over.
    pub(super) fn news_at(&self, ledger: &Ledger, now: Boottime) -> Option<Boottime> {
        let is_under_way = self.calls().next().is_some() || self.saving.newest != Newest::Kept;
        if is_under_way {
            return Some(now);
        }
        self.next_mint_at(ledger, now)
    }

    fn refuses_as_too_long(&self, query: Query) -> Option<Duration> {
        let wanted = query.min_ttl?;
        let token = self.published.as_ref();
        let trusted = token.map(|token| token.expires.since(token.started));
        let life = trusted.map_or(LIFE_MAX, schedule::life_granted);
        let max = schedule::min_ttl_max(self.settings.at, life);
        (wanted > max).then_some(max)
    }
}
