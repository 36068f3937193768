//! The stand-in answers as Zoho documents it, rule by rule, and over a real socket.
#![cfg(feature = "stand-in")]

mod consent;
mod faults;
mod limits;
mod wire;
mod world;
