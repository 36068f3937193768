//! The real binary over its real socket and files: against the stand-in of Zoho, and against an authorization server
//! that nobody here wrote.
//!
//! Each test has a folder, ports and processes of its own, and ends what it started by its pid. None sleeps for a
//! fixed time where it can wait for a condition. `SOAK=300` runs the long version of the soak.

#[path = "../support/daemon.rs"]
mod daemon;
#[path = "../support/eater.rs"]
mod eater;
#[path = "../support/http.rs"]
mod http;
#[path = "../support/job.rs"]
mod job;
#[path = "../support/login.rs"]
mod login;
#[path = "../support/need.rs"]
mod need;
#[path = "../support/provider.rs"]
mod provider;
#[path = "../support/site.rs"]
mod site;
#[path = "../support/users.rs"]
mod users;
#[path = "../support/wait.rs"]
mod wait;
#[path = "../support/watcher.rs"]
mod watcher;
#[path = "../support/zoho.rs"]
mod zoho;

mod access;
mod bad_input;
mod browser;
mod check;
mod check_online;
mod client_credentials;
mod client_secret;
mod clients;
mod contract;
mod disk;
mod enroll;
mod exec;
mod files;
mod left_behind;
mod life;
mod limits;
mod login_guards;
mod logins;
mod loss;
mod oauth;
mod order;
mod outside;
mod reload;
mod replaced;
mod report_storms;
mod reports;
mod revoke;
mod sdks;
mod secret_rotation;
mod secrets;
mod self_client;
mod simulate;
mod soak;
mod start;
mod stop;
mod swaps;
mod verify;
mod watch;
mod watch_exec;
mod watching;
mod wrong_place;
