//! An enrolment: a person's grant code, refresh token or client secret becomes the org's grant.
//!
//! Nothing of the older grant changes until Zoho has confirmed the new one and nothing contradicts it. The
//! call is the first slot of a new lane, unless the refresh token is one that we know: then its lane goes on.
//! A client's own right always has the same lane.

use std::sync::Arc;

use super::asking::Held;
use super::binding::{self, Proof};
use super::call::Call;
use super::client_right;
use super::event::{Answer, Offer, Refusal, RequestId, Right, Severity, Step, WriteId};
use super::ledger::{Fate, Want};
use super::org::{Org, Scene};
use super::past::{Past, Plan};
use super::record::{Cause, Grant, LaneId, Streak};
use super::reply::{Asked, Granted, Outcome};
use super::root::Root;
use super::rotation::Rotation;
use super::saving::refuse;
use super::schedule;
use super::settings::Binding;
use crate::base::{Boottime, Now, Secret};

/// An enrolment on its way.
#[derive(Debug)]
pub(super) struct Enrolling {
    pub(super) call: Call,
    pub(super) request: RequestId,
    pub(super) offer: Offer,
    asked: Asked,
    /// What the config said when the call was made: the grant will be of that place, whatever it says later.
    binding: Binding,
    /// What Zoho has granted, until its API says whose it is.
    pub(super) held: Option<Held<Accepted>>,
}

/// What Zoho has granted for an offer, and nothing of the answer contradicts.
#[derive(Debug)]
pub(super) struct Accepted {
    pub(super) granted: Granted,
    /// What the grant will stand on.
    pub(super) root: Root,
    /// Whether that has minted.
    is_proved: bool,
    proof: Proof,
}

impl Enrolling {
    /// What came of it, or may have come, where the org does not live on it.
    fn past(&self, refresh_token: Option<Arc<Secret>>, plan: Plan, now: Now) -> Past {
        Past {
            lane: self.call.lane.clone(),
            client_id: self.binding.client_id.clone(),
            data_center: self.binding.data_center.clone(),
            since: Some(now.wall_at(self.call.started())),
            client_secret: refresh_token.as_ref().and(self.offer.client_secret.clone()),
            refresh_token,
            plan,
            may_be_gone: false,
        }
    }

    /// The lane that this refresh token is being enrolled in.
    pub(super) fn lane_of(&self, offered: &Secret) -> Option<&LaneId> {
        match &self.offer.right {
            Right::RefreshToken(own) if own.is_same_as(offered) => Some(&self.call.lane),
            _ => None,
        }
    }
}

impl Org {
    /// Takes a slot for the offer, in `known` (the lane of a refresh token that we have) or a new lane.
    pub(super) fn enroll(
        &mut self,
        (request, asked): (RequestId, Asked),
        offer: Offer,
        known: Option<LaneId>,
        scene: &mut Scene<'_>,
    ) {
        let now = scene.now.boot;
        if self.enrolling.is_some() {
            let cause = Cause::new("busy", "another enrolment of this org is on its way");
            let until = now.plus(self.settings.timeout);
            return refuse(request, Refusal::Later(cause, until), scene);
        }
        if self.is_being_revoked() {
            let until = now.plus(self.settings.timeout);
            let refusal = Refusal::Later(super::revoke::revoking(), until);
            return refuse(request, refusal, scene);
        }
        if !offer.right.is_of(self.settings.grant) {
            return refuse(
                request,
                Refusal::Refused(client_right::another_kind()),
                scene,
            );
        }
        if let Some(refusal) = self.saving.refusal(now) {
            return refuse(request, refusal, scene);
        }
        let lane = known.unwrap_or_else(|| match offer.right {
            Right::Client => LaneId::of_client(&self.settings.binding),
            Right::Code(_) | Right::RefreshToken(_) | Right::Login(_) => self.new_lane(scene),
        });
        let room = self.room_at(&lane, Want::Demand, scene.ledger, now);
        if room > now {
            return refuse(request, Refusal::NoBudget(room), scene);
        }
        self.enrolling = Some(Enrolling {
            call: Call::reserve(lane, &self.settings, scene),
            request,
            offer,
            asked,
            binding: self.settings.binding.clone(),
            held: None,
        });
        self.saving.is_dirty = true;
    }

    /// The client secret that the last enrolment brought, if it was of the same client.
    pub fn sealed_client_secret(&self) -> Option<Arc<Secret>> {
        let (grant, now) = (self.record.grant.as_ref()?, &self.settings.binding);
        let is_same = grant.binding.client_id == now.client_id
            && grant.binding.data_center == now.data_center;
        grant.client_secret.clone().filter(|_| is_same)
    }

    /// A name that no lane has, also after a restart with a clock that was set back.
    fn new_lane(&self, scene: &mut Scene<'_>) -> LaneId {
        loop {
            let (org, wall, number) = (self.name(), scene.now.wall.0, scene.numbers.next());
            let id = LaneId(format!("{org}.{wall}.{number}").into());
            let is_past = self.record.past.iter().any(|past| past.lane == id);
            if scene.ledger.lane(&id).is_none() && !is_past {
                return id;
            }
        }
    }

