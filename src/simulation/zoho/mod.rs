//! Zoho's accounts servers as the documents and the reports of users describe them.
//!
//! Counts by true time, kills the oldest of too many live tokens, deletes the oldest of too many refresh tokens, and
//! says so in Zoho's own words ([`sayings`]). Knows nothing of the policy. Sources: CRM API v8 "Token Validity",
//! Kaizen #43, "Will the refresh tokens expire".

pub mod own_right;
pub mod sayings;

use std::collections::VecDeque;
use std::sync::Arc;

use crate::base::{Limits, millis};
use own_right::Right;

/// Refresh tokens that one client may have; one more deletes the oldest without a word.
const GRANTS_MAX: usize = 20;

/// How long a grant code lives, in milliseconds.
const CODE_LIFE_MS: i64 = 180_000;

/// What Zoho grants, and how much of it.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Per refresh token.
    pub limits: Limits,
    /// Of an access token, in milliseconds.
    pub life_ms: i64,
    /// Whether each refresh replaces the refresh token, as some servers other than Zoho's do.
    pub rotates: bool,
}

/// The org, environment and client that a grant is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The client that asked for it.
    pub client_id: Arc<str>,
    /// The data center's word.
    pub data_center: Arc<str>,
    /// Where its tokens are used.
    pub api_domain: Arc<str>,
    /// What its tokens may do.
    pub scope: Arc<str>,
    /// Zoho's own id of the org.
    pub zoho_org: Arc<str>,
}

/// One refresh token, with those that it replaced; or a client's own right, which has none.
#[derive(Debug)]
pub struct Grant {
    /// Whom it is of.
    pub place: Place,
    /// Which of its refresh tokens is the newest.
    rotation: u32,
    /// Since when it is good for nothing.
    pub revoked_at: Option<i64>,
    /// When it minted, and for whom.
    counted: VecDeque<(i64, Who)>,
    /// Its access tokens that live, the oldest first.
    live: VecDeque<usize>,
}

/// Who uses a refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// The daemon.
    Daemon,
    /// A script that somebody forgot to stop.
    Stranger,
}

/// One access token.
#[derive(Debug)]
pub struct Issued {
    /// The grant that it came from.
    pub grant: usize,
    /// Who holds it.
    pub who: Who,
    /// When it ends.
    pub ends: i64,
    /// When it was killed before that: one too many, or its grant was revoked.
    pub killed_at: Option<i64>,
    /// What it may do.
    pub scope: Arc<str>,
    /// Whether an older one was killed for it, and all that lived were the daemon's own.
    pub is_one_too_many: bool,
    /// The API host that Zoho named for it, if any.
    pub said_api_domain: Option<Arc<str>>,
}

/// What a call asks for, and with what.
#[derive(Debug, Clone)]
pub enum Ask {
    /// A grant code.
    Code(String),
    /// A refresh token.
    Refresh(String),
    /// Nothing but the client: the grant of its own right, and the scope.
    Client(usize, Arc<str>),
}

/// What Zoho does with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Makes an access token, with this number; `with_refresh_token` says whether a refresh token comes along.
    Grants {
        /// The access token.
        token: usize,
        /// Whether the answer holds a refresh token.
        with_refresh_token: bool,
    },
    /// Ten in ten minutes are enough; `by_own_calls`: the daemon's alone were ten.
    Throttles {
        /// Whether nobody else is to blame.
        by_own_calls: bool,
    },
    /// The code or refresh token is not good, or not any more.
    Refuses,
    /// The client is not good.
    RefusesClient,
}

#[derive(Debug)]
struct Code {
    place: Place,
    ends: i64,
    is_used: bool,
}

/// All data centers together.
#[derive(Debug)]
pub struct Zoho {
    rules: Rules,
    /// Every grant ever made.
    pub grants: Vec<Grant>,
    /// Every access token ever made.
    pub issued: Vec<Issued>,
    codes: Vec<Code>,
    /// The grants that are clients' own rights.
    rights: Vec<(Right, usize)>,
    /// Grants deleted for a 21st, not yet fetched by [`Zoho::evicted`].
    evicted: Vec<usize>,
}

impl Zoho {
    /// One that has granted nothing.
    pub fn new(rules: Rules) -> Self {
        Self {
            rules,
            grants: Vec::new(),
            issued: Vec::new(),
            codes: Vec::new(),
            rights: Vec::new(),
            evicted: Vec::new(),
        }
    }

    /// A person makes a grant code in the console.
    pub fn make_code(&mut self, place: Place, now: i64) -> String {
        self.codes.push(Code {
            place,
            ends: now + CODE_LIFE_MS,
            is_used: false,
        });
        format!("code-{}", self.codes.len() - 1)
    }

    /// Takes a call that arrives at `now`. The daemon is always the caller here.
    pub fn take(&mut self, ask: &Ask, life_ms: i64, now: i64) -> Decision {
        let (grant, is_new) = match ask {
            Ask::Code(text) => match self.redeem(text, now) {
                Some(place) => (self.open_grant(place, now), true),
                None => return Decision::Refuses,
            },
            Ask::Refresh(text) => match self.grant_of(text) {
                Some(grant) => (grant, false),
                None => return Decision::Refuses,
            },
            Ask::Client(grant, scope) => return self.take_by_right(*grant, scope, life_ms, now),
        };
        if let Some(throttle) = self.throttle(grant, now) {
            return throttle;
        }
        let rotates = self.rules.rotates && !is_new;
        if rotates {
            self.grants[grant].rotation += 1;
        }
        Decision::Grants {
            token: self.mint(grant, Who::Daemon, life_ms, now),
            with_refresh_token: is_new || rotates,
        }
    }

