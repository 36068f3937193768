//! Keeps what is in memory there: no core dump, and no look inside for other processes of the same user (S1).

use rustix::io;
use rustix::process::{DumpableBehavior, set_dumpable_behavior};

/// Seals this process until it ends. A core limit of 0 would not do: the kernel ignores it where a program takes the
/// dumps (core(5), "Piping core dumps to a program").
pub fn seal() -> io::Result<()> {
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
}
