//! The policy driven by hand: a virtual clock, a disk and a Zoho that answer on command.

mod world;
mod zoho;
