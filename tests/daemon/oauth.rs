//! Against an authorization server that nobody here wrote: what it refuses, our stand-in was not bent to allow.
//!
//! npm oidc-provider speaks plain OAuth: no `api_domain`, errors with 400, and with rotation a refresh token that is used
//! twice ends its grant.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::daemon::Daemon;
use crate::eater::Eater;
use crate::provider::{API, Provider, need_provider};
use crate::site::{Site, Token};
use crate::wait::{SOON, wait_until};

/// What a data center of that server has besides its endpoints: Zoho's limits, 100 times faster.
const LIMITS: &str = "limits = { mints = 10, window = \"6s\", live = 10 }\n";

/// A server, and a site with one org, `remote`, that is granted by it; `None`, told loudly, where it cannot run here.
fn remote(rotates: bool, token_life_s: u32) -> Option<(Provider, Site)> {
    let provider = need_provider().then(|| Provider::start(rotates, token_life_s))?;
    let site = provider.site(provider.says("issuer"), LIMITS, "", "self-client");
    Some((provider, site))
}

/// The same org, by the client's own right. Zoho's soid is none of this server's.
fn by_client(site: &mut Site) {
    let more = &site.config.more;
    assert!(more.contains("self-client"), "{more}");
    site.config.more = more.replace("self-client", "client-credentials");
    site.write_config();
}

fn take_over(site: &Site, refresh_token: &str) {
    site.verb_with(&["enroll", "remote", "--refresh-token"], refresh_token)
        .done();
}

/// Reads until `count` generations were seen; each is active by the server's own word while it is served.
#[track_caller]
fn watch_generations(site: &Site, provider: &Provider, count: usize) -> Vec<Token> {
    let mut seen: Vec<Token> = Vec::new();
    wait_until("more generations", Duration::from_secs(30), || {
        let token = site.token("remote");
        assert!(provider.is_active(&token.text), "{token:?}");
        if seen.last() != Some(&token) {
            seen.push(token);
        }
        seen.len() == count
    });
    assert!(
        seen.is_sorted_by(|old, new| old.generation < new.generation),
        "{seen:?}"
    );
    seen
}

/// Three lives with a call each, and two more after a restart.
fn outlives_a_restart(site: &Site, provider: &Provider, mut daemon: Daemon) -> Daemon {
    watch_generations(site, provider, 3);
    assert_eq!(provider.posts(), 3, "one call each");
    daemon.kill();
    let daemon = site.run();
    watch_generations(site, provider, 2);
    assert_eq!(site.status("remote")["grant"], "ok");
    daemon
}

#[test]
fn a_server_of_another_make_is_refreshed_over_several_lives_and_a_restart() {
    let Some((provider, site)) = remote(false, 4) else {
        return;
    };
    let daemon = site.run();
    take_over(&site, provider.says("refresh_token"));
    let status = site.status("remote");
    assert_eq!(status["api_domain"], API, "it names none; the config does");
    assert_eq!(status["binding"], "unverified");
    let _daemon = outlives_a_restart(&site, &provider, daemon);
}

#[test]
fn client_credentials_of_another_make_are_minted_by_themselves_over_several_lives_and_a_restart() {
    let Some((provider, mut site)) = remote(false, 4) else {
        return;
    };
    by_client(&mut site);
    let daemon = site.run();
    wait_until("its first token", SOON, || {
        site.get("/v1/orgs/remote/token").status == 200
    });
    let _daemon = outlives_a_restart(&site, &provider, daemon);
    site.write("sync.secret", "another-secret");
    site.verb(&["reload"]).done();
    let ended = site.verb(&["refresh", "remote"]);
    assert!(ended.failed(78).contains("invalid_client"), "{ended:?}");
}

/// R4: a rotated refresh token replaces the one before, also over kill -9.
#[test]
fn r4_a_server_that_rotates_refresh_tokens_never_sees_an_old_one_again() {
    let Some((provider, site)) = remote(true, 4) else {
        return;
    };
    let mut daemon = site.run();
    take_over(&site, provider.says("refresh_token"));
    watch_generations(&site, &provider, 2);
    for _ in 0..3 {
        let before = site.token("remote").generation;
        wait_until("the next one is out", SOON, || {
            site.token("remote").generation > before
        });
        // It was stored before it was served.
        daemon.kill();
        daemon = site.run();
    }
    site.verb(&["refresh", "remote"]).done();
    assert!(provider.is_active(&site.token("remote").text));
    assert_eq!(site.status("remote")["grant"], "ok");
}

