//! Brings tokens to the files: the latest wish of each target, retried until it holds.
//!
//! A target is a place, an org's folder in `tokens_dir` or the path of an output, whichever org it is for: what
//! one org leaves and another takes over is brought in order. Each has a worker of its own while it has work, and
//! its turns run on a thread that may block. `tokens_dir` has one such thread at a time and the outputs have
//! [`OUTPUT_THREADS_MAX`]: a file system that hangs holds up its own files, not the rest of the daemon.
//!
//! Invariants: at most one worker per target, which ends with the target as last wished for; and a token that
//! readers find is withdrawn at its end, also while the next one cannot be written (R1).

mod place;
mod sweep;
#[cfg(test)]
mod tests;
mod wish;
mod worker;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, Semaphore, watch};
use tokio::task::spawn_local;
use tokio::time::{sleep, timeout};

use crate::base::{Boottime, OrgName};
use crate::edge::clock::SystemClock;
use crate::edge::outlet::{Output, Publication, TokenFiles, Written};
use place::Wanted;
use wish::{Target, Wish};

/// Most threads that write outputs: a quarter of those that tokio has for all that blocks.
const OUTPUT_THREADS_MAX: usize = 128;

/// How long an answer to an operator waits for the files.
const SETTLE_MAX: Duration = Duration::from_secs(2);

/// How long news of a token waits for the token's files.
const SETTLE_FOR_WATCHERS: Duration = Duration::from_millis(500);

/// How often it is looked whether what was published is still there: a job finds no file for so long at most. Four
/// small files an org are read, which costs less than a thousandth of a core for 200 orgs.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// All targets.
pub(super) struct Delivery {
    files: Option<Arc<Mutex<TokenFiles>>>,
    output_threads: Arc<Semaphore>,
    written: Arc<Written>,
    clock: Arc<SystemClock>,
    wishes: RefCell<BTreeMap<Target, Wish>>,
    /// When the next retired folder is to go.
    next_sweep: watch::Sender<Option<Boottime>>,
    /// Counts the workers that have ended.
    settled: watch::Sender<u64>,
}

impl Delivery {
    /// Sweeps from now on, on the tasks of the thread.
    pub(super) fn new(
        files: Option<TokenFiles>,
        written: Written,
        clock: Arc<SystemClock>,
    ) -> Rc<Self> {
        let files = files.map(|files| Arc::new(Mutex::new(files)));
        let next_sweep = watch::Sender::new(None);
        if let Some(files) = &files {
            let clock = Arc::clone(&clock);
            spawn_local(sweep::sweep(Arc::clone(files), clock, next_sweep.clone()));
        }
        let new = Rc::new(Self {
            files,
            output_threads: Arc::new(Semaphore::new(OUTPUT_THREADS_MAX)),
            written: Arc::new(written),
            clock,
            wishes: RefCell::default(),
            next_sweep,
            settled: watch::Sender::new(0),
        });
        spawn_local(look_from_time_to_time(Rc::downgrade(&new)));
        new
    }

    /// Has every token that was published compared with what readers find now: a cleaner, a person or another
    /// program may have removed or changed it. What is amiss is written anew.
    pub(super) fn look(self: &Rc<Self>) {
        let mut wishes = self.wishes.borrow_mut();
        for (target, wish) in wishes.iter_mut() {
            if wish.look() {
                spawn_local(Rc::clone(self).work(target.clone()));
            }
        }
    }

    /// At the start, before the first wish: only these orgs have a token.
    pub(super) fn tidy(&self, live: &[OrgName]) {
        if let Some(files) = &self.files
            && let Ok(mut files) = files.try_lock()
            && let Err(err) = files.tidy(live)
        {
            tracing::error!("{err}");
        }
    }

    /// At the start, before the first wish: only these paths are outputs now. What an earlier run wrote to others
    /// is taken away.
    pub(super) fn withdraw_others(self: &Rc<Self>, outputs: &BTreeSet<&Path>) {
        for (path, org) in self.written.paths() {
            if outputs.contains(&*path) {
                continue;
            }
            let output = Output::left_at(path.clone());
            self.aim(Target::Output(path.clone()), &org, None, Some(output));
            if let Some(wish) = self.wishes.borrow_mut().get_mut(&Target::Output(path)) {
                wish.order.is_left = true;
            }
        }
    }

