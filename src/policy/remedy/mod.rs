//! What to do about a code: one sentence for a person at three in the morning.
//!
//! `status`, problems over the socket, verdicts, logs, `explain CODE` and the README's list of errors all speak from
//! the one table in here, so that they never disagree. It decides nothing: the class of an answer is
//! [`super::reply`]'s. Invariant: every code has a remedy, also one that nobody has seen.

mod api;
mod consent;
mod fill;
mod listing;
mod ours;
mod problems;
mod row;
mod table;
mod words;

use std::borrow::Cow;

use super::reply::Asked;
use super::report::Fault;
use super::settings::GrantKind;
use crate::base::DataCenter;
use fill::fill;
pub use listing::{Entry, Origin, entries, explain};
use ours::OURS;
use row::Row;
use table::{SUSPECT_THE_WAY, TABLE, UNKNOWN, WAY};

/// So many failures in a row are no bad moment any more: the cure then names what lasts.
const LASTING: u32 = 3;

/// The cure of what heals by itself and needs no look yet.
const WAIT: &str =
    "Nothing to do: it is tried again, and readers keep the current token until it ends";

/// Where the trouble is, in the words of the config.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The data center's word, `eu`.
    pub data_center: &'a str,
    /// Where a person makes grant tokens in that data center, if known.
    pub console_url: Option<&'a str>,
    /// The org.
    pub org: &'a str,
    /// The client that the org is reached through.
    pub client: &'a str,
    /// How a person gives the org its grant.
    pub grant: GrantKind,
    /// Another data center, in which this client mints for another org.
    pub works_in: Option<&'a str>,
    /// Where the org's token is used, if it has one.
    pub api_domain: Option<&'a str>,
    /// Whether the client's secret was taken at the enrolment instead of from the config, if that is known.
    pub is_secret_sealed: Option<bool>,
}

impl Place<'static> {
    /// No place in particular: capitals stand for what differs.
    pub const ANY: Self = Self {
        data_center: "DC",
        console_url: None,
        org: "ORG",
        client: "CLIENT",
        grant: GrantKind::SelfClient,
        works_in: None,
        api_domain: None,
        is_secret_sealed: None,
    };
}

/// What a code means here, and what to do. Each one sentence without a full stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remedy {
    /// What has happened.
    pub meaning: String,
    /// What a person should do, or that nothing need be done.
    pub cure: String,
}

/// The remedy for a `cause`, Zoho's code or ours, in answer to what was `asked`, after `failures` in a row.
///
/// A person at `enroll` gets the cure of what lasts at once: he is there to look, and nothing is tried again.
pub fn remedy(code: &str, asked: Asked, failures: u32, place: &Place) -> Remedy {
    let row = row(code, asked, place.works_in.is_some()).unwrap_or(&UNKNOWN);
    let lasts = failures >= LASTING || !asked.is_by_schedule();
    let look = row.lasting.filter(|_| lasts).or(row.cure);
    Remedy {
        meaning: fill(row.meaning, code, place),
        cure: capitalised(&fill(&cure(row, asked, look), code, place)),
    }
}

/// What to do about a verdict on a report, where it is for the job or a person to do.
pub fn of_verdict(verdict: &str, place: &Place) -> Option<Remedy> {
    listed(words::VERDICTS, verdict, place)
}

/// The remedy for what the consent page sent the browser back with.
pub fn of_consent(code: &str, place: &Place) -> Remedy {
    listed(consent::CONSENT, code, place).unwrap_or_else(|| remedy(code, Asked::Login, 1, place))
}

/// What to do about a code of Zoho's API, as a job of that org meets it; `None` for one that nobody has seen.
pub fn of_api_code(code: &str, place: &Place) -> Option<Remedy> {
    listed(api::API, code, place)
}

/// What to do about a problem of that type, for those that have no cure of their own.
pub fn of_problem(code: &str, org: Option<&str>) -> Option<Remedy> {
    let org = org.unwrap_or(Place::ANY.org);
    listed(problems::PROBLEMS, code, &Place { org, ..Place::ANY })
}

