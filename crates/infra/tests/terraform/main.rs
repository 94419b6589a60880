//! Tests with the installed Terraform or OpenTofu: that it is found and understands the commands,
//! and that it applies those roots that no test of a whole deployment applies.

mod domain;
mod lambda;
mod plans;
mod provider;
#[path = "../hcl/review/mod.rs"]
mod review;
mod stage;

use infra::{Binary, BinaryError};
use std::ffi::OsString;

/// The value of `PATH`.
fn path() -> OsString {
    std::env::var_os("PATH").expect("PATH")
}

fn installed() -> Binary {
    Binary::find(None, &path()).unwrap_or_else(|error| panic!("{error}: {}", error.next()))
}

#[test]
fn a_binary_is_found_on_the_path() {
    let binary = installed();
    assert!(binary.path.is_file(), "{binary:?}");
    assert!(
        binary.version.starts_with(|c: char| c.is_ascii_digit()),
        "{binary:?}"
    );
}

#[test]
fn a_chosen_binary_is_used_regardless_of_the_path() {
    let binary = installed();
    let chosen = Binary::find(Some(&binary.path), "".as_ref()).expect("the same one");
    assert_eq!(chosen, binary);
}

#[test]
fn a_program_that_is_not_terraform_is_rejected() {
    let cargo = std::path::Path::new(env!("CARGO"));
    let error = Binary::find(Some(cargo), &path()).expect_err("cargo does not deploy");
    assert!(matches!(error, BinaryError::Broken { .. }), "{error}");
}
