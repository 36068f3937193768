//! `[clients.NAME]`: one client of Zoho's API console.

use super::kinds::{count_in, is_loopback, is_name, url};
use super::report::Outside;
use super::secret_source::SecretSource;
use super::value::Value;

/// Longest client id.
const ID_MAX: usize = 256;
/// Most mints in ten minutes that make sense to allow: a hundred refresh tokens at their own limit.
pub(super) const MINTS_MAX: u32 = 1000;
/// What to say of a token in the config.
pub(super) const NO_TOKENS: (&str, &str) = (
    "refresh_token",
    "tokens are not kept in the config; hand it to `zoho-tokend enroll ORG --refresh-token`",
);

/// A client, which may serve many orgs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Zoho's id of it.
    pub client_id: String,
    /// Where its secret is; `None`: taken at enrolment and sealed.
    pub secret: Option<SecretSource>,
    /// Where `login` takes the browser back.
    pub redirect_uri: Option<String>,
    /// At most so many mints in ten minutes for all of its orgs.
    pub mints_per_10min: Option<u32>,
}

impl Client {
    pub(super) fn read(name: &str, value: &Value<'_>) -> Option<Self> {
        if !is_name(name) {
            return value.refuse("is no name; use up to 63 letters, digits, - and _");
        }
        let section = value.section("[clients.warehouse]")?;
        let client_id = section.required("client_id", "client_id = \"1000.…\"", client_id);
        let secret = section.optional("client_secret", |value| {
            let source = SecretSource::read(value)?;
            value.mention(Outside::ClientSecret(name.to_owned(), source.clone()));
            Some(source)
        });
        let redirect_uri = section.optional("redirect_uri", redirect_uri);
        let mints_per_10min = section.optional("mints_per_10min", count_in(1..=MINTS_MAX));
        section.finish(&[NO_TOKENS]);
        Some(Self {
            client_id: client_id?,
            secret,
            redirect_uri,
            mints_per_10min,
        })
    }
}

fn client_id(value: &Value<'_>) -> Option<String> {
    let text = value.text()?;
    if (1..=ID_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()) {
        return Some(text.to_owned());
    }
    value.refuse("is no client id; copy it whole from Zoho's API console, like 1000.…")
}

fn redirect_uri(value: &Value<'_>) -> Option<String> {
    let url = url(value, "http://localhost:8976/callback")?;
    if is_loopback(&url) && url.port().is_none() {
        return value
            .refuse("has no port to listen on; write it like \"http://localhost:8976/callback\"");
    }
    // As written: Zoho compares it letter by letter with the console's.
    value.text().map(str::to_owned)
}
