//! What an organization demands of everything in its accounts: tags, and the boundary and path of roles.

use super::newtype::text_value;
use super::problem::{Invalid, quoted};
use serde::Serialize;

/// Tags that a user may set. AWS allows 50 on a resource, and landfall sets some itself
/// (<https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html>).
pub const MAX_TAGS: usize = 40;
/// Longest key of a tag.
const TAG_KEY_LENGTH: usize = 128;
/// Longest value of a tag.
const TAG_VALUE_LENGTH: usize = 256;
/// Longest ARN that IAM takes as a boundary
/// (<https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePermissionsBoundary.html>).
const ARN_LENGTH: usize = 2048;
/// Longest name of a policy.
const POLICY_NAME_LENGTH: usize = 128;
/// Longest path of a role
/// (<https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html>).
const PATH_LENGTH: usize = 512;

/// Characters that tags may have in every service.
const SPECIAL_IN_TAGS: &str = "_.:/=+-@ ";
/// Characters besides letters and digits in a name of IAM.
const SPECIAL_IN_IAM: &str = "_+=,.@-";

/// Checks a tag; returns its value.
///
/// # Errors
/// AWS refuses it on one of the resources, or its key is reserved.
pub(super) fn tag(key: &str, value: &str) -> Result<String, Invalid> {
    let lower = key.to_ascii_lowercase();
    let reserved = ["landfall:", "aws:"]
        .into_iter()
        .find(|prefix| lower.starts_with(prefix));
    let why = if let Some(prefix) = reserved {
        format!("keys that begin with `{prefix}` are reserved")
    } else if key.is_empty() {
        "its key is empty".to_owned()
    } else if key.chars().count() > TAG_KEY_LENGTH {
        format!("AWS allows {TAG_KEY_LENGTH} characters in a key")
    } else if value.chars().count() > TAG_VALUE_LENGTH {
        format!("AWS allows {TAG_VALUE_LENGTH} characters in a value")
    } else if let Some(c) = [key, value]
        .into_iter()
        .flat_map(str::chars)
        .find(|c| !c.is_ascii_alphanumeric() && !SPECIAL_IN_TAGS.contains(*c))
    {
        format!(
            "{} is not possible in the tags of every service: letters a-z, digits, spaces and `_.:/=+-@` are",
            quoted(&c.to_string())
        )
    } else if key.trim() != key || value.trim() != value {
        "spaces at its ends are lost in some services".to_owned()
    } else {
        return Ok(value.to_owned());
    };
    Err(Invalid::new(
        format!("the tag {} cannot be set", quoted(key)),
        why,
        "write a tag such as `tags = { team = \"web\" }`",
    ))
}

/// The policy that limits what every role of an environment may do: an ARN, or the name of a policy of the
/// deploying account, with its path if it has one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct PermissionsBoundary(String);

text_value!(PermissionsBoundary);

impl PermissionsBoundary {
    /// Checks an ARN or a name.
    ///
    /// # Errors
    /// It is neither.
    pub fn parse(text: &str) -> Result<PermissionsBoundary, Invalid> {
        let name = match text.strip_prefix("arn:") {
            Some(rest) => policy_of_arn(rest),
            None => Some(text),
        };
        if text.len() <= ARN_LENGTH && name.is_some_and(is_policy_name) {
            return Ok(PermissionsBoundary(text.to_owned()));
        }
        Err(Invalid::new(
            format!("{} cannot be a permissions boundary", quoted(text)),
            "it must be the ARN of a policy, or the name of one in the account that is deployed to",
            "write it such as `permissions_boundary = \"team-boundary\"` or \
             `permissions_boundary = \"arn:aws:iam::123456789012:policy/team-boundary\"`",
        ))
    }

    /// Its ARN.
    pub fn arn(&self, partition: &str, account: &str) -> String {
        boundary_arn(&self.0, partition, account)
    }
}

/// The ARN of a policy that is named by its ARN, or by its path and name in `account`.
pub fn boundary_arn(policy: &str, partition: &str, account: &str) -> String {
    match policy.starts_with("arn:") {
        true => policy.to_owned(),
        false => format!("arn:{partition}:iam::{account}:policy/{policy}"),
    }
}

