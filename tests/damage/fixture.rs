//! Records with every field set, a folder to keep them in, and a child process to be killed.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use zoho_tokend::base::{
    Boottime, Environment, Now, OrgName, ScopeSet, Secret, SecretMark, UnixTime,
};
use zoho_tokend::edge::store::{KeySource, Sqlite, Store, StoreError};
use zoho_tokend::policy::identity::{Found, Identity, Pin, ZohoOrg};
use zoho_tokend::policy::past::{Past, Plan};
use zoho_tokend::policy::record::{
    Anchor, Cause, Change, Grant, LaneId, LaneRecord, Note, OrgRecord, Slot, Stored, Streak, Token,
    Verdict, Word,
};
use zoho_tokend::policy::root::Root;
use zoho_tokend::policy::settings::Binding;

/// Stands in every secret below, so that one search finds any of them.
pub(crate) const CANARY: &str = "1000.canary";

pub(crate) fn name(org: &str) -> OrgName {
    OrgName::parse(org).unwrap()
}

pub(crate) fn secret(text: &str) -> Arc<Secret> {
    Arc::new(Secret::new(format!("{CANARY}.{text}")))
}

pub(crate) fn anchor() -> Anchor {
    let at = Now {
        boot: Boottime(5_000),
        wall: UnixTime(1_795_306_331_000),
    };
    Anchor {
        boot_id: "5a0b-boot".into(),
        at,
        is_vouched: true,
    }
}

/// An org with nothing left out; its access token and generation tell the revision.
pub(crate) fn org(org: &str, revision: u64) -> OrgRecord {
    let binding = Binding {
        client_id: "1000.CLIENT".into(),
        data_center: "eu".into(),
        environment: Environment::Sandbox,
        scopes: ScopeSet::parse("ZohoCRM.modules.ALL,ZohoCRM.org.READ"),
        soid: None,
    };
    OrgRecord {
        org: name(org),
        revision,
        anchor: anchor(),
        grant: Some(Grant {
            binding,
            root: Root::RefreshToken(secret(&format!("refresh-{org}"))),
            client_secret: Some(secret(&format!("client-{org}"))),
            lane: LaneId(format!("{org}/2").into()),
            enrolled_at: Boottime(-77),
            is_taken_over: false,
        }),
        past: vec![Past {
            lane: LaneId(format!("{org}/1").into()),
            client_id: "1000.CLIENT".into(),
            data_center: "eu".into(),
            since: None,
            refresh_token: Some(secret(&format!("prior-{org}"))),
            client_secret: Some(secret(&format!("client-{org}"))),
            plan: Plan::Fallback { is_kept: false },
            may_be_gone: false,
        }],
        token: Some(Token {
            access_token: secret(&format!("access-{org}-{revision}")),
            generation: revision,
            started: Boottime(1),
            expires: Boottime(3_600_001),
            api_domain: "https://sandbox.zohoapis.eu".into(),
            scope: ScopeSet::parse("ZohoCRM.modules.ALL"),
            verified: true,
        }),
        generation: revision,
        verdict: Verdict {
            word: Word::Throttled,
            since: Boottime(2),
            cause: Some(Cause::new("Access Denied", "HTTP 400: too many requests")),
            failures: 3,
            until: Some(Boottime(602_000)),
            refused_secret: Some(SecretMark(7)),
        },
        streak: Streak {
            refused: Some(u64::MAX),
            successor: Some(8),
            held_until: Some(Boottime(-9)),
        },
        identity: identity(org),
    }
}

fn identity(org: &str) -> Identity {
    let zoho_org = ZohoOrg {
        id: "60012345".into(),
        record_id: Some("1234567890".into()),
        name: Some("Zylker".into()),
        environment: Some(Environment::Sandbox),
    };
    Identity {
        pinned: Some(Pin {
            org: zoho_org.clone(),
            data_center: "eu".into(),
            environment: Environment::Sandbox,
        }),
        found: Some(Found {
            org: zoho_org,
            lane: LaneId(format!("{org}/2").into()),
        }),
    }
}

pub(crate) fn lane(id: &str, slots: i64) -> LaneRecord {
    let slot = |at| Slot {
        started: Boottime(at),
        settled: Boottime(at + 9),
        lives_until: Boottime(at + 3600),
    };
    LaneRecord {
        id: LaneId(id.into()),
        client_id: "1000.CLIENT".into(),
        data_center: "eu".into(),
        anchor: anchor(),
        slots: (0..slots).map(slot).collect(),
        quiet_until: Some(Boottime(slots)),
    }
}

