//! The same over a real socket: a raw client, so that nothing is smoothed over.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use zoho_tokend::base::Environment;
use zoho_tokend::stand_in::{Consent, Settings, StandIn, run_process};

use super::world::{ID, SECRET};

/// Longest that any answer may take here.
const PATIENCE: Duration = Duration::from_secs(20);

/// A stand-in on its own thread; it ends with the test's process.
fn start() -> SocketAddr {
    let (ready, started) = mpsc::channel();
    let settings = Settings {
        clients: vec![(ID.to_owned(), SECRET.to_owned())],
        ..Settings::default()
    };
    thread::spawn(move || run_process(settings, |addr| ready.send(addr).expect("awaited")));
    started.recv_timeout(PATIENCE).expect("it starts")
}

/// Everything up to the end of the connection.
fn exchange(addr: SocketAddr, head: &str, body: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(addr)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let len = body.len();
    let headers = format!("host: {addr}\r\nconnection: close\r\ncontent-length: {len}");
    write!(stream, "{head} HTTP/1.1\r\n{headers}\r\n\r\n{body}")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn body_of(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

fn json(answer: &str) -> Value {
    serde_json::from_str(body_of(answer)).expect(answer)
}

fn post(addr: SocketAddr, path: &str, body: &str) -> String {
    exchange(addr, &format!("POST {path}"), body).expect("an answer")
}

fn get(addr: SocketAddr, path: &str) -> String {
    exchange(addr, &format!("GET {path}"), "").expect("an answer")
}

fn refresh_token(addr: SocketAddr) -> String {
    let consent =
        format!(r#"{{"client_id":"{ID}","scope":"ZohoCRM.modules.ALL","environment":"sandbox"}}"#);
    let made = json(&post(addr, "/_/refresh-tokens", &consent));
    made["refresh_token"].as_str().expect("text").to_owned()
}

#[test]
fn a_person_at_the_browser_is_sent_back_from_the_consent_page() {
    let addr = start();
    let back = "http://localhost:8976/callback";
    let client =
        format!(r#"{{"client_id":"{ID}","client_secret":"{SECRET}","redirect_uris":["{back}"]}}"#);
    assert!(post(addr, "/_/clients", &client).starts_with("HTTP/1.1 204"));
    let page = format!(
        "/oauth/v2/auth?response_type=code&client_id={ID}&scope=ZohoCRM.modules.ALL&access_type=offline&state=st\
         &redirect_uri=http%3A%2F%2Flocalhost%3A8976%2Fcallback"
    );
    let answer = get(addr, &page);
    assert!(answer.starts_with("HTTP/1.1 302"), "{answer}");
    let target = format!("location: {back}?code=1000.");
    assert!(answer.contains(&target), "{answer}");
    let server = format!("&accounts-server=http%3A%2F%2F127.0.0.1%3A{}", addr.port());
    assert!(answer.contains(&server), "{answer}");
    let person = r#"{"refuses":true,"environment":"sandbox","location":null}"#;
    assert!(post(addr, "/_/person", person).starts_with("HTTP/1.1 204"));
    let answer = get(addr, &page);
    let target = format!("location: {back}?error=access_denied&state=st\r\n");
    assert!(answer.contains(&target), "{answer}");
}

fn refresh(addr: SocketAddr, refresh_token: &str) -> String {
    let form = format!(
        "grant_type=refresh_token&client_id={ID}&client_secret={SECRET}&refresh_token={refresh_token}"
    );
    post(addr, "/oauth/v2/token", &form)
}

/// A stand-in whose next token call goes wrong, and what that call gets.
fn refresh_with(fault: &str) -> String {
    let addr = start();
    let refresh_token = refresh_token(addr);
    let order = format!(r#"{{"on":"{ID}","fault":{fault}}}"#);
    assert!(post(addr, "/_/faults", &order).starts_with("HTTP/1.1 204"));
    refresh(addr, &refresh_token)
}

#[test]
fn a_code_becomes_a_token_that_the_api_lets_in() {
    let addr = start();
    let consent =
        format!(r#"{{"client_id":"{ID}","scope":"ZohoCRM.modules.ALL","environment":"sandbox"}}"#);
    let code = json(&post(addr, "/_/codes", &consent));
    let code = code["code"].as_str().expect("text");
    let form =
        format!("grant_type=authorization_code&client_id={ID}&client_secret={SECRET}&code={code}");
    let granted = json(&post(addr, "/oauth/v2/token", &form));
    assert_eq!(granted["api_domain"], format!("http://{addr}/sandbox"));
    let token = granted["access_token"].as_str().expect("text");

    let alive = json(&get(addr, &format!("/_/alive?token={token}")));
    assert_eq!(alive["alive"], true);
    let head =
        format!("GET /sandbox/crm/v8/org HTTP/1.1\r\nauthorization: Zoho-oauthtoken {token}\r\nx:");
    let org = exchange(addr, &head, "").expect("an answer");
    assert_eq!(json(&org)["org"][0]["type"], "sandbox");

    let revoked = post(addr, "/oauth/v2/token/revoke", &format!("token={token}"));
    assert_eq!(body_of(&revoked), r#"{"status":"success"}"#);
    let alive = json(&get(addr, &format!("/_/alive?token={token}")));
    assert_eq!(alive["why"], "revoked");
}

#[test]
fn a_secret_in_the_url_works_and_is_held_against_the_client() {
    let addr = start();
    let refresh_token = refresh_token(addr);
    refresh(addr, &refresh_token);
    assert_eq!(json(&get(addr, "/_/stats"))["secrets_in_url"], 0);
    let query = format!(
        "/oauth/v2/token?grant_type=refresh_token&client_id={ID}&client_secret={SECRET}&refresh_token={refresh_token}"
    );
    assert!(json(&post(addr, &query, ""))["access_token"].is_string());
    assert_eq!(json(&get(addr, "/_/stats"))["secrets_in_url"], 1);
}

#[test]
fn a_get_of_the_token_endpoint_is_400() {
    let addr = start();
    assert!(get(addr, "/oauth/v2/token").starts_with("HTTP/1.1 400"));
    assert!(get(addr, "/oauth/serverinfo").contains(r#"{"result":"success","locations":{"#));
    assert!(get(addr, "/elsewhere").starts_with("HTTP/1.1 404"));
    assert_eq!(json(&get(addr, "/_/stats"))["strays"], 1);
}

#[test]
fn a_closed_connection_carries_no_byte() {
    assert_eq!(refresh_with(r#"{"instead":"close"}"#), "");
}

#[test]
fn half_a_body_announces_all_of_it() {
    let answer = refresh_with(r#"{"instead":"half","minted":true}"#);
    let announced = answer.to_lowercase();
    let announced = announced
        .split("content-length: ")
        .nth(1)
        .expect("a length");
    let announced: usize = announced
        .split("\r\n")
        .next()
        .expect("a line")
        .parse()
        .expect("a number");
    let body = body_of(&answer);
    assert!(body.contains("access_token"), "{answer}");
    assert_eq!(body.len(), announced / 2);
}

#[test]
fn a_hanging_call_gets_nothing_and_others_go_on() {
    let addr = start();
    let refresh_token = refresh_token(addr);
    let order = r#"{"on":"","times":1,"fault":{"instead":"hang"}}"#;
    post(addr, "/_/faults", order);
    let mut hanging = TcpStream::connect(addr).expect("it listens");
    let form = format!("grant_type=refresh_token&client_id={ID}");
    let len = form.len();
    write!(
        hanging,
        "POST /oauth/v2/token HTTP/1.1\r\nhost: x\r\ncontent-length: {len}\r\n\r\n{form}"
    )
    .expect("sent");
    wait_until(|| json(&get(addr, "/_/stats"))["token_calls"] == 1);
    assert!(refresh(addr, &refresh_token).contains("access_token"));
    hanging.set_nonblocking(true).expect("a socket");
    let silent = hanging.read(&mut [0]).expect_err("nothing to read");
    assert_eq!(silent.kind(), io::ErrorKind::WouldBlock);
}

#[test]
fn a_huge_body_is_as_large_as_asked() {
    let addr = start();
    let fault = r#"{"fault":{"instead":{"huge":{"bytes":20000000}}}}"#;
    post(addr, "/_/faults", fault);
    let answer = refresh(addr, "x");
    assert!(answer.len() > 20_000_000, "{}", answer.len());
}

#[test]
fn a_dripping_body_arrives_byte_by_byte_and_whole() {
    let answer = refresh_with(r#"{"instead":{"drip":{"every_ms":1}},"minted":true}"#);
    assert!(json(&answer)["access_token"].is_string());
}

#[test]
fn a_skewed_date_is_told() {
    let skewed = refresh_with(r#"{"date_skew_s":-1000000000}"#).to_lowercase();
    let date = skewed.split("date: ").nth(1).expect("a date");
    let year: u32 = date[12..16].parse().expect("a year");
    assert!((1990..2010).contains(&year), "{date}");
    assert_eq!(skewed.matches("date: ").count(), 1);
}

#[test]
fn pages_garbage_and_redirects_go_out_as_they_are() {
    let html = refresh_with(r#"{"instead":"html"}"#);
    assert!(
        html.starts_with("HTTP/1.1 200") && html.contains("text/html"),
        "{html}"
    );
    assert!(refresh_with(r#"{"instead":"garbage"}"#).contains('\u{fffd}'));
    let redirect =
        r#"{"instead":{"answer":{"status":302,"headers":{"location":"http://127.0.0.1:1/"}}}}"#;
    let redirect = refresh_with(redirect);
    assert!(
        redirect.starts_with("HTTP/1.1 302") && redirect.contains("location: http://127.0.0.1:1/")
    );
    let empty = refresh_with(r#"{"instead":{"answer":{"status":200}}}"#);
    assert!(
        empty.starts_with("HTTP/1.1 200") && body_of(&empty).is_empty(),
        "{empty}"
    );
}

#[test]
fn a_delayed_answer_comes_late_and_whole() {
    let began = Instant::now();
    let answer = refresh_with(r#"{"delay_ms":150}"#);
    assert!(json(&answer)["access_token"].is_string());
    assert!(began.elapsed() >= Duration::from_millis(150));
}

#[test]
fn an_outage_refuses_connections_and_ends() {
    let addr = start();
    let refresh_token = refresh_token(addr);
    let mut before = TcpStream::connect(addr).expect("it listens");
    before.set_read_timeout(Some(PATIENCE)).expect("a socket");
    let began = Instant::now();
    post(addr, "/_/outage", r#"{"ms":400}"#);
    assert_eq!(before.read(&mut [0]).unwrap_or(0), 0, "it was cut");
    wait_until(|| TcpStream::connect(addr).is_err());
    wait_until(|| TcpStream::connect(addr).is_ok());
    assert!(began.elapsed() >= Duration::from_millis(400));
    assert!(refresh(addr, &refresh_token).contains("access_token"));
}

#[test]
fn a_script_with_an_unknown_key_is_told_so() {
    let addr = start();
    let answer = post(addr, "/_/faults", r#"{"fault":{"hang":true}}"#);
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert!(answer.contains("unknown field `hang`"), "{answer}");
}

#[test]
fn a_body_over_64_kib_is_413() {
    let addr = start();
    // One byte too many: nothing is left unread that could reset the connection.
    let answer = post(addr, "/oauth/v2/token", &"a".repeat(64 * 1024 + 1));
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

#[test]
fn it_runs_inside_a_program_on_one_thread() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        let settings = Settings {
            clients: vec![(ID.to_owned(), SECRET.to_owned())],
            ..Settings::default()
        };
        let stand_in = StandIn::bind(settings).await.expect("a port");
        let (addr, world) = (stand_in.addr(), stand_in.world());
        let consent = Consent::new(
            ID,
            "ZohoCRM.modules.ALL",
            stand_in.new_org(Environment::Production),
        );
        let refresh_token = world
            .with(|zoho, now| zoho.install(consent, now))
            .expect("a client");
        let running = tokio::task::spawn_local(stand_in.run());
        let answer = tokio::task::spawn_blocking(move || refresh(addr, &refresh_token));
        let answer = json(&answer.await.expect("no panic"));
        assert_eq!(answer["api_domain"], format!("http://{addr}"));
        running.abort();
        assert_eq!(world.with(|zoho, now| zoho.stats(now).sum().mints), 1);
    });
}

/// Looks again every few milliseconds, as long as anybody would.
fn wait_until(mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "it never came");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_refresh_token_can_be_given_to_look_for_it_later() {
    let addr = start();
    let consent = format!(
        r#"{{"client_id":"{ID}","scope":"ZohoCRM.modules.ALL","environment":"production","refresh_token":"1000.canary","org_id":"600123"}}"#
    );
    let made = json(&post(addr, "/_/refresh-tokens", &consent));
    assert_eq!(made["refresh_token"], "1000.canary");
    assert!(refresh(addr, "1000.canary").contains("access_token"));
    let stats = json(&get(addr, "/_/stats"));
    assert_eq!(stats["grants"][0]["org_id"], "600123");
    assert_eq!(stats["grants"][0]["mints"], 1);
}

#[test]
fn client_credentials_work_once_a_soid_is_known() {
    let addr = start();
    let client = r#"{"client_id":"1000.CC","client_secret":"s","soids":[{"soid":"ZohoCRM.600123","environment":"production"}]}"#;
    assert!(post(addr, "/_/clients", client).starts_with("HTTP/1.1 204"));
    let form = "grant_type=client_credentials&client_id=1000.CC&client_secret=s&scope=ZohoCRM.modules.ALL&soid=ZohoCRM.600123";
    assert!(post(addr, "/oauth/v2/token", form).contains("access_token"));
    let head = "DELETE /_/clients?client_id=1000.CC";
    exchange(addr, head, "").expect("an answer");
    let refused = post(addr, "/oauth/v2/token", form);
    assert_eq!(body_of(&refused), r#"{"error":"invalid_client"}"#);
}
