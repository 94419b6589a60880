//! TODO

pub(crate) mod edge_layer;
pub(crate) mod engine;
