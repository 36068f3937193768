//! The codes of Zoho's token endpoint, documented or seen, and those of the way there.
//!
//! In braces stands the [place](super::Place); see [`super::fill`]. Sources: Zoho
//! CRM API v8 "Token Validity", Kaizen #43 and #79, "Will the refresh tokens expire", Accounts "Multi-DC" and
//! "Client Credentials Flow", and what users of the API have reported.

use super::row::{Row, heals, stays};
use crate::policy::reply::Asked;

/// A wrong data center shows as almost anything but a clear word.
const SUSPECT_DC: &str = "Check `data_center` of org {org}, now {dc}: the client and the user's account must live \
    there, and the client's page must be at {console}";

pub(super) const SUSPECT_THE_WAY: &str =
    "Check the way to {accounts} (`proxy` in [daemon], firewall), and see {status}";

/// For a code that nobody has written down.
pub(super) const UNKNOWN: Row = heals(
    &[],
    "Zoho answered `{code}`, which no document of Zoho's explains",
    "Look up `{code}` in Zoho's API documentation",
);

/// `error` in an answer of the token endpoint. What people meet most stands first.
pub(super) const TABLE: &[Row] = &[
    // What Zoho says: the grant.
    stays(
        &["invalid_code", "invalid_grant"],
        "Zoho does not know this refresh token any more: it was revoked, pushed out by a 21st one of the same user, \
         or ended with a changed password, a removed connection or a deleted client",
        "{renew}; readers keep the current token until it ends",
    )
    .mostly("at a refresh"),
    stays(
        &["invalid_code", "invalid_grant"],
        "The grant token has expired (it lives minutes, as chosen in the console), has been used before (it works \
         once), or is of another client",
        "Make a new one at {console} (client {client}, Generate Code) and give it to `zoho-tokend enroll {org}` at \
         once",
    )
    .on(Asked::Exchange),
    stays(
        &["invalid_code", "invalid_grant"],
        "Zoho does not know this refresh token: it is no refresh token, or of another client, or revoked",
        "Check that it is the refresh token, not an access token, of client {client} in data center {dc}, or {renew}",
    )
    .on(Asked::TakeOver),
    heals(
        &["invalid_code", "invalid_grant"],
        "Zoho speaks of a code or a refresh token, and client credentials have neither",
        "Compare `grant` of org {org} with the type of client {client} at {console}",
    )
    .on(Asked::Client),
    stays(
        &["invalid_code", "invalid_grant"],
        "The code of the consent page has expired (it lives a minute or two), has been used before, or is of another \
         client",
        "Run `zoho-tokend login {org}` again",
    )
    .on(Asked::Login),
    stays(
        &["no-refresh-token"],
        "Zoho gave an access token without a refresh token, as it does where the same person has consented to client \
         {client} before; nothing of an older grant has changed",
        "Run `zoho-tokend login {org}` again and press Accept where Zoho asks; if it comes back, remove client {client} \
         from that person's Connected Apps at {accounts} first, and see that the client is a server-based application",
    )
    .on(Asked::Login),
    stays(
        &["no-refresh-token"],
        "Zoho gave an access token without a refresh token, as it does when consent was not for offline access",
        "Consent again with a Self Client's grant token from {console} and `zoho-tokend enroll {org}`",
    )
    .mostly("at `enroll`"),
    stays(
        &["Access Denied", "access_denied"],
        "Zoho throttles: over 10 access tokens in 10 minutes from one refresh token, ours and all others together",
        "Nothing to do now: nothing is sent for 10 minutes and readers keep the current token; if it comes back, \
         stop whatever else refreshes with client {client} (an old script, another host)",
    )
    .on(Asked::Refresh),
    stays(
        &["Access Denied", "access_denied"],
        "Zoho throttles: over 10 codes or access tokens in 10 minutes",
        "Wait 10 minutes, stop whatever else refreshes with client {client} (an old script, another host), and then \
         run `zoho-tokend login {org}` again",
    )
    .on(Asked::Login),
    stays(
        &["Access Denied", "access_denied"],
        "Zoho throttles: over 10 access tokens in 10 minutes by client credentials, ours and all others together",
        "Wait 10 minutes, and stop whatever else mints with client {client}, or set its `mints_per_10min` to 10",
    )
    .on(Asked::ClientProof)
    .once_more(),
    stays(
        &["Access Denied", "access_denied"],
        "Zoho throttles: over 10 access tokens in 10 minutes by client credentials, ours and all others together",
        "Nothing to do now: nothing is sent for 10 minutes and readers keep the current token; if it comes back, \
         stop whatever else mints with client {client}, or set its `mints_per_10min` to 10",
    )
    .on(Asked::Client),
    stays(
        &["Access Denied", "access_denied"],
        "Zoho throttles: over 10 grant tokens or access tokens in 10 minutes",
        "Wait 10 minutes, and stop whatever else refreshes with client {client} (an old script, another host)",
    )
    .once_more()
    .mostly("at `enroll`"),
    heals(
        &["general_error", "server_error", "temporarily_unavailable"],
        "Zoho had an error of its own",
        SUSPECT_THE_WAY,
    ),
    // What Zoho says: the config.
    stays(
        &["invalid_client", "invalid_client_secret"],
        "Data center {dc} refuses client {client}, which mints in data center {works}: this is most likely the wrong \
         data center for org {org}",
        "Set `data_center` of org {org} to the one where its user's account lives, most likely {works}; if {dc} is \
         right, switch Multi-DC on for the client at {console}, and use the secret that it has for {dc}",
    )
    .elsewhere(),
    stays(
        &["invalid_client"],
        "Data center {dc} knows no client {client} with this client id and secret, most often because the client \
         belongs to another data center",
        "Check `data_center` of org {org} first: the client's page must be at {console}, or have Multi-DC switched \
         on; then compare client id and secret of client {client} with that page",
    ),
    stays(
        &["invalid_client_secret"],
        "The secret of client {client} is wrong, or is that of another data center",
        "Copy the secret of client {client} for data center {dc} from {console} again, since a client may have one \
         secret per data center, {secret}",
    ),
    NO_SUCH_REDIRECT,
    stays(
        &["invalid_scope"],
        "Zoho does not know one of the scopes of org {org}",
        "Compare `scopes` of org {org} with the names in Zoho's API documentation and with what the client at \
         {console} may ask for",
    ),
    stays(
        &["missing_org_info", "invalid_soid", "invalid_org"],
        "Zoho finds no org by the `soid` of org {org}, or none that its `scopes` are for",
        "Set `soid` of org {org} to the service of its scopes and the org's id, like ZohoCRM.600123456, for an org in \
         data center {dc}",
    ),
    stays(
        &["invalid_request"],
        "Zoho misses a parameter of the request, or cannot read one",
        "Check client id and `redirect_uri` of client {client}, and `scopes` and `soid` of org {org}",
    ),
    stays(
        &["unsupported_grant_type", "unauthorized_client"],
        "Client {client} may not use client credentials",
        "Use a Self Client of {console} for org {org}, or set its `grant` to \"self-client\", reload and run \
         `zoho-tokend enroll {org}`",
    )
    .on(Asked::Client),
    stays(
        &["unsupported_grant_type", "unauthorized_client", "invalid_response_type"],
        "Client {client} may not use this kind of grant",
        "Compare `grant` of org {org} with the type of client {client} at {console}",
    ),
];

