//! Readers' reports on an org's token: which of them is worth a mint, and who is told what.
//!
//! A report counts as verified when its code is one that a new token cures, it names the generation that readers
//! have, and that one has been out for 5 s. Such a report mints, once for all who make it. Invariants: whoever
//! reports is told once; a reported token is served until its successor is out, since the report may be false (R2).

use std::collections::BTreeMap;
use std::time::Duration;

use super::event::{Refusal, RequestId, Severity, Step};
use super::fleet::Fleet;
use super::ledger::Want;
use super::org::{Org, Scene};
use super::record::{LaneId, Streak, Token, Word};
use super::report::{Fault, Finding, Report, Ruling};
use super::saving::Newest;
use crate::base::{Boottime, OrgName};

/// A younger token is not replaced: readers may still be at its predecessor, and Zoho may not know it everywhere yet.
const YOUNG: Duration = Duration::from_secs(5);

/// No mint by report for so long after two refused generations in a row: the token is not what is wrong.
pub(super) const HOLD: Duration = Duration::from_hours(1);

/// Where nothing is planned that could help, this is when to report again.
const LATER: Duration = Duration::from_mins(1);

/// A report that mints nothing is noted at most so often for each of its kinds.
const NOTE_EVERY: Duration = Duration::from_hours(1);

/// What readers have said of the tokens of one org.
#[derive(Debug)]
pub(super) struct Reports {
    /// Reporters to tell when the token after theirs is out, or is not to be had for now.
    waiting: Vec<RequestId>,
    /// Since when readers have the token of this run.
    pub(super) out_since: Boottime,
    /// When what mints nothing was last noted: a code, or a generation that never was.
    noted: BTreeMap<&'static str, Boottime>,
}

impl Default for Reports {
    fn default() -> Self {
        Self {
            waiting: Vec::new(),
            out_since: Boottime(i64::MIN),
            noted: BTreeMap::new(),
        }
    }
}

/// What to do about a report.
enum Course {
    /// Tell.
    Tell(Finding),
    /// Another token is as good as out.
    Wait,
    /// Mint in this lane.
    Mint(LaneId),
}

impl Streak {
    /// A new generation takes the place of an older one.
    pub(super) fn follow(&mut self, old: u64, new: u64) {
        let is_after_refused = self.refused == Some(old);
        self.successor = is_after_refused.then_some(new);
    }

    /// Until when reports mint nothing, if that is so now.
    pub(super) fn hold(&self, now: Boottime) -> Option<Boottime> {
        self.held_until.filter(|until| *until > now)
    }
}

impl Fleet {
    /// Whether a report needs no mint of its own: its token is replaced already, or is being replaced for an earlier
    /// one. Such reports are not counted ([`super::quota`]), since a pool of jobs makes many of them at once.
    pub fn needs_no_mint(&self, name: &OrgName, report: &Report, now: Boottime) -> bool {
        let Some(org) = self.orgs.get(name) else {
            return false;
        };
        let refused = org.record.streak.refused.filter(|_| org.minting.is_some());
        let is_of_token = report.code.fault == Fault::Token;
        let served = org.served(now).filter(|_| is_of_token);
        served.is_some_and(|token| {
            let is_joining = refused == Some(token.generation);
            report.generation < token.generation
                || (is_joining && report.generation == token.generation)
        })
    }
}

impl Org {
    /// Takes a report, in the order of the contract: the code, the generation, its age and the budget.
    pub(super) fn report(&mut self, request: RequestId, report: &Report, scene: &mut Scene<'_>) {
        let finding = match report.code.fault {
            Fault::Token => match self.reported(report.generation, scene) {
                Ok(()) => return self.refused(request, report, scene),
                Err(finding) => finding,
            },
            Fault::Scope => Finding::Scope,
            Fault::Binding => Finding::Binding,
            Fault::Request => Finding::NotToken,
        };
        match report.code.fault {
            Fault::Token => self.note_unheard_of(report, scene),
            _ => self.note_code(report, finding, scene),
        }
        self.rule(request, finding, scene);
    }

