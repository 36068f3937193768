//! Another config: orgs come, go and change; what stays keeps its state.
//!
//! An org that leaves stops at once for readers and admins, but it goes on until its last call is over and
//! its record is on the disk: only then is it shelved. Were it shelved sooner, a refresh token that the
//! call brings, or the revision that the disk has, would be lost, and the org could not come back.

use super::binding::{CONTRADICTS, REMOVED, contradiction, removed};
use super::event::{Refusal, Severity};
use super::fleet::{Fleet, Moment};
use super::org::{Org, Scene};
use super::past::Past;
use super::record::{Cause, Word};
use super::remedy::remedy;
use super::report::Finding;
use super::settings::OrgSettings;
use super::turns::Turn;
use super::verdict::refuse_all;
use crate::base::{Boottime, OrgName};

impl Fleet {
    /// Takes another config.
    pub(super) fn configure(&mut self, settings: Vec<OrgSettings>, moment: &mut Moment<'_>) {
        let mut gone = std::mem::take(&mut self.orgs);
        for settings in settings {
            let name = settings.name.clone();
            let known = gone.remove(&name).or_else(|| self.leaving.remove(&name));
            let org = match known {
                Some(mut org) => {
                    org.settings = settings;
                    // Also of one that had left.
                    org.contradiction.take_if(|own| own.code == REMOVED);
                    org
                }
                None => self.adopt(settings, moment),
            };
            self.orgs.insert(name.clone(), org);
            self.with(&name, moment, Org::reconfigured);
        }
        for (name, org) in gone {
            self.leaving.insert(name.clone(), org);
            self.with(&name, moment, Org::leave);
        }
        self.plan_sharers(moment);
    }

    /// Orgs that would serve nothing any more under these settings, though they do now: why, and what to do.
    pub fn cut_off_by(&self, settings: &[OrgSettings]) -> Vec<(OrgName, String, String)> {
        let cut_off = settings.iter().filter_map(|own| {
            let now = self.orgs.get(&own.name)?;
            let then = Org::restored(own.clone(), now.record.clone());
            let cause = then.contradiction.as_ref();
            let cause = cause.filter(|_| now.contradiction.is_none() && !then.begins_anew())?;
            let remedy = remedy(&cause.code, then.asked(), 1, &then.place());
            Some((own.name.clone(), cause.detail.clone(), remedy.cure))
        });
        cut_off.collect()
    }

    /// An org that the config names anew: from the shelf, if it has been here before.
    pub(super) fn adopt(&mut self, settings: OrgSettings, moment: &Moment<'_>) -> Org {
        match self.shelf.remove(&settings.name) {
            Some(record) => {
                let mut org = Org::restored(settings, record);
                org.lift_quarantine(moment.now.boot);
                org.begin_anew(moment.now.boot);
                // A token that the wall clock carried over a reboot, or a `Date` has confirmed since: under this boot's
                // anchor a restart need not ask that clock again, which may be wrong by then.
                let is_carried = *org.record.anchor.boot_id != *self.boot_id;
                org.saving.is_dirty |= org.record.token.is_some() && is_carried;
                org
            }
            None => Org::unenrolled(settings, self.anchor(moment.now)),
        }
    }

    /// Shelves an org that has left and has nothing more to do.
    pub(super) fn shelve_if_settled(&mut self, name: &OrgName) {
        if !self.leaving.get(name).is_some_and(Org::is_settled) {
            return;
        }
        let Some(mut org) = self.leaving.remove(name) else {
            return;
        };
        self.agenda.plan(name, &mut org.plan, None);
        self.turns
            .note(name, &org.settings.binding.data_center, Turn::Idle);
        self.ledger.sharers.stand(&mut org.standing, None);
        if org.record.revision > 0 {
            self.shelf.insert(name.clone(), org.record);
        }
    }
}

impl Org {
    /// The config may have changed what is served, and what may be sent.
    fn reconfigured(&mut self, scene: &mut Scene<'_>) {
        let now = scene.now.boot;
        let was = self.contradiction.clone();
        self.compare_with_config(now);
        self.lift_quarantine(now);
        self.follow_config(scene);
        match self.contradiction.clone() {
            Some(cause) => {
                if was.as_ref() != Some(&cause) {
                    self.tell_contradiction(cause.clone(), scene);
                }
                self.stop(&cause, scene);
            }
            None if was.is_some_and(|was| was.code == CONTRADICTS) => self.tell_word(scene),
            None => (),
        }
        if let Some(cause) = self.contradicted_enrolment() {
            self.refuse_enrolment(&cause, scene);
        }
        self.try_other_secret(scene);
        self.withhold_retired();
        // Where there is no token, the config may still name an output anew in which an old one stands.
        self.show_or_withdraw(scene);
    }

    /// What is being revoked is read until Zoho has confirmed it, but under no config that contradicts it.
    fn withhold_retired(&mut self) {
        let Some(grant) = self.retired_grant() else {
            return;
        };
        let identity = &self.record.identity;
        let told = identity.found_of(&grant.lane);
        let against = told.and_then(|org| identity.contradicts(org, &self.settings));
        if against.is_some() || contradiction(&grant.binding, &self.settings.binding).is_some() {
            self.published = None;
        }
    }

    fn tell_contradiction(&mut self, cause: Cause, scene: &mut Scene<'_>) {
        let word = self.word().as_str();
        let detail = format!("{word}: {}: {}", cause.code, cause.detail);
        self.last_error = Some((scene.now.boot, cause));
        self.saving.is_dirty = true;
        self.tell(Severity::Error, "grant", detail, scene);
    }

    /// The config has the org no more.
    fn leave(&mut self, scene: &mut Scene<'_>) {
        let cause = removed();
        self.contradiction = Some(cause.clone());
        self.refuse_enrolment(&cause, scene);
        self.dismiss_reporters(scene);
        self.stop(&cause, scene);
    }

    /// Nothing more is sent for now, and nobody is left waiting.
    fn stop(&mut self, cause: &Cause, scene: &mut Scene<'_>) {
        let mut askers = self.release_mint(scene);
        askers.append(&mut self.awaiting_token);
        refuse_all(askers, &Refusal::Refused(cause.clone()), scene);
        self.rule_all(Finding::Binding, scene);
    }

    fn is_settled(&self) -> bool {
        let has_doomed = self.record.past.iter().any(Past::is_doomed);
        let is_revoking = has_doomed || self.revocations.current.is_some();
        self.minting.is_none() && !is_revoking && self.saving.is_done() && !self.is_out
    }

    /// An org that was well but has no living token is decided by its first mint of this run.
    pub(super) fn begin_anew(&mut self, now: Boottime) {
        let verdict = &mut self.record.verdict;
        let is_open = matches!(verdict.word, Word::Ok | Word::Retrying | Word::Starting);
        let token = self.record.token.as_ref();
        let has_token = token.is_some_and(|token| token.expires > now);
        if is_open && !has_token && self.record.grant.is_some() {
            verdict.word = Word::Starting;
            verdict.since = now;
            verdict.cause = None;
            // Whatever it waited for, it had a token then.
            verdict.until = None;
            self.not_before = Boottime(i64::MIN);
        }
    }
}
