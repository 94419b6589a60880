//! The edge: PID 1 of the container and the proxy in front of the app.
//!
//! It starts the image's own command, forwards users' requests to it, and retries, queues and
//! restarts where that helps. Every decision is in [`policy`], pure; the other modules observe, ask
//! the policy, and carry out its answer. What landfall knows as well (names, paths, the format of
//! the counts) is in [`edge_contract`]. Nothing here speaks TLS, to AWS or to a store: other
//! programs do that.
//!
//! | a request | |
//! |---|---|
//! | `listener` → `connection` → `handler` | accepts the connection, applies its timeouts, reads the head |
//! | `retry` → `concurrency_limit`, `readiness`, `app_connections` | sends the request to the app, again if need be |
//! | `response_body`, `tunnel`, `error_response` | the app's answer, an upgraded connection, the edge's own answer |
//! | `request_record`, `counters` → `endpoints`, `metrics`, `stdio` | counts it and publishes the counts |
//!
//! | on AWS Lambda | |
//! |---|---|
//! | `lambda` | fetches invocations from the Runtime API and answers them through the handler |
//!
//! | the app | |
//! |---|---|
//! | `supervisor` → `process` | starts and restarts it, forwards signals, shuts down |
//! | `prober` | sends requests of its own while there are none of users |

mod access_log;
mod app_connections;
mod client;
mod client_io;
mod clock;
mod concurrency_limit;
mod connection;
mod counters;
mod edge;
mod endpoints;
mod error_pages;
mod error_response;
mod handler;
mod head;
mod lambda;
mod listener;
mod metrics;
pub mod policy;
mod port_hint;
mod prober;
mod process;
mod random;
mod readiness;
mod request_body;
mod request_record;
mod response_body;
mod retry;
mod run;
mod stdio;
mod summary_log;
mod supervisor;
mod tunnel;

pub use process::{AppCommand, exec_command, set_no_new_privileges};
pub use run::{Ingress, run, run_unreleased};
pub use stdio::Stdio;
