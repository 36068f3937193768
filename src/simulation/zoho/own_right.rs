//! Client credentials: a client mints for the org that its soid names, without a refresh token.
//!
//! Zoho does not say what it counts such mints by; here it is the client and the soid, as it is the refresh token
//! elsewhere. Sources: Accounts "Client Credentials Flow", Kaizen #164.

use std::sync::Arc;

use super::{Decision, Place, Who, Zoho};

/// A client's own right: client id, data center and soid.
pub type Right = [Arc<str>; 3];

/// The same, as whoever asks for it has it.
pub type RightOf<'a> = [&'a str; 3];

impl Zoho {
    /// Whether the client of this right is in order, and the number of its grant; `None` before its first call.
    pub fn own_right(&self, right: RightOf<'_>) -> Option<(usize, bool)> {
        let [client_id, data_center, soid] = right;
        // The soid first: it is what tells most rights apart.
        let is_it = |(own, _): &&(Right, usize)| {
            *own[2] == *soid && *own[0] == *client_id && *own[1] == *data_center
        };
        let (_, grant) = self.rights.iter().find(is_it)?;
        Some((*grant, self.grants[*grant].revoked_at.is_none()))
    }

    /// The grant of a right that is used for the first time, for the org at `place`.
    pub fn open_right(&mut self, right: Right, place: Place) -> usize {
        let grant = self.push_grant(place);
        self.rights.push((right, grant));
        grant
    }

    /// The client is in order again.
    pub fn restore(&mut self, grant: usize) {
        self.grants[grant].revoked_at = None;
    }

    /// A call with client credentials arrives.
    pub(super) fn take_by_right(
        &mut self,
        grant: usize,
        scope: &Arc<str>,
        life_ms: i64,
        now: i64,
    ) -> Decision {
        if self.grants[grant].revoked_at.is_some() {
            return Decision::RefusesClient;
        }
        if let Some(throttle) = self.throttle(grant, now) {
            return throttle;
        }
        let token = self.mint(grant, Who::Daemon, life_ms, now);
        self.issued[token].scope = Arc::clone(scope);
        Decision::Grants {
            token,
            with_refresh_token: false,
        }
    }

    /// Whether a grant is a client's own right.
    pub(super) fn is_own_right(&self, grant: usize) -> bool {
        self.rights.iter().any(|(_, own)| *own == grant)
    }
}
