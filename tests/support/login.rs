//! A person who runs `login` and then uses a browser: the real verb, and HTTP by hand in the browser's place.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Child, ChildStderr, ChildStdin, Command, Stdio};

use url::Url;
use zoho_tokend::stand_in::{Params, Person, Rules};

use crate::daemon::{Ended, program};
use crate::http::{Line, Reply};
use crate::site::Site;

/// A port that nobody has.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("bound").port()
}

/// `login` on its way. Killed with this value.
pub(crate) struct Login {
    child: Child,
    stdin: Option<ChildStdin>,
    stderr: BufReader<ChildStderr>,
    /// What it has said so far.
    said: String,
}

impl Login {
    pub(crate) fn start(site: &Site, args: &[&str]) -> Self {
        let mut program = program();
        program.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
        Self::start_as(program, site, args)
    }

    /// The same on a desktop, say.
    pub(crate) fn start_as(mut program: Command, site: &Site, args: &[&str]) -> Self {
        let mut child = program
            .arg("login")
            .args(args)
            .arg("--socket")
            .arg(site.socket())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program runs");
        Self {
            stdin: child.stdin.take(),
            stderr: BufReader::new(child.stderr.take().expect("it was piped")),
            child,
            said: String::new(),
        }
    }

    /// The address of the consent page, once it is there.
    #[track_caller]
    pub(crate) fn address(&mut self) -> String {
        loop {
            let mut line = String::new();
            let read = self.stderr.read_line(&mut line).expect("text");
            self.said.push_str(&line);
            assert!(read > 0, "it ended: {}", self.said);
            if let Some(address) = line.trim_end().strip_prefix("  http") {
                return format!("http{address}");
            }
        }
    }

    /// Types into it, and ends its input.
    pub(crate) fn type_in(&mut self, text: &str) {
        let mut stdin = self.stdin.take().expect("once");
        // A verb that reads no input may have ended already.
        drop(stdin.write_all(text.as_bytes()));
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it ended.
    pub(crate) fn end(mut self) -> Ended {
        drop(self.stdin.take());
        let mut stdout = String::new();
        let piped = self.child.stdout.as_mut().expect("it was piped");
        piped.read_to_string(&mut stdout).expect("text");
        self.stderr.read_to_string(&mut self.said).expect("text");
        let status = self.child.wait().expect("ours");
        Ended {
            exit: status.code().expect("no signal ended it"),
            stdout,
            stderr: std::mem::take(&mut self.said),
        }
    }
}

impl Drop for Login {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Asks for a page as a browser does, and follows nothing.
#[track_caller]
pub(crate) fn visit(address: &str) -> Reply {
    let url = Url::parse(address).expect("an address");
    let port = url.port().expect("a port of ours");
    let mut line = Line::to_url(&format!("http://127.0.0.1:{port}")).expect("somebody listens");
    let target = &url[url::Position::BeforePath..];
    let host = url.host_str().expect("a host");
    let request = format!("GET {target} HTTP/1.1\r\nHost: {host}:{port}\r\nCookie: a=b\r\n\r\n");
    line.send(request.as_bytes()).expect("sent");
    line.answer().expect("an answer")
}

/// Where a page sends the browser.
#[track_caller]
pub(crate) fn target(reply: &Reply) -> String {
    assert!(matches!(reply.status, 302 | 303), "{reply:?}");
    reply.header("location").expect("a target").to_owned()
}

/// Follows pages until one stays.
#[track_caller]
pub(crate) fn browse(address: &str) -> Reply {
    let mut reply = visit(address);
    for _ in 0..8 {
        if !matches!(reply.status, 302 | 303) {
            return reply;
        }
        reply = visit(&target(&reply));
    }
    unreachable!("redirects without end")
}

/// A site whose org `acme` has a web-based client; the port is its redirect's.
pub(crate) fn web_site() -> (Site, u16) {
    let port = free_port();
    let mut site = Site::new(Rules::default(), &["acme"]);
    site.config
        .orgs
        .insert("acme".into(), "grant = \"web\"".into());
    site.let_return("acme", &format!("http://localhost:{port}/callback"));
    site.write_config();
    (site, port)
}

/// One of the parameters of an address.
pub(crate) fn parameter(address: &str, name: &str) -> Option<String> {
    let query = address.split_once('?').map_or("", |(_, query)| query);
    let params = Params::parse(query.as_bytes());
    Some(params.value(name).to_owned()).filter(|value| !value.is_empty())
}

/// A whole login of `acme`: what the browser shows at its end, and the terminal.
pub(crate) fn login(site: &Site) -> (String, Ended) {
    let mut login = Login::start(site, &["acme"]);
    let page = browse(&login.address());
    (page.body, login.end())
}

/// Seats another person at the browser.
pub(crate) fn seat(site: &Site, change: impl FnOnce(&mut Person)) {
    let mut person = Person::default();
    change(&mut person);
    site.zoho.world.with(|zoho, _| zoho.seat(person));
}
