//! What an answer of a revocation endpoint means, and whether Zoho's other endpoint is to be asked as well.
//!
//! Zoho documents two (Accounts "Revoke", and the newer "Revoke Token"), and of the refusals only that a bad token
//! brings HTTP 400. Total over any bytes. Invariant: a refresh token is taken for gone only where a server says so; a
//! 400 without a reason says it of one that the token endpoint has called invalid, and of no other.

use std::sync::Arc;

use super::record::Cause;
use super::reply::{folded, readable, without_secrets};
use crate::base::Secret;

/// How a revocation is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Zoho's `/oauth/v2/token/revoke`: the token alone.
    Zoho,
    /// Zoho's `/oauth/v2/revoke/token`: with the client's id and secret.
    ZohoNewer,
    /// RFC 7009, of another OAuth server.
    Standard,
}

/// What one endpoint has said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// It is revoked.
    Done,
    /// It knows no such token, or not any more.
    Unknown(Cause),
    /// HTTP 400 and no reason.
    NoReason(Cause),
    /// Nothing that revokes is there.
    NotThere(Cause),
    /// It has not revoked.
    Refused(Cause),
    /// It may have revoked.
    Unclear(Cause),
}

/// How a revocation went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// The token is revoked.
    Revoked,
    /// The server knows no such token any more.
    Gone(Cause),
    /// No byte was written.
    NotSent(Cause),
    /// The server was reached, and has not revoked.
    Refused(Cause),
    /// It may have revoked; nobody knows.
    Lost(Cause),
}

impl Reading {
    /// Reads an answer, with none of the secrets that were `sent` in anything that is shown (S1).
    pub fn of(dialect: Dialect, sent: &[Arc<Secret>], status: u16, body: &[u8]) -> Self {
        let answer = readable(sent, body);
        let text = |key| answer.as_ref().and_then(|answer| answer.get(key)?.as_str());
        if let Some(code) = text("error").filter(|code| !code.trim().is_empty()) {
            return with_code(status, code);
        }
        let is_page = body.trim_ascii_start().starts_with(b"<");
        let cause = Cause::new(
            &format!("http-{status}"),
            &format!("HTTP {status} to a revocation, without a reason"),
        );
        let is_failure = text("status").is_some_and(|word| !word.eq_ignore_ascii_case("success"));
        match status {
            500.. => Self::Unclear(cause),
            200..300 if dialect == Dialect::Standard => Self::Done,
            _ if is_page => Self::NotThere(cause),
            200..300 if is_failure => Self::Refused(cause),
            200..300 if answer.is_some() || dialect == Dialect::ZohoNewer => Self::Done,
            200..300 => Self::Unclear(cause),
            300..400 | 404 | 405 | 410 => Self::NotThere(cause),
            400 => Self::NoReason(cause),
            _ => Self::Refused(cause),
        }
    }

    /// Whether the other endpoint may know more.
    pub fn wants_another(&self, dialect: Dialect, may_be_gone: bool) -> bool {
        dialect == Dialect::Zoho
            && match self {
                Self::NotThere(_) => true,
                Self::NoReason(_) => !may_be_gone,
                _ => false,
            }
    }

    /// What it comes to if nobody else is asked. `may_be_gone`: other evidence says that the token is no good.
    pub fn settle(self, may_be_gone: bool) -> Said {
        match self {
            Self::Done => Said::Revoked,
            Self::Unknown(cause) => Said::Gone(cause),
            Self::NoReason(cause) if may_be_gone => Said::Gone(cause),
            Self::NoReason(cause) => {
                Said::Refused(Cause::new("revoke-without-reason", &cause.detail))
            }
            Self::NotThere(cause) => Said::Refused(Cause::new("no-revocation", &cause.detail)),
            Self::Refused(cause) => Said::Refused(cause),
            Self::Unclear(cause) => Said::Lost(cause),
        }
    }

    /// What it comes to with the other endpoint's word. A second 400 without a reason is none either: whatever stands
    /// before the one endpoint stands before both.
    pub fn settle_with(self, other: Said, may_be_gone: bool) -> Said {
        let has_no_reason = matches!(self, Self::NoReason(_));
        match other {
            Said::Refused(_) | Said::NotSent(_) if has_no_reason => self.settle(may_be_gone),
            other => other,
        }
    }
}

