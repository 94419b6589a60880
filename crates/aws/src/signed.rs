//! Calls of services whose SDK crates are large and of which few calls are needed.
//!
//! Everything but the request's text and the answer's is the SDK's: connections, credentials,
//! signature, retries, timeouts, clock skew, endpoints. Errors go through [`translate`], as those
//! of every other service. `docs/decisions/0004-services-without-their-sdk-crates.md` explains why.

pub(crate) mod api_gateway;
pub(crate) mod cloudfront;
pub(crate) mod ec2;
mod endpoint;
mod json;
pub(crate) mod ssm;
#[cfg(test)]
mod tests;
pub(crate) mod xml;

use crate::error::{Error, translate};
use aws_config::{BehaviorVersion, SdkConfig};
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::auth::{SigV4OperationSigningConfig, SigningOptions};
use aws_runtime::invocation_id::InvocationIdInterceptor;
use aws_runtime::request_info::RequestInfoInterceptor;
use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_runtime::service_clock_skew::{ServiceClockSkewClassifier, ServiceClockSkewInterceptor};
use aws_runtime::user_agent::{ApiMetadata, UserAgentInterceptor};
use aws_smithy_runtime::client::http::connection_poisoning::ConnectionPoisoningInterceptor;
use aws_smithy_runtime::client::orchestrator::endpoints::StaticUriEndpointResolverParams;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::retries::classifiers::{
    HttpStatusCodeClassifier, TransientErrorClassifier,
};
use aws_smithy_runtime::client::stalled_stream_protection::StalledStreamProtectionInterceptor;
use aws_smithy_runtime_api::client::auth::AuthSchemeOptionResolverParams;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::endpoint::EndpointResolverParams;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::{SharedRuntimePlugin, StaticRuntimePlugin};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::Layer;
use aws_smithy_types::error::metadata::{ErrorMetadata, ProvideErrorMetadata};
use aws_smithy_types::retry::RetryConfig;
use aws_types::SigningName;
use aws_types::region::SigningRegion;
use std::fmt;

/// A service that is called without its SDK crate.
#[derive(Debug)]
struct Service {
    /// Its ID in the SDK's models, as in `AWS_ENDPOINT_URL_SSM`.
    id: &'static str,
    /// Its name in host names and signatures.
    name: &'static str,
    hosts: endpoint::Hosts,
    /// Reads the code and the message of an answer that is an error.
    read_error: fn(&HttpResponse) -> ErrorMetadata,
}

