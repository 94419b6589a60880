//! Which target an app gets by default: Lambda, where it fits, because it costs nothing while there are no
//! requests.

use super::problem::Invalid;
use super::target::one_of;
use super::{Container, Count, Memory, Port, SecretName, TMP, Target};
use super::{DEFAULT_IDLE_SECONDS, DEFAULT_REQUEST_SECONDS, DEFAULT_START_SECONDS};
use serde::Serialize;
use std::collections::BTreeMap;
use std::str::FromStr;

/// Memory that Lambda offers at most, MiB
/// (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>).
pub const LAMBDA_MEMORY: u32 = 10_240;
/// The largest image that Lambda takes, bytes uncompressed (the same page).
pub const LAMBDA_IMAGE: u64 = 10 * 1024 * 1024 * 1024;
/// Ports below this one need a privilege that apps on Lambda do not have.
const LAMBDA_PORTS: u16 = 1024;
/// Lambda's Runtime API listens on it, in the app's own network
/// (<https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>).
const RUNTIME_API_PORT: u16 = 9001;
/// Longest names and values of all environment variables of a function together, bytes
/// (<https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>).
const LAMBDA_ENV: usize = 4096;
/// Bytes of them that landfall may need for its own variables.
const LANDFALL_ENV: usize = 512;
/// Bytes that landfall needs for the reference of a secret next to its name.
const SECRET_REFERENCE: usize = 120;
/// Variables that Lambda sets itself (the same page).
const LAMBDA_NAMES: [&str; 2] = ["LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR"];

/// Something that an app needs and not every target has. From the key `needs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// Connections that stay open in both directions.
    Websockets,
    /// Requests that take longer than 30 s.
    LongRequests,
    /// Work that goes on after the answer, or without any request.
    BackgroundWork,
}

impl Need {
    /// Every need.
    pub const ALL: [Need; 3] = [Need::Websockets, Need::LongRequests, Need::BackgroundWork];

    /// The word in `landfall.toml`.
    pub fn as_str(self) -> &'static str {
        match self {
            Need::Websockets => "websockets",
            Need::LongRequests => "long-requests",
            Need::BackgroundWork => "background-work",
        }
    }

    /// Why Lambda does not have it.
    fn why_not_on_lambda(self) -> &'static str {
        match self {
            Need::Websockets => "it needs websockets, and Lambda hands out one request at a time",
            Need::LongRequests => "it needs long requests, and an HTTP API waits 30 s at most",
            Need::BackgroundWork => {
                "it needs background work, and Lambda freezes an app between requests"
            }
        }
    }
}

impl std::fmt::Display for Need {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Need {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Need, Invalid> {
        let synonyms = [
            ("websocket", Need::Websockets),
            ("long_requests", Need::LongRequests),
            ("background_work", Need::BackgroundWork),
            ("background", Need::BackgroundWork),
        ];
        one_of("needs", text, &Need::ALL, Need::as_str, &synonyms)
    }
}

/// How a target was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// The manifest or the command line names it.
    Asked,
    /// None is named, and the app fits the one that costs nothing.
    Usual,
    /// None is named, and the app does not fit Lambda, for these reasons.
    Unfit(Vec<String>),
}

/// What decides whether an app fits Lambda.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) needs: &'a [Need],
    pub(super) edge: bool,
    pub(super) container: &'a Container,
    pub(super) count: Count,
    pub(super) memory: Memory,
    pub(super) start_seconds: u32,
    pub(super) request_seconds: u32,
    pub(super) idle_seconds: u32,
    /// [`None`] if it is not known, because of a problem in the manifest.
    pub(super) port: Option<Port>,
    pub(super) env: &'a BTreeMap<String, String>,
    pub(super) secrets: &'a [SecretName],
}

