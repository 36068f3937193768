//! What came back, from good servers and bad ones.

use std::io::Write;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use zoho_tokend::edge::zoho::Reply;

use crate::peer::{Peer, answer, drain, header, read_request};
use crate::{AMPLE, SHORT, answered, lost, post};

#[test]
fn s3_the_secrets_are_in_the_body_alone() {
    let server = Peer::start(|mut stream| answer(&mut stream, "200 OK", "{}"));
    assert_eq!(answered(post(&server.url(), AMPLE)), (200, "{}".into()));
    let request = server.join();
    let (head, body) = request.split_once("\r\n\r\n").expect("a whole request");
    assert!(
        head.starts_with("POST /oauth/v2/token HTTP/1.1\r\n"),
        "{head}"
    );
    assert!(
        !head.contains("canary") && !head.contains("1000."),
        "{head}"
    );
    assert_eq!(
        body,
        "grant_type=refresh_token&client_id=1000.ABC&client_secret=canary-secret&refresh_token=1000.canary.token"
    );
}

#[test]
fn a_request_says_who_asks_and_nothing_else() {
    let server = Peer::start(|mut stream| answer(&mut stream, "200 OK", "{}"));
    answered(post(&server.url(), AMPLE));
    let request = server.join();
    let agent = concat!("zoho-tokend/", env!("CARGO_PKG_VERSION")).to_owned();
    assert_eq!(header(&request, "user-agent"), Some(agent));
    let form = "application/x-www-form-urlencoded".to_owned();
    assert_eq!(header(&request, "content-type"), Some(form));
    for unwanted in [
        "accept-encoding",
        "cookie",
        "referer",
        "expect",
        "transfer-encoding",
    ] {
        assert_eq!(header(&request, unwanted), None, "{unwanted}");
    }
}

#[test]
fn s3_a_redirect_is_an_answer_and_is_not_followed() {
    let other = TcpListener::bind("127.0.0.1:0").expect("a free port");
    other.set_nonblocking(true).expect("a socket");
    for status in [
        "301 Moved Permanently",
        "302 Found",
        "307 Temporary Redirect",
        "308 Permanent Redirect",
    ] {
        let to = other.local_addr().expect("bound");
        let head = format!("{status}\r\nLocation: http://{to}/");
        let server = Peer::start(move |mut stream| answer(&mut stream, &head, ""));
        let (code, _) = answered(post(&server.url(), AMPLE));
        assert_eq!(code.to_string(), status[..3]);
        server.join();
    }
    let nobody = other.accept().expect_err("nobody came");
    assert_eq!(nobody.kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn an_error_status_is_an_answer() {
    let server = Peer::start(|mut stream| answer(&mut stream, "503 Bad Day", "<html>"));
    assert_eq!(answered(post(&server.url(), AMPLE)), (503, "<html>".into()));
}

#[test]
fn r9_no_clock_is_believed_that_comes_without_tls() {
    let head = "200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT";
    let server = Peer::start(move |mut stream| answer(&mut stream, head, "{}"));
    let reply = post(&server.url(), AMPLE);
    assert!(matches!(reply, Reply::Answered { date: None, .. }));
}

#[test]
fn s5_an_answer_of_64_kib_is_read_and_one_byte_more_is_not() {
    for (length, fits) in [(65_536, true), (65_537, false)] {
        let server = Peer::start(move |mut stream| {
            read_request(&mut stream);
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
            stream
                .write_all(head.as_bytes())
                .expect("an open connection");
            // Fails where the reader has seen enough.
            drop(stream.write_all("a".repeat(length).as_bytes()));
        });
        let reply = post(&server.url(), AMPLE);
        if fits {
            assert_eq!(answered(reply).1.len(), length);
        } else {
            assert_eq!(lost(reply), "answer-too-long");
        }
        server.join();
    }
}

#[test]
fn s5_of_300_megabytes_only_a_few_are_taken() {
    for head in ["Content-Length: 314572800", "Transfer-Encoding: chunked"] {
        let server = Peer::start(move |mut stream| {
            read_request(&mut stream);
            write!(stream, "HTTP/1.1 200 OK\r\n{head}\r\n\r\n").expect("an open connection");
            let chunk = format!("10000\r\n{}\r\n", "a".repeat(0x10000));
            (0..4800)
                .take_while(|_| stream.write_all(chunk.as_bytes()).is_ok())
                .count()
        });
        assert_eq!(lost(post(&server.url(), AMPLE)), "answer-too-long");
        let chunks = server.join();
        assert!(chunks < 480, "{chunks} chunks of 64 KiB went out");
    }
}

#[test]
fn half_a_body_is_lost() {
    for head in ["Content-Length: 100", "Transfer-Encoding: chunked"] {
        let server = Peer::start(move |mut stream| {
            read_request(&mut stream);
            let half = format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n14\r\n{{\"access_token");
            stream
                .write_all(half.as_bytes())
                .expect("an open connection");
        });
        assert_eq!(lost(post(&server.url(), AMPLE)), "connection-lost");
    }
}

#[test]
fn what_is_no_http_is_lost() {
    let server = Peer::start(|mut stream| {
        read_request(&mut stream);
        stream
            .write_all(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
            .expect("an open connection");
    });
    assert_eq!(lost(post(&server.url(), AMPLE)), "bad-http");
}

#[test]
fn s5_an_endless_head_is_lost() {
    let server = Peer::start(|mut stream| {
        read_request(&mut stream);
        stream
            .write_all(b"HTTP/1.1 200 OK\r\n")
            .expect("an open connection");
        let line = format!("X-Filler: {}\r\n", "a".repeat(1000));
        (0..100_000)
            .take_while(|_| stream.write_all(line.as_bytes()).is_ok())
            .count()
    });
    assert_eq!(lost(post(&server.url(), AMPLE)), "bad-http");
    assert!(server.join() < 10_000);
}

#[test]
fn r10_an_answer_that_drips_is_given_up_in_time() {
    let server = Peer::start(|mut stream| {
        read_request(&mut stream);
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            .expect("open");
        while stream.write_all(b"a").is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    let began = Instant::now();
    assert_eq!(lost(post(&server.url(), SHORT)), "timeout");
    assert!(began.elapsed() < SHORT * 5);
    server.join();
}

#[test]
fn a_call_without_an_answer_is_lost_in_time_and_its_connection_closed() {
    let server = Peer::start(|mut stream| {
        read_request(&mut stream);
        drain(&mut stream)
    });
    let began = Instant::now();
    assert_eq!(lost(post(&server.url(), SHORT)), "timeout");
    assert!(began.elapsed() < SHORT * 5);
    assert_eq!(server.join(), 0, "bytes after the request");
}
