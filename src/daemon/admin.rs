//! The calls of admins: they answer when Zoho has.

use std::rc::Rc;
use std::sync::Arc;

use serde_json::json;

use super::desk::no_such_org;
use super::shared::Shared;
use super::standing::Standing;
use super::{login, renewal};
use crate::base::{OrgName, UnixTime};
use crate::edge::http::{Answer, Consented, Enrollment, EnrollmentKind, Problem};
use crate::policy::event::{Event, Login, Offer, Refusal, Right};
use crate::policy::org::Org;
use crate::policy::record::Cause;
use crate::policy::reply::Asked;

/// For a grant that has no lane of its own yet, or a limit that has room again by now.
const NO_ROOM: &str = "Zoho throttles, or its limits leave no room for another mint right now";

/// `POST …/enrollment`
pub(super) async fn enroll(shared: &Rc<Shared>, org: OrgName, enrollment: Enrollment) -> Answer {
    let asked = match &enrollment.kind {
        EnrollmentKind::Code(..) => Asked::Exchange,
        EnrollmentKind::RefreshToken(_) => Asked::TakeOver,
        EnrollmentKind::Login(_) => Asked::Login,
        EnrollmentKind::ClientCredentials => Asked::ClientProof,
        EnrollmentKind::ClientSecret(_) => Asked::Prove,
    };
    if let Some(cause) = contradiction(shared, &org, &enrollment.kind) {
        return problem(shared, &org, asked, Refusal::Refused(cause))
            .of(&org)
            .into();
    }
    let right = match enrollment.kind {
        EnrollmentKind::ClientSecret(secret) => return renewal::renew(shared, org, secret).await,
        EnrollmentKind::Code(code, _) => Right::Code(Arc::new(code)),
        EnrollmentKind::RefreshToken(token) => Right::RefreshToken(Arc::new(token)),
        EnrollmentKind::Login(consented) => Right::Login(login_of(consented)),
        EnrollmentKind::ClientCredentials => Right::Client,
    };
    let given = enrollment.client_secret.map(Arc::new);
    let client_secret = given.or_else(|| {
        let fleet = shared.fleet.borrow();
        let org = fleet.org(&org).filter(|_| enrollment.keep_client_secret);
        org.and_then(Org::sealed_client_secret)
    });
    if let Some(problem) = wants_client_secret(shared, &org, client_secret.is_some()) {
        return problem.into();
    }
    let offer = Offer {
        right,
        client_secret,
        keeps_old: enrollment.keep_old,
    };
    let name = org.clone();
    let before = shared.places(&org);
    let result = shared
        .request(|request| Event::Enroll {
            org: name,
            request,
            offer,
        })
        .await;
    let is_done = matches!(result, Some(Ok(())));
    let answer = answer(shared, &org, asked, result).await;
    match shared.status(&org) {
        Some(status) if is_done => {
            let mut status = json!(status);
            status["refresh_tokens_before"] = json!(before.map(|count| count.known));
            let warning = shared
                .fleet
                .borrow()
                .seat_warning_of(&org, shared.clock.now());
            status["refresh_tokens_warning"] = json!(warning);
            Answer::json(&status)
        }
        _ => answer,
    }
}

/// Why it is of no use to the org; looked for before Zoho is asked, since a code is good once.
fn contradiction(shared: &Shared, org: &OrgName, kind: &EnrollmentKind) -> Option<Cause> {
    let standing = shared.standing();
    let org = standing.org(org)?;
    match kind {
        EnrollmentKind::Code(_, paper) => {
            paper.contradiction(&org.settings.binding, shared.clock.now().wall)
        }
        EnrollmentKind::RefreshToken(_)
        | EnrollmentKind::ClientCredentials
        | EnrollmentKind::ClientSecret(_) => None,
        EnrollmentKind::Login(consented) => login::contradiction(&standing, org, consented),
    }
}

fn login_of(consented: Consented) -> Login {
    Login {
        code: Arc::new(consented.code),
        redirect_uri: consented.redirect_uri,
        code_verifier: consented.code_verifier.map(Arc::new),
    }
}

/// `POST …/refresh`
pub(super) async fn refresh(shared: &Rc<Shared>, org: OrgName) -> Answer {
    let name = org.clone();
    let result = shared
        .request(|request| Event::Refresh { org: name, request })
        .await;
    let asked = shared.fleet.borrow().org(&org).map(Org::asked);
    answer(shared, &org, asked.unwrap_or(Asked::Refresh), result).await
}

/// `GET …/history`, also of an org that left the config.
pub(super) async fn history(shared: &Rc<Shared>, org: OrgName) -> Answer {
    let is_configured = shared.standing().org(&org).is_some();
    match shared.keeper.history(org.clone()).await {
        Some(Ok(notes)) if notes.is_empty() && !is_configured => no_such_org(&org),
        Some(Ok(notes)) => {
            let entries: Vec<_> = notes
                .iter()
                .map(|note| {
                    json!({
                        "at": UnixTime(note.at_unix_ms).to_rfc3339(),
                        "kind": note.kind,
                        "detail": note.detail,
                    })
                })
                .collect();
            Answer::json(&json!({ "org": org.as_str(), "entries": entries }))
        }
        Some(Err(err)) => Problem::new(503, "state", "Service Unavailable", err.to_string())
            .of(&org)
            .into(),
        None => stopping().of(&org).into(),
    }
}

