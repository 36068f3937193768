//! `explain`: what a code means here and what to do, from the one table of errors.
//!
//! Asks nobody and reads nothing. Invariant: a code that is not in the table is repeated only where it looks like one,
//! since a token may have been pasted in its place (S1).

use clap::Args;
use serde_json::json;

use super::failure::{Exit, Failure};
use super::output;
use crate::base::DataCenter;
use crate::config::nearest;
use crate::policy::remedy::{self, Entry, Origin, Place};

/// Longest code that is repeated; Zoho's client secrets have 42 characters.
const CODE_MAX: usize = 40;

/// Most suggestions.
const NEAR_MAX: usize = 3;

/// `explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// The code, in capitals or not; without it, all of them
    pub code: Option<String>,
    /// Name the addresses of this data center
    #[arg(long, value_name = "DC", value_parser = known_data_center)]
    pub data_center: Option<DataCenter>,
    /// Print it for a machine
    #[arg(long)]
    pub json: bool,
}

fn known_data_center(text: &str) -> Result<DataCenter, String> {
    let known = || DataCenter::names().collect::<Vec<_>>().join(" ");
    DataCenter::of_zoho(text)
        .ok_or_else(|| format!("no data center of Zoho's; there are {}", known()))
}

/// Explains one code, or lists all.
pub fn run(args: &Explain) -> Result<Exit, Failure> {
    let place = place(args.data_center.as_ref());
    let entries = match &args.code {
        Some(code) => remedy::explain(code, &place),
        None => remedy::entries(&place),
    };
    if let (Some(code), true) = (&args.code, entries.is_empty()) {
        return Err(unknown(code));
    }
    let text = match (args.json, &args.code) {
        (true, _) => format!("{}\n", json!({ "entries": entries })),
        (false, Some(_)) => told(&entries, args.data_center.is_none()),
        (false, None) => listed(&entries),
    };
    output::print(text.as_bytes())?;
    Ok(Exit::Done)
}

fn place(data_center: Option<&DataCenter>) -> Place<'_> {
    data_center.map_or(Place::ANY, |own| Place {
        data_center: &own.name,
        console_url: own.console_url.as_deref(),
        ..Place::ANY
    })
}

/// Each case in a paragraph. `is_anywhere`: no data center was named, so the consoles of all are.
fn told(entries: &[Entry], is_anywhere: bool) -> String {
    let mut text = entries.iter().map(paragraph).collect::<Vec<_>>().join("\n");
    if is_anywhere && text.contains("the API console of data center") {
        text.push_str(&consoles());
    }
    text
}

fn paragraph(entry: &Entry) -> String {
    let (codes, whence) = (entry.codes.join(", "), whence(entry.origin));
    let (when, meaning) = (when(entry), &entry.meaning);
    format!(
        "{codes} ({whence}{when})\n  means: {meaning}\n{}",
        to_do(entry, "  ")
    )
}

/// `, at a refresh`
fn when(entry: &Entry) -> String {
    let when = entry.when.map(|when| format!(", {when}"));
    when.unwrap_or_default()
}

fn to_do(entry: &Entry, margin: &str) -> String {
    let lasting = entry.cure_if_it_lasts.as_ref();
    let lasting = lasting.map(|lasting| format!("{margin}if it lasts: {lasting}\n"));
    format!(
        "{margin}do: {}\n{}",
        entry.cure,
        lasting.unwrap_or_default()
    )
}

fn consoles() -> String {
    let known = DataCenter::names().filter_map(DataCenter::of_zoho);
    let known = known.filter_map(|own| Some(format!("{} {}", own.name, own.console_url?)));
    let all: Vec<String> = known.collect();
    format!("\nAPI consoles: {}\n", all.join(", "))
}

/// What each means and what to do, below where they come from.
fn listed(entries: &[Entry]) -> String {
    let of_one_origin = entries.chunk_by(|one, next| one.origin == next.origin);
    let parts = of_one_origin.map(|part| {
        let line = |entry: &Entry| {
            let (codes, when) = (entry.codes.join(", "), when(entry));
            let to_do = to_do(entry, "    ");
            format!("  {codes}{when}: {}\n{to_do}", entry.meaning)
        };
        let lines: String = part.iter().map(line).collect();
        let whence = part.first().map_or("", |entry| whence(entry.origin));
        format!("{whence}:\n{lines}")
    });
    parts.collect::<Vec<_>>().join("\n")
}

