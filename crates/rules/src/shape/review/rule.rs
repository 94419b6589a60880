//! The rules that depend on what a user sets: why each matters, and what to do.

use crate::app::manifest::RuleId;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a finding means for the deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// `up` ends before it creates anything.
    Refuse,
    /// It is shown as a warning, and created.
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

/// A rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Rule {
    /// A secret in an environment variable.
    #[serde(rename = "LF010")]
    PlainSecret,
    /// A container that runs as root.
    #[serde(rename = "LF011")]
    RootUser,
    /// TLS before 1.2, which CloudFront's default certificate admits.
    #[serde(rename = "LF014")]
    OldTls,
    /// A container that can write to its own programs.
    #[serde(rename = "LF017")]
    WritableRoot,
    /// A container that keeps capabilities, or can gain some.
    #[serde(rename = "LF018")]
    Capabilities,
}

/// What a rule states: its ID, its severity, why it matters, and what to do.
type Statement = (RuleId, Severity, &'static str, &'static str);

const PLAIN_SECRET: Statement = (
    RuleId::numbered(10),
    Severity::Refuse,
    "everyone who may read the task definition can read its variables, also after they were removed",
    "remove it from `env`, list its name in `secrets` in landfall.toml, and set it with `landfall secrets set NAME`",
);
const ROOT_USER: Statement = (
    RuleId::numbered(11),
    Severity::Warn,
    "an attacker who takes over the app is root in its container",
    "remove `container.user` from landfall.toml",
);
const OLD_TLS: Statement = (
    RuleId::numbered(14),
    Severity::Note,
    "versions 1.0 and 1.1 are broken and deprecated (RFC 8996)",
    "set `domain` in landfall.toml: its certificate requires TLS 1.2",
);
const WRITABLE_ROOT: Statement = (
    RuleId::numbered(17),
    Severity::Note,
    "an attacker can change the app itself until the task ends",
    "remove `container.read_only` from landfall.toml, and name directories in `container.writable`",
);
const CAPABILITIES: Statement = (
    RuleId::numbered(18),
    Severity::Note,
    "a web app needs none, and an attacker can use them",
    "remove `container.capabilities` and `container.no_new_privileges` from landfall.toml",
);

impl Rule {
    /// Every rule, in the order of the IDs.
    pub const ALL: [Rule; 5] = [
        Rule::PlainSecret,
        Rule::RootUser,
        Rule::OldTls,
        Rule::WritableRoot,
        Rule::Capabilities,
    ];

    fn statement(self) -> Statement {
        match self {
            Rule::PlainSecret => PLAIN_SECRET,
            Rule::RootUser => ROOT_USER,
            Rule::OldTls => OLD_TLS,
            Rule::WritableRoot => WRITABLE_ROOT,
            Rule::Capabilities => CAPABILITIES,
        }
    }

    /// What `allow` names it by.
    pub fn id(self) -> RuleId {
        self.statement().0
    }

    /// What a finding of it means at most.
    pub fn severity(self) -> Severity {
        self.statement().1
    }

    /// What is wrong, in one line.
    pub fn title(self) -> &'static str {
        self.id().title()
    }

    /// Why it matters.
    pub fn why(self) -> &'static str {
        self.statement().2
    }

    /// What to do about it.
    pub fn next(self) -> &'static str {
        self.statement().3
    }

    /// Where the documentation describes it.
    pub fn anchor(self) -> String {
        format!("docs/security.md#{}", self.id().to_string().to_lowercase())
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.id().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = include_str!("../../../../../docs/security.md");

    /// The rules in Markdown, as they stand in docs/security.md.
    fn table() -> String {
        let mut out =
            String::from("| rule | severity | what | why | what to do |\n|---|---|---|---|---|\n");
        for rule in Rule::ALL {
            let id = rule.id().to_string();
            out.push_str(&format!(
                "| <a id=\"{}\"></a>{id} | {} | {} | {} | {} |\n",
                id.to_lowercase(),
                rule.severity().word(),
                rule.title(),
                rule.why(),
                rule.next()
            ));
        }
        out
    }

    #[test]
    fn the_table_in_docs_is_the_one_in_the_code() {
        let table = table();
        assert!(
            DOCUMENT.contains(&table),
            "docs/security.md must contain this table:\n{table}"
        );
    }

    #[test]
    fn json_has_the_ids_and_the_texts_are_no_sentences() {
        for rule in Rule::ALL {
            assert_eq!(serde_json::json!(rule), rule.id().to_string());
            for text in [rule.title(), rule.why(), rule.next()] {
                assert!(!text.is_empty() && !text.ends_with('.'), "{rule}");
            }
        }
    }
}