impl Asked<'_> {
    /// Why the app cannot run on Lambda; empty if it can.
    pub(super) fn unfit(self) -> Vec<String> {
        let mut why: Vec<String> = self
            .needs
            .iter()
            .map(|need| need.why_not_on_lambda().to_owned())
            .collect();
        if !self.edge {
            why.push(
                "`edge` is false, and on Lambda the app gets its requests from the edge".into(),
            );
        }
        why.extend(self.unlocked());
        if self.memory.mib() > LAMBDA_MEMORY {
            why.push(format!(
                "it needs {} MiB of memory, and Lambda offers {LAMBDA_MEMORY}",
                self.memory.mib()
            ));
        }
        if self.count.get() > 1 {
            why.push(format!(
                "`count` is {}, and Lambda sets the number of instances itself",
                self.count
            ));
        }
        why.extend(self.long_waits());
        why.extend(self.port.and_then(unusable_port));
        why.extend(self.unusable_variables());
        why
    }

    /// What takes longer than it may on Lambda, apart from what its needs say.
    fn long_waits(self) -> impl Iterator<Item = String> {
        let needs = |need: Need| self.needs.contains(&need);
        let start = self.start_seconds > DEFAULT_START_SECONDS;
        let request = self.request_seconds > DEFAULT_REQUEST_SECONDS && !needs(Need::LongRequests);
        let idle = self.idle_seconds > DEFAULT_IDLE_SECONDS && !needs(Need::Websockets);
        let start = start.then(|| {
            format!(
                "`start_seconds` is {}, and on Lambda a request waits 30 seconds for an instance that starts",
                self.start_seconds
            )
        });
        let request = request.then(|| {
            format!(
                "`request_seconds` is {}, and on Lambda a response has 30 seconds",
                self.request_seconds
            )
        });
        let idle = idle.then(|| {
            format!(
                "`idle_seconds` is {}, and on Lambda no connection stays open",
                self.idle_seconds
            )
        });
        [start, request, idle].into_iter().flatten()
    }

    /// What Lambda does not accept of the environment variables.
    fn unusable_variables(self) -> Vec<String> {
        let secrets = self.secrets.iter().map(SecretName::as_str);
        let names = self.env.keys().map(String::as_str).chain(secrets.clone());
        let mut why: Vec<String> = names
            .filter(|name| !is_name_on_lambda(name))
            .map(|name| format!("its variable `{name}` has a name that Lambda does not accept"))
            .collect();
        let plain: usize = self
            .env
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum();
        let referred: usize = secrets.map(|name| name.len() + SECRET_REFERENCE).sum();
        let most = LAMBDA_ENV - LANDFALL_ENV;
        if plain + referred > most {
            why.push(format!(
                "its environment variables have {} bytes with their names, and Lambda leaves {most} to an app",
                plain + referred
            ));
        }
        why
    }

    /// What the container may do, and no container on Lambda may.
    fn unlocked(self) -> Vec<String> {
        let container = self.container;
        let mut why = Vec::new();
        if container.is_root() {
            why.push("it runs as root, which Lambda does not allow".to_owned());
        }
        let elsewhere = container.writable.iter().any(|path| path.as_str() != TMP);
        if !container.read_only || elsewhere {
            why.push("it writes outside /tmp, which Lambda does not allow".to_owned());
        }
        if !container.capabilities.is_empty() {
            why.push("it keeps `capabilities`, and Lambda grants none".to_owned());
        }
        why
    }

    /// The target of an app.
    ///
    /// # Errors
    /// The one that was asked for cannot run it.
    pub(super) fn choose(self, asked: Option<Target>) -> Result<(Target, Choice), Invalid> {
        let unfit = self.unfit();
        match asked {
            Some(Target::Lambda) if !unfit.is_empty() => Err(Invalid::new(
                "target `lambda` cannot run this app",
                unfit.join("; "),
                "write `target = \"fargate\"`, or leave `target` out",
            )),
            Some(target) => Ok((target, Choice::Asked)),
            None if unfit.is_empty() => Ok((Target::Lambda, Choice::Usual)),
            None => Ok((Target::Fargate, Choice::Unfit(unfit))),
        }
    }
}

/// Why no app on Lambda can listen on this port.
fn unusable_port(port: Port) -> Option<String> {
    match port.get() {
        low if low < LAMBDA_PORTS => Some(format!(
            "it listens on port {low}, and on Lambda no app can listen below {LAMBDA_PORTS}"
        )),
        RUNTIME_API_PORT => Some(format!(
            "it listens on port {RUNTIME_API_PORT}, which Lambda itself uses"
        )),
        _ => None,
    }
}

/// Lambda's pattern is `[a-zA-Z]([a-zA-Z0-9_])+`
/// (<https://docs.aws.amazon.com/lambda/latest/api/API_Environment.html>).
fn is_name_on_lambda(name: &str) -> bool {
    name.len() > 1
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && !LAMBDA_NAMES.contains(&name)
}
