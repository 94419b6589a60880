//! The documents that landfall writes: the HTML page of a plan with its drawing, the README of an
//! eject, CI workflows, the JSON schema and the starter `landfall.toml`, the table of a bill.
//!
//! Each is a pure function from what `rules` decided to text. Nothing here decides, reads or writes.

pub(crate) mod bill;
pub(crate) mod ci_workflows;
mod drawing;
pub(crate) mod eject_readme;
mod markup;
pub(crate) mod page;
pub(crate) mod schema;
pub(crate) mod starter;
