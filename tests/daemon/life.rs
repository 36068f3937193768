//! From a pasted grant token to a job's token, and over every kind of restart.

use std::fs;
use std::thread;
use std::time::Duration;

use serde_json::json;
use zoho_tokend::stand_in::{Fault, Instead, Rules};

use crate::daemon::Process;
use crate::http::{Line, Request};
use crate::site::Site;
use crate::wait::{SOON, wait_until};
use crate::zoho::rules;

/// Tokens of an hour and Zoho's own limits: nothing is refreshed by itself while a test runs.
fn slow() -> Rules {
    Rules::default()
}

/// A refresh every three seconds.
fn quick() -> Rules {
    rules(Duration::from_secs(6), Duration::from_secs(6))
}

#[test]
fn a_pasted_grant_token_becomes_a_token_on_the_socket_and_in_the_files() {
    let site = Site::new(slow(), &["acme"]);
    let _daemon = site.run();
    assert_eq!(site.status("acme")["grant"], "unenrolled");

    let told = site.enroll("acme");
    assert!(told.done().starts_with("acme: enrolled\n"), "{told:?}");

    let token = site.token("acme");
    assert!(site.zoho.is_alive(&token.text));
    assert_eq!(site.verb(&["get", "acme"]).done().trim_end(), token.text);
    wait_until("the files are written", SOON, || {
        site.file("acme", "access_token").is_some()
    });
    let file = |name| site.file("acme", name).expect("it was written");
    assert_eq!(file("access_token"), token.text);
    let header = format!("Authorization: Zoho-oauthtoken {}", token.text);
    assert_eq!(file("header").trim_end(), header);
    assert!(file("env").contains(&format!("ZOHO_ACCESS_TOKEN={}", token.text)));
    let json: serde_json::Value = serde_json::from_str(&file("token.json")).expect("JSON");
    assert_eq!(json["generation"], token.generation);
    assert_eq!(json["expires_at"], token.expires_at);

    let status = site.status("acme");
    assert_eq!(
        (&status["token"], &status["grant"]),
        (&json!("fresh"), &json!("ok"))
    );
    assert_eq!(status["binding"], "verified");
    // The access token that comes with the grant is used, not minted again.
    assert_eq!(site.zoho.mints("acme"), 1);
    let history = site.verb(&["history", "acme"]);
    assert!(history.done().contains("enrolled"), "{history:?}");
}

/// R12: the mint of a `refresh` is the only one, however many read.
#[test]
fn r12_a_refresh_on_demand_mints_once_and_readers_get_the_new_token() {
    let (site, _daemon) = Site::enrolled(slow(), &["acme"]);
    let old = site.token("acme");

    site.verb(&["refresh", "acme"]).done();

    let new = site.token("acme");
    assert!(new.generation > old.generation);
    assert_ne!(new.text, old.text);
    assert!(
        site.zoho.is_alive(&old.text),
        "whoever still holds it may use it up"
    );
    assert_eq!(site.zoho.mints("acme"), 2);
    wait_until("the files follow", SOON, || {
        site.file("acme", "access_token").as_ref() == Some(&new.text)
    });
}

#[test]
fn the_schedule_refreshes_by_itself_and_every_generation_is_newer() {
    let (site, _daemon) = Site::enrolled(quick(), &["acme"]);
    let mut seen = vec![site.token("acme")];
    wait_until("two refreshes", SOON, || {
        let token = site.token("acme");
        assert!(site.zoho.is_alive(&token.text));
        if seen.last() != Some(&token) {
            seen.push(token);
        }
        seen.len() == 3
    });
    assert!(
        seen.is_sorted_by(|old, new| old.generation < new.generation),
        "{seen:?}"
    );
    assert_eq!(site.zoho.mints("acme"), 3);
}

