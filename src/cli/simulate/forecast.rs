//! What a simulation found, org by org, in the words of its JSON.
//!
//! The keys are a contract: `--json` prints them as they stand here. Times are seconds since the start of day 1.

use std::time::Duration;

use serde::Serialize;

use super::flags::Simulate;
use super::told;
use super::when::Strike;
use crate::base::Boottime;
use crate::cli::failure::Exit;
use crate::policy::schedule;
use crate::policy::settings::OrgSettings;
use crate::simulation::Plan;
use crate::simulation::judge::OrgReport;
use crate::simulation::plan::End;
use crate::simulation::shortage::{Gap, Gaps};

/// All of it.
#[derive(Debug, Serialize)]
pub(super) struct Forecast {
    pub(super) days: i64,
    pub(super) seed: u64,
    /// The flags that asked for trouble.
    pub(super) trouble: Vec<String>,
    /// Whether any reader would go short.
    pub(super) goes_short: bool,
    /// By name.
    pub(super) orgs: Vec<OrgForecast>,
    /// What would not hold.
    pub(super) broken: Vec<BrokenPromise>,
}

/// A promise that would not hold.
#[derive(Debug, Serialize)]
pub(super) struct BrokenPromise {
    /// Its number; `None`: nobody promised this.
    pub(super) promise: Option<&'static str>,
    pub(super) org: Option<String>,
    /// One sentence.
    pub(super) what: String,
    /// Whether no trouble explains it: then the program is wrong.
    pub(super) is_bug: bool,
}

/// What the readers of one org would have seen.
#[derive(Debug, Serialize)]
pub(super) struct OrgForecast {
    pub(super) org: String,
    pub(super) environment: &'static str,
    pub(super) data_center: String,
    pub(super) token_life_s: f64,
    /// What is promised to be left, in force for that life.
    pub(super) min_ttl_s: f64,
    /// How long Zoho may be away at the worst moment, as `status` has it.
    pub(super) outage_budget_s: Budget,
    /// When the first reader got a token; `None`: never.
    pub(super) served_from_s: Option<f64>,
    pub(super) reads: u64,
    /// Tokens that Zoho made.
    pub(super) mints: u64,
    /// Calls that left for Zoho.
    pub(super) calls: u64,
    pub(super) most_calls_in_window: u64,
    pub(super) calls_allowed_in_window: u32,
    pub(super) least_left: Option<LeastLeft>,
    pub(super) under_min_ttl: Shortage,
    pub(super) no_token: Shortage,
    /// A token that Zoho takes no more.
    pub(super) refused: Shortage,
}

#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Budget {
    pub(super) min_ttl: u64,
    pub(super) end: u64,
}

/// The least life that a token had left which a reader got; zero where one got none.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct LeastLeft {
    pub(super) left_s: f64,
    pub(super) at_s: f64,
}

/// One kind of shortage.
#[derive(Debug, Serialize)]
pub(super) struct Shortage {
    pub(super) times: u64,
    pub(super) total_s: f64,
    pub(super) longest: Option<Span>,
    /// The first hundred.
    pub(super) spans: Vec<Span>,
}

/// From when to when; `to_s` is `None` where it lasts to the end.
#[derive(Debug, Clone, Copy, Serialize)]
#[expect(
    clippy::struct_field_names,
    reason = "the unit stands last in every key of the JSON"
)]
pub(super) struct Span {
    pub(super) from_s: f64,
    pub(super) to_s: Option<f64>,
    pub(super) lasted_s: f64,
}

impl Forecast {
    pub(super) fn new(args: &Simulate, strikes: &[Strike]) -> Self {
        Self {
            days: args.days,
            seed: args.seed,
            trouble: strikes.iter().map(ToString::to_string).collect(),
            goes_short: false,
            orgs: Vec::new(),
            broken: Vec::new(),
        }
    }

    /// Adds what was found in one world.
    pub(super) fn add(&mut self, plan: &Plan, end: End) {
        let own = plan.orgs.iter().zip(&end.orgs);
        let orgs: Vec<OrgForecast> = own.map(|(org, report)| of_org(org, report, plan)).collect();
        let broken: Vec<BrokenPromise> = orgs.iter().flat_map(told::shortages).collect();
        self.goes_short |= !broken.is_empty();
        self.broken.extend(broken);
        self.orgs.extend(orgs);
        self.broken.extend(end.broken.map(|broken| BrokenPromise {
            promise: Some(broken.promise),
            org: broken.org.as_ref().map(ToString::to_string),
            what: broken.to_string(),
            is_bug: true,
        }));
    }

    pub(super) fn exit(&self) -> Exit {
        if self.broken.iter().any(|broken| broken.is_bug) {
            Exit::Bug
        } else if self.goes_short {
            Exit::NotWell
        } else {
            Exit::Done
        }
    }
}

fn of_org(org: &OrgSettings, report: &OrgReport, plan: &Plan) -> OrgForecast {
    let life = Duration::from_millis(plan.rules.life_ms.unsigned_abs());
    let min_ttl = schedule::min_ttl_in_force(org.min_ttl, life);
    let ended = report.short.nothing.spans.first();
    let least = ended.map(|gap| (0, gap.from_ms)).or(report.tightest);
    let least = least.map(|(left, at)| LeastLeft {
        left_s: seconds(left),
        at_s: seconds(at),
    });
    OrgForecast {
        org: org.name.to_string(),
        environment: org.binding.environment.as_str(),
        data_center: org.binding.data_center.to_string(),
        token_life_s: life.as_secs_f64(),
        min_ttl_s: min_ttl.as_secs_f64(),
        outage_budget_s: budget(org, life, min_ttl),
        served_from_s: report.served_since.map(seconds),
        reads: report.reads,
        mints: report.mints,
        calls: report.calls,
        most_calls_in_window: report.most_in_window,
        calls_allowed_in_window: org.limits.mints,
        least_left: least,
        under_min_ttl: shortage(&report.short.stale),
        no_token: shortage(&report.short.nothing),
        refused: shortage(&report.short.refused),
    }
}

/// At the worst moment: when a refresh is due, and the outage ends just after a try.
fn budget(org: &OrgSettings, life: Duration, min_ttl: Duration) -> Budget {
    let started = Boottime(0);
    let expires = started.plus(schedule::life_to_trust(life));
    let due = schedule::refresh_at(started, expires, org.at, schedule::offset(&org.name));
    let due = schedule::in_time(due, expires, min_ttl, org.limits, 1);
    let due = due.max(started.plus(schedule::gap(org.limits)));
    let pause = schedule::gap(org.limits) + org.limits.window / 60;
    let left = expires.since(due).saturating_sub(pause);
    Budget {
        min_ttl: left.saturating_sub(min_ttl).as_secs(),
        end: left.as_secs(),
    }
}

fn shortage(gaps: &Gaps) -> Shortage {
    let span = |gap: &Gap| Span {
        from_s: seconds(gap.from_ms),
        to_s: (!gap.is_open).then(|| seconds(gap.to_ms)),
        lasted_s: seconds(gap.span_ms()),
    };
    Shortage {
        times: gaps.times,
        total_s: seconds(gaps.total_ms),
        longest: gaps.longest.as_ref().map(span),
        spans: gaps.spans.iter().map(span).collect(),
    }
}

/// What has ended has nothing left.
fn seconds(ms: i64) -> f64 {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0)).as_secs_f64()
}
