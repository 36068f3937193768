//! `login`: consent in a browser, from the address to the grant. HTTP by hand is the browser here; a real one is in
//! `browser.rs`, and who else may come along in `login_guards.rs`.

use std::net::{TcpListener, TcpStream};

use zoho_tokend::stand_in::{Fault, Params};

use crate::login::{Login, browse, login, parameter, seat, target, visit, web_site};
use crate::site::Site;
use crate::zoho::client_id;

/// R4: the grant is then one like any other.
#[test]
fn r4_a_login_gives_the_org_a_grant_that_is_kept_and_refreshed() {
    let (site, _) = web_site();
    let mut daemon = site.run();
    assert_eq!(site.status("acme")["grant"], "unenrolled");
    assert!(
        site.status("acme")["cure"]
            .to_string()
            .contains("zoho-tokend login acme")
    );
    let mut login = Login::start(&site, &["acme"]);
    let address = login.address();
    assert_eq!(
        parameter(&address, "access_type").as_deref(),
        Some("offline")
    );
    assert_eq!(
        parameter(&address, "prompt"),
        None,
        "nobody has consented yet"
    );
    let page = browse(&address);
    assert_eq!(page.status, 200, "{page:?}");
    assert!(page.body.contains("acme is enrolled"), "{}", page.body);
    assert!(page.body.contains("You can close this page"));
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
    // The code is in this page's address.
    assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(page.header("cache-control"), Some("no-store"));
    let ended = login.end();
    assert!(ended.done().starts_with("acme: enrolled\n"), "{ended:?}");

    let token = site.token("acme");
    assert!(site.zoho.is_alive(&token.text));
    let notes = site.verb(&["history", "acme"]);
    assert!(notes.done().contains("with a login in a browser"));
    daemon.kill();
    let _daemon = site.run();
    assert_eq!(site.token("acme"), token);
    site.verb(&["refresh", "acme"]).done();
    assert_eq!(site.zoho.mints("acme"), 2);
}

#[test]
fn consent_is_asked_for_anew_where_a_grant_of_the_client_is_known() {
    let (site, _) = web_site();
    let _daemon = site.run();
    login(&site).1.done();
    let mut again = Login::start(&site, &["acme"]);
    let address = again.address();
    assert_eq!(parameter(&address, "prompt").as_deref(), Some("consent"));
    assert_eq!(browse(&address).status, 200);
    again.end().done();
    let grants = site.zoho.stats().grants;
    assert_eq!(grants.len(), 2, "one consent each");
}

/// A person has consented before, for another host say: Zoho sends the browser back at once, without a refresh token.
#[test]
fn where_zoho_gives_no_refresh_token_the_same_login_asks_for_consent_anew() {
    let (site, port) = web_site();
    let _daemon = site.run();
    consent_elsewhere(&site, port);
    let mut login = Login::start(&site, &["acme"]);
    let first = login.address();
    assert_eq!(parameter(&first, "prompt"), None);
    // The browser follows by itself: to the consent page, back, there again, back.
    let page = browse(&first);
    assert!(page.body.contains("acme is enrolled"), "{page:?}");
    let second = login.address();
    assert_eq!(parameter(&second, "prompt").as_deref(), Some("consent"));
    assert_ne!(parameter(&first, "state"), parameter(&second, "state"));
    let ended = login.end();
    ended.done();
    assert!(
        ended.stderr.contains("asking for consent anew"),
        "{ended:?}"
    );
}

/// The same person gives the same client a grant elsewhere.
fn consent_elsewhere(site: &Site, port: u16) {
    let form = format!(
        "response_type=code&client_id={}&scope=ZohoCRM.modules.ALL&access_type=offline&\
         redirect_uri=http%3A%2F%2Flocalhost%3A{port}%2Fcallback",
        client_id("acme")
    );
    let usual = site.zoho.consent("acme").org;
    let params = Params::parse(form.as_bytes());
    let reply = site
        .zoho
        .world
        .with(|zoho, now| zoho.authorize(&params, "http://127.0.0.1:1", usual, now));
    assert_eq!(reply.status, 302, "{reply:?}");
}

