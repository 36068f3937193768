//! A disk that is full: nothing is sent to Zoho that could not be written down, and readers keep what they have.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;

use zoho_tokend::stand_in::Rules;

use crate::daemon::{Daemon, program_at};
use crate::need::need_tools;
use crate::site::Site;
use crate::wait::{SOON, wait_until};

/// A daemon with a small file system of its own on this folder of the site, gone with it; `first` is a command of
/// the shell that finds the folder in `$0`.
fn on_a_small_disk(site: &Site, folder: &str, first: &str) -> Daemon {
    let folder = site.path(folder);
    fs::create_dir(&folder).expect("ours");
    let mount = "mount -t tmpfs -o size=512k,nr_inodes=64,mode=0700 none \"$0\"";
    let script = format!("{mount}; {first}; exec \"$@\"");
    let mut command = program_at("unshare".as_ref());
    command.args(["--mount", "sh", "-ec", &script]).args([
        folder.as_os_str(),
        env!("CARGO_BIN_EXE_zoho-tokend").as_ref(),
    ]);
    let config = site.path("zoho-tokend.toml");
    site.once_up(Daemon::spawn(command, &config, &site.path("log")))
}

/// A file of the site as the daemon sees it.
fn seen_by(daemon: &Daemon, site: &Site, name: &str) -> PathBuf {
    let path = site.path(name).display().to_string();
    PathBuf::from(format!("/proc/{}/root{path}", daemon.pid()))
}

/// Takes all the room that is left; the file to remove again.
fn fill(site: &Site, daemon: &Daemon) -> PathBuf {
    let path = seen_by(daemon, site, "state/filler");
    let mut file = File::create(&path).expect("room for a name");
    for size in [4096, 1] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
    path
}

/// R2, R3, R7
#[test]
fn r3_on_a_full_disk_nothing_is_sent_readers_keep_their_token_and_it_heals() {
    if !need_tools(&["root", "unshare", "mount"]) {
        return;
    }
    let site = Site::new(Rules::default(), &["acme", "beta"]);
    let mut daemon = on_a_small_disk(&site, "state", ":");
    site.enroll("acme").done();
    let token = site.token("acme");
    let before = site.zoho.stats();
    let code = site.zoho.code("beta");
    let filler = fill(&site, &daemon);

    // A write may still fit into what SQLite has allocated; soon none does.
    let mut told = String::new();
    wait_until("a refresh is refused for the disk", SOON, || {
        let ended = site.verb(&["refresh", "acme"]);
        told = ended.stderr.clone();
        ended.exit == 75 && told.contains("disk is full")
    });
    assert!(told.contains("state"), "{told}");
    let sent = site.zoho.stats().traffic.token_calls;
    let refused = site.enroll_with("beta", &code);
    assert!(refused.failed(75).contains("disk is full"), "{refused:?}");
    site.verb(&["refresh", "acme"]).failed(75);
    assert_eq!(site.zoho.stats().traffic.token_calls, sent);
    let served = site.token("acme");
    assert!(site.zoho.is_alive(&served.text));
    assert!(served.generation >= token.generation);
    let status = site.status("acme");
    assert_eq!(status["token"], "fresh");
    assert!(status["warnings"].to_string().contains("state"), "{status}");
    assert_eq!(daemon.ended(), None);

    fs::remove_file(filler).expect("ours");
    wait_until("the code is still good, and taken", SOON, || {
        site.enroll_with("beta", &code).exit == 0
    });
    wait_until("a refresh works again", SOON, || {
        site.verb(&["refresh", "acme"]).exit == 0
    });
    assert!(site.zoho.stats().traffic.token_calls > before.traffic.token_calls);
    assert_eq!(site.status("acme")["warnings"].to_string(), "[]");
}

/// R11: the files are one outlet of two, and a full /run is no reason to serve nobody.
#[test]
fn r11_without_room_for_tokens_dir_it_starts_serves_says_so_and_heals() {
    if !need_tools(&["root", "unshare", "mount"]) {
        return;
    }
    let site = Site::new(Rules::default(), &["acme"]);
    let text = site.config_text();
    site.write(
        "zoho-tokend.toml",
        &text.replace("/tokens\"", "/run/tokens\""),
    );
    let full =
        "mkdir \"$0\"/filler; n=0; while mkdir \"$0\"/filler/$n 2>/dev/null; do n=$((n+1)); done";

    let mut daemon = on_a_small_disk(&site, "run", full);

    site.enroll("acme").done();
    site.token("acme");
    let lacking = "no space or no inodes are left";
    assert!(daemon.said().contains(lacking), "{}", daemon.said());
    let warnings = site.status("acme")["warnings"].to_string();
    assert!(warnings.contains(lacking), "{warnings}");
    let failed = "deliveries_total{org=\"acme\",output=\"tokens_dir\",outcome=\"failed\"}";
    assert!(site.get("/metrics").body.contains(failed));

    fs::remove_dir_all(seen_by(&daemon, &site, "run/filler")).expect("root's");
    let file = seen_by(&daemon, &site, "run/tokens/acme/access_token");
    wait_until("the files are there", SOON, || file.exists());
    wait_until("all is well", SOON, || {
        site.status("acme")["warnings"] == serde_json::json!([])
    });
    assert_eq!(daemon.stop(), 0);
}
