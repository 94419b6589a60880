//! Names of the app and of its environment, which together begin every name in AWS.

use super::newtype::text_value;
use super::problem::{Invalid, quoted};
use serde::Serialize;

/// Longest `name-environment`. Target groups take 32 characters, and a slot adds up to six
/// (`-green`); the rest is kept for a longer suffix.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html>
pub const STEM_LENGTH: usize = 24;

/// Longest single part: the other part has at least one character, and a hyphen stands between.
pub(super) const PART_LENGTH: usize = STEM_LENGTH - 2;

/// First word of the environments that pull requests get, `pr-7`. The role that makes them may touch every name
/// that begins with `APP-pr-`, so no other name may begin so.
pub const PREVIEW: &str = "pr";

/// Load balancers may not be called so.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html>
const RESERVED: &str = "internal";

/// Name of an app: lowercase letters, digits and single hyphens, a letter first. From the key
/// `name` or the directory.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct AppName(String);

text_value!(AppName);

impl AppName {
    /// Checks a name.
    pub fn parse(text: &str) -> Result<AppName, Invalid> {
        let fix = || match slug(text, PART_LENGTH).filter(|slug| slug != text) {
            Some(slug) => format!("use `{slug}`"),
            None => "use a name such as `my-app`".to_owned(),
        };
        let why = fault(text).or_else(|| {
            is_reserved(text)
                .then(|| format!("AWS refuses load balancers whose name begins with `{RESERVED}-`"))
        });
        match why {
            Some(why) => Err(Invalid::new(
                format!("{} cannot be an app's name", quoted(text)),
                why,
                fix(),
            )),
            None => Ok(AppName(text.to_owned())),
        }
    }

    /// The name that a directory gives its app, as long as the environment leaves room for; `None`
    /// if nothing usable remains.
    pub fn from_directory(directory_name: &str, environment: &EnvironmentName) -> Option<AppName> {
        let room = STEM_LENGTH - 1 - environment.as_str().len();
        let slug = slug(directory_name, room)?;
        AppName::parse(&slug).ok()
    }

    /// A name for where none is known and none will be used.
    pub(super) fn stand_in() -> AppName {
        AppName("app".to_owned())
    }

    /// Checks that the two names together fit.
    pub(super) fn check_with(&self, environment: &EnvironmentName) -> Result<(), Invalid> {
        let stem = format!("{self}-{environment}");
        if stem.len() <= STEM_LENGTH {
            return Ok(());
        }
        Err(Invalid::new(
            format!("`{stem}` has {} characters", stem.len()),
            format!(
                "name and environment together may have {STEM_LENGTH}, because AWS limits the names of target groups"
            ),
            format!(
                "shorten `name` or `environment` by {}",
                stem.len() - STEM_LENGTH
            ),
        ))
    }
}

impl AppName {
    /// Checks that `name-environment` does not begin like the previews of another app: a role for previews of
    /// `shop` may touch `shop-pr-*`, which an app called `shop-pr` would match.
    pub(super) fn check_previews(&self, environment: &EnvironmentName) -> Result<(), Invalid> {
        let later = |text: &str| text.split('-').skip(1).any(|word| word == PREVIEW);
        let (what, key, other) = if later(self.as_str()) {
            (quoted(self.as_str()), "name", "an app")
        } else if later(environment.as_str()) {
            (
                quoted(environment.as_str()),
                "environment",
                "an environment",
            )
        } else {
            return Ok(());
        };
        Err(Invalid::new(
            format!("{what} cannot be the name of {other}"),
            format!(
                "`{self}-{environment}` looks like the preview of a pull request of another app, which that app's \
                 jobs in CI may change and remove"
            ),
            format!(
                "set a `{key}` in which `{PREVIEW}` is no later word, such as `{}`",
                {
                    let text = match key {
                        "name" => self.as_str(),
                        _ => environment.as_str(),
                    };
                    let words: Vec<&str> = text
                        .split('-')
                        .map(|word| match word {
                            PREVIEW => "pull",
                            word => word,
                        })
                        .collect();
                    words.join("-")
                }
            ),
        ))
    }
}

/// Name of one deployment of an app, written like an app's name; default `prod`. From the key
/// `environment`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct EnvironmentName(String);

text_value!(EnvironmentName);

impl EnvironmentName {
    /// Checks a name.
    pub fn parse(text: &str) -> Result<EnvironmentName, Invalid> {
        match fault(text) {
            Some(why) => Err(Invalid::new(
                format!("{} cannot be an environment", quoted(text)),
                why,
                "use a name such as `prod` or `staging`",
            )),
            None => Ok(EnvironmentName(text.to_owned())),
        }
    }
}

impl EnvironmentName {
    /// Whether it is the environment of a pull request: `pr-7`.
    pub fn is_preview(&self) -> bool {
        let rest = self.0.strip_prefix(PREVIEW);
        rest.is_some_and(|rest| rest.starts_with('-'))
    }
}

impl Default for EnvironmentName {
    fn default() -> EnvironmentName {
        EnvironmentName("prod".to_owned())
    }
}

/// The first rule that a name breaks.
fn fault(text: &str) -> Option<String> {
    let strange = |c: &char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '-');
    if let Some(c) = text.chars().find(strange) {
        let shown = quoted(&c.to_string());
        return Some(format!(
            "{shown} is neither a lowercase letter a-z, a digit nor a hyphen"
        ));
    }
    if !text.starts_with(|c: char| c.is_ascii_lowercase()) {
        return Some("it must start with a letter".to_owned());
    }
    if text.ends_with('-') {
        return Some("it must not end with a hyphen".to_owned());
    }
    if text.contains("--") {
        return Some("it must not hold two hyphens in a row".to_owned());
    }
    (text.len() > PART_LENGTH).then(|| {
        format!(
            "it has {} characters, at most {PART_LENGTH} are possible",
            text.len()
        )
    })
}

/// Whether `name-environment` would begin with what AWS keeps for itself.
fn is_reserved(name: &str) -> bool {
    name.strip_prefix(RESERVED)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// Turns any text into a name of at most `room` characters; the same text always gives the same.
fn slug(text: &str, room: usize) -> Option<String> {
    let lowercase = text.to_lowercase();
    let words: Vec<&str> = lowercase
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    let mut slug = words.join("-");
    if slug.starts_with(|c: char| c.is_ascii_digit()) || is_reserved(&slug) {
        slug.insert_str(0, "app-");
    }
    slug.truncate(room);
    let slug = slug.trim_end_matches('-');
    (!slug.is_empty()).then(|| slug.to_owned())
}
