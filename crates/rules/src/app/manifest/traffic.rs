//! How requests reach the app and how they get to finish.

use super::newtype::{number_value, text_value};
use super::problem::{Invalid, quoted};
use serde::Serialize;
use std::ops::RangeInclusive;

/// TCP port, 1 to 65535. From the key `port` or the Dockerfile's `EXPOSE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Port(u16);

number_value!(Port, get -> u16);

impl Port {
    /// Checks a port number.
    pub fn new(number: i64) -> Result<Port, Invalid> {
        u16::try_from(number)
            .ok()
            .filter(|port| *port != 0)
            .map(Port)
            .ok_or_else(|| {
                Invalid::new(
                    format!("port {number}"),
                    "ports go from 1 to 65535",
                    "write the port that the app listens on, such as `port = 8080`",
                )
            })
    }

    /// A port that a Dockerfile exposes: its reader gives none that is 0.
    pub(super) fn exposed(port: u16) -> Port {
        Port(port)
    }
}

impl Default for Port {
    /// The port that most platforms of this kind set.
    fn default() -> Port {
        Port(8080)
    }
}

/// Path that the load balancer asks for to learn whether the app is well. From the key `health`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct HealthPath(String);

text_value!(HealthPath);

impl HealthPath {
    /// Longest path that a target group takes.
    /// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html>
    pub(super) const LENGTH: usize = 1024;

    /// Checks a path.
    pub fn parse(text: &str) -> Result<HealthPath, Invalid> {
        let why = if !text.starts_with('/') {
            "it must start with `/`".to_owned()
        } else if let Some(c) = text.chars().find(|c| !c.is_ascii_graphic()) {
            format!("{} cannot stand in a URL", quoted(&c.to_string()))
        } else if text.len() > HealthPath::LENGTH {
            format!("it has more than {} characters", HealthPath::LENGTH)
        } else {
            return Ok(HealthPath(text.to_owned()));
        };
        Err(Invalid::new(
            format!("health path {}", quoted(text)),
            why,
            "write a path that answers 200 while the app is well, such as `health = \"/healthz\"`",
        ))
    }
}

impl Default for HealthPath {
    fn default() -> HealthPath {
        HealthPath("/".to_owned())
    }
}

/// Most seconds of draining. ECS kills a container `stopTimeout` seconds after it asked it to stop,
/// and Fargate allows 120 at most; ten of them are kept for the app to end after its last request.
/// (A target group would drain for up to 3600.)
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html>
pub const MAX_DRAIN_SECONDS: u32 = 110;

/// Seconds of draining by default.
pub(super) const DEFAULT_DRAIN_SECONDS: u32 = 20;

/// Most seconds until a new task answers. ECS waits longer; a deployment that takes half an hour is broken.
pub const MAX_START_SECONDS: u32 = 1_800;
/// Seconds until a new task answers, by default.
pub const DEFAULT_START_SECONDS: u32 = 120;
/// The same for data from before the key.
pub(crate) fn default_start_seconds() -> u32 {
    DEFAULT_START_SECONDS
}
/// Most seconds until a response begins: CloudFront waits 120 at most without a higher quota, of which a few are left
/// for the network (<https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html>).
pub const MAX_REQUEST_SECONDS: u32 = 115;
/// Seconds until a response begins, by default.
pub const DEFAULT_REQUEST_SECONDS: u32 = 30;
/// The same for data from before the key.
pub(crate) fn default_request_seconds() -> u32 {
    DEFAULT_REQUEST_SECONDS
}
/// Most seconds without data on a connection: CloudFront ends websockets after ten minutes
/// (<https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/distribution-working-with.websockets.html>).
pub const MAX_IDLE_SECONDS: u32 = 600;
/// Seconds without data on a connection, by default: what the load balancer waits.
pub const DEFAULT_IDLE_SECONDS: u32 = 60;

/// Checks the number of seconds of a key. `because` follows the range in the error; it may be empty.
pub(super) fn seconds(
    key: &str,
    seconds: i64,
    range: &RangeInclusive<u32>,
    because: &str,
) -> Result<u32, Invalid> {
    let (least, most) = (*range.start(), *range.end());
    u32::try_from(seconds)
        .ok()
        .filter(|seconds| range.contains(seconds))
        .ok_or_else(|| {
            Invalid::new(
                format!("{key} {seconds}"),
                format!("{least} to {most} are possible{because}"),
                format!(
                    "write `{key} = {}`",
                    seconds.clamp(least.into(), most.into())
                ),
            )
        })
}
