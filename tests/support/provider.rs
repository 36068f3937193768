//! The authorization server that is not ours, npm oidc-provider, in a process of its own.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use zoho_tokend::stand_in::Rules;

use crate::http::{Line, Reply, Request};
use crate::need::need_tools;
use crate::site::Site;

/// Where the tokens of a [`Provider::site`] are used; the server itself names none.
pub(crate) const API: &str = "https://api.lab.example";

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oauth");

/// Whether a real browser can be driven through its pages here; skipped loudly where not, and a failure in CI.
pub(crate) fn need_browser() -> bool {
    if !need_tools(&["node", "npm", "chromium"]) {
        return false;
    }
    install();
    true
}

/// Whether it can run here; skipped loudly where not, and a failure in CI.
pub(crate) fn need_provider() -> bool {
    if !need_tools(&["node", "npm"]) {
        return false;
    }
    install();
    true
}

/// What `package-lock.json` names, once for all tests of this process and all processes of this machine.
fn install() {
    let script = "exec 9>\"$0\"; flock 9; test -d node_modules/oidc-provider -a -d node_modules/playwright-core || npm ci --no-audit --no-fund";
    let lock = concat!(env!("CARGO_TARGET_TMPDIR"), "/npm-ci.lock");
    let installed = Command::new("sh")
        .args(["-ec", script, lock])
        .current_dir(FOLDER)
        .output();
    let installed = installed.expect("a shell");
    assert!(installed.status.success(), "npm ci: {installed:?}");
}

/// Drives a real browser (chromium) through the pages at `address` and tells where it ended.
///
/// `choice`: `accept`, or `cancel` where the consent page asks. With `LOGIN_SHOTS` in the environment, pictures of the
/// pages go to that folder, their names beginning with `name`.
pub(crate) fn browse(address: &str, choice: &str, name: &str) -> Value {
    let mut child = Command::new("node")
        .arg(Path::new(FOLDER).join("browse.mjs"))
        .args([choice, name])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node runs");
    // Not as an argument, which every user of the host could read.
    let mut stdin = child.stdin.take().expect("it was piped");
    std::io::Write::write_all(&mut stdin, address.as_bytes()).expect("it listens");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "browse.mjs: {output:?}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Gone with this value.
pub(crate) struct Provider {
    child: Child,
    ready: Value,
}

impl Provider {
    pub(crate) fn start(rotates: bool, token_life_s: u32) -> Self {
        let rotate = if rotates { "1" } else { "0" };
        Self::with(&[("ROTATE", rotate), ("AT_TTL", &token_life_s.to_string())])
    }

    /// One with a login and a consent page, which demands PKCE.
    pub(crate) fn with_pages(redirect_uri: &str) -> Self {
        Self::with(&[("REDIRECT_URI", redirect_uri)])
    }

    /// A site with one org, `remote`, whose accounts server is `url`, this server or a way to it; the next two are more
    /// lines of its data center and of its client.
    pub(crate) fn site(&self, url: &str, data_center: &str, client: &str, grant: &str) -> Site {
        let mut site = Site::new(Rules::default(), &[]);
        site.write("sync.secret", self.says("client_secret"));
        site.config.more = format!(
            "[data_centers.remote]\naccounts_url = \"{url}\"\ntoken_url = \"{url}/token\"\n\
             revoke_url = \"{url}/token/revocation\"\napi_domains = {{ production = \"{API}\" }}\n{data_center}\n\
             [clients.sync]\nclient_id = \"{}\"\nclient_secret = {{ file = \"{}\" }}\n{client}\n\
             [orgs.remote]\nclient = \"sync\"\ndata_center = \"remote\"\nenvironment = \"production\"\n\
             grant = \"{grant}\"\nscopes = [\"{}\"]\n",
            self.says("client_id"),
            site.path("sync.secret").display(),
            self.says("scope"),
        );
        site.write_config();
        site
    }

    fn with(settings: &[(&str, &str)]) -> Self {
        let mut child = Command::new("node")
            .arg(Path::new(FOLDER).join("provider.mjs"))
            .env("PORT", "0")
            .envs(settings.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("node runs");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("it was piped");
        let read = BufReader::new(stdout).read_line(&mut line);
        read.expect("a line of JSON");
        let ready = serde_json::from_str(&line).expect("a line of JSON");
        Self { child, ready }
    }

    /// `issuer`, `client_id`, `client_secret`, `scope` or `refresh_token`.
    #[track_caller]
    pub(crate) fn says(&self, key: &str) -> &str {
        self.ready[key].as_str().expect("a text")
    }

    /// A refresh token of a grant of its own.
    pub(crate) fn new_refresh_token(&self) -> String {
        let answer = self.ask(&Request::post("/_refresh-tokens", "")).json();
        answer["refresh_token"].as_str().expect("a text").to_owned()
    }

    /// Calls of the token endpoint so far.
    pub(crate) fn posts(&self) -> u64 {
        self.ask(&Request::get("/_posts")).json()["posts"]
            .as_u64()
            .expect("a number")
    }

    /// Its own word on a token (RFC 7662).
    pub(crate) fn is_active(&self, token: &str) -> bool {
        let (id, secret) = (self.says("client_id"), self.says("client_secret"));
        let form = format!("client_id={id}&client_secret={secret}&token={token}");
        let request = Request::post("/token/introspection", form)
            .with("Content-Type", "application/x-www-form-urlencoded");
        let reply = self.ask(&request);
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json()["active"] == true
    }

    fn ask(&self, request: &Request) -> Reply {
        let mut line = Line::to_url(self.says("issuer")).expect("it listens");
        line.ask(&request.clone().with("Connection", "close"))
            .expect("an answer")
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
