//! One question to Zoho's API for a step that asks it: which org is this token of?

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::spawn_local;

use super::shared::Shared;
use super::standing::Standing;
use crate::base::{OrgName, Secret};
use crate::edge::zoho::{ORG_PATH, PageCall};
use crate::policy::event::{Attempt, Event};
use crate::policy::identity::ZohoOrg;
use crate::policy::record::Cause;

/// Questions on their way at once; the rest wait, within their own time.
const QUESTIONS_MAX: usize = 16;

thread_local! {
    /// The loop and its tasks are one thread.
    static ROOM: Rc<Semaphore> = Rc::new(Semaphore::new(QUESTIONS_MAX));
}

/// What to ask, and of which question.
pub(super) struct Question {
    pub(super) org: OrgName,
    pub(super) attempt: Attempt,
    pub(super) access_token: Arc<Secret>,
    pub(super) timeout: Duration,
}

/// Sends the question on its way.
pub(super) fn start(shared: &Rc<Shared>, question: Question) {
    let shared = Rc::clone(shared);
    // Of the moment at which the policy asked: a reload in between must not change where the token goes (S3).
    let standing = shared.standing();
    shared.calls.set(shared.calls.get() + 1);
    spawn_local(async move {
        let (org, attempt) = (question.org.clone(), question.attempt);
        let asked = ask(&standing, &question);
        let said = match tokio::time::timeout(question.timeout, asked).await {
            Ok(said) => said,
            Err(_elapsed) => Err(Cause::new("timeout", "no answer of the API in time")),
        };
        shared.tell(Event::Told { org, attempt, said });
    });
}

async fn ask(standing: &Standing, question: &Question) -> Result<ZohoOrg, Cause> {
    let absent = |what: &str| Cause::new("not-configured", what);
    let org = standing
        .org(&question.org)
        .ok_or_else(|| absent("the org has left the config"))?;
    let environment = org.settings.binding.environment;
    // The table's own host, whatever Zoho has named (S3).
    let api_domain = org.data_center.api_domains.of(environment);
    let api_domain = api_domain.ok_or_else(|| absent("the config names no API host"))?;
    let room = ROOM.with(Rc::clone);
    let _turn = room.acquire().await;
    let call = PageCall {
        url: format!("{api_domain}{ORG_PATH}"),
        timeout: question.timeout,
        access_token: Some(Arc::clone(&question.access_token)),
    };
    let page = standing.zoho.get(call).await?;
    ZohoOrg::sort(page.status, &page.body)
}
