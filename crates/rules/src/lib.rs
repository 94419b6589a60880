//! Every decision landfall takes, as functions from data to data.
//!
//! Nothing in this crate reads a clock, a file, an environment variable or a socket; `clippy.toml`
//! bans them. What was seen comes in as an argument, what is to be done goes out as a value.

pub mod about;
pub mod canary;
pub mod ci;
pub mod contract;
pub mod cost;
pub mod destruction;
pub mod diagnosis;
pub mod dns;
pub mod dockerfile;
pub mod doctor;
pub mod domain;
pub mod drawing;
pub mod edge;
pub mod eject;
pub mod event;
pub mod evidence;
pub mod exit;
pub mod hardening;
pub mod lease;
pub mod ledger;
pub mod lock;
pub mod manifest;
mod markup;
pub mod minutes;
pub mod names;
pub mod page;
pub mod permissions;
pub mod plan;
pub mod preflight;
pub mod proposal;
pub mod reaping;
pub mod release;
pub mod review;
pub mod revision;
pub mod routing;
pub mod secrets;
pub mod sweep;
pub mod time;
pub mod ttl;
pub mod verdict;
pub mod versions;
pub mod watch;
