//! The rules themselves: what each is about, why, and what to do.

use crate::app::manifest::{Invalid, quoted};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a finding means for the deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It is not made.
    Refuse,
    /// It is said, and made.
    Warn,
    /// It is mentioned.
    Note,
}

impl Severity {
    /// The word for people and scripts.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Refuse => "refuse",
            Severity::Warn => "warn",
            Severity::Note => "note",
        }
    }
}

/// A rule. Its id never changes and is never used for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Rule {
    /// A security group admits everyone.
    #[serde(rename = "LF001")]
    OpenIngress,
    /// A way in beside CloudFront.
    #[serde(rename = "LF002")]
    BesideFrontDoor,
    /// A Lambda function URL without authorization.
    #[serde(rename = "LF003")]
    OpenFunction,
    /// A policy that allows every action.
    #[serde(rename = "LF004")]
    EveryAction,
    /// A policy that allows something on every resource.
    #[serde(rename = "LF005")]
    EveryResource,
    /// A policy of a resource, or a role's trust, that lets everyone in.
    #[serde(rename = "LF006")]
    OpenToEveryone,
    /// Data that lies unencrypted.
    #[serde(rename = "LF007")]
    Unencrypted,
    /// Image tags that can be moved.
    #[serde(rename = "LF008")]
    MutableTags,
    /// Logs that are kept for ever.
    #[serde(rename = "LF009")]
    EndlessLogs,
    /// A secret in an environment variable.
    #[serde(rename = "LF010")]
    PlainSecret,
    /// A container that runs as root.
    #[serde(rename = "LF011")]
    RootUser,
    /// A container without limits.
    #[serde(rename = "LF012")]
    NoLimits,
    /// Users are answered by plain HTTP.
    #[serde(rename = "LF013")]
    PlainHttp,
    /// TLS before 1.2.
    #[serde(rename = "LF014")]
    OldTls,
    /// The instance metadata service answers without a session.
    #[serde(rename = "LF015")]
    Metadata,
    /// A privileged container.
    #[serde(rename = "LF016")]
    Privileged,
    /// A container that can write to its own programs.
    #[serde(rename = "LF017")]
    WritableRoot,
    /// A container that keeps capabilities.
    #[serde(rename = "LF018")]
    Capabilities,
    /// A bucket for everyone.
    #[serde(rename = "LF019")]
    PublicBucket,
    /// A database on the internet.
    #[serde(rename = "LF020")]
    PublicDatabase,
}

/// What is said of a rule.
struct Text {
    id: &'static str,
    severity: Severity,
    title: &'static str,
    why: &'static str,
    next: &'static str,
}

impl Rule {
    /// Every rule, in the order of their ids.
    pub const ALL: [Rule; 20] = [
        Rule::OpenIngress,
        Rule::BesideFrontDoor,
        Rule::OpenFunction,
        Rule::EveryAction,
        Rule::EveryResource,
        Rule::OpenToEveryone,
        Rule::Unencrypted,
        Rule::MutableTags,
        Rule::EndlessLogs,
        Rule::PlainSecret,
        Rule::RootUser,
        Rule::NoLimits,
        Rule::PlainHttp,
        Rule::OldTls,
        Rule::Metadata,
        Rule::Privileged,
        Rule::WritableRoot,
        Rule::Capabilities,
        Rule::PublicBucket,
        Rule::PublicDatabase,
    ];

    /// Reads an id such as `LF013`.
    ///
    /// # Errors
    /// There is no such rule.
    pub fn parse(text: &str) -> Result<Rule, Invalid> {
        if let Some(rule) = Rule::ALL.into_iter().find(|rule| rule.id() == text) {
            return Ok(rule);
        }
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        let number = digits.parse::<usize>().ok();
        let meant = number.and_then(|number| Rule::ALL.get(number.checked_sub(1)?));
        let last = Rule::ALL[Rule::ALL.len() - 1];
        Err(Invalid::new(
            format!("there is no rule {}", quoted(text)),
            match meant {
                Some(rule) => format!("did you mean `{rule}`, {}?", rule.title()),
                None => format!("the rules are {} to {last}", Rule::ALL[0]),
            },
            "name rules of docs/security.md, such as `allow = [\"LF013\"]`",
        ))
    }

