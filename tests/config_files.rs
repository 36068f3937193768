//! The files of a config on a real disk: what is missing, loose, too large or not what it seems, all named at once.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use zoho_tokend::cli::check::{CheckReport, check_for};
use zoho_tokend::config::Problem;
use zoho_tokend::edge::actor::Actor;
use zoho_tokend::edge::config_files;
use zoho_tokend::edge::credentials::Credentials;

const ORG: &str = "[orgs.acme]\nclient = \"warehouse\"\ndata_center = \"eu\"\nenvironment = \"production\"\n\
                   scopes = [\"ZohoCRM.modules.ALL\"]\n";
const CLIENT: &str = "[clients.warehouse]\nclient_id = \"1000.A\"\n";

/// A folder of a test's own.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn file(&self, name: &str, text: impl AsRef<[u8]>, mode: u32) -> PathBuf {
        let path = self.path(name);
        let folder = path.parent().expect("inside the folder");
        fs::create_dir_all(folder).expect("our own folder");
        fs::write(&path, text).expect("our own file");
        set_mode(&path, mode);
        path
    }

    /// A config that keeps all that it writes in this folder.
    fn config(&self, rest: &str) -> PathBuf {
        let at = self.0.path().display();
        let daemon = format!(
            "[daemon]\nsocket = \"{at}/sock\"\ntokens_dir = \"{at}/tokens\"\nstate = \"{at}/state.db\"\n"
        );
        let rest = rest.replace("$DIR", &at.to_string());
        let (top, rest) = rest.split_once("---\n").unwrap_or(("", &rest));
        self.file("z.toml", format!("{top}{daemon}{rest}"), 0o644)
    }

    /// `z.toml:1:1: …`, without the folder.
    fn shown(&self, problems: &[Problem]) -> Vec<String> {
        let at = format!("{}/", self.0.path().display());
        let lines = problems.iter().map(ToString::to_string);
        lines.map(|line| line.replace(&at, "")).collect()
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("our own file");
}

fn load(path: &Path) -> Result<config_files::Loaded, Vec<Problem>> {
    config_files::load(path, &Credentials::none())
}

fn check(path: &Path) -> CheckReport {
    check_for(&Actor::own(), path, &Credentials::none())
}

#[test]
fn a_config_that_is_not_there_says_where_to_get_one() {
    let folder = Folder::new();
    let problems = load(&folder.path("z.toml")).expect_err("nothing is there");
    assert_eq!(
        folder.shown(&problems),
        [
            "z.toml:1:1: z.toml is not there; copy config/minimal.toml there, or name another with --config"
        ]
    );
}

#[test]
fn a_config_that_everyone_can_change_is_refused() {
    let folder = Folder::new();
    let path = folder.config(&format!("{CLIENT}{ORG}"));
    assert!(load(&path).is_ok());
    set_mode(&path, 0o646);
    let shown = folder.shown(&load(&path).expect_err("loose"));
    assert!(
        shown[0].contains("every user can change this file; run chmod o-w"),
        "{shown:?}"
    );
}

#[test]
fn a_folder_where_everyone_can_put_drop_ins_is_refused() {
    let folder = Folder::new();
    folder.file("orgs.d/acme.toml", ORG, 0o644);
    let path = folder.config(&format!("include = [\"orgs.d/*.toml\"]\n---\n{CLIENT}"));
    assert_eq!(load(&path).expect("a good config").config.orgs.len(), 1);
    set_mode(&folder.path("orgs.d"), 0o757);
    let shown = folder.shown(&load(&path).expect_err("loose"));
    assert!(shown[0].contains("chmod o-w orgs.d"), "{shown:?}");
}

#[test]
fn s5_a_drop_in_that_is_no_file_or_too_large_is_named_and_stalls_nothing() {
    let folder = Folder::new();
    folder.file("orgs.d/large.toml", vec![b'#'; 1024 * 1024 + 1], 0o644);
    let pipe = folder.path("orgs.d/pipe.toml");
    let (fifo, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR);
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, fifo, mode, 0).expect("a pipe");
    let path = folder.config("include = [\"orgs.d/*.toml\"]\n---\n[refresh]\nat = 0.9\n");
    let shown = folder.shown(&load(&path).expect_err("two bad files and a bad value"));
    assert_eq!(
        shown,
        [
            "orgs.d/large.toml:1:1: orgs.d/large.toml is larger than 1048576 bytes; correct the path",
            "orgs.d/pipe.toml:1:1: orgs.d/pipe.toml is no regular file; correct the path",
            "z.toml:7:6: `at` is 0.9; it must be 0.2 to 0.7, a part of the token's life",
        ]
    );
}

