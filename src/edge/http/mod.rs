//! HTTP/1.1 over the Unix socket: bytes to an [`Ask`], an [`Answer`] to bytes.
//!
//! What a peer may have and what there is to have, others decide ([`Desk`]). Invariant: whatever a client
//! sends or leaves unsent, it holds at most its own connections, for a bounded time.

mod answer;
mod ask;
mod connections;
mod pulse;
mod server;

pub use answer::{Answer, Problem};
pub use ask::{Ask, BadAsk, Enrollment, EnrollmentKind, TokenAsk};
pub use server::{Desk, serve};
