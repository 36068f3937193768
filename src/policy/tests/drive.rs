//! What a test does to a [`World`]: lets time pass, answers, asks, reloads, restarts, reads.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::world::{HOUR, Sent, World, name, settings};
use super::zoho::{code, granted};
use crate::base::{Boottime, UnixTime};
use crate::policy::event::{Answer, Event, Offer, Refusal, RequestId, Right};
use crate::policy::fleet::Fleet;
use crate::policy::org::Org;
use crate::policy::query::{Query, Reading};
use crate::policy::record::{Stored, Token, Word};
use crate::policy::report::{ApiCode, Finding, Report};
use crate::policy::restore::Clocks;
use crate::policy::revocation::Said;
use crate::policy::revoke::Wish;
use crate::policy::settings::OrgSettings;

impl World {
    /// One org, `acme`, enrolled with the refresh token `rt-acme` and an hour's token just now.
    pub(super) fn enrolled() -> Self {
        let mut world = Self::new(vec![settings("acme")]);
        world.enroll_with_code("acme", HOUR);
        world
    }

    pub(super) fn enroll_with_code(&mut self, org: &str, life: Duration) {
        let request = self.enroll(org, code());
        let answer = granted(life, Some(&format!("rt-{org}")));
        self.answer(org, answer);
        assert_eq!(self.replies.get(&request), Some(&Ok(())));
    }

    /// Lets both clocks run, waking the policy whenever it asked for it.
    pub(super) fn pass(&mut self, span: Duration) {
        let end = self.now.boot.plus(span);
        loop {
            let at = self.fleet.wake_at(self.now.boot).min(end);
            let passed = at.since(self.now.boot);
            self.now.boot = at;
            self.now.wall = self.now.wall.plus(passed);
            self.step(Event::Tick);
            if at == end {
                return;
            }
        }
    }

    /// Lets time pass until a call is out, at most `most`; says how long that took.
    pub(super) fn pass_until_call(&mut self, most: Duration) -> Option<Duration> {
        let start = self.now.boot;
        while self.calls.is_empty() && self.now.boot.since(start) < most {
            let left = most.checked_sub(self.now.boot.since(start))?;
            let next = self.fleet.wake_at(self.now.boot).since(self.now.boot);
            self.pass(next.min(left));
        }
        (!self.calls.is_empty()).then(|| self.now.boot.since(start))
    }

    pub(super) fn answer(&mut self, org: &str, answer: Answer) {
        let is_its = |call: &Sent| call.org == name(org);
        let at = self.calls.iter().position(is_its).expect("a call is out");
        let Sent {
            org,
            attempt,
            asked,
            ..
        } = self.calls.remove(at);
        if let Some(error_ms) = self.dates {
            let date = UnixTime((self.now.wall.0 + error_ms).div_euclid(1_000) * 1_000);
            let org = org.clone();
            self.step(Event::Dated { org, asked, date });
        }
        self.step(Event::Answered {
            org,
            attempt,
            answer,
        });
    }

    fn request(&mut self) -> RequestId {
        self.requests += 1;
        RequestId(self.requests)
    }

    pub(super) fn enroll(&mut self, org: &str, right: Right) -> RequestId {
        self.enroll_keeping(org, right, false)
    }

    pub(super) fn enroll_keeping(&mut self, org: &str, right: Right, keeps_old: bool) -> RequestId {
        let request = self.request();
        self.step(Event::Enroll {
            org: name(org),
            request,
            offer: Offer {
                right,
                client_secret: None,
                keeps_old,
            },
        });
        request
    }

    pub(super) fn refresh(&mut self, org: &str) -> RequestId {
        let request = self.request();
        self.step(Event::Refresh {
            org: name(org),
            request,
        });
        request
    }

    pub(super) fn revoke(&mut self, org: &str, wish: Wish) -> RequestId {
        let request = self.request();
        self.step(Event::Revoke {
            org: name(org),
            request,
            wish,
        });
        request
    }

    /// Zoho's word on the oldest call to revoke; the refresh token that it was about.
    pub(super) fn say(&mut self, said: Said) -> String {
        let (org, attempt, token, _) = self.revocations.remove(0);
        self.step(Event::RevocationAnswered { org, attempt, said });
        token
    }

    pub(super) fn report(&mut self, org: &str, generation: u64, code: &str) -> RequestId {
        let request = self.request();
        self.step(Event::Report {
            org: name(org),
            request,
            report: Report {
                uid: 1001,
                generation,
                code: ApiCode::of(code),
            },
        });
        request
    }

    /// What a reporter was told; `None` while it waits.
    pub(super) fn finding(&self, request: RequestId) -> Option<Finding> {
        let ruling = self.rulings.get(&request)?;
        Some(ruling.expect("the org is there").finding)
    }

    pub(super) fn reply(&self, request: RequestId) -> Option<&Result<(), Refusal>> {
        self.replies.get(&request)
    }

    pub(super) fn reload(&mut self, settings: Vec<OrgSettings>) {
        self.settings.clone_from(&settings);
        self.step(Event::Configured(settings));
    }

    /// The process ends without notice and starts again, in this boot.
    pub(super) fn restart(&mut self) {
        self.start(true);
    }

    /// The machine starts again after `off`; its wall clock is then off by `wall_error_ms`.
    pub(super) fn reboot(&mut self, off: Duration, wall_error_ms: i64, is_synchronised: bool) {
        self.boot_id = format!("{}+", self.boot_id).into();
        self.now.boot = Boottime(10_000);
        self.now.wall = self.now.wall.plus(off);
        self.now.wall.0 += wall_error_ms;
        self.start(is_synchronised);
    }

    pub(super) fn start(&mut self, is_synchronised: bool) {
        self.calls.clear();
        self.questions.clear();
        self.revocations.clear();
        self.writes.clear();
        self.out.clear();
        self.withdrawn.clear();
        let stored = Stored {
            orgs: self.orgs.values().cloned().collect(),
            lanes: self.lanes.values().cloned().collect(),
        };
        let clocks = Clocks {
            boot_id: Arc::clone(&self.boot_id),
            now: self.now,
            is_synchronised,
        };
        let settings = self.settings.clone();
        let (fleet, steps) = Fleet::restore(settings, stored, &clocks, &mut self.dice);
        self.fleet = fleet;
        let mut events = VecDeque::new();
        for step in steps {
            self.carry_out(step, &mut events);
        }
        while let Some(event) = events.pop_front() {
            self.step(event);
        }
    }

    pub(super) fn org(&self, org: &str) -> &Org {
        self.fleet.org(&name(org)).expect("configured")
    }

    pub(super) fn word(&self, org: &str) -> Word {
        self.org(org).word()
    }

    /// What a plain reader gets.
    pub(super) fn read(&self, org: &str) -> Option<&Token> {
        match self.fleet.read(&name(org), Query::default(), self.now.boot) {
            Some(Reading::Token { token, .. }) => Some(token),
            _ => None,
        }
    }

    /// The refresh token that the disk has.
    pub(super) fn kept(&self, org: &str) -> Option<String> {
        let grant = self.orgs.get(&name(org))?.grant.as_ref()?;
        Some(grant.root.refresh_token()?.expose().to_owned())
    }
}
