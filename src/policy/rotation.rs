//! A server that rotates refresh tokens: when one org's is replaced, every org that shares it follows.
//!
//! Orgs share one where an operator took it over for several: they are then in one lane. Zoho does not rotate;
//! other OAuth servers do, and let the old token die. Invariant: a refresh token that a server has replaced is
//! in no record any more once the step is over (R4).

use std::sync::Arc;

use super::fleet::{Fleet, Moment};
use super::org::Org;
use super::record::{LaneId, OrgRecord};
use super::root::Root;
use crate::base::Secret;

/// One refresh token has taken the place of another.
#[derive(Debug)]
pub(super) struct Rotation {
    pub(super) lane: LaneId,
    pub(super) old: Arc<Secret>,
    pub(super) new: Arc<Secret>,
}

impl Rotation {
    /// Whether that record stands on the old token, or would fall back on it.
    fn concerns(&self, record: &OrgRecord) -> bool {
        let mut tokens = record.refresh_tokens();
        tokens.any(|(token, lane)| *lane == self.lane && self.is_old(token))
    }

    fn apply(&self, record: &mut OrgRecord) {
        let grant = record.grant.as_mut().and_then(|own| match &mut own.root {
            Root::RefreshToken(token) => Some(token),
            Root::Client => None,
        });
        let past = record.past.iter_mut();
        let past = past.filter_map(|own| own.refresh_token.as_mut());
        for token in grant.into_iter().chain(past) {
            if self.is_old(token) {
                *token = Arc::clone(&self.new);
            }
        }
    }

    /// A server that does not rotate leaves the token as it is.
    fn is_one(&self) -> bool {
        !self.old.is_same_as(&self.new)
    }

    fn is_old(&self, token: &Secret) -> bool {
        self.old.is_same_as(token)
    }
}

impl Fleet {
    /// Brings the rotations of this step to all who share the token.
    pub(super) fn follow_rotations(&mut self, moment: &mut Moment<'_>) {
        let rotations = std::mem::take(&mut moment.rotations);
        for rotation in rotations.into_iter().filter(Rotation::is_one) {
            let shares = |org: &Org| rotation.concerns(&org.record);
            self.with_each(moment, shares, |org, _| {
                rotation.apply(&mut org.record);
                org.saving.is_dirty = true;
            });
            let shelved = self.shelf.values_mut();
            for record in shelved.filter(|record| rotation.concerns(record)) {
                rotation.apply(record);
            }
        }
    }
}
