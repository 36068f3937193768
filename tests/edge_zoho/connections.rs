//! What was sent and what was not: a call that Zoho cannot have seen costs no mint.

use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::Duration;

use zoho_tokend::edge::zoho::{Network, Reply, Zoho};

use crate::peer::{Peer, answer, drain, read_request};
use crate::{AMPLE, SHORT, answered, call, lost, not_sent, post, run};

#[test]
fn a_refused_port_is_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    drop(listener);
    match post(&format!("http://127.0.0.1:{port}/"), AMPLE) {
        Reply::NotSent(cause) => assert_eq!(
            format!("{} {}", cause.code, cause.detail),
            "connect 127.0.0.1: tcp connect error: Connection refused (os error 111)"
        ),
        other => unreachable!("refused, but {other:?}"),
    }
}

#[test]
fn a_host_that_swallows_packets_is_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    // A queue of one: once it is full, Linux drops what comes.
    rustix::net::listen(&listener, 0).expect("a listening socket");
    let address = listener.local_addr().expect("bound");
    let connect = || TcpStream::connect_timeout(&address, Duration::from_millis(200));
    let queue: Vec<_> = std::iter::repeat_with(connect)
        .map_while(Result::ok)
        .take(16)
        .collect();
    assert!(queue.len() < 16, "the queue never filled");
    assert_eq!(
        not_sent(post(&format!("http://{address}/"), SHORT)),
        "connect-timeout"
    );
}

#[test]
fn s3_secrets_go_to_https_or_to_loopback() {
    for url in [
        "http://192.0.2.1/token",
        "http://accounts.zoho.eu/oauth/v2/token",
        "http://localhost.zoho.test/",
        "http://127.0.0.1.zoho.test/",
        "http://[2001:db8::1]/",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "unix:/run/a",
        "accounts.zoho.eu",
        "",
    ] {
        assert_eq!(not_sent(post(url, AMPLE)), "insecure-url", "{url}");
    }
}

#[test]
fn loopback_has_three_names() {
    for host in ["127.0.0.1", "localhost", "[::1]"] {
        let listener = TcpListener::bind(if host == "[::1]" {
            "[::1]:0"
        } else {
            "127.0.0.1:0"
        });
        let Ok(listener) = listener else {
            continue; // A host without IPv6.
        };
        let port = listener.local_addr().expect("bound").port();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            answer(&mut stream, "200 OK", "{}")
        });
        answered(post(&format!("http://{host}:{port}/"), AMPLE));
        server.join().expect("served");
    }
}

#[test]
fn r3_what_is_said_not_to_be_sent_has_not_reached_the_server() {
    // Closed at once: whether the form is out by then is a matter of microseconds, and either is right.
    for _ in 0..50 {
        let server = Peer::start(|mut stream| {
            drop(stream.shutdown(Shutdown::Write));
            drain(&mut stream)
        });
        match post(&server.url(), AMPLE) {
            Reply::NotSent(_) => assert_eq!(server.join(), 0),
            Reply::Lost(_) => drop(server.join()),
            Reply::Answered { .. } => unreachable!("there was no answer"),
        }
    }
}

#[test]
fn a_connection_that_closes_after_the_request_is_lost() {
    let server = Peer::start(|mut stream| drop(read_request(&mut stream)));
    assert_eq!(lost(post(&server.url(), AMPLE)), "connection-lost");
}

#[test]
fn r10_a_hanging_endpoint_delays_no_other() {
    let hanging = Peer::start(|mut stream| drain(&mut stream));
    let quick = Peer::start(|mut stream| answer(&mut stream, "200 OK", "{}"));
    let zoho = Zoho::new(&Network::default()).expect("a good network");
    run(async {
        let slow = zoho.post_token(call(&hanging.url(), AMPLE));
        let fast = zoho.post_token(call(&quick.url(), AMPLE));
        tokio::select! {
            biased;
            reply = slow => unreachable!("it hangs, but {reply:?}"),
            reply = fast => assert_eq!(answered(reply).0, 200),
        }
    });
    // And a call whose future is dropped lets go of its connection.
    hanging.join();
}

#[test]
fn calls_share_no_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("bound"));
    let server = std::thread::spawn(move || {
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().expect("a connection");
            answer(&mut stream, "200 OK\r\nSet-Cookie: a=b", "{}");
            assert_eq!(drain(&mut stream), 0, "a second request on one connection");
        }
    });
    let zoho = Zoho::new(&Network::default()).expect("a good network");
    run(async {
        for _ in 0..2 {
            answered(zoho.post_token(call(&url, AMPLE)).await);
        }
    });
    server.join().expect("served");
}
