//! `POST …/rejections`: a reader says that Zoho's API refused its token.
//!
//! The peer's right is the desk's to check, and the ruling is the policy's. A mint lies in between at most; who has
//! waited for it for [`WAIT_MAX`] is told to come back.

use std::rc::Rc;
use std::time::Duration;

use serde::Serialize;
use tokio::time::timeout;

use super::admin::stopping;
use super::shared::Shared;
use crate::base::{Boottime, OrgName, seconds_up};
use crate::edge::http::{Answer, BadAsk, Details, Problem, Rejection};
use crate::policy::access::Peer;
use crate::policy::report::{Finding, Report, Ruling};

/// How long a reporter waits for the new token: as long as `get` does. A job's client is likely to give up later.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// When to report again where a mint takes longer than that.
const COME_BACK: Duration = Duration::from_secs(5);

/// The answer of the contract.
#[derive(Serialize)]
struct Told {
    verdict: &'static str,
    generation: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_s: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cure: Option<String>,
}

/// Takes the report of a peer that may read the token; `None` where the config has no such org.
pub(super) async fn report(
    shared: &Rc<Shared>,
    peer: &Peer,
    org: &OrgName,
    details: &mut Details,
) -> Result<Option<Answer>, BadAsk> {
    if let Err(at) = shared.quota.borrow_mut().arrive(peer.uid, now(shared)) {
        return Ok(Some(too_many(shared, peer, at).of(org).into()));
    }
    let rejection = details.rejection().await;
    if let Err(at) = count(shared, peer, org, rejection.as_ref().ok()) {
        return Ok(Some(too_many(shared, peer, at).of(org).into()));
    }
    let rejection = rejection?;
    let ruling = shared.report(org.clone(), report_of(peer, &rejection));
    let ruling = match timeout(WAIT_MAX, ruling).await {
        Ok(Ok(None)) => return Ok(None),
        Ok(Ok(Some(ruling))) => ruling,
        Ok(Err(_)) => return Ok(Some(stopping().of(org).into())),
        Err(_) => still_pending(shared, org),
    };
    if let Finding::Superseded | Finding::Refreshed = ruling.finding {
        // A job that reads the files is told to read them again: not before they hold the new token.
        shared.delivery.settle(org).await;
    }
    note(org, peer, &rejection, ruling);
    let fleet = shared.fleet.borrow();
    let cure = fleet.cure_of_report(org, rejection.code, ruling.finding);
    let told = told(ruling, cure, now(shared));
    Ok(Some(Answer::json(&told)))
}

fn now(shared: &Shared) -> Boottime {
    shared.clock.now().boot
}

fn report_of(peer: &Peer, rejection: &Rejection) -> Report {
    Report {
        uid: peer.uid,
        generation: rejection.generation,
        code: rejection.code,
    }
}

/// Counts a report, or what should have been one; not where an earlier report has had, or is having, its mint.
fn count(
    shared: &Shared,
    peer: &Peer,
    org: &OrgName,
    rejection: Option<&Rejection>,
) -> Result<(), Boottime> {
    let now = now(shared);
    let fleet = shared.fleet.borrow();
    match rejection.map(|rejection| report_of(peer, rejection)) {
        Some(report) if fleet.needs_no_mint(org, &report, now) => Ok(()),
        _ => shared.quota.borrow_mut().spend(peer.uid, now),
    }
}

fn still_pending(shared: &Shared, org: &OrgName) -> Ruling {
    let now = now(shared);
    let fleet = shared.fleet.borrow();
    let served = fleet.org(org).and_then(|org| org.served(now));
    Ruling {
        finding: Finding::Pending(now.plus(COME_BACK)),
        generation: served.map(|token| token.generation),
    }
}

/// Counts it. The history has what matters to an operator; the log each report, for who looks closely.
fn note(org: &OrgName, peer: &Peer, rejection: &Rejection, ruling: Ruling) {
    let verdict = ruling.finding.as_str();
    metrics::counter!("zoho_tokend_reports_total", "org" => org.to_string(), "verdict" => verdict)
        .increment(1);
    let Rejection { generation, code } = rejection;
    tracing::debug!(%org, uid = peer.uid, generation, code = code.name, "report: {verdict}");
}

fn told(ruling: Ruling, cure: Option<String>, now: Boottime) -> Told {
    let wait = match ruling.finding {
        Finding::Pending(at) => Some(at.since(now)),
        _ => None,
    };
    Told {
        verdict: ruling.finding.as_str(),
        generation: ruling.generation,
        retry_after_s: wait.map(|wait| seconds_up(wait).max(1)),
        cure,
    }
}

fn too_many(shared: &Shared, peer: &Peer, at: Boottime) -> Problem {
    let uid = peer.uid;
    let detail = format!("uid {uid} has made as many reports within a minute as it may");
    let wait = at.since(now(shared));
    Problem::new(429, "too-many-reports", "Too Many Requests", detail).retry_after(wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_told_in_whole_seconds_rounded_up_and_never_none() {
        let wait = |ms| {
            let ruling = Ruling {
                finding: Finding::Pending(Boottime(ms)),
                generation: None,
            };
            told(ruling, None, Boottime(10_000)).retry_after_s
        };
        assert_eq!([wait(14_001), wait(15_000)], [Some(5), Some(5)]);
        assert_eq!([wait(10_000), wait(0)], [Some(1), Some(1)]);
    }

    #[test]
    fn an_answer_has_the_keys_of_the_contract() {
        let ruling = Ruling {
            finding: Finding::Refreshed,
            generation: Some(7),
        };
        let text = serde_json::to_string(&told(ruling, None, Boottime(0))).expect("plain");
        assert_eq!(text, r#"{"verdict":"refreshed","generation":7}"#);
    }
}
