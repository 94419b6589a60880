//! The edge: PID 1 of the container and the proxy in front of the app.
//!
//! It starts the image's own command, passes users' requests on to it, and makes up for what goes
//! wrong on the way. Every decision is one of [`policy`]; this crate observes, asks, and does the one
//! thing it was told. It depends on `rules` and on nothing else of ours.
//!
//! | on the way of a request | |
//! |---|---|
//! | `door` → `connection` → `gateway` | takes the connection, watches over it, reads the head |
//! | `shield` → `turnstile`, `gate`, `app` | tries, waits, and asks the app |
//! | `answer`, `tunnel` | passes the answer or the WebSocket on |
//! | `ledger` → `endpoints`, `metrics`, `console` | keeps the books and shows them |
//!
//! | instead of connections, on AWS Lambda | |
//! |---|---|
//! | `lambda` | takes invocations to the gateway and answers back |
//!
//! | around it | |
//! |---|---|
//! | `supervisor` → `process` | the app's life, signals, the end |
//! | `prober` | asks the app while users don't |

mod access_log;
mod answer;
mod app;
mod client_io;
mod clock;
mod connection;
mod console;
mod door;
mod edge;
mod endpoints;
mod gate;
mod gateway;
mod head;
mod lambda;
mod ledger;
mod metrics;
mod pages;
pub mod policy;
mod prober;
mod process;
mod random;
mod replay;
mod run;
mod shield;
mod supervisor;
mod tunnel;
mod turnstile;

pub use console::Console;
pub use process::{AppCommand, become_command, renounce_privileges};
pub use run::{Users, run};
