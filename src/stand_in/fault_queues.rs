//! Which fault the next call meets.

use std::collections::{HashMap, VecDeque};

use super::fault::Fault;

/// Faults that wait at once; a script that adds more is wrong.
const QUEUED_MAX: usize = 10_000;

/// What waits: per client id, refresh token or code; an empty key stands for any token call.
#[derive(Debug, Default)]
pub(super) struct FaultQueues(HashMap<String, VecDeque<Waiting>>);

#[derive(Debug)]
struct Waiting {
    fault: Fault,
    /// Calls that it is still for; `None`: all, until cleared.
    times: Option<u32>,
}

impl FaultQueues {
    /// Queues `fault` for the next `times` calls of `on`. Whether there was room.
    pub(super) fn add(&mut self, on: &str, times: Option<u32>, fault: Fault) -> bool {
        let waiting: usize = self.0.values().map(VecDeque::len).sum();
        let has_room = waiting < QUEUED_MAX;
        if has_room && times != Some(0) {
            let queue = self.0.entry(on.to_owned()).or_default();
            queue.push_back(Waiting { fault, times });
        }
        has_room
    }

    /// All of Zoho works again.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The fault for a call that goes by any of `keys`, the first key first; the harmless one where none waits.
    pub(super) fn take(&mut self, keys: &[&str]) -> Fault {
        let found = keys.iter().find_map(|key| self.take_one(key));
        found.unwrap_or_default()
    }

    fn take_one(&mut self, key: &str) -> Option<Fault> {
        let queue = self.0.get_mut(key)?;
        let first = queue.front_mut()?;
        let fault = first.fault.clone();
        if let Some(times) = &mut first.times {
            *times -= 1;
            if *times == 0 {
                queue.pop_front();
            }
        }
        if queue.is_empty() {
            self.0.remove(key);
        }
        Some(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_lasts_for_its_calls_and_the_next_in_line_follows() {
        let mut faults = FaultQueues::default();
        faults.add("client", Some(2), Fault::delay_ms(1));
        faults.add("client", None, Fault::delay_ms(2));
        let delays: Vec<u64> = (0..5).map(|_| faults.take(&["client"]).delay_ms).collect();
        assert_eq!(delays, [1, 1, 2, 2, 2]);
        faults.clear();
        assert_eq!(faults.take(&["client"]).delay_ms, 0);
    }

    #[test]
    fn a_fault_of_one_client_leaves_another_alone() {
        let mut faults = FaultQueues::default();
        faults.add("one", Some(1), Fault::delay_ms(1));
        assert_eq!(faults.take(&["", "other"]).delay_ms, 0);
        assert_eq!(faults.take(&["", "one"]).delay_ms, 1);
    }

    #[test]
    fn faults_are_bounded() {
        let mut faults = FaultQueues::default();
        let added = (0..=QUEUED_MAX).filter(|_| faults.add("", Some(1), Fault::default()));
        assert_eq!(added.count(), QUEUED_MAX);
    }
}
