//! What a grant stands on: a refresh token, or the client's own right.
//!
//! Decides nothing. Invariant: the lane of a client's own right is a matter of client, data center and soid alone, so
//! that all orgs that mint by it are counted together, in every run.

use std::sync::Arc;

use super::event::Right;
use super::record::LaneId;
use super::reply::Asked;
use super::settings::{Binding, GrantKind};
use crate::base::Secret;

/// What each mint of a grant shows Zoho, beside the client's id and secret.
#[derive(Debug, Clone)]
pub enum Root {
    /// A refresh token: lost, it wants a person's consent again.
    RefreshToken(Arc<Secret>),
    /// Nothing: the client mints by its own right, for the org that the soid names.
    Client,
}

impl Root {
    /// The refresh token, where there is one.
    pub fn refresh_token(&self) -> Option<&Arc<Secret>> {
        match self {
            Self::RefreshToken(token) => Some(token),
            Self::Client => None,
        }
    }

    /// Whether a config with this kind of grant means such a root.
    pub(super) fn is_of(&self, kind: GrantKind) -> bool {
        matches!(self, Self::Client) == kind.is_of_client()
    }

    /// What a mint sends.
    pub(super) fn right(&self) -> Right {
        match self {
            Self::RefreshToken(token) => Right::RefreshToken(Arc::clone(token)),
            Self::Client => Right::Client,
        }
    }
}

impl Right {
    /// Whether an org with this kind of grant takes it.
    pub(super) fn is_of(&self, kind: GrantKind) -> bool {
        matches!(self, Self::Client) == kind.is_of_client()
    }
}

impl GrantKind {
    /// What a mint by schedule asks of Zoho.
    pub fn asked(self) -> Asked {
        if self.is_of_client() {
            Asked::Client
        } else {
            Asked::Refresh
        }
    }
}

impl LaneId {
    /// The lane of a client's own right. The colons set it apart from lanes that orgs have opened; neither the name of
    /// a data center nor a soid has one.
    pub(super) fn of_client(binding: &Binding) -> Self {
        let Binding {
            client_id,
            data_center,
            soid,
            ..
        } = binding;
        let soid = soid.as_deref().unwrap_or_default();
        Self(format!("client:{data_center}:{soid}:{client_id}").into())
    }
}
