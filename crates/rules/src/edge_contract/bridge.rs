//! The bridge of a rehearsal: what fakecloud does not do of Lambda's platform.
//!
//! fakecloud runs a function's image as a container and posts each event to [`INVOCATIONS`]; AWS offers
//! the Runtime API instead. It gathers no lines of functions, and its HTTP APIs pass the alias by. The
//! bridge stands between the two, in a rehearsal only.

use crate::time::Timestamp;
use serde_json::json;
use std::net::IpAddr;
use std::time::Duration;

/// Where the bridge lies in the image.
pub const PATH: &str = "/.landfall/bridge";
/// Port on which it takes events. Not fakecloud's 8080, which is the port of many an app.
pub const PORT: u16 = 8099;
/// Variable of another address to take events on, for tests.
pub const LISTEN: &str = "LANDFALL_BRIDGE_LISTEN";
/// Path to which fakecloud posts events
/// (<https://docs.aws.amazon.com/lambda/latest/dg/images-test.html>).
pub const INVOCATIONS: &str = "/2015-03-31/functions/function/invocations";
/// The version that is not one: what was set last.
pub const LATEST: &str = "$LATEST";

/// How long an invocation may take where fakecloud does not say.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Most lines and bytes of one `PutLogEvents`, and what each line counts beside its bytes
/// (<https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html>).
const BATCH_LINES: usize = 10_000;
const BATCH_BYTES: usize = 1_048_576;
const LINE_BYTES: usize = 26;

/// What fakecloud told a container about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Where AWS is: `http://host.docker.internal:4566`. Without it lines go to stdout only.
    pub endpoint: Option<Endpoint>,
    /// The function's name.
    pub function: String,
    /// Its version, or [`LATEST`].
    pub version: String,
    /// Where lines go.
    pub log_group: String,
    /// The same; the edge takes its task's name from it.
    pub log_stream: String,
    /// What an invocation may take.
    pub timeout: Duration,
    /// Region of the function.
    pub region: String,
    /// Who it calls as.
    pub access_key: String,
}

impl Place {
    /// Reads the container's environment. `sandbox` is a name that no other container has.
    pub fn read(variable: impl Fn(&str) -> Option<String>, now: Timestamp, sandbox: &str) -> Place {
        let word = |name: &str, otherwise: &str| {
            let found = variable(name).filter(|value| !value.is_empty());
            found.unwrap_or_else(|| otherwise.to_owned())
        };
        let function = word("AWS_LAMBDA_FUNCTION_NAME", "function");
        let version = word("AWS_LAMBDA_FUNCTION_VERSION", LATEST);
        let (year, month, day) = now.date();
        let stream = format!("{year:04}/{month:02}/{day:02}/[{version}]{sandbox}");
        let seconds = variable("AWS_LAMBDA_FUNCTION_TIMEOUT").and_then(|text| text.parse().ok());
        Place {
            endpoint: variable("AWS_ENDPOINT_URL").and_then(|url| Endpoint::read(&url)),
            log_group: word(
                "AWS_LAMBDA_LOG_GROUP_NAME",
                &format!("/aws/lambda/{function}"),
            ),
            log_stream: word("AWS_LAMBDA_LOG_STREAM_NAME", &stream),
            timeout: seconds.map_or(TIMEOUT, Duration::from_secs),
            region: word("AWS_REGION", "us-east-1"),
            access_key: word("AWS_ACCESS_KEY_ID", "test"),
            function,
            version,
        }
    }

    /// What the command behind the bridge has to be told, as AWS would have.
    pub fn told(&self) -> [(&'static str, &str); 4] {
        [
            ("AWS_LAMBDA_FUNCTION_NAME", &self.function),
            ("AWS_LAMBDA_FUNCTION_VERSION", &self.version),
            ("AWS_LAMBDA_LOG_GROUP_NAME", &self.log_group),
            ("AWS_LAMBDA_LOG_STREAM_NAME", &self.log_stream),
        ]
    }

    /// Where the emulator is, for who asks it instead of AWS.
    pub fn emulator(&self) -> Option<String> {
        let endpoint = self.endpoint.as_ref()?;
        Some(format!("http://{}:{}", endpoint.host, endpoint.port))
    }

    /// The `Authorization` header by which fakecloud knows account, region and service. It does not
    /// look at the signature.
    pub fn authorization(&self, service: &str) -> String {
        let (key, region) = (&self.access_key, &self.region);
        format!(
            "AWS4-HMAC-SHA256 Credential={key}/20260101/{region}/{service}/aws4_request, \
             SignedHeaders=host, Signature=rehearsal"
        )
    }
}

/// Host and port of an emulator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
}

