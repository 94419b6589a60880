//! Every decision landfall takes, as functions from data to data.
//!
//! Nothing in this crate reads a clock, a file, an environment variable or a socket; `clippy.toml`
//! bans them. Observations are arguments, and the actions to take are return values.

pub mod app;
pub mod check;
pub mod event;
pub mod exit;
pub mod leave;
pub mod operate;
pub mod release;
pub mod shape;
/// Points in time, as the summaries of the edge give them too.
pub use edge_contract::time;