    /// Whether readers have this generation, and have had it for long enough to judge it.
    fn reported(&self, generation: u64, scene: &Scene<'_>) -> Result<(), Finding> {
        let now = scene.now.boot;
        if self.is_withheld() {
            return Err(Finding::Binding);
        }
        let Some(token) = self.served(now) else {
            let news_at = self.news_at(scene.ledger, now);
            return Err(Finding::Pending(news_at.unwrap_or_else(|| now.plus(LATER))));
        };
        if token.generation != generation {
            return Err(Finding::Superseded);
        }
        let judged_from = self.reports.out_since.max(token.started).plus(YOUNG);
        if now < judged_from {
            return Err(Finding::Pending(judged_from));
        }
        Ok(())
    }

    /// Takes a verified report.
    fn refused(&mut self, request: RequestId, report: &Report, scene: &mut Scene<'_>) {
        let now = scene.now.boot;
        if self.record.streak.successor == Some(report.generation) {
            self.hold_reports(report, scene);
        }
        if self.record.streak.hold(now).is_some() {
            return self.rule(request, Finding::Binding, scene);
        }
        let known = self.record.streak.refused.replace(report.generation);
        let is_first = known != Some(report.generation);
        let course = self.course(scene);
        if is_first {
            let detail = account(report, &course);
            self.saving.is_dirty = true;
            self.tell(Severity::Warning, "reported", detail, scene);
        }
        match course {
            Course::Tell(finding) => self.rule(request, finding, scene),
            Course::Wait => {
                self.reports.waiting.push(request);
                match (&mut self.minting, &self.record.token) {
                    // The token that it replaces is no good: any new one is better, however short its life.
                    (Some(mint), _) => mint.join(),
                    // It is minted, and on its way to the disk.
                    (None, Some(new)) => {
                        self.record.streak.follow(report.generation, new.generation);
                    }
                    (None, None) => (),
                }
            }
            Course::Mint(lane) => {
                self.reports.waiting.push(request);
                self.begin_mint(lane, Want::Demand, Vec::new(), scene);
            }
        }
    }

    /// A person has mended what was wrong, or wants to see: what was said of the older tokens counts no more.
    pub(super) fn let_reports_mint(&mut self, now: Boottime) {
        if self.record.streak.hold(now).is_some() {
            self.record.streak = Streak::default();
            self.saving.is_dirty = true;
        }
    }

    /// How the token may be replaced now.
    fn course(&self, scene: &Scene<'_>) -> Course {
        let now = scene.now.boot;
        let later = |at: Boottime| Course::Tell(Finding::Pending(at.max(now)));
        let Some(grant) = &self.record.grant else {
            return later(now.plus(LATER));
        };
        if let Some(Refusal::Later(_, at)) = self.saving.refusal(now) {
            return later(at);
        }
        if self.minting.is_some() || (self.saving.newest != Newest::Kept && !self.is_shown()) {
            return Course::Wait;
        }
        if self.saving.newest != Newest::Kept {
            // The reported token itself waits for the disk: readers have it, since they would have gone short.
            return later(now.plus(LATER));
        }
        if self.enrolling.is_some() {
            return later(now.plus(self.settings.timeout));
        }
        let word = self.word();
        if word.wants_a_person() {
            let next = self.next_mint_at(scene.ledger, now);
            return later(next.unwrap_or_else(|| now.plus(LATER)));
        }
        if !scene.has_turn {
            return later(now.plus(YOUNG));
        }
        let room = self.room_at(&grant.lane, Want::Demand, scene.ledger, now);
        // What just failed is not tried again sooner for being asked for by many.
        let paced = match word {
            Word::Retrying => self.not_before,
            _ => now,
        };
        match room.max(paced) {
            at if at > now => later(at),
            _ => Course::Mint(grant.lane.clone()),
        }
    }

    /// A token that replaced a refused one is refused as well.
    fn hold_reports(&mut self, report: &Report, scene: &mut Scene<'_>) {
        self.record.streak = Streak {
            held_until: Some(scene.now.boot.plus(HOLD)),
            ..Streak::default()
        };
        let Report {
            uid,
            generation,
            code,
        } = report;
        let cure = self.cure_of_report(*code, Finding::Binding);
        let cure = cure.unwrap_or_default();
        let detail = format!(
            "{} for generation {generation} too, says uid {uid}: another token is no cure, so reports mint none for \
             an hour; {cure}",
            code.name
        );
        self.saving.is_dirty = true;
        self.tell(Severity::Error, "binding", detail, scene);
    }

