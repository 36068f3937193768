//! `login`: consent in a browser, from the address to the grant. HTTP by hand is the browser here; a real one is in
//! `browser.rs`.

use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::{env, fs};

use serde_json::json;
use zoho_tokend::stand_in::{Fault, Params, Person, Rules};

use crate::daemon::Daemon;
use crate::http::{Line, Request};
use crate::login::{Login, browse, free_port, target, visit};
use crate::need::need_tools;
use crate::site::Site;
use crate::users::as_user;
use crate::wait::{SOON, wait_until};
use crate::zoho::client_id;

/// A site whose org `acme` has a web-based client; the port is its redirect's.
fn site() -> (Site, u16) {
    let port = free_port();
    let mut site = Site::new(Rules::default(), &["acme"]);
    site.config
        .orgs
        .insert("acme".into(), "grant = \"web\"".into());
    site.let_return("acme", &format!("http://localhost:{port}/callback"));
    site.write_config();
    (site, port)
}

fn parameter(address: &str, name: &str) -> Option<String> {
    let query = address.split_once('?').map_or("", |(_, query)| query);
    let params = Params::parse(query.as_bytes());
    Some(params.value(name).to_owned()).filter(|value| !value.is_empty())
}

fn login(site: &Site) -> (String, crate::daemon::Ended) {
    let mut login = Login::start(site, &["acme"]);
    let page = browse(&login.address());
    (page.body, login.end())
}

