//! TODO

pub(crate) mod keepalive;
pub(crate) mod lease_guard;
