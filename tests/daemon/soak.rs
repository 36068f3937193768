//! Readers that never stop, on tokens that live a minute: none is refused, none gets a dead one.
//!
//! `SOAK=300` runs Zoho's clocks 60 times faster for so many seconds; without it they run 300 times faster for 20.

use std::env;
use std::thread;
use std::time::{Duration, Instant};

use zoho_tokend::stand_in::{Clocks, Rules};

use crate::site::{Site, Token};
use crate::wait::{SOON, wait_until};
use crate::zoho::rules;

const ORGS: [&str; 3] = ["acme", "beta", "gamma"];
const READ_EVERY: Duration = Duration::from_millis(50);

/// How long, and at which pace.
fn soak() -> (Duration, Rules) {
    match env::var("SOAK")
        .ok()
        .and_then(|seconds| seconds.parse().ok())
    {
        Some(seconds) => {
            let rules = Rules {
                clocks: Clocks::SIXTY_TIMES_FASTER,
                ..Rules::default()
            };
            (Duration::from_secs(seconds), rules)
        }
        None => (
            Duration::from_secs(20),
            rules(Duration::from_secs(12), Duration::from_secs(2)),
        ),
    }
}

/// R1, R3, R6: no refused and no dead token, on the socket or in the files.
#[test]
fn r1_readers_every_50_ms_are_never_refused_and_never_get_a_dead_token() {
    let (span, rules) = soak();
    let mut site = Site::new(rules, &ORGS);
    site.config.refresh = "min_ttl = \"10s\"".into();
    site.write_config();
    let _daemon = site.run();
    for org in ORGS {
        site.enroll(org).done();
    }
    for org in ORGS {
        wait_until("the files are there", SOON, || {
            site.file(org, "token.json").is_some()
        });
    }
    let end = Instant::now() + span;
    let site = &site;
    let generations: Vec<usize> = thread::scope(|scope| {
        let readers: Vec<_> = ORGS
            .iter()
            .flat_map(|org| {
                let on_socket = scope.spawn(move || read_until(end, site, || served(site, org)));
                let in_files = scope.spawn(move || read_until(end, site, || filed(site, org)));
                [on_socket, in_files]
            })
            .collect();
        readers
            .into_iter()
            .map(|reader| reader.join().expect("no read failed"))
            .collect()
    });
    // The first comes from the enrolment; a refresh is due at 0.55 of a life at the latest.
    let least = 1 + span.as_millis() * 100 / (rules.clocks.token_life.as_millis() * 56);
    assert!(
        generations.iter().all(|seen| *seen as u128 >= least),
        "{generations:?} of {least}"
    );
    for org in ORGS {
        let counts = site.zoho.counts(org);
        assert_eq!(
            (counts.refusals, counts.lost, counts.evicted),
            (0, 0, 0),
            "{org}: {counts:?}"
        );
        assert!(
            counts.peak_window <= 6,
            "{org}: the reserve is not touched: {counts:?}"
        );
        assert_eq!(site.status(org)["grant"], "ok", "{org}");
        assert_eq!(site.status(org)["life_too_short"], false, "{org}");
    }
}

/// Reads again and again; how many generations it saw.
fn read_until(end: Instant, site: &Site, read: impl Fn() -> Token) -> usize {
    let mut seen: Vec<Token> = Vec::new();
    while Instant::now() < end {
        let token = read();
        assert!(site.zoho.is_alive(&token.text), "a dead token: {token:?}");
        match seen.last() {
            Some(last) if last.generation > token.generation => {
                unreachable!("an older one: {token:?}")
            }
            Some(last) if last.generation == token.generation => assert_eq!(last.text, token.text),
            _ => seen.push(token),
        }
        thread::sleep(READ_EVERY);
    }
    seen.len()
}

fn served(site: &Site, org: &str) -> Token {
    let reply = site.get(&format!("/v1/orgs/{org}/token"));
    assert_eq!(reply.status, 200, "{reply:?}");
    let answer = reply.json();
    assert_eq!(
        answer["stale"], false,
        "{org} has less than its min_ttl left: {answer}"
    );
    Token::of(&answer)
}

fn filed(site: &Site, org: &str) -> Token {
    let text = site.file(org, "token.json").expect("no gap");
    Token::of(&serde_json::from_str(&text).expect("whole"))
}

/// R3: tokens that live a minute under Zoho's own limits are paced, not chased; and `status` says so.
#[test]
fn r3_a_life_too_short_for_zohos_limits_is_told_and_never_chased() {
    let clocks = rules(Duration::from_mins(1), Duration::from_mins(10));
    let mut site = Site::new(clocks, &["acme"]);
    site.config.unscaled = true;
    site.write_config();
    let _daemon = site.run();
    let begun = Instant::now();
    site.enroll("acme").done();
    let status = site.status("acme");
    assert_eq!(status["life_too_short"], true);
    assert!(
        status["warnings"].to_string().contains("too short"),
        "{status}"
    );
    // The next one is planned a sixth of the window after the last: six in ten minutes.
    let planned = status["next_refresh_at"].as_str().expect("a plan");
    let planned = humantime::parse_rfc3339(planned).expect("a time");
    let minted = status["token_since"].as_str().expect("a time");
    let minted = humantime::parse_rfc3339(minted).expect("a time");
    let pause = planned.duration_since(minted).expect("later");
    assert!((99..=111).contains(&pause.as_secs()), "{pause:?}");
    let span = env::var("SOAK")
        .ok()
        .and_then(|seconds| seconds.parse().ok())
        .unwrap_or(5);
    while begun.elapsed() < Duration::from_secs(span) {
        let allowed = 1 + begun.elapsed().as_secs() / 100;
        let calls = site.zoho.counts("acme").calls;
        assert!(
            calls <= allowed,
            "{calls} calls after {:?}",
            begun.elapsed()
        );
        thread::sleep(READ_EVERY);
    }
}

/// R3: the same proportion with everything thirty times faster, so that whole windows pass.
#[test]
fn r3_where_lives_are_a_tenth_of_the_window_at_most_six_are_minted_in_each() {
    let (life, window) = (Duration::from_secs(1), Duration::from_secs(10));
    let (site, _daemon) = Site::enrolled(rules(life, window), &["acme"]);
    let begun = Instant::now();
    let mut gaps = 0;
    wait_until("two windows pass", Duration::from_mins(1), || {
        let reply = site.get("/v1/orgs/acme/token");
        if reply.status == 200 {
            assert!(reply.json()["expires_in"].as_u64() <= Some(1));
        } else {
            assert_eq!((reply.status, reply.code().as_str()), (503, "not-fresh"));
            let wait_s = reply.json()["retry_after_s"].as_u64();
            assert!(
                wait_s.is_some_and(|wait_s| (1..=2).contains(&wait_s)),
                "{reply:?}"
            );
            gaps += 1;
        }
        begun.elapsed() > 2 * window
    });
    let counts = site.zoho.counts("acme");
    assert!(counts.peak_window <= 6, "{counts:?}");
    assert!(
        (8..=13).contains(&counts.calls),
        "six in each window, and no loop: {counts:?}"
    );
    assert_eq!(counts.refusals, 0);
    assert!(gaps > 0, "readers go without in between, and are told when");
    assert_eq!(site.status("acme")["life_too_short"], true);
}
