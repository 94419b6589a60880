//! The commands, one file each: what a command does from its arguments to its events.
//!
//! A command combines the other modules. What more than one command needs belongs into the module
//! of its subject.

pub(crate) mod adopt;
pub(crate) mod ci;
pub(crate) mod cost;
pub(crate) mod doctor;
pub(crate) mod down;
pub(crate) mod eject;
pub(crate) mod exec;
pub(crate) mod history;
pub(crate) mod init;
pub(crate) mod logs;
pub(crate) mod plan;
pub(crate) mod policy;
pub(crate) mod reap;
pub(crate) mod rehearsal;
pub(crate) mod release;
mod release_warnings;
pub(crate) mod run;
pub(crate) mod secrets;
pub(crate) mod status;
pub(crate) mod up;
pub(crate) mod version;
