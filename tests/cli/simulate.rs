//! `simulate`: what it says of the example config and of others, and what it refuses.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::daemon::{Ended, program};

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config/minimal.toml")
}

fn simulate(config: &Path, args: &[&str]) -> Ended {
    let mut command = program(&["simulate"]);
    command.args(args).arg("--config").arg(config);
    Ended::from(command.output().expect("it ends"))
}

/// The one org of the example, as `--json` has it.
fn example_org(args: &[&str]) -> Value {
    let ended = simulate(&example(), &[args, &["--json"]].concat());
    let whole: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    assert_eq!(
        ended.exit,
        i32::from(whole["goes_short"] == true),
        "{whole}"
    );
    whole["orgs"][0].clone()
}

fn spans(org: &Value, kind: &str) -> Vec<(f64, f64)> {
    let spans = org[kind]["spans"].as_array().expect("spans");
    let time = |span: &Value, key: &str| span[key].as_f64().expect("a time");
    let pair = |span: &Value| (time(span, "from_s"), time(span, "to_s"));
    spans.iter().map(pair).collect()
}

/// R5: the README's own question.
#[test]
fn r5_an_outage_of_40_minutes_at_two_oclock_is_answered_as_in_the_readme() {
    let ended = simulate(&example(), &["--outage", "02:00+40m"]);
    assert_eq!((ended.exit, &*ended.stderr), (1, ""));
    let readme = shape(include_str!("../../README.md"));
    assert!(
        readme.contains(shape(&ended.stdout).trim_end()),
        "{}",
        ended.stdout
    );
    let sentence = "R1: readers of acme-production would have had no token from day 1 02:33:3";
    assert!(ended.stdout.contains(sentence), "{}", ended.stdout);
    // Three refreshes at 0.5204 of 3596.4 s, then a life; and a try within a minute and a timeout of the end.
    let (from, to) = spans(&example_org(&["--outage", "02:00+40m"]), "no_token")[0];
    assert!((9207.0..9214.0).contains(&from), "{from}");
    assert!((9600.0..9680.0).contains(&to), "{to}");
}

/// What begins on the last day is told to its end.
#[test]
fn trouble_that_reaches_beyond_the_last_day_is_not_cut_off() {
    let ended = simulate(&example(), &["--outage", "23:50+40m", "--days", "1"]);
    assert_eq!(ended.exit, 1, "{}", ended.stdout);
    assert!(
        ended
            .stdout
            .contains("would have had no token from day 2 00:"),
        "{}",
        ended.stdout
    );
    let ended = simulate(&example(), &["--outage", "02:00+30h"]);
    let line = "zoho-tokend: simulate: --outage 02:00+30h strikes each day, and lasts for longer than one; name its day, \
                as in --outage 1d02:00+30h\n";
    assert_eq!(ended.failed(), (64, line));
}

/// A text with every number the same, since chance has a part in some.
fn shape(text: &str) -> String {
    let mut shape = String::new();
    for letter in text.chars() {
        let letter = if letter.is_ascii_digit() { '0' } else { letter };
        if !(shape.ends_with(letter) && ['0', ' '].contains(&letter)) {
            shape.push(letter);
        }
    }
    shape
}

/// R5: what `status` calls the outage budget is borne, at every age of a token.
#[test]
fn r5_an_outage_as_long_as_the_budget_leaves_no_reader_short() {
    let budget = example_org(&[])["outage_budget_s"].clone();
    let of_outages = |key: &str| {
        let span = budget[key].as_u64().expect("seconds");
        let whens = ["02:00", "12:34:56"].map(|time| format!("{time}+{span}s"));
        example_org(&["--days", "30", "--outage", &whens[0], "--outage", &whens[1]])
    };
    assert_eq!(of_outages("min_ttl")["under_min_ttl"]["times"], 0);
    let longer = of_outages("end");
    assert_eq!(longer["no_token"]["times"], 0, "{longer}");
    assert_ne!(longer["under_min_ttl"]["times"], 0, "{longer}");
}

/// An org is refreshed a gap before `min_ttl` at the latest, and its outage budget knows: all of `min_ttl` but for a
/// pause's jitter.
#[test]
fn r5_the_budget_of_an_org_that_refreshes_as_late_as_may_be_counts_from_the_earlier_moment() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("late.toml");
    let example = std::fs::read_to_string(example()).expect("the example");
    // Of the names in reach one whose offset is late as well.
    let late = example.replace("acme-production", "org-8");
    let refresh = "\n[refresh]\nat = 0.7\nmin_ttl = \"15m\"\n";
    std::fs::write(&config, late + refresh).expect("written");
    let ended = simulate(&config, &["--json"]);
    let whole: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    let budget = &whole["orgs"][0]["outage_budget_s"];
    assert_eq!(
        *budget,
        json!({ "min_ttl": 0, "end": 890 }),
        "{}",
        ended.stderr
    );
}

