//! What to do about a code: one sentence for a person at three in the morning.
//!
//! `status`, problems over the socket, logs and `explain CODE` all speak from the one table in here, so that
//! they never disagree. It decides nothing: the class of an answer is [`super::reply`]'s. Invariant: every code
//! has a remedy, also one that nobody has seen.

mod ours;
mod table;

use std::borrow::Cow;

use super::reply::{Asked, folded};
use crate::base::{DataCenter, OrgName};
use ours::OURS;
use table::{Row, TABLE, UNKNOWN};

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
    pub org: &'a OrgName,
    /// The client that the org is reached through.
    pub client: &'a str,
}

/// What a code means here, and what to do. Each one sentence without a full stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remedy {
    /// What has happened.
    pub meaning: String,
    /// What a person should do, or that nothing need be done.
    pub cure: String,
}

/// The remedy for `code`, Zoho's or ours, in answer to what was `asked`, after `failures` in a row.
///
/// A person at `enroll` gets the cure of what lasts at once: he is there to look, and nothing is tried again.
pub fn remedy(code: &str, asked: Asked, failures: u32, place: &Place) -> Remedy {
    let row = row(code, asked).unwrap_or(&UNKNOWN);
    let lasts = failures >= LASTING || !asked.is_by_schedule();
    let look = row.lasting.filter(|_| lasts).or(row.cure);
    Remedy {
        meaning: fill(row.meaning, code, place),
        cure: fill(&cure(row, asked, look), code, place),
    }
}

/// Joins what to look at with what happens next.
fn cure(row: &Row, asked: Asked, look: Option<&'static str>) -> Cow<'static, str> {
    let next = match asked {
        Asked::Refresh | Asked::Client => "it is tried on",
        Asked::ClientProof => "then run `zoho-tokend enroll {org}` again",
        Asked::TakeOver => "then run `zoho-tokend enroll {org} --refresh-token` again",
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

/// Whether `code` says that Zoho was not reached, and nothing sent.
pub fn is_unsent(code: &str) -> bool {
    row(code, Asked::Refresh).is_some_and(|row| row.is_unsent)
}

/// Whether `code` is in the table, for `explain` to tell a typing error from a new code.
pub fn is_known(code: &str) -> bool {
    Asked::ALL
        .into_iter()
        .any(|asked| row(code, asked).is_some())
}

/// Every code of the table; `http-5xx` stands for a hundred.
pub fn codes() -> impl Iterator<Item = &'static str> {
    rows().flat_map(|row| row.codes).copied()
}

fn rows() -> impl Iterator<Item = &'static Row> {
    TABLE.iter().chain(OURS)
}

fn row(code: &str, asked: Asked) -> Option<&'static Row> {
    let exact = folded(code);
    let family = match exact.strip_prefix("http-").and_then(|n| n.chars().next()) {
        Some(first) if exact.len() == "http-503".len() => format!("http-{first}xx"),
        _ => exact.clone(),
    };
    let find =
        |wanted: &str| rows().find(|row| row.codes.contains(&wanted) && row.speaks_of(asked));
    find(&exact).or_else(|| find(&family))
}

/// Puts the place into a text of the table: `{org}` becomes the org's name. One pass, so a name is never filled again.
fn fill(template: &str, code: &str, place: &Place) -> String {
    let mut filled = String::with_capacity(2 * template.len());
    let mut parts = template.split('{');
    filled.extend(parts.next());
    for part in parts {
        let (name, rest) = part.split_once('}').unwrap_or(("", part));
        filled.push_str(&value(name, code, place));
        filled.push_str(rest);
    }
    filled
}

fn value<'a>(name: &str, code: &'a str, place: &'a Place) -> Cow<'a, str> {
    match name {
        "code" => code.into(),
        "org" => place.org.as_str().into(),
        "client" => place.client.into(),
        "dc" => place.data_center.into(),
        "console" => place.console_url.map_or_else(
            || format!("the API console of data center {}", place.data_center).into(),
            Cow::from,
        ),
        "accounts" => DataCenter::of_zoho(place.data_center).map_or_else(
            || format!("the accounts server of data center {}", place.data_center).into(),
            |zoho| zoho.accounts_url.into(),
        ),
        _ => Cow::from("?"),
    }
}

#[cfg(test)]
mod tests;
