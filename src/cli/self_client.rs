//! The file that the console's Self Client page offers for download: a grant token, whose it is, and for how long.
//!
//! Zoho describes it nowhere. Seen are `client_id`, `client_secret`, `code`, `grant_type`, `scope` as a text or a list,
//! and `expiry_time` in milliseconds; all but the code may be missing, and what else there is does not matter.
//! Invariant: nothing of the file but its name is in any message (S1).

use std::io::Read as _;
use std::path::Path;

use serde::Deserialize;
use zeroize::Zeroizing;

use super::failure::{Exit, Failure, in_one_line};
use super::hand_over::Grant;
use super::{output, span};
use crate::base::{Secret, UnixTime, flaw_of_field};
use crate::edge::clock::SystemClock;
use crate::edge::small_file;

/// Largest file: all of Zoho's scopes have 20 KB.
const SIZE_MAX: usize = 64 * 1024;
/// Unix time below this is told in seconds: in milliseconds it would be before 1974.
const SECONDS_MAX: f64 = 1e11;

/// What the file holds.
pub(super) struct SelfClient {
    /// As it was typed.
    name: String,
    is_file: bool,
    code: Secret,
    client_secret: Option<Secret>,
    client_id: Option<String>,
    /// With commas.
    scope: Option<String>,
    expires_at: Option<UnixTime>,
}

impl SelfClient {
    /// Reads `path`, or stdin where it is `-`, and says what a person should know before the token is spent.
    pub(super) fn read(org: &str, path: &Path) -> Result<Self, Failure> {
        let is_file = path != Path::new("-");
        let name = if is_file {
            path.display().to_string()
        } else {
            "stdin".to_owned()
        };
        let bytes = if is_file {
            let file = small_file::read(path, SIZE_MAX).map_err(|why| {
                // Each of them ends with what to do.
                let told = format!("{name} {why}");
                let (what, cure) = told.split_once("; ").unwrap_or((&told, DOWNLOAD));
                unusable(org, what, cure)
            })?;
            warn_if_open(org, &name, file.mode);
            file.bytes
        } else {
            read_stdin(org)?
        };
        let new = Self::parse(&bytes, &name, is_file)
            .map_err(|what| unusable(org, &format!("{name} {what}"), DOWNLOAD))?;
        new.tell_time_left(org, SystemClock::new().now().wall);
        Ok(new)
    }

    /// The grant token with all that the daemon can compare before it is spent.
    pub(super) fn grant(&self) -> Grant<'_> {
        Grant {
            kind: "code",
            code: Some(self.code.expose()),
            client_id: self.client_id.as_deref(),
            scope: self.scope.as_deref(),
            expiry_time: self.expires_at.map(|at| at.0),
            ..Grant::default()
        }
    }

    pub(super) fn client_secret(&self) -> Option<&Secret> {
        self.client_secret.as_ref()
    }

    /// Once it is used.
    pub(super) fn advise(&self, org: &str) {
        if !self.is_file {
            return;
        }
        let what = if self.client_secret.is_some() {
            "holds the client's secret in clear, and its grant token is used up"
        } else {
            "holds a grant token that is used up"
        };
        let name = &self.name;
        let cure = format!("delete it: `shred -u {name}`");
        output::complain_of(&Failure::new(
            Exit::Done,
            org,
            &format!("{name} {what}"),
            &cure,
        ));
    }

    /// Neither the config nor the file has the client's secret.
    pub(super) fn lacks_secret(&self, org: &str) -> Failure {
        let what = format!(
            "the config leaves the client secret to the enrolment, and {} has none",
            self.name
        );
        let cure = "run `zoho-tokend enroll` without --self-client, which asks for both";
        Failure::new(Exit::Data, org, &what, cure)
    }

    fn parse(bytes: &[u8], name: &str, is_file: bool) -> Result<Self, &'static str> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        // The parser's own words may quote the file.
        let text: Text = serde_json::from_slice(bytes).map_err(|_| "is not the console's JSON")?;
        if text
            .grant_type
            .is_some_and(|kind| kind != "authorization_code")
        {
            return Err("is for another grant than a grant token");
        }
        let sound = |own: Option<&_>| own.and_then(secret).map(sound).transpose();
        let (code, client_secret) = (
            sound(text.code.as_ref())?,
            sound(text.client_secret.as_ref())?,
        );
        let client_id = text.client_id.filter(|id| !id.is_empty());
        if client_id.as_deref().and_then(flaw_of_field).is_some() {
            return Err(FLAWED);
        }
        Ok(Self {
            name: name.to_owned(),
            is_file,
            code: code.ok_or("has no `code`")?,
            client_secret,
            client_id,
            scope: text
                .scope
                .map(Words::joined)
                .filter(|scope| !scope.is_empty()),
            expires_at: text.expiry_time.and_then(Moment::unix_ms).map(UnixTime),
        })
    }

    fn tell_time_left(&self, org: &str, now: UnixTime) {
        let left_ms = self.expires_at.map(|at| at.0.saturating_sub(now.0));
        // What is over the daemon says, with the console's address.
        if let Some(left_ms @ 1..) = left_ms {
            let left = span::short(u64::try_from(left_ms).unwrap_or(0) / 1000);
            let place = if self.is_file { "in" } else { "on" };
            let name = in_one_line(&self.name);
            output::complain(&format!(
                "{org}: the grant token {place} {name} works for another {left}"
            ));
        }
    }
}

/// What to do about a file that is not the console's.
const DOWNLOAD: &str =
    "download it at the API console of the org's data center: Self Client, Generate Code, Download";

