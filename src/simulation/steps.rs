//! One step of the policy: what it is told, what it wants, and the doing of that.

use super::disk::Write;
use super::mail::Due;
use super::seam::Known;
use super::words::{Told, Wanted};
use super::world::World;
use crate::policy::event::{Event, Step, WriteId};
use crate::policy::record::Change;

impl World<'_> {
    /// The policy is told.
    pub(super) fn step(&mut self, event: Event) {
        self.step_with(event, 0);
    }

    /// The same of an answer, to a call that began so long ago.
    pub(super) fn step_with(&mut self, event: Event, call_age_ms: i64) {
        let known = self.known(&event, call_age_ms);
        let now = self.seam.now(known);
        let event = self.seam.event(event, known);
        let at = self.now;
        if !matches!(event, Event::Tick | Event::Stored(_)) {
            let org = self.org_of(&event);
            self.timeline.note(at, org, || Told(&event).to_string());
        }
        let Some(fleet) = &mut self.fleet else {
            return;
        };
        let steps = fleet.step(event, now, &mut self.jitter);
        self.wake = fleet.wake_at(now.boot);
        if self.wake <= now.boot {
            let what = "it is due at once, again and again".to_owned();
            self.judge.breaks("pace", None, at, what);
        }
        self.carry_out_all(steps);
    }

    /// Carries out steps, until the process dies between two of them.
    pub(super) fn carry_out_all(&mut self, steps: Vec<Step>) {
        let life = self.life;
        for step in self.seam.steps(steps) {
            match self.dies_after {
                Some(0) => self.crash(),
                Some(left) => self.dies_after = Some(left - 1),
                None => (),
            }
            if self.life != life || self.fleet.is_none() {
                return;
            }
            self.carry_out(step);
        }
    }

    fn carry_out(&mut self, step: Step) {
        self.tally.steps += 1;
        let org = self.org_of_step(&step);
        let boot = self.clocks.at(self.now).boot;
        self.timeline
            .note(self.now, org, || Wanted(&step, boot).to_string());
        if let Some(org) = org {
            self.touched[org] = true;
        }
        match step {
            Step::Write { write, changes } => self.write(write, changes),
            Step::Call {
                org,
                attempt,
                asked,
                right,
                ..
            } => self.call(&org, attempt, asked, &right),
            Step::Ask {
                org,
                attempt,
                access_token,
                timeout,
            } => self.question(&org, attempt, &access_token, timeout),
            Step::Revoke {
                org,
                attempt,
                doomed,
            } => self.send_revocation(&org, attempt, &doomed),
            Step::Revoked { request, result } => self.revoked(request, &result),
            Step::Publish(name) => self.publish(self.index_of(&name)),
            Step::Withdraw(name) => {
                let org = self.index_of(&name);
                self.files[org] = None;
            }
            Step::Reply { request, result } => self.reply(request, &result),
            Step::Rule { request, ruling } => self.rule(request, ruling),
            Step::Tell(..) => (),
        }
    }

    fn write(&mut self, write: WriteId, changes: Vec<Change>) {
        let after = self.disk.put(Write { id: write, changes }, &mut self.dice);
        self.mail.post_to(self.life, self.now + after, Due::Written);
        if self.seam.tells_writes_early() {
            self.mail.post_to(self.life, self.now, Due::Early(write));
        }
    }

    fn known(&self, event: &Event, call_age_ms: i64) -> Known {
        let awaited = match event {
            Event::Answered { org, .. } => self.attempts[self.index_of(org)],
            _ => None,
        };
        Known {
            now: self.clocks.at(self.now),
            awaited,
            call_age_ms,
            slept_ms: self.slept_ms,
        }
    }

    fn org_of(&self, event: &Event) -> Option<usize> {
        match event {
            Event::Answered { org, .. }
            | Event::Enroll { org, .. }
            | Event::Refresh { org, .. }
            | Event::Revoke { org, .. }
            | Event::RevocationAnswered { org, .. }
            | Event::Report { org, .. }
            | Event::Told { org, .. }
            | Event::Dated { org, .. } => Some(self.index_of(org)),
            _ => None,
        }
    }

    fn org_of_step(&self, step: &Step) -> Option<usize> {
        match step {
            Step::Call { org, .. }
            | Step::Ask { org, .. }
            | Step::Revoke { org, .. }
            | Step::Publish(org)
            | Step::Withdraw(org) => Some(self.index_of(org)),
            Step::Tell(_, note) => Some(self.index_of(&note.org)),
            Step::Reply { request, .. }
            | Step::Revoked { request, .. }
            | Step::Rule { request, .. } => self.askers.get(request).map(|asker| asker.org),
            Step::Write { changes, .. } => self.org_of_changes(changes),
        }
    }

    /// Whose write this is.
    pub(super) fn org_of_changes(&self, changes: &[Change]) -> Option<usize> {
        changes.iter().find_map(|change| match change {
            Change::Org(record) => Some(self.index_of(&record.org)),
            _ => None,
        })
    }
}
