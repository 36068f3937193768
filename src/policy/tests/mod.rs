//! The policy driven by hand: a virtual clock, a disk and a Zoho that answer on command.
mod answers;
mod drive;
mod enrolling;
mod fleet;
mod minting;
mod outages;
mod reading;
mod reloading;
mod restarting;
mod saving;
mod sky;
mod swarm;
mod trouble;
mod truth;
mod world;
mod zoho;
