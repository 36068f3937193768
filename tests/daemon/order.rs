//! Rights come first: before the parameters, before the body, and again before what was waited for.

use std::time::{Duration, Instant};

use zoho_tokend::stand_in::Rules;

use crate::http::{Line, Reply, Request};
use crate::need::need_tools;
use crate::site::Site;
use crate::users::as_user;

const READER: u32 = 41_001;
const STRANGER: u32 = 41_666;

/// Far less than a body may take.
const AT_ONCE: Duration = Duration::from_secs(2);

fn line_of(uid: u32, site: &Site) -> Line<std::os::unix::net::UnixStream> {
    let socket = site.socket();
    as_user(uid, uid, &[], || Line::to(&socket)).expect("it listens")
}

fn asked_by(uid: u32, site: &Site, request: &Request) -> Reply {
    line_of(uid, site).ask(request).expect("an answer")
}

/// An enrolment whose body is announced and does not come.
fn headless(length: usize) -> Request {
    Request::new("POST", "/v1/orgs/acme/enrollment").with("Content-Length", &length.to_string())
}

/// S2
#[test]
fn s2_a_stranger_is_refused_whatever_else_is_wrong_with_the_request() {
    if !need_tools(&["root"]) {
        return;
    }
    let (site, _daemon) = Site::enrolled(Rules::default(), &["acme"]);
    let requests = [
        Request::get("/v1/orgs/acme/token?min_ttl=abc"),
        Request::get("/v1/orgs/acme/token?ttl=1"),
        Request::get("/v1/orgs/acme?x=1"),
        Request::get("/metrics?x=1"),
        Request::post("/v1/reload?dry_run=1", ""),
        Request::post("/v1/orgs/acme/enrollment", "no JSON"),
        headless(100),
        headless(70_000),
    ];
    for request in requests {
        let begun = Instant::now();
        let reply = asked_by(STRANGER, &site, &request);
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (403, "forbidden"),
            "{request:?}"
        );
        assert!(
            begun.elapsed() < AT_ONCE,
            "its body is not waited for: {request:?}"
        );
    }
}

#[test]
fn a_body_that_is_announced_too_long_is_refused_at_once_and_counted() {
    let (site, _daemon) = Site::enrolled(Rules::default(), &["acme"]);
    let begun = Instant::now();
    let reply = site.ask(&headless(65_537));
    assert_eq!((reply.status, reply.code().as_str()), (413, "too-large"));
    assert!(begun.elapsed() < AT_ONCE);
    let malformed = Request::post("/v1/orgs/acme/enrollment", "no JSON");
    assert_eq!(site.ask(&malformed).status, 400);
    let page = site.get("/metrics").body;
    for code in [400, 413] {
        let line =
            format!("zoho_tokend_socket_requests_total{{verb=\"enroll\",code=\"{code}\"}} 1");
        assert!(page.contains(&line), "{line} is not in {page}");
    }
}

/// S2: the token is for who may read it when it is handed out.
#[test]
fn s2_a_reader_that_loses_its_right_while_it_waits_gets_no_token() {
    if !need_tools(&["root"]) {
        return;
    }
    let mut site = Site::new(Rules::default(), &["acme"]);
    site.let_read("acme", &[READER]);
    let _daemon = site.run();
    let mut line = line_of(READER, &site);
    let read = Request::get("/v1/orgs/acme/token?wait=30");
    line.send(&read.bytes()).expect("sent");
    // It has arrived once a later one is answered.
    site.get("/livez");
    site.config.orgs.insert("acme".into(), String::new());
    site.write_config();
    site.verb(&["reload"]).done();
    site.enroll("acme").done();
    let reply = line.answer().expect("an answer");
    assert_eq!((reply.status, reply.code().as_str()), (403, "forbidden"));
}

/// `?dry_run=1` must never reload for real.
#[test]
fn a_parameter_that_the_contract_does_not_have_is_refused_on_every_path() {
    let mut site = Site::new(Rules::default(), &["acme", "beta"]);
    let _daemon = site.run();
    site.config.orgs.remove("acme");
    site.write_config();
    let requests = [
        Request::post("/v1/reload?dry_run=1", ""),
        Request::post("/v1/reload?dry-run=true", ""),
        Request::get("/v1/orgs?all=yes"),
        Request::get("/v1/orgs?x=1"),
        Request::get("/v1/orgs/acme?x=1"),
        Request::get("/v1/orgs/acme/history?x"),
        Request::post("/v1/orgs/acme/refresh?x=1", ""),
        Request::post("/v1/orgs/acme/enrollment?x=1", "{}"),
        Request::get("/livez?verbose=1"),
        Request::get("/readyz?verbose=1"),
        Request::get("/metrics?x=1"),
    ];
    for request in requests {
        let reply = site.ask(&request);
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (400, "bad-request"),
            "{request:?}"
        );
    }
    assert_eq!(
        site.get("/v1/orgs/acme").status,
        200,
        "nothing was reloaded"
    );
    let dry = site.ask(&Request::post("/v1/reload?dry_run=true", ""));
    assert_eq!(dry.status, 200);
    assert_eq!(site.get("/v1/orgs/acme").status, 200);
    assert_eq!(site.get("/v1/orgs?all=true").status, 200);
}
