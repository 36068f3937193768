//! Certificates: only a host that proves its name hears a secret.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use tempfile::TempDir;
use zoho_tokend::base::UnixTime;
use zoho_tokend::edge::zoho::{Network, NetworkError, Reply, Zoho};

use crate::peer::{Peer, answer, drain};
use crate::{AMPLE, SHORT, answered, lost, not_sent, post, post_with};

/// A certificate authority whose root is in a file.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    root: CertificateDer<'static>,
    folder: TempDir,
}

impl Authority {
    pub(crate) fn new() -> Self {
        Self::called("One root")
    }

    fn called(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let root = params.self_signed(&key).expect("a root");
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("ca.pem"), root.pem()).expect("a file");
        Self {
            issuer: Issuer::new(params, key),
            root: root.der().clone(),
            folder,
        }
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    pub(crate) fn network(&self) -> Network {
        Network {
            ca_file: Some(self.file()),
            proxy: None,
        }
    }

    /// What a server of `name` needs; `years`: from the first to the last one of its certificate.
    pub(crate) fn server(&self, name: &str, years: (i32, i32)) -> ServerConfig {
        let (chain, key) = self.certify(name, years);
        builder()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("a good certificate")
    }

    fn certify(
        &self,
        name: &str,
        (first, last): (i32, i32),
    ) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let mut params = CertificateParams::new([name.to_owned()]).expect("a good name");
        params.not_before = date_time_ymd(first, 1, 1);
        params.not_after = date_time_ymd(last, 12, 31);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        (
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(key.serialize_der().into()),
        )
    }
}

fn builder() -> rustls::ConfigBuilder<ServerConfig, rustls::WantsVerifier> {
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ServerConfig::builder_with_provider(ring).with_safe_default_protocol_versions();
    versions.expect("ring knows them")
}

pub(crate) type TlsStream<S> = StreamOwned<ServerConnection, S>;

pub(crate) fn accept<S: Read + Write>(config: ServerConfig, stream: S) -> TlsStream<S> {
    StreamOwned::new(
        ServerConnection::new(Arc::new(config)).expect("good settings"),
        stream,
    )
}

const GOOD: (i32, i32) = (2020, 2200);

/// A server that answers, or says what it read in clear before the connection broke.
fn serve(config: ServerConfig) -> Peer<Result<String, String>> {
    Peer::start(|stream| talk(&mut accept(config, stream)))
}

fn talk(stream: &mut TlsStream<TcpStream>) -> Result<String, String> {
    if stream.conn.complete_io(&mut stream.sock).is_err() {
        let mut read = String::new();
        drop(stream.conn.reader().read_to_string(&mut read));
        return Err(read);
    }
    Ok(answer(stream, "200 OK", "{}"))
}

/// What a server with this head tells of its clock.
fn date_of(head: &'static str) -> Option<UnixTime> {
    let authority = Authority::new();
    let config = authority.server("127.0.0.1", GOOD);
    let server = Peer::start(move |stream| answer(&mut accept(config, stream), head, "{}"));
    match post_with(&authority.network(), &url(&server), AMPLE) {
        Reply::Answered { date, .. } => date,
        other => unreachable!("answered, but {other:?}"),
    }
}

fn url<T>(server: &Peer<T>) -> String {
    format!("https://127.0.0.1:{}/oauth/v2/token", server.port)
}

#[test]
fn a_host_that_proves_its_name_is_answered_by() {
    let authority = Authority::new();
    let server = serve(authority.server("127.0.0.1", GOOD));
    let reply = post_with(&authority.network(), &url(&server), AMPLE);
    assert_eq!(answered(reply), (200, "{}".into()));
    assert!(server.join().expect("a request").contains("canary"));
}

#[test]
fn r9_zohos_clock_is_told_where_the_answer_has_it() {
    let known = Some(UnixTime(784_111_777_000));
    for (head, date) in [
        ("200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT", known),
        ("400 Bad\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT", known),
        ("200 OK", None),
        ("200 OK\r\nDate: yesterday", None),
        ("200 OK\r\nDate: \u{e9}", None),
    ] {
        assert_eq!(date_of(head), date, "{head}");
    }
}

