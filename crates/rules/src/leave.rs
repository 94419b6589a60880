//! TODO

pub mod ci;
pub mod eject;
