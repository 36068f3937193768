//! One call to Zoho for a step that asks for one; its answer comes back as an event.

use std::rc::Rc;
use std::sync::Arc;

use tokio::task::spawn_local;

use super::shared::Shared;
use super::standing::Standing;
use crate::base::{OrgName, Secret, UnixTime};
use crate::edge::zoho::{Form, Reply, TokenCall};
use crate::policy::event::{Answer, Attempt, Event, Right};
use crate::policy::record::Cause;
use crate::policy::reply::{Asked, Outcome};

/// What to ask, and of which call.
pub(super) struct Order {
    pub(super) org: OrgName,
    pub(super) attempt: Attempt,
    pub(super) asked: Asked,
    pub(super) right: Right,
    pub(super) client_secret: Option<Arc<Secret>>,
}

/// Sends the call on its way.
pub(super) fn start(shared: &Rc<Shared>, order: Order) {
    let shared = Rc::clone(shared);
    // Of the moment at which the policy wanted the call: a reload in between must not change where it goes (S3).
    let standing = shared.standing();
    shared.calls.set(shared.calls.get() + 1);
    spawn_local(async move {
        let (org, attempt) = (order.org.clone(), order.attempt);
        let started = shared.clock.now().boot;
        let (answer, date) = call(&standing, order).await;
        let took = shared.clock.now().boot.since(started);
        metrics::histogram!("zoho_tokend_refresh_duration_seconds", "org" => org.to_string())
            .record(took.as_secs_f64());
        let outcome = outcome(&answer);
        metrics::counter!("zoho_tokend_refreshes_total", "org" => org.to_string(), "outcome" => outcome)
            .increment(1);
        if let Some(date) = date {
            let (org, asked) = (org.clone(), started);
            shared.tell(Event::Dated { org, asked, date });
        }
        shared.tell(Event::Answered {
            org,
            attempt,
            answer,
        });
    });
}

/// How the call ended, and what Zoho's clock showed.
async fn call(standing: &Standing, order: Order) -> (Answer, Option<UnixTime>) {
    let Some(org) = standing.org(&order.org) else {
        return unsent("not-configured", "the org has left the config");
    };
    let own = order
        .client_secret
        .or_else(|| standing.secret_of(&org.settings.client));
    let Some(client_secret) = own else {
        return unsent(
            "no-client-secret",
            "neither the config nor the enrolment has a client secret",
        );
    };
    let client_id = org.settings.binding.client_id.clone();
    let form = match order.right {
        Right::Code(code) => Form::Exchange {
            client_id,
            client_secret,
            code,
            redirect_uri: standing.redirect_uri_of(org),
            code_verifier: None,
        },
        Right::Login(login) => Form::Exchange {
            client_id,
            client_secret,
            code: login.code,
            redirect_uri: Some(login.redirect_uri),
            code_verifier: login.code_verifier,
        },
        Right::RefreshToken(refresh_token) => Form::Refresh {
            client_id,
            client_secret,
            refresh_token,
        },
        Right::Client => Form::Client {
            client_id,
            client_secret,
            scopes: org.settings.binding.scopes.to_string(),
            soid: org.settings.binding.soid.clone(),
        },
    };
    let sent = form.secrets();
    let call = TokenCall {
        token_url: org.data_center.endpoints.token.clone(),
        timeout: org.settings.timeout,
        form,
    };
    match standing.zoho.post_token(call).await {
        Reply::NotSent(cause) => (Answer::NotSent(cause), None),
        Reply::Lost(cause) => (Answer::Lost(cause), None),
        Reply::Answered { status, body, date } => {
            let outcome = Outcome::sort_without(&sent, order.asked, status, &body);
            (Answer::Sorted(outcome), date)
        }
    }
}

fn unsent(code: &str, detail: &str) -> (Answer, Option<UnixTime>) {
    (Answer::NotSent(Cause::new(code, detail)), None)
}

/// The word of the metric.
fn outcome(answer: &Answer) -> &'static str {
    match answer {
        Answer::NotSent(_) => "unsent",
        Answer::Lost(_) => "lost",
        Answer::Sorted(Outcome::Granted(_)) => "granted",
        Answer::Sorted(Outcome::Transient(_)) => "transient",
        Answer::Sorted(Outcome::Throttled(_)) => "throttled",
        Answer::Sorted(Outcome::NeedsConsent(_)) => "needs-consent",
        Answer::Sorted(Outcome::Misconfigured(_)) => "misconfigured",
    }
}