/// R4: the worst that can happen is that a person must act, and is told what to do.
#[test]
fn r4_kill_9_between_a_rotation_and_its_storing_ends_in_needs_consent_with_the_cure() {
    if !need_provider() {
        return;
    }
    let provider = Provider::start(true, 600);
    let way = Eater::before(provider.says("issuer"));
    let site = provider.site(way.url(), LIMITS, "", "self-client");
    let mut daemon = site.run();
    take_over(&site, provider.says("refresh_token"));
    let token = site.token("remote");
    way.eat(true);
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| site.verb(&["refresh", "remote"]));
        wait_until("the answer is lost", SOON, || way.eaten() == 1);
        daemon.kill();
        waits.join().expect("no panic").failed(75);
    });
    way.eat(false);

    let _daemon = site.run();
    let left = site.status("remote")["mints_left"].clone();
    assert_eq!(left, 8, "the lost answer is a spent slot");
    assert_eq!(site.token("remote"), token, "readers keep what they have");
    let refused = site.verb(&["refresh", "remote"]);
    let told = refused.failed(78);
    assert!(told.contains("invalid_grant"), "{told}");
    assert!(told.contains("zoho-tokend enroll remote"), "{told}");
    let status = site.status("remote");
    assert_eq!(
        (&status["grant"], &status["token"]),
        (&json!("needs-consent"), &json!("fresh"))
    );
    assert_eq!(status["cause"], "invalid_grant");

    take_over(&site, &provider.new_refresh_token());
    assert_eq!(site.status("remote")["grant"], "ok");
    assert!(provider.is_active(&site.token("remote").text));
}

#[test]
fn a_refresh_token_that_the_server_does_not_know_is_refused_with_its_own_word() {
    let Some((provider, site)) = remote(false, 600) else {
        return;
    };
    let _daemon = site.run();
    let ended = site.verb_with(
        &["enroll", "remote", "--refresh-token"],
        "no-such-refresh-token",
    );
    let told = ended.failed(78);
    assert!(told.contains("invalid_grant"), "{told}");
    assert_eq!(site.status("remote")["grant"], "unenrolled");
    site.write("sync.secret", "another-secret");
    site.verb(&["reload"]).done();
    let ended = site.verb_with(
        &["enroll", "remote", "--refresh-token"],
        provider.says("refresh_token"),
    );
    assert!(ended.failed(78).contains("invalid_client"), "{ended:?}");
}

/// RFC 7009, with the client's secret, and 200 also for what is gone already.
#[test]
fn a_server_of_another_make_revokes_at_its_own_endpoint() {
    let Some((provider, site)) = remote(false, 600) else {
        return;
    };
    let _daemon = site.run();
    let refresh_token = provider.says("refresh_token");
    take_over(&site, refresh_token);
    assert!(provider.is_active(refresh_token));
    site.write("sync.secret", "another-secret");
    site.verb(&["reload"]).done();
    let told = site.verb(&["revoke", "remote", "--yes"]);
    assert!(told.failed(78).contains("invalid_client"), "{told:?}");
    assert_eq!(
        site.status("remote")["grant"],
        "ok",
        "nothing was forgotten"
    );
    site.write("sync.secret", provider.says("client_secret"));
    site.verb(&["reload"]).done();
    site.verb(&["revoke", "remote", "--yes"]).done();
    assert!(!provider.is_active(refresh_token));
    assert_eq!(site.status("remote")["grant"], "unenrolled");
    // One that is replaced ends there as well.
    let [one, two] = [provider.new_refresh_token(), provider.new_refresh_token()];
    take_over(&site, &one);
    take_over(&site, &two);
    wait_until("the older one is revoked", SOON, || {
        !provider.is_active(&one)
    });
    assert!(provider.is_active(&two));
}

/// R1: tokens are served until their end by the server's own clock, not longer.
#[test]
fn r1_no_token_is_served_that_the_server_no_longer_accepts() {
    if !need_provider() {
        return;
    }
    let provider = Provider::start(false, 3);
    let way = Eater::before(provider.says("issuer"));
    let mut site = provider.site(way.url(), LIMITS, "", "self-client");
    site.config.refresh = "timeout = \"1s\"".into();
    site.write_config();
    let _daemon = site.run();
    take_over(&site, provider.says("refresh_token"));
    way.eat(true);
    let begun = Instant::now();
    wait_until("nothing is served", SOON, || {
        let reply = site.get("/v1/orgs/remote/token");
        if reply.status != 200 {
            assert_eq!(reply.code(), "retrying");
            return true;
        }
        // Seconds are whole on the wire: in the last one the server may have let go already.
        let is_late = reply.json()["expires_in"] == 0;
        assert!(is_late || provider.is_active(&Token::of(&reply.json()).text));
        false
    });
    assert!(
        begun.elapsed() < Duration::from_secs(6),
        "{:?}",
        begun.elapsed()
    );
    way.eat(false);
}
