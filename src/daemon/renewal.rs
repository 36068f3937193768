//! `POST …/enrollment` with a client secret alone: for orgs whose config leaves the secret to the enrolment.

use std::rc::Rc;
use std::sync::Arc;

use serde::Serialize;

use super::admin;
use super::shared::Shared;
use crate::base::{OrgName, Secret};
use crate::edge::http::{Answer, Problem};
use crate::policy::event::Event;
use crate::policy::reply::Asked;
use crate::policy::status::Status;

/// The answer: as any enrolment's, and who else has the secret now.
#[derive(Serialize)]
struct Renewed {
    #[serde(flatten)]
    status: Status,
    /// Other orgs of the same client in the same data center.
    sealed_for: Vec<String>,
}

/// Has the secret proved by one mint of `org`, and sealed.
pub(super) async fn renew(shared: &Rc<Shared>, org: OrgName, secret: Secret) -> Answer {
    if let Some(problem) = configured(shared, &org) {
        return problem.of(&org).into();
    }
    let (name, client_secret) = (org.clone(), Arc::new(secret));
    let result = shared.request(|request| Event::Prove {
        org: name,
        request,
        client_secret,
    });
    match result.await {
        Some(Ok(())) => renewed(shared, &org).await,
        other => admin::answer(shared, &org, Asked::Prove, other).await,
    }
}

async fn renewed(shared: &Shared, org: &OrgName) -> Answer {
    shared.delivery.settle(org).await;
    let Some(status) = shared.status(org) else {
        return admin::stopping().of(org).into();
    };
    let others = shared.fleet.borrow().sharers_of_secret(org);
    let sealed_for = others.iter().map(OrgName::to_string).collect();
    Answer::json(&Renewed { status, sealed_for })
}

/// A sealed secret would never be used: the config's goes first.
fn configured(shared: &Shared, org: &OrgName) -> Option<Problem> {
    let standing = shared.standing();
    let client = &standing.org(org)?.settings.client;
    standing.secret_of(client)?;
    let detail = format!(
        "the config names the client secret of clients.{client}, and a sealed one would not be used"
    );
    let cure = format!(
        "write the new secret where `client_secret` of clients.{client} points, then reload (a file) or restart (a \
         credential)"
    );
    let problem = Problem::new(
        422,
        "client-secret-unwanted",
        "Unprocessable Content",
        detail,
    );
    Some(problem.cure(cure))
}
