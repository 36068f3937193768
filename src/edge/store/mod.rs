//! The durable state: what was acknowledged is there after kill -9 and power loss, or its loss is told.
//!
//! Keeps the records of [`crate::policy::record`], secrets sealed, for one daemon at a time. Decides nothing about
//! them. Invariants: a state that does not verify is refused, and its files stay as they are, byte for byte; an
//! empty state is made only where nothing speaks of an earlier one.
//!
//! Files, for a `state` of `/var/lib/zoho-tokend/state.db`, all 0600:
//!
//! | file | what |
//! |---|---|
//! | `state.db`, `-wal`, `-shm` | the `SQLite` database, its log, and the index of the log |
//! | `state.db.lock` | whose it is: a lock of the kernel's, and the holder's pid (`lock.rs`) |
//! | `state.db.mark` | how many writes were acknowledged: tells of a lost or older copy (`mark.rs`) |
//! | `state.db.new` | only during a first start that was cut short (`create.rs`) |
//! | `seal.key` | the key that the secrets are sealed with, unless a credential is (`key.rs`) |
//!
//! The process must not open `state.db` by itself: closing it again would drop `SQLite`'s POSIX locks
//! ("How To Corrupt An `SQLite` Database File", 2.2).

mod cells;
mod create;
mod error;
mod files;
mod history;
mod identity;
mod key;
mod lock;
mod look;
mod mark;
mod meta;
mod past_cell;
mod rows;
mod schema;
mod seal;
mod sqlite;
mod table;

use crate::base::OrgName;
use crate::policy::record::{Change, Note, Stored};

pub use error::{Damage, Hindrance, KeyFlaw, StoreError};
pub use history::{DETAIL_MAX, KIND_MAX, NOTES_MAX};
pub use key::{KeyFile, KeySource, look_at_key};
pub use look::look_at_state;
pub use sqlite::Sqlite;

/// Where the durable state lives. Calls block for as long as the disk does: give it a thread of its own.
pub trait Store: Send {
    /// All orgs by name and all lanes by id, verified to be what the last acknowledged write left.
    fn load(&mut self) -> Result<Stored, StoreError>;

    /// Makes `changes` durable, all or none, in their order. After an error none of them counts as written, and
    /// the same changes may be written again.
    fn write(&mut self, changes: &[Change]) -> Result<(), StoreError>;

    /// The org's notes, oldest first, at most [`NOTES_MAX`].
    fn history(&mut self, org: &OrgName) -> Result<Vec<Note>, StoreError>;
}
