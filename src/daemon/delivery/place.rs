//! One turn at one place: brings it as near to what is wished as it will go. Blocks on the disk.
//!
//! Invariant: a token that has ended, or of which nobody knows when it ends, does not stay because the next one
//! cannot be written. Only where its removal fails, too, it is still there after the turn, and the turn says so.

use std::sync::Arc;

use tokio::sync::OwnedMutexGuard;

use crate::base::{Boottime, Now, OrgName};
use crate::edge::outlet::{OutletError, Output, Publication, Published, TokenFiles, Written};

/// Of a token that nobody here has written, or that is another org's: it counts as over.
pub(super) const OVER: Boottime = Boottime(i64::MIN);

/// A token, and when it ends.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) publication: Arc<Publication>,
    pub(super) ends: Boottime,
}

impl Wanted {
    pub(super) fn generation(&self) -> u64 {
        self.publication.generation
    }
}

/// What a turn is to do.
#[derive(Debug, Clone)]
pub(super) struct Order {
    pub(super) org: OrgName,
    /// `None`: no token may be read there.
    pub(super) wanted: Option<Wanted>,
    /// When the token that readers find there ends; `None` where there is none.
    pub(super) stands: Option<Boottime>,
    /// No config names the place any more: only what the daemon itself wrote is taken away.
    pub(super) is_left: bool,
    /// Nobody wished for anything new: only what has been published before may be amiss.
    pub(super) is_look: bool,
}

/// What has become of it.
#[derive(Debug)]
pub(super) struct Outcome {
    /// As in [`Order`], now.
    pub(super) stands: Option<Boottime>,
    /// Whether a token was written.
    pub(super) result: Result<Published, OutletError>,
}

/// Where tokens go.
pub(super) enum Place {
    /// An org's folder in `tokens_dir`.
    Files(OwnedMutexGuard<TokenFiles>),
    /// A file of the operator's choice, and the list of those that the daemon wrote.
    Output(Output, Arc<Written>),
}

impl Place {
    /// Publishes a token that lives, else withdraws what is there.
    pub(super) fn fulfil(&mut self, order: &Order, clock: impl Fn() -> Now) -> Outcome {
        let now = clock();
        let living = order.wanted.as_ref().filter(|new| new.ends > now.boot);
        let Some(new) = living else {
            return self.clear(order);
        };
        let err = match self.publish(&new.publication, now) {
            Ok(published) => {
                return Outcome {
                    stands: Some(new.ends),
                    result: Ok(published),
                };
            }
            Err(err) => err,
        };
        let is_dead = order.stands.is_some_and(|ends| ends <= clock().boot);
        let stands = if is_dead {
            self.clear(order).stands
        } else {
            order.stands
        };
        // That the token is not there is what a person must hear of.
        let result = Err(err);
        Outcome { stands, result }
    }

    fn clear(&mut self, order: &Order) -> Outcome {
        let result = self.withdraw(order);
        let stands = order.stands.filter(|_| result.is_err());
        let result = result.map(|()| Published::Unchanged);
        Outcome { stands, result }
    }

    fn publish(&mut self, publication: &Publication, now: Now) -> Result<Published, OutletError> {
        match self {
            Self::Files(files) => files.publish(publication, now),
            Self::Output(output, written) => output.publish(publication, written),
        }
    }

    fn withdraw(&mut self, order: &Order) -> Result<(), OutletError> {
        let org = &order.org;
        match self {
            Self::Files(files) => files.withdraw(org),
            Self::Output(output, written) if order.is_left => output.withdraw_own(org, written),
            Self::Output(output, written) => output.withdraw(org, written),
        }
    }
}
