//! What the loop and the tasks around it share. One thread, so cells and no locks.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};

use super::delivery::Delivery;
use super::keeper::Keeper;
use super::standing::Standing;
use crate::base::OrgName;
use crate::edge::clock::SystemClock;
use crate::edge::outlet::Publication;
use crate::policy::event::{Event, Refusal, RequestId};
use crate::policy::fleet::Fleet;
use crate::policy::gist::Revision;
use crate::policy::quota::Quota;
use crate::policy::report::{Report, Ruling};
use crate::policy::revoke::{Ended, Wish};
use crate::policy::seats::Count;
use crate::policy::status::Status;

/// The daemon's state.
pub(super) struct Shared {
    pub(super) fleet: RefCell<Fleet>,
    /// The config in force, with what it names.
    pub(super) standing: RefCell<Rc<Standing>>,
    pub(super) clock: Arc<SystemClock>,
    pub(super) turns: mpsc::UnboundedSender<Turn>,
    pub(super) keeper: Keeper,
    pub(super) delivery: Rc<Delivery>,
    /// Counts the changes that a waiting reader may care about.
    pub(super) news: watch::Sender<u64>,
    /// What watchers wait for: the gists of all orgs have changed, or who may see them.
    pub(super) gists: watch::Sender<Option<Revision>>,
    /// True once the daemon drains.
    pub(super) stop: watch::Sender<bool>,
    /// Whether READY has been said.
    pub(super) is_ready: Cell<bool>,
    /// Calls to Zoho whose answer the loop has not had yet.
    pub(super) calls: Cell<usize>,
    /// Writes whose outcome the loop has not had yet.
    pub(super) writes: Cell<usize>,
    /// Held by whoever reads the config anew, until it is in force: two reloads never overtake each other.
    pub(super) reloading: tokio::sync::Mutex<()>,
    /// How often each user may still report.
    pub(super) quota: RefCell<Quota>,
    /// Whether a signal has asked for a reload that has not begun: any more of them ask for the same one.
    pub(super) is_reload_due: Cell<bool>,
    requests: RefCell<Requests>,
}

/// What the loop takes, one after the other.
pub(super) enum Turn {
    /// Something happened.
    Event(Event),
    /// Another config is to be in force: for the fleet and for everybody else at the same moment, so that no call
    /// goes out with one org's secret and another config's host (S3). Told when it is.
    Adopt(Box<Standing>, oneshot::Sender<()>),
}

/// Admins and reporters who wait.
#[derive(Debug, Default)]
struct Requests {
    last: u64,
    admins: BTreeMap<RequestId, oneshot::Sender<Result<(), Refusal>>>,
    reporters: BTreeMap<RequestId, oneshot::Sender<Option<Ruling>>>,
    revokers: BTreeMap<RequestId, oneshot::Sender<Result<Ended, Refusal>>>,
}

impl Requests {
    fn next(&mut self) -> RequestId {
        self.last += 1;
        RequestId(self.last)
    }
}

impl Shared {
    pub(super) fn new(
        fleet: Fleet,
        standing: Rc<Standing>,
        clock: Arc<SystemClock>,
        turns: mpsc::UnboundedSender<Turn>,
        keeper: Keeper,
        delivery: Rc<Delivery>,
    ) -> Self {
        Self {
            fleet: RefCell::new(fleet),
            standing: RefCell::new(standing),
            clock,
            turns,
            keeper,
            delivery,
            news: watch::Sender::new(0),
            gists: watch::Sender::new(None),
            stop: watch::Sender::new(false),
            is_ready: Cell::new(false),
            calls: Cell::new(0),
            writes: Cell::new(0),
            reloading: tokio::sync::Mutex::default(),
            quota: RefCell::default(),
            is_reload_due: Cell::new(false),
            requests: RefCell::default(),
        }
    }

    pub(super) fn standing(&self) -> Rc<Standing> {
        Rc::clone(&self.standing.borrow())
    }

    /// Tells the loop what happened. Where the loop is gone, so is everything.
    pub(super) fn tell(&self, event: Event) {
        self.turns.send(Turn::Event(event)).ok();
    }

    /// Sends an admin's wish to the loop, and waits for what comes of it.
    pub(super) async fn request(
        &self,
        event: impl FnOnce(RequestId) -> Event,
    ) -> Option<Result<(), Refusal>> {
        if *self.stop.borrow() {
            return None;
        }
        let (reply, answer) = oneshot::channel();
        let id = {
            let mut requests = self.requests.borrow_mut();
            let id = requests.next();
            requests.admins.insert(id, reply);
            id
        };
        self.tell(event(id));
        answer.await.ok()
    }

