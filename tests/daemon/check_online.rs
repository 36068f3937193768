//! `check --online`: whether this host reaches the data centers of its config, and what they say there.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use zoho_tokend::stand_in::{Fault, Instead, ON_SERVERS, Rules};

use crate::daemon::{Ended, program};
use crate::site::Site;

fn check(site: &Site) -> Ended {
    let config = site.path("zoho-tokend.toml");
    let ended = program()
        .args(["check", "--online", "--config"])
        .arg(config)
        .output();
    ended.expect("the program runs").into()
}

fn site() -> Site {
    let site = Site::new(Rules::default(), &["acme", "beta"]);
    std::fs::create_dir(site.path("state")).expect("ours");
    site
}

fn once(site: &Site, fault: Fault) {
    let added = site
        .zoho
        .world
        .with(|zoho, _| zoho.add_fault(ON_SERVERS, Some(1), fault));
    added.expect("room");
}

#[test]
fn a_data_center_that_answers_is_told_once_for_all_its_orgs() {
    let site = site();
    let ended = check(&site);
    let told = ended.done();
    let url = site.zoho.url();
    assert_eq!(
        told.matches(&format!("data center lab: {url} answered in"))
            .count(),
        1,
        "{told}"
    );
    assert!(told.contains("config good: 2 orgs, 2 clients\n"), "{told}");
    assert!(told.ends_with("\nonline good: 1 host answered\n"), "{told}");
    assert_eq!(ended.stderr, "");
    let traffic = site.zoho.stats().traffic;
    assert_eq!(
        (traffic.token_calls, traffic.strays),
        (0, 0),
        "no secret was sent"
    );
}

#[test]
fn the_api_of_an_org_with_verify_is_looked_for_too() {
    let mut site = site();
    let lines = "verify = true\nscopes = [\"ZohoCRM.org.READ\"]";
    site.config.orgs.insert("acme".into(), lines.into());
    site.write_config();
    let told = check(&site);
    assert!(
        told.done()
            .contains("which `verify` asks, answered HTTP 401 in"),
        "{told:?}"
    );
    assert!(
        told.stdout.contains("online good: 2 hosts answered"),
        "{told:?}"
    );
}

#[test]
fn a_host_that_does_not_answer_is_named_with_its_place_and_what_to_look_at() {
    let mut site = site();
    let gone = "data_center = \"gone\"\nverify = true\nscopes = [\"ZohoCRM.org.READ\"]";
    let closed = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = closed.local_addr().expect("bound").port();
    drop(closed);
    site.config.more = format!(
        "[data_centers.gone]\naccounts_url = \"http://127.0.0.1:{port}\"\n\
         api_domains = {{ production = \"http://127.0.0.1:{port}\" }}\n"
    );
    site.config.orgs.insert("beta".into(), gone.into());
    site.write_config();
    let ended = check(&site);
    assert_eq!(ended.exit, 69, "{ended:?}");
    let mut lines = ended.stderr.lines();
    let line = lines.find(|line| line.contains("`data_center` is gone"));
    let line = line.expect("it is named");
    let config = site.path("zoho-tokend.toml").display().to_string();
    assert!(line.starts_with(&config), "{line}");
    for part in [
        "gives no good answer (connect: ",
        "Check network and firewall of this host",
    ] {
        assert!(line.contains(part), "{part} is not in {line}");
    }
    let told = "`verify` of org beta asks";
    assert!(ended.stderr.contains(told), "{ended:?}");
    assert!(ended.stderr.contains("stay unverified"), "{ended:?}");
    assert!(ended.stdout.contains("config good"), "{ended:?}");
    assert!(
        ended
            .stdout
            .ends_with("online bad: 2 of 3 hosts gave no good answer\n"),
        "{ended:?}"
    );
}

#[test]
fn a_server_in_trouble_is_not_good() {
    let site = site();
    once(&site, Fault::status(503));
    let ended = check(&site);
    assert_eq!(ended.exit, 69, "{ended:?}");
    assert!(ended.stderr.contains("(http-503: "), "{ended:?}");
}

