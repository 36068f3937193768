//! When to call Zoho, as plain arithmetic. Whether there is budget for it, the ledger says.
//!
//! Every number that paces scales with [`Limits::window`], so that a stand-in with a 10-second window is
//! paced as Zoho is with its ten minutes. The probes alone do not: they are for people.

use std::time::Duration;

use crate::base::{Boottime, Limits, OrgName};

/// The part of a token's life at which it is refreshed by default: half an hour of outage for nothing, and two living
/// tokens of Zoho's ten.
pub const AT_BY_DEFAULT: f64 = 0.5;

/// Half the width of the band around `at` in which each org has its own fixed place.
pub const OFFSET_MAX: f64 = 0.05;

/// How long after a verdict that wants a person we look again by ourselves; the last one repeats.
///
/// Verdicts heal without us: a client is re-enabled, a per-DC secret corrected. Six calls in the first
/// hour would not be worth their slots; one an hour after that is free.
const PROBES: [Duration; 3] = [
    Duration::from_mins(2),
    Duration::from_mins(10),
    Duration::from_hours(1),
];

/// First and shortest pause after a call that was never written.
const UNSENT_MIN: Duration = Duration::from_secs(1);

/// Of how many parts the boot clock may gain or lose one against Zoho's: NTP slews it by up to 500 in a million
/// (`adjtimex(2)`), and its crystal may be off by some 100 more.
const DRIFT_PARTS: u32 = 1000;

/// A source of jitter. An argument everywhere, so that one seed replays a year.
pub trait Dice {
    /// A number in `0.0..1.0`, uniform.
    fn roll(&mut self) -> f64;
}

/// The org's place in the band, `-0.05..=0.05` of a life: a hash of its name, so that restarts keep it
/// and a hundred orgs enrolled in one minute drift apart. FNV-1a, since `std`'s hash may change.
pub fn offset(org: &OrgName) -> f64 {
    let hash = org
        .as_str()
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
    // FNV's last letter barely reaches the high bits, and names like `org-1` and `org-2` differ in nothing else: mixed
    // as MurmurHash3 ends. Of the result 32 bits, which f64 holds exactly.
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    let [a, b, c, d, ..] = (hash ^ (hash >> 33)).to_be_bytes();
    let place = f64::from(u32::from_be_bytes([a, b, c, d])) / f64::from(u32::MAX);
    (place * 2.0 - 1.0) * OFFSET_MAX
}

/// How long a token may be taken for alive: on a slow clock its life ends sooner than it seems (R9).
pub fn life_to_trust(life: Duration) -> Duration {
    life.saturating_sub(life / DRIFT_PARTS)
}

/// The life that Zoho granted to a token that may be trusted for so long.
pub(super) fn life_granted(trusted: Duration) -> Duration {
    trusted + trusted / (DRIFT_PARTS - 1)
}

/// How long a span of Zoho's is counted: on a fast clock it ends later than it seems (R3).
pub(super) fn to_be_sure(span: Duration) -> Duration {
    span + span / DRIFT_PARTS
}

/// When a token with this life is refreshed, `at` of its life plus the org's own offset, unless [`in_time`] is earlier.
pub fn refresh_at(started: Boottime, expires: Boottime, at: f64, offset: f64) -> Boottime {
    let part = (at + offset).clamp(0.0, 1.0);
    started.plus(expires.since(started).mul_f64(part))
}

/// The same moment or an earlier one: a gap between two calls before readers have less than `min_ttl` left. All who
/// share a lane may have got their tokens at one moment, and the last of them waits for the gaps of the others.
pub fn in_time(
    due: Boottime,
    expires: Boottime,
    min_ttl: Duration,
    limits: Limits,
    sharers: u32,
) -> Boottime {
    due.min(expires.minus(min_ttl + gap(limits) * sharers))
}

/// What a reader is promised to have left: the configured time, or a quarter of a shorter life.
pub fn min_ttl_in_force(configured: Duration, life: Duration) -> Duration {
    configured.min(life / 4)
}

/// The longest `min_ttl` that a reader may ask for: what a token has left at least just before its refresh.
pub fn min_ttl_max(at: f64, life: Duration) -> Duration {
    life.mul_f64((1.0 - OFFSET_MAX - at).max(0.0))
}

/// Shortest time between the starts of two written calls of one org.
///
/// A sixth of the window (100.1 s, of which a tenth of a second is for a fast clock): whatever Zoho answers, six calls
/// fit in a window and four slots stay for reports and for an operator.
pub fn gap(limits: Limits) -> Duration {
    to_be_sure(limits.window) / 6
}

/// When to try again after a call that was written at `started`, answered or not.
pub fn after_written(started: Boottime, limits: Limits, dice: &mut dyn Dice) -> Boottime {
    let jitter = (limits.window / 60).mul_f64(dice.roll());
    started.plus(gap(limits)).plus(jitter)
}

/// When to try again after the `failures`-th call in a row that never reached Zoho: full jitter below a
/// ceiling that doubles from 1 s to a tenth of the window (60 s). It costs no slot, so it may be quick.
pub fn after_unsent(now: Boottime, failures: u32, limits: Limits, dice: &mut dyn Dice) -> Boottime {
    let ceiling = UNSENT_MIN
        .saturating_mul(1 << failures.min(16))
        .min(limits.window / 10);
    now.plus(ceiling.mul_f64(dice.roll()).max(UNSENT_MIN))
}