#[test]
fn s1_bad_secrets_are_named_with_the_rest_and_none_is_shown() {
    let folder = Folder::new();
    folder.file("loose", "canary", 0o644);
    folder.file("empty", "\n", 0o600);
    folder.file("good", "canary\n", 0o600);
    let client = |name: &str, secret: &str| {
        format!("[clients.{name}]\nclient_id = \"1000.A\"\nclient_secret = {{ {secret} }}\n")
    };
    let clients = [
        client("a", "file = \"$DIR/loose\""),
        client("b", "file = \"$DIR/empty\""),
        client("c", "file = \"$DIR/missing\""),
        client("d", "credential = \"d\""),
        client("warehouse", "file = \"$DIR/good\""),
    ];
    let path = folder.config(&format!("{}{ORG}colour = 1\n", clients.concat()));
    let shown = folder.shown(&load(&path).expect_err("four bad secrets and an unknown key"));
    let wanted = [
        "z.toml:7:17: `client_secret` is in loose, which others can read or change (mode 0644); chmod 0600 it",
        "z.toml:10:17: `client_secret` is in empty, which holds no single line of text; write",
        "z.toml:13:17: `client_secret` is in missing, which is not there; write the secret there",
        "z.toml:16:17: `client_secret` is the credential d, which systemd did not pass; put",
        "z.toml:25:1: unknown key `colour`; ",
    ];
    assert_eq!(shown.len(), wanted.len(), "{shown:#?}");
    for (is, wanted) in shown.iter().zip(wanted) {
        assert!(is.starts_with(wanted) && !is.contains("canary"), "{is}");
    }
}

#[test]
fn a_good_config_brings_its_secrets_and_certificates() {
    let folder = Folder::new();
    folder.file("passed/warehouse", "abc\n", 0o644);
    folder.file("ca.pem", "-----BEGIN CERTIFICATE-----\n", 0o644);
    let path = folder.config(&format!(
        "ca_file = \"$DIR/ca.pem\"\n{CLIENT}client_secret = {{ credential = \"warehouse\" }}\n{ORG}"
    ));
    let credentials = Credentials::in_folder(&folder.path("passed"));
    let loaded = config_files::load(&path, &credentials).expect("a good config");
    assert_eq!(loaded.secrets["warehouse"].expose(), "abc");
    assert!(loaded.ca_pem.is_some());
    assert!(loaded.warnings.is_empty());
}

#[test]
fn a_ca_file_without_a_certificate_is_refused() {
    let folder = Folder::new();
    folder.file("ca.pem", "canary", 0o644);
    let path = folder.config(&format!("ca_file = \"$DIR/ca.pem\"\n{CLIENT}{ORG}"));
    let shown = folder.shown(&load(&path).expect_err("no certificate"));
    assert_eq!(
        shown,
        ["z.toml:5:11: `ca_file` is ca.pem, which holds no certificate in PEM; correct the path"]
    );
    assert_eq!(folder.shown(&check(&path).problems), shown);
}

#[test]
fn check_names_what_is_not_on_this_machine_and_load_starts_without_it() {
    let folder = Folder::new();
    let outputs = "readers = { users = [\"no-such-user\", 4711], groups = [\"no-such-group\"] }\n\
                   [[orgs.acme.outputs]]\npath = \"$DIR/no/out\"\nformat = \"token\"\ngroup = \"no-such-group\"\n\
                   [[orgs.acme.outputs]]\npath = \"$DIR\"\nformat = \"token\"\n";
    let path = folder.config(&format!("{CLIENT}{ORG}{outputs}"));
    assert!(
        load(&path).is_ok(),
        "a directory server that is down must stop no org"
    );
    let report = check(&path);
    assert!(!report.is_good());
    let shown = folder.shown(&report.problems);
    let wanted = [
        "z.toml:12:22: `users` names user no-such-user, which does not exist; make it",
        "z.toml:12:55: `groups` names group no-such-group, which does not exist; make it",
        "z.toml:14:8: `path` is in no, which is not there; make it, writable by",
        "z.toml:16:9: `group` names group no-such-group, which does not exist; make it",
        "z.toml:18:8: `path` is a folder; name a file in it",
    ];
    assert_eq!(shown.len(), wanted.len(), "{shown:#?}");
    for (is, wanted) in shown.iter().zip(wanted) {
        let is = is.replace(&folder.0.path().display().to_string(), "");
        assert!(is.starts_with(wanted), "{is}");
    }
}

#[test]
fn check_prints_the_drop_in_that_outputs_need() {
    let folder = Folder::new();
    let output = "[[orgs.acme.outputs]]\npath = \"$DIR/out\"\nformat = \"token\"\ngroup = 4711\n";
    // A group that it has already needs no line.
    let gid = rustix::process::getegid().as_raw();
    let of_our_group = output
        .replace("4711", &gid.to_string())
        .replace("/out\"", "/own\"");
    let output = output.to_owned() + &of_our_group;
    let path = folder.config(&format!("{CLIENT}{ORG}{output}"));
    let report = check(&path).to_string();
    let at = folder.0.path().display();
    assert!(report.contains(&format!(
        "[Service]\nPrivateTmp=no\nReadWritePaths={at}\nSupplementaryGroups=4711\n"
    )));
    assert!(
        report.ends_with("config good: 1 org, 1 client\n"),
        "{report}"
    );
}

