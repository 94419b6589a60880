//! The bridge of a rehearsal: what fakecloud does not do of Lambda's platform.
//!
//! fakecloud runs a function's image as a container and posts each event to [`INVOCATIONS`]; AWS offers
//! the Runtime API instead. It gathers no lines of functions, and its HTTP APIs pass the alias by. The
//! bridge stands between the two, in a rehearsal only.

use rules::edge_contract::emulator::Endpoint;
use rules::time::Timestamp;
use serde_json::json;
use std::time::Duration;

/// Variable of another address to take events on, for tests.
pub(crate) const LISTEN: &str = "LANDFALL_BRIDGE_LISTEN";
/// Path to which fakecloud posts events
/// (<https://docs.aws.amazon.com/lambda/latest/dg/images-test.html>).
pub(crate) const INVOCATIONS: &str = "/2015-03-31/functions/function/invocations";
/// The version that is not one: what was set last.
pub(crate) const LATEST: &str = "$LATEST";

/// How long an invocation may take where fakecloud does not say.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Most lines and bytes of one `PutLogEvents`, and what each line counts beside its bytes
/// (<https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html>).
const BATCH_LINES: usize = 10_000;
const BATCH_BYTES: usize = 1_048_576;
const LINE_BYTES: usize = 26;

/// What fakecloud told a container about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// Where AWS is: `http://host.docker.internal:4566`. Without it lines go to stdout only.
    pub(crate) endpoint: Option<Endpoint>,
    /// The function's name.
    pub(crate) function: String,
    /// Its version, or [`LATEST`].
    pub(crate) version: String,
    /// Where lines go.
    pub(crate) log_group: String,
    /// The same; the edge takes its task's name from it.
    pub(crate) log_stream: String,
    /// What an invocation may take.
    pub(crate) timeout: Duration,
    /// Region of the function.
    pub(crate) region: String,
    /// Who it calls as.
    pub(crate) access_key: String,
}

impl Place {
    /// Reads the container's environment. `sandbox` is a name that no other container has.
    pub(crate) fn read(
        variable: impl Fn(&str) -> Option<String>,
        now: Timestamp,
        sandbox: &str,
    ) -> Place {
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
            endpoint: variable("AWS_ENDPOINT_URL").and_then(|url| Endpoint::parse(&url)),
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
    pub(crate) fn told(&self) -> [(&'static str, &str); 4] {
        [
            ("AWS_LAMBDA_FUNCTION_NAME", &self.function),
            ("AWS_LAMBDA_FUNCTION_VERSION", &self.version),
            ("AWS_LAMBDA_LOG_GROUP_NAME", &self.log_group),
            ("AWS_LAMBDA_LOG_STREAM_NAME", &self.log_stream),
        ]
    }

    /// Where the emulator is, for who asks it instead of AWS.
    pub(crate) fn emulator(&self) -> Option<String> {
        let endpoint = self.endpoint.as_ref()?;
        Some(format!("http://{}:{}", endpoint.host, endpoint.port))
    }

    /// The `Authorization` header by which fakecloud knows account, region and service. It does not
    /// look at the signature.
    pub(crate) fn authorization(&self, service: &str) -> String {
        let (key, region) = (&self.access_key, &self.region);
        format!(
            "AWS4-HMAC-SHA256 Credential={key}/20260101/{region}/{service}/aws4_request, \
             SignedHeaders=host, Signature=rehearsal"
        )
    }
}

/// One line of the command, with the moment at which it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// When.
    pub(crate) at: Timestamp,
    /// What.
    pub(crate) text: String,
}

/// Cuts lines into what one call may carry each, in the order of time. An empty line is no event.
pub(crate) fn batches(mut lines: Vec<Line>) -> Vec<Vec<Line>> {
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
pub(crate) fn put_log_events(place: &Place, lines: &[Line]) -> Vec<u8> {
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
pub(crate) fn exited(id: &str, how: &str) -> Vec<u8> {
    let message = format!("RequestId: {id} Error: Runtime exited with error: {how}");
    failure("Runtime.ExitError", &message)
}

/// What a caller is told when the function's timeout passed, as AWS words it.
pub(crate) fn timed_out(id: &str, timeout: Duration) -> Vec<u8> {
    let seconds = timeout.as_secs_f64();
    let message = format!("RequestId: {id} Error: Task timed out after {seconds:.2} seconds");
    failure("Sandbox.Timedout", &message)
}

/// An error of the bridge's own.
pub(crate) fn failure(kind: &str, message: &str) -> Vec<u8> {
    let wire = json!({"errorType": kind, "errorMessage": message});
    wire.to_string().into_bytes()
}

/// Whether an invocation of this container is to go on to the alias `live`, which stands at
/// `live_version`. fakecloud's HTTP APIs invoke [`LATEST`] whatever alias they name.
pub(crate) fn goes_on(own_version: &str, live_version: Option<&str>) -> bool {
    // An alias that stands at $LATEST would lead back here for ever.
    own_version == LATEST && live_version.is_some_and(|live| live != LATEST)
}

#[cfg(test)]
#[path = "function_tests.rs"]
mod tests;
