//! Files whose place in the config went while the daemon was stopped: its own go at the next start, and no others.

use std::fs;
use std::path::{Path, PathBuf};

use zoho_tokend::stand_in::Rules;

use crate::daemon::Daemon;
use crate::site::Site;
use crate::wait::{SOON, wait_until};

fn lines(path: &Path) -> String {
    let path = path.display();
    format!("[[orgs.acme.outputs]]\npath = \"{path}\"\nformat = \"token\"\n")
}

/// Two orgs with a token in all that they have: an output each in a folder of its own, and `tokens_dir`.
fn with_outputs() -> (Site, Daemon, [PathBuf; 2]) {
    let mut site = Site::new(Rules::default(), &["acme", "beta"]);
    let paths = ["acme", "beta"].map(|org| {
        let folder = site.path(&format!("of-{org}"));
        fs::create_dir(&folder).expect("ours");
        let path = folder.join("zoho");
        let text = lines(&path).replace("acme", org);
        site.config.orgs.insert(org.to_owned(), text);
        path
    });
    site.write_config();
    let daemon = site.run();
    for org in ["acme", "beta"] {
        site.enroll(org).done();
    }
    wait_until("the files are there", SOON, || {
        paths.iter().all(|path| path.exists()) && site.file("beta", "header").is_some()
    });
    (site, daemon, paths)
}

/// Takes the output of one org out of the config, and the whole of the other.
fn drop_both(site: &mut Site) {
    site.config.orgs.remove("beta");
    site.config.orgs.insert("acme".into(), String::new());
    site.write_config();
}

fn names_in(folder: Option<&Path>) -> Vec<String> {
    let entries = fs::read_dir(folder.expect("a folder")).expect("there");
    entries
        .map(|entry| entry.expect("readable").file_name())
        .map(|name| name.to_string_lossy().into_owned())
        .collect()
}

#[test]
fn files_of_outputs_and_orgs_that_left_the_config_while_it_was_stopped_go_at_the_start() {
    let (mut site, mut daemon, paths) = with_outputs();
    daemon.kill();
    // As if the kill had come while a file was made.
    fs::write(paths[0].with_file_name(".zoho.zoho-tokend"), "half").expect("ours");
    drop_both(&mut site);

    let mut daemon = site.run();

    wait_until("all of both is gone", SOON, || {
        paths.iter().all(|path| names_in(path.parent()).is_empty())
    });
    wait_until("so are the token files", SOON, || {
        !site.path("tokens/beta").exists()
    });
    assert!(site.file("acme", "header").is_some());
    // What has been removed once is a person's from then on.
    fs::write(&paths[0], "mine").expect("ours");
    assert_eq!(daemon.stop(), 0);
    let _daemon = site.run();
    site.token("acme");
    assert_eq!(fs::read(&paths[0]).expect("kept"), b"mine");
}

#[test]
fn a_file_that_a_person_replaced_or_changed_is_left_alone() {
    let (mut site, mut daemon, paths) = with_outputs();
    assert_eq!(daemon.stop(), 0);
    fs::remove_file(&paths[0]).expect("ours");
    fs::write(&paths[0], "mine").expect("ours");
    fs::write(&paths[1], "mine too").expect("ours");
    drop_both(&mut site);

    let daemon = site.run();

    for path in &paths {
        let told = format!("output {} is not the file that", path.display());
        wait_until("that is told", SOON, || daemon.said().contains(&told));
        assert!(path.exists());
    }
}

#[test]
fn an_output_that_is_still_configured_keeps_its_file_over_a_restart() {
    let (site, mut daemon, paths) = with_outputs();
    let before = fs::read(&paths[0]).expect("there");
    assert_eq!(daemon.stop(), 0);
    let _daemon = site.run();
    assert_eq!(site.token("acme").text.as_bytes(), before);
    assert_eq!(fs::read(&paths[0]).expect("still there"), before);
}
