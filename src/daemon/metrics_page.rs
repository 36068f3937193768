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
const GAUGE_IDLE_MAX: Duration = Duration::from_secs(60);

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
        metrics::gauge!("zoho_tokend_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
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
    Answer::text("text/plain; version=0.0.4; charset=utf-8", page)
}

fn set_gauges(shared: &Shared) {
    let now = shared.clock.now();
    let statuses = shared.fleet.borrow_mut().statuses(now);
    for status in statuses {
        let org = || status.org.clone();
        let gauge =
            |name: &'static str, value: f64| metrics::gauge!(name, "org" => org()).set(value);
        gauge(
            "zoho_tokend_mint_budget_remaining",
            f64::from(status.mints_left.unwrap_or(0)),
        );
        gauge(
            "zoho_tokend_token_generation",
            status.generation.unwrap_or(0) as f64,
        );
        for (to, budget) in [
            ("min_ttl", status.outage_budget_s.min_ttl),
            ("end", status.outage_budget_s.end),
        ] {
            metrics::gauge!("zoho_tokend_outage_budget_seconds", "org" => org(), "to" => to)
                .set(budget.unwrap_or(0) as f64);
        }
    }
    let fleet = shared.fleet.borrow_mut();
    let names: Vec<_> = fleet.orgs().map(|(name, _)| name.clone()).collect();
    for name in names {
        let next = fleet.next_mint_at(&name, now.boot);
        let next = next.map_or(0, |at| now.wall_at(at).seconds());
        metrics::gauge!("zoho_tokend_next_refresh_timestamp_seconds", "org" => name.to_string())
            .set(next as f64);
        if let Some(org) = fleet.org(&name) {
            let expiry = org
                .served(now.boot)
                .map_or(0, |token| now.wall_at(token.expires).seconds());
            metrics::gauge!("zoho_tokend_token_expiry_timestamp_seconds", "org" => name.to_string()).set(expiry as f64);
            set_states(name.as_str(), org, org.token_state(now.boot).0);
        }
    }
}

fn set_states(name: &str, org: &Org, token: TokenState) {
    let flag = |is: bool| if is { 1.0 } else { 0.0 };
    for state in TokenState::ALL {
        metrics::gauge!("zoho_tokend_org_token", "org" => name.to_owned(), "state" => state.as_str())
            .set(flag(state == token));
    }
    for word in Word::ALL {
        metrics::gauge!("zoho_tokend_org_grant", "org" => name.to_owned(), "state" => word.as_str())
            .set(flag(word == org.word()));
    }
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
