//! From when on the limits leave room for one more token of an org: in the window of its refresh token, in that of its
//! client, and among the tokens that are alive.
//!
//! Counts nothing itself; [`super::ledger`] does. Invariant: the schedule and a person are held by the same limits,
//! and differ in their share alone.

use super::ledger::{Lane, Ledger, Want};
use super::org::Org;
use super::record::LaneId;
use crate::base::Boottime;

/// One limit: from when on it has room, and what it is called.
type Limit = (Boottime, String);

impl Org {
    /// From when on there is room for one more token of `id`.
    pub(super) fn room_at(
        &self,
        id: &LaneId,
        want: Want,
        ledger: &Ledger,
        now: Boottime,
    ) -> Boottime {
        let grant = self.record.grant.as_ref();
        let is_own = grant.is_some_and(|grant| grant.lane == *id);
        self.room_in(ledger.lane(id), is_own, want, ledger, now)
    }

    /// The same in a lane that has been looked up; `is_own`: its readers are this org's.
    pub(super) fn room_in(
        &self,
        lane: Option<&Lane>,
        is_own: bool,
        want: Want,
        ledger: &Ledger,
        now: Boottime,
    ) -> Boottime {
        let client = self.client_room_at(want, ledger, now);
        let Some(lane) = lane else {
            return client;
        };
        let window = lane.room_at(now, self.settings.limits, want);
        let live = self.live_room_at(lane, is_own, ledger, now);
        window.max(client).max(live)
    }

    fn client_room_at(&self, want: Want, ledger: &Ledger, now: Boottime) -> Boottime {
        let (limits, client_mints) = (self.settings.limits, self.settings.client_mints);
        ledger.client_room_at(&self.settings.binding, now, limits, client_mints, want)
    }

    /// From when on another live token is in order: there is room, or readers are about to go without.
    fn live_room_at(&self, lane: &Lane, is_own: bool, ledger: &Ledger, now: Boottime) -> Boottime {
        let limits = self.settings.limits;
        let room = lane.live_room_at(now, limits);
        if room <= now || !is_own {
            // Another org's lane: what its readers have is not ours to give up.
            return room;
        }
        // One that waits for the disk is what readers are about to have.
        let token = self.published.as_ref().or(self.record.token.as_ref());
        let Some(token) = token else {
            return now;
        };
        // Two minutes of Zoho's ten: time for one more try before the promise of min_ttl breaks. As much for each org that
        // may want its own at the same moment: the last of them must wait for the gaps of all others.
        let sharers = self.lane().map_or(1, |own| ledger.sharers.in_lane(own));
        let eve = self.min_ttl(token) + limits.window / 5 * sharers;
        room.min(token.expires.minus(eve)).max(now)
    }

    /// The limit that leaves the latest room for a person's mint; `None` where all have room.
    pub(super) fn tightest_limit(&self, ledger: &Ledger, now: Boottime) -> Option<String> {
        let lane = ledger.lane(&self.record.grant.as_ref()?.lane);
        let client = self.client_room_at(Want::Demand, ledger, now);
        let client = (client, self.client_limit());
        let own = lane.map(|lane| self.own_limits(lane, ledger, now));
        let all = own.into_iter().flatten().chain([client]);
        let tight = all.filter(|(room_at, _)| *room_at > now);
        tight.max_by_key(|limit| limit.0).map(|(_, limit)| limit)
    }

    fn client_limit(&self) -> String {
        let client = &self.settings.client;
        format!("`mints_per_10min` of client {client} is used up")
    }

    fn own_limits(&self, lane: &Lane, ledger: &Ledger, now: Boottime) -> [Limit; 2] {
        let limits = self.settings.limits;
        let window = limits.window.as_secs();
        let whose = if self.settings.grant.is_of_client() {
            "client and soid"
        } else {
            "refresh token"
        };
        [
            (
                lane.room_at(now, limits, Want::Demand),
                format!("Zoho allows {} in {window} s for one {whose}", limits.mints),
            ),
            (
                self.live_room_at(lane, true, ledger, now),
                format!(
                    "{} tokens of this {whose} are alive, and one more would end the oldest at Zoho",
                    limits.live
                ),
            ),
        ]
    }
}