/// Where a code is met.
pub fn whence(origin: Origin) -> &'static str {
    match origin {
        Origin::TokenEndpoint => "Zoho's token endpoint",
        Origin::Way => "the way to Zoho",
        Origin::Ours => "zoho-tokend's own causes",
        Origin::ConsentPage => "Zoho's consent page",
        Origin::Revocation => "Zoho's revocation endpoint",
        Origin::Api => "Zoho's API",
        Origin::Verdict => "verdicts of `report`",
        Origin::Status => "words of `status`",
        Origin::Problem => "problems over the socket",
        Origin::History => "kinds in `history` and the log",
    }
}

fn unknown(code: &str) -> Failure {
    let is_shown = code.len() <= CODE_MAX
        && code
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_- :".contains(&b));
    if !is_shown {
        let what = "what was given is no code: codes have letters, digits, - and _";
        return Failure::new(Exit::Data, "explain", what, ALL);
    }
    let near = near(code);
    let what = format!("no code `{code}` is known here");
    if near.is_empty() {
        return Failure::new(Exit::Data, "explain", &what, ALL);
    }
    let near: Vec<String> = near.iter().map(|near| format!("`{near}`")).collect();
    let cure = format!("did you mean {}?", near.join(" or "));
    Failure::new(Exit::Data, "explain", &what, &cure)
}

/// What to do without a suggestion.
const ALL: &str = "`zoho-tokend explain` lists all that are";

/// The code that a slip of the pen leads to, and those that the word is a part of.
fn near(code: &str) -> Vec<&'static str> {
    let entries = remedy::entries(&Place::ANY);
    let known = || entries.iter().flat_map(|entry| entry.codes).copied();
    let folded = |text: &str| text.to_ascii_lowercase().replace([' ', '-'], "_");
    let word = folded(code);
    let has_it = |other: &&str| word.len() >= 3 && folded(other).contains(&word);
    let mut near: Vec<&str> = nearest(code, known()).into_iter().collect();
    near.extend(known().filter(has_it));
    near.dedup();
    near.truncate(NEAR_MAX);
    near
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_code_is_answered_with_the_nearest() {
        for (typed, meant) in [
            ("invalid_cod", "invalid_code"),
            ("AUTHENTICATION_FAILRE", "AUTHENTICATION_FAILURE"),
            ("not-frsh", "not-fresh"),
            ("org_mismatch", "OAUTH_ORG_MISMATCH"),
        ] {
            let failure = unknown(typed);
            assert_eq!(failure.exit, Exit::Data);
            assert!(failure.cure.contains(meant), "{failure}");
        }
        assert!(unknown("zzzzzzzzz").cure.contains("lists all"));
        assert_eq!(
            unknown("invalid").cure.matches(" or ").count(),
            NEAR_MAX - 1
        );
        let part = unknown("_i").cure;
        assert!(
            part.contains("lists all"),
            "it is a part of too many: {part}"
        );
    }

    /// S1
    #[test]
    fn s1_a_secret_in_the_place_of_a_code_is_not_repeated() {
        for secret in ["1000.canary", &"canary".repeat(7)] {
            let told = unknown(secret).to_string();
            assert!(!told.contains("canary"), "{told}");
        }
    }

    #[test]
    fn a_text_that_needs_the_console_names_it() {
        let eu = DataCenter::of_zoho("eu");
        let text = told(&remedy::explain("invalid_code", &place(eu.as_ref())), false);
        assert!(text.contains("https://api-console.zoho.eu"), "{text}");
        let text = told(&remedy::explain("invalid_code", &Place::ANY), true);
        assert!(
            text.contains("us https://api-console.zoho.com, eu"),
            "{text}"
        );
        // Of this one nobody knows where it is, and another's is of no use.
        let sg = DataCenter::of_zoho("sg");
        let text = told(&remedy::explain("invalid_code", &place(sg.as_ref())), false);
        assert!(!text.contains("API consoles:"), "{text}");
    }

    #[test]
    fn a_text_says_what_to_do_if_it_lasts() {
        let text = told(&remedy::explain("html", &Place::ANY), true);
        assert!(text.contains("\n  if it lasts: Check "), "{text}");
    }
}
