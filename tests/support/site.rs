//! A host as an operator has set it up: a config, a state, and a Zoho to talk to.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use zoho_tokend::stand_in::Rules;

use crate::daemon::{Daemon, Ended, program};
use crate::http::{Line, Reply, Request};
use crate::wait::{SOON, wait_until};
use crate::zoho::{SCOPE, Zoho, client_id, client_secret};

/// What a test changes of the config; the rest follows from the site.
#[derive(Debug, Clone, Default)]
pub(crate) struct Config {
    /// More lines of `[daemon]`.
    pub(crate) daemon: String,
    /// More lines of `[data_centers.lab]`.
    pub(crate) data_center: String,
    /// Lines of `[refresh]`.
    pub(crate) refresh: String,
    /// More lines of `[orgs.NAME]`, by name. A key that is there takes the place of the usual one.
    pub(crate) orgs: BTreeMap<String, String>,
    /// Orgs whose client has no secret in the config.
    pub(crate) secretless: Vec<String>,
    /// Where the client of an org is sent back to, by the org's name.
    pub(crate) redirect_uris: BTreeMap<String, String>,
    /// Whether the limits are Zoho's own although the stand-in's clocks run faster.
    pub(crate) unscaled: bool,
    /// Sections of its own.
    pub(crate) more: String,
}

/// Gone with this value.
pub(crate) struct Site {
    folder: TempDir,
    pub(crate) zoho: Zoho,
    pub(crate) config: Config,
}

impl Site {
    /// A site with these orgs, and a client of its own for each.
    pub(crate) fn new(rules: Rules, orgs: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        // Every user may walk through, as through /run.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o711)).expect("ours");
        let orgs_of_config = orgs.iter().map(|org| ((*org).to_owned(), String::new()));
        let site = Self {
            zoho: Zoho::start(rules, orgs),
            config: Config {
                orgs: orgs_of_config.collect(),
                ..Config::default()
            },
            folder,
        };
        for org in orgs {
            site.write_secret(org);
        }
        site.write_config();
        site
    }

    /// A site with a daemon that has a token of every org.
    pub(crate) fn enrolled(rules: Rules, orgs: &[&str]) -> (Self, Daemon) {
        let site = Self::new(rules, orgs);
        let daemon = site.run();
        for org in orgs {
            site.enroll(org).done();
        }
        (site, daemon)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.path("socket")
    }

    /// A file of an org in `tokens_dir`, read at once; `None` where it is not there.
    pub(crate) fn file(&self, org: &str, name: &str) -> Option<String> {
        fs::read_to_string(self.path("tokens").join(org).join(name)).ok()
    }

    /// Writes the config as it stands now.
    pub(crate) fn write_config(&self) {
        self.write("zoho-tokend.toml", &self.config_text());
    }

    /// Lets these users read the token of `org`, in place of those who might.
    pub(crate) fn let_read(&mut self, org: &str, users: &[u32]) {
        let readers = format!("readers = {{ users = {users:?}, groups = [] }}");
        self.config.orgs.insert(org.into(), readers);
        self.write_config();
    }

    /// Makes the client of `org` a web-based one, in the config and at Zoho.
    pub(crate) fn let_return(&mut self, org: &str, uri: &str) {
        self.config.redirect_uris.insert(org.into(), uri.into());
        let registered = self
            .zoho
            .world
            .with(|zoho, _| zoho.add_redirect_uri(&client_id(org), uri));
        registered.expect("its client is there");
    }

