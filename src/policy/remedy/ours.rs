//! The table of our own codes: what the config, an enrolment or the disk says, without a word of Zoho's.

use super::row::{Row, heals, stays};
use crate::policy::reply::Asked;

/// Shown as `cause`.
pub(super) const OURS: &[Row] = &[
    stays(
        &["unenrolled"],
        "Nobody has given org {org} its grant yet",
        "{renew}",
    ),
    stays(
        &["another-grant"],
        "What was brought is not for the `grant` that org {org} has in the config",
        "With client-credentials `zoho-tokend enroll {org}` takes the client's secret alone, with any other `grant` a \
         grant token or refresh token: bring that, or correct `grant` of org {org} and reload",
    ),
    stays(
        &["config-changed"],
        "The config of org {org} has changed while Zoho was asked",
        "See `zoho-tokend status {org}`; it mints by the new config",
    ),
    stays(
        &["config-contradicts-grant"],
        "The config says another thing of org {org} than its grant was made for",
        "Put the config back as it was and reload, or run `zoho-tokend enroll {org}` to mint by what it says now: that \
         asks for the secret of client {client} if the config has none",
    )
    .on(Asked::Client),
    stays(
        &["config-contradicts-grant"],
        "The config says another thing of org {org} than its grant was enrolled for",
        "Put the config back as it was and reload, or enroll for what it says now: {renew}",
    ),
    stays(
        &["wrong-place"],
        "The token of client {client} is of another environment or data center than org {org} has in the config",
        "Correct `soid`, `environment` and `data_center` of org {org} and reload, or run `zoho-tokend refresh {org}` \
         once it is right at Zoho",
    )
    .on(Asked::Client),
    stays(
        &["wrong-place"],
        "This grant is of another environment or data center than org {org} has in the config",
        "Correct `environment` and `data_center` of org {org} and reload, or choose at Zoho what they say: {renew}",
    ),
    stays(
        &["wrong-org"],
        "The token of client {client} is of another Zoho org than org {org} stands for, by the word of Zoho's API",
        "Correct `soid` of org {org} and reload; if the other org is meant from now on, write its id as `org_id` of \
         org {org} and reload",
    )
    .on(Asked::Client),
    stays(
        &["wrong-org"],
        "This grant is of another Zoho org than org {org} stands for, by the word of Zoho's API",
        "Choose the right org at Zoho: {renew}; if the other org is meant from now on, write its id as `org_id` of org \
         {org}, reload, and enroll again where it was refused",
    ),
    stays(
        &["scope-too-narrow"],
        "Client {client} was granted less than all scopes that org {org} has in the config",
        "Take out of `scopes` of org {org} what the client may not have and reload, or run `zoho-tokend refresh {org}` \
         once it may",
    )
    .on(Asked::Client),
    stays(
        &["scope-too-narrow"],
        "This grant lacks scopes that org {org} has in the config",
        "Ask for all of `scopes` of org {org}: {renew}; or take out of `scopes` what no job needs and reload",
    ),
    stays(
        &["other-client"],
        "The file is of another client of the API console than org {org} has in the config",
        "Download it from the client whose id [clients.{client}] has, at {console}, or correct that `client_id` and \
         reload",
    ),
    stays(
        &["grant-token-expired"],
        "The grant token in the file has expired: it lives the minutes that were chosen in the console",
        "Make a new one at {console} (Self Client, Generate Code; choose 10 minutes) and run `zoho-tokend enroll \
         {org}` at once",
    ),
    stays(
        &["other-data-center"],
        "The person who consented has an account in another data center than org {org} has in the config; nothing was \
         sent there or here",
        "Run `zoho-tokend login {org}` as a user of data center {dc} (a private window of the browser forgets who is \
         logged in), or correct `data_center` of org {org} and reload",
    ),
    stays(
        &["unknown-accounts-server"],
        "The browser was sent back from an accounts server that is none of the config's and none of Zoho's that this \
         release knows; nothing was sent to it",
        "Run `zoho-tokend login {org}` again and look at the address of the page before you log in there; a data center \
         that is new at Zoho can be named in [data_centers]",
    ),
    stays(
        &["not-web"],
        "Org {org} has another `grant` in the config than \"web\", and only that is given by a login",
        "Run `zoho-tokend enroll {org}`, or set grant = \"web\" for org {org}, with a client that has a `redirect_uri`, \
         and reload",
    ),
    stays(
        &["no-redirect-uri"],
        "Client {client} has no `redirect_uri`, so that Zoho has nowhere to send the browser back to",
        "Add redirect_uri = \"http://localhost:8976/callback\" to [clients.{client}] and, letter by letter, to the \
         client's page at {console}, and reload",
    ),
    stays(
        &["other-redirect-uri"],
        "The config has another `redirect_uri` for client {client} than this login began with",
        "Run `zoho-tokend login {org}` again",
    ),
    stays(
        &["no-client-secret"],
        "Client {client} has no secret, neither in the config nor from an enrolment of org {org}",
        "Name the secret as `client_secret` of client {client} and reload, or give it to `zoho-tokend {verb} {org}`, \
         which asks for it and seals it",
    )
    .on(Asked::Client),
    stays(
        &["no-client-secret"],
        "Client {client} has no secret, neither in the config nor from an enrolment of org {org}",
        "Name the secret as `client_secret` of client {client} and reload, or give it to `zoho-tokend enroll {org} \
         --client-secret`, which seals it",
    ),
    stays(
        &["not-configured", "removed"],
        "Org {org} has left the config; its grant is kept",
        "Nothing to do, or write [orgs.{org}] into the config again and reload, or end its grant with `zoho-tokend revoke \
         {org}` (client credentials: with --forget)",
    ),
    heals(
        &["stopping"],
        "The daemon was stopping, and sent nothing more",
        "See `systemctl status zoho-tokend` for why it stopped",
    ),
    stays(
        &["revoking"],
        "Org {org} is being revoked, and Zoho has not confirmed it yet; nothing of it is served",
        "Nothing to do: it is asked again (`zoho-tokend history {org}`); `zoho-tokend {verb} {org}` gives the org a \
         new grant",
    ),
    stays(
        &["nothing-to-revoke"],
        "There is no refresh token of org {org} to revoke",
        "Nothing to do; `zoho-tokend status --all` shows the orgs that have one, and `zoho-tokend revoke {org} --forget` \
         drops what is sealed for client credentials",
    ),
    stays(
        &["shared-grant"],
        "Revoking would end other orgs as well, which live on the same refresh token",
        "Give those orgs grants of their own first (`zoho-tokend enroll`), or drop this org's copy alone with \
         `zoho-tokend revoke {org} --forget`: the others then live on",
    ),
    stays(
        &["calling"],
        "A call to Zoho is on its way for org {org}",
        "Wait for its end and try again",
    ),
    stays(
        &["revoke-lost"],
        "Zoho was asked to revoke, and whether it has nobody knows; nothing of org {org} is served any more",
        "Nothing to do: it is asked again until Zoho says so (`zoho-tokend history {org}`)",
    ),
    stays(
        &["revoke-without-reason"],
        "Zoho refuses to revoke and says no reason, as it does where it knows no such refresh token; but nothing else \
         says that this one is gone",
        "Run `zoho-tokend refresh {org}`: if Zoho then answers invalid_code, revoke again and it counts as gone; if it \
         mints, end the connection at {console} and drop ours with `zoho-tokend revoke {org} --forget`",
    ),
    stays(
        &["no-revocation"],
        "The accounts server of data center {dc} has no endpoint that revokes where one was looked for",
        "Set `revoke_url` in [data_centers.{dc}] if it is a server of your own; else end the connection at {console} \
         and drop ours with `zoho-tokend revoke {org} --forget`",
    ),
    stays(
        &["no-data-center"],
        "The config does not say where data center {dc} is, so nobody can be asked to revoke",
        "Define [data_centers.{dc}] again and reload, or drop ours with `zoho-tokend revoke {org} --forget`",
    ),
    stays(
        &["busy"],
        "Another enrolment of org {org} is on its way",
        "Wait for its end, and see `zoho-tokend status {org}`",
    ),
    heals(
        &["shorter-life"],
        "Zoho granted a token that ends before the one in use, which stays",
        "See `zoho-tokend history {org}` for the lives that Zoho grants",
    ),
    heals(
        &["ended-on-the-way"],
        "Zoho granted a token whose life was over when its answer came; the one in use stays",
        "See `zoho-tokend history {org}` for the lives that Zoho grants, and the way to {accounts}",
    ),
    stays(
        &["state-unwritable", "state-hangs"],
        "The state cannot be written, and nothing is sent to Zoho that could not be written down",
        "Free the disk, or mend owner and mode of the folder of `state` in [daemon]: the log says which; what waits \
         is written as soon as that works",
    ),
];