    fn note_code(&mut self, report: &Report, finding: Finding, scene: &mut Scene<'_>) {
        let Report { uid, code, .. } = report;
        let severity = match finding {
            Finding::NotToken => Severity::Info,
            _ => Severity::Warning,
        };
        let cure = self.cure_of_report(*code, finding).unwrap_or_default();
        let (name, word) = (code.name, finding.as_str());
        let detail = format!("uid {uid} was told {name}, which is `{word}`: {cure}");
        self.note_seldom(name, (severity, detail), scene);
    }

    /// A generation that is still to come is another number, such as a time, in its place; or the state is an older
    /// one. Whoever reports it is told that another token is out, which is so, and would report it for ever.
    fn note_unheard_of(&mut self, report: &Report, scene: &mut Scene<'_>) {
        let Report {
            uid, generation, ..
        } = report;
        let served = self.served(scene.now.boot);
        let Some(newest) = served.map(|token| token.generation) else {
            return;
        };
        if *generation > newest {
            let detail = format!(
                "uid {uid} reports generation {generation}, and the newest is {newest}: that replaces no token; a \
                 report names the `generation` that came with the refused token"
            );
            self.note_seldom("generation", (Severity::Warning, detail), scene);
        }
    }

    fn note_seldom(
        &mut self,
        about: &'static str,
        (severity, detail): (Severity, String),
        scene: &mut Scene<'_>,
    ) {
        let now = scene.now.boot;
        let last = self.reports.noted.get(about);
        if last.is_none_or(|last| last.plus(NOTE_EVERY) <= now) {
            self.reports.noted.insert(about, now);
            self.saving.is_dirty = true;
            self.tell(severity, "reported", detail, scene);
        }
    }

    /// Tells every waiting reporter.
    pub(super) fn rule_all(&mut self, finding: Finding, scene: &mut Scene<'_>) {
        for request in std::mem::take(&mut self.reports.waiting) {
            self.rule(request, finding, scene);
        }
    }

    /// The newest token is on the disk. Where what was reported is out all the same, since it was put out once more or
    /// the newest has ended meanwhile, its reporters wait for the mint on its way, or come again.
    pub(super) fn rule_once_kept(&mut self, scene: &mut Scene<'_>) {
        let now = scene.now.boot;
        let refused = self.record.streak.refused;
        let is_replaced = self
            .served(now)
            .is_some_and(|token| Some(token.generation) != refused);
        if is_replaced {
            self.rule_all(Finding::Refreshed, scene);
        } else if self.minting.is_none() {
            let news_at = self.news_at(scene.ledger, now);
            let at = news_at.unwrap_or_else(|| now.plus(LATER));
            self.rule_all(Finding::Pending(at), scene);
        }
    }

    fn rule(&self, request: RequestId, finding: Finding, scene: &mut Scene<'_>) {
        let served = self.served(scene.now.boot);
        let generation = served.map(|token: &Token| token.generation);
        let ruling = Ruling {
            finding,
            generation,
        };
        scene.steps.push(Step::Rule {
            request,
            ruling: Some(ruling),
        });
    }

    /// The config has the org no more: then there is nothing to rule on.
    pub(super) fn dismiss_reporters(&mut self, scene: &mut Scene<'_>) {
        for request in std::mem::take(&mut self.reports.waiting) {
            let ruling = None;
            scene.steps.push(Step::Rule { request, ruling });
        }
    }
}

/// The first report of a generation, in a line of the history.
fn account(report: &Report, course: &Course) -> String {
    let what = match course {
        Course::Tell(_) => "it cannot be replaced now, and the job is told when to report again",
        Course::Wait => "a mint is on its way",
        Course::Mint(_) => "it is replaced",
    };
    format!(
        "uid {} was told {} for generation {}: {what}",
        report.uid, report.code.name, report.generation
    )
}
