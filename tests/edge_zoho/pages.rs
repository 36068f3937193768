//! The reading of a page: where the token is, and what comes of anything but an answer.

use std::sync::Arc;
use std::time::Duration;

use zoho_tokend::base::{Secret, UnixTime};
use zoho_tokend::edge::zoho::{Network, Page, PageCall, Zoho};
use zoho_tokend::policy::record::Cause;

use crate::peer::{Peer, answer, drain, header, read_request};
use crate::tls::Authority;
use crate::{AMPLE, SHORT, checked, run};

const TOKEN: &str = "1000.canary.token";

fn call(url: String, timeout: Duration) -> PageCall {
    PageCall {
        url,
        timeout,
        access_token: Some(Arc::new(Secret::new(TOKEN.into()))),
    }
}

fn get_with(network: &Network, url: String, timeout: Duration) -> Result<Page, Cause> {
    let zoho = Zoho::new(network).expect("a good network");
    run(zoho.get(call(url, timeout)))
}

fn get(port: u16, timeout: Duration) -> Result<Page, Cause> {
    let url = format!("http://127.0.0.1:{port}/crm/v8/org");
    get_with(&Network::default(), url, timeout)
}

#[track_caller]
fn failed(page: Result<Page, Cause>) -> String {
    checked(page.expect_err("no page"))
}

#[test]
fn s3_the_token_is_in_the_header_and_not_in_the_url() {
    let peer = Peer::start(|mut stream| {
        answer(
            &mut stream,
            "200 OK\r\nDate: Sun, 22 Nov 2026 00:12:11 GMT",
            "{}",
        )
    });
    let page = get(peer.port, AMPLE).expect("a page");
    let request = peer.join();
    assert!(
        request.starts_with("GET /crm/v8/org HTTP/1.1\r\n"),
        "{request}"
    );
    let told = header(&request, "authorization");
    assert_eq!(told, Some(format!("zoho-oauthtoken {TOKEN}")));
    assert_eq!((page.status, page.body.as_slice()), (200, b"{}".as_slice()));
    assert_eq!(page.date, Some(UnixTime(1_795_306_331_000)));
    assert!(!format!("{page:?}").contains("{}"));
}

#[test]
fn s3_a_redirect_is_an_answer_and_is_not_followed() {
    let aside = Peer::start(|mut stream| drain(&mut stream));
    let port = aside.port;
    let peer = Peer::start(move |mut stream| {
        let head = format!("302 Found\r\nLocation: http://127.0.0.1:{port}/crm/v8/org");
        answer(&mut stream, &head, "")
    });
    assert_eq!(get(peer.port, AMPLE).expect("an answer").status, 302);
    peer.join();
    drop(std::net::TcpStream::connect(("127.0.0.1", port)));
    assert_eq!(aside.join(), 0, "nobody came");
}

#[test]
fn s3_a_host_that_does_not_prove_its_name_hears_no_token() {
    let page = get_with(
        &Network::default(),
        "http://www.zohoapis.test/crm/v8/org".into(),
        AMPLE,
    );
    assert_eq!(failed(page), "insecure-url");
    let (authority, stranger) = (Authority::new(), Authority::new());
    for (network, years, code) in [
        (stranger.network(), (2020, 2040), "tls-unknown-issuer"),
        (authority.network(), (2001, 2002), "tls-expired"),
    ] {
        let server = Arc::new(authority.server("localhost", years));
        let peer = Peer::start(move |mut stream| {
            let mut connection = rustls::ServerConnection::new(server).expect("a server");
            // The client hangs up; what it has said by then is no request.
            drop(connection.complete_io(&mut stream));
            connection.is_handshaking()
        });
        let url = format!("https://localhost:{}/crm/v8/org", peer.port);
        assert_eq!(failed(get_with(&network, url, AMPLE)), code);
        assert!(peer.join(), "nothing was sent after the handshake failed");
    }
}

#[test]
fn s5_an_answer_without_end_or_without_sense_is_cut_off() {
    let huge = Peer::start(|mut stream| {
        let body = "x".repeat(100_000);
        let request = read_request(&mut stream);
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        drop(std::io::Write::write_all(
            &mut stream,
            (head + &body).as_bytes(),
        ));
        request
    });
    assert_eq!(failed(get(huge.port, AMPLE)), "answer-too-long");
    huge.join();
    let silent = Peer::start(|mut stream| drain(&mut stream));
    assert_eq!(failed(get(silent.port, SHORT)), "timeout");
    silent.join();
    let rude = Peer::start(|mut stream| {
        read_request(&mut stream);
    });
    assert_eq!(failed(get(rude.port, AMPLE)), "connection-lost");
    rude.join();
    assert_eq!(failed(get(1, AMPLE)), "connect");
}
