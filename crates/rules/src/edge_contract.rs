//! What the edge decides: the proxy that rides in the container in front of the app.
//!
//! The edge's crate moves bytes and starts processes; whether a request is tried again, when the app
//! counts as dead, what the load balancer is told and what releases read is decided here.

mod env_parser;
pub mod env_vars;
pub mod histogram;
pub mod log_window;
pub mod monotonic;

pub mod accept;
pub mod binary;
pub mod bridge;
pub mod bucket;
pub mod budget;
pub mod circuit;
pub mod deadline;
pub mod drain;
pub mod exec;
pub mod forwarded;
pub mod framing;
pub mod health;
pub mod lambda;
pub mod limit;
pub mod listening;
pub mod path_rules;
pub mod restart;
pub mod retry;
pub mod ride;
pub mod secrets;
pub mod settings;
pub mod summary;
pub mod totals;
pub mod trace;
pub mod websocket;
