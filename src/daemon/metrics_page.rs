//! `/metrics`: counters as they have been counted, gauges as they are at this moment.

use std::sync::OnceLock;
use std::time::Duration;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use metrics_util::MetricKindMask;

use super::shared::Shared;
use crate::edge::http::Answer;
use crate::policy::org::Org;
use crate::policy::record::Word;
use crate::policy::status::TokenState;

static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();

/// Upper bounds of `refresh_duration_seconds`, up to the default deadline of a call.
const DURATION_BUCKETS_S: [f64; 8] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 20.0];

/// Gauges are set anew for each scrape; one that has not been for so long is of an org that left.
const GAUGE_IDLE_MAX: Duration = Duration::from_mins(1);

/// What a gauge is set to while there is nothing to say.
const NONE: f64 = f64::NAN;

/// Starts counting. Once a process; a second call changes nothing.
pub(super) fn start() {
    HANDLE.get_or_init(|| {
        let builder =
            PrometheusBuilder::new().idle_timeout(MetricKindMask::GAUGE, Some(GAUGE_IDLE_MAX));
        // The bounds are a constant and not empty: this cannot be refused.
        let builder = builder.set_buckets(&DURATION_BUCKETS_S);
        let recorder = builder
            .unwrap_or_else(|_| PrometheusBuilder::new())
            .build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("metrics: another recorder is in place; /metrics will be empty");
        }
        describe();
        handle
    });
}

/// Lets histograms give up what they hold for a scrape that may never come.
pub(super) fn upkeep() {
    if let Some(handle) = HANDLE.get() {
        handle.run_upkeep();
    }
}

pub(super) fn render(shared: &Shared) -> Answer {
    set_gauges(shared);
    let page = HANDLE
        .get()
        .map(PrometheusHandle::render)
        .unwrap_or_default();
    Answer::text(
        "text/plain; version=0.0.4; charset=utf-8",
        without_none(&page),
    )
}

/// The page without the gauges of which there is nothing to say: the exporter can set one, and not take it back.
fn without_none(page: &str) -> String {
    let said = page.split_inclusive('\n');
    said.filter(|line| !line.ends_with(" NaN\n")).collect()
}

fn set_gauges(shared: &Shared) {
    metrics::gauge!("zoho_tokend_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    let now = shared.clock.now();
    let fleet = shared.fleet.borrow();
    for status in fleet.statuses(now) {
        let budget = status.outage_budget_s;
        let org = &status.org;
        // No budget is not a budget of 0.
        let left = status.mints_left.map_or(NONE, f64::from);
        metrics::gauge!("zoho_tokend_mint_budget_remaining", "org" => org.clone()).set(left);
        set("zoho_tokend_token_generation", org, status.generation);
        set_one_of(
            "zoho_tokend_outage_budget_seconds",
            org,
            ("to", "min_ttl"),
            budget.map(|budget| budget.min_ttl),
        );
        set_one_of(
            "zoho_tokend_outage_budget_seconds",
            org,
            ("to", "end"),
            budget.map(|budget| budget.end),
        );
    }
    for (name, org) in fleet.orgs() {
        let seconds = |moment| now.wall_at(moment).seconds();
        let next = fleet.next_mint_at(name, now.boot).map(seconds);
        let end = org.served(now.boot).map(|token| seconds(token.expires));
        let name = name.as_str();
        set("zoho_tokend_next_refresh_timestamp_seconds", name, next);
        set("zoho_tokend_token_expiry_timestamp_seconds", name, end);
        set_states(name, org, org.token_state(now.boot).0);
    }
}

fn set_states(name: &str, org: &Org, token: TokenState) {
    for state in TokenState::ALL {
        let is_it = u64::from(state == token);
        set_one_of(
            "zoho_tokend_org_token",
            name,
            ("state", state.as_str()),
            Some(is_it),
        );
    }
    for word in Word::ALL {
        let is_it = u64::from(word == org.word());
        set_one_of(
            "zoho_tokend_org_grant",
            name,
            ("state", word.as_str()),
            Some(is_it),
        );
    }
}

/// Sets an org's gauge; what there is none of is 0.
fn set(name: &'static str, org: &str, value: Option<u64>) {
    metrics::gauge!(name, "org" => org.to_owned()).set(number(value));
}

/// Sets one of an org's gauges of this name; what there is none of is not there.
fn set_one_of(
    name: &'static str,
    org: &str,
    label: (&'static str, &'static str),
    value: Option<u64>,
) {
    let value = value.map_or(NONE, |value| number(Some(value)));
    metrics::gauge!(name, "org" => org.to_owned(), label.0 => label.1).set(value);
}

#[expect(
    clippy::cast_precision_loss,
    reason = "seconds and generations stay below 2^52 for 140 million years"
)]
fn number(value: Option<u64>) -> f64 {
    value.unwrap_or(0) as f64
}

fn describe() {
    use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
    describe_gauge!("zoho_tokend_build_info", "The running version; always 1.");
    describe_gauge!(
        "zoho_tokend_token_expiry_timestamp_seconds",
        Unit::Seconds,
        "When the served token ends; 0 if none is served."
    );
    describe_gauge!(
        "zoho_tokend_token_generation",
        "Number of the served token; 0 if none is served."
    );
    describe_gauge!(
        "zoho_tokend_next_refresh_timestamp_seconds",
        Unit::Seconds,
        "When the next mint is planned; 0 if none is."
    );
    describe_gauge!(
        "zoho_tokend_mint_budget_remaining",
        "Mints left in Zoho's window for this refresh token."
    );
    describe_gauge!(
        "zoho_tokend_outage_budget_seconds",
        Unit::Seconds,
        "How long Zoho may be away before a reader gets less than min_ttl, or nothing."
    );
    describe_gauge!(
        "zoho_tokend_org_token",
        "1 for the state that the org's token is in."
    );
    describe_gauge!(
        "zoho_tokend_org_grant",
        "1 for the state that the org's grant is in."
    );
    describe_counter!(
        "zoho_tokend_refreshes_total",
        "Calls to Zoho's token endpoint, by outcome."
    );
    describe_histogram!(
        "zoho_tokend_refresh_duration_seconds",
        Unit::Seconds,
        "How long those calls took."
    );
    describe_counter!(
        "zoho_tokend_socket_requests_total",
        "Requests on the socket."
    );
    describe_counter!(
        "zoho_tokend_deliveries_total",
        "Publications and withdrawals of token files."
    );
}