/// The consent page and the token endpoint say it alike.
pub(super) const NO_SUCH_REDIRECT: Row = stays(
    &["invalid_redirect_uri"],
    "Client {client} has no such redirect URI registered",
    "Make `redirect_uri` of client {client} equal, to the letter, to one that {console} lists",
);

/// What came instead of an answer, or happened on the way to one.
pub(super) const WAY: &[Row] = &[
    heals(
        &["html"],
        "A web page came instead of JSON, from Zoho on a bad day or from a proxy in between",
        SUSPECT_DC,
    ),
    heals(
        &["http-3xx"],
        "The accounts server pointed elsewhere, and secrets are not sent after a redirect",
        SUSPECT_DC,
    ),
    heals(
        &["http-4xx"],
        "The accounts server refused the request without a reason that can be read",
        SUSPECT_DC,
    ),
    stays(
        &["http-429"],
        "Zoho, or a proxy before it, counts too many requests",
        "Wait 10 minutes: nothing is sent before that, and readers keep the current token",
    ),
    heals(
        &["http-1xx", "http-6xx"],
        "What answered sent a status that HTTP does not have: it is no token endpoint",
        SUSPECT_THE_WAY,
    ),
    heals(
        &["http-5xx"],
        "Zoho, or a proxy before it, is in trouble",
        "See {status}",
    ),
    heals(
        &[
            "empty-answer", "garbage", "unknown-answer", "no-access-token", "bad-token", "bad-answer",
            "bad-lifetime",
        ],
        "Zoho's answer held no token that can be used, as happens at times without a reason",
        "See what {accounts} answers to this host, and whether a proxy in between changes it",
    ),
    heals(
        &["answer-too-long", "bad-http"],
        "What answered is no token endpoint: too long an answer, or no HTTP",
        "Check that nothing on the way to {accounts} answers in its place: `proxy` in [daemon], HTTPS_PROXY, DNS, a \
         captive portal",
    ),
    // What happened on the way.
    heals(&["timeout", "no-answer"], "Zoho took the request and did not answer in time", SUSPECT_THE_WAY),
    heals(
        &["connection-lost"],
        "The connection broke before the whole answer had come",
        SUSPECT_THE_WAY,
    ),
    heals(
        &["connect", "connect-timeout"],
        "This host cannot connect to {accounts}",
        "Check network and firewall of this host (TCP to {accounts}), or set `proxy` in [daemon]",
    )
    .unsent(),
    heals(
        &["dns"],
        "This host does not find the address of {accounts}",
        "Check DNS on this host (`resolvectl query`, /etc/resolv.conf), or set `proxy` in [daemon]",
    )
    .unsent(),
    heals(
        &["proxy"],
        "The proxy did not open the way to {accounts}",
        "Check `proxy` in [daemon] or HTTPS_PROXY, its user and password, and that it lets this host reach \
         {accounts}",
    )
    .unsent(),
    heals(
        &["tls"],
        "No TLS connection to {accounts}: what answered speaks no TLS, or no version that is safe",
        "Check what is between this host and {accounts}: `proxy` in [daemon], firewall, captive portal",
    )
    .unsent(),
    heals(
        &["tls-expired", "tls-not-yet-valid"],
        "The certificate of {accounts} is not valid at this host's time",
        "Check this host's clock first (`timedatectl`), then what is between this host and {accounts}",
    )
    .unsent(),
    heals(
        &["tls-wrong-name"],
        "What answered has a certificate for another name than {accounts}; nothing secret was sent to it",
        "Check DNS and `proxy` on this host, since something answers in Zoho's place",
    )
    .unsent(),
    heals(
        &["tls-unknown-issuer"],
        "The certificate of {accounts} was issued by nobody that this host trusts; nothing secret was sent to it",
        "If a proxy of yours opens TLS, name its root in `ca_file` in [daemon], else install the system's roots \
         (package ca-certificates); `zoho-tokend reload` reads them",
    )
    .unsent(),
    stays(
        &["insecure-url"],
        "The token endpoint of data center {dc} is neither https nor on loopback, and secrets go nowhere else",
        "Correct `accounts_url` or `token_url` in [data_centers.{dc}]",
    ),
];
