//! The verbs that talk to the daemon: the real binary against a socket that gives canned answers.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

const TOKEN: &str = "1000.8cb99dxxxxxxxxxxxxx9be93.9b8xxxxxxxxxxxxxxxf";

const TOKEN_JSON: &str = r#"{"org":"acme","environment":"production","data_center":"eu",
"access_token":"1000.8cb99dxxxxxxxxxxxxx9be93.9b8xxxxxxxxxxxxxxxf","token_type":"Zoho-oauthtoken",
"api_domain":"https://www.zohoapis.eu","scope":["ZohoCRM.modules.ALL"],
"expires_at":"2026-11-22T01:12:11Z","expires_in":2711,"generation":1795306331,"stale":false}"#;

/// A daemon that gives each connection the next of its answers and keeps what it was asked.
struct Daemon {
    folder: tempfile::TempDir,
    asked: JoinHandle<Vec<String>>,
}

impl Daemon {
    fn answering<const N: usize>(answers: [Vec<u8>; N]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let listener = UnixListener::bind(folder.path().join("socket")).expect("a socket");
        let serve = move |answer: &Vec<u8>| {
            let (mut stream, _) = listener.accept().expect("a connection");
            let asked = request(&mut stream);
            // A client that gives up on a large answer hangs up: that is its right.
            stream.write_all(answer).ok();
            asked
        };
        let asked = thread::spawn(move || answers.iter().map(serve).collect());
        Self { folder, asked }
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    /// Runs a verb to its end; what it was asked, and how it ended.
    fn run(self, args: &[&str]) -> Ended {
        self.run_with(args, "")
    }

    fn run_with(self, args: &[&str], stdin: &str) -> Ended {
        let output = run(&self.socket(), args, stdin);
        let asked = self.asked.join().expect("every answer was asked for");
        Ended { asked, ..output }
    }
}

/// How a process of ours ended.
struct Ended {
    exit: i32,
    stdout: String,
    stderr: String,
    asked: Vec<String>,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("text");
        Self {
            exit: output.status.code().expect("no signal ended it"),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
            asked: Vec::new(),
        }
    }
}

impl Ended {
    /// Exit code and stderr of a verb that printed nothing else.
    fn failed(&self) -> (i32, &str) {
        assert_eq!(self.stdout, "");
        (self.exit, &self.stderr)
    }
}

fn program(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_zoho-tokend"));
    command.args(args).env_remove("ZOHO_TOKEND_SOCKET");
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(socket: &Path, args: &[&str], stdin: &str) -> Ended {
    let mut command = program(args);
    command
        .env("ZOHO_TOKEND_SOCKET", socket)
        .stdin(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let mut pipe = child.stdin.take().expect("piped");
    // A verb that reads no stdin may have ended by now.
    pipe.write_all(stdin.as_bytes()).ok();
    drop(pipe);
    child.wait_with_output().expect("it ends").into()
}

/// Head and body of one request.
fn request(stream: &mut UnixStream) -> String {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).expect("a whole head");
        request.push(byte[0]);
    }
    let head = String::from_utf8(request).expect("text");
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("Content-Length: "));
    let length = length.map_or(0, |length| length.parse().expect("a number"));
    let mut body = vec![0; length];
    stream.read_exact(&mut body).expect("a whole body");
    head + &String::from_utf8(body).expect("text")
}

fn answer(status: u16, media_type: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} X\r\nContent-Type: {media_type}\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

fn json(body: &str) -> Vec<u8> {
    answer(200, "application/json", body)
}

fn plain(body: &str) -> Vec<u8> {
    answer(200, "text/plain; charset=utf-8", body)
}

