//! A proxy in front of the emulators of a rehearsal that makes them as strict as AWS.
//!
//! Every call of AWS's API is identified as (service, operation), and the rules that concern it
//! refuse, delay, hold back or rewrite it. [`Front`] decides without clock, files or network; the
//! server carries the decisions out.

pub mod answer;
pub mod clock;
pub mod data;
pub mod front;
pub mod options;
mod path_table;
pub mod random;
pub mod request;
pub mod rule;
pub mod rules;
pub mod server;
pub mod state;
pub mod table;
pub mod world;
mod xml;

pub use front::Front;
