//! A token that has ended before anybody could have it: on its way, or while the API was asked whose it is.
//!
//! Invariant: it takes no living one's place, whoever wanted it (R2).

use std::time::Duration;

use super::ledger::Want;
use super::minting::Mint;
use super::org::{Org, Scene};
use super::record::{Cause, Word};
use super::saving::Newest;
use super::schedule;
use super::verdict::Failure;
use crate::base::Boottime;

/// Whether a token with this life, which was asked for at `started`, is not to be trusted any more.
pub(super) fn has_ended(life: Duration, started: Boottime, now: Boottime) -> bool {
    started.plus(schedule::life_to_trust(life)) <= now
}

impl Org {
    /// A mint has brought it: as good as none.
    pub(super) fn fail_for_dead_token(
        &mut self,
        mint: Mint,
        life: Duration,
        scene: &mut Scene<'_>,
    ) {
        let limits = self.settings.limits;
        let paced = schedule::after_written(mint.call.started(), limits, scene.dice);
        let failure = mint.failure(Word::Retrying, ended(life), paced, true);
        self.fail_for(mint.askers, failure, scene);
    }

    /// An enrolment has brought it: the older grant's token serves on until the new grant has minted another.
    pub(super) fn outlast(&mut self, life: Duration, started: Boottime, scene: &mut Scene<'_>) {
        let limits = self.settings.limits;
        let failure = Failure {
            word: Word::Retrying,
            cause: ended(life),
            retry_at: schedule::after_written(started, limits, scene.dice),
            want: Want::Schedule,
            was_sent: true,
        };
        self.fail(failure, scene);
        // It goes out once more, with the new grant on the disk: that is what the asker waits for.
        self.saving.is_dirty = true;
        self.saving.newest = Newest::Unwritten;
    }
}

fn ended(life: Duration) -> Cause {
    let life_s = life.as_secs();
    let detail = format!("Zoho granted {life_s} s, which were over when the answer came");
    Cause::new("ended-on-the-way", &detail)
}
