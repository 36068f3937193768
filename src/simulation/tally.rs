//! Counts what happened in a run, so that the tests can tell that nothing was left untried.

use super::trouble::Trouble;
use super::zoho::sayings::SAYINGS;
use crate::policy::event::Answer;
use crate::policy::record::Word;
use crate::policy::reply::Outcome;

/// The outcomes of a call.
pub const OUTCOMES: [&str; 7] = [
    "not-sent",
    "lost",
    "granted",
    "transient",
    "throttled",
    "needs-consent",
    "misconfigured",
];

/// What the API tells of a token.
pub const TELLINGS: [&str; 3] = ["its org", "another's", "nothing"];

/// What happened, and how often.
#[derive(Debug, Clone)]
pub struct Tally {
    /// By [`Trouble::index`].
    pub troubles: [u64; Trouble::ALL.len()],
    /// By the place in [`SAYINGS`].
    pub sayings: [u64; SAYINGS.len()],
    /// By the place in [`OUTCOMES`].
    pub outcomes: [u64; OUTCOMES.len()],
    /// By the place in [`TELLINGS`].
    pub tellings: [u64; TELLINGS.len()],
    /// From one word to another, by their places in [`Word::ALL`].
    pub words: [[u64; Word::ALL.len()]; Word::ALL.len()],
    /// Calls that reached Zoho.
    pub calls: u64,
    /// Looks of readers at an org.
    pub reads: u64,
    /// Steps of the policy.
    pub steps: u64,
    /// True milliseconds, times orgs.
    pub org_ms: i64,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            troubles: [0; Trouble::ALL.len()],
            sayings: [0; SAYINGS.len()],
            outcomes: [0; OUTCOMES.len()],
            tellings: [0; TELLINGS.len()],
            words: [[0; Word::ALL.len()]; Word::ALL.len()],
            calls: 0,
            reads: 0,
            steps: 0,
            org_ms: 0,
        }
    }
}

impl Tally {
    /// Counts the end of a call.
    pub(super) fn count_answer(&mut self, answer: &Answer) {
        let at = match answer {
            Answer::NotSent(_) => 0,
            Answer::Lost(_) => 1,
            Answer::Sorted(Outcome::Granted(_)) => 2,
            Answer::Sorted(Outcome::Transient(_)) => 3,
            Answer::Sorted(Outcome::Throttled(_)) => 4,
            Answer::Sorted(Outcome::NeedsConsent(_)) => 5,
            Answer::Sorted(Outcome::Misconfigured(_)) => 6,
        };
        self.outcomes[at] += 1;
    }

    /// Counts an org's change of word.
    pub(super) fn count_word(&mut self, was: Word, is: Word) {
        if was != is {
            self.words[was as usize][is as usize] += 1;
        }
    }

    /// Adds another run's.
    pub fn add(&mut self, other: &Self) {
        let add = |own: &mut [u64], more: &[u64]| {
            for (own, more) in own.iter_mut().zip(more) {
                *own += more;
            }
        };
        add(&mut self.troubles, &other.troubles);
        add(&mut self.sayings, &other.sayings);
        add(&mut self.outcomes, &other.outcomes);
        add(&mut self.tellings, &other.tellings);
        for (own, more) in self.words.iter_mut().zip(&other.words) {
            add(own, more);
        }
        self.calls += other.calls;
        self.reads += other.reads;
        self.steps += other.steps;
        self.org_ms += other.org_ms;
    }
}
