//! The store's own thread: the disk may take its time, the loop may not.
//!
//! Writes that have queued up while the disk was busy go down together, in one transaction and one sync.
//! Invariant: a write is answered exactly once, [`Event::Stored`] after the sync and not before.

use std::cell::{Cell, RefCell};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tokio::sync::{mpsc as turns, oneshot};
use tokio::time::timeout;

use super::shared::Turn;

use crate::base::OrgName;
use crate::edge::store::{Store, StoreError};
use crate::policy::event::{Event, WriteId};
use crate::policy::record::{Cause, Change, Note};

/// Most writes in one transaction.
const BATCH_MAX: usize = 256;

/// Most histories that wait for the disk; one more is refused.
const HISTORIES_MAX: usize = 64;

/// How long the end waits for the thread to close the state. All writes are answered by then, or given up.
const CLOSE_MAX: Duration = Duration::from_secs(1);

/// What the thread is asked.
enum Task {
    Write(WriteId, Vec<Change>),
    History(OrgName, oneshot::Sender<Result<Vec<Note>, StoreError>>),
}

/// The loop's end of the thread.
#[derive(Debug)]
pub(super) struct Keeper {
    tasks: RefCell<Option<mpsc::Sender<Task>>>,
    histories: Cell<usize>,
    ended: RefCell<Option<oneshot::Receiver<()>>>,
}

impl Keeper {
    /// Starts the thread; outcomes of writes are told as turns of the loop. What comes back says that the state on
    /// the disk is not the one that was read, so that going on would be guessing.
    pub(super) fn start(
        store: Box<dyn Store>,
        turns: turns::UnboundedSender<Turn>,
    ) -> std::io::Result<(Self, oneshot::Receiver<StoreError>)> {
        let (tasks, inbox) = mpsc::channel();
        let (lost, is_lost) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        let mut desk = Desk {
            store,
            turns,
            lost: Some(lost),
        };
        thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || {
                desk.keep(&inbox);
                drop(desk);
                end.send(()).ok();
            })?;
        let keeper = Self {
            tasks: RefCell::new(Some(tasks)),
            histories: Cell::new(0),
            ended: RefCell::new(Some(ended)),
        };
        Ok((keeper, is_lost))
    }

    /// Sends a write down. Where the thread is gone no outcome comes: the process is about to end.
    pub(super) fn write(&self, write: WriteId, changes: Vec<Change>) {
        self.send(Task::Write(write, changes));
    }

    /// An org's history; `None` where too many wait already, or the thread is gone.
    pub(super) async fn history(&self, org: OrgName) -> Option<Result<Vec<Note>, StoreError>> {
        if self.histories.get() >= HISTORIES_MAX {
            return None;
        }
        let (reply, answer) = oneshot::channel();
        let _waiting = Waiting::new(&self.histories);
        self.send(Task::History(org, reply));
        answer.await.ok()
    }

    /// Lets the state go, within [`CLOSE_MAX`]: a hung disk must not hold up the end.
    pub(super) async fn close(&self) {
        drop(self.tasks.take());
        if let Some(ended) = self.ended.take() {
            timeout(CLOSE_MAX, ended).await.ok();
        }
    }

    fn send(&self, task: Task) {
        if let Some(tasks) = &*self.tasks.borrow() {
            tasks.send(task).ok();
        }
    }
}

/// Counts one who waits, also if he goes before the answer comes.
struct Waiting<'a>(&'a Cell<usize>);

impl<'a> Waiting<'a> {
    fn new(count: &'a Cell<usize>) -> Self {
        count.set(count.get() + 1);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// The thread's end.
struct Desk {
    store: Box<dyn Store>,
    turns: turns::UnboundedSender<Turn>,
    lost: Option<oneshot::Sender<StoreError>>,
}

type Write = (WriteId, Vec<Change>);

impl Desk {
    /// Writes go first: somebody's token waits for them.
    fn keep(&mut self, inbox: &mpsc::Receiver<Task>) {
        while let Ok(first) = inbox.recv() {
            let (mut writes, mut histories) = (Vec::new(), Vec::new());
            let queued = inbox.try_iter().take(BATCH_MAX - 1);
            for task in std::iter::once(first).chain(queued) {
                match task {
                    Task::Write(write, changes) => writes.push((write, changes)),
                    Task::History(org, reply) => histories.push((org, reply)),
                }
            }
            self.write_all(writes);
            histories.retain(|(_, reply)| !reply.is_closed());
            for (org, reply) in histories {
                reply.send(self.store.history(&org)).ok();
            }
        }
    }

    /// All in one transaction. If one of them contradicts what is on the disk, each in its own, to find it; any other
    /// trouble is the disk's, and trying each would only take longer.
    fn write_all(&mut self, writes: Vec<Write>) {
        let changes = writes.iter().flat_map(|(_, changes)| changes.clone());
        let together: Vec<Change> = changes.collect();
        if together.is_empty() {
            return;
        }
        match self.store.write(&together) {
            Ok(()) => {
                for (write, _) in writes {
                    self.tell(Event::Stored(write));
                }
            }
            Err(StoreError::Conflict { .. }) if writes.len() > 1 => {
                for write in writes {
                    self.write_all(vec![write]);
                }
            }
            Err(err) => self.fail(&writes, err),
        }
    }

    fn fail(&mut self, writes: &[Write], err: StoreError) {
        let cause = Cause::new("state-unwritable", &err.to_string());
        for (write, _) in writes {
            self.tell(Event::StoreFailed(*write, cause.clone()));
        }
        if let StoreError::Conflict { .. } = err
            && let Some(lost) = self.lost.take()
        {
            lost.send(err).ok();
        }
    }

    fn tell(&self, event: Event) {
        self.turns.send(Turn::Event(event)).ok();
    }
}
