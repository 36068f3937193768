//! S1: what the libraries below log at their loudest.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use zoho_tokend::edge::zoho::Network;

use crate::peer::{Peer, answer};
use crate::proxies::{URL, tunnel};
use crate::tls::Authority;
use crate::{AMPLE, answered, post, post_with};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panics in here").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[test]
fn s1_no_secret_is_logged_at_any_level() {
    let lines = Lines::default();
    // For the process, as the daemon does it: then what comes through the `log` crate is in here too.
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new("trace"))
        .with_writer(lines.clone())
        .init();
    let answer_with = r#"{"access_token":"1000.canary.answer"}"#;
    let server = Peer::start(move |mut stream| answer(&mut stream, "200 OK", answer_with));
    answered(post(&server.url(), AMPLE));
    let authority = Authority::new();
    let proxy = tunnel(&authority);
    let network = Network {
        ca_file: Some(authority.file()),
        proxy: Some(format!(
            "http://user:canary-password@127.0.0.1:{}",
            proxy.port
        )),
    };
    answered(post_with(&network, URL, AMPLE));
    let logged = String::from_utf8_lossy(&lines.0.lock().expect("unpoisoned")).into_owned();
    assert!(
        logged.contains("connected to 127.0.0.1"),
        "the libraries do log: {logged}"
    );
    let leaks: Vec<&str> = logged
        .lines()
        .filter(|line| line.contains("canary"))
        .collect();
    assert!(leaks.is_empty(), "{leaks:#?}");
}
