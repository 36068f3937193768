//! Brings tokens to the files: the latest wish of each target, retried until it holds.
//!
//! Every target has a worker of its own while it has work, on a thread that may block: a hanging file system
//! holds up its own files and nothing else. Invariant: at most one worker per target, and it ends with the
//! target as last wished for.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{spawn_blocking, spawn_local};
use tokio::time::{sleep, timeout};

use crate::base::OrgName;
use crate::edge::clock::SystemClock;
use crate::edge::outlet::{OutletError, Output, Publication, TokenFiles};

/// First and longest pause after a failure.
const RETRY_MIN: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_mins(1);

/// A little longer than retired folders linger.
const SWEEP_AFTER: Duration = Duration::from_millis(5_200);

/// How long an answer to an operator waits for the files.
const SETTLE_MAX: Duration = Duration::from_secs(2);

/// One place where an org's token goes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    /// The org's folder in `tokens_dir`.
    Files(OrgName),
    /// One of its `outputs`, by its place in `Delivery::outputs`.
    Output(OrgName, std::path::PathBuf),
}

/// What a target shall hold, and how far it is.
#[derive(Debug, Default)]
struct Wish {
    publication: Option<Arc<Publication>>,
    output: Option<Output>,
    is_new: bool,
    has_worker: bool,
    trouble: Option<String>,
}

/// All targets.
pub(super) struct Delivery {
    files: Option<Arc<Mutex<TokenFiles>>>,
    clock: Arc<SystemClock>,
    wishes: RefCell<BTreeMap<Target, Wish>>,
    /// Counts the workers that have ended.
    settled: watch::Sender<u64>,
}

impl Delivery {
    pub(super) fn new(files: Option<TokenFiles>, clock: Arc<SystemClock>) -> Rc<Self> {
        Rc::new(Self {
            files: files.map(|files| Arc::new(Mutex::new(files))),
            clock,
            wishes: RefCell::default(),
            settled: watch::Sender::new(0),
        })
    }

    /// At the start: only these orgs have a token.
    pub(super) fn tidy(&self, live: &[OrgName]) {
        if let Some(files) = &self.files
            && let Err(err) = lock(files).tidy(live)
        {
            tracing::error!("{err}");
        }
    }

    /// The org's token is this one, for these outputs; `None`: it has none that may be read.
    pub(super) fn wish(
        self: &Rc<Self>,
        org: &OrgName,
        publication: Option<&Arc<Publication>>,
        outputs: &[Output],
    ) {
        if self.files.is_some() {
            self.aim(Target::Files(org.clone()), publication.cloned(), None);
        }
        for output in outputs {
            let target = Target::Output(org.clone(), output.path.clone());
            self.aim(target, publication.cloned(), Some(output.clone()));
        }
        self.drop_others(org, outputs);
    }

