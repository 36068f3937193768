//! Nothing is left untried: over the seeds of CI each kind of trouble, outcome, saying and change of word occurs a
//! thousand times and more, or the run fails.

use zoho_tokend::policy::record::Word::{
    self, Misconfigured, NeedsConsent, Ok, Quarantined, Retrying, Starting, Throttled, Unenrolled,
};
use zoho_tokend::simulation::tally::{OUTCOMES, TELLINGS, Tally};
use zoho_tokend::simulation::trouble::Trouble;
use zoho_tokend::simulation::zoho::sayings::SAYINGS;

/// So many runs, or more, are asked for what they tried.
const SEEDS_MIN: u64 = 10_000;

/// How often each must occur in those.
const TIMES_MIN: u64 = 1_000;

/// Every change of word that a reader of `status` can see from one look to the next.
///
/// Not in here: back to `unenrolled` from anything but `ok`, which takes a `revoke` in trouble; from `unenrolled` to anything but `ok`, since an enrolment
/// mints before it is one (an org with client credentials needs none, and comes to any word, once in a run); from `needs-consent` to what heals by itself, since only a success or another verdict clears
/// it (`misconfigured` goes back to any word, where it was the config that contradicted the grant); from `quarantined`
/// to what heals, likewise; from `throttled` to `starting`, since a start keeps the word, and
/// another soid in the config while Zoho throttles is too rare to count. From `needs-consent` to
/// `quarantined` takes a wrong verdict that heals with a token of another place: it occurs, and is too rare to count.
const CHANGES: [(Word, Word); 36] = [
    (Ok, Retrying),
    (Ok, Throttled),
    (Ok, NeedsConsent),
    (Ok, Misconfigured),
    (Ok, Quarantined),
    (Ok, Starting),
    (Retrying, Ok),
    (Retrying, Throttled),
    (Retrying, NeedsConsent),
    (Retrying, Misconfigured),
    (Retrying, Quarantined),
    (Retrying, Starting),
    (Throttled, Ok),
    (Throttled, Retrying),
    (Throttled, NeedsConsent),
    (Throttled, Misconfigured),
    (Throttled, Quarantined),
    (NeedsConsent, Ok),
    (NeedsConsent, Misconfigured),
    (Misconfigured, Ok),
    (Misconfigured, Retrying),
    (Misconfigured, Throttled),
    (Misconfigured, NeedsConsent),
    (Misconfigured, Quarantined),
    (Misconfigured, Starting),
    (Quarantined, Ok),
    (Quarantined, NeedsConsent),
    (Quarantined, Misconfigured),
    (Unenrolled, Ok),
    (Ok, Unenrolled),
    (Starting, Ok),
    (Starting, Retrying),
    (Starting, Throttled),
    (Starting, NeedsConsent),
    (Starting, Misconfigured),
    (Starting, Quarantined),
];

/// Fails if anything occurred too seldom; says so where there were too few runs to tell.
pub(crate) fn check(tally: &Tally, seeds: u64) {
    if seeds < SEEDS_MIN {
        println!("{seeds} seeds: too few to ask what was left untried, {SEEDS_MIN} are enough");
        return;
    }
    let seldom = too_seldom(tally);
    assert!(seldom.is_empty(), "left untried:\n{}", seldom.join("\n"));
}

fn too_seldom(tally: &Tally) -> Vec<String> {
    let troubles = Trouble::ALL.into_iter().map(|trouble| {
        let times = tally.troubles[trouble.index()];
        (times, format!("trouble: {}", trouble.as_str()))
    });
    let outcomes = OUTCOMES.iter().zip(tally.outcomes);
    let outcomes = outcomes.map(|(outcome, times)| (times, format!("outcome: {outcome}")));
    let tellings = TELLINGS.iter().zip(tally.tellings);
    let tellings = tellings.map(|(telling, times)| (times, format!("the API tells {telling}")));
    let sayings = SAYINGS.iter().zip(tally.sayings);
    let sayings =
        sayings.map(|(own, times)| (times, format!("saying: {} {}", own.status, own.body)));
    let changes = CHANGES.into_iter().map(|(was, is)| {
        let times = tally.words[was as usize][is as usize];
        (
            times,
            format!("change of word: {} to {}", was.as_str(), is.as_str()),
        )
    });
    let all = troubles.chain(outcomes).chain(tellings);
    let all = all.chain(sayings).chain(changes);
    let seldom = all.filter(|(times, _)| *times < TIMES_MIN);
    seldom
        .map(|(times, what)| format!("{times} times, {what}"))
        .collect()
}

/// A tally in which everything occurred just often enough.
fn full() -> Tally {
    let mut tally = Tally::default();
    tally.troubles.fill(TIMES_MIN);
    tally.outcomes.fill(TIMES_MIN);
    tally.tellings.fill(TIMES_MIN);
    tally.sayings.fill(TIMES_MIN);
    tally.words.iter_mut().for_each(|row| row.fill(TIMES_MIN));
    tally
}

#[test]
fn whatever_occurred_once_too_seldom_is_named() {
    assert_eq!(too_seldom(&full()), [""; 0]);
    let mut tally = full();
    tally.troubles[Trouble::Crash.index()] -= 1;
    tally.outcomes[1] -= 1;
    tally.sayings[0] -= 1;
    tally.words[Retrying as usize][Starting as usize] -= 1;
    tally.words[Unenrolled as usize][Quarantined as usize] = 0;
    let seldom = too_seldom(&tally);
    assert_eq!(seldom.len(), 4, "{seldom:?}");
    assert_eq!(seldom[0], "999 times, trouble: crash");
    assert_eq!(seldom[1], "999 times, outcome: lost");
    assert!(seldom[2].starts_with("999 times, saying: 200 {"));
    assert_eq!(seldom[3], "999 times, change of word: retrying to starting");
}

#[test]
fn too_few_runs_are_not_asked() {
    check(&Tally::default(), SEEDS_MIN - 1);
    check(&full(), SEEDS_MIN);
}
