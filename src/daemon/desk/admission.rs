//! Who gets to which call, and what the others hear.
//!
//! Invariant: a peer without a right learns nothing, not even whether an org of that name exists (S2).

use crate::base::OrgName;
use crate::daemon::standing::Standing;
use crate::edge::http::{Answer, Call, Problem};
use crate::policy::access::Peer;

/// Lets the peer through to the call, or says why not.
pub(super) fn admit(standing: &Standing, peer: &Peer, call: &Call) -> Result<(), Answer> {
    const ADMINS: &str = "`daemon.admins`";
    const MONITORS: &str = "`daemon.monitors`";
    let access = &standing.access;
    let is_admin = access.may_admin(peer);
    let may_read = |org| access.may_read(peer, standing.readers_of(org));
    let (may, list) = match call {
        Call::Live | Call::Ready | Call::Orgs => (true, READERS),
        Call::Metrics => (access.may_monitor(peer), MONITORS),
        Call::Reload | Call::Enroll(_) | Call::Login(_) | Call::Revoke(_) | Call::Refresh(_) => {
            (is_admin, ADMINS)
        }
        Call::Token(org) | Call::Report(org) => (may_read(org), READERS),
        Call::Org(org) | Call::History(org) => (may_read(org) || access.may_monitor(peer), READERS),
    };
    match call.org() {
        // Of an org that left the config, the store may still know; admins see all names with `status --all`, too.
        Some(_) if is_admin && matches!(call, Call::History(_) | Call::Revoke(_)) => Ok(()),
        Some(org) if standing.org(org).is_none() => Err(missing(standing, peer, org, list)),
        org if !may => Err(forbidden(peer, org, list).into()),
        _ => Ok(()),
    }
}

/// An org that the config does not have. Only who may learn it is told that; all others hear what they would of an
/// org that it has.
pub(super) fn missing(standing: &Standing, peer: &Peer, org: &OrgName, list: &str) -> Answer {
    if standing.access.may_admin(peer) {
        no_such_org(org)
    } else {
        forbidden(peer, Some(org), list).into()
    }
}

/// The key of the config that lets a peer read.
pub(super) const READERS: &str = "`readers` of the org";

/// Names the list of the config that would let the peer through.
pub(super) fn forbidden(peer: &Peer, org: Option<&OrgName>, list: &str) -> Problem {
    let detail = format!(
        "uid {} may not do this, nor may any of its groups",
        peer.uid
    );
    let cure = format!("an operator adds the user, or one of its groups, to {list} and reloads");
    let problem = Problem::new(403, "forbidden", "Forbidden", detail).cure(cure);
    match org {
        Some(org) => problem.of(org),
        None => problem,
    }
}

pub(in crate::daemon) fn no_such_org(org: &OrgName) -> Answer {
    let cure = format!("write [orgs.{org}] into the config and reload, or mend the name");
    Problem::new(
        404,
        "no-such-org",
        "Not Found",
        "the config has no org of this name",
    )
    .of(org)
    .cure(cure)
    .into()
}
