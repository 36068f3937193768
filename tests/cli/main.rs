//! The verbs that talk to the daemon: the real binary against a socket that gives canned answers.

mod command_line;
mod daemon;
mod enroll;
mod get;
mod socket;
mod status;
mod verbs;

#[path = "../support/users.rs"]
mod users;
#[path = "../support/wait.rs"]
mod wait;
