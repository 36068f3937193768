//! A config file that was emptied or cut off takes nothing away by a reload.

use std::fs;

use rustix::process::Signal;
use zoho_tokend::stand_in::Rules;

use crate::daemon::{Daemon, Ended};
use crate::site::Site;
use crate::wait::{SOON, wait_until};

const CONFIG: &str = "zoho-tokend.toml";

/// A site whose orgs stand in a folder of drop-ins, the daemon's own settings in the main file.
fn with_drop_ins() -> (Site, Daemon) {
    let (site, daemon) = Site::enrolled(Rules::default(), &["acme", "beta"]);
    fs::create_dir(site.path("orgs.d")).expect("ours");
    let text = site.config_text();
    let (clients, beta) = (text.find("[clients.acme]"), text.find("[clients.beta]"));
    let (clients, beta) = (clients.expect("there"), beta.expect("there"));
    site.write("orgs.d/acme.toml", &text[clients..beta]);
    site.write("orgs.d/beta.toml", &text[beta..]);
    let main = format!("include = [\"orgs.d/*.toml\"]\n{}", &text[..clients]);
    site.write(CONFIG, &main);
    let told = site.verb(&["reload"]);
    assert_eq!(told.done(), "reloaded: nothing changed\n");
    wait_until("the files are there", SOON, || {
        site.file("acme", "header").is_some()
    });
    (site, daemon)
}

#[track_caller]
fn reload_is_refused(site: &Site) -> Ended {
    let token = site.token("acme");
    let config = site.path(CONFIG).display().to_string();
    let forecast = site.verb(&["check", "--against-running", "--config", &config]);
    assert_eq!(forecast.exit, 78, "{forecast:?}");
    let refused = site.verb(&["reload"]);
    let told = refused.failed(78);
    assert!(told.contains("the old one stays in force"), "{told}");
    assert_eq!(site.token("acme"), token);
    assert!(site.file("acme", "header").is_some());
    refused
}

#[test]
fn a_config_without_any_org_is_refused_by_a_reload_while_there_are_some() {
    let (site, daemon) = with_drop_ins();
    let main = fs::read_to_string(site.path(CONFIG)).expect("there");
    let file = site.path(CONFIG).display().to_string();
    let told = |refused: &Ended| {
        let line =
            format!("{file}:1:1: no org is left, but the running config has 2 orgs (acme, beta)");
        refused.stderr.contains(&line) && refused.stderr.contains("restart the daemon")
    };
    for stump in ["", &main[..main.find("[daemon]").expect("there")]] {
        site.write(CONFIG, stump);
        if !stump.is_empty() {
            for org in ["acme", "beta"] {
                site.write(&format!("orgs.d/{org}.toml"), "");
            }
        }
        let refused = reload_is_refused(&site);
        assert!(told(&refused), "{refused:?}");
    }
    site.write(CONFIG, &main);
    assert!(told(&reload_is_refused(&site)), "both drop-ins are empty");
    fs::remove_dir_all(site.path("orgs.d")).expect("ours");
    assert!(told(&reload_is_refused(&site)), "the folder is gone");

    daemon.signal(Signal::HUP);
    wait_until("the log tells", SOON, || {
        let said = daemon.said();
        said.contains("no org is left") && said.contains("not reloaded, 1 problem;")
    });
    site.token("acme");
}

/// A first start, or an operator who means it.
#[test]
fn a_start_takes_a_config_without_orgs_with_a_warning() {
    let (site, mut daemon) = with_drop_ins();
    fs::remove_dir_all(site.path("orgs.d")).expect("ours");
    assert_eq!(daemon.stop(), 0);
    daemon = site.run();
    assert!(daemon.said().contains("no org is configured"));
    let told = site.verb(&["reload"]);
    assert_eq!(told.done(), "reloaded: nothing changed\n");
}

#[test]
fn where_the_state_is_does_not_change_by_leaving_it_out() {
    let (site, _daemon) = with_drop_ins();
    let main = fs::read_to_string(site.path(CONFIG)).expect("there");
    let data_centers = &main[main.find("[data_centers").expect("there")..];
    let stump = format!("include = [\"orgs.d/*.toml\"]\n{data_centers}");
    site.write(CONFIG, &stump);
    let refused = reload_is_refused(&site);
    for key in ["daemon.socket", "daemon.tokens_dir", "daemon.state"] {
        assert!(refused.stderr.contains(key), "{key}: {refused:?}");
    }
    assert!(!refused.stderr.contains("daemon.seal_key"), "{refused:?}");

    // Written down, the default is a wish like another.
    let moved = format!(
        "include = [\"orgs.d/*.toml\"]\n[daemon]\nsocket = \"/run/zoho-tokend/zoho-tokend.sock\"\n\
         tokens_dir = \"\"\nstate = \"/var/lib/zoho-tokend/state.db\"\n{data_centers}"
    );
    site.write(CONFIG, &moved);
    let told = site.verb(&["reload"]);
    assert!(told.done().contains("only a restart changes"), "{told:?}");
}

/// What a reload took note of for the next start can be taken out again: the daemon never had it.
#[test]
fn a_key_that_waits_for_a_restart_can_be_taken_back() {
    let (site, _daemon) = with_drop_ins();
    let main = fs::read_to_string(site.path(CONFIG)).expect("there");
    let with_key = main.replacen(
        "[daemon]\n",
        "[daemon]\nseal_key = { credential = \"other\" }\n",
        1,
    );
    assert_ne!(with_key, main);
    let key = site.path("other.key");
    let with_key = with_key.replace(
        "{ credential = \"other\" }",
        &format!("{{ file = \"{}\" }}", key.display()),
    );
    site.write(CONFIG, &with_key);
    for _ in 0..2 {
        let told = site.verb(&["reload"]);
        assert_eq!(
            told.done(),
            "reloaded: only a restart changes daemon.seal_key\n"
        );
    }
    site.write(CONFIG, &main);
    let told = site.verb(&["reload"]);
    assert_eq!(told.done(), "reloaded: nothing changed\n");
}

#[test]
fn an_org_that_leaves_among_others_is_told_by_name() {
    let (site, daemon) = with_drop_ins();
    site.write("orgs.d/beta.toml", "");
    let told = site.verb(&["reload"]);
    assert_eq!(told.done(), "reloaded: removed beta\n");
    assert!(daemon.said().contains("no longer there: beta;"));
}