fn with_code(status: u16, code: &str) -> Reading {
    let cause = Cause::new(
        &without_secrets(code.trim()),
        &format!("HTTP {status} to a revocation"),
    );
    match folded(code).as_str() {
        // RFC 7009 has no such code: a token that is not known counts as revoked there, with 200.
        "invalid_token"
        | "invalid_code"
        | "invalid_grant"
        | "invalid_oauthtoken"
        | "invalid_oauth_token" => Reading::Unknown(cause),
        _ if status >= 500 => Reading::Unclear(cause),
        _ => Reading::Refused(cause),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(dialect: Dialect, status: u16, body: &str) -> String {
        let reading = Reading::of(dialect, &[], status, body.as_bytes());
        let text = format!("{reading:?}");
        text.split('(').next().unwrap_or_default().to_owned()
    }

    #[test]
    fn zohos_own_words_are_told_apart() {
        for (status, body, wanted) in [
            (200, r#"{"status":"success"}"#, "Done"),
            (400, "", "NoReason"),
            (400, r#"{"status":"failure"}"#, "NoReason"),
            (400, r#"{"error":"invalid_token"}"#, "Unknown"),
            (200, r#"{"error":"invalid_code"}"#, "Unknown"),
            (401, r#"{"error":"INVALID_OAUTHTOKEN"}"#, "Unknown"),
            (400, r#"{"error":"invalid_oauth_token"}"#, "Unknown"),
            (200, r#"{"status":"Error"}"#, "Refused"),
            (200, r#"{"status":"Success"}"#, "Done"),
            (400, r#"{"error":"Access Denied"}"#, "Refused"),
            (400, r#"{"error":"invalid_client"}"#, "Refused"),
            (200, r#"{"status":"failure"}"#, "Refused"),
            (404, "", "NotThere"),
            (404, "<html>", "NotThere"),
            (200, "<html>", "NotThere"),
            (400, "<html>", "NotThere"),
            (302, "", "NotThere"),
            (200, "", "Unclear"),
            (502, "<html>", "Unclear"),
            (500, r#"{"error":"general_error"}"#, "Unclear"),
            (401, "", "Refused"),
            (429, "", "Refused"),
        ] {
            assert_eq!(read(Dialect::Zoho, status, body), wanted, "{status} {body}");
        }
    }

    #[test]
    fn another_oauth_server_says_200_also_of_a_token_that_it_does_not_know() {
        assert_eq!(read(Dialect::Standard, 200, ""), "Done");
        assert_eq!(read(Dialect::ZohoNewer, 200, ""), "Done");
        let refused = r#"{"error":"invalid_client"}"#;
        assert_eq!(read(Dialect::Standard, 401, refused), "Refused");
        assert_eq!(read(Dialect::Standard, 503, ""), "Unclear");
    }

    /// R4: a 400 of another cause is not taken for success.
    #[test]
    fn r4_a_400_without_a_reason_is_believed_only_with_a_second_piece_of_evidence() {
        let bare = || Reading::of(Dialect::Zoho, &[], 400, b"");
        assert!(bare().wants_another(Dialect::Zoho, false));
        assert!(!bare().wants_another(Dialect::Zoho, true));
        assert!(matches!(bare().settle(true), Said::Gone(_)));
        assert!(matches!(bare().settle(false), Said::Refused(_)));
        let cause = || Cause::new("invalid_client", "HTTP 400");
        for other in [
            bare().settle(false),
            Said::Refused(cause()),
            Said::NotSent(cause()),
        ] {
            let settled = bare().settle_with(other, false);
            let told =
                matches!(&settled, Said::Refused(why) if why.code == "revoke-without-reason");
            assert!(told, "{settled:?}");
        }
        for other in [Said::Revoked, Said::Gone(cause()), Said::Lost(cause())] {
            assert_eq!(bare().settle_with(other.clone(), false), other);
        }
    }

    #[test]
    fn where_the_first_endpoint_is_not_there_the_second_decides() {
        let absent = || Reading::of(Dialect::Zoho, &[], 404, b"");
        assert!(absent().wants_another(Dialect::Zoho, true));
        assert!(!absent().wants_another(Dialect::Standard, false));
        let cause = Cause::new("connect", "no way");
        for other in [
            Said::Revoked,
            Said::NotSent(cause.clone()),
            Said::Refused(cause.clone()),
        ] {
            assert_eq!(absent().settle_with(other.clone(), false), other);
        }
        let alone = absent().settle(true);
        assert!(matches!(alone, Said::Refused(why) if why.code == "no-revocation"));
    }

    /// S1
    #[test]
    fn s1_what_was_sent_is_shown_nowhere() {
        let sent = Arc::new(Secret::new("1000.canary.canary".into()));
        let body = r#"{"error":"no 1000.canary.canary here"}"#;
        let reading = Reading::of(Dialect::Zoho, &[sent], 400, body.as_bytes());
        assert!(!format!("{reading:?}").contains("canary"), "{reading:?}");
    }
}
