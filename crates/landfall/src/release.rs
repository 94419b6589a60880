//! TODO

pub(crate) mod availability_probe;
pub(crate) mod canary_analysis;
pub(crate) mod driver;
pub(crate) mod http_probe;
pub(crate) mod ledger;
pub(crate) mod live_status;
pub(crate) mod platform;
pub(crate) mod runner;