    /// Writes a file of the site, for its owner alone.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::write(&path, text).expect("the folder is ours");
        fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("ours");
    }

    fn write_secret(&self, org: &str) {
        self.write(&format!("{org}.secret"), &client_secret(org));
    }

    pub(crate) fn config_text(&self) -> String {
        let folder = self.folder.path().display();
        let mut text = format!(
            "[daemon]\nsocket = \"{folder}/socket\"\ntokens_dir = \"{folder}/tokens\"\n\
             state = \"{folder}/state/state.db\"\n{}\n\n[refresh]\n{}\n\n",
            self.config.daemon, self.config.refresh
        );
        text.push_str(&self.data_center());
        for (org, lines) in &self.config.orgs {
            text.push_str(&self.client(org));
            text.push_str(&org_section(org, lines));
        }
        text.push_str(&self.config.more);
        text
    }

    fn data_center(&self) -> String {
        let (url, rules) = (self.zoho.url(), &self.zoho.rules);
        let limits = format!(
            "limits = {{ mints = {}, window = \"{}ms\", live = {} }}\n",
            rules.mints_max,
            rules.clocks.window.as_millis(),
            rules.live_max
        );
        let limits = Some(limits).filter(|_| !self.config.unscaled);
        format!(
            "[data_centers.lab]\naccounts_url = \"{url}\"\napi_domains = {{ production = \"{url}\", \
             sandbox = \"{url}/sandbox\", developer = \"{url}/developer\" }}\n{}\n{}\n",
            self.config.data_center,
            limits.unwrap_or_default()
        )
    }

    fn client(&self, org: &str) -> String {
        let path = self.path(&format!("{org}.secret"));
        let secret = format!("client_secret = {{ file = \"{}\" }}\n", path.display());
        let is_secretless = self.config.secretless.iter().any(|own| own == org);
        let secret = Some(secret).filter(|_| !is_secretless);
        let redirect_uri = self.config.redirect_uris.get(org);
        let redirect_uri = redirect_uri.map(|uri| format!("redirect_uri = \"{uri}\"\n"));
        let id = client_id(org);
        format!(
            "[clients.{org}]\nclient_id = \"{id}\"\n{}{}\n",
            secret.unwrap_or_default(),
            redirect_uri.unwrap_or_default()
        )
    }

    /// Starts the daemon; it answers when this returns.
    #[track_caller]
    pub(crate) fn run(&self) -> Daemon {
        self.once_up(self.start())
    }

    /// Waits until a daemon that was started answers.
    #[track_caller]
    pub(crate) fn once_up(&self, mut daemon: Daemon) -> Daemon {
        wait_until("the daemon answers", SOON, || {
            assert_eq!(daemon.ended(), None, "{}", daemon.said());
            let live = self.try_ask(&Request::get("/livez"));
            live.is_ok_and(|reply| reply.status == 200)
        });
        daemon
    }

    /// Starts the daemon, which may refuse to.
    pub(crate) fn start(&self) -> Daemon {
        Daemon::spawn(program(), &self.path("zoho-tokend.toml"), &self.path("log"))
    }

    /// Runs `run` to its end, which must come by itself.
    #[track_caller]
    pub(crate) fn run_to_end(&self) -> Ended {
        let log = self.path("log-of-run");
        let mut daemon = Daemon::spawn(program(), &self.path("zoho-tokend.toml"), &log);
        let exit = daemon.exit_code(SOON);
        let stderr = daemon.said();
        fs::remove_file(log).expect("it was just written");
        Ended {
            exit,
            stdout: String::new(),
            stderr,
        }
    }

    /// Runs a verb that talks to the daemon.
    pub(crate) fn verb(&self, args: &[&str]) -> Ended {
        self.verb_with(args, "")
    }

    /// The same with something on its standard input.
    pub(crate) fn verb_with(&self, args: &[&str], stdin: &str) -> Ended {
        let mut child = program()
            .args(args)
            .arg("--socket")
            .arg(self.socket())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let mut pipe = child.stdin.take().expect("it was piped");
        // A verb that reads no input may have ended already.
        drop(pipe.write_all(stdin.as_bytes()));
        drop(pipe);
        child.wait_with_output().expect("ours").into()
    }

    /// Enrolls `org` with a fresh grant token.
    pub(crate) fn enroll(&self, org: &str) -> Ended {
        self.enroll_with(org, &self.zoho.code(org))
    }

    pub(crate) fn enroll_with(&self, org: &str, code: &str) -> Ended {
        self.verb_with(&["enroll", org], code)
    }

    pub(crate) fn try_ask(&self, request: &Request) -> std::io::Result<Reply> {
        ask(&self.socket(), request)
    }

    /// Asks the socket; panics where there is no answer.
    #[track_caller]
    pub(crate) fn ask(&self, request: &Request) -> Reply {
        let reply = self.try_ask(request);
        reply.unwrap_or_else(|err| unreachable!("{request:?}: {err}"))
    }

    #[track_caller]
    pub(crate) fn get(&self, target: &str) -> Reply {
        self.ask(&Request::get(target))
    }

    /// The answer of `GET …/token`, which must be 200.
    #[track_caller]
    pub(crate) fn token(&self, org: &str) -> Token {
        let reply = self.get(&format!("/v1/orgs/{org}/token"));
        assert_eq!(reply.status, 200, "{reply:?}");
        Token::of(&reply.json())
    }

    #[track_caller]
    pub(crate) fn status(&self, org: &str) -> Value {
        let reply = self.get(&format!("/v1/orgs/{org}"));
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json()
    }

    /// The program where every user can run it: the folder of a build is its owner's.
    pub(crate) fn program_for_all(&self) -> PathBuf {
        let path = self.path("zoho-tokend");
        fs::copy(env!("CARGO_BIN_EXE_zoho-tokend"), &path).expect("room");
        fs::set_permissions(&path, Permissions::from_mode(0o755)).expect("ours");
        path
    }

    /// Makes `uid` the owner of all that is here: whom a daemon without privilege runs as.
    pub(crate) fn give_to(&self, uid: u32) {
        for entry in fs::read_dir(self.folder()).expect("ours") {
            let path = entry.expect("readable").path();
            chown(path, Some(uid), Some(uid)).expect("root may");
        }
        chown(self.folder(), Some(uid), Some(uid)).expect("root may");
    }

    /// How many are connected to the daemon's socket.
    pub(crate) fn readers(&self) -> usize {
        let sockets = fs::read_to_string("/proc/net/unix").expect("Linux has it");
        let own = self.socket().display().to_string();
        let ends = sockets.lines().filter(|line| line.ends_with(&own));
        // All but the one that listens.
        ends.count().saturating_sub(1)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// A key that `lines` has takes the place of the usual one.
fn org_section(org: &str, lines: &str) -> String {
    let usual = [
        ("client", format!("\"{org}\"")),
        ("data_center", "\"lab\"".to_owned()),
        ("environment", "\"production\"".to_owned()),
        ("grant", "\"self-client\"".to_owned()),
        ("scopes", format!("[\"{SCOPE}\"]")),
    ];
    let has = |key: &str| {
        lines
            .lines()
            .any(|line| line.split(' ').next() == Some(key))
    };
    // Before `lines`, which may begin a table of their own.
    let mut section = format!("[orgs.{org}]\n");
    for (key, value) in usual.iter().filter(|(key, _)| !has(key)) {
        section.extend([key, " = ", value, "\n"]);
    }
    section + lines + "\n\n"
}

/// Asks the daemon behind `socket` once.
pub(crate) fn ask(socket: &Path, request: &Request) -> std::io::Result<Reply> {
    Line::to(socket)?.ask(&request.clone().with("Connection", "close"))
}

/// What a reader keeps of an answer.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) generation: u64,
    pub(crate) expires_at: String,
}

/// Each run of the daemon reads its two clocks once for the difference, so that an end may fall into the next second.
impl PartialEq for Token {
    fn eq(&self, other: &Self) -> bool {
        let end = |token: &Self| humantime::parse_rfc3339(&token.expires_at).expect("a time");
        let (own, its) = (end(self), end(other));
        let apart = own.duration_since(its).or_else(|_| its.duration_since(own));
        let is_one = self.text == other.text && self.generation == other.generation;
        is_one && apart.is_ok_and(|apart| apart <= Duration::from_secs(1))
    }
}

impl Token {
    #[track_caller]
    pub(crate) fn of(answer: &Value) -> Self {
        let text = |key: &str| answer[key].as_str().map(str::to_owned);
        Self {
            text: text("access_token").expect("an access_token"),
            generation: answer["generation"].as_u64().expect("a generation"),
            expires_at: text("expires_at").expect("an expires_at"),
        }
    }
}
