//! What went wrong on the way, as a code that [`crate::policy::remedy`] has a cure for.
//!
//! No URL gets into a cause, only the host: a person needs to know which, and a URL may hold more.

use std::error::Error;
use std::io;
use std::time::Duration;

use rustls::CertificateError;

use crate::policy::record::Cause;

/// Why a call has no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// The HTTP client's own word.
    Http(reqwest::Error),
    /// The body is longer than any answer of Zoho's.
    TooLong,
    /// The call's time is up.
    Late(Duration),
}

impl From<reqwest::Error> for Failure {
    fn from(error: reqwest::Error) -> Self {
        Self::Http(error.without_url())
    }
}

impl Failure {
    /// Names it. `is_out`: whether the form had been handed to a connection.
    pub(super) fn into_cause(self, host: &str, is_out: bool) -> Cause {
        let (code, what) = match self {
            Self::Http(error) => (code(&error, is_out), told(&error)),
            Self::TooLong => ("answer-too-long", "over 64 KiB of answer".to_owned()),
            Self::Late(after) if is_out => ("timeout", format!("no answer after {after:?}")),
            Self::Late(after) => ("connect-timeout", format!("no connection after {after:?}")),
        };
        Cause::new(code, &format!("{host}: {what}"))
    }
}

fn code(error: &reqwest::Error, is_out: bool) -> &'static str {
    // Once the form is out, what matters is that it is: the codes of TLS say that nothing was sent.
    if !is_out && let Some(tls) = find::<rustls::Error>(error) {
        return tls_code(tls);
    }
    let is_tunnel = || chain(error).any(|e| e.to_string().starts_with("tunnel error"));
    match is_out {
        true if find::<hyper::Error>(error).is_some_and(hyper::Error::is_parse) => "bad-http",
        true => "connection-lost",
        false if is_tunnel() => "proxy",
        false if error.is_dns() => "dns",
        false if error.is_timeout() => "connect-timeout",
        false => "connect",
    }
}

fn tls_code(error: &rustls::Error) -> &'static str {
    use CertificateError as Bad;
    match error {
        rustls::Error::InvalidCertificate(bad) => match bad {
            Bad::Expired | Bad::ExpiredContext { .. } => "tls-expired",
            Bad::NotValidYet | Bad::NotValidYetContext { .. } => "tls-not-yet-valid",
            Bad::NotValidForName | Bad::NotValidForNameContext { .. } => "tls-wrong-name",
            // A root of the same name with another key: unknown as well.
            Bad::UnknownIssuer | Bad::BadSignature => "tls-unknown-issuer",
            _ => "tls",
        },
        _ => "tls",
    }
}

/// What the last two layers say, the innermost saying most: `tcp connect error: Connection refused`.
fn told(error: &reqwest::Error) -> String {
    // These say at which step, and so does the code.
    let is_step = |layer: &String| {
        layer.starts_with("error sending request") || layer.starts_with("client error (")
    };
    let layers = chain(error).map(ToString::to_string);
    let mut layers: Vec<String> = layers.filter(|layer| !is_step(layer)).collect();
    layers.dedup(); // Some only repeat the one below.
    layers[layers.len().saturating_sub(2)..].join(": ")
}

fn find<E: Error + 'static>(error: &reqwest::Error) -> Option<&E> {
    chain(error).find_map(|layer| layer.downcast_ref())
}

/// The error and all below it.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |layer| below(*layer))
}

/// [`io::Error`] passes over the very error that it carries, so that one is asked for.
fn below<'a>(layer: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match layer.downcast_ref::<io::Error>() {
        Some(io) => io.get_ref().map(|inner| inner as &(dyn Error + 'static)),
        None => layer.source(),
    }
}

#[cfg(test)]
mod tests {
    use reqwest::dns::{Name, Resolve, Resolving};

    use super::*;

    /// A name server that knows nobody.
    struct Nobody;

    impl Resolve for Nobody {
        fn resolve(&self, _: Name) -> Resolving {
            Box::pin(std::future::ready(Err("Name or service not known".into())))
        }
    }

    #[test]
    fn a_name_without_an_address_is_dns_and_its_url_is_not_told() {
        let client = reqwest::Client::builder().dns_resolver(Nobody).no_proxy();
        let provider = rustls::crypto::ring::default_provider();
        drop(provider.install_default());
        let client = client.build().expect("good settings");
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let error = runtime
            .expect("a runtime")
            .block_on(client.post("http://accounts.zoho.test/canary").send())
            .expect_err("no address");
        let failure = Failure::from(error);
        assert!(!format!("{failure:?}").contains("canary"), "{failure:?}");
        let cause = failure.into_cause("accounts.zoho.test", false);
        assert_eq!(cause.code, "dns");
        assert_eq!(
            cause.detail,
            "accounts.zoho.test: error resolving DNS: Name or service not known"
        );
    }

    #[test]
    fn a_call_that_is_late_says_whether_it_was_sent() {
        let late = |is_out| Failure::Late(Duration::from_secs(20)).into_cause("host", is_out);
        assert_eq!(late(true).code, "timeout");
        assert_eq!(late(true).detail, "host: no answer after 20s");
        assert_eq!(late(false).code, "connect-timeout");
        assert_eq!(late(false).detail, "host: no connection after 20s");
    }
}
