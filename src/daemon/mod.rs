//! The daemon: waits for an event, steps the policy, carries out the steps.
//!
//! One thread runs the loop, the socket and the calls to Zoho; the disk has threads of its own ([`keeper`] for
//! the state, [`delivery`] for the files). Nothing in here decides: what an answer means, when to mint and what
//! a reader gets is [`crate::policy`]'s.

mod address;
mod admin;
mod calls;
mod delivery;
mod desk;
mod fixed;
mod health;
mod keeper;
mod login;
mod loss;
mod metrics_page;
mod names;
mod questions;
mod reload;
mod renewal;
mod reports;
mod revocations;
mod revoke;
mod shared;
mod standing;
mod start;

use std::rc::Rc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, sleep_until};

use calls::Order;
use questions::Question;
use shared::{Shared, Turn};
pub use start::{Fatal, run};

use crate::edge::dice::Jitter;
use crate::edge::signals::{Signal, Signals};
use crate::edge::store::StoreError;
use crate::edge::systemd;
use crate::policy::event::{Answer, Event, Severity, Step};
use crate::policy::record::{Cause, Note, Word};

/// The word before an access token in a header: CRM API v8, "Access and Refresh".
const TOKEN_TYPE: &str = "Zoho-oauthtoken";

/// How long a start may take until READY is said all the same, with the orgs that are not decided named.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// How often a start looks whether it is over: files are written without an event.
const START_LOOK: Duration = Duration::from_millis(100);

/// How long the end may wait for Zoho, the disk and the files: an unanswered call stays a spent slot. With the
/// second that the socket gets after it, the contract's five.
const DRAIN_MAX: Duration = Duration::from_secs(4);

/// How often the end looks whether all is done.
const DRAIN_LOOK: Duration = Duration::from_millis(10);

/// How often names that no user or group had are looked up again.
const LOOK_AGAIN_EVERY: Duration = Duration::from_mins(5);

/// The loop, and what it alone holds.
struct Loop {
    shared: Rc<Shared>,
    turns: mpsc::UnboundedReceiver<Turn>,
    signals: Signals,
    state_lost: oneshot::Receiver<StoreError>,
    dice: Jitter,
    begun: Instant,
    look_again_at: Instant,
    status: String,
}

impl Loop {
    /// Runs until a signal says stop, or until the state turns out to be another one's.
    async fn run(&mut self) -> Result<(), Fatal> {
        let mut result = Ok(());
        loop {
            self.tell_systemd();
            self.look_again();
            let wake = sleep_until(self.wake_at());
            tokio::select! {
                Some(turn) = self.turns.recv() => self.take(turn),
                () = wake => {
                    self.step(Event::Tick);
                    metrics_page::upkeep();
                }
                Ok(err) = &mut self.state_lost => {
                    result = Err(err.into());
                    break;
                }
                signal = self.signals.next() => match signal {
                    Some(Signal::Reload) => self.reload_by_signal(),
                    Some(Signal::Stop) | None => break,
                },
            }
        }
        self.drain().await;
        result
    }

    /// Ends what is under way, within [`DRAIN_MAX`]. Begins nothing: no tick comes any more.
    async fn drain(&mut self) {
        tracing::info!("stopping: no new connections, no new mints");
        systemd::tell_stopping().ok();
        self.shared.stop.send_replace(true);
        let end = Instant::now() + DRAIN_MAX;
        while self.shared.is_busy() && Instant::now() < end {
            tokio::select! {
                Some(turn) = self.turns.recv() => self.take(turn),
                // Files are written without an event.
                () = sleep(DRAIN_LOOK) => (),
            }
        }
        // Admins who wait for a call that has no answer are told so, instead of being cut off.
        self.shared.give_up_requests();
        self.shared.keeper.close().await;
    }

    fn take(&mut self, turn: Turn) {
        match turn {
            Turn::Event(event) => self.step(event),
            Turn::Adopt(standing, done) => {
                let settings = standing.settings();
                *self.shared.standing.borrow_mut() = Rc::new(*standing);
                self.step(Event::Configured(settings));
                // Others may watch now.
                self.shared.gists.send_modify(|_| ());
                done.send(()).ok();
            }
        }
    }

    fn step(&mut self, event: Event) {
        self.shared.note_end_of(&event);
        let now = self.shared.clock.now();
        let steps = self
            .shared
            .fleet
            .borrow_mut()
            .step(event, now, &mut self.dice);
        let is_news = !steps.is_empty();
        for step in steps {
            self.carry_out(step);
        }
        if is_news {
            self.shared.news.send_modify(|count| *count += 1);
        }
        self.shared.tell_watchers();
    }

    fn carry_out(&self, step: Step) {
        match step {
            Step::Write { write, changes } => {
                self.shared.writes.set(self.shared.writes.get() + 1);
                self.shared.keeper.write(write, changes);
            }
            // Begun too late. Nothing is sent, so that the slot is given back.
            Step::Call { org, attempt, .. } if *self.shared.stop.borrow() => {
                let cause = Cause::new("stopping", "the daemon is stopping");
                let answer = Answer::NotSent(cause);
                self.shared.tell(Event::Answered {
                    org,
                    attempt,
                    answer,
                });
            }
            Step::Call {
                org,
                attempt,
                asked,
                right,
                client_secret,
            } => {
                let order = Order {
                    org,
                    attempt,
                    asked,
                    right,
                    client_secret,
                };
                calls::start(&self.shared, order);
            }
            Step::Ask { org, attempt, .. } if *self.shared.stop.borrow() => {
                let said = Err(Cause::new("stopping", "the daemon is stopping"));
                self.shared.calls.set(self.shared.calls.get() + 1);
                self.shared.tell(Event::Told { org, attempt, said });
            }
            Step::Ask {
                org,
                attempt,
                access_token,
                timeout,
            } => {
                let question = Question {
                    org,
                    attempt,
                    access_token,
                    timeout,
                };
                questions::start(&self.shared, question);
            }
            Step::Revoke {
                org,
                attempt,
                doomed,
            } => revocations::start(&self.shared, org, attempt, doomed),
            Step::Publish(org) | Step::Withdraw(org) => self.shared.deliver(&org),
            Step::Reply { request, result } => self.shared.reply(request, result),
            Step::Revoked { request, result } => self.shared.end_revocation(request, result),
            Step::Rule { request, ruling } => self.shared.rule(request, ruling),
            Step::Tell(severity, note) => self.tell(severity, &note),
        }
    }