/// R8
#[test]
fn r8_twenty_restarts_half_of_them_kill_9_cost_no_mint_and_keep_the_generation() {
    let (site, mut daemon) = Site::enrolled(slow(), &["acme", "beta"]);
    let tokens = ["acme", "beta"].map(|org| site.token(org));
    let planned = site.status("acme")["next_refresh_at"].clone();
    let before = site.zoho.stats();
    for restart in 0..20 {
        match restart % 2 {
            0 => assert_eq!(daemon.stop(), 0, "{}", daemon.said()),
            _ => daemon.kill(),
        }
        daemon = site.run();
        assert_eq!(["acme", "beta"].map(|org| site.token(org)), tokens);
    }
    assert_eq!(site.status("acme")["next_refresh_at"], planned);
    assert_eq!(site.status("acme")["grant"], "ok");
    assert_eq!(site.zoho.stats(), before);
}

/// R8: /run is empty after a boot, and a package may clean it up.
#[test]
fn r8_a_start_puts_back_the_files_and_the_socket_that_are_gone_without_a_mint() {
    let (site, mut daemon) = Site::enrolled(slow(), &["acme"]);
    let token = site.token("acme");
    daemon.kill();
    fs::remove_dir_all(site.path("tokens")).expect("ours");
    fs::remove_file(site.socket()).expect("ours");

    let _daemon = site.run();

    wait_until("the files are back", SOON, || {
        site.file("acme", "access_token").as_ref() == Some(&token.text)
    });
    assert_eq!(site.token("acme"), token);
    assert_eq!(site.zoho.mints("acme"), 1);
}

/// R7
#[test]
fn r7_an_enrolment_that_was_acknowledged_survives_kill_9() {
    let site = Site::new(slow(), &["acme"]);
    let mut daemon = site.run();
    site.enroll("acme").done();
    daemon.kill();

    let _daemon = site.run();

    assert!(site.zoho.is_alive(&site.token("acme").text));
    site.verb(&["refresh", "acme"]).done();
    assert_eq!(site.zoho.mints("acme"), 2);
}

/// R3
#[test]
fn r3_an_answer_lost_after_zoho_minted_counts_as_spent_also_after_a_restart() {
    let (site, mut daemon) = Site::enrolled(slow(), &["acme"]);
    let token = site.token("acme");
    assert_eq!(site.status("acme")["mints_left"], 9);
    site.zoho.break_for("acme", 1, Fault::answer_lost());

    let refused = site.verb(&["refresh", "acme"]);

    assert!(refused.failed(75).contains("connection"), "{refused:?}");
    assert_eq!(site.zoho.counts("acme").lost, 1);
    assert_eq!(site.status("acme")["mints_left"], 8);
    assert_eq!(site.status("acme")["grant"], "retrying");
    assert_eq!(site.token("acme"), token);
    daemon.kill();
    let _daemon = site.run();
    assert_eq!(site.status("acme")["mints_left"], 8);
    assert_eq!(site.token("acme"), token);
}

/// R3
#[test]
fn r3_a_call_that_kill_9_cut_off_counts_as_spent() {
    let (site, mut daemon) = Site::enrolled(slow(), &["acme"]);
    let token = site.token("acme");
    let silent = Fault::instead(Instead::Hang).minted();
    site.zoho.break_for("acme", 1, silent);
    thread::scope(|scope| {
        let waits = scope.spawn(|| site.verb(&["refresh", "acme"]));
        wait_until("Zoho has minted", SOON, || site.zoho.mints("acme") == 2);
        daemon.kill();
        waits.join().expect("no panic").failed(75);
    });

    let _daemon = site.run();

    assert_eq!(site.status("acme")["mints_left"], 8);
    assert_eq!(site.token("acme"), token);
    assert_eq!(
        site.zoho.counts("acme").calls,
        2,
        "a restart is no second try"
    );
    site.verb(&["refresh", "acme"]).done();
    let history = site.verb(&["history", "acme"]);
    let told = history.done();
    assert!(told.contains("cut off a call to Zoho; it counts"), "{told}");
}