/// Path and name in `PARTITION:iam::ACCOUNT:policy/…`.
fn policy_of_arn(rest: &str) -> Option<&str> {
    let parts: Vec<&str> = rest.splitn(5, ':').collect();
    let [partition, "iam", "", account, resource] = parts.as_slice() else {
        return None;
    };
    let is_account =
        *account == "aws" || account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
    let is_partition = partition.starts_with("aws")
        && partition
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b == b'-');
    resource
        .strip_prefix("policy/")
        .filter(|_| is_account && is_partition)
}

fn is_policy_name(text: &str) -> bool {
    let name = text.rsplit('/').next().unwrap_or_default();
    name.len() <= POLICY_NAME_LENGTH && text.split('/').all(is_iam_name)
}

fn is_iam_name(text: &str) -> bool {
    let possible = |c: char| c.is_ascii_alphanumeric() || SPECIAL_IN_IAM.contains(c);
    !text.is_empty() && text.chars().all(possible)
}

/// The path of every role: `/`, or names between slashes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct RolePath(String);

text_value!(RolePath);

impl RolePath {
    /// Checks a path.
    ///
    /// # Errors
    /// It does not begin and end with a slash, is too long, or has other characters than IAM's names.
    pub fn parse(text: &str) -> Result<RolePath, Invalid> {
        let inner = text
            .strip_prefix('/')
            .and_then(|rest| rest.strip_suffix('/'));
        let fits = inner.is_some_and(|inner| inner.split('/').all(is_iam_name));
        if text == "/" || fits && text.len() <= PATH_LENGTH {
            return Ok(RolePath(text.to_owned()));
        }
        Err(Invalid::new(
            format!("{} cannot be the path of roles", quoted(text)),
            format!(
                "it must begin and end with `/`, with letters, digits and `{SPECIAL_IN_IAM}` between slashes, \
                 {PATH_LENGTH} characters at most"
            ),
            "write it such as `role_path = \"/teams/web/\"`",
        ))
    }
}

impl Default for RolePath {
    fn default() -> RolePath {
        RolePath("/".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_those_that_every_service_takes() {
        for (key, value) in [
            ("team", "web"),
            ("cost-center", ""),
            ("a/b:c", "x=y+z@example.com"),
            ("Name of it", "two words"),
            ("landfall", "aws:x"),
        ] {
            assert_eq!(tag(key, value).as_deref(), Ok(value), "{key}");
        }
        let long = "k".repeat(129);
        for (key, value, why) in [
            ("landfall:app", "x", "`landfall:` are reserved"),
            ("AWS:x", "x", "`aws:` are reserved"),
            ("", "x", "empty"),
            (" team", "x", "spaces at its ends"),
            ("team", "ü", "not possible"),
            ("te*m", "x", "not possible"),
            (long.as_str(), "x", "128"),
            ("team", &"v".repeat(257), "256"),
        ] {
            let invalid = tag(key, value).expect_err(key);
            assert!(invalid.why.contains(why), "{invalid}");
        }
    }

    #[test]
    fn a_boundary_is_an_arn_or_a_name() {
        for (text, arn) in [
            ("team", "arn:aws:iam::123456789012:policy/team"),
            ("org/team", "arn:aws:iam::123456789012:policy/org/team"),
            (
                "arn:aws-cn:iam::210987654321:policy/x",
                "arn:aws-cn:iam::210987654321:policy/x",
            ),
            (
                "arn:aws:iam::aws:policy/PowerUserAccess",
                "arn:aws:iam::aws:policy/PowerUserAccess",
            ),
        ] {
            let boundary = PermissionsBoundary::parse(text).expect(text);
            assert_eq!(boundary.arn("aws", "123456789012"), arn);
        }
        for text in [
            "",
            "a b",
            "*",
            "/team",
            "team/",
            "a//b",
            "arn:aws:iam::123456789012:role/x",
            "arn:aws:iam::1:policy/x",
            "arn:aws:s3:::policy/x",
            "arn:*:iam::123456789012:policy/x",
            "${x}",
            &"n".repeat(129),
        ] {
            assert!(PermissionsBoundary::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_path_stands_between_slashes() {
        for text in ["/", "/teams/", "/teams/web/"] {
            assert!(RolePath::parse(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "teams",
            "/teams",
            "teams/",
            "//",
            "/a//b/",
            "/a b/",
            "/*/",
            &format!("/{}/", "p".repeat(511)),
        ] {
            assert!(RolePath::parse(text).is_err(), "{text}");
        }
    }
}
