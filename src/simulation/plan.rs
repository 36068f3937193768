//! What a run is made of, and what comes out of it.

use super::judge::{Broken, OrgReport};
use super::seam::Seam;
use super::tally::Tally;
use super::timeline::Record;
use super::trouble::Trouble;
use super::world::World;
use super::zoho::Rules;
use crate::policy::settings::OrgSettings;

/// A run, whole: the same plan gives the same run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What it is for.
    pub purpose: Purpose,
    /// Chance.
    pub seed: u64,
    /// The config.
    pub orgs: Vec<OrgSettings>,
    /// What Zoho grants.
    pub rules: Rules,
    /// How long trouble comes, in milliseconds.
    pub troubled_ms: i64,
    /// How long calm lasts after it; at its end every org must be well by itself.
    pub calm_ms: i64,
    /// The mean time between two troubles of a kind, by [`Trouble::index`]; zero: none.
    pub every_ms: [i64; Trouble::ALL.len()],
    /// Trouble at a set time.
    pub script: Vec<Planned>,
    /// How often readers read each org, besides at every change and every end of a token.
    pub look_every_ms: i64,
    /// What the boot clock gains on the truth, in millionths.
    pub rate_ppm: i64,
    /// Whether NTP keeps the wall clock right.
    pub has_ntp: bool,
    /// How long a call takes to Zoho, and as long back, at the most.
    pub way_ms: i64,
}

/// What a run is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To find a broken promise. The first one ends it; people mend meanwhile what only people can.
    Trial,
    /// To tell what readers would see. It goes on to its end and nobody mends; a reader who goes short is noted, as
    /// nothing that was promised against such trouble.
    Forecast,
}

/// One trouble of a script.
#[derive(Debug, Clone, Copy)]
pub struct Planned {
    /// When, in milliseconds since the start.
    pub at_ms: i64,
    /// What.
    pub trouble: Trouble,
    /// How long; zero: as chance will.
    pub span_ms: i64,
    /// Which org it is about, by its place in the plan; `None`: as chance will, or all.
    pub org: Option<usize>,
}

/// How a run ended.
#[derive(Debug)]
pub struct End {
    /// The first promise that was broken, if any was.
    pub broken: Option<Broken>,
    /// What happened before that, as far as it was recorded.
    pub timeline: Vec<String>,
    /// What was tried.
    pub tally: Tally,
    /// What the readers of each org saw.
    pub orgs: Vec<OrgReport>,
}

/// Runs a plan to its end; a trial, to the first broken promise.
pub fn run(plan: &Plan, seam: &mut dyn Seam, record: &Record) -> End {
    World::new(plan, seam, record).run()
}
