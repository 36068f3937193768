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
    /// Starts the thread; outcomes of writes go to `events`.
    pub(super) fn start(
        store: Box<dyn Store>,
        events: events::UnboundedSender<Event>,
    ) -> std::io::Result<Self> {
        let (tasks, inbox) = mpsc::channel();
        let thread = thread::Builder::new().name("store".to_owned());
        let thread = thread.spawn(move || keep(store, &inbox, &events))?;
        Ok(Self {
            tasks: Some(tasks),
            thread: Some(thread),
        })
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

fn keep(
    mut store: Box<dyn Store>,
    inbox: &mpsc::Receiver<Task>,
    events: &events::UnboundedSender<Event>,
) {
    while let Ok(first) = inbox.recv() {
        let mut writes = Vec::new();
        let queued = inbox.try_iter().take(BATCH_MAX - 1);
        for task in std::iter::once(first).chain(queued) {
            match task {
                Task::Write(write, changes) => writes.push((write, changes)),
                Task::History(org, reply) => {
                    reply.send(store.history(&org)).ok();
                }
            }
        }
        for event in write_all(store.as_mut(), writes) {
            events.send(event).ok();
        }
    }
}

/// All in one transaction; if that fails, each in its own, so that one that cannot be kept stops no other.
fn write_all(store: &mut dyn Store, writes: Vec<(WriteId, Vec<Change>)>) -> Vec<Event> {
    let together: Vec<Change> = writes
        .iter()
        .flat_map(|(_, changes)| changes.clone())
        .collect();
    if together.is_empty() {
        return Vec::new();
    }
    match store.write(&together) {
        Ok(()) => writes
            .into_iter()
            .map(|(write, _)| Event::Stored(write))
            .collect(),
        Err(err) if writes.len() == 1 => failed(writes[0].0, &err),
        Err(_) => writes
            .into_iter()
            .flat_map(|(write, changes)| match store.write(&changes) {
                Ok(()) => vec![Event::Stored(write)],
                Err(err) => failed(write, &err),
            })
            .collect(),
    }
}

fn failed(write: WriteId, err: &StoreError) -> Vec<Event> {
    tracing::error!("state: {err}");
    vec![Event::StoreFailed(
        write,
        Cause::new("state-unwritable", &err.to_string()),
    )]
}
