//! The table: every code that Zoho documents or has been seen to send, and every code of ours.
//!
//! In braces stands the [place](super::Place): `{org} {client} {dc} {console} {accounts} {code}`. Sources: Zoho
//! CRM API v8 "Token Validity", Kaizen #43 and #79, "Will the refresh tokens expire", Accounts "Multi-DC" and
//! "Client Credentials Flow", and what users of the API have reported.

use crate::policy::reply::Asked;

/// One or more codes that mean the same and have the same cure.
pub(super) struct Row {
    /// As [`folded`](crate::policy::reply::folded) writes them.
    pub(super) codes: &'static [&'static str],
    /// The only call that this row speaks of; `None`: both.
    pub(super) asked: Option<Asked>,
    /// What has happened.
    pub(super) meaning: &'static str,
    /// What to do.
    pub(super) cure: &'static str,
    /// What to do when it has happened several times in a row, if that is something else.
    pub(super) lasting: Option<&'static str>,
}

const fn row(codes: &'static [&'static str], meaning: &'static str, cure: &'static str) -> Row {
    Row {
        codes,
        asked: None,
        meaning,
        cure,
        lasting: None,
    }
}

impl Row {
    const fn on(self, asked: Asked) -> Self {
        Self {
            asked: Some(asked),
            ..self
        }
    }

    const fn lasting(self, cure: &'static str) -> Self {
        Self {
            lasting: Some(cure),
            ..self
        }
    }
}

/// The cure of whatever heals by itself.
const WAIT: &str =
    "Nothing to do: it is tried again, and readers keep the current token until it ends";

/// A wrong data center shows as almost anything but a clear word.
const SUSPECT_DC: &str = "Check `data_center` of org {org}, now {dc}: the client and the user's account must live there, and the \
     client's page must be at {console}";

/// For a code that nobody has written down.
pub(super) const UNKNOWN: Row = row(
    &[],
    "Zoho answered `{code}`, which no document of Zoho's explains",
    WAIT,
)
.lasting("Look up `{code}` in Zoho's API documentation; it is tried on until then");

