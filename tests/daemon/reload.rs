//! Another config: all of it or none, by `reload` and by SIGHUP.

use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use zoho_tokend::stand_in::{Fault, Instead, Rules};

use crate::site::Site;
use crate::wait::{SOON, wait_until};
use crate::zoho::client_id;

/// R8
#[test]
fn r8_a_reload_adds_removes_and_changes_orgs_and_mints_nothing() {
    let mut site = Site::new(Rules::default(), &["acme", "beta", "gamma", "delta"]);
    let delta = site.config.orgs.remove("delta").expect("it was there");
    site.write_config();
    let _daemon = site.run();
    for org in ["acme", "beta", "gamma"] {
        site.enroll(org).done();
    }
    let [acme, beta] = ["acme", "beta"].map(|org| site.token(org));
    let before = site.zoho.stats();

    let beta_lines = site.config.orgs.remove("beta").expect("it was there");
    site.config.orgs.insert("delta".into(), delta);
    site.config
        .orgs
        .insert("gamma".into(), "min_ttl = \"5m\"".into());
    site.write_config();
    let told = site.verb(&["reload"]);

    assert_eq!(
        told.done(),
        "reloaded: added delta; removed beta; changed gamma\n"
    );
    assert_eq!(site.token("acme"), acme);
    assert_eq!(site.get("/v1/orgs/beta/token").code(), "no-such-org");
    wait_until("the files of beta go", SOON, || {
        site.file("beta", "header").is_none()
    });
    assert_eq!(site.status("delta")["grant"], "unenrolled");
    assert_eq!(site.status("gamma")["min_ttl_s"], 300);

    // Who comes back finds what was left.
    site.config.orgs.insert("beta".into(), beta_lines);
    site.write_config();
    site.verb(&["reload"]).done();
    assert_eq!(site.token("beta"), beta);
    wait_until("the files of beta come back", SOON, || {
        site.file("beta", "access_token").as_ref() == Some(&beta.text)
    });
    assert_eq!(site.zoho.stats(), before);
}

#[test]
fn an_org_that_left_the_config_is_listed_with_all_and_keeps_its_grant_over_a_restart() {
    let (mut site, mut daemon) = Site::enrolled(Rules::default(), &["acme", "beta"]);
    let beta = site.token("beta");
    let lines = site.config.orgs.remove("beta").expect("it was there");
    site.write_config();
    site.verb(&["reload"]).done();
    let listed = site.verb(&["status", "--all"]);
    assert!(listed.done().contains("beta"), "{listed:?}");
    assert!(!site.verb(&["status"]).done().contains("beta"));
    daemon.kill();
    daemon = site.run();
    assert!(site.verb(&["status", "--all"]).done().contains("beta"));
    assert!(site.file("beta", "header").is_none());
    let history = site.verb(&["history", "beta"]);
    assert!(history.done().contains("enrolled"), "{history:?}");
    let never = site.get("/v1/orgs/never/history");
    assert_eq!((never.status, never.code().as_str()), (404, "no-such-org"));

    site.config.orgs.insert("beta".into(), lines);
    site.write_config();
    site.verb(&["reload"]).done();
    assert_eq!(site.token("beta"), beta);
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn a_bad_config_is_refused_with_every_problem_and_the_old_one_stays_in_force() {
    let (site, daemon) = Site::enrolled(Rules::default(), &["acme", "beta"]);
    let acme = site.token("acme");
    let good = site.config_text();
    let bad = good
        .replace("[refresh]", "[refresh]\nat = 0.9\nmin_tll = \"10m\"")
        .replace("beta.secret", "nowhere.secret");
    site.write("zoho-tokend.toml", &bad);

    let refused = site.verb(&["reload"]);

    let told = refused.failed(78);
    let file = site.path("zoho-tokend.toml").display().to_string();
    for part in ["at", "min_tll", "nowhere.secret"] {
        let lines = told.lines().filter(|line| line.starts_with(&file));
        let hits: Vec<&str> = lines.filter(|line| line.contains(part)).collect();
        assert!(!hits.is_empty(), "{part} is not in {told}");
    }
    assert!(told.contains("the old one stays in force"), "{told}");
    assert_eq!(site.token("acme"), acme);
    assert_eq!(site.status("beta")["token"], "fresh");

    daemon.signal(Signal::HUP);
    wait_until("the log lists the problems", SOON, || {
        let said = daemon.said();
        [
            "0.9",
            "min_tll",
            "nowhere.secret",
            "not reloaded, 3 problems",
        ]
        .iter()
        .all(|part| said.contains(part))
    });
    assert_eq!(site.token("acme"), acme);
}

#[test]
fn sighup_reloads_as_the_verb_does() {
    let (mut site, daemon) = Site::enrolled(Rules::default(), &["acme", "beta"]);
    site.config.orgs.remove("beta");
    site.write_config();
    daemon.signal(Signal::HUP);
    wait_until("beta is gone", SOON, || {
        site.get("/v1/orgs/beta").status == 404
    });
    assert!(daemon.said().contains("reloaded"), "{}", daemon.said());
}

/// However many come while one reload is under way, one more follows it.
#[test]
fn a_storm_of_sighups_is_a_few_reloads_and_holds_nobody_up() {
    let site = Site::new(Rules::default(), &["acme", "beta"]);
    let daemon = site.run();
    let reloads = || daemon.said().matches("config: reloaded").count();
    for _ in 0..500 {
        daemon.signal(Signal::HUP);
        // Signals that come at once are one to the kernel.
        thread::sleep(Duration::from_millis(1));
    }
    let by_the_end_of_the_storm = reloads();
    site.verb(&["reload"]).done();
    let after = reloads() - by_the_end_of_the_storm;
    // One under way, one for the signals that came meanwhile, one for a last signal that the loop had yet to see, and
    // the verb's own.
    assert!(after <= 4, "{after} reloads after the last signal");
}

#[test]
fn what_only_a_restart_changes_is_named_and_waits_for_one() {
    let (site, _daemon) = Site::enrolled(Rules::default(), &["acme"]);
    let token = site.token("acme");
    let moved = site.config_text().replace("/tokens\"", "/elsewhere\"");
    site.write("zoho-tokend.toml", &moved);
    let told = site.verb(&["reload"]);
    assert_eq!(
        told.done(),
        "reloaded: only a restart changes daemon.tokens_dir\n"
    );
    assert_eq!(site.token("acme"), token);
    assert!(!site.path("elsewhere").exists());
}

/// S4: the grant is of a place; under another place's name nothing of it is served.
#[test]
fn s4_a_config_that_contradicts_the_grant_serves_nothing_until_it_agrees_again() {
    let (mut site, mut daemon) = Site::enrolled(Rules::default(), &["acme"]);
    let token = site.token("acme");
    wait_until("the files are there", SOON, || {
        site.file("acme", "header").is_some()
    });
    let before = site.zoho.stats();
    site.config
        .orgs
        .insert("acme".into(), "environment = \"sandbox\"".into());
    site.write_config();
    site.verb(&["reload"]).done();

    let refused = site.get("/v1/orgs/acme/token");
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (503, "misconfigured")
    );
    wait_until("the files go", SOON, || {
        site.file("acme", "header").is_none()
    });
    let status = site.status("acme");
    assert_eq!(status["token"], "none");
    assert_eq!(status["cause"], "config-contradicts-grant");
    site.verb(&["get", "acme", "--wait", "0"]).failed(78);
    site.verb(&["refresh", "acme"]).failed(78);
    // Nor after a restart, which reads the files' state from the disk.
    daemon.kill();
    let _daemon = site.run();
    assert_eq!(site.status("acme")["token"], "none");
    assert!(site.file("acme", "header").is_none());

    site.config.orgs.insert("acme".into(), String::new());
    site.write_config();
    site.verb(&["reload"]).done();
    assert_eq!(site.token("acme"), token);
    assert_eq!(site.zoho.stats(), before, "nothing was sent");
}

