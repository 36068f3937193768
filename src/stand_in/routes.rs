//! Which path means what, and how a reply becomes bytes.
//!
//! Zoho's own paths are `/oauth/…` and `/crm/…`; what begins with `/_/` is for the test that drives the stand-in
//! ([`super::control`]).

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CONNECTION, CONTENT_LENGTH, DATE, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::answer::{Body, Refusal, Reply};
use super::clock::{http_date, wall_time};
use super::control;
use super::crm;
use super::outgoing::Outgoing;
use super::params::Params;
use super::server::World;
use super::zoho::Org;
use crate::base::{Environment, UnixTime};

/// Largest request body; a token call has a few hundred bytes.
const BODY_MAX: usize = 64 * 1024;
/// To receive it.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// What "for ever" means to a client that hangs.
const HANG_MAX: Duration = Duration::from_hours(1);
/// What no URL may carry, as URLs end up in logs.
const SECRETS: [&str; 5] = [
    "client_secret",
    "refresh_token",
    "access_token",
    "code",
    "token",
];

/// What every connection of one listener knows.
pub(super) struct Site {
    pub(super) world: World,
    pub(super) addr: SocketAddr,
    pub(super) outage: mpsc::Sender<Duration>,
}

impl Site {
    pub(super) fn origin(&self) -> String {
        format!("http://{}", self.addr)
    }

    pub(super) fn new_org(&self, environment: Environment) -> Org {
        let origin = self.origin();
        Org {
            id: self.world.with(|zoho, _| zoho.new_org_id()),
            environment,
            api_domain: match environment {
                Environment::Production => origin,
                other => format!("{origin}/{other}"),
            },
        }
    }
}

/// Answers one request; the error closes the connection without an answer.
pub(super) async fn answer(
    site: Arc<Site>,
    request: Request<Incoming>,
) -> io::Result<Response<Outgoing>> {
    let (parts, body) = request.into_parts();
    let body = timeout(BODY_TIMEOUT, Limited::new(body, BODY_MAX).collect());
    let reply = match body.await {
        Ok(Ok(body)) => route(&site, &parts, &body.to_bytes()),
        Ok(Err(_)) => Reply::json(413, ""),
        Err(_) => Reply::json(408, ""),
    };
    send(reply, &site.world).await
}

fn route(site: &Site, parts: &Parts, body: &Bytes) -> Reply {
    let path = parts.uri.path();
    if let Some(control_path) = path.strip_prefix("/_/") {
        return control::answer(site, parts, control_path, body);
    }
    let world = &site.world;
    match (&parts.method, path) {
        (&Method::POST, "/oauth/v2/token") => {
            let params = params(world, parts, body);
            world.with(|zoho, now| zoho.token(&params, now))
        }
        (_, "/oauth/v2/token") => {
            let (status, body) = Refusal::NoGrantType.answer();
            Reply::json(status, body)
        }
        (&Method::POST, "/oauth/v2/token/revoke") => {
            let params = params(world, parts, body);
            world.with(|zoho, now| zoho.revoke(params.value("token"), now))
        }
        (&Method::POST, "/oauth/v2/revoke/token") => {
            let params = params(world, parts, body);
            let (id, secret) = basic(parts).unwrap_or_default();
            world.with(|zoho, now| zoho.revoke_of((&id, &secret), params.value("token"), now))
        }
        (&Method::GET, "/oauth/v2/auth") => {
            let params = Params::parse(parts.uri.query().unwrap_or("").as_bytes());
            let usual = site.new_org(Environment::Production);
            world.with(|zoho, now| zoho.authorize(&params, &site.origin(), usual, now))
        }
        (&Method::GET, "/oauth/serverinfo") => world.with(|zoho, _| zoho.servers()),
        (&Method::GET, _) if path.contains(crm::ROOT) => {
            let header = parts.headers.get(AUTHORIZATION);
            let header = header.and_then(|value| value.to_str().ok()).unwrap_or("");
            let query = Params::parse(parts.uri.query().unwrap_or("").as_bytes());
            world.with(|zoho, now| zoho.crm(header, path, &query, now))
        }
        _ => {
            world.with(|zoho, _| zoho.note_stray());
            Reply::json(404, "")
        }
    }
}

/// The client's id and secret of RFC 7617.
fn basic(parts: &Parts) -> Option<(String, String)> {
    let header = parts.headers.get(AUTHORIZATION)?.to_str().ok()?;
    let plain = base64(header.strip_prefix("Basic ")?)?;
    let (id, secret) = plain.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}

/// What RFC 4648 §4 has written as `text`.
fn base64(text: &str) -> Option<String> {
    const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for digit in text.trim_end_matches('=').chars() {
        bits = (bits << 6) | u32::try_from(DIGITS.find(digit)?).ok()?;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from((bits >> count) & 0xff).ok()?);
        }
    }
    String::from_utf8(bytes).ok()
}

/// From the body and, as Zoho takes them there too, from the URL.
fn params(world: &World, parts: &Parts, body: &Bytes) -> Params {
    let in_url = Params::parse(parts.uri.query().unwrap_or("").as_bytes());
    if in_url.has_any(&SECRETS) {
        world.with(|zoho, _| zoho.note_secret_in_url());
    }
    Params::parse(body).or(in_url)
}

async fn send(reply: Reply, world: &World) -> io::Result<Response<Outgoing>> {
    sleep(reply.delay).await;
    if let Some(token) = &reply.carries {
        world.with(|zoho, _| zoho.deliver(token));
    }
    let (body, announced) = match reply.body {
        Body::Whole(bytes) => (Outgoing::whole(bytes), None),
        Body::Half(bytes) => {
            let len = bytes.len();
            (Outgoing::half(bytes), Some(len))
        }
        Body::Drip(bytes, pause) => (Outgoing::drip(bytes, pause), None),
        Body::Huge(size) => (Outgoing::huge(size), None),
        Body::Hang => {
            sleep(HANG_MAX).await;
            return Err(io::ErrorKind::TimedOut.into());
        }
        Body::Close => return Err(io::ErrorKind::ConnectionAborted.into()),
    };
    let mut response = Response::new(body);
    *response.status_mut() = reply.status.try_into().map_err(io::Error::other)?;
    let headers = response.headers_mut();
    for (name, value) in reply.headers {
        let name = HeaderName::try_from(name).map_err(io::Error::other)?;
        headers.append(
            name,
            HeaderValue::try_from(value).map_err(io::Error::other)?,
        );
    }
    if let Some(len) = announced {
        headers.insert(CONTENT_LENGTH, len.into());
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    if reply.date_skew_s != 0 {
        let shown = UnixTime(
            wall_time()
                .0
                .saturating_add(reply.date_skew_s.saturating_mul(1000)),
        );
        headers.insert(
            DATE,
            HeaderValue::try_from(http_date(shown)).map_err(io::Error::other)?,
        );
    }
    Ok(response)
}
