//! The function that this container runs, as fakecloud describes it in the environment.

use edge_contract::emulator::Endpoint;
use edge_contract::time::Timestamp;
use std::time::Duration;

/// The version that is not a published one: the latest code and settings.
pub(crate) const LATEST: &str = "$LATEST";
/// The timeout of invocations if fakecloud does not set one.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// What is known about the function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FunctionContext {
    /// The emulator, such as `http://host.docker.internal:4566`. Without it, lines go to stdout
    /// only.
    pub(crate) endpoint: Option<Endpoint>,
    pub(crate) name: String,
    /// A number, or [`LATEST`].
    pub(crate) version: String,
    pub(crate) log_group: String,
    /// The edge derives its task's name from it.
    pub(crate) log_stream: String,
    /// Of an invocation.
    pub(crate) timeout: Duration,
    pub(crate) region: String,
    pub(crate) access_key: String,
}

impl FunctionContext {
    /// Reads the container's environment. `sandbox` is a name that no other container has.
    pub(crate) fn from_environment(
        variable: impl Fn(&str) -> Option<String>,
        now: Timestamp,
        sandbox: &str,
    ) -> FunctionContext {
        let text = |name: &str, default: &str| {
            let found = variable(name).filter(|value| !value.is_empty());
            found.unwrap_or_else(|| default.to_owned())
        };
        let name = text("AWS_LAMBDA_FUNCTION_NAME", "function");
        let version = text("AWS_LAMBDA_FUNCTION_VERSION", LATEST);
        let (year, month, day) = now.date();
        let stream = format!("{year:04}/{month:02}/{day:02}/[{version}]{sandbox}");
        let seconds = variable("AWS_LAMBDA_FUNCTION_TIMEOUT").and_then(|text| text.parse().ok());
        FunctionContext {
            endpoint: variable("AWS_ENDPOINT_URL").and_then(|url| Endpoint::parse(&url)),
            log_group: text("AWS_LAMBDA_LOG_GROUP_NAME", &format!("/aws/lambda/{name}")),
            log_stream: text("AWS_LAMBDA_LOG_STREAM_NAME", &stream),
            timeout: seconds.map_or(DEFAULT_TIMEOUT, Duration::from_secs),
            region: text("AWS_REGION", "us-east-1"),
            access_key: text("AWS_ACCESS_KEY_ID", "test"),
            name,
            version,
        }
    }

    /// The variables that AWS sets for a runtime.
    pub(crate) fn lambda_variables(&self) -> [(&'static str, &str); 4] {
        [
            ("AWS_LAMBDA_FUNCTION_NAME", &self.name),
            ("AWS_LAMBDA_FUNCTION_VERSION", &self.version),
            ("AWS_LAMBDA_LOG_GROUP_NAME", &self.log_group),
            ("AWS_LAMBDA_LOG_STREAM_NAME", &self.log_stream),
        ]
    }

    /// The emulator's URL, for programs that call it instead of AWS.
    pub(crate) fn emulator_url(&self) -> Option<String> {
        let endpoint = self.endpoint.as_ref()?;
        Some(format!("http://{}:{}", endpoint.host, endpoint.port))
    }

    /// The `Authorization` header from which fakecloud takes account, region and service. It does
    /// not check the signature.
    pub(crate) fn authorization(&self, service: &str) -> String {
        let (key, region) = (&self.access_key, &self.region);
        format!(
            "AWS4-HMAC-SHA256 Credential={key}/20260101/{region}/{service}/aws4_request, \
             SignedHeaders=host, Signature=rehearsal"
        )
    }

    /// Whether an event for this container has to go to the alias `live`, which points to
    /// `live_version`: fakecloud's HTTP APIs invoke [`LATEST`], whatever alias they name.
    pub(crate) fn must_route_to(&self, live_version: Option<&str>) -> bool {
        // An alias that points to $LATEST would route the event back here, for ever.
        self.version == LATEST && live_version.is_some_and(|live| live != LATEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use edge_contract::runtime_api::task_name;

    fn context(pairs: &[(&str, &str)]) -> FunctionContext {
        let variable = |name: &str| {
            let found = pairs.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        FunctionContext::from_environment(
            variable,
            Timestamp(1_795_464_000_000),
            "0123456789abcdef0123456789abcdef",
        )
    }

    #[test]
    fn values_of_fakecloud_are_used() {
        let context = context(&[
            ("AWS_ENDPOINT_URL", "http://host.docker.internal:4566"),
            ("AWS_LAMBDA_FUNCTION_NAME", "shop-prod"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "7"),
            ("AWS_LAMBDA_FUNCTION_TIMEOUT", "3"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", "/landfall/shop-prod"),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "2026/11/23/[7]abcdef0123"),
            ("AWS_REGION", "eu-west-2"),
            ("AWS_ACCESS_KEY_ID", "FSIA"),
        ]);
        let endpoint = context.endpoint.clone().expect("an endpoint");
        assert_eq!(
            (endpoint.host.as_str(), endpoint.port),
            ("host.docker.internal", 4566)
        );
        assert_eq!(context.timeout, Duration::from_secs(3));
        assert_eq!(context.log_group, "/landfall/shop-prod");
        assert_eq!(context.log_stream, "2026/11/23/[7]abcdef0123");
        assert!(
            context.authorization("logs").starts_with(
                "AWS4-HMAC-SHA256 Credential=FSIA/20260101/eu-west-2/logs/aws4_request,"
            )
        );
    }

    #[test]
    fn missing_values_get_the_defaults_of_aws() {
        let context = context(&[("AWS_LAMBDA_FUNCTION_NAME", "f")]);
        assert_eq!(context.endpoint, None);
        assert_eq!(context.timeout, Duration::from_secs(30));
        assert_eq!(context.log_group, "/aws/lambda/f");
        assert_eq!(
            context.log_stream,
            "2026/11/23/[$LATEST]0123456789abcdef0123456789abcdef"
        );
        assert!(task_name(&context.log_stream).is_some());
        assert!(
            context
                .lambda_variables()
                .contains(&("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"))
        );
    }

    #[test]
    fn only_events_for_the_latest_version_are_routed_and_only_to_another_one() {
        let version = |version: &str| context(&[("AWS_LAMBDA_FUNCTION_VERSION", version)]);
        assert!(version("$LATEST").must_route_to(Some("3")));
        assert!(!version("$LATEST").must_route_to(Some("$LATEST")));
        assert!(!version("$LATEST").must_route_to(None));
        assert!(!version("3").must_route_to(Some("4")));
    }
}
