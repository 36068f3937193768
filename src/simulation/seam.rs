//! Where the policy meets the world: every event and step passes here, and may be changed on the way.
//!
//! The tests plant bugs here that a daemon could have (a clock read wrongly, an answer taken for another), to show
//! that [`super::judge`] finds them; the policy itself stays as it is.

use crate::base::Now;
use crate::policy::event::{Attempt, Event, Step};
use crate::policy::record::Stored;
use crate::policy::restore::Clocks;

/// What the world knows at that moment, for a bug to misuse.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    /// Both clocks, rightly read.
    pub now: Now,
    /// The call that the org of an answer awaits.
    pub awaited: Option<Attempt>,
    /// How long ago the call of an answer began, in milliseconds.
    pub call_age_ms: i64,
    /// How long the machine has slept since it was booted, in milliseconds.
    pub slept_ms: i64,
}

/// The seam. As it stands nothing is changed.
pub trait Seam {
    /// What the policy is told of the time.
    fn now(&mut self, known: Known) -> Now {
        known.now
    }

    /// What the policy is told.
    fn event(&mut self, event: Event, known: Known) -> Event {
        let _ = known;
        event
    }

    /// What is done of what the policy wants.
    fn steps(&mut self, steps: Vec<Step>) -> Vec<Step> {
        steps
    }

    /// What a start is told of the clocks.
    fn clocks(&mut self, clocks: Clocks) -> Clocks {
        clocks
    }

    /// What a start finds in the state.
    fn stored(&mut self, stored: Stored) -> Stored {
        stored
    }

    /// How often a call is sent to Zoho.
    fn copies_of_a_call(&mut self) -> u32 {
        1
    }

    /// Whether a write is told as kept before it is.
    fn tells_writes_early(&mut self) -> bool {
        false
    }
}

/// Nothing is changed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unchanged;

impl Seam for Unchanged {}
