//! What a demo needs around it: a folder, a stand-in of Zoho, a config, a daemon, two enrolments.

use std::fs::{self, File, Permissions};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tempfile::TempDir;

use super::super::client::{self, Request};
use super::super::failure::{Exit, Failure};
use super::super::stand_in::CLIENT;
use crate::base::{Environment, Secret};
use crate::edge::clock::SystemClock;
use crate::stand_in::{Clocks, Consent, Org, Rules, Settings, StandIn, World};

/// The demo's orgs. The last one has no person behind it: it mints by client credentials.
pub(super) const ORGS: [(&str, Environment); 3] = [
    ("acme-production", Environment::Production),
    ("acme-sandbox", Environment::Sandbox),
    BY_CLIENT,
];

const BY_CLIENT: (&str, Environment) = ("acme-credentials", Environment::Production);

const SOID: &str = "ZohoCRM.600123456";

const SCOPE: &str = "ZohoCRM.modules.ALL";

/// How long the daemon may take to listen, and to end.
const PATIENCE: Duration = Duration::from_secs(10);

/// The stage, set. Dropping it ends the daemon and removes the folder.
pub(super) struct Stage {
    folder: TempDir,
    program: PathBuf,
    socket: PathBuf,
    tokens_dir: PathBuf,
    daemon: std::cell::RefCell<Child>,
}

impl Stage {
    /// Sets everything up; what was begun is undone where that fails.
    pub(super) fn set(clock: &SystemClock) -> Result<Self, Failure> {
        let program =
            std::env::current_exe().map_err(|err| trouble("this program's path", &err))?;
        let folder = new_folder().map_err(|err| trouble("a folder for the demo", &err))?;
        let (world, addr) = start_stand_in()?;
        let by_client = home(BY_CLIENT, addr);
        let is_known = world.with(|zoho, now| zoho.add_soid(CLIENT.0, SOID, by_client, now));
        is_known.map_err(|err| Failure::bug("demo", &err.to_string()))?;
        let daemon = write_config(folder.path(), addr)
            .and_then(|config| start_daemon(&program, &config, folder.path()))
            .map_err(|err| trouble("the daemon", &err))?;
        let stage = Self {
            socket: folder.path().join("zoho-tokend.sock"),
            tokens_dir: folder.path().join("tokens"),
            program,
            folder,
            daemon: daemon.into(),
        };
        stage.await_socket(clock)?;
        for org in ORGS {
            if org == BY_CLIENT {
                stage.await_token(org.0)?;
            } else {
                stage.enroll(org, &world, addr)?;
            }
        }
        Ok(stage)
    }

    pub(super) fn socket(&self) -> &Path {
        &self.socket
    }

    pub(super) fn tokens_dir(&self) -> &Path {
        &self.tokens_dir
    }

    pub(super) fn program(&self) -> &Path {
        &self.program
    }

    /// Fails, with the daemon's last words, if it has ended.
    pub(super) fn require_daemon(&self) -> Result<(), Failure> {
        match self.daemon.borrow_mut().try_wait() {
            Ok(None) => Ok(()),
            _ => Err(self.ended()),
        }
    }

    /// Ends the daemon in order; an end that is not 0 is a failure.
    pub(super) fn strike(self, clock: &SystemClock) -> Result<(), Failure> {
        let mut daemon = self.daemon.borrow_mut();
        end(&daemon);
        let until = clock.now().boot.plus(PATIENCE);
        while clock.now().boot < until {
            match daemon.try_wait() {
                Ok(Some(status)) if status.success() => return Ok(()),
                Ok(None) => thread::sleep(Duration::from_millis(10)),
                _ => break,
            }
        }
        drop(daemon);
        Err(self.ended())
    }

