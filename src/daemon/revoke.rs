//! `DELETE …/enrollment`: it answers when Zoho has, also for an org that left the config.

use std::rc::Rc;

use serde_json::{Value, json};

use super::admin::stopping;
use super::desk::no_such_org;
use super::shared::Shared;
use crate::base::{DataCenter, Key, OrgName};
use crate::edge::http::{Answer, Problem};
use crate::policy::event::Refusal;
use crate::policy::record::Cause;
use crate::policy::remedy::{Place, Remedy, remedy};
use crate::policy::reply::Asked;
use crate::policy::revoke::{Ended, Wish};

/// Codes whose remedy says what to do now; for the rest that is the same, whatever went wrong.
const OWN_CURES: [&str; 7] = [
    "revoke-lost",
    "revoke-without-reason",
    "no-revocation",
    "no-data-center",
    "nothing-to-revoke",
    "shared-grant",
    "calling",
];

/// Has an org's refresh tokens revoked, or forgotten.
pub(super) async fn revoke(shared: &Rc<Shared>, org: OrgName, wish: Wish) -> Answer {
    let Some(result) = shared.revoke(org.clone(), wish).await else {
        return stopping().of(&org).into();
    };
    match result {
        Ok(ended) => {
            shared.delivery.settle(&org).await;
            Answer::json(&told(shared, &org, &ended))
        }
        Err(Refusal::NoSuchOrg) => no_such_org(&org),
        Err(refusal) => problem(shared, &org, refusal).of(&org).into(),
    }
}

/// The org's status, as far as the config still has it, and how it ended.
fn told(shared: &Shared, org: &OrgName, ended: &Ended) -> Value {
    let status = shared.status(org).map(|status| json!(status));
    let mut told = status.unwrap_or_else(|| {
        json!({ "org": org.as_str(), "token": "none", "grant": "unenrolled", "configured": false })
    });
    let (word, detail) = match ended {
        Ended::Revoked => ("revoked", None),
        Ended::Gone(cause) => ("gone", Some(format!("{}: {}", cause.code, cause.detail))),
        Ended::Forgotten => ("forgotten", None),
    };
    told["revocation"] = json!(word);
    told["revocation_detail"] = json!(detail);
    told["console_url"] = json!(console_of(shared, org));
    told
}

fn problem(shared: &Shared, org: &OrgName, refusal: Refusal) -> Problem {
    let now = shared.clock.now().boot;
    match refusal {
        Refusal::Later(cause, at) => {
            let remedy = remedy_of(shared, org, &cause);
            let detail = format!("{}: {} ({})", cause.code, remedy.meaning, cause.detail);
            Problem::new(503, "retrying", "Service Unavailable", detail)
                .cause(&cause.code)
                .cure(Some(remedy.cure))
                .retry_after(at.since(now))
        }
        Refusal::Refused(cause) => {
            let remedy = remedy_of(shared, org, &cause);
            let detail = format!("{}: {} ({})", cause.code, remedy.meaning, cause.detail);
            Problem::new(422, "refused", "Unprocessable Content", detail).cure(Some(remedy.cure))
        }
        Refusal::NoBudget(_) | Refusal::Throttled(..) | Refusal::NoSuchOrg => {
            let detail = "a revocation spends no budget, and the org is there; this is a bug";
            Problem::new(500, "bug", "Internal Server Error", detail)
        }
    }
}

fn remedy_of(shared: &Shared, org: &OrgName, cause: &Cause) -> Remedy {
    let fleet = shared.fleet.borrow();
    let own = fleet.remedy_for(org, &cause.code, Asked::Refresh);
    let mut remedy = own.unwrap_or_else(|| {
        let record = fleet.shelved().find(|record| record.org == *org);
        let grant = record.and_then(|own| own.grant.as_ref());
        let past = record.and_then(|own| own.past.last());
        let data_center = grant.map(|grant| &grant.binding.data_center);
        let data_center = data_center.or(past.map(|past| &past.data_center));
        let place = Place {
            data_center: data_center.map_or("of its grant", Key::as_str),
            org: org.as_str(),
            client: "of its grant",
            ..Place::ANY
        };
        remedy(&cause.code, Asked::Refresh, 0, &place)
    });
    if !OWN_CURES.contains(&&*cause.code) {
        remedy.cure = format!(
            "nothing was forgotten and readers keep the token; run `zoho-tokend revoke {org}` again, or drop ours alone \
             with `zoho-tokend revoke {org} --forget`"
        );
    }
    remedy
}

/// Where a person ends a connection that we do not.
fn console_of(shared: &Shared, org: &OrgName) -> Option<String> {
    let standing = shared.standing();
    let settings = standing.org(org).map(|org| &org.settings);
    let own = settings.and_then(|settings| settings.console_url.clone());
    let fleet = shared.fleet.borrow();
    let shelved = || {
        let mut records = fleet.shelved();
        let record = records.find(|record| record.org == *org)?;
        let place = DataCenter::of_zoho(&record.past.last()?.data_center)?;
        place.console_url
    };
    own.or_else(shelved)
}
