//! `simulate`: what readers would see of the operator's own config through a set trouble, told by the daemon's policy
//! in a simulated world.
//!
//! Reads the config as `check` does and nothing else of this host: no secret, no state, no daemon. Each data center
//! gets a world of its own, since none shares a limit with another. Invariant: the same config, flags and seed print
//! the same text.

pub mod flags;
mod forecast;
mod told;
pub mod when;

use std::collections::BTreeMap;
use std::time::Duration;

use super::failure::{Exit, Failure};
use super::output;
use crate::base::{Limits, millis};
use crate::config::Config;
use crate::edge::config_files;
use crate::policy::reply::LIFE_MAX;
use crate::policy::settings::OrgSettings;
use crate::simulation::plan::Planned;
use crate::simulation::seam::Unchanged;
use crate::simulation::timeline::Record;
use crate::simulation::trouble::Trouble;
use crate::simulation::zoho::Rules;
use crate::simulation::{Plan, Purpose};
use flags::Simulate;
use forecast::Forecast;
use when::{DAY_MS, Strike};

/// The longest way of a call to Zoho, and as long back, for Zoho's own window.
const WAY_MS: i64 = 400;

/// Runs the simulation and prints what readers would have seen.
pub fn run(args: &Simulate) -> Result<Exit, Failure> {
    let parsed = config_files::read(&args.of.config);
    for problem in &parsed.problems {
        output::complain(&problem.to_string());
    }
    if !parsed.is_good() || parsed.config.orgs.is_empty() {
        let what = "the config has problems, or no org";
        let cure = "put it right as `zoho-tokend check` says";
        return Err(Failure::new(Exit::Config, "simulate", what, cure));
    }
    let strikes = args.strikes();
    refuse_nonsense(&strikes, args.days, &parsed.config)?;
    let mut forecast = Forecast::new(args, &strikes);
    for orgs in by_data_center(&parsed.config).into_values() {
        let plan = plan(args, orgs, &strikes);
        let end = crate::simulation::run(&plan, &mut Unchanged, &Record::Nothing);
        forecast.add(&plan, end);
    }
    forecast.orgs.sort_by(|a, b| a.org.cmp(&b.org));
    let text = if args.json {
        told::json(&forecast)?
    } else {
        told::text(&forecast)
    };
    output::print(text.as_bytes())?;
    Ok(forecast.exit())
}

fn by_data_center(config: &Config) -> BTreeMap<&str, Vec<OrgSettings>> {
    let mut all: BTreeMap<&str, Vec<OrgSettings>> = BTreeMap::new();
    for org in config.orgs.values() {
        let data_center = org.settings.binding.data_center.as_str();
        all.entry(data_center)
            .or_default()
            .push(org.settings.clone());
    }
    all
}

/// The orgs of one data center, under what strikes them.
fn plan(args: &Simulate, orgs: Vec<OrgSettings>, strikes: &[Strike]) -> Plan {
    let limits = orgs.first().map_or(Limits::ZOHO, |org| org.limits);
    let life = args.token_life.unwrap_or_else(|| scaled_life(limits));
    let window_ms = millis(limits.window);
    Plan {
        purpose: Purpose::Forecast,
        seed: args.seed,
        rules: Rules {
            limits,
            life_ms: millis(life),
            rotates: false,
        },
        troubled_ms: (args.days * DAY_MS).max(felt_until(args.days, strikes, life)),
        calm_ms: 0,
        every_ms: [0; Trouble::ALL.len()],
        script: script(args.days, &orgs, strikes),
        orgs,
        look_every_ms: window_ms,
        rate_ppm: 0,
        has_ntp: true,
        way_ms: (WAY_MS * window_ms / millis(Limits::ZOHO.window)).max(1),
    }
}

/// Until when readers may feel what begins within so many days: a life after its end.
fn felt_until(days: i64, strikes: &[Strike], life: Duration) -> i64 {
    let ends = strikes.iter().flat_map(|strike| {
        let span_ms = strike.when.span_ms;
        strike.when.begins(days).map(move |at| at + span_ms)
    });
    ends.max().map_or(0, |last| last + millis(life))
}

/// Zoho's hour for Zoho's window; a stand-in whose window is shorter has lives as much shorter.
fn scaled_life(limits: Limits) -> Duration {
    let life_s = LIFE_MAX.as_secs_f64() * limits.window.as_secs_f64();
    let scaled = Duration::from_secs_f64(life_s / Limits::ZOHO.window.as_secs_f64());
    let whole = Duration::from_secs(scaled.as_secs());
    whole.clamp(Duration::from_secs(1), LIFE_MAX)
}

fn script(days: i64, orgs: &[OrgSettings], strikes: &[Strike]) -> Vec<Planned> {
    let mut script = Vec::new();
    for strike in strikes {
        let whose = strike.org.as_ref();
        let org = whose.and_then(|name| orgs.iter().position(|org| org.name == *name));
        if whose.is_some() && org.is_none() {
            // An org of another data center, and of another world.
            continue;
        }
        script.extend(strike.when.begins(days).map(|at_ms| Planned {
            at_ms,
            trouble: strike.trouble,
            span_ms: strike.when.span_ms,
            org,
        }));
    }
    script
}

/// Refuses trouble that strikes nobody, never, or twice at once.
fn refuse_nonsense(strikes: &[Strike], days: i64, config: &Config) -> Result<(), Failure> {
    let usage = |what: &str, cure: &str| Failure::new(Exit::Usage, "simulate", what, cure);
    for strike in strikes {
        if let Some(org) = strike
            .org
            .as_ref()
            .filter(|org| !config.orgs.contains_key(*org))
        {
            let what = format!("{strike}: the config has no org {org}");
            return Err(usage(&what, "name one of its orgs"));
        }
        if strike.when.begins(days).next().is_none() {
            let what = format!("{strike} comes after the last day");
            return Err(usage(&what, "raise --days, or name an earlier day"));
        }
        if strike.when.day.is_none() && strike.when.span_ms > DAY_MS {
            let what = format!("{strike} strikes each day, and lasts for longer than one");
            let cure = format!("name its day, as in {} 1d{}", strike.flag, strike.when);
            return Err(usage(&what, &cure));
        }
    }
    match overlap(strikes, days) {
        Some((one, other)) => {
            let what = format!("{other} begins while {one} lasts");
            Err(usage(&what, "let one end before the other begins"))
        }
        None => Ok(()),
    }
}

/// Two that would be one trouble on top of another in the same place: at Zoho, on the disk, in the machine.
fn overlap(strikes: &[Strike], days: i64) -> Option<(&Strike, &Strike)> {
    let place = |trouble| match trouble {
        Trouble::Unreachable | Trouble::Silent | Trouble::Throttling => Some(0),
        Trouble::DiskFull => Some(1),
        Trouble::Suspend | Trouble::Reboot | Trouble::Restart => Some(2),
        _ => None,
    };
    (0..3).find_map(|which| {
        let here = strikes
            .iter()
            .filter(|own| place(own.trouble) == Some(which));
        let begun = here.flat_map(|own| own.when.begins(days).map(move |at| (at, own)));
        let mut begun: Vec<(i64, &Strike)> = begun.collect();
        begun.sort_by_key(|(at, _)| *at);
        let clash = begun
            .windows(2)
            .find(|pair| pair[0].0 + pair[0].1.when.span_ms > pair[1].0);
        clash.map(|pair| (pair[0].1, pair[1].1))
    })
}
