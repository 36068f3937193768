//! What Zoho and the readers know better than the policy: when each call was really seen, until when each
//! token really lives. Checks R1 to R4, R7, R9 and S4 at every event of a random run.

use std::collections::{BTreeMap, BTreeSet};

use super::world::World;
use crate::base::OrgName;
use crate::policy::record::Word;

const WINDOW_MS: i64 = 600_000;

/// One call that reached Zoho, or may have.
#[derive(Debug)]
struct Seen {
    sent: i64,
    /// When Zoho counted it.
    at: i64,
    /// Until when the token that it made, or may have made, lives.
    lives_until: i64,
    is_demand: bool,
}

/// All times are milliseconds since the start of the run, on no clock that the policy knows.
#[derive(Debug, Default)]
pub(super) struct Truth {
    /// Calls per family of refresh tokens.
    families: BTreeMap<String, Vec<Seen>>,
    /// The true end of every access token.
    ends: BTreeMap<String, i64>,
    /// What a reader of each org saw last.
    last: BTreeMap<OrgName, (u64, String)>,
    /// Orgs whose token was given up for a reason: evidence against it, or a clock that is not credible.
    given_up: BTreeSet<OrgName>,
    pub(super) calls: usize,
    /// What the one client of all orgs is allowed in a window.
    pub(super) client_mints: Option<u32>,
}

/// One call as it goes out.
pub(super) struct Fact<'a> {
    pub(super) family: &'a str,
    pub(super) sent: i64,
    pub(super) counted: i64,
    /// Zero where it makes no token.
    pub(super) life: i64,
    pub(super) is_demand: bool,
    /// Whether the org's readers are about to go short.
    pub(super) is_eve: bool,
}

impl Truth {
    /// A call that Zoho sees: R3, by the time at which it was sent.
    pub(super) fn sent(&mut self, call: &Fact<'_>) {
        self.calls += 1;
        let now = call.sent;
        let family = self.families.entry(call.family.to_owned()).or_default();
        family.push(Seen {
            sent: now,
            at: call.counted,
            lives_until: call.counted + call.life,
            is_demand: call.is_demand,
        });
        let recent = || family.iter().filter(|seen| seen.sent > now - WINDOW_MS);
        let all = recent().count();
        assert!(all <= 10, "R3: {all} calls of {} in a window", call.family);
        let scheduled = recent().filter(|seen| !seen.is_demand).count();
        assert!(scheduled <= 6, "R3: {scheduled} by schedule");
        let live = family.iter().filter(|seen| seen.lives_until > now).count();
        assert!(live <= 10 || call.is_eve, "R3: {live} may live");
        self.check_client(now);
    }

    /// The client's own limit, over all families: four of ten are kept.
    fn check_client(&self, now: i64) {
        let Some(most) = self.client_mints else {
            return;
        };
        let seen = self.families.values().flatten();
        let recent: Vec<&Seen> = seen.filter(|seen| seen.sent > now - WINDOW_MS).collect();
        let scheduled = recent.iter().filter(|seen| !seen.is_demand).count();
        let most = usize::try_from(most).expect("a small number");
        assert!(recent.len() <= most, "{} of one client", recent.len());
        assert!(scheduled <= most - most * 4 / 10, "{scheduled} by schedule");
    }

    /// R3 once more, by the times at which Zoho counted.
    pub(super) fn no_window_ever_had_more_than_ten(&self) {
        for (family, calls) in &self.families {
            let mut times: Vec<i64> = calls.iter().map(|seen| seen.at).collect();
            times.sort_unstable();
            let eleven = times.windows(11);
            let spans = eleven.map(|of| of[10] - of[0]);
            assert!(
                spans.min().is_none_or(|span| span >= WINDOW_MS),
                "R3: {family}"
            );
        }
    }

    /// A token was made.
    pub(super) fn made(&mut self, token: String, end: i64) {
        self.ends.insert(token, end);
    }

    /// What readers see now: R1, R2, R9, and that the generation only grows.
    pub(super) fn check_readers(&mut self, world: &World, now: i64) {
        let names: Vec<OrgName> = world.fleet.orgs().map(|(name, _)| name.clone()).collect();
        for name in names {
            let Some(token) = world.read(name.as_str()) else {
                self.check_absence(world, &name, now);
                continue;
            };
            self.given_up.remove(&name);
            let text = token.access_token.expose();
            let end = self.ends[text];
            assert!(end > now, "R1: {name} reads a token that ended at {end}");
            if let Some((generation, known)) = self.last.get(&name) {
                assert!(
                    token.generation >= *generation,
                    "{name}: generation went back"
                );
                let is_same = token.generation == *generation;
                assert_eq!(is_same, known == text, "{name}: one number, one token");
            }
            let seen = (token.generation, text.to_owned());
            self.last.insert(name.clone(), seen);
            let out = world.out.get(&name);
            assert_eq!(out, Some(&token.generation), "{name}: the outlets lag");
        }
    }

    /// R2: nobody takes a living token away but evidence.
    fn check_absence(&mut self, world: &World, name: &OrgName, now: i64) {
        assert!(
            !world.out.contains_key(name),
            "{name}: outside, and not served"
        );
        let Some((_, text)) = self.last.get(name) else {
            return;
        };
        // The policy counts a life from the start of the call, up to a deadline before Zoho does.
        let lives = self.ends[text] > now + 60_000;
        let org = world.fleet.org(name).expect("configured");
        if org.contradiction.is_some() || org.word() == Word::Quarantined {
            self.given_up.insert(name.clone());
        }
        let is_given_up = self.given_up.contains(name);
        assert!(!lives || is_given_up, "R2: {name} lost a good token");
    }

    /// After a restart, readers may know a token that the disk never took; and a clock that is not credible
    /// makes no token believed (R9).
    pub(super) fn restarted(&mut self, world: &World, is_credible: bool) {
        let of_disk = |name: &OrgName| world.orgs.get(name).map_or(0, |own| own.generation);
        self.last
            .retain(|name, (generation, _)| *generation <= of_disk(name));
        if !is_credible {
            self.given_up.extend(self.last.keys().cloned());
        }
    }
}
