//! What a `login` keeps to itself, and who may not have a part in it.

use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use serde_json::json;

use crate::daemon::program_at;
use crate::http::{Line, Request};
use crate::login::{Login, browse, login, parameter, seat, target, visit, web_site};
use crate::need::need_tools;
use crate::site::Site;
use crate::users::as_user;
use crate::wait::{SOON, wait_until};
use crate::zoho::client_secret;

/// S1
#[test]
fn s1_state_verifier_and_code_are_in_no_argument_and_in_no_log() {
    let (mut site, _) = web_site();
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

/// S3: the code and the secret go nowhere.
#[test]
fn s3_an_account_of_another_data_center_is_told_and_nothing_is_sent() {
    let (site, _) = web_site();
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
    let (site, port) = web_site();
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
        ("/callback?error=access_denied", 400),
        (
            "/callback?error=all-is-lost&error_description=call+evil.example",
            400,
        ),
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
    let ended = login.end();
    ended.done();
    // Said once, and in words of ours.
    let told = "came back with an error (access_denied) that does not say of which login";
    assert_eq!(ended.stderr.matches(told).count(), 1, "{ended:?}");
    assert!(!ended.stderr.contains("all-is-lost") && !ended.stderr.contains("evil"));
    drop(silent);
    assert!(
        TcpStream::connect(("127.0.0.1", port)).is_err(),
        "nobody listens once nobody waits"
    );
}

/// The stand-in checks the hash, so that a login that works shows that S256 is right; one that lies is refused.
#[test]
fn a_code_is_of_no_use_without_the_verifier_of_its_challenge() {
    let (site, port) = web_site();
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
    let (mut site, _) = web_site();
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
    let (mut site, _) = web_site();
    site.config.secretless = vec!["acme".into()];
    site.write_config();
    let _daemon = site.run();
    let none = site.verb(&["login", "acme"]);
    assert!(none.failed(65).contains("client secret"), "{none:?}");
    let mut first = Login::start(&site, &["acme"]);
    first.type_in(&client_secret("acme"));
    assert_eq!(browse(&first.address()).status, 200);
    first.end().done();
    // Sealed now, and used again.
    login(&site).1.done();
    site.verb(&["refresh", "acme"]).done();
}

#[test]
fn whoever_pipes_in_an_address_has_seen_the_page_before_any_question() {
    let (mut site, _) = web_site();
    site.config.secretless = vec!["acme".into()];
    site.write_config();
    let _daemon = site.run();
    let mut login = Login::start(&site, &["acme", "--paste"]);
    let back = target(&visit(&login.address()));
    login.type_in(&format!("{}\n{back}\n", client_secret("acme")));
    login.end().done();
}

/// S2
#[test]
fn s2_only_admins_begin_a_login() {
    const STRANGER: u32 = 41_903;
    if !need_tools(&["root"]) {
        return;
    }
    let (site, _) = web_site();
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

/// A desktop whose opener writes down what it was given; where it does.
fn desktop(site: &Site) -> PathBuf {
    let opened = site.path("opened");
    fs::write(&opened, "").expect("ours");
    fs::set_permissions(&opened, fs::Permissions::from_mode(0o666)).expect("ours");
    let program = site.path("xdg-open");
    let script = format!("#!/bin/sh\nprintf '%s\\n' \"$@\" > {}\n", opened.display());
    fs::write(&program, script).expect("ours");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("ours");
    opened
}

/// The program as a person runs it there.
fn on_desktop(site: &Site, program: &Path) -> Command {
    let mut command = program_at(program);
    command.env("DISPLAY", ":9").env_remove("WAYLAND_DISPLAY");
    let path = env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{}:{path}", site.folder().display()));
    command
}

/// Neither with root's rights, nor without a screen, nor against the person's word.
#[test]
fn no_browser_is_opened_where_none_is_wanted() {
    const PERSON: u32 = 41_905;
    if !need_tools(&["root"]) {
        return;
    }
    let (mut site, _) = web_site();
    site.config.daemon = format!("admins = {{ users = [{PERSON}] }}");
    site.write_config();
    let _daemon = site.run();
    let program = site.program_for_all();
    let opened = desktop(&site);
    let as_person = |command: Command, args: &[&str]| {
        as_user(PERSON, PERSON, &[], || {
            Login::start_as(command, &site, args)
        })
    };
    let opens_none = |mut login: Login| {
        let page = browse(&login.address());
        assert_eq!(page.status, 200, "{page:?}");
        login.end().done();
        assert_eq!(fs::read_to_string(&opened).expect("ours"), "");
    };
    let desktop = || on_desktop(&site, &program);
    opens_none(Login::start_as(desktop(), &site, &["acme"]));
    opens_none(as_person(desktop(), &["acme", "--no-browser"]));
    let mut blind = desktop();
    blind.env_remove("DISPLAY");
    opens_none(as_person(blind, &["acme"]));
}

/// S1: what opens the browser is an argument, and every user of the host can read those.
#[test]
fn s1_the_browser_is_opened_at_an_entrance_that_works_once_and_has_no_state_in_it() {
    const PERSON: u32 = 41_904;
    if !need_tools(&["root"]) {
        return;
    }
    let (mut site, port) = web_site();
    site.config.daemon = format!("admins = {{ users = [{PERSON}] }}");
    site.write_config();
    let _daemon = site.run();
    let program = site.program_for_all();
    let opened = desktop(&site);
    let command = on_desktop(&site, &program);
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
    let path = entrance.rsplit('/').next().unwrap_or_default();
    assert_eq!(path.len(), 43, "nobody guesses it: {entrance}");
    assert_eq!(target(&visit(entrance)), address);
    assert_eq!(visit(entrance).status, 404, "once");
    assert_eq!(browse(&address).status, 200);
    login.end().done();
}

/// Whoever knows the state is the page or the person: then the login ends, and says why.
#[test]
fn what_comes_back_with_the_state_and_cannot_be_used_ends_the_login_with_its_reason() {
    let (site, port) = web_site();
    let _daemon = site.run();
    let mut login = Login::start(&site, &["acme"]);
    let state = parameter(&login.address(), "state").expect("a state");
    let back = format!("http://localhost:{port}/callback?state={state}&code=can%0d%0aary");
    let page = visit(&back);
    assert_eq!(page.status, 400, "{page:?}");
    let ended = login.end();
    let told = ended.failed(65);
    assert!(
        told.contains("its `code` has control characters in it; no grant has changed; run `zoho-tokend login acme`"),
        "{told}"
    );
    assert!(!told.contains("ary"), "{told}");
}

#[test]
fn a_page_that_changes_nothing_does_not_say_that_the_terminal_has_it_too() {
    let (site, port) = web_site();
    let _daemon = site.run();
    let mut login = Login::start(&site, &["acme"]);
    login.address();
    for (query, title) in [
        ("?state=guess&code=1", "of another login"),
        ("?error=x", "does not say which login it is of"),
        ("", "neither a code nor an error"),
    ] {
        let page = visit(&format!("http://localhost:{port}/callback{query}")).body;
        assert!(page.contains(title), "{page}");
        assert!(!page.contains("The terminal says the same"), "{page}");
    }
}
