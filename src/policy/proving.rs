//! A new client secret for grants that are sealed with theirs: one mint proves it, and no consent is needed.
//!
//! The mint is an enrolment's, with the refresh token that the org has. A secret is the client's, so that the other
//! orgs of the same client in the same data center get it too. Invariant: until Zoho has taken the new secret, every
//! org keeps the one that it has.

use std::sync::Arc;

use super::binding;
use super::enrolling::Enrolling;
use super::event::{Offer, Refusal, RequestId, Severity};
use super::fleet::{Fleet, Moment};
use super::org::{Org, Scene};
use super::record::{Cause, Grant, OrgRecord};
use super::reply::{Asked, Granted};
use super::saving::refuse;
use super::short_lived::has_ended;
use crate::base::{Key, OrgName, Secret};

/// A client secret that a mint has just proved.
#[derive(Debug)]
pub(super) struct Proved {
    by: OrgName,
    client_id: Key,
    data_center: Key,
    secret: Arc<Secret>,
}

impl Proved {
    fn is_for(&self, record: &OrgRecord) -> bool {
        let is_its = |grant: &Grant| {
            let (id, data_center) = (&grant.binding.client_id, &grant.binding.data_center);
            *id == self.client_id && *data_center == self.data_center
        };
        record.org != self.by && record.grant.as_ref().is_some_and(is_its)
    }
}

impl Org {
    /// An admin brings another client secret for the grant that the org has.
    pub(super) fn prove_secret(
        &mut self,
        request: RequestId,
        secret: Arc<Secret>,
        scene: &mut Scene<'_>,
    ) {
        let unenrolled = || Cause::new("unenrolled", "there is no grant to prove a secret with");
        let refused = match (&self.record.grant, &self.contradiction) {
            (Some(grant), None) => {
                let offer = Offer {
                    right: grant.root.right(),
                    client_secret: Some(secret),
                    keeps_old: false,
                };
                let lane = Some(grant.lane.clone());
                return self.enroll((request, Asked::Prove), offer, lane, scene);
            }
            (Some(_), Some(cause)) => cause.clone(),
            (None, _) => unenrolled(),
        };
        refuse(request, Refusal::Refused(refused), scene);
    }

    /// Zoho has taken the new secret: it is the grant's from now on, and what came with it is as any mint's.
    pub(super) fn accept_secret(
        &mut self,
        own: &Enrolling,
        mut granted: Granted,
        scene: &mut Scene<'_>,
    ) -> Result<(), Cause> {
        self.take_refresh_token(&mut granted, scene);
        let (Some(grant), Some(secret)) = (&mut self.record.grant, &own.offer.client_secret) else {
            return Err(Cause::new("unenrolled", "the grant was revoked meanwhile"));
        };
        grant.client_secret = Some(Arc::clone(secret));
        scene.proved.push(Proved {
            by: self.settings.name.clone(),
            client_id: grant.binding.client_id.clone(),
            data_center: grant.binding.data_center.clone(),
            secret: Arc::clone(secret),
        });
        let detail = "another one is sealed, and proved by a mint".to_owned();
        self.tell(Severity::Info, "client-secret", detail, scene);
        let proof = match binding::weigh(&granted, &self.settings) {
            Ok(proof) => proof,
            Err(cause) => {
                self.quarantine(cause.clone(), scene);
                return Err(cause);
            }
        };
        self.record.end_fallbacks();
        let started = own.call.started();
        if has_ended(granted.life, started, scene.now.boot) {
            let detail = "the secret is sealed, but the token of its proof has ended already";
            return Err(Cause::new("ended-on-the-way", detail));
        }
        let askers = self.abandon_mint(scene);
        self.awaiting_token.extend(askers);
        self.awaiting_token.push(own.request);
        self.take_token(granted, proof, started, scene);
        Ok(())
    }
}

impl Fleet {
    /// The other orgs that have, sealed, the client secret of this one.
    pub fn sharers_of_secret(&self, name: &OrgName) -> Vec<OrgName> {
        let grant = |org: &Org| org.record.grant.clone();
        let Some(own) = self.orgs.get(name).and_then(grant) else {
            return Vec::new();
        };
        let Some(secret) = own.client_secret else {
            return Vec::new();
        };
        let proved = Proved {
            by: name.clone(),
            client_id: own.binding.client_id,
            data_center: own.binding.data_center,
            secret,
        };
        let others = self.orgs().filter(|(_, org)| proved.is_for(&org.record));
        others.map(|(name, _)| name.clone()).collect()
    }

    /// Brings the client secrets that this step has proved to all who are of that client.
    pub(super) fn spread_secrets(&mut self, moment: &mut Moment<'_>) {
        for proved in std::mem::take(&mut moment.proved) {
            let is_meant = |org: &Org| proved.is_for(&org.record);
            self.with_each(moment, is_meant, |org, scene| {
                if let Some(grant) = &mut org.record.grant {
                    grant.client_secret = Some(Arc::clone(&proved.secret));
                }
                org.saving.is_dirty = true;
                let detail = format!("another one is sealed, proved by org {}", proved.by);
                org.tell(Severity::Info, "client-secret", detail, scene);
                org.try_other_secret(scene);
            });
        }
    }
}
