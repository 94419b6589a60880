//! What tests and benches of several crates share:
//!
//! - [`Sandbox`]: a temporary home of landfall with emulators, and landfall commands in it;
//! - [`App`]: apps that behave as a test asks;
//! - [`Users`] and [`PacedUsers`]: requests of users while something happens to an app;
//! - [`faults`]: landfall, killed in the middle of a release;
//! - [`PermissionGate`]: IAM in front of the emulators;
//! - [`process`] and [`raw_http`]: for tests of programs;
//! - [`structure`]: the measurements of this repository's own sources.
//!
//! What does not belong here: assertions about one subject (they are in its test), mocks, and anything
//! that a shipped program uses. Emulators, Docker, Terraform and its provider are real. `./dev test`
//! installs them; without them a test fails and reports what is missing.

mod app;
mod command;
mod docker;
pub mod faults;
mod paced_users;
mod permission_gate;
pub mod process;
pub mod raw_http;
mod sandbox;
pub mod structure;
mod users;
mod zone;

pub use app::{App, Mode};
pub use command::{CommandOutput, Running};
pub use docker::docker;
pub use paced_users::{PacedUsers, Request, Requests, now};
pub use permission_gate::{AccessDecision, PermissionGate};
pub use sandbox::{Sandbox, Scenario};
pub use users::{Answers, PER_SECOND, Users};
pub use zone::Zone;
