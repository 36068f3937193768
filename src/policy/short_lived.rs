//! A token that has ended on its way: as good as none.
//!
//! Invariant: it takes no living one's place, whoever wanted it (R2). One that ends later, while the API is asked whose it
//! is or before the disk has it, is kept and never shown: [`Org::publish`] sees to that.

use std::time::Duration;

use super::minting::Mint;
use super::org::{Org, Scene};
use super::record::{Cause, Word};
use super::schedule;
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
        let life_s = life.as_secs();
        let detail = format!("Zoho granted {life_s} s, which were over when the answer came");
        let cause = Cause::new("ended-on-the-way", &detail);
        let limits = self.settings.limits;
        let paced = schedule::after_written(mint.call.started(), limits, scene.dice);
        let failure = mint.failure(Word::Retrying, cause, paced, true);
        self.fail_for(mint.into_askers(), failure, scene);
    }
}