#[test]
fn without_trouble_nobody_goes_short_and_the_exit_is_0() {
    let ended = simulate(&example(), &["--days", "1"]);
    let text = "\
1 day from an enrolment on day 1 at 00:00, no trouble

ORG              DC  READS  MINTS  WINDOW  OUTAGE   LEAST LEFT
acme-production  eu  555    47     1/10    16m/26m  28m left on day 1 16:38:08

no reader would go short; the least was 28m left on day 1 16:38:08, of acme-production
";
    assert_eq!((ended.exit, &*ended.stderr), (0, ""));
    assert_eq!(shape(&ended.stdout), shape(text), "{}", ended.stdout);
}

#[test]
fn the_same_seed_tells_the_same_and_the_json_keeps_its_keys() {
    let args = [
        "--outage",
        "1d02:00+40m",
        "--seed",
        "7",
        "--json",
        "--days",
        "1",
    ];
    let (one, other) = (simulate(&example(), &args), simulate(&example(), &args));
    assert_eq!(one.stdout, other.stdout);
    let whole: Value = serde_json::from_str(&one.stdout).expect("JSON");
    let keys = |value: &Value| -> Vec<String> {
        let object = value.as_object().expect("an object");
        object.keys().cloned().collect()
    };
    let mut of_all = keys(&whole);
    of_all.sort();
    assert_eq!(
        of_all,
        ["broken", "days", "goes_short", "orgs", "seed", "trouble"]
    );
    assert_eq!(
        (&whole["days"], &whole["seed"], &whole["trouble"]),
        (&json!(1), &json!(7), &json!(["--outage 1d02:00+40m"]))
    );
    let mut of_org = keys(&whole["orgs"][0]);
    of_org.sort();
    let wanted = [
        "calls",
        "calls_allowed_in_window",
        "data_center",
        "environment",
        "least_left",
        "min_ttl_s",
        "mints",
        "most_calls_in_window",
        "no_token",
        "org",
        "outage_budget_s",
        "reads",
        "refused",
        "served_from_s",
        "token_life_s",
        "under_min_ttl",
    ];
    assert_eq!(of_org, wanted);
    let broken = &whole["broken"][0];
    assert_eq!(
        (&broken["promise"], &broken["org"], &broken["is_bug"]),
        (&json!("R1"), &json!("acme-production"), &json!(false))
    );
}

/// R8, R9: what the machine and the daemon do to readers.
#[test]
fn r8_a_restart_and_a_reboot_cost_no_reader_a_token() {
    for trouble in [
        ["--restart", "03:00"],
        ["--reboot", "03:00"],
        ["--reboot", "03:00+20m"],
    ] {
        let org = example_org(&trouble);
        assert_eq!(
            (&org["no_token"]["times"], &org["under_min_ttl"]["times"]),
            (&json!(0), &json!(0))
        );
    }
    // A daemon that is down leaves the files, until the token in them ends.
    let org = example_org(&["--days", "1", "--restart", "03:00+2h"]);
    let [(from, to)] = spans(&org, "no_token")[..] else {
        panic!("{org}");
    };
    assert!((1800.0..3600.0).contains(&(from - 3.0 * 3600.0)), "{org}");
    assert!((0.0..2.0).contains(&(to - 5.0 * 3600.0)), "{org}");
}

#[test]
fn who_sleeps_for_hours_finds_no_token_for_as_long_as_a_mint_takes() {
    let asleep = ["--days", "1", "--suspend", "12:00+3h"];
    for outage in [&[][..], &["--outage", "12:10+2h"]] {
        let org = example_org(&[&asleep, outage].concat());
        let [(from, to)] = spans(&org, "no_token")[..] else {
            panic!("{org}");
        };
        assert!(
            (from - 15.0 * 3600.0).abs() < 0.1 && to - from < 2.0,
            "nobody reads in between, and the outage is over: {org}"
        );
    }
}

#[test]
fn nobody_goes_short_while_the_machine_sleeps() {
    let args = [
        "--days",
        "1",
        "--outage",
        "10:00+3h",
        "--suspend",
        "12:00+30m",
    ];
    let gaps = spans(&example_org(&args), "no_token");
    let [(_, asleep), (awake, _)] = gaps[..] else {
        panic!("{gaps:?}");
    };
    assert_eq!((asleep, awake), (12.0 * 3600.0, 12.5 * 3600.0));
}

