//! The table of our own codes: what the config, an enrolment or the disk says, without a word of Zoho's.

use super::row::{Row, heals, stays};
use crate::policy::reply::Asked;

/// Shown as `cause`.
pub(super) const OURS: &[Row] = &[
    stays(
        &["unenrolled"],
        "Nobody has given org {org} its grant yet",
        "Make a grant token at {console} (Self Client, Generate Code) and run `zoho-tokend enroll {org}`",
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
        "Put the config back as it was and reload, or enroll for what it says now: make a grant token at {console} \
         and run `zoho-tokend enroll {org}`",
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
        "Correct `environment` and `data_center` of org {org} and reload, or make a grant token at {console} that \
         chooses what they say, and run `zoho-tokend enroll {org}`",
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
        "Make a grant token at {console} with all of `scopes` of org {org} and run `zoho-tokend enroll {org}`, or \
         take out of `scopes` what no job needs and reload",
    ),
    stays(
        &["no-client-secret"],
        "Client {client} has no secret, neither in the config nor from an enrolment of org {org}",
        "Name the secret as `client_secret` of client {client} and reload, or run `zoho-tokend enroll {org}`, which \
         asks for it",
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
        "Nothing to do, or write [orgs.{org}] into the config again and reload",
    ),
    heals(
        &["stopping"],
        "The daemon was stopping, and sent nothing more",
        "See `systemctl status zoho-tokend` for why it stopped",
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