    /// The slot may be on the disk: then call.
    pub(super) fn call_for_enrolment(&mut self, write: WriteId, scene: &mut Scene<'_>) {
        let Some(own) = &mut self.enrolling else {
            return;
        };
        if !own.call.begins_on(write, self.settings.timeout, scene) {
            return;
        }
        if let Some(until) = own.call.throttled_until(scene) {
            return self.abandon_throttled_enrolment(until, scene);
        }
        scene.steps.push(Step::Call {
            org: self.settings.name.clone(),
            attempt: own.call.attempt,
            asked: own.asked,
            right: own.offer.right.clone(),
            client_secret: match own.asked {
                // It is what is to be proved, whatever the config has got meanwhile.
                Asked::Prove => own.offer.client_secret.clone(),
                _ => (self.settings).secret_to_send(own.offer.client_secret.as_ref()),
            },
        });
    }

    /// Zoho has throttled the lane since its slot was taken: then nothing is sent (R3).
    fn abandon_throttled_enrolment(&mut self, until: Boottime, scene: &mut Scene<'_>) {
        let Some(mut own) = self.enrolling.take() else {
            return;
        };
        self.close_offer(&mut own, Fate::NeverSent, scene);
        refuse(own.request, Refusal::NoBudget(until), scene);
    }

    /// The slot cannot be kept: then nothing is sent, and the person's code is still good.
    pub(super) fn abandon_unsent_enrolment(
        &mut self,
        cause: &Cause,
        retry_at: Boottime,
        scene: &mut Scene<'_>,
    ) {
        let Some(mut own) = self.enrolling.take_if(|own| own.call.is_reserving()) else {
            return;
        };
        self.close_offer(&mut own, Fate::NeverSent, scene);
        refuse(own.request, Refusal::Later(cause.clone(), retry_at), scene);
    }

    /// The config is another one since the call: an answer to it would be stored under a place that it is not of.
    pub(super) fn refuse_enrolment(&mut self, cause: &Cause, scene: &mut Scene<'_>) {
        let Some(mut own) = self.enrolling.take() else {
            return;
        };
        if own.call.is_reserving() {
            self.close_offer(&mut own, Fate::NeverSent, scene);
        }
        refuse(own.request, Refusal::Refused(cause.clone()), scene);
    }

    /// Where the config of today contradicts the enrolment that is on its way.
    pub(super) fn contradicted_enrolment(&self) -> Option<Cause> {
        let own = self.enrolling.as_ref()?;
        binding::contradiction(&own.binding, &self.settings.binding)
    }

    fn close_offer(&mut self, own: &mut Enrolling, fate: Fate, scene: &mut Scene<'_>) {
        own.call.close(fate, scene);
        self.saving.leave_lane(&own.call.lane);
        self.saving.is_dirty = true;
    }

    /// Zoho's word on the offer.
    pub(super) fn enrolment_answered(
        &mut self,
        mut own: Enrolling,
        answer: Answer,
        scene: &mut Scene<'_>,
    ) {
        let now = scene.now.boot;
        // The slot counts on disk too, whatever comes of the offer.
        self.close_offer(&mut own, Fate::of(&answer), scene);
        let request = own.request;
        let is_lost = Fate::of(&answer) == Fate::Lost;
        if is_lost && matches!(own.offer.right, Right::Code(_) | Right::Login(_)) {
            self.remember_what_may_be(&own, scene);
        }
        let refusal = match answer {
            Answer::Sorted(Outcome::Granted(granted)) => {
                let accepted = match own.asked {
                    Asked::Prove => self.accept_secret(&own, granted, scene),
                    _ => self.accept(own, granted, scene),
                };
                match accepted {
                    Ok(()) => return,
                    Err(cause) => Refusal::Refused(cause),
                }
            }
            Answer::Sorted(Outcome::Throttled(cause)) => {
                let until = now.plus(self.settings.limits.window);
                scene.ledger.quieten(&own.call.lane, until);
                Refusal::Throttled(cause, until)
            }
            Answer::Sorted(Outcome::NeedsConsent(cause) | Outcome::Misconfigured(cause)) => {
                Refusal::Refused(cause)
            }
            Answer::NotSent(cause)
            | Answer::Lost(cause)
            | Answer::Sorted(Outcome::Transient(cause)) => {
                let limits = self.settings.limits;
                Refusal::Later(cause, schedule::after_unsent(now, 1, limits, scene.dice))
            }
        };
        if let Some(cause) = refusal.cause() {
            let detail = format!("enrolment refused: {}: {}", cause.code, cause.detail);
            self.tell(Severity::Warning, "enroll", detail, scene);
        }
        refuse(request, refusal, scene);
    }

