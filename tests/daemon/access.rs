//! Who gets what, by the kernel's word: as other users, with other groups, on the socket and on the files.

use std::fs;
use std::io::ErrorKind;

use zoho_tokend::stand_in::Rules;

use crate::daemon::{Daemon, Ended, program_at};
use crate::http::{Line, Reply, Request};
use crate::need::need_tools;
use crate::site::{Site, ask};
use crate::users::as_user;
use crate::wait::{SOON, wait_until};

const READER: u32 = 41_001;
const GROUP: u32 = 41_500;
const STRANGER: u32 = 41_666;
const MONITOR: u32 = 41_700;
const ADMIN: u32 = 41_800;
/// Whom an unprivileged daemon runs as.
const SERVICE: u32 = 41_900;
/// The kernel's overflow id.
const NOBODY: u32 = 65_534;

/// Who asks: uid, gid, supplementary groups.
#[derive(Debug, Clone, Copy)]
struct Who(u32, u32, &'static [u32]);

const A_READER: Who = Who(READER, STRANGER, &[]);
const BY_GID: Who = Who(STRANGER, GROUP, &[]);
const BY_SUPPLEMENTARY_GROUP: Who = Who(STRANGER, STRANGER, &[7, 8, GROUP]);
const A_STRANGER: Who = Who(STRANGER, STRANGER, &[7, READER]);
const A_NOBODY: Who = Who(NOBODY, GROUP, &[GROUP]);
const A_MONITOR: Who = Who(MONITOR, STRANGER, &[]);
const AN_ADMIN: Who = Who(ADMIN, STRANGER, &[]);

/// `acme` has readers, `beta` has none but the admins.
fn guarded() -> Site {
    let mut site = Site::new(Rules::default(), &["acme", "beta"]);
    site.config.daemon = format!(
        "admins = {{ users = [0, {ADMIN}], groups = [] }}\nmonitors = {{ users = [{MONITOR}], groups = [] }}"
    );
    let readers = format!("readers = {{ users = [{READER}], groups = [{GROUP}] }}");
    site.config.orgs.insert("acme".into(), readers);
    site.write_config();
    site
}

fn enrolled() -> (Site, Daemon) {
    let site = guarded();
    let daemon = site.run();
    for org in ["acme", "beta"] {
        site.enroll(org).done();
    }
    (site, daemon)
}

#[track_caller]
fn asked_by(who: Who, site: &Site, request: &Request) -> Reply {
    let socket = site.socket();
    let Who(uid, gid, groups) = who;
    let reply = as_user(uid, gid, groups, || ask(&socket, request));
    reply.unwrap_or_else(|err| unreachable!("{who:?} {request:?}: {err}"))
}

/// S2
#[test]
fn s2_each_peer_gets_what_its_ids_allow_and_nothing_else() {
    if !need_tools(&["root"]) {
        return;
    }
    let (site, _daemon) = enrolled();
    let get = Request::get;
    let post = |target| Request::post(target, "");
    let requests = [
        get("/v1/orgs/acme/token"),
        get("/v1/orgs/acme"),
        get("/v1/orgs/acme/history"),
        get("/v1/orgs/beta/token"),
        get("/v1/orgs/beta"),
        get("/metrics"),
        get("/readyz"),
        post("/v1/orgs/acme/refresh"),
        post("/v1/reload"),
    ];
    let expected = [
        (A_READER, [200, 200, 200, 403, 403, 403, 200, 403, 403]),
        (BY_GID, [200, 200, 200, 403, 403, 403, 200, 403, 403]),
        (
            BY_SUPPLEMENTARY_GROUP,
            [200, 200, 200, 403, 403, 403, 200, 403, 403],
        ),
        (A_STRANGER, [403, 403, 403, 403, 403, 403, 200, 403, 403]),
        (A_NOBODY, [403, 403, 403, 403, 403, 403, 200, 403, 403]),
        (A_MONITOR, [403, 200, 200, 403, 200, 200, 200, 403, 403]),
        (AN_ADMIN, [200, 200, 200, 200, 200, 200, 200, 200, 200]),
    ];
    for (who, expected) in expected {
        for (request, status) in requests.iter().zip(expected) {
            let reply = asked_by(who, &site, request);
            assert_eq!(reply.status, status, "{who:?} {request:?} {reply:?}");
            if status == 403 {
                assert_eq!(reply.code(), "forbidden");
            }
        }
    }
    let enroll = Request::post(
        "/v1/orgs/acme/enrollment",
        r#"{"kind":"code","code":"1000.x"}"#,
    );
    for who in [A_READER, A_MONITOR, A_STRANGER] {
        assert_eq!(asked_by(who, &site, &enroll).status, 403, "{who:?}");
        let revoke = Request::new("DELETE", "/v1/orgs/acme/enrollment?forget=true");
        assert_eq!(asked_by(who, &site, &revoke).status, 403, "{who:?}");
    }
    assert_eq!(
        asked_by(AN_ADMIN, &site, &enroll).status,
        422,
        "Zoho is asked, and knows no such code"
    );
}

/// S2: the same answer, whether the org exists or not.
#[test]
fn s2_a_stranger_learns_of_no_org_whether_it_exists() {
    if !need_tools(&["root"]) {
        return;
    }
    let (site, _daemon) = enrolled();
    let calls = [
        ("GET", "token"),
        ("GET", "login"),
        ("GET", "history"),
        ("POST", "refresh"),
        ("POST", "enrollment"),
        ("DELETE", "token"),
        ("DELETE", "enrollment"),
        ("GET", "token?min_ttl=5h"),
        ("GET", "token?ttl=1"),
        ("GET", "token?wait=1"),
    ];
    for (method, call) in calls {
        let told = |org: &str| {
            let target = format!("/v1/orgs/{org}/{call}");
            let body = r#"{"kind":"code","code":"1000.x"}"#;
            let request = match method {
                "POST" => Request::post(&target, body),
                method => Request::new(method, &target),
            };
            let reply = asked_by(A_STRANGER, &site, &request.with("If-None-Match", "*"));
            format!("{} {}", reply.status, reply.body.replace(org, "ORG"))
        };
        assert_eq!(told("acme"), told("nobody-has-this"), "{method} {call}");
    }
    let orgs = |who| asked_by(who, &site, &Request::get("/v1/orgs")).json()["orgs"].clone();
    let names = |who| {
        let orgs = orgs(who);
        let orgs = orgs.as_array().cloned().unwrap_or_default();
        orgs.iter()
            .map(|org| org["org"].as_str().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(A_STRANGER), [""; 0]);
    assert_eq!(names(A_READER), ["acme"]);
    assert_eq!(names(A_MONITOR), ["acme", "beta"]);
    for target in ["/livez", "/readyz"] {
        let reply = asked_by(A_STRANGER, &site, &Request::get(target));
        assert_eq!(reply.json()["orgs"]["total"], 2, "counts are for all");
        assert!(
            !reply.body.contains("acme") && !reply.body.contains("beta"),
            "{reply:?}"
        );
    }
}

/// S2
#[test]
fn s2_an_org_that_left_the_config_is_listed_for_those_alone_who_see_all() {
    if !need_tools(&["root"]) {
        return;
    }
    let (mut site, _daemon) = enrolled();
    site.config.orgs.remove("beta");
    site.write_config();
    site.verb(&["reload"]).done();
    let names = |who, more: &str| {
        let target = format!("/v1/orgs?all=true{more}");
        let listed = asked_by(who, &site, &Request::get(&target)).json()["orgs"].clone();
        let listed = listed.as_array().expect("a list").iter();
        listed.map(|org| org["org"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(A_STRANGER, ""), [""; 0]);
    assert_eq!(names(A_READER, ""), ["acme"]);
    for who in [A_MONITOR, AN_ADMIN] {
        assert_eq!(names(who, ""), ["acme", "beta"]);
        assert_eq!(names(who, "&only=acme"), ["acme"]);
    }
}

/// S2: a status that a reader or a monitor sees has no token in it.
#[test]
fn s2_a_monitor_sees_the_status_and_the_metrics_and_no_token() {
    if !need_tools(&["root"]) {
        return;
    }
    let (site, _daemon) = enrolled();
    let token = site.token("acme").text;
    for target in [
        "/v1/orgs",
        "/v1/orgs/acme",
        "/v1/orgs/acme/history",
        "/metrics",
        "/readyz",
    ] {
        let reply = asked_by(A_MONITOR, &site, &Request::get(target));
        assert_eq!(reply.status, 200, "{target}");
        assert!(!reply.body.contains(&token), "{target}");
    }
}

/// S2: the files follow the same rule, by their access list alone.
#[test]
fn s2_the_files_are_for_the_readers_and_the_admins_and_follow_a_reload() {
    if !need_tools(&["root"]) {
        return;
    }
    let (mut site, _daemon) = enrolled();
    wait_until("the files are there", SOON, || {
        site.file("acme", "header").is_some()
    });
    let path = site.path("tokens/acme/access_token");
    let tokens = site.path("tokens");
    let reads = |Who(uid, gid, groups): Who| {
        let read = as_user(uid, gid, groups, || fs::read_to_string(&path));
        let listed = as_user(uid, gid, groups, || fs::read_dir(&tokens).map(drop));
        assert_eq!(
            listed.map_err(|err| err.kind()),
            Err(ErrorKind::PermissionDenied)
        );
        read.map_err(|err| err.kind())
    };
    let token = site.token("acme").text;
    for who in [A_READER, BY_GID, BY_SUPPLEMENTARY_GROUP, AN_ADMIN] {
        assert_eq!(reads(who), Ok(token.clone()), "{who:?}");
    }
    for who in [A_STRANGER, A_NOBODY, A_MONITOR] {
        assert_eq!(reads(who), Err(ErrorKind::PermissionDenied), "{who:?}");
    }
    // One that is open already loses its right with the reload, too.
    let socket = site.socket();
    let mut line = as_user(READER, READER, &[], || Line::to(&socket)).expect("it listens");
    let read = Request::get("/v1/orgs/acme/token");
    assert_eq!(line.ask(&read).expect("an answer").status, 200);

    site.let_read("acme", &[STRANGER]);
    site.verb(&["reload"]).done();

    assert_eq!(line.ask(&read).expect("an answer").status, 403);
    assert_eq!(asked_by(A_STRANGER, &site, &read).status, 200);
    wait_until("the files follow", SOON, || {
        reads(A_STRANGER) == Ok(token.clone()) && reads(A_READER).is_err()
    });
    assert_eq!(site.zoho.mints("acme"), 1);
}

#[test]
fn get_as_a_reader_prints_the_token_and_as_a_stranger_names_whom_to_ask() {
    if !need_tools(&["root"]) {
        return;
    }
    let (site, _daemon) = enrolled();
    let program = site.program_for_all();
    let verb = |Who(uid, gid, groups): Who, args: &[&str]| -> Ended {
        let mut command = program_at(&program);
        command.args(args).arg("--socket").arg(site.socket());
        as_user(uid, gid, groups, || command.output())
            .expect("it runs")
            .into()
    };
    let token = site.token("acme").text;
    for who in [A_READER, BY_GID, BY_SUPPLEMENTARY_GROUP] {
        assert_eq!(
            verb(who, &["get", "acme"]).done().trim_end(),
            token,
            "{who:?}"
        );
    }
    let refused = verb(A_STRANGER, &["get", "acme"]);
    assert!(refused.failed(77).contains("`readers`"), "{refused:?}");
    for args in [&["refresh", "acme"][..], &["reload"], &["history", "beta"]] {
        verb(A_READER, args).failed(77);
    }
}

/// S2: the daemon needs no privilege, not even to give files to other users.
#[test]
fn s2_a_daemon_without_any_privilege_serves_readers_by_socket_and_by_access_list() {
    if !need_tools(&["root"]) {
        return;
    }
    let site = guarded();
    let program = site.program_for_all();
    site.give_to(SERVICE);
    let (config, log) = (site.path("zoho-tokend.toml"), site.path("log"));
    let start = || Daemon::spawn(program_at(&program), &config, &log);
    let mut daemon = site.once_up(as_user(SERVICE, SERVICE, &[], start));
    site.enroll("acme").done();
    let token = site.token("acme").text;
    wait_until("the files are there", SOON, || {
        site.file("acme", "header").is_some()
    });
    let path = site.path("tokens/acme/access_token");
    let read = |Who(uid, gid, groups): Who| as_user(uid, gid, groups, || fs::read_to_string(&path));
    for who in [A_READER, BY_SUPPLEMENTARY_GROUP, AN_ADMIN] {
        assert_eq!(read(who).ok().as_ref(), Some(&token), "{who:?}");
    }
    assert!(read(A_STRANGER).is_err());
    let mine = Who(SERVICE, SERVICE, &[]);
    assert_eq!(
        asked_by(mine, &site, &Request::post("/v1/reload", "")).status,
        200,
        "its own user is an admin"
    );
    assert_eq!(daemon.stop(), 0);
}

/// A name that nobody has stops no start: the directory server may be down.
#[test]
fn a_reader_that_does_not_exist_is_told_and_stops_nothing() {
    let mut site = Site::new(Rules::default(), &["acme"]);
    let readers =
        "readers = { users = [\"no-such-user-here\"], groups = [\"no-such-group-here\"] }";
    site.config.orgs.insert("acme".into(), readers.into());
    site.write_config();
    let daemon = site.run();
    site.enroll("acme").done();
    site.token("acme");
    let said = daemon.said();
    assert!(
        said.contains("no-such-user-here") && said.contains("no-such-group-here"),
        "{said}"
    );
}
