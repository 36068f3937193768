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
        let org = self.orgs.get(name)?;
        if org.is_current(query, now) {
            return org.answer(query, now);
        }
        if let Some(max) = org.refuses_as_too_long(query) {
            return Some(Reading::TooLong(max));
        }
        let retry_at = org.news_at(&self.ledger, now);
        Some(Reading::NotFresh {
            word: org.word(),
            retry_at,
        })
    }
}

impl Org {
    /// When asking again may help: at once while a call, or its token's way to the disk, is not over.
    pub(super) fn news_at(&self, ledger: &Ledger, now: Boottime) -> Option<Boottime> {
        let is_under_way = self.calls().next().is_some() || self.saving.newest != Newest::Kept;
        if is_under_way {
            return Some(now);
        }
        self.next_mint_at(ledger, now)
    }

    fn is_current(&self, query: Query, now: Boottime) -> bool {
        let wanted = query.min_ttl.unwrap_or(Duration::ZERO);
        let has_it = |token: &Token| token.expires.since(now) >= wanted;
        self.refuses_as_too_long(query).is_none() && self.served(now).is_some_and(has_it)
    }

    fn answer(&self, query: Query, now: Boottime) -> Option<Reading<'_>> {
        let token = self.served(now)?;
        if query.after == Some(token.generation) {
            return Some(Reading::Unchanged);
        }
        Some(Reading::Token {
            token,
            is_stale: token.expires.since(now) < self.min_ttl(token),
        })
    }

    fn refuses_as_too_long(&self, query: Query) -> Option<Duration> {
        let token = self.published.as_ref();
        let trusted = token.map(|token| token.expires.since(token.started));
        let life = trusted.map_or(LIFE_MAX, schedule::life_granted);
        let max = schedule::min_ttl_max(self.settings.at, life);
        (query.min_ttl? > max).then_some(max)
    }
}
