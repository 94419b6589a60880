//! The Terraform roots (HCL in `roots/`, embedded in the binary), and the only code that runs
//! Terraform or OpenTofu.
//!
//! What lives here: finding the binary, writing a working directory, running commands, and reading
//! their JSON (`version -json`, `show -json`, `output -json` and the `-json` stream). Text that
//! they print for people is passed on. landfall parses it in one case: it looks for AWS's denials,
//! because diagnostics have no error codes.
//!
//! What does not: decisions about a plan (they are in `rules::shape`), calls of AWS (they are in
//! `aws`), and printing (it is in `landfall`).

mod binary;
mod ejected;
mod provider_cache;
mod roots;
pub mod state_file;
mod stream;
mod terraform;
mod workdir;

pub use binary::{Binary, BinaryError};
pub use ejected::{BACKEND, VARIABLES, ejected};
pub use roots::files;
pub use stream::{Diagnostic, Message};
pub use terraform::{Failure, Interrupt, Terraform};
pub use workdir::{Backend, Emulators, LOCK_FILE, WorkDir};
