//! What a trouble excuses, and until when. Whatever is not excused here the daemon must bear without a reader's
//! noticing it.

use super::judge::Judge;
use super::spans::MINUTE;

/// R5: an outage shorter than this leaves every reader its `min_ttl`.
const UNNOTICED_MS: i64 = 15 * MINUTE;

/// R5: an outage shorter than this leaves every reader a token.
const BORNE_MS: i64 = 25 * MINUTE;

/// How long an org needs after a trouble until a later one finds it as if nothing had been: a token's life, and the
/// window that its retries took.
const FORGOTTEN_AFTER_MS: i64 = 75 * MINUTE;

/// How long after an outage's end the next try may come: a written call's pace, and the call.
const NEXT_TRY_MS: i64 = 3 * MINUTE;

/// How long trouble that spends slots, or meets an org in unrest, may have its aftermath: a window, and a try.
const AFTERMATH_MS: i64 = 14 * MINUTE;

/// How long a start may take until its first mints are done.
pub(super) const START_MS: i64 = 14 * MINUTE;

/// How long after a person's word is needed no more the next probe comes: they are hourly.
pub(super) const PROBE_MS: i64 = 62 * MINUTE;

impl Judge {
    /// Zoho is away from `now` on for `span`: what R5 promises is no excuse.
    pub(super) fn excuse_outage(&mut self, org: usize, now: i64, span: i64, has_hour_tokens: bool) {
        let own = &mut self.orgs[org];
        let is_at_rest = now > own.unrest_until && has_hour_tokens;
        let end = now + span;
        if !is_at_rest {
            return self.excuse(org, end + AFTERMATH_MS);
        }
        own.unrest_until = own.unrest_until.max(end + FORGOTTEN_AFTER_MS);
        if span >= UNNOTICED_MS {
            own.stale_excused_until = own.stale_excused_until.max(end + NEXT_TRY_MS);
        }
        if span >= BORNE_MS {
            own.gone_excused_until = own.gone_excused_until.max(end + NEXT_TRY_MS);
        }
    }

    /// Whatever readers find is excused until then.
    pub(super) fn excuse(&mut self, org: usize, until: i64) {
        let own = &mut self.orgs[org];
        own.stale_excused_until = own.stale_excused_until.max(until);
        own.gone_excused_until = own.gone_excused_until.max(until);
        own.unrest_until = own.unrest_until.max(until + FORGOTTEN_AFTER_MS);
    }

    /// Trouble that lasts for `span` and spends slots or the disk's patience.
    pub(super) fn excuse_trouble(&mut self, org: usize, now: i64, span: i64) {
        self.excuse(org, now + span + AFTERMATH_MS);
    }

    /// The same for every org.
    pub(super) fn excuse_all(&mut self, until: i64) {
        for org in 0..self.orgs.len() {
            self.excuse(org, until);
        }
    }
}
