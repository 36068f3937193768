//! Real bugs that the simulation has found, each as the smallest story that shows it.
//!
//! The stories are scripts, so that they stay what they are when the swarm changes; what chance still decides in them
//! (which org, which step of the clock, how short a life) a few seeds decide in all ways.

use zoho_tokend::base::Limits;
use zoho_tokend::policy::settings::GrantKind;
use zoho_tokend::simulation::plan::{Plan, Planned};
use zoho_tokend::simulation::seam::Unchanged;
use zoho_tokend::simulation::timeline::Record;
use zoho_tokend::simulation::trouble::Trouble;
use zoho_tokend::simulation::zoho::Rules;
use zoho_tokend::simulation::{run, swarm};

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// Every story is told with so many seeds.
const SEEDS: u64 = 12;

/// Six orgs, a Zoho as it is by default, right clocks, and no trouble but the script's.
fn story(seed: u64, script: &[(i64, Trouble, i64)]) -> Plan {
    let planned = |&(at_ms, trouble, span_ms): &(i64, Trouble, i64)| Planned {
        at_ms,
        trouble,
        span_ms,
        org: None,
    };
    let mut plan = swarm::plan(seed, 6, 4);
    for org in &mut plan.orgs {
        org.client_mints = None;
    }
    Plan {
        rules: Rules {
            limits: Limits::ZOHO,
            life_ms: HOUR,
            rotates: false,
        },
        every_ms: [0; Trouble::ALL.len()],
        script: script.iter().map(planned).collect(),
        rate_ppm: 0,
        has_ntp: true,
        ..plan
    }
}

fn holds(tell: impl Fn(u64) -> Plan) {
    for seed in 0..SEEDS {
        let plan = tell(seed);
        let end = run(&plan, &mut Unchanged, &Record::Everything);
        let broken = end.broken.map(|broken| broken.to_string());
        let last = end.timeline.len().saturating_sub(40);
        let story = end.timeline[last..].join("\n");
        assert_eq!(broken, None, "seed {seed}:\n{story}");
    }
}

/// R9: `policy/schedule.rs`, `life_to_trust`. On a clock that loses 500 in a million a token's life was counted to its
/// end, which came 1.8 s later by that clock than by Zoho's.
#[test]
fn r9_a_slow_clock_makes_no_token_look_alive_at_its_very_end() {
    holds(|seed| Plan {
        rate_ppm: -500,
        has_ntp: false,
        ..story(seed, &[(20 * MINUTE, Trouble::Unreachable, 2 * HOUR)])
    });
}

/// R1: `policy/reload.rs`, `begin_anew`. A token was kept since a new one lived shorter, and the next mint put off to the
/// kept one's end; then the machine was off, no clock vouched for the token, and the wait outlived it.
#[test]
fn r1_a_wait_that_belonged_to_a_token_does_not_outlive_it() {
    holds(|seed| Plan {
        has_ntp: false,
        ..story(
            seed,
            &[
                (20 * MINUTE, Trouble::ShortLives, 15 * MINUTE),
                (40 * MINUTE, Trouble::Reboot, 3 * HOUR),
            ],
        )
    });
}

/// R2, R9: `policy/restore.rs`, `start`. A token that the wall clock had carried over a reboot stayed under the old
/// boot's anchor, so that the next start asked the wall clock again, which somebody had set meanwhile.
#[test]
fn r2_a_token_carried_over_a_reboot_is_not_asked_of_the_wall_clock_again() {
    holds(|seed| {
        story(
            seed,
            &[
                (10 * MINUTE, Trouble::Reboot, 20 * SECOND),
                (12 * MINUTE, Trouble::ClockStep, HOUR),
                (14 * MINUTE, Trouble::Restart, 2 * SECOND),
            ],
        )
    });
}

/// R11: `policy/org.rs`, `next_mint_at`. After a person's `refresh` had failed the word was `retrying`, and nothing was
/// tried before the token was due.
#[test]
fn r11_what_a_failed_refresh_promises_to_try_again_is_tried_then() {
    let refreshes = (0..12).map(|nth| (6 * MINUTE + nth * 10 * SECOND, Trouble::Refresh, 0));
    let outages = (0..3).map(|nth| (5 * MINUTE + nth, Trouble::Unreachable, 5 * MINUTE));
    let script: Vec<(i64, Trouble, i64)> = outages.chain(refreshes).collect();
    holds(|seed| story(seed, &script));
}

/// R1: `policy/room.rs`, `live_room_at`. Orgs of one client and soid that waited for room among ten living tokens all
/// came two minutes before `min_ttl`, and then stood in each other's gap.
#[test]
fn r1_orgs_of_one_lane_that_is_full_of_living_tokens_leave_each_other_time() {
    let reboots = [11, 22].map(|at| (at * MINUTE, Trouble::RebootWrongClock, 20 * SECOND));
    holds(|seed| {
        let mut plan = story(seed, &reboots);
        plan.has_ntp = false;
        let mut one = plan.orgs[0].clone();
        one.grant = GrantKind::ClientCredentials;
        one.has_client_secret = true;
        one.verify = false;
        one.binding.soid = Some("ZohoCRM.60000".to_owned());
        for own in &mut plan.orgs[..5] {
            let name = own.name.clone();
            *own = one.clone();
            own.name = name;
        }
        plan
    });
}
