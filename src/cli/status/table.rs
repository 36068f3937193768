//! The table of `status`: one row an org, and below it what is wrong and what to do.
//!
//! Pure layout. A terminal narrower than the table gets the last columns on a line of their own.

use std::time::SystemTime;

use super::org::{LastError, OrgStatus, OutageBudget};
use crate::cli::failure::in_one_line;
use crate::cli::span;

const TITLES: [&str; 10] = [
    "ORG",
    "ENV",
    "DC",
    "TOKEN",
    "GRANT",
    "EXPIRES",
    "REFRESH",
    "MINTS",
    "OUTAGE",
    "GENERATION",
];

/// How many of the columns stay where the terminal is too narrow for all.
const KEPT: usize = 8;

/// Between two columns.
const GAP: &str = "  ";

/// In front of a line that belongs to the org above.
const INDENT: &str = "    ";

/// The orgs at `now`, for a terminal of so many `columns`; `None` where nobody counts them.
pub fn render(orgs: &[OrgStatus], now: SystemTime, columns: Option<usize>) -> String {
    if orgs.is_empty() {
        return "No org that you may see.\n".to_owned();
    }
    let rows: Vec<[String; 10]> = orgs.iter().map(|org| cells(org, now)).collect();
    let widths = widths(&rows);
    let whole = widths.iter().sum::<usize>() + GAP.len() * (TITLES.len() - 1);
    let is_narrow = columns.is_some_and(|columns| columns < whole);
    let shown = if is_narrow { KEPT } else { TITLES.len() };
    let mut text = row(&TITLES.map(str::to_owned)[..shown], &widths);
    for (org, cells) in orgs.iter().zip(&rows) {
        text += &row(&cells[..shown], &widths);
        if is_narrow {
            text += &folded(cells);
        }
        for note in notes(org, orgs.len() == 1) {
            text += &wrapped(&note, columns);
        }
    }
    text
}

fn cells(org: &OrgStatus, now: SystemTime) -> [String; 10] {
    [
        word(org.org.as_ref()),
        word(org.environment.as_ref()),
        word(org.data_center.as_ref()),
        word(org.token.as_ref()),
        word(org.grant.as_ref()),
        or_dash(org.expires_in.map(short)),
        or_dash(org.next_refresh_at.as_deref().and_then(|at| until(at, now))),
        or_dash(org.mints_left.map(|left| left.to_string())),
        outage(org.outage_budget_s.as_ref()),
        or_dash(org.generation.map(|generation| generation.to_string())),
    ]
}

fn word(text: Option<&String>) -> String {
    or_dash(
        text.map(|text| in_one_line(text))
            .filter(|text| !text.is_empty()),
    )
}

fn or_dash(text: Option<String>) -> String {
    text.unwrap_or_else(|| "-".to_owned())
}

/// `15m`; `now` for a time that has passed.
fn until(at: &str, now: SystemTime) -> Option<String> {
    let at = humantime::parse_rfc3339(at).ok()?;
    let left = at.duration_since(now).map_or(0, |left| left.as_secs());
    Some(if left == 0 {
        "now".to_owned()
    } else {
        span::short(left)
    })
}

/// What is over is shown as nothing left.
fn short(seconds: i64) -> String {
    span::short(u64::try_from(seconds).unwrap_or(0))
}

/// To `min_ttl` and to the end: `15m/25m`.
fn outage(budget: Option<&OutageBudget>) -> String {
    let Some(budget) = budget else {
        return "-".to_owned();
    };
    let part = |seconds: Option<i64>| or_dash(seconds.map(short));
    format!("{}/{}", part(budget.min_ttl), part(budget.end))
}

/// What does not fit a column, most pressing last, where the eye rests: the cure. `is_alone`: there is room for what
/// is well, too.
fn notes(org: &OrgStatus, is_alone: bool) -> Vec<String> {
    let mut notes = Vec::new();
    let zoho_org = org.zoho_org().filter(|_| is_alone);
    notes.extend(zoho_org.map(|zoho_org| format!("Zoho's org: {zoho_org}")));
    if !org.is_configured() {
        notes.push("not in the config any more; its grant is kept, sealed".to_owned());
    }
    if org.life_too_short == Some(true) {
        notes.push(
            "its tokens live too short for Zoho's limits: mints are paced, readers may find none"
                .to_owned(),
        );
    }
    if org.binding.as_deref() == Some("unverified") {
        let why = "Zoho did not say which environment this grant is for";
        let why = org.binding_detail.as_deref().unwrap_or(why);
        notes.push(format!("unverified: {why}"));
    }
    notes.extend(
        org.warnings
            .iter()
            .flatten()
            .map(|warning| format!("warning: {warning}")),
    );
    notes.extend(org.last_error.as_ref().map(told));
    // The cure is for the cause, which the last error need not be.
    let last = org
        .last_error
        .as_ref()
        .and_then(|error| error.code.as_ref());
    let cause = org.cause.iter().filter(|cause| last != Some(cause));
    notes.extend(cause.map(|cause| format!("cause: {cause}")));
    notes.extend(org.cure.iter().map(|cure| format!("cure: {cure}")));
    notes.iter().map(|note| in_one_line(note)).collect()
}

/// `last error: invalid_code at 2026-11-22T00:41:40Z: …`
fn told(error: &LastError) -> String {
    let code = error.code.as_deref().unwrap_or("unknown");
    let at = error.at.as_ref().map(|at| format!(" at {at}"));
    let detail = error.detail.as_ref().map(|detail| format!(": {detail}"));
    format!(
        "last error: {code}{}{}",
        at.unwrap_or_default(),
        detail.unwrap_or_default()
    )
}