/// R8: a start does not ask Zoho for what it has, nor before the failed call's pace is over.
#[test]
fn r8_restarts_while_zoho_is_ill_add_no_call() {
    let (site, mut daemon) = Site::enrolled(slow(), &["acme"]);
    site.zoho.break_for("acme", None, Fault::status(503));
    site.verb(&["refresh", "acme"]).failed(75);
    let before = site.zoho.counts("acme");
    assert_eq!(daemon.stop(), 0);
    for _ in 0..5 {
        daemon = site.run();
        let status = site.status("acme");
        assert_eq!(
            (&status["token"], &status["grant"]),
            (&json!("fresh"), &json!("retrying"))
        );
        daemon.kill();
    }
    assert_eq!(site.zoho.counts("acme"), before);
}

#[test]
fn readiness_tells_the_truth_and_names_only_for_those_who_may_know() {
    let (site, _daemon) = Site::enrolled(slow(), &["acme"]);
    let ready = site.get("/readyz");
    assert_eq!(
        (ready.status, &ready.json()["status"]),
        (200, &json!("ready"))
    );
    let live = site.ask(&Request::get("/livez"));
    assert_eq!(live.json()["orgs"]["fresh"], 1);
}

/// What a newcomer can do by hand: the program alone, and `curl`.
#[test]
fn the_program_is_its_own_zoho_in_a_process_of_its_own() {
    let mut zoho = Process::start(&["stand-in", "--token-life", "60s", "--window", "10s"]);
    let ready: serde_json::Value = serde_json::from_str(&zoho.first_line()).expect("JSON");
    let url = ready["accounts_url"].as_str().expect("an address");
    let ask = |request: &Request| {
        let mut line = Line::to_url(url).expect("it listens");
        let reply = line.ask(&request.clone().with("Connection", "close"));
        reply.expect("an answer").json()
    };
    let mut site = Site::new(slow(), &[]);
    site.write("standin.secret", "stand-in-secret");
    site.config.more = format!(
        "[data_centers.own]\naccounts_url = \"{url}\"\napi_domains = {{ production = \"{url}\" }}\n\
         limits = {{ mints = 10, window = \"10s\", live = 10 }}\n\
         [clients.own]\nclient_id = \"1000.STANDIN\"\nclient_secret = {{ file = \"{}\" }}\n\
         [orgs.own]\nclient = \"own\"\ndata_center = \"own\"\nenvironment = \"production\"\n\
         grant = \"self-client\"\nscopes = [\"ZohoCRM.modules.ALL\"]\n",
        site.path("standin.secret").display()
    );
    site.write_config();
    let _daemon = site.run();
    let consent =
        r#"{"client_id":"1000.STANDIN","scope":"ZohoCRM.modules.ALL","environment":"production"}"#;
    let code = ask(&Request::post("/_/codes", consent))["code"].clone();
    site.enroll_with("own", code.as_str().expect("a code"))
        .done();
    let token = site.token("own");
    assert_eq!(
        ask(&Request::get(&format!("/_/alive?token={}", token.text)))["alive"],
        true
    );
    let api = Request::get("/crm/v8/org")
        .with("Authorization", &format!("Zoho-oauthtoken {}", token.text));
    assert!(
        ask(&api)["org"].is_array(),
        "a job's call of the API is let in"
    );
    site.verb(&["refresh", "own"]).done();
    assert_eq!(ask(&Request::get("/_/stats"))["grants"][0]["mints"], 2);
}

/// R3
#[test]
fn r3_a_refresh_that_would_push_out_a_live_token_is_refused_with_that_reason() {
    let (site, _daemon) = Site::enrolled(Rules::default(), &["acme"]);
    for _ in 0..9 {
        site.verb(&["refresh", "acme"]).done();
    }
    let refused = site.verb(&["refresh", "acme"]);
    let told = refused.failed(75);
    assert!(
        told.contains("10 tokens of this refresh token are alive"),
        "{told}"
    );
}
