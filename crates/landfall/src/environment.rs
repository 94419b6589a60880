//! TODO

pub(crate) mod account_region;
pub(crate) mod app;
pub(crate) mod confirm;
pub(crate) mod dns;
pub(crate) mod domain;
pub(crate) mod phases;
pub(crate) mod place;
pub(crate) mod planner;
pub(crate) mod provision;
pub(crate) mod terraform;
pub(crate) mod ttl;
