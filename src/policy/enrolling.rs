//! An enrolment: a person's grant code or refresh token becomes the org's grant.
//!
//! Nothing of the older grant changes until Zoho has confirmed the new one and nothing contradicts it. The
//! call is the first slot of a new lane, unless the refresh token is one that we know: then its lane goes on.

use std::time::Duration;

use super::binding;
use super::event::{Answer, Attempt, Offer, Refusal, RequestId, Right, Severity, Step, WriteId};
use super::ledger::{Fate, Lane, Want};
use super::minting::lane_name;
use super::org::{Org, Scene};
use super::record::{Cause, Grant, LaneId, Prior, Slot};
use super::reply::{Asked, Granted, Outcome};
use super::saving::{Stage, refuse};
use crate::base::{Boottime, Secret};
use std::sync::Arc;

/// How long after its deadline an enrolment that nobody answered for is given up.
const OVERDUE: Duration = Duration::from_secs(30);

/// An enrolment on its way.
#[derive(Debug)]
pub(super) struct Enrolling {
    pub(super) attempt: Attempt,
    request: RequestId,
    offer: Offer,
    pub(super) lane: LaneId,
    slot: Slot,
    pub(super) stage: Stage,
}

impl Enrolling {
    pub(super) fn overdue_at(&self) -> Boottime {
        self.slot.settled.plus(OVERDUE)
    }

    pub(super) fn into_request(self) -> RequestId {
        self.request
    }
}

impl Org {
    /// Takes a slot for the offer, in `known` (the lane of a refresh token that we have) or a new lane.
    pub(super) fn enroll(
        &mut self,
        request: RequestId,
        offer: Offer,
        known: Option<LaneId>,
        scene: &mut Scene<'_>,
    ) {
        let now = scene.now.boot;
        if self.enrolling.is_some() {
            let cause = Cause::new("busy", "another enrolment of this org is on its way");
            return refuse(
                request,
                Refusal::Later(cause, now.plus(self.settings.timeout)),
                scene,
            );
        }
        let id = known.unwrap_or_else(|| self.new_lane(scene));
        let (limits, client_mints) = (self.settings.limits, self.settings.client_mints);
        let room = scene
            .ledger
            .room_at(&id, now, limits, client_mints, Want::Demand);
        if room > now {
            return refuse(request, Refusal::NoBudget(room), scene);
        }
        let Some(lane) = scene.ledger.lane_mut(&id) else {
            return;
        };
        self.enrolling = Some(Enrolling {
            attempt: Attempt(scene.numbers.next()),
            request,
            offer,
            slot: lane.open(now, self.settings.timeout),
            lane: id,
            stage: Stage::Reserving(None),
        });
    }

    fn new_lane(&self, scene: &mut Scene<'_>) -> LaneId {
        let id = lane_name(self.name(), scene);
        let lane = Lane {
            client_id: self.settings.binding.client_id.clone(),
            data_center: self.settings.binding.data_center.clone(),
            slots: Vec::new(),
            is_dirty: true,
        };
        scene.ledger.insert(id.clone(), lane);
        id
    }

    /// The slot may be on the disk: then call.
    pub(super) fn call_for_enrolment(&mut self, write: WriteId, scene: &mut Scene<'_>) {
        let Some(own) = &mut self.enrolling else {
            return;
        };
        if own.stage != Stage::Reserving(Some(write)) {
            return;
        }
        own.stage = Stage::Calling;
        scene.steps.push(Step::Call {
            org: self.settings.name.clone(),
            attempt: own.attempt,
            asked: match own.offer.right {
                Right::Code(_) => Asked::Exchange,
                Right::RefreshToken(_) => Asked::TakeOver,
            },
            right: own.offer.right.clone(),
            client_secret: own.offer.client_secret.clone(),
        });
    }

