//! The table from end to end, as `explain` and the README list it: what holds at any place.

use serde::Serialize;

use super::row::Row;
use super::{Place, WAIT, capitalised, family, fill};
use super::{api, consent, ours, problems, table, words};
use crate::policy::reply::Asked;

/// Where a code comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// `error` in an answer of Zoho's token endpoint.
    TokenEndpoint,
    /// The way to Zoho, or what came instead of an answer.
    Way,
    /// Ourselves: the config, an enrolment, the state.
    Ours,
    /// `error` in the redirect from Zoho's consent page.
    ConsentPage,
    /// Zoho's revocation endpoint.
    Revocation,
    /// `code` in an answer of Zoho's API: what a job sees and reports.
    Api,
    /// The verdict on a report.
    Verdict,
    /// A word of `status`, of a 503 and of the metrics.
    Status,
    /// `type` of a problem over the socket.
    Problem,
    /// The kind of a line of the log and of `history`.
    History,
}

/// All tables. What a person meets first stands first.
const TABLES: [(Origin, &[Row]); 10] = [
    (Origin::TokenEndpoint, table::TABLE),
    (Origin::Way, table::WAY),
    (Origin::Ours, ours::OURS),
    (Origin::Api, api::API),
    (Origin::ConsentPage, consent::CONSENT),
    (Origin::Revocation, consent::REVOCATION),
    (Origin::Verdict, words::VERDICTS),
    (Origin::Status, words::STATUS),
    (Origin::Problem, problems::PROBLEMS),
    (Origin::History, words::HISTORY),
];

/// A row as a person reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// The codes that it speaks of, as their source writes them.
    pub codes: &'static [&'static str],
    /// Where they come from.
    pub origin: Origin,
    /// The only case that it speaks of, if it is one of some.
    pub when: Option<&'static str>,
    /// What has happened.
    pub meaning: String,
    /// What to do.
    pub cure: String,
    /// What to do when it lasts, if that is something else.
    pub cure_if_it_lasts: Option<String>,
}

/// What the table says of `code` at that place, for each origin and case that it may have; empty for a code that is
/// not in it. Case and `urn:zoho-tokend:` make no difference, but that what is written just so stands first.
pub fn explain(code: &str, place: &Place) -> Vec<Entry> {
    let code = code.trim();
    let code = code.strip_prefix("urn:zoho-tokend:").unwrap_or(code);
    let family = family(code);
    let of = |wanted: &str| -> Vec<Entry> {
        let its = rows().filter(|(_, row)| row.spelling_of(wanted).is_some());
        its.map(|(origin, row)| Entry::of(row, origin, code, place))
            .collect()
    };
    let mut found = of(code);
    // What has a row of its own is not explained by its family's as well.
    let theirs = family.map(|family| of(&family)).unwrap_or_default();
    let is_new = |own: &Entry| found.iter().all(|known| known.origin != own.origin);
    let theirs: Vec<Entry> = theirs.into_iter().filter(is_new).collect();
    found.extend(theirs);
    // Capitals are typed by who has read them; in small letters all codes may be meant.
    if code.contains(char::is_uppercase) {
        found.sort_by_key(|own| !own.codes.contains(&code));
    }
    found
}

/// All of the table.
pub fn entries(place: &Place) -> Vec<Entry> {
    let entry = |(origin, row): (Origin, &'static Row)| {
        let code = row.codes.first().copied().unwrap_or_default();
        Entry::of(row, origin, code, place)
    };
    rows().map(entry).collect()
}

fn rows() -> impl Iterator<Item = (Origin, &'static Row)> {
    let each = |(origin, rows): (Origin, &'static [Row])| rows.iter().map(move |row| (origin, row));
    TABLES.into_iter().flat_map(each)
}

impl Entry {
    fn of(row: &'static Row, origin: Origin, code: &str, place: &Place) -> Self {
        let text = |template: &str| fill(template, code, place);
        let lasting = row.lasting.filter(|lasting| row.cure != Some(lasting));
        Self {
            codes: row.codes,
            origin,
            when: row.when(),
            meaning: text(row.meaning),
            cure: capitalised(&text(row.cure.unwrap_or(WAIT))),
            cure_if_it_lasts: lasting.map(|lasting| capitalised(&text(lasting))),
        }
    }
}

impl Row {
    fn when(&self) -> Option<&'static str> {
        if self.is_elsewhere {
            return Some("while the client mints in another data center");
        }
        let asked = self.asked.map(|asked| match asked {
            Asked::Exchange => "at `enroll` with a grant token",
            Asked::TakeOver => "at `enroll --refresh-token`",
            Asked::Login => "at `login`",
            Asked::Prove => "at `enroll --client-secret`",
            Asked::Refresh => "at a refresh",
            Asked::Client => "by client credentials",
            Asked::ClientProof => "at `enroll` by client credentials",
        });
        asked.or(self.mostly)
    }
}

#[cfg(test)]
mod tests;