impl Endpoint {
    /// Reads `http://host:port`; [`None`] for anything else: an emulator speaks plain HTTP.
    pub fn read(url: &str) -> Option<Endpoint> {
        let rest = url.trim().strip_prefix("http://")?;
        let (host, port) = rest.trim_end_matches('/').rsplit_once(':')?;
        Some(Endpoint {
            host: host.to_owned(),
            port: port.parse().ok()?,
        })
    }

    /// Its address, by what `/etc/hosts` says. An image may hold nothing that a resolver needs, and
    /// container engines write the host's name into this file.
    pub fn address(&self, hosts: &str) -> Option<IpAddr> {
        let listed = || {
            hosts.lines().find_map(|line| {
                let mut words = line.split('#').next()?.split_whitespace();
                let address = words.next()?.parse().ok()?;
                words.any(|name| name == self.host).then_some(address)
            })
        };
        self.host.parse().ok().or_else(listed)
    }
}

/// One line of the command, with the moment at which it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When.
    pub at: Timestamp,
    /// What.
    pub text: String,
}

/// Cuts lines into what one call may carry each, in the order of time. An empty line is no event.
pub fn batches(mut lines: Vec<Line>) -> Vec<Vec<Line>> {
    lines.retain(|line| !line.text.is_empty());
    lines.sort_by_key(|line| line.at);
    let mut all: Vec<Vec<Line>> = Vec::new();
    let mut bytes = 0;
    for line in lines {
        let size = line.text.len() + LINE_BYTES;
        match all.last_mut() {
            Some(batch) if batch.len() < BATCH_LINES && bytes + size <= BATCH_BYTES => {
                bytes += size;
                batch.push(line);
            }
            _ => {
                bytes = size;
                all.push(vec![line]);
            }
        }
    }
    all
}

/// The body of `PutLogEvents`.
pub fn put_log_events(place: &Place, lines: &[Line]) -> Vec<u8> {
    let events: Vec<_> = lines
        .iter()
        .map(|line| json!({"timestamp": line.at.0, "message": line.text}))
        .collect();
    let body = json!({
        "logGroupName": place.log_group,
        "logStreamName": place.log_stream,
        "logEvents": events,
    });
    body.to_string().into_bytes()
}

/// What a caller is told when the command ended without a word of its own, as AWS words it.
pub fn exited(id: &str, how: &str) -> Vec<u8> {
    let message = format!("RequestId: {id} Error: Runtime exited with error: {how}");
    failure("Runtime.ExitError", &message)
}

/// What a caller is told when the function's timeout passed, as AWS words it.
pub fn timed_out(id: &str, timeout: Duration) -> Vec<u8> {
    let seconds = timeout.as_secs_f64();
    let message = format!("RequestId: {id} Error: Task timed out after {seconds:.2} seconds");
    failure("Sandbox.Timedout", &message)
}

/// An error of the bridge's own.
pub fn failure(kind: &str, message: &str) -> Vec<u8> {
    let wire = json!({"errorType": kind, "errorMessage": message});
    wire.to_string().into_bytes()
}

/// Whether an invocation of this container is to go on to the alias `live`, which stands at
/// `live_version`. fakecloud's HTTP APIs invoke [`LATEST`] whatever alias they name.
pub fn goes_on(own_version: &str, live_version: Option<&str>) -> bool {
    // An alias that stands at $LATEST would lead back here for ever.
    own_version == LATEST && live_version.is_some_and(|live| live != LATEST)
}

#[cfg(test)]
#[path = "bridge_tests.rs"]
mod tests;
