//! The policy under simulation: years of operation in a minute.
//!
//! `SEED=n` replays one run with its timeline; `SEEDS=n` tries so many, `FROM=n` others than the first.
#![expect(
    clippy::print_stdout,
    reason = "what was tried, and what went wrong, is to be told"
)]

#[path = "simulation/answers.rs"]
mod answers;
#[path = "simulation/by_hand.rs"]
mod by_hand;
#[path = "simulation/coverage.rs"]
mod coverage;
#[path = "simulation/planted.rs"]
mod planted;
#[path = "simulation/properties.rs"]
mod properties;
#[path = "simulation/regressions.rs"]
mod regressions;
#[path = "simulation/sayings.rs"]
mod sayings;
#[path = "simulation/told.rs"]
mod told;
#[path = "simulation/zoho.rs"]
mod zoho;

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use zoho_tokend::simulation::seam::Unchanged;
use zoho_tokend::simulation::tally::Tally;
use zoho_tokend::simulation::timeline::Record;
use zoho_tokend::simulation::{run, swarm};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ORGS: usize = 20;
const HOURS: i64 = 48;

/// So many runs are tried by default.
const SEEDS: u64 = 10_000;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn every_promise_holds_in_every_run() {
    let from = number("FROM").unwrap_or(0);
    let count = number("SEEDS").unwrap_or(SEEDS);
    let alone = number("SEED").map(|seed| seed..seed + 1);
    let seeds = alone.unwrap_or(from..from + count);
    let next = AtomicU64::new(seeds.start);
    let begun = Instant::now();
    let worker = || {
        let mut tally = Tally::default();
        let mut broken = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return (tally, broken);
            }
            let end = run(
                &swarm::plan(seed, ORGS, HOURS),
                &mut Unchanged,
                &Record::Nothing,
            );
            tally.add(&end.tally);
            if let Some(what) = end.broken {
                broken.push((seed, what));
            }
        }
    };
    let (tally, broken) = thread::scope(|scope| {
        let workers = [scope.spawn(worker), scope.spawn(worker)];
        let mut all = (Tally::default(), Vec::new());
        for worker in workers {
            let (tally, broken) = worker.join().expect("no panic");
            all.0.add(&tally);
            all.1.extend(broken);
        }
        all
    });
    for (seed, what) in broken.iter().take(20) {
        println!("SEED={seed} {what}");
    }
    if let Some((seed, what)) = broken.first() {
        told::fail(&swarm::plan(*seed, ORGS, HOURS), what.org.as_ref());
    }
    println!("{:?} {tally:?}", begun.elapsed());
    coverage::check(&tally, seeds.end - seeds.start);
}
