//! Fills in a CI file: a value replaces `@NAME@`, and lines between `#if FLAG` and `#end` are kept only with
//! that flag. [`rules::leave::ci::origin`] checks the values, so that none of them has a special meaning in
//! YAML or a shell.

use rules::leave::ci::{Deployment, Setup};
use rules::shape::toolchain::Program;
use std::collections::BTreeMap;

/// The value for each name.
pub(super) type Values = BTreeMap<&'static str, String>;

/// The values that the files of both forges use.
pub(super) fn shared_values(setup: &Setup, deployment: &Deployment) -> Values {
    let archive = deployment.archive.as_ref();
    Values::from([
        ("ID", deployment.names.id()),
        ("NAME", deployment.names.app.to_string()),
        ("ENVIRONMENT", deployment.names.environment.to_string()),
        ("REGION", deployment.region.clone()),
        ("DIRECTORY", deployment.directory.clone()),
        ("BRANCH", setup.branch.to_string()),
        (
            "ARCHIVE",
            archive.map_or_else(String::new, |a| a.url.to_string()),
        ),
        (
            "ARCHIVE_SHA256",
            archive.map_or_else(String::new, |a| a.sha256.to_string()),
        ),
    ])
}

/// The flag of the lines that install a program.
pub(super) fn flag(program: Program) -> &'static str {
    match program {
        Program::OpenTofu => "opentofu",
        Program::Terraform => "terraform",
    }
}

/// The text with every name replaced by its value.
pub(super) fn fill(template: &str, values: &Values, flags: &[&str]) -> String {
    let mut is_in = true;
    let mut text = String::new();
    for line in template.lines() {
        if let Some(flag) = line.strip_prefix("#if ") {
            is_in = flags.contains(&flag);
        } else if line == "#end" {
            is_in = true;
        } else if is_in {
            let mut line = line.to_owned();
            for (name, value) in values {
                line = line.replace(&format!("@{name}@"), value);
            }
            text.push_str(line.trim_end_matches('\n'));
            text.push('\n');
        }
    }
    text
}