#[test]
fn an_outage_goes_on_while_the_machine_is_off() {
    let args = [
        "--days",
        "1",
        "--reboot",
        "01:50+20m",
        "--outage",
        "02:00+2h",
    ];
    let gaps = spans(&example_org(&args), "no_token");
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    assert!(
        (0.0..100.0).contains(&(gaps[0].1 - 4.0 * 3600.0)),
        "{gaps:?}"
    );
}

#[test]
fn a_revoked_grant_is_a_token_that_zoho_refuses_and_then_none_to_the_end() {
    let org = example_org(&["--days", "2", "--revoke", "acme-production@1d04:00"]);
    assert_eq!(org["refused"]["spans"][0]["from_s"], 4.0 * 3600.0);
    assert_eq!(org["no_token"]["times"], 1);
    assert_eq!(org["no_token"]["spans"][0]["to_s"], Value::Null);
}

#[test]
fn silence_costs_mints_and_never_more_than_the_schedules_share_of_them() {
    let org = example_org(&["--silent", "02:00+3h"]);
    assert_eq!(org["most_calls_in_window"], 6, "{org}");
}

/// A stand-in beside Zoho, a client with fewer mints than orgs, and a secret that is not there.
#[test]
fn a_stand_ins_lives_are_scaled_and_no_secret_is_needed() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("zoho-tokend.toml");
    let lab = "[data_centers.lab]\naccounts_url = \"http://127.0.0.1:9000\"\n\
               api_domains = { production = \"http://127.0.0.1:9000\" }\n\
               limits = { mints = 10, window = \"10s\", live = 10 }\n";
    let client = "[clients.one]\nclient_id = \"1000.ABC\"\nclient_secret = { file = \"/nowhere/at/all\" }\n\
                  mints_per_10min = 10\n";
    let org = |name: &str, data_center: &str| {
        format!(
            "[orgs.{name}]\nclient = \"one\"\ndata_center = \"{data_center}\"\nenvironment = \"production\"\n\
             scopes = [\"ZohoCRM.modules.ALL\"]\n"
        )
    };
    let of_zoho = (0..12).map(|nth| org(&format!("org-{nth}"), "eu"));
    let orgs: String = of_zoho.chain([org("lab", "lab")]).collect();
    std::fs::write(&path, format!("{lab}{client}{orgs}")).expect("ours");
    let args = ["--days", "1", "--revoke", "lab@1d05:00", "--json"];
    let ended = simulate(&path, &args);
    assert_eq!(
        ended.exit, 1,
        "hours of nothing but probes are no bug: {}",
        ended.stdout
    );
    let whole: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    let orgs = whole["orgs"].as_array().expect("orgs");
    assert_eq!(orgs.len(), 13);
    for org in orgs {
        let life = if org["org"] == "lab" { 60.0 } else { 3600.0 };
        assert_eq!(org["token_life_s"], life);
        let served = org["served_from_s"].as_f64().expect("enrolled in the end");
        assert!(served < 700.0, "a window later at the latest: {org}");
    }
}

#[test]
fn nonsense_is_refused_with_a_cure() {
    let usage = |args: &[&str], line: &str| {
        let ended = simulate(&example(), args);
        assert_eq!(
            ended.failed(),
            (64, &*format!("zoho-tokend: simulate: {line}\n"))
        );
    };
    usage(
        &["--outage", "2am"],
        "invalid value '2am' for '--outage <WHEN>': write it like 02:00+20m for each day, or 3d02:00+20m for day 3; see `zoho-tokend simulate --help`",
    );
    usage(
        &["--revoke", "acme@09:30"],
        "--revoke acme@09:30: the config has no org acme; name one of its orgs",
    );
    usage(
        &["--outage", "8d02:00+20m"],
        "--outage 8d02:00+20m comes after the last day; raise --days, or name an earlier day",
    );
    usage(
        &["--outage", "02:00+40m", "--silent", "3d02:30+1m"],
        "--silent 3d02:30+1m begins while --outage 02:00+40m lasts; let one end before the other begins",
    );
}

#[test]
fn a_config_that_run_refuses_is_refused_with_every_problem() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("zoho-tokend.toml");
    std::fs::write(&path, "[orgs.acme]\nclient = \"none\"\n").expect("ours");
    let ended = simulate(&path, &[]);
    let (exit, told) = ended.failed();
    assert_eq!(exit, 78);
    assert!(told.lines().count() > 2, "{told}");
    let last = "zoho-tokend: simulate: the config has problems, or no org; put it right as `zoho-tokend check` says";
    assert_eq!(told.lines().last(), Some(last));
}
