use super::modules::Modules;
use super::{cycles, scan};
use std::path::Path;

/// A crate in a temporary directory: its files' paths and texts, `lib.rs` among them.
fn read(files: &[(&str, &str)]) -> Modules {
    let directory = tempfile::tempdir().expect("a directory");
    for (path, text) in files {
        let path = directory.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }
    Modules::read(directory.path(), &directory.path().join("lib.rs")).expect("a crate")
}

/// Each cycle of a crate as `parent: members`.
fn cycles_of(files: &[(&str, &str)]) -> Vec<String> {
    cycles::find(&read(files))
        .iter()
        .map(|cycle| format!("{}: {}", cycle.parent, cycle.members.join(", ")))
        .collect()
}

/// Every reference of a crate as `from -> to`.
fn references_of(files: &[(&str, &str)]) -> Vec<String> {
    let modules = read(files);
    let mut all: Vec<String> = modules
        .references()
        .iter()
        .map(|one| {
            format!(
                "{} -> {}",
                modules.path_of(one.from),
                modules.path_of(one.to)
            )
        })
        .collect();
    all.sort();
    all.dedup();
    all
}

const TWO: &str = "mod one; mod two;";

#[test]
fn modules_that_use_each_other_form_a_cycle() {
    let found = cycles_of(&[
        ("lib.rs", TWO),
        ("one.rs", "use crate::two::Two; pub struct One(Two);"),
        ("two.rs", "pub struct Two; fn f() { crate::one::f() }"),
    ]);
    assert_eq!(found, ["crate: one, two"]);
}

#[test]
fn a_chain_is_no_cycle() {
    let found = cycles_of(&[
        ("lib.rs", "mod one; mod two; mod three;"),
        ("one.rs", "use crate::{two::Two, three};"),
        ("two.rs", "use super::three::Three; pub struct Two;"),
        ("three.rs", "pub struct Three; use std::fmt;"),
    ]);
    assert_eq!(found, [""; 0]);
}

#[test]
fn folders_count_as_a_whole() {
    // No two files use each other, but the folders do.
    let files = [
        ("lib.rs", "mod app; mod release;"),
        ("app.rs", "mod manifest; pub mod names;"),
        ("app/manifest.rs", "use crate::release::step::Step;"),
        ("app/names.rs", "pub struct Names;"),
        ("release.rs", "pub mod step; mod ledger;"),
        ("release/step.rs", "pub struct Step;"),
        (
            "release/ledger.rs",
            "fn f(names: crate::app::names::Names) {}",
        ),
    ];
    assert_eq!(cycles_of(&files), ["crate: app, release"]);
}

#[test]
fn cycles_below_a_folder_are_found_where_they_are() {
    let files = [
        ("lib.rs", "mod app;"),
        ("app/mod.rs", "mod one; mod two; mod three;"),
        ("app/one.rs", "use super::two::Two;"),
        ("app/two.rs", "use super::three; pub struct Two;"),
        ("app/three.rs", "use crate::app::one; fn f() {}"),
    ];
    assert_eq!(cycles_of(&files), ["app: one, two, three"]);
}

#[test]
fn a_parent_and_its_children_may_use_each_other() {
    let files = [
        ("lib.rs", "mod one; use one::One; pub struct Root;"),
        (
            "one.rs",
            "mod inner; pub struct One(inner::Inner, crate::Root);",
        ),
        (
            "one/inner.rs",
            "pub struct Inner; use super::One; use crate::Root;",
        ),
    ];
    assert_eq!(references_of(&files), [""; 0]);
}

#[test]
fn test_code_is_left_out() {
    let files = [
        ("lib.rs", TWO),
        ("one.rs", "use crate::two::Two;"),
        (
            "two.rs",
            "pub struct Two;\n#[cfg(test)] use crate::one::One;\n\
             #[cfg(test)]\n#[path = \"two_tests.rs\"]\nmod tests;\n\
             #[cfg(test)] mod more { use crate::one; fn f() { crate::one::f() } }\n\
             struct S { #[cfg(test)] field: crate::one::One, other: u8 }\n\
             #[test] fn a_test() { crate::one::f() }",
        ),
        ("two_tests.rs", "use crate::one;"),
    ];
    assert_eq!(references_of(&files), ["one -> two"]);
}

