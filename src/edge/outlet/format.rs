//! What stands in the files, per format.
//!
//! Pure: a publication in, bytes out, which are wiped when dropped.

use serde::Serialize;
use zeroize::Zeroizing;

use super::Publication;
use crate::config::Format;

/// The word between `Authorization:` and the token (Zoho CRM API v8, "Make API Calls").
const SCHEME: &str = "Zoho-oauthtoken";

/// Room for every content with a token of Zoho's length, so that no copy is left behind by growing.
const CAPACITY: usize = 4_096;

impl Format {
    /// The name of the file in an org's folder.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Token => "access_token",
            Self::Header => "header",
            Self::Env => "env",
            Self::Json => "token.json",
        }
    }

    /// The content.
    #[expect(
        clippy::missing_panics_doc,
        reason = "texts and numbers are always JSON"
    )]
    pub fn render(self, publication: &Publication) -> Zeroizing<Vec<u8>> {
        let token = publication.access_token.expose();
        let mut content = Zeroizing::new(Vec::with_capacity(CAPACITY.max(4 * token.len())));
        match self {
            Self::Token => content.extend_from_slice(token.as_bytes()),
            Self::Header => push(&mut content, &["Authorization: ", SCHEME, " ", token, "\n"]),
            Self::Env => {
                assign(&mut content, "ZOHO_ACCESS_TOKEN", token);
                assign(&mut content, "ZOHO_API_DOMAIN", &publication.api_domain);
                let expires_at = publication.expires_at.to_rfc3339();
                assign(&mut content, "ZOHO_TOKEN_EXPIRES_AT", &expires_at);
            }
            Self::Json => {
                serde_json::to_writer(&mut *content, &Answer::of(publication))
                    .expect("texts and numbers are always JSON, and memory takes all");
                content.push(b'\n');
            }
        }
        content
    }
}

/// The token answer of the socket, without what depends on the moment of reading.
#[derive(Serialize)]
struct Answer<'a> {
    org: &'a str,
    environment: &'a str,
    data_center: &'a str,
    access_token: &'a str,
    token_type: &'a str,
    api_domain: &'a str,
    scope: &'a [String],
    expires_at: String,
    generation: u64,
}

impl<'a> Answer<'a> {
    fn of(publication: &'a Publication) -> Self {
        Self {
            org: publication.org.as_str(),
            environment: publication.environment.as_str(),
            data_center: &publication.data_center,
            access_token: publication.access_token.expose(),
            token_type: &publication.token_type,
            api_domain: &publication.api_domain,
            scope: &publication.scope,
            expires_at: publication.expires_at.to_rfc3339(),
            generation: publication.generation,
        }
    }
}

/// `NAME=VALUE`, bare where it can be: docker's `--env-file` knows no quotes. Else in double quotes, with
/// the four escapes that systemd.exec(5) and sh(1) read alike.
fn assign(content: &mut Vec<u8>, name: &str, value: &str) {
    let is_bare = |b: u8| b.is_ascii_alphanumeric() || b"._:/@%+,=-".contains(&b);
    push(content, &[name, "="]);
    if value.bytes().all(is_bare) {
        content.extend_from_slice(value.as_bytes());
    } else {
        content.push(b'"');
        for b in value.bytes() {
            if b"\"\\`$".contains(&b) {
                content.push(b'\\');
            }
            content.push(b);
        }
        content.push(b'"');
    }
    content.push(b'\n');
}

fn push(content: &mut Vec<u8>, parts: &[&str]) {
    for part in parts {
        content.extend_from_slice(part.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::base::{Environment, OrgName, Secret, UnixTime};
    use crate::policy::access::Ids;

    fn publication(token: &str) -> Publication {
        Publication {
            org: OrgName::parse("acme-production").expect("a good name"),
            access_token: Arc::new(Secret::new(token.into())),
            token_type: "Zoho-oauthtoken".into(),
            api_domain: "https://www.zohoapis.eu".into(),
            scope: vec!["ZohoCRM.modules.ALL".into()],
            environment: Environment::Production,
            data_center: "eu".into(),
            expires_at: UnixTime(1_795_309_931_000),
            generation: 1_795_306_331,
            readers: Ids::default(),
        }
    }

    fn text(format: Format, token: &str) -> String {
        String::from_utf8(format.render(&publication(token)).to_vec()).expect("texts")
    }

    #[test]
    fn the_token_stands_alone_without_a_line_break() {
        assert_eq!(text(Format::Token, "1000.abc"), "1000.abc");
    }

    #[test]
    fn the_header_is_one_line() {
        assert_eq!(
            text(Format::Header, "1000.abc"),
            "Authorization: Zoho-oauthtoken 1000.abc\n"
        );
    }

    #[test]
    fn the_variables_are_those_of_exec() {
        assert_eq!(
            text(Format::Env, "1000.abc"),
            "ZOHO_ACCESS_TOKEN=1000.abc\nZOHO_API_DOMAIN=https://www.zohoapis.eu\n\
             ZOHO_TOKEN_EXPIRES_AT=2026-11-22T01:12:11Z\n"
        );
    }

    #[test]
    fn a_value_with_a_meaning_to_a_shell_is_quoted() {
        let env = text(Format::Env, r#"a$(b)`"\;"#);
        assert_eq!(
            env.lines().next(),
            Some(r#"ZOHO_ACCESS_TOKEN="a\$(b)\`\"\\;""#)
        );
    }

    #[test]
    fn a_shell_reads_back_every_token_that_can_be() {
        let all: String = ('!'..='~').collect();
        for token in ["1000.abc", "", all.as_str(), "'\"'$x`y`\\"] {
            let script = format!(
                "{}printf %s \"$ZOHO_ACCESS_TOKEN\"",
                text(Format::Env, token)
            );
            let shell = std::process::Command::new("sh")
                .args(["-c", &script])
                .output();
            let read = shell.expect("every system has sh").stdout;
            assert_eq!(String::from_utf8_lossy(&read), token);
        }
    }

    #[test]
    fn the_json_is_the_answer_of_the_socket_without_what_depends_on_the_moment() {
        assert_eq!(
            text(Format::Json, "1000.abc"),
            concat!(
                r#"{"org":"acme-production","environment":"production","data_center":"eu","#,
                r#""access_token":"1000.abc","token_type":"Zoho-oauthtoken","#,
                r#""api_domain":"https://www.zohoapis.eu","scope":["ZohoCRM.modules.ALL"],"#,
                r#""expires_at":"2026-11-22T01:12:11Z","generation":1795306331}"#,
                "\n"
            )
        );
    }

    #[test]
    fn every_format_has_one_word_and_one_file() {
        for format in Format::ALL {
            assert_eq!(Format::parse(format.as_str()), Some(format));
        }
        assert_eq!(Format::parse("Token"), None);
    }
}