    /// Somebody else mints with the same refresh token, until he is refused.
    pub fn take_from_stranger(&mut self, grant: usize, now: i64) -> bool {
        let is_let_in = self.throttle(grant, now).is_none();
        if is_let_in {
            self.mint(grant, Who::Stranger, self.rules.life_ms, now);
        }
        is_let_in
    }

    /// The user takes the connection away.
    pub fn revoke(&mut self, grant: usize, now: i64) {
        let of = &mut self.grants[grant];
        of.revoked_at.get_or_insert(now);
        for token in std::mem::take(&mut of.live) {
            self.issued[token].killed_at.get_or_insert(now);
        }
    }

    /// Kills one access token, as Zoho has been seen to do without a reason.
    pub fn kill(&mut self, token: usize, now: i64) {
        self.issued[token].killed_at.get_or_insert(now);
    }

    /// The newest refresh token of a grant.
    pub fn refresh_token(&self, grant: usize) -> String {
        format!("rt-{grant}-{}", self.grants[grant].rotation)
    }

    /// The grant of a refresh token that is good.
    pub(super) fn grant_of(&self, text: &str) -> Option<usize> {
        let mut parts = text.strip_prefix("rt-")?.split('-');
        let grant: usize = parts.next()?.parse().ok()?;
        let rotation: u32 = parts.next()?.parse().ok()?;
        let of = self.grants.get(grant)?;
        (of.revoked_at.is_none() && of.rotation == rotation).then_some(grant)
    }

    /// The grant that a refresh token is or was of.
    pub fn line_of(text: &str) -> Option<usize> {
        let (grant, _) = text.strip_prefix("rt-")?.split_once('-')?;
        grant.parse().ok()
    }

    /// The number of an access token.
    pub(super) fn token_of(text: &str) -> Option<usize> {
        text.strip_prefix("1000.at-")?.parse().ok()
    }

    /// How an access token is written.
    fn token_text(token: usize) -> String {
        format!("1000.at-{token}")
    }

    /// Whether the API takes a token.
    pub fn is_alive(&self, token: usize, now: i64) -> bool {
        let issued = &self.issued[token];
        issued.ends > now && issued.killed_at.is_none_or(|at| at > now)
    }

    /// The daemon's calls of a grant in the window that ends now.
    pub fn own_calls(&self, grant: usize, now: i64) -> usize {
        let since = now - self.window_ms();
        let counted = self.grants[grant].counted.iter().rev();
        let recent = counted.take_while(|(at, _)| *at > since);
        recent.filter(|(_, who)| *who == Who::Daemon).count()
    }

    /// Grants that a 21st has deleted since the last look.
    pub fn evicted(&mut self) -> Vec<usize> {
        std::mem::take(&mut self.evicted)
    }

    fn redeem(&mut self, text: &str, now: i64) -> Option<Place> {
        let number: usize = text.strip_prefix("code-")?.parse().ok()?;
        let code = self.codes.get_mut(number)?;
        let is_good = !code.is_used && code.ends > now;
        code.is_used = true;
        is_good.then(|| code.place.clone())
    }

    fn open_grant(&mut self, place: Place, now: i64) -> usize {
        let is_rival =
            |grant: &Grant| grant.revoked_at.is_none() && grant.place.client_id == place.client_id;
        let rivals: Vec<usize> = (0..self.grants.len())
            .filter(|at| is_rival(&self.grants[*at]) && !self.is_own_right(*at))
            .collect();
        if rivals.len() >= GRANTS_MAX {
            self.revoke(rivals[0], now);
            self.evicted.push(rivals[0]);
        }
        self.push_grant(place)
    }

    fn push_grant(&mut self, place: Place) -> usize {
        self.grants.push(Grant {
            place,
            rotation: 0,
            revoked_at: None,
            counted: VecDeque::new(),
            live: VecDeque::new(),
        });
        self.grants.len() - 1
    }

    fn throttle(&mut self, grant: usize, now: i64) -> Option<Decision> {
        let since = now - self.window_ms();
        let counted = &mut self.grants[grant].counted;
        while counted.front().is_some_and(|(at, _)| *at <= since) {
            counted.pop_front();
        }
        let most = usize::try_from(self.rules.limits.mints).unwrap_or(usize::MAX);
        (counted.len() >= most).then(|| Decision::Throttles {
            by_own_calls: counted.iter().all(|(_, who)| *who == Who::Daemon),
        })
    }

    fn mint(&mut self, grant: usize, who: Who, life_ms: i64, now: i64) -> usize {
        let token = self.issued.len();
        self.issued.push(Issued {
            grant,
            who,
            ends: now + life_ms,
            killed_at: None,
            scope: Arc::clone(&self.grants[grant].place.scope),
            is_one_too_many: false,
            said_api_domain: None,
        });
        let most = usize::try_from(self.rules.limits.live).unwrap_or(usize::MAX);
        let issued = &mut self.issued;
        let of = &mut self.grants[grant];
        of.counted.push_back((now, who));
        of.live.push_back(token);
        of.live.retain(|token| issued[*token].ends > now);
        while of.live.len() > most {
            let is_own = of
                .live
                .iter()
                .all(|token| issued[*token].who == Who::Daemon);
            issued[token].is_one_too_many |= is_own;
            if let Some(oldest) = of.live.pop_front() {
                issued[oldest].killed_at = Some(now);
            }
        }
        token
    }

    fn window_ms(&self) -> i64 {
        millis(self.rules.limits.window)
    }
}
