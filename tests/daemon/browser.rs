//! `login` with a real browser: headless Chromium through the login and consent pages of an authorization server that
//! nobody here wrote, and through the stand-in's.

use serde_json::Value;

use crate::login::{Login, free_port, web_site};
use crate::provider::{Provider, browse, need_browser};
use crate::site::Site;

/// A site with one org, `remote`, whose consent page is the provider's.
fn site_of(provider: &Provider, redirect_uri: &str) -> Site {
    let issuer = provider.says("issuer");
    let page = format!("authorize_url = \"{issuer}/auth\"\n");
    let back = format!("redirect_uri = \"{redirect_uri}\"\n");
    provider.site(issuer, &page, &back, "web")
}

fn text<'a>(end: &'a Value, key: &str) -> &'a str {
    end[key].as_str().expect("a text")
}

/// The policy of our own page lets all of it through, and a browser's word is taken for that.
#[track_caller]
fn reads_well(end: &Value, title: &str) {
    assert_eq!(
        text(end, "title"),
        format!("{title} · zoho-tokend"),
        "{end}"
    );
    assert!(
        text(end, "text").contains("You can close this page"),
        "{end}"
    );
    assert_eq!(end["refused"], Value::Array(vec![]), "{end}");
}

#[test]
fn a_real_browser_consents_at_a_server_of_another_make_and_the_grant_is_refreshed() {
    if !need_browser() {
        return;
    }
    let redirect_uri = format!("http://localhost:{}/callback", free_port());
    let provider = Provider::with_pages(&redirect_uri);
    let site = site_of(&provider, &redirect_uri);
    let mut daemon = site.run();
    let mut login = Login::start(&site, &["remote"]);
    let end = browse(&login.address(), "accept", "accept");
    reads_well(&end, "remote is enrolled");
    assert!(text(&end, "text").contains(provider.says("scope")), "{end}");
    login.end().done();
    let first = site.token("remote");
    assert!(provider.is_active(&first.text));
    daemon.kill();
    let _daemon = site.run();
    site.verb(&["refresh", "remote"]).done();
    let second = site.token("remote");
    assert!(second.generation > first.generation && provider.is_active(&second.text));
    assert_eq!(provider.posts(), 2, "one exchange, one refresh");
}

#[test]
fn a_real_browser_that_cancels_shows_that_nothing_has_changed() {
    if !need_browser() {
        return;
    }
    let redirect_uri = format!("http://127.0.0.1:{}/", free_port());
    let provider = Provider::with_pages(&redirect_uri);
    let site = site_of(&provider, &redirect_uri);
    let _daemon = site.run();
    let mut login = Login::start(&site, &["remote"]);
    let end = browse(&login.address(), "cancel", "cancel");
    // A page with status 400 is a complaint of its own.
    assert_eq!(
        text(&end, "title"),
        "remote was not enrolled · zoho-tokend",
        "{end}"
    );
    assert!(text(&end, "text").contains("press Accept"), "{end}");
    let ended = login.end();
    assert!(
        ended
            .failed(78)
            .contains("access_denied: The person at the consent page declined"),
        "{ended:?}"
    );
    assert_eq!(provider.posts(), 0);
    assert_eq!(site.status("remote")["grant"], "unenrolled");
}

/// The second consent page comes up in the same window by itself.
#[test]
fn a_real_browser_is_sent_on_where_consent_is_needed_anew() {
    if !need_browser() {
        return;
    }
    let (site, _) = web_site();
    let mut daemon = site.run();
    let mut login = Login::start(&site, &["acme"]);
    reads_well(
        &browse(&login.address(), "accept", "first"),
        "acme is enrolled",
    );
    login.end().done();
    // A host that knows of no grant: the person has consented all the same.
    daemon.kill();
    std::fs::remove_dir_all(site.path("state")).expect("ours");
    let _daemon = site.run();
    let mut login = Login::start(&site, &["acme"]);
    let first = login.address();
    assert!(!first.contains("prompt=consent"));
    reads_well(&browse(&first, "accept", "anew"), "acme is enrolled");
    let ended = login.end();
    ended.done();
    assert!(ended.stderr.contains("prompt=consent"), "{ended:?}");
}
