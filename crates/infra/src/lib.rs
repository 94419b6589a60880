//! The HCL, and the only code that starts Terraform or OpenTofu.
//!
//! Decisions rest on `version -json`, `show -json`, `output -json` and the `-json` stream. Text for people is
//! passed on and not read, with one exception: landfall looks for AWS's denials in it, as diagnostics have
//! no error codes.

mod binary;
mod ejected;
mod roots;
mod stream;
mod terraform;
mod workdir;

pub use binary::{Binary, BinaryError};
pub use ejected::{BACKEND, VARIABLES, ejected};
pub use roots::files;
pub use stream::{Diagnostic, Message};
pub use terraform::{Failure, Interrupt, Terraform};
pub use workdir::{Backend, Emulators, WorkDir};