/// R10: who waits for a call of an org that leaves is told, and nobody else waits.
#[test]
fn r10_a_reload_does_not_wait_for_zoho_and_tells_those_who_do() {
    let (site, _daemon) = Site::enrolled(Rules::default(), &["acme", "beta", "stays"]);
    let hang = || Fault::instead(Instead::Hang);
    site.zoho.break_for("acme", None, hang());
    site.zoho.break_for("beta", None, hang());
    let calls = site.zoho.stats().traffic.token_calls;
    let code = site.zoho.code("beta");
    thread::scope(|scope| {
        let refresh = scope.spawn(|| site.verb(&["refresh", "acme"]));
        let enroll = scope.spawn(|| site.enroll_with("beta", &code));
        wait_until("both hang", SOON, || {
            site.zoho.stats().traffic.token_calls == calls + 2
        });
        let begun = Instant::now();
        let without_both = only(&site, "stays");
        site.write("zoho-tokend.toml", &without_both);
        site.verb(&["reload"]).done();
        for waits in [refresh, enroll] {
            let ended = waits.join().expect("no panic");
            assert!(
                ended.failed(78).contains("has left the config"),
                "{ended:?}"
            );
        }
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "{:?}",
            begun.elapsed()
        );
    });
    // Back again, with what they had; the hanging calls stay spent slots.
    site.zoho.heal();
    site.write_config();
    site.verb(&["reload"]).done();
    assert_eq!(site.status("acme")["mints_left"], 8);
    assert!(site.zoho.is_alive(&site.token("acme").text));
}

/// The config with this org alone, the last one.
fn only(site: &Site, org: &str) -> String {
    let text = site.config_text();
    let orgs = text.find("[clients.").expect("they come last");
    let kept = text.find(&format!("[clients.{org}]")).expect("it is there");
    text[..orgs].to_owned() + &text[kept..]
}

#[test]
fn a_client_secret_that_was_changed_in_the_console_is_taken_from_its_file_by_a_reload() {
    let (site, _daemon) = Site::enrolled(Rules::default(), &["acme"]);
    let new = "another5ecret0000000000000000000000000000";
    let id = client_id("acme");
    let changed = site.zoho.world.with(|zoho, _| zoho.add_client(&id, new));
    changed.expect("room");
    let ended = site.verb(&["refresh", "acme"]);
    assert!(
        ended.failed(78).contains("invalid_client_secret"),
        "{ended:?}"
    );
    assert_eq!(site.status("acme")["grant"], "misconfigured");
    site.write("acme.secret", new);
    site.verb(&["reload"]).done();
    site.verb(&["refresh", "acme"]).done();
    assert_eq!(site.status("acme")["grant"], "ok");
}
