//! What `simulate` foretells, and what then happens to the real daemon with the stand-in.
//!
//! Zoho's clocks run 150 times faster, or 60 times with `SOAK`. The question is the README's: Zoho is away for 40
//! minutes; when does the first reader go without?

use std::env;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use zoho_tokend::stand_in::Rules;

use crate::daemon::{Ended, program};
use crate::http::Request;
use crate::site::Site;
use crate::zoho::rules;

/// Their refreshes come at 0.51, 0.49 and 0.52 of a life.
const ORGS: [&str; 3] = ["acme-production", "acme-developer", "delta"];

const READ_EVERY: Duration = Duration::from_millis(20);

/// How far the foretold moment may be from the observed one.
const TOLERANCE: f64 = 0.02;

/// When Zoho goes, of a life: between the first refresh of every org and its second.
const AWAY_AT: f64 = 0.92;

/// Forty minutes of an hour.
const AWAY_FOR: f64 = 40.0 / 60.0;

/// When readers of one org went short, in seconds since its enrolment.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Short {
    under_min_ttl: f64,
    without: f64,
    again: f64,
}

fn life() -> Duration {
    let is_long = env::var_os("SOAK").is_some();
    Duration::from_secs(if is_long { 60 } else { 24 })
}

fn site() -> Site {
    let zoho: Rules = rules(life(), life() / 6);
    let mut site = Site::new(zoho, &ORGS);
    // Not scaled by itself: in the forecast some calls of an outage hang so long.
    site.config.refresh = "timeout = \"1s\"".into();
    site.write_config();
    site
}

/// Runs `simulate --json`; exit 1 says that readers would go short.
fn foretold(site: &Site, away_at: Duration, away_for: Duration) -> Value {
    let when = format!(
        "1d00:00:{:02}+{}ms",
        away_at.as_secs(),
        away_for.as_millis()
    );
    let output = program()
        .args([
            "simulate", "--json", "--days", "1", "--outage", &when, "--config",
        ])
        .arg(site.path("zoho-tokend.toml"))
        .stdin(Stdio::null())
        .output();
    let ended = Ended::from(output.expect("the program runs"));
    assert_eq!((ended.exit, &*ended.stderr), (1, ""), "{ended:?}");
    serde_json::from_str(&ended.stdout).expect("JSON")
}

fn foretold_of(forecast: &Value, org: &str) -> Short {
    let orgs = forecast["orgs"].as_array().expect("orgs");
    let own = orgs
        .iter()
        .find(|own| own["org"] == org)
        .expect("it is configured");
    let served = own["served_from_s"].as_f64().expect("it was enrolled");
    let moment = |kind: &str, key: &str| {
        assert_eq!(own[kind]["times"], 1, "{own}");
        own[kind]["spans"][0][key].as_f64().expect("a time") - served
    };
    Short {
        under_min_ttl: moment("under_min_ttl", "from_s"),
        without: moment("no_token", "from_s"),
        again: moment("no_token", "to_s"),
    }
}

/// Reads until there was no token and there is one again.
fn observed(site: &Site, org: &str, enrolled: Instant) -> Short {
    let target = format!("/v1/orgs/{org}/token");
    let (mut under_min_ttl, mut without) = (None, None);
    loop {
        let reply = site.ask(&Request::get(&target));
        let at = enrolled.elapsed().as_secs_f64();
        match reply.status {
            200 if reply.json()["stale"] == true => {
                under_min_ttl.get_or_insert(at);
            }
            200 => {
                if let (Some(under_min_ttl), Some(without)) = (under_min_ttl, without) {
                    return Short {
                        under_min_ttl,
                        without,
                        again: at,
                    };
                }
            }
            _ => {
                without.get_or_insert(at);
            }
        }
        assert!(
            enrolled.elapsed() < 3 * life(),
            "{org}: {under_min_ttl:?} {without:?}"
        );
        thread::sleep(READ_EVERY);
    }
}

fn is_near(foretold: f64, observed: f64) -> bool {
    (foretold - observed).abs() <= TOLERANCE * observed
}

/// R1, R5: an outage of 40 minutes, foretold and lived through.
#[test]
fn r5_what_simulate_foretells_of_an_outage_of_40_minutes_is_what_readers_then_see() {
    let site = site();
    let away_at = Duration::from_secs(life().mul_f64(AWAY_AT).as_secs());
    let away_for = life().mul_f64(AWAY_FOR);
    let forecast = foretold(&site, away_at, away_for);
    let foretold = ORGS.map(|org| foretold_of(&forecast, org));
    let _daemon = site.run();
    let enrolled = ORGS.map(|org| {
        site.enroll(org).done();
        Instant::now()
    });
    let site = &site;
    let observed: Vec<Short> = thread::scope(|scope| {
        let readers = ORGS.iter().zip(enrolled);
        let readers: Vec<_> = readers
            .map(|(org, enrolled)| scope.spawn(move || observed(site, org, enrolled)))
            .collect();
        thread::sleep(away_at.saturating_sub(enrolled[0].elapsed()));
        site.zoho.away_for(away_for);
        let readers = readers.into_iter();
        readers
            .map(|reader| reader.join().expect("it read to the end"))
            .collect()
    });
    for ((org, told), seen) in ORGS.iter().zip(foretold).zip(observed) {
        let both = format!("{org}: foretold {told:?}, observed {seen:?}");
        assert!(is_near(told.under_min_ttl, seen.under_min_ttl), "{both}");
        assert!(is_near(told.without, seen.without), "{both}");
        // The first try after the outage comes by chance, a second after the one before it, which may hang for one.
        assert!((told.again - seen.again).abs() < 2.5, "{both}");
    }
}
