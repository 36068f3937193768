//! The worker of a target: turn after turn until all that was wished holds.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::Delivery;
use super::place::{OVER, Order, Outcome, Place};
use super::wish::{RETRY_MIN, Target};
use crate::base::{Boottime, OrgName};
use crate::edge::outlet::{Output, Published};

/// Longest pause after a failure.
const RETRY_MAX: Duration = Duration::from_mins(1);

impl Delivery {
    pub(super) async fn work(self: Rc<Self>, target: Target) {
        let mut pause = RETRY_MIN;
        while !self.is_done(&target) {
            let failed = self.take_turn(&target).await;
            let is_renewed = !failed || self.rest(&target, pause).await;
            pause = if is_renewed {
                RETRY_MIN
            } else {
                (pause * 2).min(RETRY_MAX)
            };
        }
    }

    /// Whether the worker has nothing more to do; it must end then.
    fn is_done(&self, target: &Target) -> bool {
        let mut wishes = self.wishes.borrow_mut();
        let Some(wish) = wishes.get_mut(target) else {
            return true;
        };
        if wish.is_new || wish.trouble.is_some() {
            return false;
        }
        wish.has_worker = false;
        if wish.order.wanted.is_none() {
            wishes.remove(target);
        }
        self.settled.send_modify(|count| *count += 1);
        true
    }

    /// Waits for a thread, and carries out what is wished for at that moment; says whether it failed.
    async fn take_turn(&self, target: &Target) -> bool {
        let thread = match target {
            Target::Files(_) => None,
            Target::Output(_) => Arc::clone(&self.output_threads).acquire_owned().await.ok(),
        };
        let files = match (target, &self.files) {
            (Target::Files(_), Some(files)) => Some(Arc::clone(files).lock_owned().await),
            _ => None,
        };
        let Some((order, output)) = self.take_order(target) else {
            return false;
        };
        let output = output.map(|output| Place::Output(output, Arc::clone(&self.written)));
        let Some(mut place) = output.or(files.map(Place::Files)) else {
            return false;
        };
        let (clock, given) = (Arc::clone(&self.clock), order.clone());
        let done = spawn_blocking(move || {
            let outcome = place.fulfil(&given, || clock.now());
            (place, outcome)
        });
        let (stands, result) = match done.await {
            Ok((place, Outcome { stands, result })) => {
                // Before the lock is let go: the newest moment is the one sent last.
                if let Place::Files(files) = &place {
                    self.next_sweep.send_replace(files.next_sweep());
                }
                (stands, result.map_err(|err| err.to_string()))
            }
            Err(err) => (Some(OVER), Err(format!("a file worker failed: {err}"))),
        };
        drop(thread);
        let failed = result.is_err();
        self.note(target, &order, stands, result);
        failed
    }

    fn take_order(&self, target: &Target) -> Option<(Order, Option<Output>)> {
        let mut wishes = self.wishes.borrow_mut();
        let wish = wishes.get_mut(target)?;
        wish.is_new = false;
        Some((wish.order.clone(), wish.output.clone()))
    }

    fn note(
        &self,
        target: &Target,
        order: &Order,
        stands: Option<Boottime>,
        result: Result<Published, String>,
    ) {
        let org = &order.org;
        let outcome = match &result {
            Ok(Published::Unchanged) if order.is_look => None,
            Ok(Published::Written) if order.is_look => Some("restored"),
            Ok(_) => Some("ok"),
            Err(_) => Some("failed"),
        };
        count(org, target, outcome);
        let mut wishes = self.wishes.borrow_mut();
        let Some(wish) = wishes.get_mut(target) else {
            return;
        };
        wish.now_stands(stands, org);
        if outcome == Some("restored") && wish.notice.is_none() {
            let notice = format!(
                "{}: the files were gone or changed, and are written anew; see who cleans or writes there",
                target.label()
            );
            tracing::warn!(%org, "{notice}");
            wish.notice = Some(notice);
        }
        let before = std::mem::replace(&mut wish.trouble, result.err());
        match (&before, &wish.trouble) {
            (None, Some(trouble)) => tracing::error!(%org, "{trouble}"),
            (Some(_), None) => tracing::info!(%org, "{}: written again", target.label()),
            _ => (),
        }
    }

    /// Pauses after a failure, until the token that stands there ends at the latest; true where a new wish cut
    /// it short.
    async fn rest(&self, target: &Target, pause: Duration) -> bool {
        let (wait, news) = {
            let wishes = self.wishes.borrow();
            let Some(wish) = wishes.get(target).filter(|wish| !wish.is_new) else {
                return true;
            };
            (
                wish.wait(pause, self.clock.now().boot),
                Rc::clone(&wish.news),
            )
        };
        // No wish can come between the look and the wait: there is one thread, and no await.
        timeout(wait, news.notified()).await.is_ok()
    }
}

/// A look that found all in place is no delivery.
fn count(org: &OrgName, target: &Target, outcome: Option<&'static str>) {
    let Some(outcome) = outcome else {
        return;
    };
    let labels = [
        ("org", org.to_string()),
        ("output", target.label()),
        ("outcome", outcome.to_owned()),
    ];
    metrics::counter!("zoho_tokend_deliveries_total", &labels).increment(1);
}
