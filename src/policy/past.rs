//! Refresh tokens that an org has had and mints with no more, until Zoho has none of them either.
//!
//! What is done about them is [`super::revoking`]'s; each may still take one of Zoho's places ([`super::seats`]).
//! Invariant (R4): a refresh token is dropped from here once Zoho has it no more, or a person wants it left alive,
//! or another org of ours lives on it; by nothing else.

use std::sync::Arc;

use serde::Serialize;

use super::record::{Grant, LaneId, OrgRecord};
use crate::base::{Key, Now, Secret, UnixTime};

/// Refresh tokens that live on without us and are remembered, for their places: Zoho keeps no more of one client.
const LEFT_MAX: usize = 20;

/// What the history says behind "revoked" of the grant itself.
pub(super) const OF_GRANT: &str = "at Zoho, and all access tokens with it";

/// One such refresh token.
#[derive(Debug, Clone)]
pub struct Past {
    /// The line of refresh tokens that it is of.
    pub lane: LaneId,
    /// Zoho's id of the client that it is of.
    pub client_id: Key,
    /// Where it is to be revoked: the data center's word.
    pub data_center: Key,
    /// When Zoho made it; `None` where nobody knows, as it was taken over.
    pub since: Option<UnixTime>,
    /// The refresh token, as long as we have a use for it.
    pub refresh_token: Option<Arc<Secret>>,
    /// The client secret, where it was given at the enrolment instead of in the config.
    pub client_secret: Option<Arc<Secret>>,
    /// What is to become of it.
    pub plan: Plan,
    /// Whether Zoho has called it invalid, or may have revoked it without our hearing of it.
    pub may_be_gone: bool,
}

/// What is to become of a refresh token that is not in force any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// Kept to fall back on until its successor has minted. Then it is revoked, or left alive if `is_kept`.
    Fallback {
        /// Whether a person wants it to live on.
        is_kept: bool,
    },
    /// To be revoked at Zoho.
    Revoke {
        /// Calls for that which may have reached Zoho, the one included that is on its way.
        tries: u32,
    },
    /// It lives on at Zoho, or may do so, and is none of ours any more.
    Left,
}

/// When Zoho is asked to revoke a refresh token that is in force no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndOfReplaced {
    /// Once its successor has minted.
    AfterRefresh,
    /// As soon as it can be, or it is tried again.
    Now,
}

impl Past {
    /// A grant that is in force no more; `None` for one that stood on the client's own right.
    pub(super) fn of(grant: Grant, plan: Plan, now: Now) -> Option<Self> {
        let made_at = now.wall_at(grant.enrolled_at);
        let refresh_token = Arc::clone(grant.root.refresh_token()?);
        Some(Self {
            lane: grant.lane,
            client_id: grant.binding.client_id,
            data_center: grant.binding.data_center,
            since: (!grant.is_taken_over).then_some(made_at),
            refresh_token: Some(refresh_token),
            client_secret: grant.client_secret,
            plan,
            may_be_gone: false,
        })
    }

    /// Whether it is that refresh token.
    pub fn is(&self, token: &Secret) -> bool {
        let own = self.refresh_token.as_ref();
        own.is_some_and(|own| own.is_same_as(token))
    }

    /// Whether a person wants it to live on.
    pub(super) fn is_kept(&self) -> bool {
        self.plan == Plan::Fallback { is_kept: true }
    }

    /// Drops what is secret of it, and leaves it alive.
    pub(super) fn leave(&mut self) {
        self.refresh_token = None;
        self.client_secret = None;
        self.plan = Plan::Left;
    }
}

impl OrgRecord {
    /// The refresh tokens that it stands on, or has kept, each with its lane.
    pub(super) fn refresh_tokens(&self) -> impl Iterator<Item = (&Secret, &LaneId)> {
        let grant = self.grant.iter();
        let grant = grant.filter_map(|own| Some((&**own.root.refresh_token()?, &own.lane)));
        let past = self.past.iter();
        let past = past.filter_map(|own| Some((own.refresh_token.as_deref()?, &own.lane)));
        grant.chain(past)
    }

    /// The lanes that its mints count in, or would.
    pub(super) fn lanes(&self) -> impl Iterator<Item = &LaneId> {
        let grant = self.grant.iter().map(|own| &own.lane);
        let past = self.past.iter().filter(|own| own.refresh_token.is_some());
        grant.chain(past.map(|own| &own.lane))
    }

