//! `get`: a whole token in the form that was asked for, or an exit code that a job can act on.

use std::io::Write;
use std::os::unix::net::UnixListener;
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::daemon::{Daemon, Ended, answer, json, plain, problem, program, request, run};
use crate::wait::{SOON, wait_until};

const TOKEN: &str = "1000.8cb99dxxxxxxxxxxxxx9be93.9b8xxxxxxxxxxxxxxxf";

const TOKEN_JSON: &str = r#"{"org":"acme","environment":"production","data_center":"eu",
"access_token":"1000.8cb99dxxxxxxxxxxxxx9be93.9b8xxxxxxxxxxxxxxxf","token_type":"Zoho-oauthtoken",
"api_domain":"https://www.zohoapis.eu","scope":["ZohoCRM.modules.ALL"],
"expires_at":"2026-11-22T01:12:11Z","expires_in":2711,"generation":1795306331,"stale":false}"#;

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
        ("token", json("{}")),
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

/// How `get acme` ends where the daemon refuses: exit code, and what follows the org on stderr.
fn refused(status: u16, code: &str, more: &str) -> (i32, String) {
    let ended =
        Daemon::answering([problem(status, code, more)]).run(&["get", "acme", "--wait", "0"]);
    let (exit, line) = ended.failed();
    let told = line
        .strip_prefix("zoho-tokend: acme: ")
        .expect("about the org");
    (exit, told.trim_end().to_owned())
}

fn ends(exit: i32, told: &str) -> (i32, String) {
    (exit, told.to_owned())
}

#[test]
fn get_is_for_later_where_waiting_helps() {
    let later = r#","detail":"no fresh token","retry_after_s":40"#;
    for (status, code) in [(429, "too-many"), (503, "not-fresh"), (503, "throttled")] {
        let told = ends(75, "no fresh token; try again in 40 s");
        assert_eq!(refused(status, code, later), told, "{status} {code}");
    }
}

#[test]
fn get_is_for_a_person_where_no_waiting_helps() {
    let revoked = r#","detail":"Zoho revoked the grant","cure":"run `zoho-tokend enroll acme`","retry_after_s":600"#;
    let told = ends(78, "Zoho revoked the grant; run `zoho-tokend enroll acme`");
    assert_eq!(refused(503, "needs-consent", revoked), told);
    let told = ends(78, "not enrolled; see `zoho-tokend status`");
    assert_eq!(
        refused(503, "unenrolled", r#","title":"not enrolled""#),
        told
    );
    let told = ends(78, "no such org; see `zoho-tokend status`");
    assert_eq!(
        refused(404, "no-such-org", r#","detail":"no such org""#),
        told
    );
}

#[test]
fn get_tells_a_stranger_whom_to_ask() {
    let told = "may not read; ask an admin of zoho-tokend to name this user, or one of its groups, under `readers`";
    assert_eq!(
        refused(403, "not-a-reader", r#","detail":"may not read""#),
        ends(77, told)
    );
}

#[test]
fn get_tells_a_bad_question_from_a_bug() {
    let too_long = r#","detail":"no token has that much","cure":"Ask for at most 1620 s","max_min_ttl_s":1620"#;
    let told = ends(64, "no token has that much; ask for at most 27m");
    assert_eq!(refused(400, "min-ttl-too-long", too_long), told);
    assert_eq!(
        refused(413, "too-large", ""),
        ends(
            65,
            "the daemon cannot read the request: too-large; see whether client and daemon are of one version"
        )
    );
    assert_eq!(
        refused(500, "bug", ""),
        ends(70, "bug; see `journalctl -u zoho-tokend`")
    );
}

#[test]
fn an_oversized_answer_is_refused() {
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
        .run(&["get", "acme", "--wait", "0"]);
    let (exit, line) = ended.failed();
    assert_eq!(exit, 75);
    assert!(line.ends_with(": the daemon hung up before it had answered; try again: it may have been restarted just now\n"), "{line}");
}

/// R8: it dies, comes back, ends again and sends its readers away before the time, is away, and comes back.
#[test]
fn r8_a_read_that_waits_goes_on_with_the_daemon_that_comes_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("socket");
    let socket_of_it = socket.clone();
    let away = problem(503, "retrying", r#","retry_after_s":600"#);
    let daemon = thread::spawn(move || {
        let serve = |answer: &[u8]| {
            let listener = UnixListener::bind(&socket_of_it).expect("a socket");
            let (mut stream, _) = listener.accept().expect("a connection");
            std::fs::remove_file(&socket_of_it).expect("ours");
            drop(listener);
            request(&mut stream);
            stream.write_all(answer).expect("sent");
        };
        serve(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n1000");
        serve(&away);
        // Long enough that the verb finds nobody listening and has to come again.
        thread::sleep(Duration::from_millis(500));
        serve(&plain(TOKEN));
    });
    wait_until("it listens", SOON, || socket.exists());
    let ended = run(&socket, &["get", "acme", "--wait", "60s"], "");
    daemon.join().expect("no panic");
    assert_eq!((&*ended.stderr, ended.stdout), ("", format!("{TOKEN}\n")));
}

#[test]
fn a_read_asks_again_for_what_is_left_of_its_wait_and_then_ends() {
    let ended = Daemon::answering([b"".to_vec(), problem(503, "not-fresh", ""), b"".to_vec()])
        .run(&["get", "acme", "--wait", "1s"]);
    let (exit, line) = ended.failed();
    assert_eq!(exit, 69, "{line}");
    for asked in &ended.asked {
        assert!(
            asked.starts_with("GET /v1/orgs/acme/token?wait=1 "),
            "{asked}"
        );
    }
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
