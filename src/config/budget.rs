//! Whether the orgs of one client fit into what Zoho and the operator allow it.
//!
//! A single org always fits its own limit: the latest `at` of 0.2 makes 1.1 mints in ten minutes of Zoho's ten.

use std::collections::BTreeMap;

use super::client::MINTS_MAX;
use super::problem::Problem;
use super::report::Report;
use super::{Config, Org};
use crate::base::Limits;
use crate::policy::ledger::{Want, share};
use crate::policy::settings::GrantKind;

/// Windows of `mints_per_10min` in the hour that Zoho's tokens live.
const WINDOWS_PER_LIFE: f64 = 6.0;
/// Every org has a fixed offset of its own inside ±0.05 of the life; the early ones mint oftener.
const OFFSET_MAX: f64 = 0.05;
/// Zoho keeps so many refresh tokens per user and silently drops the oldest (CRM API v8, "Token Validity").
const REFRESH_TOKENS_MAX: usize = 20;
/// Names that a message lists.
const LISTED_MAX: usize = 3;

/// Reports clients with more orgs than fit. The same client id in another data center counts on its own.
pub(super) fn check(config: &Config, report: &Report) {
    let mut groups: BTreeMap<_, Vec<&Org>> = BTreeMap::new();
    for org in config.orgs.values() {
        let binding = &org.settings.binding;
        let group = (binding.client_id.as_str(), binding.data_center.as_str());
        groups.entry(group).or_default().push(org);
    }
    for ((_, data_center), orgs) in groups {
        check_cap(config, data_center, &orgs, report);
        check_refresh_tokens(data_center, &orgs, report);
    }
}

fn check_cap(config: &Config, data_center: &str, orgs: &[&Org], report: &Report) {
    let names = orgs.iter().map(|org| org.settings.client.as_str());
    let caps = names.filter_map(|name| Some((config.clients.get(name)?.mints_per_10min?, name)));
    let Some((cap, client)) = caps.min() else {
        return;
    };
    let need: f64 = orgs.iter().map(|org| mints_per_window(org)).sum();
    let planned = share(cap, Want::Schedule);
    if need <= f64::from(planned) {
        return;
    }
    let orgs = listed(orgs);
    // Where even this many are too few there is no number to name: Zoho would not allow it.
    let room = (cap..=MINTS_MAX).find(|room| need <= f64::from(share(*room, Want::Schedule)));
    let allow = room.map_or(String::new(), |room| format!("allow {room}, "));
    let cure = format!("{allow}set a later `at`, or share the orgs among more clients");
    let place = report.place_of(&format!("clients.{client}.mints_per_10min"));
    let what = format!(
        "`mints_per_10min` is {cap}, but for {orgs} in {data_center} the plan takes {need:.1}"
    );
    report.add(if need > f64::from(cap) {
        Problem::error(place, format!("{what}; {cure}"))
    } else {
        let why = format!("and may take {planned}: the others are kept for reports and `refresh`");
        Problem::warning(place, format!("{what} {why}; {cure}"))
    });
}

/// On average. A stand-in with limits of its own has lives of its own, too: nothing is known of it.
fn mints_per_window(org: &Org) -> f64 {
    if org.settings.limits == Limits::ZOHO {
        1.0 / (WINDOWS_PER_LIFE * (org.settings.at - OFFSET_MAX))
    } else {
        0.0
    }
}

fn check_refresh_tokens(data_center: &str, orgs: &[&Org], report: &Report) {
    let keeps_one = |org: &&&Org| org.settings.grant != GrantKind::ClientCredentials;
    let holders: Vec<_> = orgs.iter().filter(keeps_one).copied().collect();
    let Some(first) = holders
        .first()
        .filter(|_| holders.len() > REFRESH_TOKENS_MAX)
    else {
        return;
    };
    let what = format!(
        "`{}` has {} in {data_center}, each with a refresh token; Zoho keeps {REFRESH_TOKENS_MAX} per user and \
         silently drops the oldest, so enroll them as several Zoho users",
        first.settings.client,
        listed(&holders),
    );
    let place = report.place_of(&format!("clients.{}", first.settings.client));
    report.add(Problem::warning(place, what));
}

/// `2 orgs (acme, blue)`, `50 orgs (a, b, c, …)`.
pub(super) fn listed(orgs: &[&Org]) -> String {
    let names = orgs.iter().map(|org| org.settings.name.as_str());
    let mut names: Vec<_> = names.take(LISTED_MAX).collect();
    if orgs.len() > LISTED_MAX {
        names.push("…");
    }
    let noun = if orgs.len() == 1 { "org" } else { "orgs" };
    format!("{} {noun} ({})", orgs.len(), names.join(", "))
}
