//! Whether the orgs that mint by client credentials fit into what Zoho may count them by.
//!
//! Zoho does not say which of its limits that is: the daemon counts by client and soid, as it counts by refresh token
//! elsewhere. Where several soids of one client meet, only the operator can keep them within a limit of the client.

use std::collections::BTreeMap;

use super::budget::listed;
use super::problem::Problem;
use super::report::Report;
use super::{Config, Org};
use crate::base::Limits;

/// Reports what a client's right, or its soids together, may be too few for.
pub(super) fn check(config: &Config, report: &Report) {
    let mut clients: BTreeMap<_, BTreeMap<_, Vec<&Org>>> = BTreeMap::new();
    let by_right = |org: &&Org| org.settings.grant.is_of_client();
    for org in config.orgs.values().filter(by_right) {
        let binding = &org.settings.binding;
        let client = (org.settings.client.as_str(), binding.data_center.as_str());
        let soids = clients.entry(client).or_default();
        soids.entry(binding.soid.as_deref()).or_default().push(org);
    }
    for ((client, data_center), soids) in clients {
        let is_limited = config
            .clients
            .get(client)
            .is_none_or(|client| client.mints_per_10min.is_some());
        if soids.len() > 1 && !is_limited {
            check_soids(client, data_center, &soids, report);
        }
        for orgs in soids.values() {
            check_live(client, orgs, report);
        }
    }
}

fn check_soids(
    client: &str,
    data_center: &str,
    soids: &BTreeMap<Option<&str>, Vec<&Org>>,
    report: &Report,
) {
    let orgs: Vec<&Org> = soids.values().flatten().copied().collect();
    let what = format!(
        "`{client}` mints by client credentials for {} in {data_center}; Zoho does not say whether it counts such \
         mints by soid or by client, so set mints_per_10min = 10, or more where Zoho lets you",
        listed(&orgs)
    );
    report.add(Problem::warning(place(client, report), what));
}

/// Tokens of one org overlap: each lives on from the mint of the next one to its end.
fn check_live(client: &str, orgs: &[&Org], report: &Report) {
    let limits = orgs.first().map_or(Limits::ZOHO, |org| org.settings.limits);
    let live: f64 = orgs.iter().map(|org| 1.0 / org.settings.at).sum();
    if live <= f64::from(limits.live) {
        return;
    }
    let what = format!(
        "`{client}` mints by client credentials for {} with one soid, which takes {live:.0} live tokens of Zoho's {}, \
         so that they are refreshed later than planned; join them to fewer orgs, with the scopes of all",
        listed(orgs),
        limits.live
    );
    report.add(Problem::warning(place(client, report), what));
}

fn place(client: &str, report: &Report) -> super::Place {
    report.place_of(&format!("clients.{client}"))
}
