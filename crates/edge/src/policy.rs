//! What the edge decides, as functions from data to data: whether a request is retried, when the
//! app counts as dead, what the health check reports.
//!
//! Nothing here reads a clock, a file, an environment variable or a socket, and nothing here knows
//! the rest of the crate; `tests/policy.rs` checks both. Effects belong to the modules above.
//!
//! | | |
//! |---|---|
//! | [`settings`] | the environment, parsed and checked |
//! | [`retry`], [`budget`], [`deadline`], [`circuit`], [`limit`] | how a request reaches the app, and when it does not |
//! | [`framing`], [`forwarded`], [`trace`], [`path_rules`], [`accept`], [`websocket`] | how requests and answers are read |
//! | [`restart`], [`health`], [`drain`], [`listening`] | the life of the app and of the task |
//! | [`lambda`] | the same on AWS Lambda |
//! | [`monotonic`] | time as all of this measures it |

pub mod accept;
pub mod budget;
pub mod circuit;
pub mod deadline;
pub mod drain;
mod env_parser;
pub mod forwarded;
pub mod framing;
pub mod health;
pub mod lambda;
pub mod limit;
pub mod listening;
pub mod monotonic;
pub mod path_rules;
pub mod restart;
pub mod retry;
pub mod settings;
pub mod trace;
pub mod websocket;
