//! The troubles of a random run: what people, machines and clocks do to the daemon.

use super::swarm::{ORGS, Swarm};
use super::world::{START_WALL, World, name, secs};
use super::zoho::{code, needs_consent, refresh_token};
use crate::base::{ScopeSet, UnixTime};
use crate::policy::event::{Attempt, Event};
use crate::policy::org::Org;
use crate::policy::record::{Anchor, Word};

impl Swarm {
    pub(super) fn enroll(&mut self, org: &str) {
        let granted = self
            .world
            .fleet
            .orgs()
            .filter_map(|(_, org)| org.record.grant.as_ref());
        let others: Vec<String> = granted
            .map(|own| own.refresh_token.expose().into())
            .collect();
        let right = if others.is_empty() || self.happens(600) {
            code()
        } else {
            refresh_token(&self.rng.pick(&others))
        };
        let request = self.world.enroll(org, right);
        self.open.insert(request, (self.now(), name(org)));
        self.take_in();
    }

    pub(super) fn refresh(&mut self, org: &str) {
        let request = self.world.refresh(org);
        self.open.insert(request, (self.now(), name(org)));
        self.take_in();
    }

    /// Several readers find the token refused, or say so; one has an older one.
    fn report(&mut self, org: &str) {
        let served = self
            .world
            .fleet
            .org(&name(org))
            .and_then(|own| own.served(self.world.now.boot));
        let generation = served.map_or(0, |token| token.generation);
        for _ in 0..3 {
            let code = self
                .rng
                .pick(&["INVALID_TOKEN", "INVALID_TOKEN", "NO_PERMISSION"]);
            let named = self
                .rng
                .pick(&[generation, generation, generation.saturating_sub(1)]);
            let request = self.world.report(org, named, code);
            self.open.insert(request, (self.now(), name(org)));
        }
        self.take_in();
    }

    pub(super) fn trouble(&mut self) {
        if self.happens(12) {
            self.sky.change(&mut self.rng);
        }
        let org = self.rng.pick(&ORGS);
        for which in 0..self.odds.len() {
            if !self.happens(self.odds[which]) {
                continue;
            }
            match which {
                0 => self.crash(),
                1 => self.reboot(),
                2 => self.suspend(),
                3 => {
                    let by = [-86_400_000, -3_600_000, 1_000, 3_600_000];
                    self.world.now.wall.0 += self.rng.pick(&by);
                }
                4 => self.reload(),
                5 => self.refresh(org),
                6 => self.enroll(org),
                7 => self.report(org),
                _ => self.stray_answer(),
            }
            self.take_in();
        }
    }

    /// The process dies; some of the writes that were on their way are on the disk all the same.
    fn forget(&mut self) {
        let kept = self.rng.below(1 + self.world.writes.len() as u64);
        for _ in 0..kept {
            self.world.keep_write();
        }
        self.later.clear();
        self.open.clear();
    }

    fn crash(&mut self) {
        self.forget();
        let claims = self.is_clock_right() && self.happens(700);
        let is_credible = claims && self.is_state_credible(self.world.now.wall);
        self.world.start(claims);
        self.truth.restarted(&self.world, is_credible);
    }

    fn reboot(&mut self) {
        self.forget();
        let off = self.rng.pick(&[5, 60, 600, 5_000]);
        let there = self.now() + off * 1000;
        let repair = START_WALL + there - (self.world.now.wall.0 + off * 1000);
        let repair = if self.happens(700) { repair } else { 0 };
        self.world.now.wall.0 += repair;
        let off = secs(off.unsigned_abs());
        let wall = self.world.now.wall.plus(off);
        // A clock that is behind the state is found out even if it claims to be right.
        let claims = (self.is_clock_right() && self.happens(700)) || self.is_behind(wall);
        let is_credible = claims && self.is_state_credible(wall);
        self.bases
            .insert(format!("{}+", self.world.boot_id).into(), there - 10_000);
        self.world.reboot(off, 0, claims);
        self.truth.restarted(&self.world, is_credible);
    }

    fn anchors(&self) -> impl Iterator<Item = &Anchor> {
        let orgs = self.world.orgs.values().map(|record| &record.anchor);
        orgs.chain(self.world.lanes.values().map(|record| &record.anchor))
    }

    /// Whether the wall clock shows the truth.
    fn is_clock_right(&self) -> bool {
        self.world.now.wall.0 == START_WALL + self.now()
    }

    fn is_behind(&self, wall: UnixTime) -> bool {
        let mut vouched = self.anchors().filter(|anchor| anchor.is_vouched);
        vouched.any(|anchor| anchor.at.wall > wall)
    }

    /// Whether all that the disk has was written by a clock that somebody vouched for.
    fn is_state_credible(&self, wall: UnixTime) -> bool {
        self.anchors().all(|anchor| anchor.is_vouched) && !self.is_behind(wall)
    }

    fn suspend(&mut self) {
        let span = self.rng.pick(&[1_000, 30_000, 600_000, 5_400_000]);
        self.world.now.boot.0 += span;
        self.world.now.wall.0 += span;
        for (since, _) in self.open.values_mut() {
            *since += span;
        }
        self.world.step(Event::Tick);
    }

    fn reload(&mut self) {
        let mut config = self.config();
        config.retain(|_| !self.happens(250));
        for own in &mut config {
            if self.happens(250) {
                own.binding.scopes = ScopeSet::parse("ZohoCRM.org.READ");
            }
        }
        self.world.reload(config);
    }

    /// An answer to some earlier call, once more or very late.
    fn stray_answer(&mut self) {
        let awaited: Vec<Attempt> = self.awaited();
        let past = self.attempts.iter().rev().take(20);
        let stray: Vec<_> = past
            .filter(|(_, at)| !awaited.contains(at))
            .cloned()
            .collect();
        if stray.is_empty() {
            return;
        }
        let (org, attempt) = self.rng.pick(&stray);
        let answer = needs_consent();
        let word = |world: &World| world.fleet.org(&org).map(Org::word);
        let before = word(&self.world);
        self.world.step(Event::Answered {
            org: org.clone(),
            attempt,
            answer,
        });
        let is_taken = word(&self.world) == Some(Word::NeedsConsent);
        assert!(!is_taken || before == Some(Word::NeedsConsent), "R4: {org}");
    }

    fn awaited(&self) -> Vec<Attempt> {
        let fleet = &self.world.fleet;
        let present = fleet.orgs.values().chain(fleet.leaving.values());
        let calls = present.flat_map(Org::calls);
        calls.map(|call| call.attempt).collect()
    }
}