    /// The past refresh token of that lane that is still to be dealt with.
    pub(super) fn past_of(&mut self, lane: &LaneId) -> Option<&mut Past> {
        let mut past = self.past.iter_mut();
        past.find(|own| own.lane == *lane && own.refresh_token.is_some())
    }

    /// Adds one; of those that are left alive the oldest go, which Zoho has deleted for newer ones by then.
    pub(super) fn add_past(&mut self, past: Past) {
        self.past.push(past);
        let is_left = |own: &Past| own.plan == Plan::Left;
        let mut surplus = self.past.iter().filter(|own| is_left(own)).count();
        self.past.retain(|own| {
            let goes = is_left(own) && surplus > LEFT_MAX;
            surplus -= usize::from(goes);
            !goes
        });
    }

    /// Whose the past refresh token of that lane is, behind "revoked".
    pub(super) fn whose(&self, lane: &LaneId, now: Now) -> &'static str {
        let mut past = self.past.iter();
        let since = past
            .find(|past| past.lane == *lane)
            .and_then(|past| past.since);
        let enrolled = self
            .grant
            .as_ref()
            .map(|grant| now.wall_at(grant.enrolled_at));
        match (since, enrolled) {
            (Some(since), Some(enrolled)) if since > enrolled => {
                "the refresh token of a refused enrolment, at Zoho; the grant in force stays"
            }
            (_, Some(_)) => "an older refresh token, at Zoho; the grant in force stays",
            (_, None) => OF_GRANT,
        }
    }

    /// What becomes of the refresh tokens that newer grants have replaced, where they are not to live on.
    pub(super) fn end_of_replaced(&self) -> Option<EndOfReplaced> {
        let is_fallback = |own: &Past| own.plan == Plan::Fallback { is_kept: false };
        if self.past.iter().any(is_fallback) {
            return Some(EndOfReplaced::AfterRefresh);
        }
        let is_doomed = self.past.iter().any(Past::is_doomed);
        is_doomed.then_some(EndOfReplaced::Now)
    }

    /// No older grant is kept any more: the one in force has minted, or there is none that it could stand in for.
    pub(super) fn end_fallbacks(&mut self) -> bool {
        let mut is_news = false;
        for own in &mut self.past {
            match own.plan {
                Plan::Fallback { is_kept: true } => own.leave(),
                Plan::Fallback { is_kept: false } => own.plan = Plan::Revoke { tries: 0 },
                Plan::Revoke { .. } | Plan::Left => continue,
            }
            is_news = true;
        }
        is_news
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::Anchor;
    use super::*;
    use crate::base::{Boottime, OrgName};

    fn record() -> OrgRecord {
        let at = Now {
            boot: Boottime(1),
            wall: UnixTime(2),
        };
        let anchor = Anchor {
            boot_id: "b".into(),
            at,
            is_vouched: true,
        };
        OrgRecord::unenrolled(OrgName::parse("acme").expect("a good name"), anchor)
    }

    fn left(n: usize) -> Past {
        Past {
            lane: LaneId(format!("acme.{n}").into()),
            client_id: "1000.C".into(),
            data_center: "eu".into(),
            since: None,
            refresh_token: None,
            client_secret: None,
            plan: Plan::Left,
            may_be_gone: false,
        }
    }

    #[test]
    fn s1_what_is_left_alive_keeps_no_secret() {
        let secret = || Some(Arc::new(Secret::new("secret".into())));
        let mut past = Past {
            refresh_token: secret(),
            client_secret: secret(),
            plan: Plan::Fallback { is_kept: true },
            ..left(1)
        };
        past.leave();
        assert!(past.refresh_token.is_none() && past.client_secret.is_none());
        assert_eq!(past.plan, Plan::Left);
    }

    #[test]
    fn s5_no_more_refresh_tokens_are_remembered_than_zoho_keeps_and_none_that_is_to_be_revoked_is_forgotten()
     {
        let mut record = record();
        let doomed = Past {
            refresh_token: Some(Secret::new("rt".into()).into()),
            plan: Plan::Revoke { tries: 3 },
            ..left(1000)
        };
        record.add_past(doomed);
        for n in 0..50 {
            record.add_past(left(n));
        }
        assert_eq!(record.past.len(), 1 + LEFT_MAX);
        assert_eq!(record.past[0].plan, Plan::Revoke { tries: 3 });
        assert_eq!(record.past[1].lane, left(30).lane);
    }
}