pub(super) const TABLE: &[Row] = &[
    // What Zoho says: the grant.
    row(
        &["invalid_code", "invalid_grant"],
        "The grant token has expired (it lives minutes, as chosen in the console) or has been used before (it works once)",
        "Make a new one at {console} (Self Client, Generate Code) and give it to `zoho-tokend enroll {org}` at once",
    )
    .on(Asked::Exchange),
    row(
        &["invalid_code", "invalid_grant"],
        "Zoho does not know this refresh token any more: it was revoked, pushed out by a 21st one of the same user, or \
         ended with a changed password, a removed connection or a deleted client",
        "Make a grant token at {console} (Self Client, Generate Code) and run `zoho-tokend enroll {org}`; readers keep \
         the current token until it ends",
    )
    .on(Asked::Refresh),
    row(
        &["no-refresh-token"],
        "Zoho gave an access token without a refresh token, as it does when consent was not for offline access",
        "Consent again with a Self Client's grant token from {console} and `zoho-tokend enroll {org}`, or with \
         `zoho-tokend login {org}`, which asks for offline access",
    ),
    row(
        &["access_denied"],
        "Zoho throttles: over 10 access tokens in 10 minutes from one refresh token, ours and everybody else's together",
        "Nothing to do now: nothing is sent for 10 minutes and readers keep the current token; if it comes back, stop \
         whatever else refreshes with client {client} (an old script, another host)",
    ),
    // What Zoho says: the config.
    row(
        &["invalid_client"],
        "Data center {dc} knows no client {client} with this client id and secret, most often because the client \
         belongs to another data center",
        "Check `data_center` of org {org} first: the client's page must be at {console}, or have Multi-DC switched on; \
         then compare client id and secret of client {client} with that page",
    ),
    row(
        &["invalid_client_secret"],
        "The secret of client {client} is wrong, or is that of another data center",
        "Copy the secret of client {client} for data center {dc} from {console} again, since a client may have one \
         secret per data center",
    ),
    row(
        &["invalid_redirect_uri"],
        "Client {client} has no such redirect URI registered",
        "Make `redirect_uri` of client {client} equal, to the letter, to one that {console} lists",
    ),
    row(
        &["invalid_scope"],
        "Zoho does not know one of the scopes of org {org}",
        "Compare `scopes` of org {org} with the names in Zoho's API documentation and with what the client at {console} \
         may ask for",
    ),
    row(
        &["missing_org_info", "invalid_soid", "invalid_org"],
        "Zoho finds no org by the `soid` of org {org}",
        "Set `soid` of org {org} to the service and the org's id, like ZohoCRM.600123456, for an org in data center {dc}",
    ),
    row(
        &["invalid_request"],
        "Zoho misses a parameter of the request, or cannot read one",
        "Check client id and `redirect_uri` of client {client}, and `scopes` and `soid` of org {org}",
    ),
    row(
        &["unsupported_grant_type", "unauthorized_client", "invalid_response_type"],
        "Client {client} may not use this kind of grant",
        "Compare `grant` of org {org} with the type of client {client} at {console}",
    ),
    // What came instead of an answer.
    row(
        &["html"],
        "A web page came instead of JSON, from Zoho on a bad day or from a proxy in between",
        WAIT,
    )
    .lasting(SUSPECT_DC),
    row(&["http-3xx"], "The accounts server pointed elsewhere, and secrets are not sent after a redirect", WAIT)
        .lasting(SUSPECT_DC),
    row(&["http-4xx"], "The accounts server refused the request without a reason that can be read", WAIT)
        .lasting(SUSPECT_DC),
    row(
        &["http-407"],
        "The proxy on the way to {accounts} wants a user and a password",
        "Put them into `proxy` in [daemon], or into HTTPS_PROXY",
    ),
    row(
        &["http-429"],
        "Zoho, or a proxy before it, counts too many requests",
        "Nothing to do now: nothing is sent for a whole window and readers keep the current token",
    ),
    row(&["http-5xx"], "Zoho, or a proxy before it, is in trouble", WAIT)
        .lasting("See Zoho's status page for data center {dc}; it is tried on, and readers keep the current token until it ends"),
    row(
        &["empty-answer", "garbage", "unknown-answer", "no-access-token", "bad-token", "bad-answer", "bad-lifetime"],
        "Zoho's answer held no token that can be used, as happens at times without a reason",
        WAIT,
    )
    .lasting("See what {accounts} answers from this host, and whether a proxy in between changes it; it is tried on"),
    row(
        &["answer-too-long", "bad-http"],
        "What answered is no token endpoint: too long an answer, or no HTTP",
        WAIT,
    )
    .lasting("Check that nothing on the way to {accounts} answers in its place: `proxy` in [daemon], HTTPS_PROXY, DNS, a captive portal"),
    // What happened on the way.
    row(&["timeout"], "Zoho took the request and did not answer in time", WAIT)
        .lasting("Check the way to {accounts} (`proxy` in [daemon], firewall), and Zoho's status page; it is tried on"),
    row(&["connection-lost"], "The connection broke before the whole answer had come", WAIT)
        .lasting("Check the way to {accounts} (`proxy` in [daemon], firewall), and Zoho's status page; it is tried on"),
    row(
        &["connect", "connect-timeout"],
        "This host cannot connect to {accounts}",
        "Check network and firewall of this host (TCP port 443 to {accounts}), or set `proxy` in [daemon]; it is tried on",
    ),
    row(
        &["dns"],
        "This host does not find the address of {accounts}",
        "Check DNS on this host (`resolvectl query`, /etc/resolv.conf), or set `proxy` in [daemon]; it is tried on",
    ),
    row(
        &["proxy"],
        "The proxy did not open the way to {accounts}",
        "Check `proxy` in [daemon] or HTTPS_PROXY, and that the proxy lets this host reach {accounts}; it is tried on",
    ),
    row(
        &["tls"],
        "No TLS connection to {accounts}: what answered speaks no TLS, or not a version that is safe",
        "Check what is between this host and {accounts} (`proxy` in [daemon], firewall, captive portal); it is tried on",
    ),
    row(
        &["tls-expired", "tls-not-yet-valid"],
        "The certificate of {accounts} is not valid at this host's time",
        "Check this host's clock first (`timedatectl`), then what is between this host and {accounts}; it is tried on",
    ),
    row(
        &["tls-wrong-name"],
        "What answered has a certificate for another name than {accounts}",
        "Check DNS and `proxy` on this host, since something answers in Zoho's place; nothing secret was sent to it",
    ),
    row(
        &["tls-unknown-issuer"],
        "The certificate of {accounts} was issued by nobody that this host trusts, as when a proxy opens TLS",
        "If a proxy of yours opens TLS, name its root in `ca_file` in [daemon]; else install the system's roots (package \
         ca-certificates) and run `zoho-tokend reload`; nothing secret was sent",
    ),
    row(
        &["insecure-url"],
        "The token endpoint of data center {dc} is neither https nor on loopback, and secrets go nowhere else",
        "Correct `accounts_url` or `token_url` in [data_centers.{dc}]",
    ),
];
