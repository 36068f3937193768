//! `refresh`, `history`, `reload`.

use crate::daemon::{Daemon, json, problem};

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
