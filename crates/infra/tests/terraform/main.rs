//! The real Terraform or OpenTofu of this machine: that they are found and asked in words that they
//! understand, and what they do with roots that no test of a whole deployment applies.

mod domain;
mod lambda;
mod plans;
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
fn it_is_found_on_the_path() {
    let binary = installed();
    assert!(binary.path.is_file(), "{binary:?}");
    assert!(
        binary.version.starts_with(|c: char| c.is_ascii_digit()),
        "{binary:?}"
    );
}

#[test]
fn the_one_that_was_chosen_is_taken_whatever_the_path() {
    let binary = installed();
    let chosen = Binary::find(Some(&binary.path), "".as_ref()).expect("the same one");
    assert_eq!(chosen, binary);
}

#[test]
fn a_program_that_is_no_terraform_is_refused() {
    let cargo = std::path::Path::new(env!("CARGO"));
    let error = Binary::find(Some(cargo), &path()).expect_err("cargo does not deploy");
    assert!(matches!(error, BinaryError::Broken { .. }), "{error}");
}
