//! The store's own thread: the disk may take its time, the loop may not.
//!
//! Writes that have queued up while the disk was busy go down together, in one transaction and one sync.
//! Invariant: a write is answered exactly once, [`Event::Stored`] after the sync and not before.

use std::sync::mpsc;
use std::thread;

use tokio::sync::{mpsc as events, oneshot};

use crate::base::OrgName;
use crate::edge::store::{Store, StoreError};
use crate::policy::event::{Event, WriteId};
use crate::policy::record::{Cause, Change, Note};

/// Most writes in one transaction.
const BATCH_MAX: usize = 256;

/// What the thread is asked.
enum Task {
    Write(WriteId, Vec<Change>),
    History(OrgName, oneshot::Sender<Result<Vec<Note>, StoreError>>),
}

/// The loop's end of the thread. The thread ends, and lets the state go, once this is dropped.
#[derive(Debug)]
pub(super) struct Keeper {
    tasks: Option<mpsc::Sender<Task>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Keeper {
    /// Starts the thread; outcomes of writes go to `events`. What comes back says that the state on the disk is not
    /// the one that was read, so that going on would be guessing.
    pub(super) fn start(
        store: Box<dyn Store>,
        events: events::UnboundedSender<Event>,
    ) -> std::io::Result<(Self, oneshot::Receiver<StoreError>)> {
        let (tasks, inbox) = mpsc::channel();
        let (lost, is_lost) = oneshot::channel();
        let mut desk = Desk {
            store,
            events,
            lost: Some(lost),
        };
        let thread = thread::Builder::new().name("store".to_owned());
        let thread = thread.spawn(move || desk.keep(&inbox))?;
        let keeper = Self {
            tasks: Some(tasks),
            thread: Some(thread),
        };
        Ok((keeper, is_lost))
    }

    /// Sends a write down. Where the thread is gone no outcome comes: the process is about to end.
    pub(super) fn write(&self, write: WriteId, changes: Vec<Change>) {
        self.send(Task::Write(write, changes));
    }

    /// An org's history; `None` where the thread is gone.
    pub(super) async fn history(&self, org: OrgName) -> Option<Result<Vec<Note>, StoreError>> {
        let (reply, answer) = oneshot::channel();
        self.send(Task::History(org, reply));
        answer.await.ok()
    }

    fn send(&self, task: Task) {
        if let Some(tasks) = &self.tasks {
            tasks.send(task).ok();
        }
    }
}

/// Waits until all that was sent is on the disk.
impl Drop for Keeper {
    fn drop(&mut self) {
        self.tasks = None;
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

/// The thread's end.
struct Desk {
    store: Box<dyn Store>,
    events: events::UnboundedSender<Event>,
    lost: Option<oneshot::Sender<StoreError>>,
}

type Write = (WriteId, Vec<Change>);

impl Desk {
    fn keep(&mut self, inbox: &mpsc::Receiver<Task>) {
        while let Ok(first) = inbox.recv() {
            let mut writes = Vec::new();
            let queued = inbox.try_iter().take(BATCH_MAX - 1);
            for task in std::iter::once(first).chain(queued) {
                match task {
                    Task::Write(write, changes) => writes.push((write, changes)),
                    Task::History(org, reply) => {
                        reply.send(self.store.history(&org)).ok();
                    }
                }
            }
            self.write_all(writes);
        }
    }

    /// All in one transaction; if that fails, each in its own, so that one that cannot be kept stops no other.
    fn write_all(&mut self, writes: Vec<Write>) {
        let changes = writes.iter().flat_map(|(_, changes)| changes.clone());
        let together: Vec<Change> = changes.collect();
        if writes.len() > 1 && self.store.write(&together).is_ok() {
            for (write, _) in writes {
                self.tell(Event::Stored(write));
            }
            return;
        }
        for (write, changes) in writes {
            let event = match self.store.write(&changes) {
                Ok(()) => Event::Stored(write),
                Err(err) => self.failed(write, err),
            };
            self.tell(event);
        }
    }

    fn failed(&mut self, write: WriteId, err: StoreError) -> Event {
        let cause = Cause::new("state-unwritable", &err.to_string());
        if let StoreError::Conflict { .. } = err
            && let Some(lost) = self.lost.take()
        {
            lost.send(err).ok();
        }
        Event::StoreFailed(write, cause)
    }

    fn tell(&self, event: Event) {
        self.events.send(event).ok();
    }
}