/// R4: the grant is then one like any other.
#[test]
fn r4_a_login_gives_the_org_a_grant_that_is_kept_and_refreshed() {
    let (site, _) = site();
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

/// S1
#[test]
fn s1_state_verifier_and_code_are_in_no_argument_and_in_no_log() {
    let (mut site, _) = site();
    site.config.daemon = "log = \"trace\"".into();
    site.write_config();
    let daemon = site.run();
    let mut login = Login::start(&site, &["acme"]);
    let address = login.address();
    let back = target(&visit(&address));
    let arguments = fs::read_to_string(format!("/proc/{}/cmdline", login.pid())).expect("it runs");
    let reply = visit(&back);
    assert_eq!(reply.status, 200, "{reply:?}");
    let ended = login.end();
    ended.done();
    let state = parameter(&address, "state").expect("a state");
    let code = parameter(&back, "code").expect("a code");
    let verifier = parameter(&address, "code_challenge").expect("a challenge");
    for secret in [&state, &code, &verifier] {
        assert!(!arguments.contains(secret.as_str()), "{arguments}");
        assert!(!daemon.said().contains(secret.as_str()));
        assert!(!reply.body.contains(secret.as_str()), "{reply:?}");
    }
    assert!(!ended.stderr.contains(&code), "{ended:?}");
}

#[test]
fn consent_is_asked_for_anew_where_a_grant_of_the_client_is_known() {
    let (site, _) = site();
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
    let (site, port) = site();
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
    let (site, _) = site();
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
    let (site, _) = site();
    let _daemon = site.run();
    seat(&site, |person| person.refuses = true);
    let (page, ended) = login(&site);
    assert!(page.contains("acme was not enrolled"), "{page}");
    let told = ended.failed(78);
    assert!(
        told.contains("consent was refused in the browser"),
        "{told}"
    );
    assert!(told.contains("press Accept"), "{told}");
    assert_eq!(site.zoho.stats().traffic.token_calls, 0);
}

fn seat(site: &Site, change: impl FnOnce(&mut Person)) {
    let mut person = Person::default();
    change(&mut person);
    site.zoho.world.with(|zoho, _| zoho.seat(person));
}

/// S3: the code and the secret go nowhere.
#[test]
fn s3_an_account_of_another_data_center_is_told_and_nothing_is_sent() {
    let (site, _) = site();
    let _daemon = site.run();
    for (server, parts) in [
        (
            "https://accounts.zoho.eu",
            [
                "other-data-center",
                "data center eu",
                "correct `data_center`",
            ],
        ),
        (
            "https://accounts.zoho.eu.evil.example/path",
            [
                "unknown-accounts-server",
                "nothing was sent",
                "evil.example",
            ],
        ),
    ] {
        seat(&site, |person| {
            person.location = Some("eu".into());
            person.accounts_server = Some(server.into());
        });
        let (page, ended) = login(&site);
        let told = ended.failed(78);
        for part in parts {
            assert!(told.contains(part), "{part}: {told}");
        }
        assert!(page.contains("was not enrolled"), "{page}");
    }
    assert_eq!(site.zoho.stats().traffic.token_calls, 0);
    seat(&site, |person| person.location = None);
    login(&site).1.done();
}

/// S5: whatever else comes to the port, the login goes on.
#[test]
fn s5_strangers_at_the_port_neither_end_a_login_nor_learn_of_it() {
    let (site, port) = site();
    let _daemon = site.run();
    let mut login = Login::start(&site, &["acme"]);
    let address = login.address();
    let here = format!("http://localhost:{port}");
    // Opened ahead and left silent, as browsers do.
    let silent: Vec<TcpStream> = (0..20)
        .map(|_| TcpStream::connect(("127.0.0.1", port)).expect("it listens"))
        .collect();
    for (target, status) in [
        ("/", 404),
        ("/favicon.ico", 404),
        ("/callback", 404),
        ("/callback/?code=1&state=2", 404),
        ("/callback?code=1000.a&state=guess", 400),
        ("/callback?code=1000.a", 400),
        ("/callback?error=access_denied&state=guess", 400),
    ] {
        let reply = visit(&format!("{here}{target}"));
        assert_eq!(reply.status, status, "{target}");
        let state = parameter(&address, "state").expect("a state");
        assert!(!reply.body.contains(&state), "{reply:?}");
    }
    let state = parameter(&address, "state").expect("a state");
    for (request, status) in [
        (
            format!(
                "GET /callback?code=1&state={state} HTTP/1.1\r\nHost: evil.example:{port}\r\n\r\n"
            ),
            404,
        ),
        (
            format!("POST /callback HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n"),
            405,
        ),
        (
            format!("GET {here}/callback HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n"),
            400,
        ),
        ("nonsense\r\n\r\n".to_owned(), 400),
        (format!("GET /{} HTTP/1.1\r\n", "a".repeat(20_000)), 431),
    ] {
        let mut line = Line::to_url(&format!("http://127.0.0.1:{port}")).expect("it listens");
        line.send(request.as_bytes()).expect("sent");
        assert_eq!(line.answer().expect("an answer").status, status);
    }
    assert_eq!(browse(&address).status, 200);
    login.end().done();
    drop(silent);
    assert!(
        TcpStream::connect(("127.0.0.1", port)).is_err(),
        "nobody listens once nobody waits"
    );
}

#[test]
fn an_address_can_be_pasted_where_the_browser_is_on_another_host() {
    let (site, port) = site();
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
    let (site, port) = site();
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
    let (mut site, port) = site();
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
    let (mut site, _) = site();
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

/// The stand-in checks the hash, so that a login that works shows that S256 is right; one that lies is refused.
#[test]
fn a_code_is_of_no_use_without_the_verifier_of_its_challenge() {
    let (site, port) = site();
    let _daemon = site.run();
    let mut login = Login::start(&site, &["acme", "--paste"]);
    let address = login.address();
    assert_eq!(
        parameter(&address, "code_challenge_method").as_deref(),
        Some("S256")
    );
    let back = target(&visit(&address));
    let code = parameter(&back, "code").expect("a code");
    let redirect_uri = format!("http://localhost:{port}/callback");
    for verifier in [json!("somebody-elses"), json!(null)] {
        let body = json!({"kind": "login", "code": code, "redirect_uri": redirect_uri, "code_verifier": verifier});
        let reply = site.ask(&Request::post("/v1/orgs/acme/enrollment", body.to_string()));
        assert_eq!((reply.status, reply.code().as_str()), (422, "refused"));
        assert!(reply.body.contains("zoho-tokend login acme"), "{reply:?}");
    }
    login.type_in(&back);
    login.end().done();
}

#[test]
fn a_server_that_takes_no_challenge_gets_none() {
    let (mut site, _) = site();
    site.config.data_center = "pkce = false".into();
    site.write_config();
    let _daemon = site.run();
    let mut login = Login::start(&site, &["acme"]);
    let address = login.address();
    assert_eq!(parameter(&address, "code_challenge"), None);
    assert_eq!(browse(&address).status, 200);
    login.end().done();
}

/// S1: before the browser goes off, and sealed like any other.
#[test]
fn s1_a_client_secret_that_the_config_leaves_out_is_asked_for_once() {
    let (mut site, _) = site();
    site.config.secretless = vec!["acme".into()];
    site.write_config();
    let _daemon = site.run();
    let none = site.verb(&["login", "acme"]);
    assert!(none.failed(65).contains("client secret"), "{none:?}");
    let mut first = Login::start(&site, &["acme"]);
    first.type_in(&crate::zoho::client_secret("acme"));
    assert_eq!(browse(&first.address()).status, 200);
    first.end().done();
    // Sealed now, and used again.
    login(&site).1.done();
    site.verb(&["refresh", "acme"]).done();
}

/// S2
#[test]
fn s2_only_admins_begin_a_login() {
    const STRANGER: u32 = 41_903;
    if !need_tools(&["root"]) {
        return;
    }
    let (site, _) = site();
    let _daemon = site.run();
    let ask = |org: &str| {
        let target = format!("/v1/orgs/{org}/login");
        as_user(STRANGER, STRANGER, &[], || site.get(&target))
    };
    let known = ask("acme");
    assert_eq!(known.status, 403, "{known:?}");
    let same = known.body.replace("acme", "nobody");
    assert_eq!(ask("nobody").body, same, "a stranger learns no name");
}

/// S1: what opens the browser is an argument, and every user of the host can read those.
#[test]
fn s1_the_browser_is_opened_at_an_entrance_that_works_once_and_has_no_state_in_it() {
    const PERSON: u32 = 41_904;
    if !need_tools(&["root"]) {
        return;
    }
    let (mut site, port) = site();
    site.config.daemon = format!("admins = {{ users = [{PERSON}] }}");
    site.write_config();
    let daemon: Daemon = site.run();
    let program = site.program_for_all();
    let opened = site.path("opened");
    fs::write(&opened, "").expect("ours");
    fs::set_permissions(&opened, fs::Permissions::from_mode(0o666)).expect("ours");
    let opener = site.path("xdg-open");
    let script = format!("#!/bin/sh\nprintf '%s\\n' \"$@\" > {}\n", opened.display());
    fs::write(&opener, script).expect("ours");
    fs::set_permissions(&opener, fs::Permissions::from_mode(0o755)).expect("ours");

    let mut command = crate::daemon::program_at(&program);
    command.env("DISPLAY", ":9");
    let path = format!(
        "{}:{}",
        site.folder().display(),
        env::var("PATH").unwrap_or_default()
    );
    command.env("PATH", path);
    let mut login = as_user(PERSON, PERSON, &[], || {
        Login::start_as(command, &site, &["acme"])
    });
    let address = login.address();
    let mut told = String::new();
    wait_until("the browser is opened", SOON, || {
        told = fs::read_to_string(&opened).expect("ours");
        told.ends_with('\n')
    });
    let entrance = told.trim();
    assert!(
        entrance.starts_with(&format!("http://localhost:{port}/")),
        "{entrance}"
    );
    let state = parameter(&address, "state").expect("a state");
    assert!(!entrance.contains(&state), "{entrance}");
    assert_eq!(target(&visit(entrance)), address);
    assert_eq!(visit(entrance).status, 404, "once");
    assert_eq!(browse(&address).status, 200);
    login.end().done();
    drop(daemon);
}