    /// Writes it to the log; where a grant needs a person, with what to do.
    fn tell(&self, severity: Severity, note: &Note) {
        let Note {
            org, kind, detail, ..
        } = note;
        let is_for_a_person = kind == "grant" && severity == Severity::Error;
        let remedy = || self.shared.fleet.borrow().remedy(org);
        match (severity, is_for_a_person.then(remedy).flatten()) {
            (_, Some(remedy)) => tracing::error!(%org, "{kind}: {detail}; {}", remedy.cure),
            (Severity::Info, None) => tracing::info!(%org, "{kind}: {detail}"),
            (Severity::Warning, None) => tracing::warn!(%org, "{kind}: {detail}"),
            (Severity::Error, None) => tracing::error!(%org, "{kind}: {detail}"),
        }
    }

    /// When the loop turns at the latest: the fleet's next moment, and often enough for the watchdog.
    fn wake_at(&self) -> Instant {
        let now = self.shared.clock.now().boot;
        let wake = self.shared.fleet.borrow().wake_at(now).since(now);
        let fed = systemd::watchdog_interval().map_or(wake, |interval| wake.min(interval));
        let is_starting = !self.shared.is_ready.get();
        let looked = if is_starting {
            fed.min(START_LOOK)
        } else {
            fed
        };
        Instant::now() + looked
    }

    /// READY once it is true, the watchdog at each turn, the state in a line when it changes.
    fn tell_systemd(&mut self) {
        systemd::feed_watchdog().ok();
        let status = summary(&self.shared);
        if !self.shared.is_ready.get() {
            self.become_ready(&status);
        }
        if status != self.status {
            systemd::tell_status(&status).ok();
            self.status = status;
        }
    }

    /// Says READY if every required org is decided, or the start has taken long enough.
    fn become_ready(&self, status: &str) {
        let undecided = self.undecided();
        // Who starts after this unit may read a file at once.
        let is_done = undecided.is_empty() && !self.shared.delivery.is_busy();
        if !is_done && self.begun.elapsed() < READY_WITHIN {
            return;
        }
        if !undecided.is_empty() {
            tracing::warn!(
                "ready, but without a decision on {}; see `zoho-tokend status`",
                undecided.join(", ")
            );
        }
        tracing::info!("ready: {status}");
        self.shared.is_ready.set(true);
        systemd::tell_ready(status).ok();
    }

    /// Looks names up again that no user or group had, when it is time.
    fn look_again(&mut self) {
        if Instant::now() < self.look_again_at {
            return;
        }
        self.look_again_at = Instant::now() + LOOK_AGAIN_EVERY;
        if self.shared.standing().unresolved.is_empty() {
            return;
        }
        let shared = Rc::clone(&self.shared);
        tokio::task::spawn_local(async move { reload::look_again(&shared).await });
    }

    /// However many signals come, at most one reload waits behind the one that is under way.
    fn reload_by_signal(&self) {
        if self.shared.is_reload_due.replace(true) {
            return;
        }
        let shared = Rc::clone(&self.shared);
        tokio::task::spawn_local(async move {
            if let Err(problems) = reload::reload_when_due(&shared).await {
                for problem in &problems {
                    tracing::error!("{problem}");
                }
                let count = problems.len();
                let plural = if count == 1 { "" } else { "s" };
                tracing::error!(
                    "config: not reloaded, {count} problem{plural}; the old one stays in force"
                );
            }
        });
    }

    fn undecided(&self) -> Vec<String> {
        let now = self.shared.clock.now().boot;
        let standing = self.shared.standing();
        let fleet = self.shared.fleet.borrow();
        let undecided = fleet.orgs().filter(|(name, org)| {
            let is_required = standing.org(name).is_some_and(|org| org.settings.required);
            is_required && !org.is_decided(now)
        });
        undecided.map(|(name, _)| name.to_string()).collect()
    }
}

/// `systemctl status` in a line.
fn summary(shared: &Shared) -> String {
    let now = shared.clock.now().boot;
    let fleet = shared.fleet.borrow();
    let total = fleet.orgs().count();
    let served = fleet
        .orgs()
        .filter(|(_, org)| org.served(now).is_some())
        .count();
    let ill: Vec<String> = fleet
        .orgs()
        .filter(|(_, org)| org.word() != Word::Ok)
        .map(|(name, org)| format!("{name} {}", org.word().as_str()))
        .take(5)
        .collect();
    if ill.is_empty() {
        format!("{served} of {total} orgs have a token")
    } else {
        format!("{served} of {total} orgs have a token; {}", ill.join(", "))
    }
}

/// Lets the socket's tasks end, for a moment.
async fn finish(serving: tokio::task::JoinHandle<()>) {
    tokio::select! {
        _ = serving => (),
        () = sleep(Duration::from_secs(1)) => (),
    }
}
