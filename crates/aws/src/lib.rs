//! The AWS services that landfall uses, one module each, as functions that take and return types of
//! `rules`.
//!
//! What lives here: clients, requests, the reading of answers, and the one translation of errors
//! ([`Error`]). This is the only crate that depends on AWS's own crates. Some services are called
//! without an SDK crate (`signed`).
//!
//! What does not: decisions (they are in `rules`), printing and prompts (they are in `landfall`),
//! and waiting for a state; only [`Functions::publish`] waits, because Lambda accepts one change at
//! a time.

mod account;
mod again;
mod alarms;
mod budgets;
mod credentials;
mod credentials_server;
mod error;
mod experiments;
mod identity;
mod inventory;
mod lambda;
mod load_balancer;
mod logs;
mod metrics;
mod permissions;
mod quotas;
mod registry;
mod request_count;
mod secrets;
mod services;
mod session;
mod signed;
mod state_bucket;
mod time;
mod zones;

pub use account::Account;
pub use alarms::Alarms;
pub use budgets::Budgets;
pub use credentials_server::CredentialsServer;
pub use error::{Error, ErrorKind};
pub use experiments::Experiments;
pub use identity::{Identity, NamedPolicy, Provider};
pub use inventory::{Inventory, Listing};
pub use lambda::{Functions, Invoked, Placed, Publication, Traffic, VersionFacts};
pub use load_balancer::LoadBalancer;
pub use logs::{LogLine, Logs};
pub use metrics::Metrics;
pub use permissions::Permissions;
pub use quotas::Quotas;
pub use registry::{Login, Registry};
pub use request_count::RequestCount;
pub use secrets::Secrets;
pub use services::{
    Deployed, InMemory, OneOff, OneOffProgress, Roles, Services, SlotFacts, TaskFacts,
};
pub use session::{EmulatorIdentity, Endpoints, Session};
pub use state_bucket::{Buckets, ETag, Object, StateBucket, Written};
pub use zones::Zones;
