//! What a target shall hold, and how far it is.

use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Notify;

use super::place::{OVER, Order, Wanted};
use crate::base::{Boottime, OrgName};
use crate::edge::outlet::Output;

/// First pause after a failure.
pub(super) const RETRY_MIN: Duration = Duration::from_secs(1);

/// One place where a token goes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    /// The org's folder in `tokens_dir`.
    Files(OrgName),
    /// A path of somebody's `outputs`.
    Output(PathBuf),
}

/// The latest wish for a target, whichever org's.
#[derive(Debug)]
pub(super) struct Wish {
    pub(super) order: Order,
    /// `None` for an org's folder.
    pub(super) output: Option<Output>,
    pub(super) is_new: bool,
    pub(super) has_worker: bool,
    pub(super) trouble: Option<String>,
    /// Wakes a worker that pauses.
    pub(super) news: Rc<Notify>,
}

impl Wish {
    pub(super) fn of(org: &OrgName) -> Self {
        Self {
            order: Order {
                org: org.clone(),
                wanted: None,
                // An earlier run, or a person, may have left something.
                stands: Some(OVER),
                is_left: false,
            },
            output: None,
            is_new: true,
            has_worker: false,
            trouble: None,
            news: Rc::default(),
        }
    }

    pub(super) fn renew(&mut self, org: &OrgName, wanted: Option<Wanted>, output: Option<Output>) {
        if self.order.org != *org {
            self.trouble = None;
        }
        let before = std::mem::replace(&mut self.order.org, org.clone());
        self.now_stands(self.order.stands, &before);
        self.order.wanted = wanted;
        self.order.is_left = false;
        self.output = output;
        self.is_new = true;
        self.news.notify_waiters();
    }

    /// A turn for `org` has left this at the target. Meanwhile that may have become another org's.
    pub(super) fn now_stands(&mut self, stands: Option<Boottime>, org: &OrgName) {
        let is_foreign = self.order.org != *org;
        self.order.stands = stands.map(|ends| if is_foreign { OVER } else { ends });
    }

    /// How long a worker may wait after a failure: until the token that stands there ends, and a moment where it
    /// has ended and would not go.
    pub(super) fn wait(&self, pause: Duration, now: Boottime) -> Duration {
        match self.order.stands {
            Some(ends) if ends <= now => RETRY_MIN,
            Some(ends) => ends.since(now).min(pause),
            None => pause,
        }
    }
}

impl Target {
    pub(super) fn label(&self) -> String {
        match self {
            Self::Files(_) => "tokens_dir".to_owned(),
            Self::Output(path) => path.display().to_string(),
        }
    }
}
