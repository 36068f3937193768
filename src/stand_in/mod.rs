//! Zoho's accounts server on loopback: what `demo` runs against, and what the tests judge by.
//!
//! [`Zoho`] is a world without I/O: clients, consents, grants, tokens, the limits of [`Rules`] and [`Fault`]s by
//! script, all at a `now` that is passed in and from one seed. [`StandIn`] puts it on a port of 127.0.0.1, with a
//! control plane under `/_/` for tests in other processes.
//!
//! It is a judge of the rest of this crate and therefore shares nothing with it but words: it imports `base` alone,
//! and where Zoho's pages leave a limit open it takes the strictest reading. It keeps nothing over a restart, and no
//! real secret belongs in it.

mod answer;
mod clock;
mod consent;
mod console;
mod control;
mod crm;
mod fault;
mod fault_queues;
mod grants;
mod lane;
mod leads;
mod outgoing;
mod params;
mod routes;
mod rules;
mod server;
mod servers;
mod stats;
mod token;
mod window;
mod zoho;

pub use answer::{Body, Refusal, Reply};
pub use consent::Person;
pub use console::BadScript;
pub use crm::ON_CRM;
pub use fault::{Fault, Instead};
pub use lane::{Counts, End};
pub use leads::Leads;
pub use params::Params;
pub use rules::{Clocks, Rules, Throttle};
pub use server::{Settings, StandIn, World, run_process};
pub use servers::ON_SERVERS;
pub use stats::{GrantStats, Stats, Traffic};
pub use zoho::{Consent, Org, Zoho};
