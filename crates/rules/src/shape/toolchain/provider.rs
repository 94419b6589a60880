//! Which versions of the AWS provider are used.

use super::{PROVIDER, compare};
use crate::check::Failure;
use crate::exit::Exit;
use std::cmp::Ordering;

/// The versions for AWS. The roots' `versions.tf` has the same. Before 6.15 there are known defects: a refresh fails
/// with identity errors (terraform-provider-aws #43221, #44375), and tags of ECS are lost after an upgrade (#43816).
pub const FOR_AWS: &str = ">= 6.15, < 7.0";

/// The versions for emulators, as a constraint. [`refused_in_rehearsal`] excludes some more: a constraint cannot
/// exclude a range in the middle.
pub const FOR_REHEARSALS: &str = ">= 3.39, < 7.0";

/// The failure for a version that would call AWS in a rehearsal; [`None`] for all others.
///
/// From 4.0 on, `elbv2` and `apigatewayv2` have endpoint keys of their own, which the provider block of a rehearsal
/// lacks because 3.39 does not know them. The variable that replaces them, `AWS_ENDPOINT_URL`, works from 5.37 on
/// at the latest (`internal/conns/awsclient.go`).
pub fn refused_in_rehearsal(version: &str) -> Option<Failure> {
    let is_older = |than: &str| compare(version, than) == Ordering::Less;
    (!is_older("4.0") && is_older("5.37")).then(|| Failure {
        exit: Exit::MissingTool,
        what: format!("a rehearsal cannot use {PROVIDER} {version}"),
        why: vec![
            "versions from 4.0 to 5.36 would call AWS instead of the emulators for load balancers and HTTP APIs"
                .to_owned(),
            "nothing was planned".to_owned(),
        ],
        next: vec![
            "let Terraform reach its registry, or put 3.39, or 5.37 or newer, into the mirror that its CLI configuration names"
                .to_owned(),
        ],
    })
}

/// `provider hashicorp/aws 6.15.0 → 6.62.0`; [`None`] if nothing changes.
pub fn change(from: Option<&str>, to: &str) -> Option<String> {
    from.filter(|from| *from != to)
        .map(|from| format!("provider {PROVIDER} {from} → {to}"))
}

/// What to do when AWS denies a call of a provider that the environment has not been applied with yet.
pub fn first_use(to: &str) -> String {
    format!(
        "this would be the first `up` with {PROVIDER} {to}, whose changes may need more than a release: run it once with \
         an identity that has the policies of `landfall policy setup`"
    )
}

/// Whether Terraform's diagnostics mean that a newer provider wrote the state than the one that reads it. Text is all
/// there is: diagnostics have no codes. The second is an older 6.x or 5.x that reads a resource identity of a newer one
/// (terraform-provider-aws #43178), the third an attribute or type that it does not know.
pub fn is_too_old(diagnostics: &[String]) -> bool {
    let text = words(diagnostics);
    [
        "managed by newer provider version",
        "failed to decode identity",
        "while reading state; this is a bug",
    ]
    .iter()
    .any(|phrase| text.contains(phrase))
}

/// Whether Terraform refused a package of the provider because its checksum is not in the lock file.
pub fn is_another_package(diagnostics: &[String]) -> bool {
    words(diagnostics).contains("match any of the checksums")
}

/// Whether Terraform found no version of the provider within the constraint.
pub fn is_unavailable(diagnostics: &[String]) -> bool {
    words(diagnostics).contains("no available releases match")
}

/// Whether Terraform could not replace a package in its cache because another process runs it.
pub fn is_busy(diagnostics: &[String]) -> bool {
    words(diagnostics).contains("text file busy")
}

/// Terraform wraps its text for a terminal.
fn words(lines: &[String]) -> String {
    let words: Vec<&str> = lines
        .iter()
        .flat_map(|line| line.split_whitespace())
        .collect();
    words.join(" ")
}

/// The failure for a package that is not the one that the environment was made with.
pub fn another_package(version: &str, platform: &str, why: Vec<String>) -> Failure {
    Failure {
        exit: Exit::MissingTool,
        what: format!(
            "the package of {PROVIDER} {version} for {platform} is not the one that this environment uses"
        ),
        why,
        next: vec![
            "use the same registry or mirror as the other machines of this environment".to_owned(),
            "to trust this package from now on: `landfall up --upgrade-provider` records it"
                .to_owned(),
        ],
    }
}

/// The failure where neither a registry nor a mirror has a version that landfall supports.
pub fn unavailable(wanted: &str, why: Vec<String>) -> Failure {
    Failure {
        exit: Exit::MissingTool,
        what: format!("no usable version of {PROVIDER}: {wanted}"),
        why,
        next: vec![
            "let Terraform reach its registry, or put such a version into the mirror that its CLI configuration names"
                .to_owned(),
        ],
    }
}

/// The failure for a state that even the newest provider here cannot read.
pub fn still_too_old(version: &str, why: Vec<String>) -> Failure {
    Failure {
        exit: Exit::MissingTool,
        what: format!("a provider newer than {PROVIDER} {version} wrote the state"),
        why,
        next: vec![
            "this machine found no newer one: let Terraform reach its registry, or add the version to its mirror; \
             then run the same command again"
                .to_owned(),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rehearsals_refuse_versions_that_would_call_aws() {
        for (version, is_refused) in [
            ("3.39.0", false),
            ("3.76.1", false),
            ("4.0.0", true),
            ("4.67.0", true),
            ("5.0.0", true),
            ("5.36.0", true),
            ("5.37.0", false),
            ("5.100.0", false),
            ("6.62.0", false),
        ] {
            let failure = refused_in_rehearsal(version);
            assert_eq!(failure.is_some(), is_refused, "{version}");
        }
    }

    #[test]
    fn a_change_is_one_line_and_no_change_is_none() {
        assert_eq!(
            change(Some("6.15.0"), "6.62.0").as_deref(),
            Some("provider hashicorp/aws 6.15.0 → 6.62.0")
        );
        assert_eq!(change(Some("6.62.0"), "6.62.0"), None);
        assert_eq!(change(None, "6.62.0"), None);
    }

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn diagnostics_are_recognized_although_terraform_wraps_them() {
        let newer = lines(
            "Error: Resource instance managed by newer provider version\n\nThe current state of aws_ecs_service.slot \
             was created by a newer provider version than is\ncurrently selected.",
        );
        let identity = lines("failed to decode identity: unsupported attribute \"account_id\"");
        let checksum = lines(
            "Error while installing hashicorp/aws v3.39.0: the current package for\nregistry.terraform.io/hashicorp/aws \
             3.39.0 doesn't match any of the\nchecksums previously recorded in the dependency lock file",
        );
        let unavailable =
            lines("Error: no available releases match\nthe given constraints >= 6.15.0, < 7.0.0");
        for (text, expected) in [
            (&newer, (true, false, false)),
            (&identity, (true, false, false)),
            (&checksum, (false, true, false)),
            (&unavailable, (false, false, true)),
            (&lines("Error: AccessDenied"), (false, false, false)),
        ] {
            let found = (
                is_too_old(text),
                is_another_package(text),
                is_unavailable(text),
            );
            assert_eq!(found, expected, "{text:?}");
        }
    }
}
