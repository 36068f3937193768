//! The list of open connections, and who has to make room.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::pulse::Pulse;

/// Most connections at once.
const TOTAL_MAX: usize = 4_096;

/// Most connections of one user at once.
const PER_UID_MAX: usize = 2_048;

/// The open connections. Closing one is dropping its [`Place`].
#[derive(Debug)]
pub(super) struct Connections {
    list: RefCell<List>,
    total_max: usize,
    per_uid_max: usize,
}

#[derive(Debug, Default)]
struct List {
    last: u64,
    open: BTreeMap<u64, (u32, Rc<Pulse>)>,
    of_uid: BTreeMap<u32, usize>,
}

/// Why there is no place for one more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Full {
    /// The user has all that one user may have, and each is being answered.
    User(usize),
    /// All places are taken, and each connection is being answered.
    List(usize),
}

/// One connection's place in the list.
#[derive(Debug)]
pub(super) struct Place {
    list: Rc<Connections>,
    number: u64,
}

impl Connections {
    /// An empty list for at most so many, or fewer if the limits of the contract say so.
    pub(super) fn with_room(room: usize) -> Self {
        let total_max = room.min(TOTAL_MAX);
        Self {
            list: RefCell::default(),
            total_max,
            per_uid_max: (total_max / 2).clamp(1, PER_UID_MAX),
        }
    }

    pub(super) fn count(&self) -> usize {
        self.list.borrow().open.len()
    }

    /// A place for a connection of `uid`, if need be by closing the longest-idle one of its user; when the
    /// whole list is full, of the user that has the most, among those that have one to spare.
    pub(super) fn admit(self: &Rc<Self>, uid: u32, pulse: &Rc<Pulse>) -> Result<Place, Full> {
        let mut list = self.list.borrow_mut();
        let own = list.of_uid.get(&uid).copied().unwrap_or(0);
        if own >= self.per_uid_max {
            list.evict_of(uid).ok_or(Full::User(own))?;
        } else if list.open.len() >= self.total_max {
            list.evict_any().ok_or(Full::List(self.total_max))?;
        }
        list.last += 1;
        let number = list.last;
        list.open.insert(number, (uid, Rc::clone(pulse)));
        *list.of_uid.entry(uid).or_default() += 1;
        Ok(Place {
            list: Rc::clone(self),
            number,
        })
    }
}

impl List {
    fn evict_any(&mut self) -> Option<()> {
        let mut uids: Vec<_> = self
            .of_uid
            .iter()
            .map(|(uid, count)| (*count, *uid))
            .collect();
        uids.sort_unstable();
        uids.into_iter()
            .rev()
            .find_map(|(_, uid)| self.evict_of(uid))
    }

    fn evict_of(&mut self, uid: u32) -> Option<()> {
        let of_uid = self.open.iter().filter(|(_, (owner, _))| *owner == uid);
        let spare = of_uid.filter_map(|(number, (_, pulse))| Some((pulse.spare_since()?, *number)));
        let (_, number) = spare.min()?;
        self.remove(number)?.evict();
        Some(())
    }

    fn remove(&mut self, number: u64) -> Option<Rc<Pulse>> {
        let (uid, pulse) = self.open.remove(&number)?;
        if let Some(count) = self.of_uid.get_mut(&uid) {
            *count -= 1;
            if *count == 0 {
                self.of_uid.remove(&uid);
            }
        }
        Some(pulse)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.list.list.borrow_mut().remove(self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn r10_a_greedy_user_makes_room_for_itself_and_for_others_from_its_own() {
        let list = Rc::new(Connections::with_room(usize::MAX));
        let places: Vec<Place> = (0..PER_UID_MAX)
            .map(|_| list.admit(1000, &Pulse::new()).expect("below the limit"))
            .collect();
        let more = list.admit(1000, &Pulse::new());
        assert!(more.is_ok());
        assert_eq!(list.count(), PER_UID_MAX);
        assert!(list.admit(1001, &Pulse::new()).is_ok());
        drop(places);
        drop(more);
        assert_eq!(list.count(), 0);
    }

    #[tokio::test]
    async fn a_user_whose_connections_are_all_busy_gets_no_more() {
        let list = Rc::new(Connections::with_room(usize::MAX));
        let _places: Vec<Place> = (0..PER_UID_MAX)
            .map(|_| {
                let pulse = Pulse::new();
                pulse.begin();
                list.admit(1000, &pulse).expect("below the limit")
            })
            .collect();
        let refused = list.admit(1000, &Pulse::new()).expect_err("all are busy");
        assert_eq!(refused, Full::User(PER_UID_MAX));
    }

    #[tokio::test]
    async fn a_request_whose_body_does_not_come_makes_room() {
        let list = Rc::new(Connections::with_room(2));
        let pulse = Pulse::new();
        pulse.begin();
        let _place = list.admit(1000, &pulse).expect("room");
        pulse.bring();
        let _more = list.admit(1000, &Pulse::new()).expect("the first one goes");
        assert_eq!(list.count(), 1);
    }

    #[tokio::test]
    async fn r10_where_the_greediest_user_is_busy_the_next_one_with_an_idle_connection_makes_room()
    {
        let list = Rc::new(Connections::with_room(4));
        let busy = Pulse::new();
        busy.begin();
        let admit = |uid, pulse: &Rc<Pulse>| list.admit(uid, pulse).expect("a place");
        let _busy = [admit(1001, &busy), admit(1001, &busy)];
        let idle = Pulse::new();
        let _idle = [admit(1000, &idle), admit(1000, &idle)];
        let _third = [admit(1002, &busy), admit(1003, &busy)];
        assert_eq!(list.count(), 4);
        let refused = list.admit(1004, &Pulse::new()).expect_err("all are busy");
        assert_eq!(refused, Full::List(4));
    }

    #[tokio::test]
    async fn r10_where_descriptors_are_few_one_user_gets_half_of_them() {
        let list = Rc::new(Connections::with_room(10));
        let places: Vec<Place> = (0..20)
            .map(|_| list.admit(1000, &Pulse::new()).expect("an idle one goes"))
            .collect();
        assert_eq!(list.count(), 5);
        assert!(list.admit(1001, &Pulse::new()).is_ok());
        drop(places);
    }
}
