//! `status`: the table, the raw answer, and what a monitor is told.

use crate::daemon::{Daemon, json, problem};

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
    let all = ["status", "--check", "--all"];
    let ended = Daemon::answering([orgs(&[FRESH, LEFT])]).run(&all);
    assert_eq!(ended.exit, 0, "one that left is shown and not judged");
    let json = ["status", "--check", "--json"];
    let ended = Daemon::answering([orgs(&[FRESH, RETRYING])]).run(&json);
    assert_eq!(ended.exit, 1);
}

#[test]
fn that_no_org_is_configured_is_told_from_that_none_may_be_seen() {
    for (total, told) in [
        (0, "No org is configured."),
        (3, "No org that you may see."),
    ] {
        let live = json(&format!(
            r#"{{"status":"live","orgs":{{"total":{total}}}}}"#
        ));
        let ended = Daemon::answering([orgs(&[]), live]).run(&["status"]);
        assert!(ended.stdout.starts_with(told), "{}", ended.stdout);
    }
}
