//! `/livez` and `/readyz`: the truth in one status code (R11). Names only for who may know them.

use serde_json::{Value, json};

use super::shared::Shared;
use crate::edge::http::Answer;
use crate::policy::access::Peer;
use crate::policy::status::TokenState;

/// 200 while the one thread of the daemon turns: the loop is another task of it, and a thread that hangs answers
/// nobody. Whether the loop itself turns is systemd's watchdog's to see, which the loop feeds.
pub(super) fn live(shared: &Shared) -> Answer {
    Answer::json(&json!({ "status": "live", "orgs": counts(shared) }))
}

/// 200 once the start is over and every required org has a token to serve, else 503.
pub(super) fn ready(shared: &Shared, peer: &Peer) -> Answer {
    let standing = shared.standing();
    let now = shared.clock.now();
    let fleet = shared.fleet.borrow();
    let lacking: Vec<_> = fleet
        .orgs()
        .filter(|(name, org)| {
            let is_required = standing.org(name).is_some_and(|org| org.settings.required);
            is_required && org.served(now.boot).is_none()
        })
        .collect();
    let is_ready = shared.is_ready.get() && lacking.is_empty();
    let sees = |name| {
        standing.access.may_monitor(peer)
            || standing.access.may_read(peer, standing.readers_of(name))
    };
    let reasons: Vec<Value> = lacking
        .iter()
        .filter(|(name, _)| sees(name))
        .map(|(name, org)| {
            json!({
                "org": name.as_str(),
                "token": org.token_state(now.boot).0.as_str(),
                "grant": org.word().as_str(),
                "cause": org.cause().map(|cause| cause.code.clone()),
                "cure": fleet.remedy(name).map(|remedy| remedy.cure),
            })
        })
        .collect();
    let body = json!({
        "status": if is_ready { "ready" } else { "not-ready" },
        "orgs": counts(shared),
        "not_ready": lacking.len(),
        "reasons": reasons,
    });
    Answer::json_of(if is_ready { 200 } else { 503 }, &body)
}

fn counts(shared: &Shared) -> Value {
    let now = shared.clock.now();
    let fleet = shared.fleet.borrow();
    let states: Vec<TokenState> = fleet
        .orgs()
        .map(|(_, org)| org.token_state(now.boot).0)
        .collect();
    let count = |state| states.iter().filter(|own| **own == state).count();
    let mut counts = json!({ "total": states.len() });
    for state in TokenState::ALL {
        counts[state.as_str()] = count(state).into();
    }
    counts
}
