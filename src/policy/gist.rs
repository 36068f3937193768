//! What a watcher is told of an org: its generation and its two words, and nothing that moves without being news.
//!
//! A [`Revision`] stands for the gists of several orgs, so that a watcher can ask for whatever differs from what it has,
//! over restarts of both sides. Invariant: two gists are equal where a job would do the same about them.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::fleet::Fleet;
use super::org::Org;
use super::status::TokenState;
use crate::base::{Boottime, OrgName};

/// An org in short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Gist {
    /// Of the token that is served, if one is.
    pub generation: Option<u64>,
    /// The word of the token.
    pub token: &'static str,
    /// The word of the grant.
    pub grant: &'static str,
}

/// The gists of some orgs in a number. Equal numbers mean equal gists; nothing else can be read off one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revision(u64);

impl Revision {
    /// Of these orgs. The hash knows no key: what it hides, a peer that gets it can ask for.
    pub fn of<'a>(gists: impl IntoIterator<Item = (&'a OrgName, Gist)>) -> Self {
        let mut hasher = DefaultHasher::new();
        for gist in gists {
            gist.hash(&mut hasher);
        }
        Self(hasher.finish())
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Fleet {
    /// Every configured org in short, in the order of the names.
    pub fn gists(&self, now: Boottime) -> impl Iterator<Item = (&OrgName, Gist)> {
        let orgs = self.orgs.iter();
        orgs.map(move |(name, org)| (name, org.gist(now)))
    }
}

impl Org {
    fn gist(&self, now: Boottime) -> Gist {
        Gist {
            generation: self.served(now).map(|token| token.generation),
            token: self.token_state(now).0.as_str(),
            grant: self.word().as_str(),
        }
    }

    /// When its gist changes by nothing but time; `None` where it does not.
    pub fn gist_turns_at(&self, now: Boottime) -> Option<Boottime> {
        let token = self.served(now)?;
        match self.token_state(now).0 {
            // Fresh is what has just so much left: a millisecond later it is stale.
            TokenState::Fresh => Some(Boottime(
                token.expires.minus(self.min_ttl(token)).0.saturating_add(1),
            )),
            _ => Some(token.expires),
        }
    }
}
