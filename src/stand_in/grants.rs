//! How grants begin and end: the 21st of a user, rotation, revocation.

use super::answer::Reply;
use super::lane::{End, Lane};
use super::zoho::{Consent, Grant, Zoho};
use crate::base::Boottime;

/// Grants that are remembered, the dead ones included, for their counts.
const GRANTS_MAX: usize = 20_000;

impl Zoho {
    /// `POST /oauth/v2/token/revoke`: a refresh token with all its access tokens, or one access token.
    pub fn revoke(&mut self, token: &str, now: Boottime) -> Reply {
        self.traffic.revocations += 1;
        let fault = self.faults.take(&[token, "revoke"]);
        let reply = fault.lets_zoho_work().then(|| self.revoke_now(token, now));
        fault.spoil(reply)
    }

    /// `POST /oauth/v2/revoke/token`: the same for a client that says who it is.
    pub fn revoke_of(&mut self, client: (&str, &str), token: &str, now: Boottime) -> Reply {
        self.traffic.revocations += 1;
        let fault = self.faults.take(&["revoke-newer"]);
        let known = self.clients.get(client.0);
        let is_its = known.is_some_and(|known| known.secret == client.1);
        let reply = fault.lets_zoho_work().then(|| {
            if is_its {
                self.revoke_now(token, now)
            } else {
                Reply::json(401, r#"{"error":"invalid_client"}"#)
            }
        });
        fault.spoil(reply)
    }

    fn revoke_now(&mut self, token: &str, now: Boottime) -> Reply {
        if let Some(number) = self.refresh_tokens.get(token).copied() {
            self.end_grant(number, End::Revoked, now);
        } else if self.is_alive(token, now) {
            let number = self.access_tokens[token];
            if let Some(grant) = self.grants.get_mut(&number) {
                grant.lane.kill(Some(token), End::Revoked, now);
            }
        } else {
            return Reply::json(400, ""); // No source prints the body of this refusal.
        }
        Reply::json(200, r#"{"status":"success"}"#)
    }

    /// Makes a grant and its refresh token; the oldest of the same client and user goes if they are too many.
    pub(super) fn new_grant(
        &mut self,
        consent: Consent,
        refresh_token: String,
        now: Boottime,
    ) -> u32 {
        let is_of_same = |grant: &Grant| {
            grant.ended.is_none()
                && grant.refresh_token.is_some()
                && (&grant.consent.client_id, &grant.consent.user)
                    == (&consent.client_id, &consent.user)
        };
        let same = self.grants.iter().filter(|(_, grant)| is_of_same(grant));
        let numbers: Vec<u32> = same.map(|(number, _)| *number).collect();
        let surplus = (numbers.len() + 1).saturating_sub(self.rules.refresh_tokens_max);
        for number in &numbers[..surplus.min(numbers.len())] {
            self.end_grant(*number, End::Deleted, now);
        }
        let number = self.add_grant(consent, Some(refresh_token.clone()));
        self.refresh_tokens.insert(refresh_token, number);
        number
    }

    /// Gives a grant another refresh token; its tokens and its window go on.
    pub(super) fn rotate(&mut self, number: u32) -> String {
        let text = self.new_text();
        if let Some(grant) = self.grants.get_mut(&number) {
            if let Some(old) = grant.refresh_token.replace(text.clone()) {
                self.refresh_tokens.remove(&old);
            }
            self.refresh_tokens.insert(text.clone(), number);
        }
        text
    }

    /// Ends a grant and kills its access tokens.
    pub(super) fn end_grant(&mut self, number: u32, why: End, now: Boottime) {
        if let Some(grant) = self.grants.get_mut(&number) {
            grant.ended = Some(why);
            grant.lane.kill(None, why, now);
            if let Some(refresh_token) = &grant.refresh_token {
                self.refresh_tokens.remove(refresh_token);
            }
        }
    }

    pub(super) fn add_grant(&mut self, consent: Consent, refresh_token: Option<String>) -> u32 {
        self.grants_made += 1;
        let grant = Grant {
            consent,
            refresh_token,
            ended: None,
            lane: Lane::default(),
        };
        self.grants.insert(self.grants_made, grant);
        if self.grants.len() > GRANTS_MAX {
            self.forget_oldest_ended();
        }
        self.grants_made
    }

    fn forget_oldest_ended(&mut self) {
        let ended = self.grants.iter().find(|(_, grant)| grant.ended.is_some());
        let Some(number) = ended.map(|(number, _)| *number) else {
            return;
        };
        if let Some(grant) = self.grants.remove(&number) {
            for text in grant.lane.texts() {
                self.access_tokens.remove(text);
            }
        }
    }
}