fn widths(rows: &[[String; 10]]) -> [usize; 10] {
    let mut widths = TITLES.map(str::len);
    for cells in rows {
        for (width, cell) in widths.iter_mut().zip(cells) {
            *width = (*width).max(cell.chars().count());
        }
    }
    widths
}

fn row(cells: &[String], widths: &[usize; 10]) -> String {
    let padded = cells
        .iter()
        .zip(widths)
        .map(|(cell, width)| format!("{cell:width$}"));
    let line = padded.collect::<Vec<_>>().join(GAP);
    format!("{}\n", line.trim_end())
}

/// The columns that did not fit: `outage 15m/25m  generation 1795306331`.
fn folded(cells: &[String; 10]) -> String {
    let pairs = TITLES.iter().zip(cells).skip(KEPT);
    let pairs = pairs.map(|(title, cell)| format!("{} {cell}", title.to_lowercase()));
    format!("{INDENT}{}\n", pairs.collect::<Vec<_>>().join(GAP))
}

/// `note` below its org, broken between words where the terminal ends.
fn wrapped(note: &str, columns: Option<usize>) -> String {
    let room = columns.map_or(usize::MAX, |columns| columns.saturating_sub(INDENT.len()));
    let mut lines = vec![String::new()];
    for word in note.split(' ') {
        let last = lines.len() - 1;
        let length = lines[last].chars().count() + 1 + word.chars().count();
        match lines[last].is_empty() {
            true => lines[last] += word,
            // What goes on stands further in than the next note.
            false if length > room => lines.push(format!("  {word}")),
            false => lines[last] = format!("{} {word}", lines[last]),
        }
    }
    format!("{INDENT}{}\n", lines.join(&format!("\n{INDENT}")))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn orgs() -> Vec<OrgStatus> {
        let text = r#"[
          {"org":"acme-production","environment":"production","data_center":"eu","token":"fresh","grant":"ok",
           "expires_in":2711,"next_refresh_at":"2026-11-22T00:41:40Z","mints_left":9,
           "outage_budget_s":{"min_ttl":900,"end":1500},"generation":1795306331,"cause":null,"cure":null},
          {"org":"beta","environment":"sandbox","data_center":"us","token":"expired","grant":"needs-consent",
           "next_refresh_at":"2026-11-22T00:00:00Z","generation":1795300001,"mints_left":6,"cause":"invalid_code",
           "last_error":{"at":"2026-11-21T23:41:40Z","code":"invalid_code","detail":"Zoho refused the refresh token."},
           "cure":"Make a grant token in the API console and run `zoho-tokend enroll beta`."}]"#;
        serde_json::from_str(text).expect("statuses")
    }

    /// 2026-11-22T00:26:20Z.
    fn now() -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_795_307_180)
    }

    #[test]
    fn a_wide_terminal_shows_a_row_an_org_and_the_cure_below() {
        let text = "\
ORG              ENV         DC  TOKEN    GRANT          EXPIRES  REFRESH  MINTS  OUTAGE   GENERATION
acme-production  production  eu  fresh    ok             45m      15m      9      15m/25m  1795306331
beta             sandbox     us  expired  needs-consent  -        now      6      -        1795300001
    last error: invalid_code at 2026-11-21T23:41:40Z: Zoho refused the refresh token
    cure: Make a grant token in the API console and run `zoho-tokend enroll beta`
";
        assert_eq!(render(&orgs(), now(), None), text);
        assert_eq!(render(&orgs(), now(), Some(120)), text);
    }

    #[test]
    fn a_narrow_terminal_is_not_overrun() {
        let text = "\
ORG              ENV         DC  TOKEN    GRANT          EXPIRES  REFRESH  MINTS
acme-production  production  eu  fresh    ok             45m      15m      9
    outage 15m/25m  generation 1795306331
beta             sandbox     us  expired  needs-consent  -        now      6
    outage -  generation 1795300001
    last error: invalid_code at 2026-11-21T23:41:40Z: Zoho refused the refresh
      token
    cure: Make a grant token in the API console and run `zoho-tokend enroll
      beta`
";
        assert_eq!(render(&orgs(), now(), Some(80)), text);
    }

    #[test]
    fn whatever_else_a_person_should_know_stands_below_and_the_cure_last() {
        let text = r#"{"org":"acme","org_id":"60012345","org_name":"Zylker","configured":false,"life_too_short":true,
          "binding":"unverified","warnings":["a file was gone"],"cause":"invalid_code","cure":"enroll again"}"#;
        let org: OrgStatus = serde_json::from_str(text).expect("a status");
        let shown = render(&[org], now(), None);
        let notes = "
    Zoho's org: 60012345 (Zylker)
    not in the config any more; its grant is kept, sealed
    its tokens live too short for Zoho's limits: mints are paced, readers may find none
    unverified: Zoho did not say which environment this grant is for
    warning: a file was gone
    cause: invalid_code
    cure: enroll again
";
        assert!(shown.ends_with(notes), "{shown}");
    }

    #[test]
    fn a_status_without_any_key_is_still_a_row() {
        let row = "-    -    -   -      -      -        -        -      -       -\n";
        assert!(render(&[OrgStatus::default()], now(), None).ends_with(row));
    }
}
