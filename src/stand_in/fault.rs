//! Faults by script: what goes wrong with the next token calls.
//!
//! A fault either sends something *instead* of the answer, or lets the answer out late or altered. With `minted`
//! Zoho does its work first and loses the answer: the token exists, its slot is spent, and the client never knows.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::answer::{Body, Reply};

/// One fault; the default one changes nothing.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fault {
    /// What goes out instead of the answer.
    pub instead: Option<Instead>,
    /// With `instead`: whether the call did its work all the same.
    pub minted: bool,
    /// To wait before anything goes out.
    pub delay_ms: u64,
    /// Keys of a granted answer to set: `{"expires_in": -1}`.
    pub set: Map<String, Value>,
    /// Keys of a granted answer to leave out: `["api_domain"]`.
    pub drop: Vec<String>,
    /// The older dialect: `expires_in` in milliseconds, with `expires_in_sec`.
    pub milliseconds: bool,
    /// A refresh is answered with a new refresh token, and the old one ends.
    pub rotate: bool,
    /// How far the `Date` header is from the truth, in seconds.
    pub date_skew_s: i64,
}

/// What may go out instead of an answer.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Instead {
    /// Nothing, for ever.
    Hang,
    /// Nothing; the connection closes.
    Close,
    /// Half of the answer, though all of it is announced.
    Half,
    /// The answer, a byte at a time.
    Drip {
        /// The pause before each byte.
        every_ms: u64,
    },
    /// A body of this size.
    Huge {
        /// 300 MB, say.
        bytes: u64,
    },
    /// A page for people, with status 200.
    Html,
    /// Bytes that are no text, with status 200.
    Garbage,
    /// Whatever the script says.
    Answer {
        /// HTTP status.
        status: u16,
        /// `{"location": "…"}`, `{"retry-after": "60"}`.
        #[serde(default)]
        headers: BTreeMap<String, String>,
        /// The body.
        #[serde(default)]
        body: String,
    },
}

impl Fault {
    /// `instead` goes out; nothing was minted.
    pub fn instead(instead: Instead) -> Self {
        Self {
            instead: Some(instead),
            ..Self::default()
        }
    }

    /// A bare status: 500, 503, 429.
    pub fn status(status: u16) -> Self {
        Self::answer(status, "")
    }

    /// Any status and body; `(200, "")` is the empty answer.
    pub fn answer(status: u16, body: impl Into<String>) -> Self {
        Self::instead(Instead::Answer {
            status,
            headers: BTreeMap::new(),
            body: body.into(),
        })
    }

    /// Sends the client, and the secrets that it posts, elsewhere.
    pub fn redirect(status: u16, location: impl Into<String>) -> Self {
        Self::instead(Instead::Answer {
            status,
            headers: BTreeMap::from([("location".to_owned(), location.into())]),
            body: String::new(),
        })
    }

    /// The token is made and the answer lost on its way.
    pub fn answer_lost() -> Self {
        Self::instead(Instead::Close).minted()
    }

    /// The answer comes late.
    pub fn delay_ms(delay_ms: u64) -> Self {
        Self {
            delay_ms,
            ..Self::default()
        }
    }

    /// One key of the granted answer is another.
    pub fn set(key: &str, value: impl Into<Value>) -> Self {
        Self {
            set: Map::from_iter([(key.to_owned(), value.into())]),
            ..Self::default()
        }
    }

    /// One key of the granted answer is missing.
    pub fn drop(key: &str) -> Self {
        Self {
            drop: vec![key.to_owned()],
            ..Self::default()
        }
    }

    /// The call does its work before its answer goes wrong.
    #[must_use]
    pub fn minted(self) -> Self {
        Self {
            minted: true,
            ..self
        }
    }

    /// Whether Zoho decides, mints and counts.
    pub(super) fn lets_zoho_work(&self) -> bool {
        self.minted || self.instead.is_none()
    }

    /// Whether the answer still tells the token that was made.
    fn tells_token(&self) -> bool {
        let key = "access_token";
        let is_kept = !self.set.contains_key(key) && !self.drop.iter().any(|drop| drop == key);
        self.instead.is_none() && is_kept
    }

    /// Alters the keys of a granted answer.
    pub(super) fn alter(&self, keys: &mut Map<String, Value>) {
        if self.milliseconds {
            let seconds = keys.get("expires_in").and_then(Value::as_u64).unwrap_or(0);
            keys.insert("expires_in_sec".to_owned(), json!(seconds));
            keys.insert("expires_in".to_owned(), json!(seconds * 1000));
        }
        keys.extend(self.set.clone());
        keys.retain(|key, _| !self.drop.contains(key));
    }

    /// Puts this fault between `reply` and the wire. What is halved or dripped without an answer is a canned one.
    pub(super) fn spoil(self, reply: Option<Reply>) -> Reply {
        let canned = || Reply::json(200, r#"{"access_token":"1000.never","expires_in":3600}"#);
        let mut reply = reply.unwrap_or_else(canned);
        reply.delay = Duration::from_millis(self.delay_ms);
        reply.date_skew_s = self.date_skew_s;
        if !self.tells_token() {
            reply.carries = None;
        }
        if let Some(instead) = self.instead {
            instead.replace(&mut reply);
        }
        reply
    }
}

impl Instead {
    fn replace(self, reply: &mut Reply) {
        let text = reply.text().as_bytes().to_vec();
        reply.body = match self {
            Self::Hang => Body::Hang,
            Self::Close => Body::Close,
            Self::Half => Body::Half(text),
            Self::Drip { every_ms } => Body::Drip(text, Duration::from_millis(every_ms)),
            Self::Huge { bytes } => Body::Huge(bytes),
            Self::Html => {
                reply.status = 200;
                reply.headers = vec![("content-type".to_owned(), "text/html".to_owned())];
                Body::Whole(b"<!DOCTYPE html><html><title>Zoho Accounts</title></html>".to_vec())
            }
            Self::Garbage => {
                reply.status = 200;
                Body::Whole(vec![0xff, 0x00, 0xfe, b'{', b'"', 0x80])
            }
            Self::Answer {
                status,
                headers,
                body,
            } => {
                reply.status = status;
                reply.headers = headers.into_iter().collect();
                Body::Whole(body.into_bytes())
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_written_as_json() {
        let text =
            r#"{"instead":{"answer":{"status":503,"headers":{"retry-after":"60"}}},"minted":true}"#;
        let fault: Fault = serde_json::from_str(text).expect("a fault");
        let reply = fault.spoil(None);
        assert_eq!(reply.status, 503);
        assert_eq!(reply.headers, [("retry-after".into(), "60".into())]);
        assert!(serde_json::from_str::<Fault>(r#"{"dealy_ms":5}"#).is_err());
    }
}