/// A request without what the SDK's runtime adds. Not [`fmt::Debug`], because it may contain a
/// secret.
struct Request {
    method: &'static str,
    /// Path and query.
    target: String,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Request {
    fn get(path: &str, query: &[(&str, String)]) -> Request {
        let mut target = path.to_owned();
        if !query.is_empty() {
            target.push('?');
            target = form_urlencoded::Serializer::for_suffix(target, path.len() + 1)
                .extend_pairs(query)
                .finish();
        }
        Request {
            method: "GET",
            target,
            headers: Vec::new(),
            body: String::new(),
        }
    }

    fn post(headers: Vec<(&'static str, String)>, body: String) -> Request {
        Request {
            method: "POST",
            target: "/".to_owned(),
            headers,
            body,
        }
    }
}

/// A client of one service. Cheap to clone; clones share credentials and the measured clock skew.
#[derive(Debug, Clone)]
struct Client {
    service: &'static Service,
    behavior: BehaviorVersion,
    plugin: SharedRuntimePlugin,
}

impl Client {
    fn new(config: &SdkConfig, service: &'static Service) -> Client {
        let plugin = StaticRuntimePlugin::new()
            .with_config(settings(config, service).freeze())
            .with_runtime_components(components(config, service));
        Client {
            service,
            behavior: config
                .behavior_version()
                .unwrap_or_else(BehaviorVersion::latest),
            plugin: SharedRuntimePlugin::new(plugin),
        }
    }

    /// Sends a request, and again if the error is a passing one. Returns the body of the answer.
    ///
    /// `operation` is spelled as in IAM: `ssm:PutParameter`.
    async fn call(&self, operation: &'static str, request: Request) -> Result<String, Error> {
        self.call_tagged(operation, request)
            .await
            .map(|(body, _)| body)
    }

    /// The same, with the entity tag of the answer.
    async fn call_tagged(
        &self,
        operation: &'static str,
        request: Request,
    ) -> Result<(String, Option<String>), Error> {
        let read_error = self.service.read_error;
        Operation::builder()
            .service_name(self.service.id)
            .operation_name(action(operation))
            .behavior_version(self.behavior)
            .runtime_plugin(self.plugin.clone())
            .serializer(move |(): ()| {
                let mut http = HttpRequest::new(SdkBody::from(request.body.as_str()));
                http.set_method(request.method)?;
                http.set_uri(request.target.as_str())?;
                for (name, value) in &request.headers {
                    http.headers_mut().insert(*name, value.clone());
                }
                Ok(http)
            })
            .deserializer(move |response| match response.status().is_success() {
                true => {
                    let tag = response.headers().get("etag").map(str::to_owned);
                    text(response).map(|text| (text, tag))
                }
                false => Err(OrchestratorError::operation(Refused(read_error(response)))),
            })
            .build()
            .invoke(())
            .await
            .map_err(translate(operation))
    }
}

/// A page's items, and the token of the next page.
type Page<T> = (Vec<T>, Option<String>);

/// The items of all pages. `page` gets the token of the page, [`None`] for the first one.
async fn all_pages<T, F>(mut page: impl FnMut(Option<String>) -> F) -> Result<Vec<T>, Error>
where
    F: Future<Output = Result<Page<T>, Error>>,
{
    let mut all = Vec::new();
    let mut token = None;
    loop {
        let (items, next) = page(token).await?;
        all.extend(items);
        token = next.filter(|token| !token.is_empty());
        if token.is_none() {
            return Ok(all);
        }
    }
}

/// `PutParameter` of `ssm:PutParameter`.
fn action(operation: &'static str) -> &'static str {
    operation
        .split_once(':')
        .map_or(operation, |(_, action)| action)
}

fn text(response: &HttpResponse) -> Result<String, OrchestratorError<Refused>> {
    let bytes = response.body().bytes().unwrap_or_default();
    String::from_utf8(bytes.to_vec()).map_err(OrchestratorError::other)
}

/// What the orchestrator reads from its configuration: the same as it finds in that of an SDK
/// crate's client.
fn settings(config: &SdkConfig, service: &'static Service) -> Layer {
    let mut layer = Layer::new("landfall");
    layer.store_put(SigningName::from_static(service.name));
    layer.store_or_unset(config.region().cloned());
    let region = config
        .region()
        .map(|region| service.hosts.signing_region(region));
    layer.store_or_unset(region.map(SigningRegion::from));
    let mut signing = SigningOptions::default();
    signing.double_uri_encode = true;
    signing.normalize_uri_path = true;
    layer.store_put(SigV4OperationSigningConfig {
        signing_options: signing,
        ..SigV4OperationSigningConfig::default()
    });
    layer.store_put(AuthSchemeOptionResolverParams::new(()));
    layer.store_put(EndpointResolverParams::from(
        StaticUriEndpointResolverParams::new(),
    ));
    let retries = config.retry_config().cloned();
    layer.store_put(retries.unwrap_or_else(RetryConfig::standard));
    if let Some(timeouts) = config.timeout_config() {
        layer.store_put(timeouts.clone());
    }
    if let Some(stalled) = config.stalled_stream_protection() {
        layer.store_put(stalled);
    }
    layer.store_put(ApiMetadata::new(service.name, env!("CARGO_PKG_VERSION")));
    layer.store_or_unset(config.app_name().cloned());
    layer
}

/// What the orchestrator works with: the same parts as in an SDK crate's client.
fn components(config: &SdkConfig, service: &'static Service) -> RuntimeComponentsBuilder {
    let mut components = RuntimeComponentsBuilder::new("landfall")
        .with_http_client(config.http_client())
        .with_sleep_impl(config.sleep_impl())
        .with_time_source(config.time_source())
        .with_identity_cache(config.identity_cache())
        .with_endpoint_resolver(Some(endpoint::resolver(config, service)))
        .with_auth_scheme_option_resolver(Some(StaticAuthSchemeOptionResolver::new(vec![
            SCHEME_ID,
        ])))
        .with_auth_scheme(SigV4AuthScheme::new())
        .with_interceptor(ConnectionPoisoningInterceptor::new())
        .with_interceptor(StalledStreamProtectionInterceptor::default())
        .with_interceptor(ServiceClockSkewInterceptor::new())
        .with_interceptor(RequestInfoInterceptor::new())
        .with_interceptor(UserAgentInterceptor::new())
        .with_interceptor(InvocationIdInterceptor::new())
        .with_retry_classifier(HttpStatusCodeClassifier::default())
        .with_retry_classifier(TransientErrorClassifier::<Refused>::new())
        .with_retry_classifier(AwsErrorCodeClassifier::<Refused>::new())
        .with_retry_classifier(ServiceClockSkewClassifier::<Refused>::new());
    if let Some(credentials) = config.credentials_provider() {
        components.set_identity_resolver(SCHEME_ID, credentials);
    }
    components
}

/// An answer that is an error.
#[derive(Debug)]
struct Refused(ErrorMetadata);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl std::error::Error for Refused {}

impl ProvideErrorMetadata for Refused {
    fn meta(&self) -> &ErrorMetadata {
        &self.0
    }
}
