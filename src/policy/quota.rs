//! How often a user may report: 30 times within any minute, whatever it reports of which org.
//!
//! A report that needs no mint of its own costs what a read costs and is not one of the 30, since a pool of jobs makes
//! hundreds at once; but there is an end to these as well. Invariant: remembers one minute, and no more users than
//! [`USERS_MAX`].

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::base::Boottime;

/// Reports of one user in a [`SPAN`] that may want a mint.
const REPORTS_MAX: usize = 30;

/// All reports of one user in a [`SPAN`]: five from each of two hundred jobs.
const ARRIVALS_MAX: u32 = 1_000;

const SPAN: Duration = Duration::from_mins(1);

/// Users that are remembered; one more has to wait. As many as the socket has connections.
const USERS_MAX: usize = 4096;

/// What each user has reported in the last minute.
#[derive(Debug, Default)]
pub struct Quota {
    recent: BTreeMap<u32, Recent>,
}

/// One user's minute.
#[derive(Debug)]
struct Recent {
    /// The beginning of the minute that arrivals are counted in.
    since: Boottime,
    arrivals: u32,
    /// The reports that may want a mint.
    spent: VecDeque<Boottime>,
}

impl Quota {
    /// Lets one more report of a user in, whatever it says; an error says when it may come.
    pub fn arrive(&mut self, uid: u32, now: Boottime) -> Result<(), Boottime> {
        let own = self.recent(uid, now)?;
        if own.arrivals >= ARRIVALS_MAX {
            return Err(own.since.plus(SPAN));
        }
        own.arrivals += 1;
        Ok(())
    }

    /// Lets a user make one more report that may want a mint, or that is none at all; an error says when it may.
    pub fn spend(&mut self, uid: u32, now: Boottime) -> Result<(), Boottime> {
        let own = self.recent(uid, now)?;
        match own.spent.front() {
            Some(oldest) if own.spent.len() >= REPORTS_MAX => Err(oldest.plus(SPAN)),
            _ => {
                own.spent.push_back(now);
                Ok(())
            }
        }
    }

    fn recent(&mut self, uid: u32, now: Boottime) -> Result<&mut Recent, Boottime> {
        self.forget_until(now);
        if !self.recent.contains_key(&uid) && self.recent.len() >= USERS_MAX {
            return Err(now.plus(SPAN));
        }
        Ok(self.recent.entry(uid).or_insert_with(|| Recent {
            since: now,
            arrivals: 0,
            spent: VecDeque::new(),
        }))
    }

    fn forget_until(&mut self, now: Boottime) {
        let is_past = |at: Boottime| at.plus(SPAN) <= now;
        self.recent.retain(|_, own| {
            let past = own.spent.partition_point(|at| is_past(*at));
            own.spent.drain(..past);
            if is_past(own.since) {
                (own.since, own.arrivals) = (now, 0);
                return !own.spent.is_empty();
            }
            true
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Boottime {
        Boottime(seconds * 1000)
    }

    #[test]
    fn the_thirty_first_report_within_a_minute_waits_for_the_first_to_be_a_minute_old() {
        let mut quota = Quota::default();
        for n in 0..30 {
            assert_eq!(quota.spend(1001, at(n)), Ok(()));
        }
        assert_eq!(quota.spend(1001, at(30)), Err(at(60)));
        assert_eq!(quota.spend(1001, at(59)), Err(at(60)));
        assert_eq!(quota.spend(1001, at(60)), Ok(()));
        assert_eq!(quota.spend(1001, at(60)), Err(at(61)));
    }

    /// R10
    #[test]
    fn r10_one_users_storm_takes_nothing_from_another() {
        let mut quota = Quota::default();
        while quota.spend(1001, at(0)).is_ok() {}
        while quota.arrive(1001, at(0)).is_ok() {}
        assert_eq!(quota.arrive(1002, at(0)), Ok(()));
        assert_eq!(quota.spend(1002, at(0)), Ok(()));
    }

    /// S5: what needs no mint is not one of the thirty, and has an end all the same.
    #[test]
    fn s5_a_thousand_reports_a_minute_are_let_in_whatever_they_say() {
        let mut quota = Quota::default();
        for _ in 0..1_000 {
            assert_eq!(quota.arrive(1001, at(0)), Ok(()));
        }
        assert_eq!(quota.arrive(1001, at(59)), Err(at(60)));
        assert_eq!(quota.spend(1001, at(59)), Ok(()), "none was spent");
        assert_eq!(quota.arrive(1001, at(60)), Ok(()));
    }

    /// S5
    #[test]
    fn s5_it_remembers_one_minute_and_a_bounded_number_of_users() {
        let mut quota = Quota::default();
        let users = u32::try_from(USERS_MAX).expect("a few thousand");
        for uid in 0..users {
            assert_eq!(quota.spend(uid, at(0)), Ok(()));
        }
        assert_eq!(quota.spend(users, at(0)), Err(at(60)));
        assert_eq!(quota.spend(users, at(60)), Ok(()));
        assert_eq!(quota.recent.len(), 1);
    }
}
