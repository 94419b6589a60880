//! IDs of review rules.

use super::problem::{Invalid, quoted};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What each rule is about, in the order of the IDs. landfall's own tests apply the rules that no setting
/// can break; their IDs stay valid, and none is ever used for another rule.
const TITLES: [&str; 20] = [
    "a security group admits everyone",
    "a way in past CloudFront",
    "anyone may call the function by its URL",
    "a policy allows every action",
    "a policy allows something on every resource",
    "a policy admits everyone",
    "data is stored unencrypted",
    "image tags can be moved",
    "logs are kept forever",
    "a secret in an environment variable",
    "the container runs as root",
    "a container without limits",
    "users are served over plain HTTP",
    "TLS before 1.2",
    "the metadata service responds without a session",
    "a privileged container",
    "a writable root filesystem",
    "capabilities are kept, or can be gained",
    "a bucket for everyone",
    "a database on the internet",
];

/// ID of a review rule, `LF001` to `LF020`. From the key `allow`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RuleId(usize);

impl RuleId {
    /// The rule with this number, 1 to 20.
    pub(crate) const fn numbered(number: usize) -> RuleId {
        assert!(1 <= number && number <= TITLES.len());
        RuleId(number)
    }

    /// Reads an ID such as `LF011`.
    ///
    /// # Errors
    /// There is no such rule.
    pub fn parse(text: &str) -> Result<RuleId, Invalid> {
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        let number = digits.parse::<usize>().ok();
        let meant = number
            .filter(|number| (1..=TITLES.len()).contains(number))
            .map(RuleId);
        if let Some(id) = meant.filter(|id| id.to_string() == text) {
            return Ok(id);
        }
        Err(Invalid::new(
            format!("there is no rule {}", quoted(text)),
            match meant {
                Some(id) => format!("did you mean `{id}`, {}?", id.title()),
                None => format!("the rules are LF001 to {}", RuleId(TITLES.len())),
            },
            "name rules of docs/security.md, such as `allow = [\"LF011\"]`",
        ))
    }

    /// What is wrong, in one line.
    pub fn title(self) -> &'static str {
        TITLES[self.0 - 1]
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LF{:03}", self.0)
    }
}

impl TryFrom<String> for RuleId {
    type Error = Invalid;

    fn try_from(text: String) -> Result<RuleId, Invalid> {
        RuleId::parse(&text)
    }
}

impl From<RuleId> for String {
    fn from(id: RuleId) -> String {
        id.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Those of removed rules too: an `allow` that was once needed stays valid.
    #[test]
    fn every_id_is_accepted_and_the_nearest_is_proposed_for_others() {
        for number in 1..=20 {
            let text = format!("LF{number:03}");
            assert_eq!(RuleId::parse(&text).map(String::from), Ok(text));
        }
        let wrong = |text: &str| RuleId::parse(text).expect_err(text).to_string();
        for near in ["lf013", "LF13", "LF-013"] {
            assert!(wrong(near).contains("did you mean `LF013`"), "{near}");
        }
        for far in ["", "LF000", "LF021", "all", "LF99999999999999999999999"] {
            assert!(wrong(far).contains("LF001 to LF020"), "{far}");
        }
    }
}
