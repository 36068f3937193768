//! What Zoho allows per refresh token.

use std::time::Duration;

/// Zoho's limits on access tokens of one refresh token; a stand-in may scale them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Mints in one window. Zoho: 10 (CRM API v8, "Token Validity").
    pub mints: u32,
    /// Length of that window. Zoho: 10 minutes.
    pub window: Duration,
    /// Access tokens alive at once; one more kills the oldest. The documents say 10, 15 or 30: 10 holds for all.
    pub live: u32,
}

impl Limits {
    /// What Zoho documents, the strictest reading of each.
    pub const ZOHO: Self = Self {
        mints: 10,
        window: Duration::from_mins(10),
        live: 10,
    };
}
