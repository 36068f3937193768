//! Keeps the socket where clients look for it.
//!
//! A socket whose file is gone serves those who are connected and nobody else, without a word. Not the job: to take
//! the path from another process that listens there now.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use tokio::net::UnixListener;
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;

use crate::edge::socket::{Spot, lost_of_systemd};

/// How often it is looked; a job finds no socket for so long at most.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Looks until `stop` becomes true; a listener that was bound anew goes to `renewed`.
pub(super) async fn keep(
    spot: Rc<RefCell<Spot>>,
    renewed: mpsc::UnboundedSender<UnixListener>,
    mut stop: watch::Receiver<bool>,
) {
    let mut told = None;
    loop {
        tokio::select! {
            () = sleep(LOOK_EVERY) => (),
            _ = stop.wait_for(|stop| *stop) => return,
        }
        let trouble = look(&mut spot.borrow_mut(), &renewed);
        if let Some(trouble) = trouble.as_ref().filter(|new| told.as_ref() != Some(*new)) {
            tracing::error!("{trouble}");
        }
        told = trouble;
    }
}

/// What a person must do, if anything.
fn look(spot: &mut Spot, renewed: &mpsc::UnboundedSender<UnixListener>) -> Option<String> {
    if spot.is_kept() {
        return None;
    }
    if !spot.is_own() {
        return Some(lost_of_systemd(spot.path()));
    }
    let path = spot.path().display().to_string();
    match spot.renew() {
        Ok(listener) => {
            tracing::error!(
                "socket {path}: somebody removed its file; made anew, see who cleans there"
            );
            renewed.send(listener).ok();
            None
        }
        Err(err) => Some(err.to_string()),
    }
}
