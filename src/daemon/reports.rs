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
use crate::policy::quota::REPORTS_MAX;
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
    let now = shared.clock.now().boot;
    if let Err(at) = shared.quota.borrow_mut().spend(peer.uid, now) {
        return Ok(Some(too_many(peer, at.since(now)).of(org).into()));
    }
    let rejection = details.rejection().await?;
    let report = Report {
        uid: peer.uid,
        generation: rejection.generation,
        code: rejection.code,
    };
    let ruling = shared.report(org.clone(), report);
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
    let cure = shared.fleet.borrow().cure_of_verdict(org, ruling.finding);
    let told = told(ruling, cure, shared.clock.now().boot);
    Ok(Some(Answer::json(&told)))
}

fn still_pending(shared: &Shared, org: &OrgName) -> Ruling {
    let now = shared.clock.now().boot;
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

fn too_many(peer: &Peer, wait: Duration) -> Problem {
    let detail = format!(
        "uid {} has made {REPORTS_MAX} reports within a minute, which is all that it may",
        peer.uid
    );
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
