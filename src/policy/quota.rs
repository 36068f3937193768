//! How often a user may report: 30 times within any minute, whatever it reports of which org.
//!
//! Invariant: remembers one minute, and no more users than [`USERS_MAX`].

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::base::Boottime;

/// Reports of one user in a [`SPAN`].
pub const REPORTS_MAX: usize = 30;

const SPAN: Duration = Duration::from_mins(1);

/// Users that are remembered; one more has to wait. As many as the socket has connections.
const USERS_MAX: usize = 4096;

/// What each user has reported in the last minute.
#[derive(Debug, Default)]
pub struct Quota {
    recent: BTreeMap<u32, VecDeque<Boottime>>,
}

impl Quota {
    /// Lets a user make one more report; an error says when it may.
    pub fn spend(&mut self, uid: u32, now: Boottime) -> Result<(), Boottime> {
        self.forget_until(now);
        if !self.recent.contains_key(&uid) && self.recent.len() >= USERS_MAX {
            return Err(now.plus(SPAN));
        }
        let own = self.recent.entry(uid).or_default();
        match own.front() {
            Some(oldest) if own.len() >= REPORTS_MAX => Err(oldest.plus(SPAN)),
            _ => {
                own.push_back(now);
                Ok(())
            }
        }
    }

    fn forget_until(&mut self, now: Boottime) {
        for own in self.recent.values_mut() {
            let past = own.partition_point(|at| at.plus(SPAN) <= now);
            own.drain(..past);
        }
        self.recent.retain(|_, own| !own.is_empty());
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
        assert_eq!(quota.spend(1002, at(0)), Ok(()));
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
