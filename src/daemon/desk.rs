//! Answers the socket: who asks, may they, and what is there to have.
//!
//! Order: the path, the peer's right to the org, the parameters and the body, the call itself. A peer without a right learns nothing, not
//! even whether an org of that name exists (S2).

mod admission;
mod orgs;
mod token;

use std::rc::Rc;

use super::shared::Shared;
use super::{admin, health, login, metrics_page, reports, revoke};
use crate::edge::http::{Answer, BadAsk, Call, Desk, Details, Problem};
use crate::policy::access::Peer;
use crate::policy::revoke::Wish;
use admission::{READERS, admit, forbidden, missing};

pub(super) use admission::no_such_org;

/// The one desk of the daemon.
pub(super) struct FrontDesk(pub(super) Rc<Shared>);

impl Desk for FrontDesk {
    async fn answer(&self, peer: &Peer, call: Result<Call, BadAsk>, details: Details) -> Answer {
        let verb = call.as_ref().map_or("none", Call::verb);
        let answer = match call {
            Ok(call) => self.attend(peer, call, details).await,
            Err(bad) => Err(bad),
        };
        let answer = answer.unwrap_or_else(|bad| self.refuse(peer, bad));
        let code = answer.status().to_string();
        metrics::counter!("zoho_tokend_socket_requests_total", "verb" => verb, "code" => code)
            .increment(1);
        answer
    }
}

impl FrontDesk {
    async fn attend(
        &self,
        peer: &Peer,
        call: Call,
        mut details: Details,
    ) -> Result<Answer, BadAsk> {
        let shared = &self.0;
        if let Err(refused) = admit(&shared.standing(), peer, &call) {
            return Ok(refused);
        }
        if !call.has_parameters() {
            details.no_parameters()?;
        }
        Ok(match call {
            Call::Token(org) => self.token(peer, org, details.token()?).await,
            Call::Report(org) => {
                let answer = reports::report(shared, peer, &org, &mut details).await?;
                // Looked up anew: a reload may have taken the org away meanwhile.
                answer.unwrap_or_else(|| missing(&shared.standing(), peer, &org, READERS))
            }
            Call::Orgs => self.orgs(peer, details.orgs()?).await,
            Call::Org(org) => match shared.status(&org) {
                Some(status) => Answer::json(&status),
                None => missing(&shared.standing(), peer, &org, READERS),
            },
            Call::History(org) => admin::history(shared, org).await,
            Call::Enroll(org) => {
                let enrollment = details.enrollment().await?;
                admin::enroll(shared, org, enrollment).await
            }
            Call::Login(org) => login::begin(shared, &org),
            Call::Revoke(org) => {
                let [forgets, only_old] = details.flags(["forget", "old"])?;
                revoke::revoke(shared, org, Wish { forgets, only_old }).await
            }
            Call::Refresh(org) => admin::refresh(shared, org).await,
            Call::Reload => admin::reload(shared, details.flag("dry_run")?).await,
            Call::Live => health::live(shared),
            Call::Ready => health::ready(shared, peer),
            Call::Metrics => metrics_page::render(shared),
        })
    }

    fn refuse(&self, peer: &Peer, bad: BadAsk) -> Answer {
        let problem = match bad {
            BadAsk::Path => Problem::new(
                404,
                "no-such-path",
                "Not Found",
                "there is no such path; see the README",
            ),
            BadAsk::Method(methods) => {
                let detail = format!("this path takes {methods} alone");
                Problem::new(405, "method", "Method Not Allowed", detail).methods_allowed(methods)
            }
            BadAsk::Org if self.0.standing().access.may_admin(peer) => Problem::new(
                404,
                "no-such-org",
                "Not Found",
                "no org has a name of this shape",
            ),
            BadAsk::Org => forbidden(peer, None, READERS),
            BadAsk::Malformed(what) => Problem::new(400, "bad-request", "Bad Request", what),
            BadAsk::TooLarge(what) => Problem::new(413, "too-large", "Content Too Large", what),
        };
        problem.into()
    }
}
