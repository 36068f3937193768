//! Where readers without a socket find tokens: a folder of files per org, and single files of the
//! operator's choice.
//!
//! A reader sees the old token or the new one, whole, with owner, mode and access list right before the
//! name appears (R6). When to publish and withdraw, and whose token it is, is decided elsewhere. Everything
//! here blocks on the disk: call it from a thread that may.

pub mod acl;
pub mod bundle;
pub mod error;
mod folder;
mod forgery;
pub mod format;
mod found;
mod hold;
pub mod output;
mod tokens_dir;
pub mod written;

use std::sync::Arc;

pub use bundle::TokenFiles;
pub use error::{OutletError, Trouble};
pub use output::Output;
pub use written::Written;

pub use crate::config::Format;

use crate::base::{Environment, OrgName, Secret, UnixTime};
use crate::policy::access::Ids;

/// One generation of an org's token, with all that its files say.
#[derive(Debug, Clone)]
pub struct Publication {
    /// Whose.
    pub org: OrgName,
    /// The token: visible ASCII, as [`crate::policy::reply`] has checked.
    pub access_token: Arc<Secret>,
    /// `Zoho-oauthtoken`.
    pub token_type: String,
    /// Where the token is used, no trailing slash.
    pub api_domain: String,
    /// What it may do, in the order to show.
    pub scope: Vec<String>,
    /// Of the org.
    pub environment: Environment,
    /// The data center's word, `eu`.
    pub data_center: String,
    /// When the token ends, on the wall clock.
    pub expires_at: UnixTime,
    /// Its number.
    pub generation: u64,
    /// Who may read the org's folder, admins included ([`crate::policy::access::Access::file_readers`]).
    pub readers: Ids,
}

/// What publishing did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// Readers see new files: another token, or the same after somebody had tampered with its files.
    Written,
    /// The files were there already, exactly so; they were left alone.
    Unchanged,
}
