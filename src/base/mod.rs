//! The words that every other part speaks: names, secrets, times, hosts, scopes, limits.
//!
//! Nothing here decides, reads a clock or touches the outside. Invariant: imports nothing of ours,
//! and a value of a type in here is valid by construction.

mod data_center;
mod environment;
mod key;
mod limits;
mod org_name;
mod scope;
mod secret;
mod text;
mod time;

pub use data_center::{ApiDomains, DataCenter, Endpoints};
pub use environment::Environment;
pub use key::Key;
pub use limits::Limits;
pub use org_name::{BadOrgName, OrgName};
pub use scope::ScopeSet;
pub use secret::{Secret, SecretMark};
pub use text::{FIELD_MAX, flaw_of_field, is_shown};
pub use time::{Boottime, Now, UnixTime, millis, seconds_up};