#[test]
fn code_after_test_code_is_read() {
    let files = [
        ("lib.rs", TWO),
        ("one.rs", "pub struct One;"),
        (
            "two.rs",
            "#[cfg(test)] use a::{b, c};\nstruct S { #[cfg(test)] f: u8, g: crate::one::One }",
        ),
    ];
    assert_eq!(references_of(&files), ["two -> one"]);
}

#[test]
fn paths_are_followed_through_imports_and_exports() {
    // `three` names only its parent's exports and its own imports.
    let files = [
        ("lib.rs", "mod app;"),
        (
            "app.rs",
            "mod one; mod two; mod three; pub use one::One as First; pub use two::*;",
        ),
        ("app/one.rs", "pub struct One;"),
        ("app/two.rs", "pub struct Two; pub fn run() {}"),
        (
            "app/three.rs",
            "use crate::app as here; fn f(a: super::First) { here::run(); }",
        ),
    ];
    let expected = ["app::three -> app::one", "app::three -> app::two"];
    assert_eq!(references_of(&files), expected);
}

#[test]
fn paths_in_macros_attributes_and_inline_modules_count() {
    let files = [
        (
            "lib.rs",
            "mod one; mod two; mod three { mod four { use crate::one; } }",
        ),
        ("one.rs", "pub const A: u8 = 1;"),
        ("two.rs", "fn f() { println!(\"{}\", crate::one::A); }"),
    ];
    assert_eq!(references_of(&files), ["three::four -> one", "two -> one"]);
}

#[test]
fn what_looks_like_a_path_and_is_none_does_not_count() {
    let files = [
        ("lib.rs", TWO),
        ("one.rs", "pub struct One;"),
        (
            "two.rs",
            "use std::one::One;\n\
             fn f<'one>(x: &'one S) { x.one.two(); x.one::<u8>(); ::one::f(); }\n\
             const C: &str = \"crate::one\";",
        ),
    ];
    assert_eq!(references_of(&files), [""; 0]);
}

#[test]
fn lines_of_code_have_neither_blanks_nor_comments() {
    let text = "//! A comment.\n\n/// Another.\n#[derive(\n    Debug\n)]\nstruct S {\n\
                    // One more.\n    /// A field.\n    f: u8, /* and\n    one */\n}\n\n\
                const T: &str = \"a\nb\";\n\n\
                #[cfg(test)]\nmod tests {\n    fn f() {}\n\n}\n";
    let file = scan::File::read(text).expect("Rust");
    assert_eq!(file.code_lines.len(), 3 + 3 + 2, "{:?}", file.code_lines);
    assert_eq!(file.test_lines.len(), 4, "{:?}", file.test_lines);
}

#[test]
fn functions_are_measured_from_fn_to_brace() {
    let text = "/// A comment.\n#[inline]\npub const fn short(\n    a: u8,\n) -> [u8; 2] {\n    [a, a]\n}\n\ntrait T {\n    \
                fn none();\n    fn one() {}\n}\n\n#[cfg(test)]\nfn only_tests() {}\n";
    let file = scan::File::read(text).expect("Rust");
    let found: Vec<(&str, usize, usize)> = file
        .functions
        .iter()
        .filter(|function| !function.is_test)
        .map(|function| (function.name.as_str(), function.line, function.lines))
        .collect();
    assert_eq!(found, [("short", 3, 5), ("one", 11, 1)]);
}

#[test]
fn a_missing_file_is_named() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("lib.rs"), "mod gone;").expect("a file");
    let error = Modules::read(directory.path(), &directory.path().join("lib.rs"));
    let error = error.expect_err("a file is missing");
    assert!(
        error.contains(&Path::new("gone").join("mod.rs").display().to_string()),
        "{error}"
    );
}
