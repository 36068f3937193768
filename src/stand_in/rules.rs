//! What the stand-in enforces, and how fast its clocks run.
//!
//! Zoho's pages differ in places. The defaults are the strictest documented reading of each limit; the other
//! readings can be switched on, so that a client is judged by all of them.

use std::time::Duration;

/// Zoho's lengths of time; all may be shortened alike, so that an hour passes in a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clocks {
    /// Life of an access token. Zoho: one hour. `expires_in` tells it in whole seconds, rounded down.
    pub token_life: Duration,
    /// What the counts of [`Rules`] are counted over. Zoho: 10 minutes.
    pub window: Duration,
    /// Life of a grant code. Zoho: 3 minutes, where the console was not told otherwise.
    pub code_life: Duration,
}

impl Clocks {
    /// What Zoho documents (CRM API v8, "Token Validity").
    pub const ZOHO: Self = Self {
        token_life: Duration::from_hours(1),
        window: Duration::from_mins(10),
        code_life: Duration::from_mins(3),
    };

    /// Tokens that live a minute and a window of 10 s. Codes keep their life: people do not get faster.
    pub const SIXTY_TIMES_FASTER: Self = Self {
        token_life: Duration::from_mins(1),
        window: Duration::from_secs(10),
        code_life: Self::ZOHO.code_life,
    };
}

/// How long a refused client stays refused; the documents and the reports of users differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Throttle {
    /// Until the oldest mint leaves the window (Accounts, "Access Token Expiry": the rest of the 10 minutes).
    #[default]
    RestOfWindow,
    /// A whole window from the first refusal (Analytics Plus: the next 10 minutes).
    NextWindow,
    /// A whole window from the *last* refusal: every refused call keeps the door shut (reported, not documented).
    RefusalsCount,
}

/// The limits, each with Zoho's own number as its default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// How fast time passes.
    pub clocks: Clocks,
    /// Access tokens per refresh token in one window. Zoho: 10.
    pub mints_max: usize,
    /// Live access tokens per refresh token; one more kills the oldest at once. Zoho: 10, 15 or 30.
    pub live_max: usize,
    /// Refresh tokens per client and user; one more deletes the oldest without a word. Zoho: 20.
    pub refresh_tokens_max: usize,
    /// Codes exchanged per client in one window. Zoho: 10.
    pub exchanges_max: usize,
    /// Access tokens per *client* in one window: the stricter reading of some pages. `None`: not counted.
    pub client_mints_max: Option<usize>,
    /// How long a refusal lasts.
    pub throttle: Throttle,
    /// Whether answers name the granted scope. Zoho's samples differ; client credentials always do.
    pub tells_scope: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            clocks: Clocks::ZOHO,
            mints_max: 10,
            live_max: 10,
            refresh_tokens_max: 20,
            exchanges_max: 10,
            client_mints_max: None,
            throttle: Throttle::default(),
            tells_scope: true,
        }
    }
}
