//! TODO

pub mod dns;
pub mod doctor;
pub mod domain;
pub mod expiry;
pub mod release_warnings;
pub mod secrets;
pub mod sweep;
pub mod ttl;
pub mod version;