    /// The org's token is this one, for these outputs; `None`: it has none that may be read.
    pub(super) fn wish(
        self: &Rc<Self>,
        org: &OrgName,
        publication: Option<&Arc<Publication>>,
        outputs: &[Output],
    ) {
        let now = self.clock.now();
        let wanted = publication.map(|publication| Wanted {
            publication: Arc::clone(publication),
            ends: now.boot.plus(publication.expires_at.since(now.wall)),
        });
        if self.files.is_some() {
            self.aim(Target::Files(org.clone()), org, wanted.clone(), None);
        }
        for output in outputs {
            let target = Target::Output(output.path.clone());
            self.aim(target, org, wanted.clone(), Some(output.clone()));
        }
        self.drop_others(org, outputs);
    }

    /// What stands between the org's token and its files, or did while this token was current.
    pub(super) fn troubles_of(&self, org: &OrgName) -> Vec<String> {
        let wishes = self.wishes.borrow();
        let own = wishes.values().filter(|wish| wish.order.org == *org);
        own.flat_map(|wish| [wish.trouble.clone(), wish.notice.clone()])
            .flatten()
            .collect()
    }

    /// Waits, for a bounded time, until the org's folder is as wished for: an operator who has just enrolled
    /// an org expects its files to be there.
    pub(super) async fn settle(&self, org: &OrgName) {
        let mut settled = self.settled.subscribe();
        let files = Target::Files(org.clone());
        let has_worker = || {
            self.wishes
                .borrow()
                .get(&files)
                .is_some_and(|wish| wish.has_worker)
        };
        let done = async { while has_worker() && settled.changed().await.is_ok() {} };
        timeout(SETTLE_MAX, done).await.ok();
    }

    /// Waits, for a bounded time, until the files of these orgs are as wished for: who is told of a token may go
    /// and read it there.
    pub(super) async fn settle_all(&self, is_meant: impl Fn(&OrgName) -> bool) {
        let mut settled = self.settled.subscribe();
        let is_busy = || {
            let wishes = self.wishes.borrow();
            let mut busy = wishes
                .values()
                .filter(|wish| wish.has_worker && wish.trouble.is_none());
            busy.any(|wish| is_meant(&wish.order.org))
        };
        let done = async { while is_busy() && settled.changed().await.is_ok() {} };
        timeout(SETTLE_FOR_WATCHERS, done).await.ok();
    }

    /// Whether a target is on its way to what was wished; one in trouble may be so for ever.
    pub(super) fn is_busy(&self) -> bool {
        let wishes = self.wishes.borrow();
        let mut wishes = wishes.values();
        wishes.any(|wish| wish.has_worker && wish.trouble.is_none())
    }

    /// Outputs that the config no longer names are withdrawn, unless they have become another org's.
    fn drop_others(self: &Rc<Self>, org: &OrgName, outputs: &[Output]) {
        let is_left = |wish: &Wish| {
            let is_own = wish.order.org == *org && wish.order.wanted.is_some();
            let path = wish.output.as_ref().map(|output| &output.path);
            is_own && path.is_some_and(|path| outputs.iter().all(|output| output.path != *path))
        };
        let left: Vec<(Target, Option<Output>)> = {
            let wishes = self.wishes.borrow();
            let left = wishes.iter().filter(|(_, wish)| is_left(wish));
            left.map(|(target, wish)| (target.clone(), wish.output.clone()))
                .collect()
        };
        for (target, output) in left {
            self.aim(target, org, None, output);
        }
    }

    fn aim(
        self: &Rc<Self>,
        target: Target,
        org: &OrgName,
        wanted: Option<Wanted>,
        output: Option<Output>,
    ) {
        let mut wishes = self.wishes.borrow_mut();
        let wish = wishes
            .entry(target.clone())
            .or_insert_with(|| Wish::of(org));
        wish.renew(org, wanted, output);
        if !std::mem::replace(&mut wish.has_worker, true) {
            spawn_local(Rc::clone(self).work(target));
        }
    }
}

async fn look_from_time_to_time(delivery: Weak<Delivery>) {
    loop {
        sleep(LOOK_EVERY).await;
        let Some(delivery) = delivery.upgrade() else {
            return;
        };
        delivery.look();
    }
}