pub(crate) fn note(org: &str, detail: &str) -> Arc<Note> {
    let (kind, detail) = ("minted".into(), detail.into());
    Arc::new(Note {
        org: name(org),
        at_unix_ms: 1_795_306_331_000,
        kind,
        detail,
    })
}

pub(crate) fn put(record: OrgRecord) -> Change {
    Change::Org(Box::new(record))
}

/// All of it as text, secrets included: equal texts are equal states.
pub(crate) fn all_of(stored: &Stored) -> String {
    let mut text = String::new();
    for org in &stored.orgs {
        writeln!(text, "{org:?}").unwrap();
        let grant = org.grant.as_ref();
        let secrets = [
            grant.and_then(|grant| grant.root.refresh_token()),
            grant.and_then(|grant| grant.client_secret.as_ref()),
            org.token.as_ref().map(|token| &token.access_token),
        ];
        writeln!(
            text,
            "{:?}",
            secrets.map(|secret| secret.map(|secret| secret.expose()))
        )
        .unwrap();
        for past in &org.past {
            let secrets = [&past.refresh_token, &past.client_secret];
            let shown = secrets.map(|secret| secret.as_ref().map(|secret| secret.expose()));
            writeln!(text, "{shown:?}").unwrap();
        }
    }
    for lane in &stored.lanes {
        writeln!(text, "{lane:?}").unwrap();
    }
    text
}

/// A folder with a state in it, or none yet.
pub(crate) struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    pub(crate) fn new() -> Self {
        // In memory where that is possible: thousands of starts, each with its syncs.
        let memory = tempfile::tempdir_in("/dev/shm");
        Self {
            folder: memory.or_else(|_| tempfile::tempdir()).unwrap(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub(crate) fn open(&self) -> Result<Sqlite, StoreError> {
        Sqlite::open(
            &self.file("state.db"),
            &KeySource::File(self.file("seal.key")),
        )
    }

    /// What a start finds: all of the state, or why not.
    pub(crate) fn start(&self) -> Result<String, StoreError> {
        self.open()?.load().map(|stored| all_of(&stored))
    }

    /// The files of a daemon that was killed at this moment.
    pub(crate) fn copy(&self) -> Self {
        let copy = Self::new();
        copy.restore(&self.files());
        copy
    }

    pub(crate) fn files(&self) -> Files {
        let entries = fs::read_dir(self.path())
            .unwrap()
            .map(|entry| entry.unwrap());
        entries
            .map(|entry| {
                (
                    entry.file_name().into_string().unwrap(),
                    fs::read(entry.path()).unwrap(),
                )
            })
            .collect()
    }

    /// Makes the folder hold these files, private, and no others.
    pub(crate) fn restore(&self, files: &Files) {
        for entry in fs::read_dir(self.path()).unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
        for (name, bytes) in files {
            self.put(name, bytes);
        }
    }

    pub(crate) fn put(&self, name: &str, bytes: &[u8]) {
        fs::write(self.file(name), bytes).unwrap();
        chmod(&self.file(name), 0o600);
    }
}

/// A folder's files by name.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

pub(crate) fn chmod(path: &Path, mode: u32) {
    let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
    fs::set_permissions(path, mode).unwrap();
}

/// This test binary again, to run one test alone with `ROLE` set to `role`.
pub(crate) fn child(test: &str, role: &str, home: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]);
    command.env("ROLE", role).env("HOME_OF_STATE", home);
    command
}

/// The same under `strace` with these arguments; `None` where there is no strace (in CI that is a failure).
pub(crate) fn traced(strace: &[&str], child: &Command) -> Option<Command> {
    let there = Command::new("strace")
        .arg("-V")
        .output()
        .is_ok_and(|out| out.status.success());
    if !there {
        assert!(
            std::env::var_os("CI").is_none(),
            "strace is missing: apt-get install strace"
        );
        fixture_says("SKIPPED: strace is missing");
        return None;
    }
    let mut command = Command::new("strace");
    command
        .args(["-f", "-qq"])
        .args(strace)
        .arg(child.get_program())
        .args(child.get_args());
    command.envs(
        child
            .get_envs()
            .filter_map(|(key, value)| Some((key, value?))),
    );
    Some(command)
}

#[expect(clippy::print_stderr, reason = "a skipped test must be seen")]
pub(crate) fn fixture_says(text: &str) {
    eprintln!("{text}");
}

/// In a child: its role, and the home of its state.
pub(crate) fn role() -> Option<(String, PathBuf)> {
    let role = std::env::var("ROLE").ok()?;
    Some((role, std::env::var_os("HOME_OF_STATE")?.into()))
}
