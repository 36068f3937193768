//! Makes trouble: when it comes, what it does, and when it is over.

use super::excuse::START_MS;
use super::mail::Due;
use super::spans::{DAY, HOUR, MINUTE, SECOND};
use super::trouble::Trouble;
use super::world::World;
use crate::base::{Environment, ScopeSet, SecretMark, millis};
use crate::policy::binding::contradiction;
use crate::policy::event::Event;
use crate::policy::record::Word;
use crate::policy::schedule::AT_BY_DEFAULT;
use crate::policy::settings::{Binding, OrgSettings};

/// How often a person asks in a storm: three times what Zoho lets a window have, so that limits must hold.
const REFRESHES_IN_A_STORM: u32 = 30;

/// A stranger mints less often than this: at times not at all, at times once more than Zoho lets a window have.
const STRANGER_MINTS_MAX: u64 = 12;

impl World<'_> {
    /// Posts the first trouble of each kind, and the script.
    pub(super) fn plan_troubles(&mut self) {
        for trouble in Trouble::ALL {
            self.plan_next(trouble);
        }
        for (which, planned) in self.plan.script.iter().enumerate() {
            self.mail.post(planned.at_ms, Due::Scripted(which));
        }
        self.mail.post(self.plan.look_every_ms, Due::LookAtAll);
    }

    /// Posts the next trouble of a kind, while trouble comes.
    pub(super) fn plan_next(&mut self, trouble: Trouble) {
        let mean = self.plan.every_ms[trouble.index()];
        if mean == 0 {
            return;
        }
        let at = self.now + self.dice.between(mean / 4, 2 * mean);
        if at < self.troubled_until {
            self.mail.post(at, Due::Trouble(trouble));
        }
    }

    /// Trouble begins. `span` is how long and `of` whose, where the script says it.
    pub(super) fn begin(&mut self, trouble: Trouble, span: i64, of: Option<usize>) {
        if !self.is_up() && !self.is_forecast() {
            return;
        }
        let span = if span > 0 {
            span
        } else {
            self.span_of(trouble)
        };
        self.note_trouble(trouble, span);
        let org = self.org_or_any(of);
        match trouble {
            Trouble::Unreachable
            | Trouble::Silent
            | Trouble::Noise
            | Trouble::Throttling
            | Trouble::WrongVerdict
            | Trouble::WrongPlace
            | Trouble::ShortLives => self.begin_weather(trouble, org, span),
            Trouble::SlowZoho => {
                self.is_zoho_slow = true;
                self.relieve_after(span, trouble, 0);
            }
            Trouble::Stranger | Trouble::Revoked | Trouble::Killed => self.harm(trouble, org),
            Trouble::DuplicateAnswer | Trouble::LateAnswer | Trouble::DeadCaller => {
                self.whim = Some(trouble);
                self.judge.excuse_all(self.now + START_MS + HOUR);
            }
            Trouble::StrayAnswer => self.stray(),
            Trouble::Suspend
            | Trouble::Reboot
            | Trouble::RebootWrongClock
            | Trouble::Restart
            | Trouble::Crash
            | Trouble::ClockStep
            | Trouble::ClockRate
            | Trouble::DiskFull
            | Trouble::DiskFails
            | Trouble::DiskHangs => self.begin_at_the_machine(trouble, span),
            _ => self.begin_by_people(trouble, org, span),
        }
    }

    /// Trouble of clocks, power and disk.
    fn begin_at_the_machine(&mut self, trouble: Trouble, span: i64) {
        match trouble {
            Trouble::Suspend => self.suspend(span),
            Trouble::Reboot => self.reboot(span, 0),
            Trouble::RebootWrongClock => {
                let step = *self.dice.pick(&[-3 * 365 * DAY, -DAY, -HOUR, HOUR, DAY]);
                self.reboot(span, step);
                self.relieve_after(span + HOUR, Trouble::ClockStep, 0);
            }
            Trouble::Restart => self.stop(span),
            Trouble::Crash => self.die_soon(),
            Trouble::ClockStep => {
                let step = *self.dice.pick(&[-DAY, -HOUR, -SECOND, SECOND, HOUR, DAY]);
                self.clocks.set_wall_by(step);
                self.relieve_after(span, trouble, 0);
            }
            Trouble::ClockRate if self.plan.has_ntp => (),
            Trouble::ClockRate => {
                let rate = *self.dice.pick(&[-500, -200, 0, 200, 500]);
                self.clocks.run_at(rate, self.now);
            }
            _ => {
                self.disk.trouble = Some(trouble);
                self.judge.excuse_all(self.now + span + START_MS);
                self.relieve_after(span, trouble, 0);
            }
        }
    }

    /// What operators and jobs do.
    fn begin_by_people(&mut self, trouble: Trouble, org: usize, span: i64) {
        match trouble {
            Trouble::Reload => self.reload(span),
            Trouble::Refresh => self.refresh(org),
            Trouble::RefreshStorm => {
                self.judge.excuse_trouble(org, self.now, 0);
                for _ in 0..REFRESHES_IN_A_STORM {
                    self.refresh(org);
                }
            }
            Trouble::FalseReport => self.report(org),
            Trouble::VainReport => self.report_in_vain(org),
            Trouble::ReportStorm => {
                self.judge.excuse_trouble(org, self.now, 0);
                self.report_in_a_storm(org);
            }
            Trouble::Enroll if self.dice.happens(500) => self.take_over(org),
            Trouble::Enroll => self.enroll_well(org),
            Trouble::EnrollWrong => self.enroll_badly(org),
            Trouble::Revoke => self.revoke(org),
            _ => (),
        }
    }

    fn org_or_any(&mut self, org: Option<usize>) -> usize {
        let any = self.dice.place(&self.names);
        org.unwrap_or(any)
    }

    fn span_of(&mut self, trouble: Trouble) -> i64 {
        let dice = &mut self.dice;
        match trouble {
            Trouble::Suspend => *dice.pick(&[SECOND, 30 * SECOND, 20 * MINUTE, 2 * HOUR, 3 * DAY]),
            Trouble::Reboot | Trouble::RebootWrongClock => {
                *dice.pick(&[20 * SECOND, 2 * MINUTE, 40 * MINUTE, 3 * HOUR])
            }
            Trouble::Restart => *dice.pick(&[200, 2 * SECOND, 5 * MINUTE, 50 * MINUTE]),
            Trouble::ClockStep => *dice.pick(&[MINUTE, HOUR, 6 * HOUR]),
            Trouble::ShortLives | Trouble::WrongPlace => dice.between(HOUR, 2 * HOUR),
            Trouble::DiskFull | Trouble::DiskFails | Trouble::DiskHangs => {
                *dice.pick(&[5 * SECOND, 3 * MINUTE, 40 * MINUTE])
            }
            _ => *dice.pick(&[
                10 * SECOND,
                4 * MINUTE,
                14 * MINUTE,
                24 * MINUTE,
                90 * MINUTE,
            ]),
        }
    }

    /// No stored token is believed after this start: what an outage that goes on leaves of R5 is for those who have one.
    pub(super) fn excuse_weather(&mut self) {
        for org in 0..self.names.len() {
            let data_center = &self.plan.orgs[org].binding.data_center;
            if let Some((_, end)) = self.weather.get(data_center) {
                self.judge.excuse(org, end + START_MS);
            }
        }
    }

    fn begin_weather(&mut self, trouble: Trouble, of: usize, span: i64) {
        let data_center = self.plan.orgs[of].binding.data_center.clone();
        let end = self.now + span;
        let was_fair = !self.weather.contains_key(&data_center);
        for org in 0..self.names.len() {
            if self.plan.orgs[org].binding.data_center != data_center {
                continue;
            }
            // R5 is a promise for the defaults.
            let has_defaults = self.plan.rules.life_ms == HOUR
                && self.plan.orgs[org].client_mints.is_none()
                && self.plan.orgs[org].at <= AT_BY_DEFAULT
                && !self.shares_its_lane(org);
            match trouble {
                Trouble::Unreachable | Trouble::Silent | Trouble::Noise if was_fair => {
                    self.judge.excuse_outage(org, self.now, span, has_defaults);
                }
                Trouble::ShortLives => self.judge.excuse(org, end + HOUR + START_MS),
                _ => self.judge.excuse_trouble(org, self.now, span + HOUR),
            }
        }
        self.weather.insert(data_center, (trouble, end));
        self.relieve_after(span, trouble, of);
    }

    fn relieve_after(&mut self, span: i64, trouble: Trouble, of: usize) {
        self.mail.post(self.now + span, Due::Relief(trouble, of));
    }

    /// Trouble of a kind is over.
    pub(super) fn relieve(&mut self, trouble: Trouble, of: usize) {
        let at = self.now;
        self.timeline
            .note(at, None, || format!("!! {} is over", trouble.as_str()));
        match trouble {
            Trouble::SlowZoho => self.is_zoho_slow = false,
            Trouble::ClockStep => self.clocks.correct_wall(self.now),
            Trouble::DiskFull | Trouble::DiskFails | Trouble::DiskHangs => {
                self.disk.trouble = None;
                self.disk_troubled_at = self.now;
            }
            Trouble::Reload => self.reconfigure(self.plan.orgs.clone(), true),
            _ => {
                let data_center = &self.plan.orgs[of].binding.data_center;
                let weather = self.weather.get(data_center);
                if weather.is_some_and(|(_, end)| *end <= self.now) {
                    let data_center = data_center.clone();
                    self.weather.remove(&data_center);
                }
            }
        }
    }

    fn harm(&mut self, trouble: Trouble, org: usize) {
        let Some(grant) = self.good_grant(org) else {
            return;
        };
        if trouble != Trouble::Killed {
            for org in self.sharing(grant) {
                self.judge.excuse_trouble(org, self.now, HOUR);
            }
        }
        match trouble {
            Trouble::Stranger => {
                for _ in 0..self.dice.below(STRANGER_MINTS_MAX) {
                    self.zoho.take_from_stranger(grant, self.now);
                }
            }
            Trouble::Revoked => self.zoho.revoke(grant, self.now),
            _ => {
                let seen = self.judge.orgs[org].seen;
                if let Some((generation, token)) = seen {
                    self.zoho.kill(token, self.now);
                    let noticed = self.now + self.dice.between(SECOND, 2 * MINUTE);
                    self.mail
                        .post_to(self.life, noticed, Due::ReportAgain(org, generation, 0));
                }
            }
        }
    }

    /// An answer comes again, for a call that was over long ago.
    fn stray(&mut self) {
        if self.past.is_empty() {
            return;
        }
        let delivery = self.dice.pick(&self.past).clone();
        self.mail
            .post_to(self.life, self.now, Due::Answer(delivery));
    }

    /// Some orgs leave the config, some get another scope or another pace; later all is as before.
    fn reload(&mut self, span: i64) {
        let mut settings = Vec::new();
        for (org, own) in self.plan.orgs.iter().enumerate() {
            let mut own = own.clone();
            match self.dice.below(10) {
                0 => {
                    self.judge.excuse_trouble(org, self.now, span);
                    continue;
                }
                1 => {
                    self.judge.excuse_trouble(org, self.now, span);
                    self.contradict(&mut own.binding);
                }
                2 => own.at = *self.dice.pick(&[0.3, 0.5]),
                3 if own.binding.soid.is_some() => {
                    self.judge.excuse_trouble(org, self.now, span);
                    own.binding.soid = Some(format!("ZohoCRM.7000{org}"));
                }
                // Tried at once where Zoho says that the client is no good.
                3 => own.secret = Some(SecretMark(1)),
                _ => (),
            }
            settings.push(own);
        }
        self.reconfigure(settings, false);
        self.relieve_after(span, Trouble::Reload, 0);
    }

    /// Another scope, or another environment, than the org was enrolled for.
    fn contradict(&mut self, binding: &mut Binding) {
        if self.dice.happens(500) {
            binding.scopes = ScopeSet::parse("ZohoCRM.settings.ALL");
        } else if binding.environment == Environment::Production {
            binding.environment = Environment::Sandbox;
        } else {
            binding.environment = Environment::Production;
        }
    }

    fn reconfigure(&mut self, settings: Vec<OrgSettings>, is_whole: bool) {
        let before: Vec<Binding> = (0..self.names.len())
            .map(|org| self.binding_in_force(org).clone())
            .collect();
        self.settings.clone_from(&settings);
        self.is_config_whole = is_whole;
        for (org, before) in before.iter().enumerate() {
            // What was minted for another soid or scope is given up at once.
            let is_another = contradiction(before, self.binding_in_force(org)).is_some();
            if is_another {
                self.api.forget_of(org);
            }
            // So is a token whose grant is being revoked: it is read until Zoho has confirmed that, but for this config.
            let is_revoking = self.word(org) == Some(Word::Unenrolled);
            let is_lost = is_another && (self.is_of_client(org) || is_revoking);
            self.judge.orgs[org].is_given_up |= is_lost;
        }
        // What was planned under the older config is no plan any more.
        self.standing.clear();
        self.quiet_until.fill(0);
        self.forget_needs();
        self.step(Event::Configured(settings));
        self.touched.fill(true);
    }

    /// All trouble ends, and people put right what only people can.
    pub(super) fn calm_down(&mut self) {
        self.weather.clear();
        self.whim = None;
        self.is_zoho_slow = false;
        self.disk.trouble = None;
        self.disk_troubled_at = self.now;
        self.dies_after = None;
        self.clocks.correct_wall(self.now);
        for org in 0..self.names.len() {
            if self.is_up() && self.good_grant(org).is_some() && !self.is_of_its_place(org) {
                self.enroll_well(org);
            }
        }
        self.reconfigure(self.plan.orgs.clone(), true);
    }

    /// How long a token lives that is made now.
    pub(super) fn life_ms(&mut self, org: usize) -> i64 {
        let life = self.plan.rules.life_ms;
        if self.weather_of(org) == Some(Trouble::ShortLives) {
            return *self.dice.pick(&[life, life / 2, life / 4, life / 60]);
        }
        life
    }

    pub(super) fn timeout_ms(&self, org: usize) -> i64 {
        millis(self.plan.orgs[org].timeout)
    }
}
