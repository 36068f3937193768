//! Who may read.

use std::collections::BTreeSet;

/// Users and groups by number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ids {
    /// User ids.
    pub users: BTreeSet<u32>,
    /// Group ids.
    pub groups: BTreeSet<u32>,
}
