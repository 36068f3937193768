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
    /// What was amiss with this token and is mended; a person may want to know who does such things.
    pub(super) notice: Option<String>,
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
                is_look: false,
            },
            output: None,
            is_new: true,
            has_worker: false,
            trouble: None,
            notice: None,
            news: Rc::default(),
        }
    }

    pub(super) fn renew(&mut self, org: &OrgName, wanted: Option<Wanted>, output: Option<Output>) {
        if self.order.org != *org {
            self.trouble = None;
        }
        let generation = |wanted: &Option<Wanted>| wanted.as_ref().map(Wanted::generation);
        if generation(&self.order.wanted) != generation(&wanted) {
            self.notice = None;
        }
        let before = std::mem::replace(&mut self.order.org, org.clone());
        self.now_stands(self.order.stands, &before);
        self.order.wanted = wanted;
        self.order.is_left = false;
        self.output = output;
        self.order.is_look = false;
        self.is_new = true;
        self.news.notify_waiters();
    }

    /// Has a worker see to it that what was published is still there; says whether there is one to start.
    pub(super) fn look(&mut self) -> bool {
        if self.has_worker {
            return false;
        }
        (self.order.is_look, self.is_new, self.has_worker) = (true, true, true);
        true
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