#[test]
fn s3_no_other_host_hears_a_secret_and_the_code_says_why() {
    let (ours, foreign) = (Authority::new(), Authority::called("Another root"));
    let namesake = Authority::new();
    for (config, code) in [
        (ours.server("127.0.0.1", (2019, 2020)), "tls-expired"),
        (ours.server("127.0.0.1", (2199, 2200)), "tls-not-yet-valid"),
        (ours.server("accounts.zoho.test", GOOD), "tls-wrong-name"),
        (foreign.server("127.0.0.1", GOOD), "tls-unknown-issuer"),
        (namesake.server("127.0.0.1", GOOD), "tls-unknown-issuer"),
    ] {
        let server = serve(config);
        let reply = post_with(&ours.network(), &url(&server), AMPLE);
        assert_eq!(not_sent(reply), code);
        assert_eq!(server.join(), Err(String::new()), "{code}");
    }
}

#[test]
fn without_ca_file_its_root_is_not_trusted() {
    let server = serve(Authority::new().server("127.0.0.1", GOOD));
    match post(&url(&server), AMPLE) {
        Reply::NotSent(cause) => assert_eq!(
            format!("{} {}", cause.code, cause.detail),
            "tls-unknown-issuer 127.0.0.1: invalid peer certificate: UnknownIssuer"
        ),
        other => unreachable!("not trusted, but {other:?}"),
    }
}

#[test]
fn a_server_that_speaks_no_tls_is_not_sent_to() {
    let server = Peer::start(|mut stream| {
        stream
            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .expect("an open connection");
        drain(&mut stream)
    });
    assert_eq!(not_sent(post(&url(&server), AMPLE)), "tls");
}

#[test]
fn a_handshake_that_hangs_is_not_sent() {
    let server = Peer::start(|mut stream| drain(&mut stream));
    assert_eq!(not_sent(post(&url(&server), SHORT)), "connect-timeout");
    assert!(server.join() > 0, "the greeting of TLS");
}

#[test]
fn a_handshake_that_breaks_is_not_sent() {
    let server = Peer::start(|mut stream| {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("the greeting of TLS");
    });
    assert_eq!(not_sent(post(&url(&server), AMPLE)), "connect");
}

#[test]
fn a_refusal_after_the_handshake_counts_as_sent() {
    // TLS 1.3 lets a client write before the server has judged the client's certificate.
    let authority = Authority::new();
    let mut roots = RootCertStore::empty();
    roots.add(authority.root.clone()).expect("a root");
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), ring).build();
    let (chain, key) = authority.certify("127.0.0.1", GOOD);
    let config = builder()
        .with_client_cert_verifier(verifier.expect("a root"))
        .with_single_cert(chain, key)
        .expect("a good certificate");
    let server = Peer::start(|mut stream| {
        let mut tls = ServerConnection::new(Arc::new(config)).expect("good settings");
        while !tls.wants_write() {
            tls.read_tls(&mut stream).expect("the greeting of TLS");
            tls.process_new_packets().expect("the greeting of TLS");
        }
        tls.write_tls(&mut stream).expect("an open connection");
        // The end of the handshake alone has under 200 bytes, so the request is here too.
        while stream.peek(&mut [0; 1024]).expect("a request") < 200 {
            std::thread::yield_now();
        }
        tls.read_tls(&mut stream).expect("a request");
        tls.process_new_packets().expect_err("no certificate");
        tls.write_tls(&mut stream).expect("an open connection");
        drain(&mut stream);
    });
    assert_eq!(
        lost(post_with(&authority.network(), &url(&server), AMPLE)),
        // Not "tls": by that code a person is told that nothing was sent.
        "connection-lost"
    );
}

#[test]
fn a_ca_file_that_is_of_no_use_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let refused = |name: &str| {
        let path = folder.path().join(name);
        let network = Network {
            ca_file: Some(path.clone()),
            proxy: None,
        };
        let error = Zoho::new(&network).err().expect("refused").to_string();
        error.replace(&path.display().to_string(), "PATH")
    };
    let write = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).expect("a file");
        refused(name)
    };
    assert_eq!(
        refused("absent"),
        "ca_file PATH: No such file or directory (os error 2); name a file of certificates in PEM that the daemon can read"
    );
    assert_eq!(
        write("empty", ""),
        "ca_file PATH: no certificate in it; name a file of certificates in PEM, 1 MiB at most"
    );
    let no_certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert!(write("garbage", no_certificate).contains("; name a file of certificates in PEM"));
    let long = "#".repeat(1024 * 1024 + 1);
    assert!(write("long", &long).contains("file too large"));
}

#[test]
fn a_network_error_is_shown_without_the_proxys_password() {
    let network = Network {
        ca_file: None,
        proxy: Some("socks5://user:canary@proxy.test".into()),
    };
    let error = Zoho::new(&network).err().expect("refused");
    assert!(matches!(error, NetworkError::Proxy));
    assert!(!format!("{error} {error:?}").contains("canary"));
}