/// `POST /v1/reload`
pub(super) async fn reload(shared: &Rc<Shared>, dry_run: bool) -> Answer {
    let changes = if dry_run {
        super::reload::forecast(shared).await
    } else {
        super::reload::reload(shared).await
    };
    match changes {
        Ok(changes) => Answer::json(&changes),
        Err(problems) => {
            let detail = "the new config is refused as a whole; the old one stays in force";
            Problem::new(422, "config", "Unprocessable Content", detail)
                .problems(problems)
                .into()
        }
    }
}

/// Asked before Zoho is: a grant code is good once.
fn wants_client_secret(shared: &Shared, org: &OrgName, is_given: bool) -> Option<Problem> {
    let standing = shared.standing();
    let client = standing.client_of(org)?;
    let is_taken_here = client.secret.is_none();
    if is_taken_here == is_given {
        return None;
    }
    let name = &standing.org(org)?.settings.client;
    let problem = if is_given {
        let detail =
            format!("the config names the client secret of clients.{name}, and one was given");
        Problem::new(
            422,
            "client-secret-unwanted",
            "Unprocessable Content",
            detail,
        )
    } else {
        let detail = format!(
            "clients.{name} has no client_secret in the config; it is taken at enroll and sealed"
        );
        Problem::new(422, "client-secret-needed", "Unprocessable Content", detail)
    };
    Some(problem.of(org))
}

pub(super) async fn answer(
    shared: &Shared,
    org: &OrgName,
    asked: Asked,
    result: Option<Result<(), Refusal>>,
) -> Answer {
    let Some(result) = result else {
        return stopping().of(org).into();
    };
    match result {
        Ok(()) => {
            shared.delivery.settle(org).await;
            match shared.status(org) {
                Some(status) => Answer::json(&status),
                None => stopping().of(org).into(),
            }
        }
        Err(refusal) => problem(shared, org, asked, refusal).of(org).into(),
    }
}

pub(super) fn problem(shared: &Shared, org: &OrgName, asked: Asked, refusal: Refusal) -> Problem {
    let now = shared.clock.now();
    let fleet = shared.fleet.borrow();
    let remedy = |cause: &Cause| fleet.remedy_for(org, &cause.code, asked);
    let told = |cause: &Cause| match remedy(cause) {
        Some(remedy) => format!("{}: {} ({})", cause.code, remedy.meaning, cause.detail),
        None => format!("{}: {}", cause.code, cause.detail),
    };
    match refusal {
        Refusal::NoSuchOrg => Problem::new(
            404,
            "no-such-org",
            "Not Found",
            "the config has no org of this name",
        ),
        Refusal::Refused(cause) => {
            Problem::new(422, "refused", "Unprocessable Content", told(&cause))
                .cause(&cause.code)
                .cure(remedy(&cause).map(|remedy| remedy.cure))
        }
        Refusal::Throttled(cause, at) => {
            Problem::new(503, "no-budget", "Service Unavailable", told(&cause))
                .cause(&cause.code)
                .cure(remedy(&cause).map(|remedy| remedy.cure))
                .retry_after(at.since(now.boot))
        }
        Refusal::NoBudget(at) => {
            let throttle = fleet
                .org(org)
                .and_then(Org::throttle)
                .filter(|_| asked.is_by_schedule());
            let served = fleet.org(org).and_then(|org| org.served(now.boot));
            let goes_on = served.map_or("", |_| "; the current token is served on");
            let detail = match (throttle, fleet.tightest_limit(org, now.boot)) {
                (Some(cause), _) => told(cause),
                (None, Some(limit)) => format!("no room for another mint: {limit}{goes_on}"),
                (None, None) => format!("{NO_ROOM}{goes_on}"),
            };
            Problem::new(503, "no-budget", "Service Unavailable", detail)
                .cure(throttle.and_then(remedy).map(|remedy| remedy.cure))
                .retry_after(at.since(now.boot))
        }
        Refusal::Later(cause, at) => {
            Problem::new(503, "retrying", "Service Unavailable", told(&cause))
                .cause(&cause.code)
                .cure(remedy(&cause).map(|remedy| remedy.cure))
                .retry_after(at.since(now.boot))
        }
    }
}

pub(super) fn stopping() -> Problem {
    let detail = "the daemon is stopping; whether it was done, `status` tells after the restart";
    Problem::new(503, "stopping", "Service Unavailable", detail)
}

impl Standing {
    fn client_of(&self, org: &OrgName) -> Option<&crate::config::Client> {
        self.config.clients.get(&self.org(org)?.settings.client)
    }
}
