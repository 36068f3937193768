//! `explain`: needs neither config nor daemon.

use serde_json::Value;

use crate::daemon::{Ended, program};

fn explain(args: &[&str]) -> Ended {
    let mut command = program(&[&["explain"], args].concat());
    command
        .env("ZOHO_TOKEND_CONFIG", "/nowhere")
        .env("ZOHO_TOKEND_SOCKET", "/nowhere");
    Ended::from(command.output().expect("it ends"))
}

#[test]
fn a_code_is_explained_with_what_it_means_and_what_to_do() {
    let ended = explain(&["no-budget"]);
    let text = "\
no-budget (problems over the socket)
  means: Zoho's limits leave no room for another mint now, or Zoho throttles; the current token is served on
  do: Wait `retry_after_s`
";
    assert_eq!((ended.exit, &*ended.stdout, &*ended.stderr), (0, text, ""));
}

#[test]
fn case_spaces_and_the_type_of_a_problem_make_no_difference() {
    let plain = explain(&["access_denied"]).stdout;
    assert!(plain.contains("Zoho throttles"), "{plain}");
    for typed in ["Access Denied", "ACCESS_DENIED", "access-denied"] {
        assert_eq!(explain(&[typed]).stdout, plain, "{typed}");
    }
    let stopping = explain(&["urn:zoho-tokend:stopping"]);
    assert_eq!(
        (stopping.exit, stopping.stdout),
        (0, explain(&["stopping"]).stdout)
    );
}

#[test]
fn the_console_is_named_for_one_data_center_or_for_all() {
    let all = explain(&["invalid_redirect_uri"]).stdout;
    assert!(
        all.contains(
            "\nAPI consoles: us https://api-console.zoho.com, eu https://api-console.zoho.eu"
        ),
        "{all}"
    );
    let eu = explain(&["invalid_redirect_uri", "--data-center", "eu"]).stdout;
    assert!(
        eu.contains("one that https://api-console.zoho.eu lists") && !eu.contains("consoles:"),
        "{eu}"
    );
    assert_eq!(explain(&["invalid_code", "--data-center", "mars"]).exit, 64);
}

#[test]
fn without_a_code_all_are_listed() {
    let text = explain(&[]).stdout;
    for part in [
        "Zoho's token endpoint:\n  ",
        "\nZoho's API:\n  INVALID_TOKEN, ",
        "\nverdicts of `report`:\n  superseded, refreshed: ",
        "\n  invalid_code, invalid_grant, at a refresh: Zoho does not know",
        "\n  invalid_code, invalid_grant, by client credentials: ",
        "\n    do: Read the token again, and repeat the call once\n",
        "\n    if it lasts: See ",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}

#[test]
fn a_machine_gets_the_same_as_json() {
    let json = |args: &[&str]| -> Value {
        let ended = explain(args);
        assert_eq!((ended.exit, &*ended.stderr), (0, ""));
        serde_json::from_str(&ended.stdout).expect("JSON")
    };
    let one = json(&["invalid_request", "--json"]);
    let entries = one["entries"].as_array().expect("a list");
    let origins: Vec<&Value> = entries.iter().map(|entry| &entry["origin"]).collect();
    assert_eq!(origins, ["token-endpoint", "api"]);
    for key in [
        "codes",
        "origin",
        "when",
        "meaning",
        "cure",
        "cure_if_it_lasts",
    ] {
        assert!(entries[0].get(key).is_some(), "{key}");
    }
    assert!(
        json(&["--json"])["entries"]
            .as_array()
            .expect("a list")
            .len()
            > 80
    );
}

#[test]
fn an_unknown_code_is_answered_with_the_nearest_and_a_token_with_none() {
    let ended = explain(&["invalid_cod"]);
    let line =
        "zoho-tokend: explain: no code `invalid_cod` is known here; did you mean `invalid_code`?\n";
    assert_eq!(ended.failed(), (65, line));
    let ended = explain(&["1000.canary"]);
    assert_eq!(ended.exit, 65);
    assert!(!ended.stderr.contains("canary"), "{}", ended.stderr);
}
