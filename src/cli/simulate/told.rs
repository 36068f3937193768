//! A forecast as a person reads it, and as a script does.

use std::fmt::Write as _;

use super::forecast::{BrokenPromise, Forecast, LeastLeft, OrgForecast, Shortage, Span};
use crate::cli::failure::Failure;
use crate::cli::span;

const TITLES: [&str; 7] = [
    "ORG",
    "DC",
    "READS",
    "MINTS",
    "WINDOW",
    "OUTAGE",
    "LEAST LEFT",
];

/// A day, in seconds.
const DAY_S: u64 = 86_400;

/// One object, in one line.
pub(super) fn json(forecast: &Forecast) -> Result<String, Failure> {
    let text = serde_json::to_string(forecast);
    let text = text.map_err(|err| Failure::bug("simulate", &err.to_string()))?;
    Ok(text + "\n")
}

/// A table, then a sentence for all that would go wrong, and the sum of it.
pub(super) fn text(forecast: &Forecast) -> String {
    let days = counted(forecast.days.unsigned_abs(), "day");
    let trouble = if forecast.trouble.is_empty() {
        "no trouble".to_owned()
    } else {
        forecast.trouble.join(" ")
    };
    let mut text = format!("{days} from an enrolment on day 1 at 00:00, {trouble}\n\n");
    text += &table(&forecast.orgs);
    text.push('\n');
    for broken in &forecast.broken {
        let promise = broken.promise.map(|promise| format!("{promise}: "));
        let bug = if broken.is_bug {
            "a bug of zoho-tokend, please report it: "
        } else {
            ""
        };
        // Writing to a String cannot fail.
        writeln!(text, "{bug}{}{}", promise.unwrap_or_default(), broken.what).ok();
    }
    text + &sum(forecast)
}

fn sum(forecast: &Forecast) -> String {
    let is_short = |org: &&OrgForecast| !shortages(org).is_empty();
    let short = forecast.orgs.iter().filter(is_short).count();
    if short > 0 {
        return format!(
            "{short} of {} would go short\n",
            counted(forecast.orgs.len() as u64, "org")
        );
    }
    let least = forecast
        .orgs
        .iter()
        .filter_map(|org| Some((org, org.least_left?)));
    let least = least.min_by(|(_, a), (_, b)| a.left_s.total_cmp(&b.left_s));
    match least {
        Some((org, least)) => format!(
            "no reader would go short; the least was {}, of {}\n",
            least_left(least),
            org.org
        ),
        None => "no reader would go short\n".to_owned(),
    }
}

/// What the readers of an org would miss, in sentences.
pub(super) fn shortages(org: &OrgForecast) -> Vec<BrokenPromise> {
    let name = &org.org;
    if org.served_from_s.is_none() {
        let what = format!("readers of {name} would never have had a token: it cannot be enrolled");
        return vec![broken(org, Some("R1"), what)];
    }
    let little = format!("less than {} left", span::short(whole(org.min_ttl_s)));
    let kinds = [
        (Some("R1"), "no token".to_owned(), &org.no_token),
        (Some("R1"), little, &org.under_min_ttl),
        (None, "a token that Zoho refuses".to_owned(), &org.refused),
    ];
    let told = kinds.into_iter().filter_map(|(promise, had, shortage)| {
        let when = when(shortage)?;
        let what = format!("readers of {name} would have had {had} from {when}");
        Some(broken(org, promise, what))
    });
    told.collect()
}

fn broken(org: &OrgForecast, promise: Option<&'static str>, what: String) -> BrokenPromise {
    BrokenPromise {
        promise,
        org: Some(org.org.clone()),
        what,
        is_bug: false,
    }
}

/// `day 1 02:25:00 to 02:41:30 (16m), and 6 more times: 1h52m in all, at longest 17m from day 3 02:24:11`
fn when(shortage: &Shortage) -> Option<String> {
    let first = shortage.spans.first()?;
    let mut text = format!("{} ({})", from_to(first), lasted(first));
    let more = shortage.times - 1;
    if let (1.., Some(longest)) = (more, &shortage.longest) {
        let times = counted(more, "more time");
        let total = span::short(whole(shortage.total_s));
        let (longest, since) = (lasted(longest), Moment(longest.from_s));
        write!(
            text,
            ", and {times}: {total} in all, at longest {longest} from {since}"
        )
        .ok();
    }
    Some(text)
}

fn from_to(span: &Span) -> String {
    let from = Moment(span.from_s);
    match span.to_s {
        None => format!("{from} to the end"),
        Some(to) if whole(to) / DAY_S == whole(span.from_s) / DAY_S => {
            format!("{from} to {}", Moment(to).clock())
        }
        Some(to) => format!("{from} to {}", Moment(to)),
    }
}

/// What is soon over is told in tenths of a second.
fn lasted(span: &Span) -> String {
    if span.lasted_s < 10.0 {
        return format!("{:.1}s", span.lasted_s);
    }
    span::short(whole(span.lasted_s))
}

fn least_left(least: LeastLeft) -> String {
    format!(
        "{} left on {}",
        span::short(whole(least.left_s)),
        Moment(least.at_s)
    )
}

fn table(orgs: &[OrgForecast]) -> String {
    let mut rows = vec![TITLES.map(str::to_owned)];
    rows.extend(orgs.iter().map(cells));
    let widths: [usize; TITLES.len()] =
        std::array::from_fn(|column| rows.iter().map(|row| row[column].len()).max().unwrap_or(0));
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(widths);
        let cells: Vec<String> = cells
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        text += cells.join("  ").trim_end();
        text.push('\n');
    }
    text
}

fn cells(org: &OrgForecast) -> [String; TITLES.len()] {
    let budget = org.outage_budget_s;
    [
        org.org.clone(),
        org.data_center.clone(),
        org.reads.to_string(),
        org.mints.to_string(),
        format!(
            "{}/{}",
            org.most_calls_in_window, org.calls_allowed_in_window
        ),
        format!(
            "{}/{}",
            span::short(budget.min_ttl),
            span::short(budget.end)
        ),
        org.least_left.map_or("-".to_owned(), least_left),
    ]
}

fn counted(count: u64, noun: &str) -> String {
    let end = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{end}")
}

/// A moment of the run, `day 1 02:25:07`.
struct Moment(f64);

impl Moment {
    fn clock(&self) -> String {
        let of_day = whole(self.0) % DAY_S;
        format!(
            "{:02}:{:02}:{:02}",
            of_day / 3600,
            of_day / 60 % 60,
            of_day % 60
        )
    }
}

impl std::fmt::Display for Moment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "day {} {}", whole(self.0) / DAY_S + 1, self.clock())
    }
}

/// Whole seconds, rounded down.
fn whole(seconds: f64) -> u64 {
    std::time::Duration::from_secs_f64(seconds).as_secs()
}
