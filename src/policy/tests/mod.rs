//! The policy driven by hand: a virtual clock, a disk and a Zoho that answer on command.
#![expect(
    clippy::print_stderr,
    clippy::unchecked_time_subtraction,
    reason = "a test that goes wrong is to say where"
)]

mod answers;
mod api_codes;
mod binding;
mod client_right;
mod client_secret;
mod clocks;
mod contradicting;
mod drive;
mod enrolling;
mod fleet;
mod identity;
mod minting;
mod other_secret;
mod outages;
mod reading;
mod reloading;
mod report_costs;
mod report_trouble;
mod reporting;
mod restarting;
mod revoked;
mod revoking;
mod saving;
mod seats;
mod sharing;
mod swaps;
mod verifying;
mod wishes;
mod world;
mod zoho;