    /// The slot cannot be kept: then nothing is sent, and the person's code is still good.
    pub(super) fn abandon_unsaved_enrolment(
        &mut self,
        cause: &Cause,
        retry_at: Boottime,
        scene: &mut Scene<'_>,
    ) {
        let is_unsent = |own: &mut Enrolling| own.stage != Stage::Calling;
        let Some(own) = self.enrolling.take_if(is_unsent) else {
            return;
        };
        if let Some(lane) = scene.ledger.lane_mut(&own.lane) {
            lane.close(own.slot, Fate::NeverSent, scene.now.boot);
        }
        refuse(own.request, Refusal::Later(cause.clone(), retry_at), scene);
    }

    /// Zoho's word on the offer.
    pub(super) fn enrolment_answered(&mut self, answer: Answer, scene: &mut Scene<'_>) {
        let Some(own) = self.enrolling.take() else {
            return;
        };
        let now = scene.now.boot;
        if let Some(lane) = scene.ledger.lane_mut(&own.lane) {
            lane.close(own.slot, Fate::of(&answer), now);
        }
        // The slot counts on disk too, whatever comes of the offer.
        self.saving.is_dirty = true;
        let refusal = match answer {
            Answer::Sorted(Outcome::Granted(granted)) => match self.accept(&own, granted, scene) {
                Ok(()) => return,
                Err(cause) => Refusal::Refused(cause),
            },
            Answer::Sorted(Outcome::Throttled(_)) => {
                Refusal::NoBudget(now.plus(self.settings.limits.window))
            }
            Answer::Sorted(Outcome::NeedsConsent(cause) | Outcome::Misconfigured(cause)) => {
                Refusal::Refused(cause)
            }
            Answer::NotSent(cause)
            | Answer::Lost(cause)
            | Answer::Sorted(Outcome::Transient(cause)) => Refusal::Later(cause, now),
        };
        if let Refusal::Refused(cause) | Refusal::Later(cause, _) = &refusal {
            let detail = format!("enrolment refused: {}: {}", cause.code, cause.detail);
            self.tell(Severity::Warning, "enroll", detail, scene);
        }
        refuse(own.request, refusal, scene);
    }

    /// Puts the new grant in force, with the token that came with it; an error leaves the older one as it is.
    fn accept(
        &mut self,
        own: &Enrolling,
        mut granted: Granted,
        scene: &mut Scene<'_>,
    ) -> Result<(), Cause> {
        let proof = binding::weigh(&granted, &self.settings)?;
        let (refresh_token, is_proved) = refresh_token_of(own, &mut granted)?;
        self.shelve_grant(&refresh_token, is_proved);
        self.record.grant = Some(Grant {
            binding: self.settings.binding.clone(),
            refresh_token,
            client_secret: own.offer.client_secret.clone(),
            lane: own.lane.clone(),
            enrolled_at: scene.now.boot,
        });
        self.compare_with_config();
        let askers = self.abandon_mint();
        self.awaiting_token.extend(askers);
        self.awaiting_token.push(own.request);
        let how = match own.offer.right {
            Right::Code(_) => "a grant code",
            Right::RefreshToken(_) => "a refresh token",
        };
        self.tell(Severity::Info, "enrolled", format!("with {how}"), scene);
        self.take_token(granted, proof, own.slot.started, scene);
        Ok(())
    }

    /// Keeps the older refresh token until the new one has minted; one that is proved already needs no fallback.
    fn shelve_grant(&mut self, refresh_token: &Secret, is_proved: bool) {
        let older = self.record.grant.take();
        let older = older.filter(|grant| !grant.refresh_token.is_same_as(refresh_token));
        let prior = self.record.prior.take().or(older.map(|grant| Prior {
            refresh_token: grant.refresh_token,
            lane: grant.lane,
        }));
        self.record.prior = prior.filter(|_| !is_proved);
    }
}

/// The refresh token that the grant will stand on, and whether it has minted.
fn refresh_token_of(own: &Enrolling, granted: &mut Granted) -> Result<(Arc<Secret>, bool), Cause> {
    let given = granted.refresh_token.take().map(Arc::new);
    match &own.offer.right {
        Right::Code(_) => given
            .map(|token| (token, false))
            .ok_or_else(|| Cause::new("no-refresh-token", "Zoho's answer has no refresh token")),
        Right::RefreshToken(offered) => Ok((given.unwrap_or_else(|| offered.clone()), true)),
    }
}
