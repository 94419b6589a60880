//! The app as its author describes it: its Dockerfile, its manifest, and the names of what it gets.

pub mod dockerfile;
pub mod manifest;
pub mod names;
