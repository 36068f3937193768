//! A disk that is full: nothing is sent to Zoho that could not be written down, and readers keep what they have.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;

use zoho_tokend::stand_in::Rules;

use crate::daemon::{Daemon, program_at};
use crate::need::need_tools;
use crate::site::Site;
use crate::wait::{SOON, wait_until};

/// A daemon whose state is on a small file system of its own, gone with it.
fn on_a_small_disk(site: &Site) -> Daemon {
    let state = site.path("state");
    fs::create_dir(&state).expect("ours");
    let mount = "mount -t tmpfs -o size=512k,mode=0700 none \"$0\"; exec \"$@\"";
    let mut command = program_at("unshare".as_ref());
    command.args(["--mount", "sh", "-ec", mount]).args([
        state.as_os_str(),
        env!("CARGO_BIN_EXE_zoho-tokend").as_ref(),
    ]);
    let config = site.path("zoho-tokend.toml");
    site.once_up(Daemon::spawn(command, &config, &site.path("log")))
}

/// Takes all the room that is left; the file to remove again.
fn fill(site: &Site, daemon: &Daemon) -> PathBuf {
    let state = site.path("state").display().to_string();
    let path = PathBuf::from(format!("/proc/{}/root{state}/filler", daemon.pid()));
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
    let mut daemon = on_a_small_disk(&site);
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
