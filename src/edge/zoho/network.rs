//! The way out: roots, proxy, and where secrets may go at all.
//!
//! Two clients. One goes over https alone, through the proxy if there is one. The other goes to loopback alone,
//! where a stand-in may speak plain http, and never through a proxy. Both follow no redirect, keep no
//! connection and understand no compression nor cookies (those features of the crate are off).

use std::fs::File;
use std::io::Read;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, ClientBuilder, Proxy, Url, redirect, retry};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use url::Host;

use crate::config::Daemon;
use crate::policy::record::Cause;

/// Longest wait for a connection, TLS included. Shared among a name's addresses, so that one that swallows
/// packets does not use up a whole call.
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// Longest `ca_file`. All of a system's roots have some 250 KiB.
const CA_FILE_MAX: u64 = 1024 * 1024;

/// What the config says of the way out.
#[derive(Clone, Default)]
pub struct Network {
    /// Roots beside the system's, in PEM.
    pub ca_file: Option<PathBuf>,
    /// `http://proxy.example:3128` for every data center but one on loopback; `None`: `HTTPS_PROXY`, `NO_PROXY`.
    pub proxy: Option<String>,
}

/// The variables that name a proxy, in the HTTP client's order.
const PROXY_VARIABLES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

impl Network {
    /// As that section of the config says.
    pub fn of(daemon: &Daemon) -> Self {
        let proxy = daemon.proxy.as_ref();
        Self {
            ca_file: daemon.ca_file.clone(),
            proxy: proxy.map(|proxy| proxy.expose().to_owned()),
        }
    }

    /// What of the environment counts here and is passed over by the HTTP client, each as a sentence. The value is not
    /// repeated: it may hold a password.
    pub fn warnings(&self, variable: impl Fn(&str) -> Option<String>) -> Vec<String> {
        if self.proxy.is_some() {
            return Vec::new();
        }
        let set = PROXY_VARIABLES.into_iter().filter_map(|name| {
            let value = variable(name).filter(|value| !value.is_empty())?;
            let url = if value.contains("://") {
                value
            } else {
                format!("http://{value}")
            };
            http_proxy(&url).is_err().then_some(name)
        });
        let told = set.map(|name| {
            format!(
                "proxy: {name} in the environment is not the address of an HTTP proxy and is ignored; write it as \
                 http://proxy.example:3128, or unset it"
            )
        });
        told.collect()
    }
}

/// Why there is no way out with this config.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// The file is not there or not ours to read.
    #[error(
        "ca_file {path}: {source}; name a file of certificates in PEM that the daemon can read"
    )]
    CaUnreadable {
        /// As configured.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file has no certificate, or one that is no root.
    #[error("ca_file {path}: {why}; name a file of certificates in PEM, 1 MiB at most")]
    CaUnusable {
        /// As configured.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The proxy is no address of an HTTP proxy. Not repeated here: it may hold a password.
    #[error("proxy: not the address of an HTTP proxy; write it as http://proxy.example:3128")]
    Proxy,
    /// The HTTP client refuses its own settings.
    #[error("the HTTP client cannot be set up: {0}; this is a bug")]
    Client(String),
}

/// One client per kind of destination.
#[derive(Clone)]
pub(super) struct Clients {
    remote: Client,
    loopback: Client,
}

/// Where one call goes, and by which client.
pub(super) struct Destination<'a> {
    pub(super) client: &'a Client,
    pub(super) url: Url,
}

impl Destination<'_> {
    pub(super) fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }
}

impl Clients {
    pub(super) fn new(network: &Network) -> Result<Self, NetworkError> {
        let tls = tls(network.ca_file.as_deref())?;
        let mut remote = builder(&tls).https_only(true);
        if let Some(proxy) = &network.proxy {
            remote = remote.proxy(http_proxy(proxy)?);
        }
        // A name server or a hosts file must not send what is meant for loopback elsewhere.
        let localhost = [
            SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            SocketAddr::from((Ipv6Addr::LOCALHOST, 0)),
        ];
        let loopback = builder(&tls)
            .no_proxy()
            .resolve_to_addrs("localhost", &localhost);
        let build = |builder: ClientBuilder| {
            let built = builder.build();
            built.map_err(|error| NetworkError::Client(error.without_url().to_string()))
        };
        Ok(Self {
            remote: build(remote)?,
            loopback: build(loopback)?,
        })
    }