    /// What stands between the org's token and its files.
    pub(super) fn troubles_of(&self, org: &OrgName) -> Vec<String> {
        let wishes = self.wishes.borrow();
        let own = wishes.iter().filter(|(target, _)| target.org() == org);
        own.filter_map(|(_, wish)| wish.trouble.clone()).collect()
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

    /// Whether a target is on its way to what was wished; one in trouble may be so for ever.
    pub(super) fn is_busy(&self) -> bool {
        let wishes = self.wishes.borrow();
        let mut wishes = wishes.values();
        wishes.any(|wish| wish.has_worker && wish.trouble.is_none())
    }

    /// Outputs that the config no longer names are withdrawn.
    fn drop_others(self: &Rc<Self>, org: &OrgName, outputs: &[Output]) {
        let is_left = |target: &Target| match target {
            Target::Files(_) => false,
            Target::Output(owner, path) => {
                owner == org && outputs.iter().all(|output| output.path != *path)
            }
        };
        let left: Vec<(Target, Option<Output>)> = {
            let wishes = self.wishes.borrow();
            let left = wishes
                .iter()
                .filter(|(target, wish)| is_left(target) && wish.publication.is_some());
            left.map(|(target, wish)| (target.clone(), wish.output.clone()))
                .collect()
        };
        for (target, output) in left {
            self.aim(target, None, output);
        }
    }

    fn aim(
        self: &Rc<Self>,
        target: Target,
        publication: Option<Arc<Publication>>,
        output: Option<Output>,
    ) {
        let mut wishes = self.wishes.borrow_mut();
        let wish = wishes.entry(target.clone()).or_default();
        wish.publication = publication;
        wish.output = output;
        wish.is_new = true;
        if !std::mem::replace(&mut wish.has_worker, true) {
            spawn_local(Rc::clone(self).work(target));
        }
    }

    async fn work(self: Rc<Self>, target: Target) {
        let mut pause = RETRY_MIN;
        while let Some((publication, output)) = self.next_wish(&target) {
            let result = self.fulfil(&target, publication, output).await;
            let failed = result.is_err();
            self.note(&target, result);
            if failed {
                sleep(pause).await;
                pause = (pause * 2).min(RETRY_MAX);
            }
        }
    }

    /// The wish to fulfil; `None` when the worker is done.
    fn next_wish(&self, target: &Target) -> Option<(Option<Arc<Publication>>, Option<Output>)> {
        let mut wishes = self.wishes.borrow_mut();
        let wish = wishes.get_mut(target)?;
        if std::mem::replace(&mut wish.is_new, false) {
            return Some((wish.publication.clone(), wish.output.clone()));
        }
        wish.has_worker = false;
        if wish.publication.is_none() {
            wishes.remove(target);
        }
        self.settled.send_modify(|count| *count += 1);
        None
    }

    async fn fulfil(
        self: &Rc<Self>,
        target: &Target,
        publication: Option<Arc<Publication>>,
        output: Option<Output>,
    ) -> Result<(), String> {
        let (target, files, clock) = (target.clone(), self.files.clone(), Arc::clone(&self.clock));
        let is_files = matches!(target, Target::Files(_));
        let work = move || match (&files, &output) {
            (_, Some(output)) => to_output(output, target.org(), publication.as_deref()),
            (Some(files), None) => to_files(
                &mut lock(files),
                &clock,
                target.org(),
                publication.as_deref(),
            ),
            (None, None) => Ok(()),
        };
        let done = spawn_blocking(work).await;
        if is_files {
            self.sweep_later();
        }
        match done {
            Ok(result) => result.map_err(|err| err.to_string()),
            Err(err) => Err(format!("a file worker failed: {err}")),
        }
    }

    fn note(&self, target: &Target, result: Result<(), String>) {
        let outcome = if result.is_ok() { "ok" } else { "failed" };
        metrics::counter!("zoho_tokend_deliveries_total", "output" => target.label(), "outcome" => outcome)
            .increment(1);
        let mut wishes = self.wishes.borrow_mut();
        let Some(wish) = wishes.get_mut(target) else {
            return;
        };
        let before = std::mem::replace(&mut wish.trouble, result.err());
        match (&before, &wish.trouble) {
            (None, Some(trouble)) => tracing::error!("{trouble}"),
            (Some(_), None) => {
                tracing::info!(org = %target.org(), "{}: written again", target.label());
            }
            _ => (),
        }
        // A failure is a wish that still stands.
        wish.is_new |= wish.trouble.is_some();
    }

    fn sweep_later(self: &Rc<Self>) {
        let Some(files) = self.files.clone() else {
            return;
        };
        let clock = Arc::clone(&self.clock);
        spawn_local(async move {
            sleep(SWEEP_AFTER).await;
            let swept = spawn_blocking(move || lock(&files).sweep(clock.now())).await;
            if let Ok(Err(err)) = swept {
                tracing::warn!("{err}");
            }
        });
    }
}

impl Target {
    fn org(&self) -> &OrgName {
        match self {
            Self::Files(org) | Self::Output(org, _) => org,
        }
    }

    fn label(&self) -> String {
        match self {
            Self::Files(_) => "tokens_dir".to_owned(),
            Self::Output(_, path) => path.display().to_string(),
        }
    }
}

fn to_files(
    files: &mut TokenFiles,
    clock: &SystemClock,
    org: &OrgName,
    publication: Option<&Publication>,
) -> Result<(), OutletError> {
    match publication {
        Some(publication) => files.publish(publication, clock.now()).map(|_| ()),
        None => files.withdraw(org),
    }
}

fn to_output(
    output: &Output,
    org: &OrgName,
    publication: Option<&Publication>,
) -> Result<(), OutletError> {
    match publication {
        Some(publication) => output.publish(publication).map(|_| ()),
        None => output.withdraw(org),
    }
}

/// A panic in another worker leaves files, not memory, half-way; the next publication mends those.
fn lock(files: &Mutex<TokenFiles>) -> std::sync::MutexGuard<'_, TokenFiles> {
    files.lock().unwrap_or_else(PoisonError::into_inner)
}
