//! Bugs that a daemon could have, planted where the policy meets the world: each must be found.
//!
//! The policy itself stays as it ships. A slot that is given back is a lost call told as one never sent; an expiry
//! counted from the answer's arrival is a life that is longer by the call; and so on.

use zoho_tokend::base::{Boottime, Now};
use zoho_tokend::policy::event::{Answer, Event, RequestId, Step};
use zoho_tokend::policy::record::{Cause, Change, Stored};
use zoho_tokend::policy::reply::Outcome;
use zoho_tokend::policy::report::{ApiCode, Report};
use zoho_tokend::policy::restore::Clocks;
use zoho_tokend::simulation::seam::{Known, Seam};
use zoho_tokend::simulation::timeline::Record;
use zoho_tokend::simulation::{run, swarm};

use super::{HOURS, ORGS};

/// Makes [`Bug`] and the list of all of them of one list of names.
macro_rules! bugs {
    ($($name:ident,)*) => {
        /// A bug, by what the daemon would do wrong.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        enum Bug {
            $($name,)*
        }

        use Bug::*;

        const BUGS: &[Bug] = &[$($name,)*];
    };
}

bugs! {
    GivesALostSlotBack,
    ReadsTheWallClockForAges,
    ForgetsTheTimeAsleep,
    LetsAnyAnswerWin,
    CountsALifeFromTheAnswer,
    TakesAThrottleForARevocation,
    TakesARevocationForAThrottle,
    SendsACallAgainByItself,
    TellsAWriteBeforeItIsKept,
    TellsAFailedWriteAsKept,
    WritesNoSlots,
    ForgetsTheLedgerAtAStart,
    ForgetsTheGenerationAtAStart,
    TrustsEveryClockAfterAReboot,
    LeavesEndedTokensInTheFiles,
    DoesNotPublish,
    IgnoresTheEvidenceOfAPlace,
    IgnoresTheWordOfTheApi,
    PublishesWithoutAsking,
    MintsForEveryReport,
    DropsRefusedAskers,
}

/// Seeds that a bug may take to be found: fewer than CI runs.
const SEEDS_MAX: u64 = 400;

#[test]
fn every_planted_bug_is_found_within_four_hundred_seeds() {
    let missed: Vec<Bug> = BUGS.iter().copied().filter(|bug| !is_found(*bug)).collect();
    assert!(missed.is_empty(), "nobody noticed {missed:?}");
}

fn is_found(bug: Bug) -> bool {
    let find = |seed| {
        let plan = swarm::plan(seed, ORGS, HOURS);
        let end = run(&plan, &mut Planted(bug), &Record::Nothing);
        Some((seed, end.broken?))
    };
    let found = (0..SEEDS_MAX).find_map(find);
    match &found {
        Some((seed, broken)) => println!("{bug:?}: SEED={seed} {broken}"),
        None => println!("{bug:?}: not found"),
    }
    found.is_some()
}

struct Planted(Bug);

impl Seam for Planted {
    fn now(&mut self, known: Known) -> Now {
        /// Near the boot clock of a run's first boot, so that it takes a step of the clock to tell them apart.
        const APART_MS: i64 = 1_795_305_590_000;
        let Now { boot, wall } = known.now;
        let boot = match self.0 {
            ReadsTheWallClockForAges => Boottime(wall.0 - APART_MS),
            ForgetsTheTimeAsleep => Boottime(boot.0 - known.slept_ms),
            _ => boot,
        };
        Now { boot, wall }
    }

    fn event(&mut self, event: Event, known: Known) -> Event {
        match event {
            Event::Answered {
                org,
                attempt,
                answer,
            } => {
                let awaited = known.awaited.filter(|_| self.0 == LetsAnyAnswerWin);
                Event::Answered {
                    org,
                    attempt: awaited.unwrap_or(attempt),
                    answer: self.answer(answer, known.call_age_ms),
                }
            }
            Event::Told { org, attempt, .. } if self.0 == IgnoresTheWordOfTheApi => Event::Told {
                org,
                attempt,
                said: Err(Cause::new("timeout", "nobody listened")),
            },
            Event::StoreFailed(write, _) if self.0 == TellsAFailedWriteAsKept => {
                Event::Stored(write)
            }
            Event::Report {
                org,
                request,
                report,
            } if self.0 == MintsForEveryReport => Event::Report {
                org,
                request,
                report: Report {
                    code: ApiCode::of("INVALID_TOKEN"),
                    ..report
                },
            },
            other => other,
        }
    }

    fn steps(&mut self, mut steps: Vec<Step>) -> Vec<Step> {
        let bug = self.0;
        steps.retain(|step| match step {
            Step::Withdraw(_) => bug != LeavesEndedTokensInTheFiles,
            Step::Publish(_) => bug != DoesNotPublish,
            // The policy gives the question up after a while.
            Step::Ask { .. } => bug != PublishesWithoutAsking,
            Step::Reply {
                request: RequestId(_),
                result: Err(_),
            } => bug != DropsRefusedAskers,
            _ => true,
        });
        if bug == WritesNoSlots {
            for step in &mut steps {
                if let Step::Write { changes, .. } = step {
                    changes.retain(|change| !matches!(change, Change::Lane(_)));
                }
            }
        }
        steps
    }

    fn clocks(&mut self, clocks: Clocks) -> Clocks {
        Clocks {
            is_synchronised: clocks.is_synchronised || self.0 == TrustsEveryClockAfterAReboot,
            ..clocks
        }
    }

    fn stored(&mut self, mut stored: Stored) -> Stored {
        match self.0 {
            ForgetsTheLedgerAtAStart => stored.lanes.clear(),
            ForgetsTheGenerationAtAStart => {
                for record in &mut stored.orgs {
                    record.generation = 0;
                }
            }
            TrustsEveryClockAfterAReboot => {
                for record in &mut stored.orgs {
                    record.anchor.is_vouched = true;
                }
            }
            _ => (),
        }
        stored
    }

    fn copies_of_a_call(&mut self) -> u32 {
        if self.0 == SendsACallAgainByItself {
            2
        } else {
            1
        }
    }

    fn tells_writes_early(&mut self) -> bool {
        self.0 == TellsAWriteBeforeItIsKept
    }
}

impl Planted {
    fn answer(&self, answer: Answer, call_age_ms: i64) -> Answer {
        match (self.0, answer) {
            (GivesALostSlotBack, Answer::Lost(cause)) => Answer::NotSent(cause),
            (TakesAThrottleForARevocation, Answer::Sorted(Outcome::Throttled(cause))) => {
                Answer::Sorted(Outcome::NeedsConsent(cause))
            }
            (TakesARevocationForAThrottle, Answer::Sorted(Outcome::NeedsConsent(cause))) => {
                Answer::Sorted(Outcome::Throttled(cause))
            }
            (CountsALifeFromTheAnswer, Answer::Sorted(Outcome::Granted(mut granted))) => {
                let age = u64::try_from(call_age_ms).unwrap_or(0);
                // The policy gives up a thousandth for slow clocks; the bug would too, after it has added.
                granted.life += std::time::Duration::from_millis(age);
                Answer::Sorted(Outcome::Granted(granted))
            }
            (IgnoresTheEvidenceOfAPlace, Answer::Sorted(Outcome::Granted(mut granted))) => {
                granted.api_domain = None;
                granted.scope = None;
                Answer::Sorted(Outcome::Granted(granted))
            }
            (_, answer) => answer,
        }
    }
}