    /// Puts the new grant in force, or has the API heard first; an error leaves the older one as it is.
    fn accept(
        &mut self,
        own: Enrolling,
        mut granted: Granted,
        scene: &mut Scene<'_>,
    ) -> Result<(), Cause> {
        let (root, is_proved) = root_of(&own.offer, &mut granted)?;
        if let (Right::RefreshToken(offered), Root::RefreshToken(new)) = (&own.offer.right, &root) {
            // Also where it is refused below: it may have been ours, or another org's.
            scene.rotations.push(Rotation {
                lane: own.call.lane.clone(),
                old: Arc::clone(offered),
                new: Arc::clone(new),
            });
        }
        let proof = match binding::weigh(&granted, &self.settings) {
            Ok(proof) => proof,
            Err(cause) => {
                self.reject(&own, root, scene);
                return Err(cause);
            }
        };
        let accepted = Accepted {
            granted,
            root,
            is_proved,
            proof,
        };
        if self.settings.verify {
            self.hold_enrolment(own, accepted, scene);
        } else {
            self.put_in_force(own, accepted, scene);
        }
        Ok(())
    }

    /// Puts the new grant in force, with the token that came with it.
    pub(super) fn put_in_force(
        &mut self,
        own: Enrolling,
        accepted: Accepted,
        scene: &mut Scene<'_>,
    ) {
        let Accepted {
            granted,
            root,
            is_proved,
            proof,
        } = accepted;
        let askers = self.abandon_mint(scene);
        if self.contradiction.is_some() {
            // The older grant's token is of another place: it must not come out under the new config.
            self.published = None;
        }
        self.shelve_grant(&root, is_proved, &own.offer, scene.now);
        self.record.grant = Some(Grant {
            is_taken_over: matches!(own.offer.right, Right::RefreshToken(_)),
            binding: own.binding,
            root,
            client_secret: own.offer.client_secret,
            lane: own.call.lane.clone(),
            enrolled_at: scene.now.boot,
        });
        self.forget_asked();
        self.compare_with_config(scene.now.boot);
        // What was said of the older grant's tokens counts no more.
        self.record.streak = Streak::default();
        self.awaiting_token.extend(askers);
        self.awaiting_token.push(own.request);
        let how = match own.offer.right {
            Right::Code(_) => "a grant code",
            Right::RefreshToken(_) => "a refresh token",
            Right::Login(_) => "a login in a browser",
            Right::Client => "client credentials",
        };
        self.tell(Severity::Info, "enrolled", format!("with {how}"), scene);
        self.take_token(granted, proof, own.call.started(), scene);
    }

    /// Keeps the older refresh token until the new one has minted; one that is proved already needs no fallback.
    fn shelve_grant(&mut self, root: &Root, is_proved: bool, offer: &Offer, now: Now) {
        let is_kept = offer.keeps_old;
        let token = root.refresh_token();
        // A server that rotates has answered one with another.
        let offered = match &offer.right {
            Right::RefreshToken(token) => Some(token),
            _ => None,
        };
        let is_same = |past: &Past| token.into_iter().chain(offered).any(|own| past.is(own));
        // What is in force again is past no more.
        self.record.past.retain(|past| !is_same(past));
        let may_be_gone = self.is_called_invalid();
        let older = self.record.grant.take();
        let older = older.and_then(|grant| Past::of(grant, Plan::Fallback { is_kept }, now));
        if let Some(older) = older.filter(|past| !is_same(past)) {
            self.record.add_past(Past {
                may_be_gone,
                ..older
            });
        }
        if is_proved && !self.settings.verify {
            self.record.end_fallbacks();
        }
    }

    /// A grant that is not for this org. What Zoho made for our code alone nobody will use: it is revoked.
    pub(super) fn reject(&mut self, own: &Enrolling, root: Root, scene: &mut Scene<'_>) {
        if let (Right::Code(_) | Right::Login(_), Root::RefreshToken(token)) =
            (&own.offer.right, root)
        {
            let past = own.past(Some(token), Plan::Revoke { tries: 0 }, scene.now);
            self.record.add_past(past);
        }
    }

    /// Nobody knows whether Zoho has made a refresh token: it may take a place.
    fn remember_what_may_be(&mut self, own: &Enrolling, scene: &mut Scene<'_>) {
        let past = own.past(None, Plan::Left, scene.now);
        self.record.add_past(past);
    }
}

/// What the grant will stand on, and whether that has minted.
fn root_of(offer: &Offer, granted: &mut Granted) -> Result<(Root, bool), Cause> {
    let given = granted.refresh_token.take().map(Arc::new);
    match &offer.right {
        Right::Code(_) | Right::Login(_) => given
            .map(|token| (Root::RefreshToken(token), false))
            .ok_or_else(|| Cause::new("no-refresh-token", "Zoho's answer has no refresh token")),
        Right::RefreshToken(offered) => {
            let token = given.unwrap_or_else(|| offered.clone());
            Ok((Root::RefreshToken(token), true))
        }
        Right::Client => Ok((Root::Client, true)),
    }
}