    /// `LF001` and so on.
    pub fn id(self) -> &'static str {
        self.text().id
    }

    /// What a finding of it means at most.
    pub fn severity(self) -> Severity {
        self.text().severity
    }

    /// What is wrong, in one line.
    pub fn title(self) -> &'static str {
        self.text().title
    }

    /// Why it matters.
    pub fn why(self) -> &'static str {
        self.text().why
    }

    /// What to do about it.
    pub fn next(self) -> &'static str {
        self.text().next
    }

    /// Where the documentation tells of it.
    pub fn anchor(self) -> String {
        format!("docs/security.md#{}", self.id().to_lowercase())
    }

    fn text(self) -> Text {
        use Severity::{Note, Refuse, Warn};
        let (id, severity, title, why, next) = match self {
            Rule::OpenIngress => (
                "LF001",
                Refuse,
                "a security group admits everyone",
                "what listens there is found by scanners within minutes; people come in by the front door only",
                "admit another security group, or CloudFront's prefix list",
            ),
            Rule::BesideFrontDoor => (
                "LF002",
                Warn,
                "a way in beside CloudFront",
                "who reaches the load balancer directly goes around HTTPS and whatever CloudFront is told to keep out",
                "admit the prefix list com.amazonaws.global.cloudfront.origin-facing instead of addresses",
            ),
            Rule::OpenFunction => (
                "LF003",
                Refuse,
                "anyone may call the function by its URL",
                "it is a second front door, without the limits of the first, and every call is billed",
                "set authorization_type = \"AWS_IAM\", or use the HTTP API",
            ),
            Rule::EveryAction => (
                "LF004",
                Refuse,
                "a policy allows every action",
                "whoever takes over the app takes over the service with it, or the account",
                "name the actions that are needed",
            ),
            Rule::EveryResource => (
                "LF005",
                Warn,
                "a policy allows something on every resource",
                "it reaches what belongs to others in the same account",
                "name the ARNs; actions that know no ARN are no finding",
            ),
            Rule::OpenToEveryone => (
                "LF006",
                Refuse,
                "a policy lets in everyone",
                "any AWS account, or any user of the identity provider, can use it",
                "name the principals, or a condition such as aws:SourceAccount, or the provider's `sub`",
            ),
            Rule::Unencrypted => (
                "LF007",
                Refuse,
                "data lies unencrypted",
                "for this kind AWS encrypts only when asked, and most of them cannot be changed later",
                "switch it on before the first apply; with the AWS-managed key it costs nothing",
            ),
            Rule::MutableTags => (
                "LF008",
                Warn,
                "image tags can be moved",
                "what a tag meant yesterday is not what it means today, for people and for anything that pulls by tag",
                "set image_tag_mutability = \"IMMUTABLE\"",
            ),
            Rule::EndlessLogs => (
                "LF009",
                Warn,
                "logs are kept for ever",
                "storage is billed each month, and what was logged by mistake never goes away",
                "set retention_in_days",
            ),
            Rule::PlainSecret => (
                "LF010",
                Refuse,
                "a secret in an environment variable",
                "task definitions keep their variables in plain text, for everyone who may read them, for ever",
                "take it out of `env`, list its name in `secrets` in landfall.toml, and set it with `landfall secrets set NAME`; for containers of your own, use `secrets` in the task definition",
            ),
            Rule::RootUser => (
                "LF011",
                Warn,
                "the container runs as root",
                "a hole in the app, and one in the kernel's isolation, are then enough",
                "leave `container.user` out of landfall.toml; for containers of your own, set `user`",
            ),
            Rule::NoLimits => (
                "LF012",
                Warn,
                "a container without limits",
                "one that leaks memory takes its neighbours with it",
                "set `cpu` and `memory`",
            ),
            Rule::PlainHttp => (
                "LF013",
                Refuse,
                "users are answered by plain HTTP",
                "everyone on the way reads and changes what users send and get",
                "redirect to HTTPS",
            ),
            Rule::OldTls => (
                "LF014",
                Warn,
                "TLS before 1.2",
                "versions 1.0 and 1.1 are broken and deprecated (RFC 8996)",
                "ask for TLSv1.2_2021 or a newer policy",
            ),
            Rule::Metadata => (
                "LF015",
                Warn,
                "the metadata service answers without a session",
                "an app that can be made to fetch a URL gives away the credentials of its machine",
                "set http_tokens = \"required\" in metadata_options",
            ),
            Rule::Privileged => (
                "LF016",
                Refuse,
                "a privileged container",
                "it has the rights of root on its machine",
                "leave `privileged` out; Fargate has no such thing",
            ),
            Rule::WritableRoot => (
                "LF017",
                Note,
                "a writable root filesystem",
                "who gets in can leave something behind until the task ends, and change the app itself",
                "leave `container.read_only` out of landfall.toml and name directories in `container.writable`; for containers of your own, set readonlyRootFilesystem",
            ),
            Rule::Capabilities => (
                "LF018",
                Note,
                "capabilities are kept, or can be gained",
                "a web app needs none, and a hole in it is worth more with them",
                "leave `container.capabilities` and `container.no_new_privileges` out of landfall.toml; for containers of your own, drop ALL",
            ),
            Rule::PublicBucket => (
                "LF019",
                Refuse,
                "a bucket for everyone",
                "what is put there by mistake is published at once",
                "leave `acl` out and all four public access blocks on; CloudFront can serve from a private bucket",
            ),
            Rule::PublicDatabase => (
                "LF020",
                Refuse,
                "a database on the internet",
                "only its password then stands between its data and everyone",
                "set publicly_accessible = false and admit the tasks' security group",
            ),
        };
        Text {
            id,
            severity,
            title,
            why,
            next,
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

/// The rules in Markdown, as they stand in docs/security.md.
pub fn table() -> String {
    let mut out =
        String::from("| rule | severity | what | why | what to do |\n|---|---|---|---|---|\n");
    for rule in Rule::ALL {
        out.push_str(&format!(
            "| <a id=\"{}\"></a>{} | {} | {} | {} | {} |\n",
            rule.id().to_lowercase(),
            rule.id(),
            rule.severity().word(),
            rule.title(),
            rule.why(),
            rule.next()
        ));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = include_str!("../../../../../docs/security.md");

    #[test]
    fn the_table_of_rules_is_the_one_in_the_code() {
        let table = table();
        assert!(
            DOCUMENT.contains(&table),
            "docs/security.md wants this table:\n{table}"
        );
    }

    #[test]
    fn an_id_is_read_and_what_is_none_is_told_the_nearest() {
        for rule in Rule::ALL {
            assert_eq!(Rule::parse(rule.id()), Ok(rule));
        }
        let wrong = |text: &str| Rule::parse(text).expect_err(text).to_string();
        for near in ["lf013", "LF13", "LF-013"] {
            assert!(wrong(near).contains("did you mean `LF013`"), "{near}");
        }
        for far in ["", "LF000", "LF021", "all", "LF99999999999999999999999"] {
            assert!(wrong(far).contains("LF001 to LF020"), "{far}");
        }
    }

    #[test]
    fn actions_without_a_resource_are_documented() {
        for action in crate::shape::review::policy::UNSCOPED {
            assert!(DOCUMENT.contains(&format!("`{action}`")), "{action}");
        }
    }

    #[test]
    fn every_rule_says_what_it_is_about() {
        for rule in Rule::ALL {
            for text in [rule.title(), rule.why(), rule.next()] {
                assert!(!text.is_empty() && !text.ends_with('.'), "{}", rule.id());
            }
            let anchor = format!("<a id=\"{}\">", rule.id().to_lowercase());
            assert!(DOCUMENT.contains(&anchor), "{}", rule.anchor());
        }
    }
}
