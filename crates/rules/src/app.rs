//! TODO

pub mod dockerfile;
pub mod manifest;
pub mod names;
