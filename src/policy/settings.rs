//! What the policy knows of an org from the config.

use std::time::Duration;

use crate::base::{
    ApiDomains, DataCenter, Environment, Key, Limits, OrgName, ScopeSet, SecretMark,
};

/// How an org gives access.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantKind {
    /// A code made in Zoho's API console for oneself.
    SelfClient,
    /// Consent in a browser.
    Web,
    /// The client's own right; no refresh token.
    ClientCredentials,
}

impl GrantKind {
    /// The word of the config.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SelfClient => "self-client",
            Self::Web => "web",
            Self::ClientCredentials => "client-credentials",
        }
    }

    /// Whether it is the client's own right, with no refresh token behind it.
    pub fn is_of_client(self) -> bool {
        self == Self::ClientCredentials
    }
}

/// What a grant is bound to. A grant is used only while the config says the same.
#[derive(Debug, Clone)]
pub struct Binding {
    /// Zoho's id of the client.
    pub client_id: Key,
    /// The data center's word.
    pub data_center: Key,
    /// Production, sandbox or developer.
    pub environment: Environment,
    /// What the token may do.
    pub scopes: ScopeSet,
    /// The org in a client credentials call, `ZohoCRM.600123`. No other grant has one.
    pub soid: Option<String>,
}

/// One org as configured, complete and in range.
#[derive(Debug, Clone)]
pub struct OrgSettings {
    /// Its name.
    pub name: OrgName,
    /// The config's name of its client.
    pub client: String,
    /// What its grant must be bound to.
    pub binding: Binding,
    /// How it gives access.
    pub grant: GrantKind,
    /// Whether the config names the client's secret; else it is taken at the enrolment.
    pub has_client_secret: bool,
    /// The API hosts of its data center.
    pub api_domains: ApiDomains,
    /// Where a person makes grant tokens, if known.
    pub console_url: Option<String>,
    /// When to refresh, as a part of the token's life: 0.2 to 0.7.
    pub at: f64,
    /// Life that a reader is promised to have left, as configured.
    pub min_ttl: Duration,
    /// Longest call to Zoho.
    pub timeout: Duration,
    /// Limits per refresh token, or per client and soid.
    pub limits: Limits,
    /// At most so many mints per window for the whole client, if configured.
    pub client_mints: Option<u32>,
    /// Whether Zoho's API is asked which org the grant is of.
    pub verify: bool,
    /// Zoho's own id of the org, where the config pins it.
    pub org_id: Option<String>,
    /// Other data centers of the config that the same accounts server grants for.
    pub neighbours: Vec<DataCenter>,
    /// Whether READY waits for it.
    pub required: bool,
    /// Which client secret the config has; `None`: it has none, or nobody has looked.
    pub secret: Option<SecretMark>,
}
