//! HTTP/1.1 over the Unix socket: bytes to a [`Call`] and its [`Details`], an [`Answer`] to bytes.
//!
//! What a peer may have and what there is to have, others decide ([`Desk`]). Invariant: whatever a client
//! sends or leaves unsent, it holds at most its own connections, for a bounded time.

mod answer;
mod ask;
mod call;
mod connections;
mod enrollment;
mod full;
mod orgs_ask;
mod pulse;
mod rejection;
mod seldom;
mod server;
mod token_ask;

pub use answer::{Answer, Problem};
pub use ask::Details;
pub use call::{BadAsk, Call};
pub use enrollment::{Consented, Enrollment, EnrollmentKind};
pub use orgs_ask::OrgsAsk;
pub use rejection::Rejection;
pub use server::{Backlog, Desk, serve};
pub use token_ask::TokenAsk;
