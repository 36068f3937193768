//! The daemon's answer to a read of a token, as far as a job needs it.
//!
//! Invariant: what is parsed holds a whole token, and nothing but [`TokenAnswer`] itself holds it; an error quotes none.

use serde::{Deserialize, Deserializer};

use crate::base::Secret;

/// What a job needs of `GET /v1/orgs/ORG/token`.
#[derive(Deserialize)]
pub struct TokenAnswer {
    /// Fit for a header, a shell and a line.
    #[serde(deserialize_with = "secret")]
    pub access_token: Secret,
    /// When it ends, in RFC 3339.
    pub expires_at: String,
    /// Where it is used.
    pub api_domain: Option<String>,
}

impl TokenAnswer {
    /// `None` where the answer holds no whole token.
    pub fn parse(body: &[u8]) -> Option<Self> {
        // The error is dropped: it could quote the token.
        let answer: Self = serde_json::from_slice(body).ok()?;
        is_token(answer.access_token.expose()).then_some(answer)
    }

    /// As variables whose names begin with `prefix`. An API domain that is not known is set and empty: a value left
    /// from another org would be worse.
    pub fn variables(&self, prefix: &str) -> [(String, &str); 3] {
        [
            ("ACCESS_TOKEN", self.access_token.expose()),
            ("API_DOMAIN", self.api_domain.as_deref().unwrap_or_default()),
            ("TOKEN_EXPIRES_AT", &self.expires_at),
        ]
        .map(|(name, value)| (format!("{prefix}{name}"), value))
    }

    /// The same for a shell's `eval`.
    pub fn as_assignments(&self) -> String {
        let lines = self.variables("ZOHO_");
        let lines = lines.map(|(name, value)| format!("{name}={}\n", quoted(value)));
        lines.concat()
    }
}

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    String::deserialize(deserializer).map(Secret::new)
}

/// `text` as one word of a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Visible ASCII without spaces: fit for a header, a shell and a line.
pub fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_text_is_one_word_and_runs_nothing() {
        assert_eq!(
            quoted("https://www.zohoapis.eu"),
            "'https://www.zohoapis.eu'"
        );
        assert_eq!(quoted("a'; rm -rf $HOME #"), r"'a'\''; rm -rf $HOME #'");
    }

    #[test]
    fn what_a_header_cannot_carry_is_no_token() {
        assert!(is_token("1000.0123abcd.89ef"));
        for bad in ["", " ", "1000.a b", "1000.a\r\nX: y", "1000.é"] {
            assert!(!is_token(bad), "{bad:?}");
        }
    }
}
