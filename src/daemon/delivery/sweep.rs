//! Removes retired folders of `tokens_dir` at the moment that [`TokenFiles::next_sweep`] names, and not later by
//! more than the disk takes.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, watch};
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

use crate::base::Boottime;
use crate::edge::clock::SystemClock;
use crate::edge::outlet::TokenFiles;

/// Pause after a sweep that left something behind.
const RETRY: Duration = Duration::from_secs(1);

/// Sweeps for good. `next` is the moment of the next sweep, sent under the lock.
pub(super) async fn sweep(
    files: Arc<Mutex<TokenFiles>>,
    clock: Arc<SystemClock>,
    next: watch::Sender<Option<Boottime>>,
) {
    let mut news = next.subscribe();
    let mut trouble = None;
    loop {
        let Some(at) = *news.borrow_and_update() else {
            if news.changed().await.is_err() {
                return;
            }
            continue;
        };
        if timeout(at.since(clock.now().boot), news.changed())
            .await
            .is_ok()
        {
            continue;
        }
        let err = sweep_once(&files, &clock, &next).await.err();
        let is_failing = err.is_some();
        if err != trouble
            && let Some(err) = &err
        {
            tracing::warn!("{err}");
        }
        trouble = err;
        if is_failing {
            sleep(RETRY).await;
        }
    }
}

async fn sweep_once(
    files: &Arc<Mutex<TokenFiles>>,
    clock: &Arc<SystemClock>,
    next: &watch::Sender<Option<Boottime>>,
) -> Result<(), String> {
    let mut files = Arc::clone(files).lock_owned().await;
    let clock = Arc::clone(clock);
    let swept = spawn_blocking(move || {
        let result = files.sweep(clock.now());
        (files, result)
    });
    let (files, result) = swept
        .await
        .map_err(|err| format!("a sweep failed: {err}"))?;
    next.send_replace(files.next_sweep());
    result.map_err(|err| err.to_string())
}