/// What is at fault where Zoho's API sends that code, and how Zoho writes it; `None` for a code that nobody has seen.
pub fn of_api(code: &str) -> Option<(&'static str, Fault)> {
    let mut known = api::API.iter();
    known.find_map(|row| Some((row.spelling_of(code)?, row.fault?)))
}

/// A sentence may begin with a renewal of the grant, which follows other words elsewhere.
pub(super) fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// What to look at where `host`, `https://accounts.zoho.eu`, did not answer for the reason `code`: half a sentence for
/// somebody who tries the way itself.
pub fn look_at(code: &str, host: &str) -> String {
    let row = row(code, Asked::Refresh, false).unwrap_or(&UNKNOWN);
    let look = row.cure.or(row.lasting).unwrap_or(SUSPECT_THE_WAY);
    let status = fill::status_page(DataCenter::name_at(host).unwrap_or(Place::ANY.data_center));
    let look = look.replace("{accounts}", host).replace("{code}", code);
    look.replace("{status}", &status)
}

/// Whether `code` says that Zoho was not reached, and nothing sent.
pub fn is_unsent(code: &str) -> bool {
    row(code, Asked::Refresh, false).is_some_and(|row| row.is_unsent)
}

fn listed(table: &[Row], code: &str, place: &Place) -> Option<Remedy> {
    let asked = match place.grant {
        GrantKind::ClientCredentials => Asked::Client,
        GrantKind::SelfClient | GrantKind::Web => Asked::Refresh,
    };
    let fits = |row: &&Row| row.speaks_of(asked) && row.spelling_of(code).is_some();
    let row = table
        .iter()
        .filter(fits)
        .min_by_key(|row| row.is_of_all())?;
    Some(Remedy {
        meaning: fill(row.meaning, code, place),
        cure: fill(row.cure?, code, place),
    })
}

/// Joins what to look at with what happens next.
fn cure(row: &Row, asked: Asked, look: Option<&'static str>) -> Cow<'static, str> {
    let next = match asked {
        Asked::Refresh | Asked::Client => "it is tried on",
        Asked::ClientProof => "then run `zoho-tokend enroll {org}` again",
        Asked::TakeOver => "then run `zoho-tokend enroll {org} --refresh-token` again",
        Asked::Login => "then run `zoho-tokend login {org}` again",
        Asked::Prove => "then run `zoho-tokend enroll {org} --client-secret` again",
        Asked::Exchange if row.is_unsent => {
            "then run `zoho-tokend enroll {org}` again: nothing was sent, so that the same grant token works while its \
             minutes last"
        }
        Asked::Exchange => {
            "then run `zoho-tokend enroll {org}` again, with a new grant token since this one may be used up"
        }
    };
    match look {
        None => WAIT.into(),
        Some(look) if row.heals => format!("{look}; {next}").into(),
        Some(look) => look.into(),
    }
}

/// The row of a `cause`.
fn row(code: &str, asked: Asked, works_elsewhere: bool) -> Option<&'static Row> {
    let find = |wanted: &str| {
        let causes = [TABLE, WAY, OURS].into_iter().flatten();
        let its = causes.filter(|row| {
            let is_there = works_elsewhere || !row.is_elsewhere;
            is_there && row.speaks_of(asked) && row.spelling_of(wanted).is_some()
        });
        its.min_by_key(|row| row.is_of_all())
    };
    find(code).or_else(|| find(&family(code)?))
}

/// `http-503` is one of a hundred that mean the same: `http-5xx`.
fn family(code: &str) -> Option<String> {
    let status = code.trim().to_ascii_lowercase();
    let status = status.strip_prefix("http-")?.parse::<u16>().ok()?;
    match status {
        100..=199 | 300..=599 => Some(format!("http-{}xx", status / 100)),
        600..=999 => Some("http-6xx".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_of_enrolling;
