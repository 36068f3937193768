//! What happens to the policy, and what it wants done.

use std::sync::Arc;
use std::time::Duration;

use super::identity::ZohoOrg;
use super::record::{Cause, Change, Note};
use super::reply::{Asked, Outcome};
use super::report::{Report, Ruling};
use super::revocation::Said;
use super::revoke::{Ended, Wish};
use super::revoking::Doomed;
use super::settings::OrgSettings;
use crate::base::{Boottime, OrgName, Secret, UnixTime};

/// Numbers one call to Zoho. An answer that names another than the one awaited changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Attempt(pub u64);

/// Numbers one write to the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct WriteId(pub u64);

/// Numbers one call of an admin or a reporter that waits for its outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestId(pub u64);

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// Time has passed.
    Tick,
    /// A write is on the disk.
    Stored(WriteId),
    /// A write is not on the disk, and will not be: whoever cannot be sure looks first. (The next write of
    /// that org carries the same revision, which the store would refuse if this one had been kept after all.)
    StoreFailed(WriteId, Cause),
    /// A call to Zoho is over.
    Answered {
        /// The org it was made for.
        org: OrgName,
        /// Which call.
        attempt: Attempt,
        /// What came.
        answer: Answer,
    },
    /// Zoho's API has said which org a token is of, or it has not.
    Told {
        /// The org it was asked for.
        org: OrgName,
        /// Which question.
        attempt: Attempt,
        /// What came.
        said: Result<ZohoOrg, Cause>,
    },
    /// The answer to a call carries this `Date`; said before [`Event::Answered`] of that call, which is then
    /// still awaited. Only of an answer that is sure to come from Zoho: over TLS.
    Dated {
        /// The org whose call it was.
        org: OrgName,
        /// When the call began.
        asked: Boottime,
        /// What Zoho's clock showed, cut to the second.
        date: UnixTime,
    },
    /// An admin brings a grant.
    Enroll {
        /// For this org.
        org: OrgName,
        /// Who waits.
        request: RequestId,
        /// The grant.
        offer: Offer,
    },
    /// An admin brings another client secret for the grant that an org has.
    Prove {
        /// Of this org.
        org: OrgName,
        /// Who waits.
        request: RequestId,
        /// The secret.
        client_secret: Arc<Secret>,
    },
    /// An admin wants a new token now.
    Refresh {
        /// Of this org.
        org: OrgName,
        /// Who waits.
        request: RequestId,
    },
    /// An admin wants an org's refresh tokens revoked, or forgotten.
    Revoke {
        /// Of this org.
        org: OrgName,
        /// Who waits.
        request: RequestId,
        /// What exactly.
        wish: Wish,
    },
    /// A call to revoke is over.
    RevocationAnswered {
        /// The org it was made for.
        org: OrgName,
        /// Which call.
        attempt: Attempt,
        /// What came.
        said: Said,
    },
    /// A reader says that Zoho's API refused its token. Whether it may read that token, others have checked.
    Report {
        /// The token's org.
        org: OrgName,
        /// Who waits.
        request: RequestId,
        /// What it says.
        report: Report,
    },
    /// The config is another one.
    Configured(Vec<OrgSettings>),
}

/// How a call to Zoho ended.
#[derive(Debug)]
pub enum Answer {
    /// No byte of it was written: it cannot have minted.
    NotSent(Cause),
    /// It was written, and no whole answer came: it may have minted.
    Lost(Cause),
    /// Zoho answered.
    Sorted(Outcome),
}

/// What an admin brings to an enrolment.
#[derive(Debug)]
pub struct Offer {
    /// The right itself.
    pub right: Right,
    /// The client secret, where the config leaves it to the enrolment.
    pub client_secret: Option<Arc<Secret>>,
    /// Whether the refresh token that it replaces lives on at Zoho.
    pub keeps_old: bool,
}

/// A right to mint, as a person holds it.
#[derive(Debug, Clone)]
pub enum Right {
    /// A grant code: exchanged once.
    Code(Arc<Secret>),
    /// A refresh token that one already has: proved by one mint.
    RefreshToken(Arc<Secret>),
    /// What a browser brought back from the consent page: exchanged once.
    Login(Login),
    /// The client's own, for the org that the config's soid names: nothing but its id and secret is shown.
    Client,
}

/// A grant code with what it was asked for with: the exchange must name the same.
#[derive(Debug, Clone)]
pub struct Login {
    /// The code.
    pub code: Arc<Secret>,
    /// Where the consent page sent the browser, to the letter.
    pub redirect_uri: String,
    /// What the challenge was made of (RFC 7636, 4.1), if there was one.
    pub code_verifier: Option<Arc<Secret>>,
}

/// What the policy wants done, in this order.
#[derive(Debug)]
pub enum Step {
    /// Keep these changes, all or none, after all earlier writes, and say [`Event::Stored`] or [`Event::StoreFailed`].
    Write {
        /// Which write.
        write: WriteId,
        /// What.
        changes: Vec<Change>,
    },
    /// Call Zoho's token endpoint once, and say [`Event::Answered`].
    Call {
        /// For this org.
        org: OrgName,
        /// Which call.
        attempt: Attempt,
        /// What to ask of it.
        asked: Asked,
        /// With this right.
        right: Right,
        /// And this client secret instead of the config's.
        client_secret: Option<Arc<Secret>>,
    },
    /// Ask Zoho's API once which org this token is of, and say [`Event::Told`].
    Ask {
        /// For this org, and at its own API host.
        org: OrgName,
        /// Which question.
        attempt: Attempt,
        /// The token.
        access_token: Arc<Secret>,
        /// For all of it.
        timeout: Duration,
    },
    /// Have Zoho revoke a refresh token, and say [`Event::RevocationAnswered`].
    Revoke {
        /// For this org.
        org: OrgName,
        /// Which call.
        attempt: Attempt,
        /// Which refresh token.
        doomed: Doomed,
    },
    /// The org's token is another one: bring it to every outlet.
    Publish(OrgName),
    /// The org's token must not be read any more: take it from every outlet, if it is there.
    Withdraw(OrgName),
    /// Tell the admin who waits.
    Reply {
        /// Who.
        request: RequestId,
        /// How it went.
        result: Result<(), Refusal>,
    },
    /// Tell the admin who waits for a revocation.
    Revoked {
        /// Who.
        request: RequestId,
        /// How it went.
        result: Result<Ended, Refusal>,
    },
    /// Tell the reporter who waits.
    Rule {
        /// Who.
        request: RequestId,
        /// What; `None`: the config has no such org, or has it no more.
        ruling: Option<Ruling>,
    },
    /// Tell the operator.
    Tell(Severity, Arc<Note>),
}

/// How loudly to tell the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// All is well.
    Info,
    /// It may heal by itself.
    Warning,
    /// A person must act.
    Error,
}

impl Refusal {
    /// The code behind it, where it is not the limits alone.
    pub(super) fn cause(&self) -> Option<&Cause> {
        match self {
            Self::Refused(cause) | Self::Throttled(cause, _) | Self::Later(cause, _) => Some(cause),
            Self::NoSuchOrg | Self::NoBudget(_) => None,
        }
    }
}

/// Why an admin's call came to nothing, sorted by what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// No such org in the config.
    NoSuchOrg,
    /// Zoho or the config says no; the same call will fail again.
    Refused(Cause),
    /// The limits of Zoho leave no room before that moment.
    NoBudget(Boottime),
    /// Zoho has just throttled the call; nothing is sent before that moment.
    Throttled(Cause, Boottime),
    /// Something that heals by itself is in the way; the schedule tries again at that moment.
    Later(Cause, Boottime),
}
