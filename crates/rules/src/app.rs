//! TODO

pub mod binary;
pub mod dockerfile;
pub mod manifest;
pub mod names;