/// Who pastes what `check` says must not give the daemon all of a host.
#[test]
fn check_gives_no_folder_of_the_systems_away() {
    let folder = Folder::new();
    folder.file("secret", "", 0o600);
    let output = "[[orgs.acme.outputs]]\npath = \"/etc/zoho.header\"\nformat = \"header\"\n";
    let path = folder.config(&format!(
        "include = [\"secret\"]\n---\n{CLIENT}{ORG}{output}"
    ));
    let socket = folder.path("sock").display().to_string();
    let text = fs::read_to_string(&path).expect("ours");
    fs::write(&path, text.replace(&socket, "/run/x.sock")).expect("ours");
    let nobody = Actor::named("nobody").expect("every Linux has one");
    let report = check_for(&nobody, &path, &Credentials::none());
    let shown = folder.shown(&report.problems).join("\n");
    for wanted in [
        "`socket` needs /run for the daemon's own, and that is the system's; name one of its own, such as /run/zoho-tokend",
        "`path` is in /etc, and that is the system's; name a folder of its own, such as /srv/nobody",
        "secret:1:1: nobody may not read this file, which is no config by its name; name .toml files",
    ] {
        assert!(shown.contains(wanted), "{wanted}: {shown}");
    }
    assert!(
        !report.to_string().contains("ReadWritePaths=/etc"),
        "{report}"
    );
}

#[test]
fn check_warns_of_the_examples_own_client_id() {
    let folder = Folder::new();
    let own = CLIENT.replace("1000.A", "1000.REPLACE.WITH.YOURS");
    let path = folder.config(&format!("{own}{ORG}"));
    let report = check(&path);
    let shown = folder.shown(&report.problems).join("\n");
    assert!(
        report.is_good() && shown.contains("warning: `client_id` is the example's"),
        "{shown}"
    );
}

#[test]
fn check_judges_for_the_user_that_the_daemon_will_be() {
    let folder = Folder::new();
    folder.file("warehouse.secret", "abc\n", 0o600);
    folder.file("ca.pem", "-----BEGIN CERTIFICATE-----\n", 0o600);
    folder.file("seal.key", "0f".repeat(32) + "\n", 0o600);
    let secret = "client_secret = { file = \"$DIR/warehouse.secret\" }\n";
    let path = folder.config(&format!("ca_file = \"$DIR/ca.pem\"\n{CLIENT}{secret}{ORG}"));
    folder.file("state.db", "", 0o600);
    set_mode(folder.0.path(), 0o700);
    let nobody = Actor::named("nobody").expect("every Linux has one");
    let report = check_for(&nobody, &path, &Credentials::none());
    let shown = folder.shown(&report.problems);
    for wanted in [
        "z.toml:1:1: nobody may not read this file; run chmod a+r",
        "z.toml:2:10: `socket` needs ",
        "z.toml:3:14: `tokens_dir` needs ",
        "z.toml:4:9: `state` is state.db, which nobody may not change; chown it to nobody",
        "z.toml:5:11: `ca_file` is ca.pem, which nobody may not read; chown it to nobody",
        "z.toml:8:17: `client_secret` is warehouse.secret, which nobody may not read; chown it to nobody",
        "z.toml:1:1: `seal_key` is seal.key, which nobody may not read; chown it to nobody",
    ] {
        assert!(
            shown.iter().any(|is| is.starts_with(wanted)),
            "{wanted}: {shown:#?}"
        );
    }
    let folders = shown.iter().filter(|is| is.contains("` needs "));
    assert_eq!(folders.count(), 2, "each folder once: {shown:#?}");
}

#[test]
fn check_names_a_seal_key_that_others_can_read() {
    let folder = Folder::new();
    folder.file("seal.key", "canary", 0o604);
    let path = folder.config(&format!("{CLIENT}{ORG}"));
    let report = check(&path);
    let shown = folder.shown(&report.problems);
    assert!(
        shown[0].starts_with(
            "z.toml:1:1: `seal_key` seal.key: mode 0604 lets others read or change this key"
        ),
        "{shown:?}"
    );
    assert!(report.to_string().ends_with("config bad: 1 problem\n"));
}

#[test]
fn check_names_an_output_over_a_file_that_holds_no_token() {
    let folder = Folder::new();
    folder.file("passwd", "root:x:0:0:root:/root:/bin/sh\n", 0o644);
    let output = "[[orgs.acme.outputs]]\npath = \"$DIR/passwd\"\nformat = \"token\"\n";
    let path = folder.config(&format!("{CLIENT}{ORG}{output}"));
    let shown = folder.shown(&check(&path).problems);
    let wanted = "`path` cannot be used: passwd is there already and holds no token; move it away";
    assert!(shown.iter().any(|line| line.contains(wanted)), "{shown:?}");
}