/// When to look again at a grant that wants a person, after `failures` refusals in a row (from 1).
pub fn probe_at(now: Boottime, failures: u32) -> Boottime {
    let last = PROBES.len() - 1;
    let nth = usize::try_from(failures.max(1) - 1).map_or(last, |n| n.min(last));
    now.plus(PROBES[nth])
}

/// Whether tokens of this life end faster than the limits let us replace them: under 223 s with Zoho's limits.
pub fn life_is_too_short(life: Duration, at: f64, limits: Limits) -> bool {
    life.mul_f64((at - OFFSET_MAX).max(0.0)) < gap(limits)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(f64);
    impl Dice for Fixed {
        fn roll(&mut self) -> f64 {
            self.0
        }
    }

    const HOUR: Duration = Duration::from_hours(1);

    fn name(text: &str) -> OrgName {
        OrgName::parse(text).expect("a good name")
    }

    #[test]
    fn an_org_refreshes_between_45_and_55_percent_of_the_life() {
        let (start, end) = (Boottime(0), Boottime(0).plus(HOUR));
        for n in 0..2000 {
            let at = refresh_at(start, end, 0.5, offset(&name(&format!("org-{n}"))));
            assert!(
                (1620..=1980).contains(&at.since(start).as_secs()),
                "{n}: {at:?}"
            );
        }
    }

    #[test]
    fn offsets_spread_orgs_evenly_and_stay_the_same_over_releases() {
        let ways: [fn(u32) -> String; 3] = [
            |n| format!("customer-{n}-production"),
            |n| format!("org-{n}"),
            |n| format!("{n:04}"),
        ];
        for way in ways {
            let mut tenths = [0_u32; 10];
            for n in 0..1000 {
                let place = (offset(&name(&way(n))) + 0.05) * 100.0;
                let tenth = (1_u8..10).find(|tenth| place < f64::from(*tenth));
                tenths[usize::from(tenth.map_or(9, |tenth| tenth - 1))] += 1;
            }
            assert!(tenths.iter().all(|n| (60..=140).contains(n)), "{tenths:?}");
        }
        assert!((offset(&name("acme-production")) - 0.020_359_753).abs() < 1e-6);
    }

    #[test]
    fn names_that_differ_in_their_last_letter_alone_lie_apart() {
        let mut places: Vec<f64> = ('a'..='h')
            .map(|last| offset(&name(&format!("acme-{last}"))))
            .collect();
        places.sort_by(f64::total_cmp);
        let width = places[7] - places[0];
        assert!(width > OFFSET_MAX, "{places:?}");
    }

    #[test]
    fn r3_r9_a_clock_that_drifts_costs_a_thousandth_of_every_span_of_zohos() {
        assert_eq!(life_to_trust(HOUR), Duration::from_millis(3_596_400));
        assert_eq!(life_granted(life_to_trust(HOUR)), HOUR);
        let window = to_be_sure(Limits::ZOHO.window);
        assert_eq!(window, Duration::from_millis(600_600));
    }

    #[test]
    fn a_written_call_holds_the_next_back_for_100_to_110_seconds() {
        let after = |roll| after_written(Boottime(0), Limits::ZOHO, &mut Fixed(roll));
        assert_eq!(after(0.0), Boottime(100_100));
        assert_eq!(after(1.0), Boottime(110_100));
    }

    #[test]
    fn an_unsent_call_is_tried_again_after_1_to_60_seconds_never_sooner() {
        let after =
            |failures, roll| after_unsent(Boottime(0), failures, Limits::ZOHO, &mut Fixed(roll)).0;
        assert_eq!(after(1, 0.0), 1_000);
        assert_eq!(after(3, 1.0), 8_000);
        assert_eq!(after(u32::MAX, 1.0), 60_000);
        let scaled = Limits {
            window: Duration::from_secs(10),
            ..Limits::ZOHO
        };
        assert_eq!(
            after_unsent(Boottime(0), 9, scaled, &mut Fixed(1.0)).0,
            1_000
        );
    }

    #[test]
    fn probes_come_after_2_minutes_10_minutes_and_then_hourly() {
        let after = |failures| probe_at(Boottime(0), failures).0 / 1000;
        assert_eq!(
            [1, 2, 3, 4, u32::MAX].map(after),
            [120, 600, 3600, 3600, 3600]
        );
    }

    #[test]
    fn a_life_under_223_seconds_is_too_short_for_zohos_limits() {
        let short = |secs| life_is_too_short(Duration::from_secs(secs), 0.5, Limits::ZOHO);
        assert!(short(222));
        assert!(!short(223));
    }

    #[test]
    fn min_ttl_in_force_is_a_quarter_of_a_short_life() {
        let ten_min = Duration::from_mins(10);
        assert_eq!(min_ttl_in_force(ten_min, HOUR), ten_min);
        assert_eq!(
            min_ttl_in_force(ten_min, Duration::from_mins(1)),
            Duration::from_secs(15)
        );
        assert_eq!(min_ttl_max(0.5, HOUR), Duration::from_mins(27));
    }
}