    /// S3: https, or loopback.
    pub(super) fn destination(&self, url: &str) -> Result<Destination<'_>, Cause> {
        let url = Url::parse(url).map_err(|error| insecure(&error.to_string()))?;
        let client = match (url.scheme(), is_loopback(&url)) {
            ("http" | "https", true) => &self.loopback,
            ("https", false) => &self.remote,
            _ => return Err(insecure("neither https nor on loopback")),
        };
        Ok(Destination { client, url })
    }
}

fn insecure(why: &str) -> Cause {
    Cause::new("insecure-url", &format!("the URL at Zoho: {why}"))
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

fn builder(tls: &ClientConfig) -> ClientBuilder {
    Client::builder()
        .tls_backend_preconfigured(tls.clone())
        .user_agent(concat!("zoho-tokend/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_MAX)
        .pool_max_idle_per_host(0)
        .redirect(redirect::Policy::none())
        .retry(retry::never())
}

/// Only schemes that the client speaks: another would be connected to as if it were HTTP.
fn http_proxy(text: &str) -> Result<Proxy, NetworkError> {
    let url = Url::parse(text).map_err(|_| NetworkError::Proxy)?;
    if !["http", "https"].contains(&url.scheme()) || !url.has_host() {
        return Err(NetworkError::Proxy);
    }
    Proxy::all(url).map_err(|_| NetworkError::Proxy)
}

/// The system's roots and those of `ca_file`. None at all is no error here: a stand-in needs none, and a
/// call that does need one says so.
fn tls(ca_file: Option<&Path>) -> Result<ClientConfig, NetworkError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = ca_file {
        add_roots(&mut roots, path)?;
    }
    // Given, not installed for the process: a library must not fight over that with its users.
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(ring).with_safe_default_protocol_versions();
    let versions = versions.map_err(|error| NetworkError::Client(error.to_string()))?;
    Ok(versions.with_root_certificates(roots).with_no_client_auth())
}

fn add_roots(roots: &mut RootCertStore, path: &Path) -> Result<(), NetworkError> {
    let unusable = |why: &dyn std::fmt::Display| NetworkError::CaUnusable {
        path: path.to_owned(),
        why: why.to_string(),
    };
    let pem = read(path).map_err(|source| NetworkError::CaUnreadable {
        path: path.to_owned(),
        source,
    })?;
    let before = roots.len();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| unusable(&error))?;
        roots.add(certificate).map_err(|error| unusable(&error))?;
    }
    if roots.len() == before {
        return Err(unusable(&"no certificate in it"));
    }
    Ok(())
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut file = File::open(path)?.take(CA_FILE_MAX + 1);
    file.read_to_end(&mut bytes)?;
    if bytes.len() as u64 > CA_FILE_MAX {
        return Err(std::io::ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_of_the_environment_that_is_none_is_told_without_its_value() {
        let told = |value: &str| {
            let network = Network::default();
            let told = network.warnings(|name| (name == "HTTPS_PROXY").then(|| value.to_owned()));
            assert!(!told.concat().contains("canary"), "{told:?}");
            told.len()
        };
        for good in [
            "",
            "http://p:3128",
            "proxy.example:3128",
            "http://me:canary@p:1",
        ] {
            assert_eq!(told(good), 0, "{good}");
        }
        for bad in ["http://", "::canary::", "ht!tp://x y", "socks5://canary:1"] {
            assert_eq!(told(bad), 1, "{bad}");
        }
        let own = Network {
            proxy: Some("http://p:1".to_owned()),
            ..Network::default()
        };
        assert!(own.warnings(|_| Some("::".to_owned())).is_empty());
    }
}
