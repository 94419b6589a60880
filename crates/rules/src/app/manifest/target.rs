//! Where things are: the region, what runs the app, on which processor, and where state lives.

use super::newtype::text_value;
use super::problem::{Invalid, listed, quoted};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// AWS region such as `eu-west-2`, checked by shape only: AWS adds regions faster than programs are
/// released. From the key `region`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Region(String);

text_value!(Region);

impl Region {
    /// Checks the shape of a region's name.
    pub fn parse(text: &str) -> Result<Region, Invalid> {
        if has_shape_of_region(text) {
            return Ok(Region(text.to_owned()));
        }
        let fix = match text.strip_suffix(|c: char| c.is_ascii_lowercase()) {
            Some(region) if has_shape_of_region(region) => {
                format!("write the region `{region}`, without the letter of the availability zone")
            }
            _ => "write a region such as `eu-west-2` or `us-east-1`".to_owned(),
        };
        Err(Invalid::new(
            format!("{} is no AWS region", quoted(text)),
            "regions look like `eu-west-2`",
            fix,
        ))
    }
}

/// `eu-west-2`, `us-gov-west-1`, `eusc-de-east-1`.
fn has_shape_of_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [area, directions @ .., number] = parts.as_slice() else {
        return false;
    };
    let word = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
    word(area)
        && (2..=4).contains(&area.len())
        && (1..=3).contains(&directions.len())
        && directions.iter().all(|part| word(part) && part.len() <= 12)
        && (1..=2).contains(&number.len())
        && number.bytes().all(|b| b.is_ascii_digit())
}

/// What the app runs on. From the key `target`.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// Containers behind a load balancer, on ECS with Fargate.
    #[default]
    Fargate,
    /// A function behind an HTTP API, on AWS Lambda.
    Lambda,
}

impl Target {
    /// Every target.
    pub const ALL: [Target; 2] = [Target::Lambda, Target::Fargate];

    /// The other target.
    #[must_use]
    pub fn other(self) -> Target {
        match self {
            Target::Lambda => Target::Fargate,
            Target::Fargate => Target::Lambda,
        }
    }

    /// The word in `landfall.toml`, outputs and events.
    pub fn as_str(self) -> &'static str {
        match self {
            Target::Fargate => "fargate",
            Target::Lambda => "lambda",
        }
    }
}

impl FromStr for Target {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Target, Invalid> {
        let synonyms = [("ecs", Target::Fargate), ("aws-lambda", Target::Lambda)];
        one_of("target", text, &Target::ALL, Target::as_str, &synonyms)
    }
}

/// Processor that the image is built for and runs on. From the key `architecture`.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
pub enum Architecture {
    /// 64-bit Intel and AMD; Docker calls it `amd64`.
    #[default]
    #[serde(rename = "x86_64")]
    X86_64,
    /// 64-bit ARM (Graviton).
    #[serde(rename = "arm64")]
    Arm64,
}

impl Architecture {
    /// Every architecture.
    pub const ALL: [Architecture; 2] = [Architecture::X86_64, Architecture::Arm64];

    /// The word in `landfall.toml`, outputs and events.
    pub fn as_str(self) -> &'static str {
        match self {
            Architecture::X86_64 => "x86_64",
            Architecture::Arm64 => "arm64",
        }
    }
}

impl FromStr for Architecture {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Architecture, Invalid> {
        let synonyms = [
            ("amd64", Architecture::X86_64),
            ("x64", Architecture::X86_64),
            ("x86-64", Architecture::X86_64),
            ("aarch64", Architecture::Arm64),
            ("arm", Architecture::Arm64),
        ];
        one_of(
            "architecture",
            text,
            &Architecture::ALL,
            Architecture::as_str,
            &synonyms,
        )
    }
}

/// How traffic moves to a new version. From the key `strategy`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// In growing shares, as far as the comparison with the old version allows.
    #[default]
    Canary,
    /// All at once, after the candidate is healthy and has answered probes.
    AllAtOnce,
    /// A tenth, and all of it when a person promotes it.
    Manual,
}

impl Strategy {
    /// Every strategy.
    pub const ALL: [Strategy; 3] = [Strategy::Canary, Strategy::AllAtOnce, Strategy::Manual];

    /// The word in `landfall.toml` and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Strategy::Canary => "canary",
            Strategy::AllAtOnce => "all-at-once",
            Strategy::Manual => "manual",
        }
    }
}

impl FromStr for Strategy {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Strategy, Invalid> {
        let synonyms = [
            ("blue-green", Strategy::AllAtOnce),
            ("blue/green", Strategy::AllAtOnce),
        ];
        one_of(
            "strategy",
            text,
            &Strategy::ALL,
            Strategy::as_str,
            &synonyms,
        )
    }
}

/// Where the Terraform state lives. From the key `state`.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum StateBackend {
    /// A bucket in the user's account, so that any machine can go on.
    #[default]
    S3,
    /// Files on this machine.
    Local,
}

impl StateBackend {
    /// Every backend.
    pub const ALL: [StateBackend; 2] = [StateBackend::S3, StateBackend::Local];

    /// The word in `landfall.toml`, outputs and events.
    pub fn as_str(self) -> &'static str {
        match self {
            StateBackend::S3 => "s3",
            StateBackend::Local => "local",
        }
    }
}

impl FromStr for StateBackend {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<StateBackend, Invalid> {
        one_of("state", text, &StateBackend::ALL, StateBackend::as_str, &[])
    }
}

macro_rules! displayed_as_word {
    ($($type:ident),*) => {$(
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    )*};
}

displayed_as_word!(Target, Architecture, StateBackend);

/// The value that `text` is the word for. Synonyms are not accepted: there is one word for one
/// thing. The error for a synonym names the right word.
pub(super) fn one_of<T: Copy>(
    key: &str,
    text: &str,
    all: &[T],
    word: fn(T) -> &'static str,
    synonyms: &[(&str, T)],
) -> Result<T, Invalid> {
    if let Some(value) = all.iter().find(|value| word(**value) == text) {
        return Ok(*value);
    }
    let lowercase = text.to_lowercase();
    let words: Vec<String> = all.iter().map(|v| format!("`{}`", word(*v))).collect();
    let meant = synonyms
        .iter()
        .find(|(synonym, _)| *synonym == lowercase)
        .map(|(_, value)| word(*value))
        .or_else(|| all.iter().map(|v| word(*v)).find(|w| *w == lowercase));
    Err(Invalid::new(
        format!("{key} {}", quoted(text)),
        format!("it must be {}", listed(&words, "or")),
        format!("write `{key} = \"{}\"`", meant.unwrap_or(word(all[0]))),
    ))
}
