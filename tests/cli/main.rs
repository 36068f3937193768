//! The verbs that talk to the daemon: the real binary against a socket that gives canned answers. And `simulate`, which
//! talks to nobody.

#[path = "../support/need.rs"]
mod need;
#[path = "../support/wait.rs"]
mod wait;

mod command_line;
mod daemon;
#[cfg(feature = "stand-in")]
mod demo;
mod enroll;
mod exec;
mod explain;
mod get;
mod report;
mod revoke;
mod simulate;
mod socket;
mod status;
mod terminal;
mod verbs;
mod watch;

#[path = "../support/users.rs"]
mod users;
