//! Events and steps in a line each, for the timeline: what a person looks for, and nothing else.

use std::fmt;

use crate::base::Boottime;
use crate::policy::event::{Answer, Event, Step};
use crate::policy::record::{Change, OrgRecord};

/// An event in a line.
pub(super) struct Told<'a>(pub(super) &'a Event);

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Event::Stored(write) => write!(f, "-> stored {}", write.0),
            Event::StoreFailed(write, cause) => {
                write!(f, "-> not stored {}: {}", write.0, cause.code)
            }
            Event::Answered {
                org,
                attempt,
                answer,
            } => write!(
                f,
                "-> {org}: answer to call {}: {}",
                attempt.0,
                Said(answer)
            ),
            Event::Dated { org, date, .. } => write!(f, "-> {org}: Zoho's date is {date:?}"),
            Event::Configured(settings) => write!(f, "-> config of {} orgs", settings.len()),
            Event::Enroll { org, request, .. } => {
                write!(f, "-> {org}: enroll, asker {}", request.0)
            }
            // Without the request, so that a storm is a line or two.
            Event::Report { org, report, .. } => write!(
                f,
                "-> {org}: {} reported for generation {}",
                report.code.name, report.generation
            ),
            Event::Refresh { org, request } => write!(f, "-> {org}: refresh, asker {}", request.0),
            other => write!(f, "-> {other:?}"),
        }
    }
}

/// An answer in a word or two.
struct Said<'a>(&'a Answer);

impl fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Answer::NotSent(_) => f.write_str("not sent"),
            Answer::Lost(_) => f.write_str("lost"),
            Answer::Sorted(outcome) => match outcome.cause() {
                Some(cause) => write!(f, "{}", cause.code),
                None => write!(f, "{outcome:?}"),
            },
        }
    }
}

/// A step in a line; times as the boot clock shows them at `now`.
pub(super) struct Wanted<'a>(pub(super) &'a Step, pub(super) Boottime);

impl fmt::Display for Wanted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Step::Write { write, changes } => {
                write!(f, "<- write {}:", write.0)?;
                changes.iter().try_for_each(|change| match change {
                    Change::Org(record) => write!(f, " {}", Kept(record, self.1)),
                    Change::Lane(lane) => {
                        write!(f, "; {} with {} slots", lane.id.0, lane.slots.len())
                    }
                    Change::DropLane(lane) => write!(f, "; drops {}", lane.0),
                    Change::Note(note) => write!(f, "; notes {}", note.kind),
                })
            }
            Step::Call {
                org,
                attempt,
                asked,
                ..
            } => write!(f, "<- {org}: call {}, {asked:?}", attempt.0),
            Step::Ask { org, attempt, .. } => {
                write!(f, "<- {org}: question {} to the API", attempt.0)
            }
            Step::Revoke { org, attempt, .. } => write!(f, "<- {org}: revoke, call {}", attempt.0),
            Step::Revoked { request, result } => {
                write!(f, "<- tell asker {}: {result:?}", request.0)
            }
            Step::Publish(org) => write!(f, "<- {org}: publish"),
            Step::Withdraw(org) => write!(f, "<- {org}: withdraw"),
            Step::Reply { result, .. } => write!(f, "<- tell an asker: {result:?}"),
            Step::Rule { ruling, .. } => write!(f, "<- tell a reporter: {ruling:?}"),
            Step::Tell(severity, note) => {
                write!(
                    f,
                    "<- {}: {severity:?}: {}: {}",
                    note.org, note.kind, note.detail
                )
            }
        }
    }
}

/// A record in a few words.
struct Kept<'a>(&'a OrgRecord, Boottime);

impl fmt::Display for Kept<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(record, now) = self;
        let word = record.verdict.word.as_str();
        write!(f, "{} revision {}, {word}", record.org, record.revision)?;
        match &record.token {
            Some(token) => {
                let left = (token.expires.0 - now.0) / 1000;
                write!(f, ", generation {} with {left} s left", token.generation)
            }
            None => f.write_str(", no token"),
        }
    }
}