    fn await_socket(&self, clock: &SystemClock) -> Result<(), Failure> {
        let until = clock.now().boot.plus(PATIENCE);
        while client::exchange(&self.socket, &Request::get("/livez"), PATIENCE).is_err() {
            self.require_daemon()?;
            if clock.now().boot >= until {
                return Err(self.ended());
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// What an operator does once per org: a code from the console, pasted into `enroll`.
    fn enroll(
        &self,
        org: (&str, Environment),
        world: &World,
        addr: SocketAddr,
    ) -> Result<(), Failure> {
        let consent = Consent::new(CLIENT.0, SCOPE, home(org, addr));
        let code = world.with(|zoho, now| zoho.grant_code(consent, now));
        let code = Secret::new(code.map_err(|err| Failure::bug("demo", &err.to_string()))?);
        let body = json!({ "kind": "code", "code": code.expose() }).to_string();
        let target = format!("/v1/orgs/{}/enrollment", org.0);
        self.ask(org.0, &Request::post(&target, body.as_bytes()))
    }

    /// Nobody enrols it: its first token comes by itself.
    fn await_token(&self, org: &str) -> Result<(), Failure> {
        let target = format!("/v1/orgs/{org}/token?wait=10s");
        self.ask(org, &Request::get(&target))
    }

    fn ask(&self, org: &str, request: &Request<'_>) -> Result<(), Failure> {
        let answer = client::ask(&self.socket, request, Duration::from_secs(30))?;
        match answer.status {
            200 => Ok(()),
            _ => Err(super::super::refusal::failure(org, &answer)),
        }
    }

    fn ended(&self) -> Failure {
        let log = fs::read_to_string(self.folder.path().join("daemon.log")).unwrap_or_default();
        let last = log.lines().last().unwrap_or("without a word");
        Failure::new(
            Exit::Unavailable,
            "demo",
            &format!("the daemon has ended: {last}"),
            "run the demo again",
        )
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let daemon = self.daemon.get_mut();
        if let Ok(None) = daemon.try_wait() {
            daemon.kill().ok();
            daemon.wait().ok();
        }
    }
}

fn trouble(what: &str, err: &io::Error) -> Failure {
    Failure::new(
        Exit::Unavailable,
        "demo",
        &format!("{what}: {err}"),
        "see that the folder for temporary files is writable ($TMPDIR)",
    )
}

/// A folder that nobody else can look into, removed when it is dropped.
fn new_folder() -> io::Result<TempDir> {
    let mut folder = tempfile::Builder::new();
    folder.prefix("zoho-tokend-demo-");
    folder.permissions(Permissions::from_mode(0o700));
    folder.tempdir_in(place(&std::env::temp_dir()))
}

/// `$TMPDIR`, unless the socket in it would have a name that is too long (108 bytes with its end, unix(7)), or the lines
/// to paste would need quotes.
fn place(temp_dir: &Path) -> &Path {
    const LENGTH_MAX: usize = 60;
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-+".contains(byte);
    let bytes = temp_dir.as_os_str().as_encoded_bytes();
    let is_fit = temp_dir.is_absolute() && bytes.len() <= LENGTH_MAX && bytes.iter().all(is_plain);
    if is_fit { temp_dir } else { Path::new("/tmp") }
}

/// Starts Zoho on a thread that lives as long as the process.
fn start_stand_in() -> Result<(World, SocketAddr), Failure> {
    let settings = Settings {
        rules: Rules {
            clocks: Clocks::SIXTY_TIMES_FASTER,
            ..Rules::default()
        },
        seed: std::process::id().into(),
        clients: vec![(CLIENT.0.to_owned(), CLIENT.1.to_owned())],
        ..Settings::default()
    };
    let (ready, listens) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let stand_in = StandIn::bind(settings).await?;
            ready.send((stand_in.world(), stand_in.addr())).ok();
            stand_in.run().await
        })
    });
    listens.recv().map_err(|_| {
        Failure::new(
            Exit::Unavailable,
            "demo",
            "the stand-in of Zoho cannot listen on loopback",
            "see that 127.0.0.1 is up",
        )
    })
}

/// The stand-in's API hosts, told apart by path.
fn api_domain(addr: SocketAddr, environment: Environment) -> String {
    match environment {
        Environment::Production => format!("http://{addr}"),
        other => format!("http://{addr}/{other}"),
    }
}

fn home((org, environment): (&str, Environment), addr: SocketAddr) -> Org {
    Org {
        id: format!("{}", 600_100_000 + org.len()),
        environment,
        api_domain: api_domain(addr, environment),
    }
}

fn write_config(folder: &Path, addr: SocketAddr) -> io::Result<PathBuf> {
    let secret = folder.join("client.secret");
    let mut options = File::options();
    let file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&secret)?;
    io::Write::write_all(&mut &file, CLIENT.1.as_bytes())?;
    let place = folder.display();
    let apis = Environment::ALL.map(|env| format!("{env} = \"{}\"", api_domain(addr, env)));
    let head = format!(
        "[daemon]\nsocket = \"{place}/zoho-tokend.sock\"\ntokens_dir = \"{place}/tokens\"\nstate = \"{place}/state.db\"\n\n\
         [refresh]\nmin_ttl = \"10s\"\n\n\
         [clients.demo]\nclient_id = \"{}\"\nclient_secret = {{ file = \"{place}/client.secret\" }}\n\n\
         [data_centers.stand-in]\naccounts_url = \"http://{addr}\"\napi_domains = {{ {} }}\n\
         limits = {{ mints = 10, window = \"10s\", live = 10 }}\n",
        CLIENT.0,
        apis.join(", ")
    );
    let orgs = ORGS.map(|(org, environment)| {
        format!(
            "\n[orgs.{org}]\nclient = \"demo\"\ndata_center = \"stand-in\"\nenvironment = \"{environment}\"\nscopes = [\"{SCOPE}\"]\n"
        )
    });
    // The last org's own.
    let by_client = format!("grant = \"client-credentials\"\nsoid = \"{SOID}\"\n");
    let text = head + &orgs.concat() + &by_client;
    let config = folder.join("zoho-tokend.toml");
    fs::write(&config, text)?;
    fs::set_permissions(&config, Permissions::from_mode(0o600))?;
    Ok(config)
}

/// The real daemon, with its log in the folder. In a group of its own: Ctrl-C is ours to pass on. The kernel ends it
/// with this thread, which must be the one that waits for the demo's end.
fn start_daemon(program: &Path, config: &Path, folder: &Path) -> io::Result<Child> {
    use std::os::unix::process::CommandExt;
    let log = File::create(folder.join("daemon.log"))?;
    Command::new(program)
        .args(["run", "--config"])
        .arg(config)
        .args(["--end-with", &std::process::id().to_string()])
        .env_remove("NOTIFY_SOCKET")
        .env_remove("LISTEN_FDS")
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
}

fn end(daemon: &Child) {
    let pid = i32::try_from(daemon.id()).ok().and_then(Pid::from_raw);
    if let Some(pid) = pid {
        kill_process(pid, Signal::TERM).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_whose_paths_could_not_be_used_or_pasted_is_not_taken() {
        assert_eq!(
            place(Path::new("/var/tmp/me.1")),
            Path::new("/var/tmp/me.1")
        );
        let long = format!("/{}", "a".repeat(80));
        for bad in [&*long, "/it's", "/a b", "/a\"b", "relative"] {
            assert_eq!(place(Path::new(bad)), Path::new("/tmp"), "{bad}");
        }
    }
}