fn problem(status: u16, code: &str, more: &str) -> Vec<u8> {
    let body = format!(r#"{{"type":"urn:zoho-tokend:{code}","status":{status}{more}}}"#);
    answer(status, "application/problem+json", &body)
}

// get

#[test]
fn get_prints_the_token_and_a_line_end() {
    let ended = Daemon::answering([plain(TOKEN)]).run(&["get", "acme"]);
    assert_eq!((ended.exit, ended.stdout), (0, format!("{TOKEN}\n")));
    assert_eq!(
        ended.asked,
        [
            "GET /v1/orgs/acme/token?wait=10 HTTP/1.1\r\nHost: localhost\r\nAccept: text/plain\r\n\
          Connection: close\r\n\r\n"
        ]
    );
}

#[test]
fn get_hands_its_times_over_in_seconds() {
    let args = ["get", "acme", "--min-ttl", "5m", "--wait", "1500ms"];
    let ended = Daemon::answering([plain(TOKEN)]).run(&args);
    assert!(ended.asked[0].starts_with("GET /v1/orgs/acme/token?wait=2&min_ttl=300 "));
}

#[test]
fn get_prints_a_header_that_curl_takes() {
    let ended = Daemon::answering([plain(TOKEN)]).run(&["get", "acme", "--format", "header"]);
    assert_eq!(
        ended.stdout,
        format!("Authorization: Zoho-oauthtoken {TOKEN}\n")
    );
}

#[test]
fn get_prints_assignments_that_a_shell_evaluates() {
    let ended = Daemon::answering([json(TOKEN_JSON)]).run(&["get", "acme", "--format", "env"]);
    let script = format!(
        "{}printf %s \"$ZOHO_ACCESS_TOKEN|$ZOHO_API_DOMAIN|$ZOHO_TOKEN_EXPIRES_AT\"",
        ended.stdout
    );
    let shell = Command::new("sh")
        .args(["-euc", &script])
        .output()
        .expect("a shell");
    let wanted = format!("{TOKEN}|https://www.zohoapis.eu|2026-11-22T01:12:11Z");
    assert_eq!(String::from_utf8(shell.stdout).expect("text"), wanted);
}

#[test]
fn get_prints_json_as_the_daemon_answers() {
    let ended = Daemon::answering([json(TOKEN_JSON)]).run(&["get", "acme", "--format", "json"]);
    assert_eq!((ended.exit, ended.stdout), (0, format!("{TOKEN_JSON}\n")));
}

#[test]
fn get_takes_an_answer_in_chunks() {
    let (one, two) = TOKEN.split_at(20);
    let body = format!(
        "{:x}\r\n{one}\r\n{:x}\r\n{two}\r\n0\r\n\r\n",
        one.len(),
        two.len()
    );
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n";
    let ended = Daemon::answering([format!("{head}{body}").into_bytes()]).run(&["get", "acme"]);
    assert_eq!((ended.exit, ended.stdout), (0, format!("{TOKEN}\n")));
}

#[test]
fn get_never_exits_0_without_a_whole_token() {
    for (format, answer) in [
        ("token", plain("")),
        ("token", plain("\n")),
        ("header", plain("1000.a b")),
        ("header", plain("1000.a\r\nX-Evil: 1")),
        ("token", json(TOKEN_JSON)),
        (
            "env",
            json(r#"{"access_token":"","expires_at":"2026-11-22T01:12:11Z"}"#),
        ),
        ("env", json(r#"{"expires_at":"2026-11-22T01:12:11Z"}"#)),
        ("json", json("{}")),
        ("json", json("")),
        ("token", answer(204, "text/plain", "")),
        ("token", answer(302, "text/plain", TOKEN)),
        ("token", b"SSH-2.0-OpenSSH_9.2\r\n\r\n".to_vec()),
    ] {
        let shown = String::from_utf8_lossy(&answer).into_owned();
        let ended = Daemon::answering([answer]).run(&["get", "acme", "--format", format]);
        assert_eq!(ended.failed().0, 70, "{shown}");
        assert!(!ended.stderr.contains("1000."), "{}", ended.stderr);
    }
}

#[test]
fn get_exits_as_the_daemons_refusal_means() {
    let retry = r#","detail":"no fresh token","retry_after_s":40"#;
    for (status, code, more, exit, line) in [
        (
            403,
            "not-a-reader",
            "",
            77,
            "acme: not-a-reader; ask an admin of zoho-tokend to name this user, or one of its groups, under `readers`",
        ),
        (
            404,
            "no-such-org",
            r#","detail":"no such org","cure":"see `zoho-tokend status`""#,
            78,
            "acme: no such org; see `zoho-tokend status`",
        ),
        (
            400,
            "min-ttl-too-long",
            r#","detail":"min_ttl is at most 1620 s","cure":"ask for less""#,
            64,
            "acme: min_ttl is at most 1620 s; ask for less",
        ),
        (
            413,
            "too-large",
            r#","title":"too large""#,
            64,
            "acme: too large; see --help",
        ),
        (
            429,
            "too-many",
            retry,
            75,
            "acme: no fresh token; try again in 40 s",
        ),
        (
            503,
            "not-fresh",
            retry,
            75,
            "acme: no fresh token; try again in 40 s",
        ),
        (
            503,
            "throttled",
            retry,
            75,
            "acme: no fresh token; try again in 40 s",
        ),
        (
            503,
            "needs-consent",
            r#","detail":"Zoho revoked the grant","cure":"run `zoho-tokend enroll acme`","retry_after_s":600"#,
            78,
            "acme: Zoho revoked the grant; run `zoho-tokend enroll acme`",
        ),
        (
            503,
            "unenrolled",
            r#","title":"not enrolled""#,
            78,
            "acme: not enrolled; see `zoho-tokend status`",
        ),
        (
            422,
            "refused",
            r#","title":"refused""#,
            78,
            "acme: refused; see `zoho-tokend status`",
        ),
        (
            500,
            "bug",
            r#","title":"a bug""#,
            70,
            "acme: a bug; see `journalctl -u zoho-tokend`",
        ),
    ] {
        let ended = Daemon::answering([problem(status, code, more)]).run(&["get", "acme"]);
        assert_eq!(
            ended.failed(),
            (exit, &*format!("zoho-tokend: {line}\n")),
            "{status} {code}"
        );
    }
}

#[test]
fn s5_an_oversized_answer_is_refused() {
    let body = "a".repeat(5 * 1024 * 1024);
    let ended = Daemon::answering([plain(&body)]).run(&["get", "acme"]);
    let (exit, line) = ended.failed();
    assert_eq!(exit, 70);
    assert!(
        line.contains(": the answer is over 4194304 bytes long; see that --socket"),
        "{line}"
    );
}

#[test]
fn a_daemon_that_hangs_up_is_tried_again_later() {
    let ended = Daemon::answering([b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n1000".to_vec()])
        .run(&["get", "acme"]);
    let (exit, line) = ended.failed();
    assert_eq!(exit, 75);
    assert!(line.ends_with(": the daemon hung up before it had answered; try again: it may have been restarted just now\n"), "{line}");
}

#[test]
fn a_reader_that_went_away_is_no_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("socket");
    let listener = UnixListener::bind(&socket).expect("a socket");
    let (closed, is_closed) = mpsc::channel::<()>();
    let daemon = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        request(&mut stream);
        is_closed.recv().expect("told");
        stream.write_all(&plain(TOKEN)).expect("sent");
    });
    let mut command = program(&["get", "acme", "--socket", &socket.display().to_string()]);
    let mut child = command.spawn().expect("the program starts");
    drop(child.stdout.take());
    closed.send(()).expect("the daemon waits");
    let ended = Ended::from(child.wait_with_output().expect("it ends"));
    daemon.join().expect("no panic");
    assert_eq!((ended.exit, &*ended.stderr), (0, ""));
}

#[test]
fn a_full_disk_is_an_error() {
    let daemon = Daemon::answering([plain(TOKEN)]);
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .expect("Linux has it");
    let mut command = program(&["get", "acme"]);
    command
        .env("ZOHO_TOKEND_SOCKET", daemon.socket())
        .stdout(full);
    let ended = Ended::from(command.output().expect("it ends"));
    assert_eq!(ended.exit, 74);
    assert!(
        ended
            .stderr
            .starts_with("zoho-tokend: stdout: cannot be written: No space left"),
        "{}",
        ended.stderr
    );
}

// The socket

#[test]
fn where_nothing_listens_a_verb_says_how_to_start_the_daemon() {
    let folder = tempfile::tempdir().expect("a folder");
    let absent = folder.path().join("absent");
    let stale = folder.path().join("stale");
    drop(UnixListener::bind(&stale).expect("a socket"));
    for (socket, why) in [
        (&absent, "No such file or directory (os error 2)"),
        (&stale, "Connection refused (os error 111)"),
    ] {
        for args in [
            &["get", "acme"][..],
            &["status"],
            &["refresh", "acme"],
            &["history", "acme"],
            &["reload"],
        ] {
            let line = format!(
                "zoho-tokend: {}: nothing listens ({why}); start the daemon with `systemctl start \
                 zoho-tokend.socket zoho-tokend.service`, or name its socket with --socket or $ZOHO_TOKEND_SOCKET\n",
                socket.display()
            );
            assert_eq!(run(socket, args, "").failed(), (69, &*line));
        }
        assert_eq!(run(socket, &["enroll", "acme"], "code").failed().0, 69);
        assert_eq!(run(socket, &["status", "--check"], "").failed().0, 3);
    }
}

#[test]
fn a_socket_that_this_user_may_not_reach_is_not_permitted() {
    if rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED: root may reach every socket");
        return;
    }
    let daemon = Daemon::answering([]);
    std::fs::set_permissions(daemon.socket(), PermissionsExt::from_mode(0)).expect("ours");
    let ended = daemon.run(&["get", "acme"]);
    assert_eq!(ended.failed().0, 77);
    assert!(
        ended.stderr.contains("this user may not connect"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_path_that_no_socket_can_have_is_a_usage_error() {
    let long = format!("/{}", "a".repeat(200));
    let ended = run(Path::new(&long), &["get", "acme"], "");
    assert_eq!(ended.failed().0, 64);
}

#[test]
fn the_flag_names_the_socket_before_the_environment_does() {
    let daemon = Daemon::answering([plain(TOKEN)]);
    let socket = daemon.socket().display().to_string();
    let ended = run(
        Path::new("/nowhere"),
        &["get", "acme", "--socket", &socket],
        "",
    );
    assert_eq!(ended.exit, 0);
}

// status

const FRESH: &str = r#"{"org":"acme","environment":"production","data_center":"eu","token":"fresh","grant":"ok","expires_in":2711,
"generation":1795306331,"mints_left":9,"outage_budget_s":{"min_ttl":900,"end":1500},"new_key":{}}"#;
const RETRYING: &str = r#"{"org":"beta","token":"fresh","grant":"retrying"}"#;
const EXPIRED: &str = r#"{"org":"gamma","token":"expired","grant":"needs-consent","cause":"invalid_code",
"cure":"Make a grant token in the API console and run `zoho-tokend enroll gamma`."}"#;
const LEFT: &str = r#"{"org":"delta","token":"none","grant":"ok","configured":false}"#;

fn orgs(orgs: &[&str]) -> Vec<u8> {
    json(&format!(r#"{{"orgs":[{}]}}"#, orgs.join(",")))
}

#[test]
fn status_is_a_table_with_each_cure_below_its_org() {
    let ended = Daemon::answering([orgs(&[FRESH, EXPIRED, LEFT])]).run(&["status"]);
    let table = "\
ORG    ENV         DC  TOKEN    GRANT          EXPIRES  REFRESH  MINTS  OUTAGE   GENERATION
acme   production  eu  fresh    ok             45m      -        9      15m/25m  1795306331
gamma  -           -   expired  needs-consent  -        -        -      -        -
    cause: invalid_code
    cure: Make a grant token in the API console and run `zoho-tokend enroll gamma`
";
    assert_eq!((ended.exit, &*ended.stdout), (0, table));
    assert!(ended.asked[0].starts_with("GET /v1/orgs HTTP/1.1\r\n"));
}

#[test]
fn status_of_one_org_asks_for_that_one() {
    let ended = Daemon::answering([json(FRESH)]).run(&["status", "acme", "--json"]);
    assert_eq!((ended.exit, ended.stdout), (0, format!("{FRESH}\n")));
    assert!(ended.asked[0].starts_with("GET /v1/orgs/acme HTTP/1.1\r\n"));
}

#[test]
fn status_shows_orgs_that_left_the_config_where_all_are_asked_for() {
    let ended = Daemon::answering([orgs(&[FRESH, LEFT])]).run(&["status", "--all"]);
    assert!(ended.stdout.contains("\ndelta "), "{}", ended.stdout);
    assert!(ended.asked[0].starts_with("GET /v1/orgs?all=true HTTP/1.1\r\n"));
}

#[test]
fn status_check_exits_as_the_worst_org_is() {
    for (shown, exit) in [
        (orgs(&[FRESH]), 0),
        (orgs(&[FRESH, LEFT]), 0),
        (orgs(&[FRESH, RETRYING]), 1),
        (orgs(&[EXPIRED, RETRYING, FRESH]), 2),
        (orgs(&[]), 2),
        (orgs(&[LEFT]), 2),
        (problem(403, "not-a-reader", ""), 77),
        (b"HTTP/1.1 ".to_vec(), 3),
        (json(r#"{"orgs":{}}"#), 70),
    ] {
        let text = String::from_utf8_lossy(&shown).into_owned();
        let ended = Daemon::answering([shown]).run(&["status", "--check"]);
        assert_eq!(ended.exit, exit, "{text}");
    }
}

// refresh, history, reload

#[test]
fn refresh_says_what_is_new() {
    let status = r#"{"org":"acme","generation":1795306331,"expires_at":"2026-11-22T01:12:11Z"}"#;
    let ended = Daemon::answering([json(status)]).run(&["refresh", "acme"]);
    let line = "acme: generation 1795306331, expires at 2026-11-22T01:12:11Z\n";
    assert_eq!((ended.exit, &*ended.stdout), (0, line));
    assert!(ended.asked[0].starts_with("POST /v1/orgs/acme/refresh HTTP/1.1\r\n"));
    assert!(ended.asked[0].contains("\r\nContent-Length: 0\r\n"));
}

#[test]
fn refresh_without_budget_is_for_later() {
    let more = r#","detail":"all mints of this window are spent","retry_after_s":212"#;
    let ended = Daemon::answering([problem(503, "no-budget", more)]).run(&["refresh", "acme"]);
    let line = "zoho-tokend: acme: all mints of this window are spent; try again in 212 s\n";
    assert_eq!(ended.failed(), (75, line));
}

#[test]
fn history_is_one_line_an_entry() {
    let entries = r#"{"org":"acme","entries":[
        {"at":"2026-11-21T23:12:11Z","kind":"enrolled","detail":"self-client"},
        {"at":"2026-11-22T00:12:11Z","kind":"minted"},
        {"at":"2026-11-22T00:42:11Z","kind":"failed","detail":"two\nlines\u001b[2J"}]}"#;
    let ended = Daemon::answering([json(entries)]).run(&["history", "acme"]);
    let text = "\
2026-11-21T23:12:11Z  enrolled  self-client
2026-11-22T00:12:11Z  minted
2026-11-22T00:42:11Z  failed    two lines [2J
";
    assert_eq!((ended.exit, &*ended.stdout), (0, text));
    assert!(ended.asked[0].starts_with("GET /v1/orgs/acme/history HTTP/1.1\r\n"));
    let ended = Daemon::answering([json(entries)]).run(&["history", "acme", "--json"]);
    assert_eq!(ended.stdout, format!("{entries}\n"));
}

#[test]
fn reload_says_what_changed_in_one_line() {
    let changes = r#"{"added":["beta"],"removed":[],"changed":["acme"],"restart_needed":["daemon.socket"],
        "warnings":["zoho-tokend.toml:9:1: no such user: crm-sync"]}"#;
    let ended = Daemon::answering([json(changes)]).run(&["reload"]);
    let line = "reloaded: added beta; changed acme; only a restart changes daemon.socket\n";
    assert_eq!((ended.exit, &*ended.stdout), (0, line));
    assert_eq!(
        ended.stderr,
        "zoho-tokend.toml:9:1: no such user: crm-sync\n"
    );
}

#[test]
fn reload_prints_every_problem() {
    let problems = r#","problems":["zoho-tokend.toml:3:1: unknown key `sokcet`","orgs.d/b.toml:1:7: no such client"]"#;
    let ended = Daemon::answering([problem(422, "config", problems)]).run(&["reload"]);
    let text = "\
zoho-tokend.toml:3:1: unknown key `sokcet`
orgs.d/b.toml:1:7: no such client
zoho-tokend: reload: the new config has 2 problems; the old one stays in force; put it right and reload again
";
    assert_eq!(ended.failed(), (78, text));
}

#[test]
fn reload_is_for_admins() {
    let ended = Daemon::answering([problem(
        403,
        "not-an-admin",
        r#","detail":"only admins reload","cure":"use sudo""#,
    )])
    .run(&["reload"]);
    assert_eq!(
        ended.failed(),
        (77, "zoho-tokend: reload: only admins reload; use sudo\n")
    );
}

// enroll

const ENROLLED: &str = r#"{"org":"acme","token":"fresh","grant":"ok","scope":["ZohoCRM.modules.ALL","ZohoCRM.org.READ"],
"api_domain":"https://www.zohoapis.eu","expires_at":"2026-11-22T01:12:11Z","binding":"verified"}"#;

/// The body of a request.
fn body(asked: &str) -> &str {
    asked.split_once("\r\n\r\n").expect("a head").1
}

#[test]
fn enroll_hands_over_a_code_and_says_what_it_is_good_for() {
    let ended =
        Daemon::answering([json(ENROLLED)]).run_with(&["enroll", "acme"], "  1000.code\r\n\n");
    let text = "\
acme: enrolled
  scope       ZohoCRM.modules.ALL ZohoCRM.org.READ
  api_domain  https://www.zohoapis.eu
  expires_at  2026-11-22T01:12:11Z
";
    assert_eq!((ended.exit, &*ended.stdout, &*ended.stderr), (0, text, ""));
    assert!(ended.asked[0].starts_with("POST /v1/orgs/acme/enrollment HTTP/1.1\r\n"));
    assert_eq!(
        body(&ended.asked[0]),
        r#"{"kind":"code","code":"1000.code"}"#
    );
}

#[test]
fn enroll_takes_over_a_refresh_token() {
    let args = ["enroll", "acme", "--refresh-token"];
    let ended = Daemon::answering([json(ENROLLED)]).run_with(&args, "1000.refresh\n");
    assert_eq!(ended.exit, 0);
    assert_eq!(
        body(&ended.asked[0]),
        r#"{"kind":"refresh-token","refresh_token":"1000.refresh"}"#
    );
}

#[test]
fn enroll_gives_the_client_secret_only_when_asked_for_it() {
    let needed = problem(422, "client-secret-needed", "");
    let ended =
        Daemon::answering([needed, json(ENROLLED)]).run_with(&["enroll", "acme"], "code\nsecret\n");
    assert_eq!((ended.exit, &*ended.stderr), (0, ""));
    let bodies: Vec<&str> = ended.asked.iter().map(|asked| body(asked)).collect();
    let with_secret = r#"{"kind":"code","code":"code","client_secret":"secret"}"#;
    assert_eq!(bodies, [r#"{"kind":"code","code":"code"}"#, with_secret]);

    let ended = Daemon::answering([json(ENROLLED)]).run_with(&["enroll", "acme"], "code\nsecret\n");
    let note = "zoho-tokend: acme: the second line of stdin was not used; nothing to do: the config has the client's secret\n";
    assert_eq!((ended.exit, &*ended.stderr), (0, note));
}

#[test]
fn enroll_asks_for_a_missing_client_secret_once() {
    let needed = || {
        problem(
            422,
            "client-secret-needed",
            r#","detail":"the secret is empty","cure":"give it""#,
        )
    };
    let ended = Daemon::answering([needed()]).run_with(&["enroll", "acme"], "code\n");
    assert_eq!(ended.failed().0, 65);
    let ended =
        Daemon::answering([needed(), needed()]).run_with(&["enroll", "acme"], "code\nsecret\n");
    assert_eq!(
        ended.failed(),
        (78, "zoho-tokend: acme: the secret is empty; give it\n")
    );
}

#[test]
fn enroll_says_why_zoho_refused() {
    let more = r#","detail":"Zoho says invalid_code: the grant token is used or older than its life",
        "cure":"make a new one in the API console and enroll within its minutes""#;
    let ended = Daemon::answering([problem(422, "refused", more)])
        .run_with(&["enroll", "acme"], "1000.canary");
    let line = "zoho-tokend: acme: Zoho says invalid_code: the grant token is used or older than its life; \
        make a new one in the API console and enroll within its minutes\n";
    assert_eq!(ended.failed(), (78, line));
}

#[test]
fn enroll_refuses_what_cannot_be_a_code() {
    let large = "a".repeat(5000);
    let nowhere = Path::new("/nowhere");
    for (stdin, what) in [
        ("", "nothing on stdin"),
        ("\n \n", "nothing on stdin"),
        (
            "1000.can\u{7}ary",
            "the grant token has control characters in it",
        ),
        (&*large, "over 4096 bytes on stdin"),
    ] {
        let ended = run(nowhere, &["enroll", "acme"], stdin);
        let (exit, line) = ended.failed();
        assert_eq!(exit, 65, "{line}");
        assert!(
            line.starts_with(&format!("zoho-tokend: acme: {what}; ")),
            "{line}"
        );
    }
}

#[test]
fn s1_a_code_given_as_an_argument_is_refused_and_not_repeated() {
    let ended = Ended::from(
        program(&["enroll", "acme", "1000.canary"])
            .output()
            .expect("it ends"),
    );
    let (exit, line) = ended.failed();
    assert_eq!(exit, 64);
    assert!(line.contains("every user of this host"), "{line}");
    assert!(!line.contains("canary"), "{line}");
}

// The command line

#[test]
fn what_is_no_command_line_of_ours_is_told_in_one_line() {
    for (args, line) in [
        (
            &[][..],
            "zoho-tokend: command line: 'zoho-tokend' requires a subcommand but one was not provided; see `zoho-tokend --help`\n",
        ),
        (
            &["gett"],
            "zoho-tokend: command line: unrecognized subcommand 'gett'; tip: a similar subcommand exists: 'get'; see `zoho-tokend --help`\n",
        ),
        (
            &["get"],
            "zoho-tokend: get: the following required arguments were not provided: <ORG>; see `zoho-tokend get --help`\n",
        ),
        (
            &["get", "acme", "--wait", "2m"],
            "zoho-tokend: get: invalid value '2m' for '--wait <TIME>': the daemon lets nobody wait for over 60s; see `zoho-tokend get --help`\n",
        ),
        (
            &["get", "../etc"],
            "zoho-tokend: get: invalid value '../etc' for '<ORG>': an org's name has 1 to 63 of a-z, 0-9 and -, and neither starts nor ends with -, like acme-production; see `zoho-tokend get --help`\n",
        ),
    ] {
        let ended = Ended::from(program(args).output().expect("it ends"));
        assert_eq!(ended.failed(), (64, line));
    }
}

#[test]
fn every_verb_has_help_with_an_example() {
    let verbs = [
        "run",
        "check",
        "reload",
        "enroll",
        "get",
        "status",
        "refresh",
        "history",
        "demo",
        "completions",
        "man",
        "stand-in",
    ];
    for verb in verbs {
        let ended = Ended::from(program(&[verb, "--help"]).output().expect("it ends"));
        assert_eq!((ended.exit, &*ended.stderr), (0, ""), "{verb}");
        let example = format!("\n  zoho-tokend {verb}");
        assert!(ended.stdout.contains("Example"), "{}", ended.stdout);
        assert!(ended.stdout.contains(&example), "{}", ended.stdout);
    }
}

#[test]
fn packagers_get_completions_and_a_man_page_for_every_verb() {
    for shell in ["bash", "zsh", "fish"] {
        let ended = Ended::from(program(&["completions", shell]).output().expect("it ends"));
        assert_eq!(ended.exit, 0);
        assert!(ended.stdout.contains("min-ttl"), "{shell}");
    }
    let ended = Ended::from(program(&["man"]).output().expect("it ends"));
    assert!(
        ended.stdout.contains(".TH zoho-tokend 1"),
        "{}",
        ended.stdout
    );
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().display().to_string();
    let ended = Ended::from(program(&["man", "--out", &out]).output().expect("it ends"));
    assert_eq!((ended.exit, &*ended.stderr), (0, ""));
    let page = std::fs::read_to_string(folder.path().join("zoho-tokend-get.1")).expect("a page");
    assert!(page.contains("min\\-ttl"), "{page}");
}
