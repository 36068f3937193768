//! What is on its way, in the order of its arrival.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::api::Word;
use super::network::{Parcel, Request};
use super::revocations::Revocation;
use super::trouble::Trouble;
use crate::policy::event::{Attempt, WriteId};
use crate::policy::revocation::Said;

/// What arrives at its moment.
#[derive(Debug)]
pub(super) enum Due {
    /// A call at Zoho.
    AtZoho(Request),
    /// The end of a call, at the daemon.
    Answer(Delivery),
    /// What the API says of a token, at the daemon.
    Told(Word),
    /// A call to revoke at Zoho.
    RevokeAtZoho(Revocation),
    /// The end of one, at the daemon.
    Revoked(usize, Attempt, Said),
    /// The disk is done with the oldest write.
    Written,
    /// Trouble of a kind begins, by chance.
    Trouble(Trouble),
    /// Trouble of the script begins.
    Scripted(usize),
    /// Trouble of a kind ends.
    Relief(Trouble, usize),
    /// A reader looks at an org.
    Look(usize),
    /// Readers look at every org.
    LookAtAll,
    /// A person looks after orgs that need one.
    Operator,
    /// A job reports a generation, for the so-manieth time.
    ReportAgain(usize, u64, u32),
    /// The process starts.
    Start,
    /// A bug tells that this write is kept, before it is.
    Early(WriteId),
}

/// An answer on its way to the caller.
#[derive(Debug, Clone)]
pub(super) struct Delivery {
    pub(super) org: usize,
    pub(super) attempt: Attempt,
    pub(super) sent_at: i64,
    /// When Zoho said it.
    pub(super) said_at: i64,
    pub(super) parcel: Parcel,
}

/// Everything that is on its way. Invariant: each place in `order` holds an item, and no place in `free` does.
#[derive(Debug, Default)]
pub(super) struct Mail {
    /// When each one arrives, in what order those of one moment do, and where it lies.
    order: BinaryHeap<Reverse<(i64, u64, usize)>>,
    items: Vec<Option<Item>>,
    /// Places in `items` that are empty.
    free: Vec<usize>,
    serial: u64,
}

#[derive(Debug)]
struct Item {
    due: Due,
    /// The life of the process that it belongs to, where it belongs to one.
    life: Option<u32>,
}

impl Mail {
    /// Arrives at `at`, whatever becomes of the process.
    pub(super) fn post(&mut self, at: i64, due: Due) {
        self.put(at, due, None);
    }

    /// Arrives at `at` if the process still lives this life.
    pub(super) fn post_to(&mut self, life: u32, at: i64, due: Due) {
        self.put(at, due, Some(life));
    }

    fn put(&mut self, at: i64, due: Due, life: Option<u32>) {
        self.serial += 1;
        let place = self.free.pop().unwrap_or(self.items.len());
        if place == self.items.len() {
            self.items.push(None);
        }
        self.items[place] = Some(Item { due, life });
        self.order.push(Reverse((at, self.serial, place)));
    }

    /// When the next one arrives.
    pub(super) fn next_at(&self) -> Option<i64> {
        self.order.peek().map(|Reverse((at, ..))| *at)
    }

    /// The next one that has arrived by `now`, and is for this life.
    pub(super) fn take(&mut self, now: i64, life: u32) -> Option<Due> {
        while self.next_at()? <= now {
            let Reverse((_, _, place)) = self.order.pop()?;
            self.free.push(place);
            let item = self.items[place].take()?;
            if item.life.is_none_or(|of| of == life) {
                return Some(item.due);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_arrives_at_one_moment_comes_in_the_order_of_posting_whatever_lay_there_before() {
        let mut mail = Mail::default();
        let looks = |mail: &mut Mail, now, life| {
            let all = std::iter::from_fn(|| mail.take(now, life));
            let orgs = all.map(|due| match due {
                Due::Look(org) => org,
                other => unreachable!("{other:?}"),
            });
            orgs.collect::<Vec<_>>()
        };
        for (at, org) in [(20, 0), (10, 1), (10, 2), (30, 3)] {
            mail.post(at, Due::Look(org));
        }
        assert_eq!(mail.next_at(), Some(10));
        assert_eq!(looks(&mut mail, 20, 1), [1, 2, 0]);
        mail.post_to(1, 30, Due::Look(4));
        mail.post_to(2, 30, Due::Look(5));
        mail.post(30, Due::Look(6));
        assert!(looks(&mut mail, 29, 2).is_empty());
        assert_eq!(
            looks(&mut mail, 30, 2),
            [3, 5, 6],
            "4 was for a life that is over"
        );
        assert_eq!(mail.items.len(), 4, "no place but those of the first four");
    }
}