/// R4: nothing of the older grant changes.
#[test]
fn r4_without_a_refresh_token_the_login_says_why_and_the_older_grant_stays() {
    let (site, _) = web_site();
    let _daemon = site.run();
    login(&site).1.done();
    let token = site.token("acme");
    let without = Fault {
        drop: vec!["refresh_token".into()],
        ..Fault::default()
    };
    site.zoho.break_for("acme", 1, without);
    let (page, ended) = login(&site);
    let told = ended.failed(78);
    for part in [
        "no-refresh-token",
        "consented to client acme before",
        "Connected Apps",
    ] {
        assert!(told.contains(part), "{told}");
        assert!(page.contains(part), "{page}");
    }
    assert_eq!(site.token("acme"), token);
    assert_eq!(site.status("acme")["grant"], "ok");
}

#[test]
fn a_person_who_refuses_changes_nothing_and_is_told() {
    let (site, _) = web_site();
    let _daemon = site.run();
    seat(&site, |person| person.refuses = true);
    let (page, ended) = login(&site);
    assert!(page.contains("acme was not enrolled"), "{page}");
    let told = ended.failed(78);
    assert!(
        told.contains("access_denied: The person at the consent page declined"),
        "{told}"
    );
    assert!(told.contains("press Accept"), "{told}");
    assert_eq!(site.zoho.stats().traffic.token_calls, 0);
}

#[test]
fn an_address_can_be_pasted_where_the_browser_is_on_another_host() {
    let (site, port) = web_site();
    let _daemon = site.run();
    let mut login = Login::start(&site, &["acme", "--paste"]);
    let back = target(&visit(&login.address()));
    assert!(
        TcpStream::connect(("127.0.0.1", port)).is_err(),
        "it listens to nobody"
    );
    login.type_in(&format!("{back}\n"));
    login.end().done();
    assert!(site.zoho.is_alive(&site.token("acme").text));

    let mut late = Login::start(&site, &["acme", "--paste"]);
    late.address();
    late.type_in(&back);
    let ended = late.end();
    let told = ended.failed(65);
    assert!(told.contains("that address is of another login"), "{told}");
    let code = parameter(&back, "code").expect("a code");
    assert!(!told.contains(&code), "{told}");
}

#[test]
fn a_port_that_is_taken_is_told_and_the_address_asked_for() {
    let (site, port) = web_site();
    let _daemon = site.run();
    let _other = TcpListener::bind(("127.0.0.1", port)).expect("it was free");
    let mut login = Login::start(&site, &["acme"]);
    let back = target(&visit(&login.address()));
    login.type_in(&back);
    let ended = login.end();
    ended.done();
    assert!(ended.stderr.contains("cannot wait on"), "{ended:?}");
}

#[test]
fn what_a_login_cannot_be_for_is_told_before_any_browser() {
    let (mut site, port) = web_site();
    let _daemon = site.run();
    site.config.orgs.insert("acme".into(), String::new());
    site.write_config();
    site.verb(&["reload"]).done();
    let told = site.verb(&["login", "acme"]);
    assert!(
        told.failed(78).contains("grant = \"self-client\""),
        "{told:?}"
    );
    site.config
        .orgs
        .insert("acme".into(), "grant = \"web\"".into());
    site.config.redirect_uris.clear();
    site.write_config();
    site.verb(&["reload"]).done();
    let told = site.verb(&["login", "acme"]);
    assert!(told.failed(78).contains("[clients.acme]"), "{told:?}");
    assert!(
        site.verb(&["login", "nobody"])
            .failed(78)
            .contains("[orgs.nobody]")
    );
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
}

/// The config changed while the person was on the page.
#[test]
fn a_redirect_uri_that_changed_meanwhile_is_told_and_nothing_is_sent() {
    let (mut site, _) = web_site();
    let _daemon = site.run();
    let mut login = Login::start(&site, &["acme"]);
    let address = login.address();
    site.let_return("acme", "http://localhost:1/other");
    site.write_config();
    site.verb(&["reload"]).done();
    let page = browse(&address);
    assert_eq!(page.status, 400, "{page:?}");
    assert!(login.end().failed(78).contains("other-redirect-uri"));
    assert_eq!(site.zoho.stats().traffic.token_calls, 0);
}
