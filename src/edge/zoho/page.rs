//! One GET at Zoho: the org of a token at its API, the list of data centers at an accounts server.
//!
//! Changes nothing over there, so a call that was cut off may be made again. The same way out as for the token
//! endpoint: https or loopback, no redirect, a bounded answer (S3, S5). Invariant: a token goes in a header, never in
//! the URL.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use zeroize::Zeroizing;

use super::failure::Failure;
use super::network::Destination;
use super::{Zoho, date, read};
use crate::base::{Secret, UnixTime};
use crate::policy::record::Cause;

/// Below an API domain: the org that a token is of (CRM API v8, "Get Organization").
pub const ORG_PATH: &str = "/crm/v8/org";

/// Below `accounts_url`: the accounts servers of all data centers (Accounts, "Multi-DC, Client Authorization").
pub const SERVERS_PATH: &str = "/oauth/serverinfo";

/// One page to read.
#[derive(Debug)]
pub struct PageCall {
    /// `https://www.zohoapis.eu/crm/v8/org`; `http` on loopback alone.
    pub url: String,
    /// For all of it: address, connection, TLS, request, answer.
    pub timeout: Duration,
    /// Whose page it is.
    pub access_token: Option<Arc<Secret>>,
}

/// An answer, of whatever status.
pub struct Page {
    /// HTTP status.
    pub status: u16,
    /// The body, whole, at most 64 KiB.
    pub body: Zeroizing<Vec<u8>>,
    /// What the clock over there showed, to the second. On loopback it is this machine's own.
    pub date: Option<UnixTime>,
}

/// S1: who knows what a body repeats.
impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Page({}, {} bytes)", self.status, self.body.len())
    }
}

impl Zoho {
    /// Reads the page once; an error says why there is none. Dropping the future closes the connection.
    pub async fn get(&self, call: PageCall) -> Result<Page, Cause> {
        let destination = self.clients.destination(&call.url)?;
        let page = exchange(&destination, call.access_token.as_deref());
        let failure = match tokio::time::timeout(call.timeout, page).await {
            Ok(Ok(page)) => return Ok(page),
            Ok(Err(failure)) => failure,
            Err(_elapsed) => Failure::Late(call.timeout),
        };
        let is_out = match &failure {
            Failure::Http(error) => !error.is_connect(),
            Failure::TooLong | Failure::Late(_) => true,
        };
        Err(failure.into_cause(destination.host(), is_out))
    }
}

async fn exchange(
    destination: &Destination<'_>,
    access_token: Option<&Secret>,
) -> Result<Page, Failure> {
    let url = destination.url.clone();
    let mut request = destination
        .client
        .get(url)
        .header(ACCEPT, "application/json");
    if let Some(header) = access_token.and_then(authorization) {
        request = request.header(AUTHORIZATION, header);
    }
    let response = request.send().await?;
    let status = response.status().as_u16();
    let date = date(response.headers());
    let body = read(response).await?;
    Ok(Page { status, body, date })
}

/// The header's own copy is not wiped; an access token lives an hour. `None`: no text of a header, so no token.
fn authorization(access_token: &Secret) -> Option<HeaderValue> {
    let text = Zeroizing::new(format!("Zoho-oauthtoken {}", access_token.expose()));
    let mut header = HeaderValue::from_str(&text).ok()?;
    header.set_sensitive(true);
    Some(header)
}