    /// Sends a report to the loop; the ruling comes when there is one, and none comes if the daemon stops.
    pub(super) fn report(&self, org: OrgName, report: Report) -> oneshot::Receiver<Option<Ruling>> {
        let (reply, ruling) = oneshot::channel();
        if *self.stop.borrow() {
            return ruling;
        }
        let request = {
            let mut requests = self.requests.borrow_mut();
            let request = requests.next();
            requests.reporters.insert(request, reply);
            request
        };
        self.tell(Event::Report {
            org,
            request,
            report,
        });
        ruling
    }

    /// Sends an admin's wish to revoke to the loop, and waits for what comes of it.
    pub(super) async fn revoke(&self, org: OrgName, wish: Wish) -> Option<Result<Ended, Refusal>> {
        if *self.stop.borrow() {
            return None;
        }
        let (reply, ended) = oneshot::channel();
        let request = {
            let mut requests = self.requests.borrow_mut();
            let request = requests.next();
            requests.revokers.insert(request, reply);
            request
        };
        self.tell(Event::Revoke { org, request, wish });
        ended.await.ok()
    }

    /// Hands an admin the end of a revocation.
    pub(super) fn end_revocation(&self, request: RequestId, result: Result<Ended, Refusal>) {
        if let Some(reply) = self.requests.borrow_mut().revokers.remove(&request) {
            reply.send(result).ok();
        }
    }

    /// Hands a reporter the ruling, if it still waits.
    pub(super) fn rule(&self, request: RequestId, ruling: Option<Ruling>) {
        if let Some(reply) = self.requests.borrow_mut().reporters.remove(&request) {
            reply.send(ruling).ok();
        }
    }

    /// Hands an admin the outcome.
    pub(super) fn reply(&self, request: RequestId, result: Result<(), Refusal>) {
        if let Some(reply) = self.requests.borrow_mut().admins.remove(&request) {
            reply.send(result).ok();
        }
    }

    /// How many of Zoho's places the org's client has taken.
    pub(super) fn places(&self, org: &OrgName) -> Option<Count> {
        let standing = self.standing();
        let binding = &standing.org(org)?.settings.binding;
        let fleet = self.fleet.borrow();
        Some(fleet.seat_count(binding, self.clock.now()))
    }

    /// Wakes those who watch, if there is something for them. What time alone changes, each waits for itself.
    pub(super) fn tell_watchers(&self) {
        if self.gists.receiver_count() == 0 {
            return;
        }
        let now = self.clock.now().boot;
        let revision = Some(Revision::of(self.fleet.borrow().gists(now)));
        self.gists
            .send_if_modified(|last| std::mem::replace(last, revision) != revision);
    }

    /// The status of one org, with what keeps its files from being written.
    pub(super) fn status(&self, org: &OrgName) -> Option<Status> {
        let mut status = self.fleet.borrow().status(org, self.clock.now())?;
        status.warnings.extend(self.delivery.troubles_of(org));
        Some(status)
    }

    /// Counts what the loop has waited for. Not sooner: an answer that is still in the queue is not over.
    pub(super) fn note_end_of(&self, event: &Event) {
        let count = match event {
            Event::Answered { .. } | Event::Told { .. } | Event::RevocationAnswered { .. } => {
                &self.calls
            }
            Event::Stored(_) | Event::StoreFailed(..) => &self.writes,
            _ => return,
        };
        count.set(count.get().saturating_sub(1));
    }

    /// Nobody is left waiting at the end; whose answer is open is told that the daemon stops.
    pub(super) fn give_up_requests(&self) {
        let mut requests = self.requests.borrow_mut();
        requests.admins.clear();
        requests.reporters.clear();
        requests.revokers.clear();
    }

    /// Whether Zoho, the disk or the files have yet to answer.
    pub(super) fn is_busy(&self) -> bool {
        self.calls.get() > 0 || self.writes.get() > 0 || self.delivery.is_busy()
    }

    /// Brings the files of an org in line with what is served.
    pub(super) fn deliver(&self, org: &OrgName) {
        let standing = self.standing();
        let publication = self.publication(org, &standing).map(Arc::new);
        self.delivery
            .wish(org, publication.as_ref(), standing.outputs_of(org));
    }

    fn publication(&self, name: &OrgName, standing: &Standing) -> Option<Publication> {
        let now = self.clock.now();
        let fleet = self.fleet.borrow();
        let token = fleet.org(name)?.served(now.boot)?;
        let org = standing.org(name)?;
        Some(Publication {
            org: name.clone(),
            access_token: Arc::clone(&token.access_token),
            token_type: super::TOKEN_TYPE.to_owned(),
            api_domain: token.api_domain.to_string(),
            scope: token.scope.iter().map(str::to_owned).collect(),
            environment: org.settings.binding.environment,
            data_center: org.settings.binding.data_center.to_string(),
            expires_at: now.wall_at(token.expires),
            generation: token.generation,
            readers: standing.access.file_readers(standing.readers_of(name)),
        })
    }
}