#[test]
fn a_server_that_never_answers_is_not_waited_for_long() {
    let site = site();
    once(&site, Fault::instead(Instead::Hang));
    let begun = Instant::now();
    let ended = check(&site);
    assert!(
        begun.elapsed() < Duration::from_secs(30),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(ended.exit, 69);
    assert!(begun.elapsed() < Duration::from_secs(20), "{ended:?}");
    assert!(ended.stderr.contains("(timeout: "), "{ended:?}");
}

#[test]
fn zohos_list_is_held_against_the_table() {
    let site = site();
    once(&site, Fault::set("ca", "https://accounts.zoho.ca"));
    once(&site, Fault::set("br", "https://accounts.zoho.br"));
    once(&site, Fault::status(404));
    let moved = check(&site);
    assert_eq!(moved.exit, 0);
    assert!(
        moved.stderr.contains("warning: Zoho's own list has data center ca at https://accounts.zoho.ca, this release has https://accounts.zohocloud.ca"),
        "{moved:?}"
    );
    let new = check(&site);
    assert!(
        new.stderr.contains("that this release does not know: br"),
        "{new:?}"
    );
    let none = check(&site);
    assert_eq!(
        (none.exit, none.stderr.as_str()),
        (0, ""),
        "another OAuth server need not have one"
    );
}

#[test]
fn what_two_data_centers_tell_alike_is_told_once_and_in_their_order() {
    let mut site = site();
    let url = site.zoho.url().replace("127.0.0.1", "localhost");
    site.config.more = format!(
        "[data_centers.also]\naccounts_url = \"{url}\"\napi_domains = {{ production = \"{url}\" }}\n"
    );
    let lines = "data_center = \"also\"";
    site.config.orgs.insert("acme".into(), lines.into());
    site.write_config();
    for _ in 0..2 {
        once(&site, Fault::set("br", "https://accounts.zoho.br"));
    }
    let ended = check(&site);
    assert_eq!(ended.stderr.matches("does not know: br").count(), 1);
    let at = |what: &str| ended.done().find(what);
    let (first, second) = (at("data center lab"), at("data center also"));
    assert!(first.is_some() && first < second, "{ended:?}");
}

#[test]
fn a_wrong_clock_is_told_in_words() {
    let site = site();
    let skewed = Fault {
        date_skew_s: 7_200,
        ..Fault::default()
    };
    once(&site, skewed);
    let ended = check(&site);
    assert_eq!(ended.exit, 0);
    assert!(ended.stderr.contains("behind"), "{ended:?}");
    assert!(ended.stderr.contains("timedatectl"), "{ended:?}");
}

#[test]
fn without_the_flag_nobody_is_asked() {
    let site = site();
    once(&site, Fault::instead(Instead::Hang));
    let config = site.path("zoho-tokend.toml");
    let ended = program().args(["check", "--config"]).arg(config).output();
    let ended: Ended = ended.expect("the program runs").into();
    assert!(!ended.done().contains("online"), "{ended:?}");
}

/// The way is the daemon's own, so that it is no other that was looked at.
#[test]
fn hosts_are_asked_through_the_proxy_of_the_config() {
    let mut site = site();
    site.config.daemon = "proxy = \"http://127.0.0.1:1\"".into();
    site.config.more = "[data_centers.far]\naccounts_url = \"https://accounts.far.invalid\"\n\
                        api_domains = { production = \"https://api.far.invalid\" }\n"
        .into();
    let lines = "data_center = \"far\"".to_owned();
    site.config.orgs.insert("acme".into(), lines);
    site.write_config();
    let ended = check(&site);
    let told = "https://accounts.far.invalid gives no good answer (proxy: ";
    assert_eq!(ended.exit, 69);
    assert!(ended.stderr.contains(told), "{ended:?}");
}
