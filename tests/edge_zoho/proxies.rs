//! The way through a proxy, and past it.

use std::io::Write;
use std::net::TcpListener;
use std::process::Command;

use zoho_tokend::edge::zoho::{Network, Zoho};

use crate::peer::{Peer, answer, read_request};
use crate::tls::{Authority, accept};
use crate::{AMPLE, answered, not_sent, post, post_with};

/// No such name exists: whatever reaches it went through the proxy.
pub(crate) const URL: &str = "https://accounts.zoho.test/oauth/v2/token";

fn through(port: u16) -> Network {
    Network {
        ca_file: None,
        proxy: Some(format!("http://user:canary-password@127.0.0.1:{port}")),
    }
}

/// A proxy that opens the way to [`URL`], and gives what it was asked.
pub(crate) fn tunnel(authority: &Authority) -> Peer<String> {
    let config = authority.server("accounts.zoho.test", (2020, 2200));
    Peer::start(|mut stream| {
        let asked = read_request(&mut stream);
        stream
            .write_all(b"HTTP/1.1 200 Connected\r\n\r\n")
            .expect("an open connection");
        answer(&mut accept(config, stream), "200 OK", "{}");
        asked
    })
}

#[test]
fn s1_a_proxy_sees_the_host_and_no_secret() {
    let authority = Authority::new();
    let proxy = tunnel(&authority);
    let network = Network {
        ca_file: Some(authority.file()),
        ..through(proxy.port)
    };
    assert_eq!(answered(post_with(&network, URL, AMPLE)).0, 200);
    let asked = proxy.join();
    assert!(
        asked.starts_with("CONNECT accounts.zoho.test:443 HTTP/1.1\r\n"),
        "{asked}"
    );
    assert!(
        !asked.contains("canary-secret") && !asked.contains("/oauth"),
        "{asked}"
    );
}

#[test]
fn a_proxy_that_does_not_open_the_way_is_not_sent_through() {
    for refusal in [
        "407 Proxy Authentication Required",
        "403 Forbidden",
        "502 Bad Gateway",
    ] {
        let proxy = Peer::start(move |mut stream| answer(&mut stream, refusal, ""));
        assert_eq!(
            not_sent(post_with(&through(proxy.port), URL, AMPLE)),
            "proxy"
        );
    }
    let silent = Peer::start(|mut stream| drop(read_request(&mut stream)));
    assert_eq!(
        not_sent(post_with(&through(silent.port), URL, AMPLE)),
        "proxy"
    );
}

#[test]
fn a_proxy_that_is_down_is_named_as_the_proxy() {
    let port = closed_port();
    assert_eq!(not_sent(post_with(&through(port), URL, AMPLE)), "proxy");
}

#[test]
fn loopback_is_reached_past_the_proxy() {
    let server = Peer::start(|mut stream| answer(&mut stream, "200 OK", "{}"));
    let reply = post_with(&through(closed_port()), &server.url(), AMPLE);
    assert_eq!(answered(reply).0, 200);
    server.join();
}

#[test]
fn what_is_no_http_proxy_is_refused() {
    for proxy in [
        "",
        "proxy.test:3128",
        "socks5://127.0.0.1:1080",
        "unix:/run/a",
        "http://",
    ] {
        let network = Network {
            ca_file: None,
            proxy: Some(proxy.into()),
        };
        let error = Zoho::new(&network).err().expect("refused").to_string();
        assert_eq!(
            error,
            "proxy: not the address of an HTTP proxy; write it as http://proxy.example:3128"
        );
    }
}

/// The environment is the process's, so the calls are made by a child: this test, run again with [`CHILD`] set.
#[test]
fn without_a_configured_proxy_the_environments_is_used_but_for_loopback_and_no_proxy() {
    if let Ok(loopback) = std::env::var(CHILD) {
        assert_eq!(not_sent(post(URL, AMPLE)), "proxy");
        assert_eq!(answered(post(&loopback, AMPLE)).0, 200);
        // Past the proxy, and to a name that is none: the host part is longer than any.
        let exempt = format!("https://{}.exempt.test/", "a".repeat(64));
        assert_eq!(not_sent(post(&exempt, AMPLE)), "connect");
        return;
    }
    let proxy = Peer::start(|mut stream| answer(&mut stream, "403 Forbidden", ""));
    let server = Peer::start(|mut stream| answer(&mut stream, "200 OK", "{}"));
    let name = "proxies::without_a_configured_proxy_the_environments_is_used_but_for_loopback_and_no_proxy";
    let child = Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", name])
        .env(CHILD, server.url())
        .env("HTTPS_PROXY", format!("http://127.0.0.1:{}", proxy.port))
        .env("HTTP_PROXY", format!("http://127.0.0.1:{}", closed_port()))
        .env("NO_PROXY", "exempt.test")
        .output()
        .expect("this test runs");
    let told = String::from_utf8_lossy(&child.stdout);
    assert!(
        child.status.success() && told.contains("1 passed"),
        "{told}"
    );
    assert!(proxy.join().starts_with("CONNECT accounts.zoho.test:443"));
    server.join();
}

const CHILD: &str = "ZOHO_TOKEND_TEST_LOOPBACK_URL";

fn closed_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("bound").port()
}
