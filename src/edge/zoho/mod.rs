//! The way to Zoho: one POST to the token or the revocation endpoint, with limits, and the reading of pages (`page.rs`).
//!
//! Sends secrets in the body alone (of Zoho's newer revocation endpoint also in a header that it wants), to an https
//! address or to loopback, and never again after a redirect. What the answer means is [`crate::policy::reply`]'s and
//! [`crate::policy::revocation`]'s. Invariant: [`Reply::NotSent`] is said only where no byte of
//! the form has left or can leave this process, since whatever comes after may cost a mint.

pub mod consent;
mod content;
mod failure;
mod form;
mod network;
mod page;
mod revoke;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap};
use reqwest::{Body, Response};
use zeroize::Zeroizing;

use crate::base::{Secret, UnixTime};
use crate::policy::record::Cause;
use content::{Content, Gate};
use failure::Failure;
pub use form::Form;
use network::{Clients, Destination};
pub use network::{Network, NetworkError};
pub use page::{ORG_PATH, Page, PageCall, SERVERS_PATH};
pub use revoke::RevokeCall;

/// Longest answer that is read. Zoho's have under 500 bytes.
const BODY_MAX: usize = 64 * 1024;

/// The way to Zoho. Cheap to clone; one per config, since proxy and roots come from there.
#[derive(Clone)]
pub struct Zoho {
    clients: Clients,
}

/// One call of the token endpoint.
#[derive(Debug)]
pub struct TokenCall {
    /// `https://accounts.zoho.eu/oauth/v2/token`; `http` on loopback alone.
    pub token_url: String,
    /// For all of it: address, connection, TLS, request, answer.
    pub timeout: Duration,
    /// What is asked for.
    pub form: Form,
}

/// A client's id and secret, to be sent as HTTP Basic.
type Basic = (String, Arc<Secret>);

/// What became of a call.
pub enum Reply {
    /// Zoho cannot have seen the form: no mint is spent.
    NotSent(Cause),
    /// Zoho may have minted, and the answer is not here.
    Lost(Cause),
    /// An answer, of whatever status.
    Answered {
        /// HTTP status.
        status: u16,
        /// The body, whole, at most 64 KiB, wiped when dropped.
        body: Zeroizing<Vec<u8>>,
        /// What Zoho's clock showed, to the second. `None` without TLS: then anybody may have written it, and on
        /// loopback it is this machine's own clock.
        date: Option<UnixTime>,
    },
}

/// S1: a body holds tokens.
impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSent(cause) => f.debug_tuple("NotSent").field(cause).finish(),
            Self::Lost(cause) => f.debug_tuple("Lost").field(cause).finish(),
            Self::Answered { status, body, .. } => {
                write!(f, "Answered({status}, {} bytes)", body.len())
            }
        }
    }
}

impl Zoho {
    /// Reads the roots and prepares the connections; sends nothing.
    pub fn new(network: &Network) -> Result<Self, NetworkError> {
        let clients = Clients::new(network)?;
        Ok(Self { clients })
    }

    /// Sends the form once and waits for the answer. Dropping the future closes the connection.
    pub async fn post_token(&self, call: TokenCall) -> Reply {
        let form = call.form.encode();
        self.post(&call.token_url, call.timeout, form, None).await
    }

    async fn post(
        &self,
        url: &str,
        limit: Duration,
        form: Zeroizing<Vec<u8>>,
        basic: Option<Basic>,
    ) -> Reply {
        let destination = match self.clients.destination(url) {
            Ok(destination) => destination,
            Err(cause) => return Reply::NotSent(cause),
        };
        let gate = Gate::new();
        let content = Content::new(form, &gate);
        let exchange = exchange(&destination, content, basic);
        let failure = match tokio::time::timeout(limit, exchange).await {
            Ok(Ok(answered)) => return answered,
            Ok(Err(failure)) => failure,
            Err(_elapsed) => Failure::Late(limit),
        };
        let is_out = gate.shut();
        let cause = failure.into_cause(destination.host(), is_out);
        if is_out {
            Reply::Lost(cause)
        } else {
            Reply::NotSent(cause)
        }
    }
}

async fn exchange(
    destination: &Destination<'_>,
    content: Content,
    basic: Option<Basic>,
) -> Result<Reply, Failure> {
    let mut request = destination
        .client
        .post(destination.url.clone())
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::wrap(content));
    if let Some((id, secret)) = basic {
        request = request.basic_auth(id, Some(secret.expose()));
    }
    let response = request.send().await?;
    let status = response.status().as_u16();
    let is_sure = destination.url.scheme() == "https";
    let date = is_sure.then(|| date(response.headers())).flatten();
    let body = read(response).await?;
    Ok(Reply::Answered { status, body, date })
}

/// Reads the whole body into one piece of memory that never moves, so that it can be wiped.
async fn read(mut response: Response) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut body = Zeroizing::new(Vec::with_capacity(BODY_MAX));
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > BODY_MAX {
            return Err(Failure::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// RFC 9110 §5.6.7, in any of its three forms.
fn date(headers: &HeaderMap) -> Option<UnixTime> {
    let text = headers.get(DATE)?.to_str().ok()?;
    let since_epoch = httpdate::parse_http_date(text)
        .ok()?
        .duration_since(UNIX_EPOCH)
        .ok()?;
    Some(UnixTime::default().plus(since_epoch))
}
