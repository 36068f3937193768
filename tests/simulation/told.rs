//! A run that broke a promise, for a person who looks for the cause: its settings, and what happened last.

use zoho_tokend::base::OrgName;
use zoho_tokend::simulation::plan::Plan;
use zoho_tokend::simulation::run;
use zoho_tokend::simulation::seam::Unchanged;
use zoho_tokend::simulation::timeline::Record;
use zoho_tokend::simulation::trouble::Trouble;

/// So many of the newest lines of the timeline.
const LINES: usize = 80;

/// Runs `plan` again, tells of `org` or of all, and ends the test.
#[expect(clippy::panic, reason = "a broken promise is what the test fails for")]
pub(crate) fn fail(plan: &Plan, org: Option<&OrgName>) -> ! {
    println!("{}", settings(plan));
    let own = plan.orgs.iter().filter(|own| org == Some(&own.name));
    for own in own {
        println!("{own:?}");
    }
    let record = org.cloned().map_or(Record::Everything, Record::Of);
    let end = run(plan, &mut Unchanged, &record);
    for line in &end.timeline[end.timeline.len().saturating_sub(LINES)..] {
        println!("{line}");
    }
    let what = end.broken.expect("it was broken before");
    panic!("SEED={}: {what}", plan.seed);
}

/// What a seed has chosen.
fn settings(plan: &Plan) -> String {
    let means = Trouble::ALL.iter().zip(plan.every_ms);
    let troubles: Vec<String> = means
        .filter(|(_, every_ms)| *every_ms > 0)
        .map(|(trouble, every_ms)| format!("{} {} min", trouble.as_str(), every_ms / 60_000))
        .collect();
    format!(
        "{:?}; the boot clock gains {} in a million, NTP {}; up to {} ms to Zoho; mean times between troubles: {}",
        plan.rules,
        plan.rate_ppm,
        if plan.has_ntp { "on" } else { "off" },
        plan.way_ms,
        troubles.join(", ")
    )
}