/// An editor or a copy has changed it.
const FLAWED: &str =
    "has a field that Zoho cannot have written: a space or a letter outside ASCII is in it";

/// The file as it is written. Deserialised into buffers that are wiped.
#[derive(Deserialize)]
struct Text {
    code: Option<Zeroizing<String>>,
    client_secret: Option<Zeroizing<String>>,
    client_id: Option<String>,
    grant_type: Option<String>,
    scope: Option<Words>,
    expiry_time: Option<Moment>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Words {
    Text(String),
    List(Vec<String>),
}

impl Words {
    fn joined(self) -> String {
        match self {
            Self::Text(text) => text.split_whitespace().collect::<Vec<_>>().join(","),
            Self::List(words) => words.join(","),
        }
    }
}

/// What is none of these is no moment, and proves nothing.
#[derive(Deserialize)]
#[serde(untagged)]
enum Moment {
    Number(f64),
    Text(String),
    Other(serde::de::IgnoredAny),
}

impl Moment {
    fn unix_ms(self) -> Option<i64> {
        let number = match self {
            Self::Number(number) => number,
            Self::Text(text) => text.trim().parse().ok()?,
            Self::Other(_) => return None,
        };
        let ms = if number < SECONDS_MAX {
            number * 1000.0
        } else {
            number
        };
        let is_moment = ms.is_finite() && (1.0..1e15).contains(&ms);
        #[expect(clippy::cast_possible_truncation, reason = "between 1 and 10^15")]
        is_moment.then_some(ms as i64)
    }
}

fn secret(text: &Zeroizing<String>) -> Option<Secret> {
    let word = text.trim();
    (!word.is_empty()).then(|| Secret::new(word.to_owned()))
}

fn sound(secret: Secret) -> Result<Secret, &'static str> {
    let flaw = flaw_of_field(secret.expose()).map(|_| FLAWED);
    flaw.map_or(Ok(secret), Err)
}

/// Whoever could read it could have used it.
fn warn_if_open(org: &str, name: &str, mode: u32) {
    let is_open = mode & 0o077 != 0;
    if !is_open {
        return;
    }
    let what = format!("others on this host could read {name} (mode {mode:04o})");
    let cure = "renew the client's secret at the API console if strangers use this host, and download with umask 077";
    output::complain_of(&Failure::new(Exit::Done, org, &what, cure));
}

fn read_stdin(org: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(SIZE_MAX + 64));
    let stdin = std::io::stdin().lock();
    let read = stdin.take(SIZE_MAX as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|error| unusable(org, &format!("stdin cannot be read: {error}"), DOWNLOAD))?;
    if bytes.len() > SIZE_MAX {
        let what = format!("over {SIZE_MAX} bytes on stdin");
        return Err(unusable(org, &what, DOWNLOAD));
    }
    Ok(bytes)
}

fn unusable(org: &str, what: &str, cure: &str) -> Failure {
    Failure::new(Exit::Data, org, what, cure)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<SelfClient, &'static str> {
        SelfClient::parse(text.as_bytes(), "self_client.json", true)
    }

    fn good(text: &str) -> SelfClient {
        parse(text).unwrap_or_else(|what| unreachable!("it {what}: {text}"))
    }

    #[test]
    fn a_scope_may_be_a_text_with_commas_or_spaces_or_a_list() {
        for scope in [
            r#""A.b.READ,C.d.ALL""#,
            r#""A.b.READ C.d.ALL""#,
            r#"["A.b.READ","C.d.ALL"]"#,
        ] {
            let file = good(&format!(r#"{{"code":"1000.c","scope":{scope}}}"#));
            assert_eq!(file.scope.as_deref(), Some("A.b.READ,C.d.ALL"), "{scope}");
        }
    }

    #[test]
    fn an_expiry_may_be_missing_in_milliseconds_in_seconds_or_a_text() {
        let ends = |value: &str| good(&format!(r#"{{"code":"c"{value}}}"#)).expires_at;
        let then = Some(UnixTime(1_795_306_331_000));
        assert_eq!(ends(""), None);
        assert_eq!(ends(r#","expiry_time":1795306331000"#), then);
        assert_eq!(ends(r#","expiry_time":1795306331"#), then);
        assert_eq!(ends(r#","expiry_time":"1795306331000""#), then);
        for nothing in ["null", "-1", "0", "1e300", r#""soon""#, "[1]"] {
            assert_eq!(
                ends(&format!(r#","expiry_time":{nothing}"#)),
                None,
                "{nothing}"
            );
        }
    }

    #[test]
    fn all_but_the_code_may_be_missing_and_more_may_be_there() {
        let file = good("\u{feff}{\"code\":\" 1000.c \",\"more\":[1,{}],\"client_id\":\"\"}");
        assert_eq!(file.code.expose(), "1000.c");
        assert!(file.client_secret.is_none() && file.client_id.is_none());
    }

    #[test]
    fn s1_what_is_not_the_consoles_file_is_refused_and_not_quoted() {
        for (text, what) in [
            ("1000.canary", "is not the console's JSON"),
            (r#"{"code":7}"#, "is not the console's JSON"),
            (r#"{"client_id":"1000.canary"}"#, "has no `code`"),
            (r#"{"code":"1000.can ary"}"#, FLAWED),
            (
                r#"{"code":"1000.canary","grant_type":"refresh_token"}"#,
                "is for another grant than a grant token",
            ),
        ] {
            assert_eq!(parse(text).err(), Some(what), "{text}");
        }
    }
}
