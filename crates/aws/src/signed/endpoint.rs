//! Where a service is: `https://ec2.eu-west-2.amazonaws.com`, with the suffix of the region's partition, and
//! FIPS and dual-stack variants. AWS's table of partitions is a part of every SDK crate, and only there.

use super::Service;
use aws_config::SdkConfig;
use aws_sdk_elasticloadbalancingv2::config::endpoint::{
    DefaultResolver, Params, ResolveEndpoint as _,
};
use aws_smithy_runtime_api::client::endpoint::{
    EndpointFuture, EndpointResolverParams, ResolveEndpoint, SharedEndpointResolver,
};
use aws_smithy_types::endpoint::Endpoint;
use aws_types::service_config::ServiceConfigKey;

/// The service whose resolver is asked. Its rules are those of EC2 and SSM but for the name, which the test
/// below shows for every variant.
const TEMPLATE: &str = "https://elasticloadbalancing";

/// The endpoint of `service` as its SDK crate would find it: one that is set for the service or for all of
/// them, else that of the region.
pub(super) fn resolver(config: &SdkConfig, service: &'static Service) -> SharedEndpointResolver {
    let custom = custom(config, service);
    let params = Params::builder()
        .set_region(config.region().map(ToString::to_string))
        .use_fips(config.use_fips().unwrap_or_default())
        .use_dual_stack(config.use_dual_stack().unwrap_or_default())
        .set_endpoint(custom.clone())
        .build();
    SharedEndpointResolver::new(Renamed {
        template: DefaultResolver::new().into_shared_resolver(),
        params: params
            .map(EndpointResolverParams::new)
            .map_err(|error| error.to_string()),
        name: custom.is_none().then_some(service.name),
    })
}

fn custom(config: &SdkConfig, service: &Service) -> Option<String> {
    let general = config.endpoint_url().map(str::to_owned);
    if config.get_origin("endpoint_url").is_client_config() {
        return general;
    }
    let key = ServiceConfigKey::builder()
        .service_id(service.id)
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build()
        .ok();
    let own = config.service_config().zip(key);
    own.and_then(|(config, key)| config.load_config(key))
        .or(general)
}

#[derive(Debug)]
struct Renamed {
    template: SharedEndpointResolver,
    params: Result<EndpointResolverParams, String>,
    /// The name that replaces the template's; [`None`] leaves the URL as it is.
    name: Option<&'static str>,
}

impl ResolveEndpoint for Renamed {
    fn resolve_endpoint<'a>(&'a self, _: &'a EndpointResolverParams) -> EndpointFuture<'a> {
        EndpointFuture::new(async move {
            let params = self.params.as_ref().map_err(Clone::clone)?;
            let endpoint = self.template.resolve_endpoint(params).await?;
            let Some(name) = self.name else {
                return Ok(endpoint);
            };
            let rest = endpoint.url().strip_prefix(TEMPLATE);
            let rest = rest.ok_or_else(|| format!("unexpected endpoint {}", endpoint.url()))?;
            let url = format!("https://{name}{rest}");
            Ok(Endpoint::builder().url(url).build())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_config::Region;
    use aws_types::service_config::LoadServiceConfig;

    static EC2: Service = service("EC2", "ec2");
    static SSM: Service = service("SSM", "ssm");

    const fn service(id: &'static str, name: &'static str) -> Service {
        Service {
            id,
            name,
            read_error: |_| panic!("no answer is read here"),
        }
    }

    async fn url(config: &SdkConfig, service: &'static Service) -> Result<String, String> {
        let none = EndpointResolverParams::new(());
        let endpoint = resolver(config, service);
        let endpoint = endpoint.resolve_endpoint(&none).await;
        endpoint
            .map(|endpoint| endpoint.url().to_owned())
            .map_err(|error| error.to_string())
    }

    /// The cases that the SDK's own crates are tested with.
    #[tokio::test]
    async fn partition_fips_and_dual_stack_decide_the_host() {
        for (region, fips, dual_stack, host) in [
            ("eu-west-2", false, false, ".eu-west-2.amazonaws.com"),
            ("us-east-1", true, false, "-fips.us-east-1.amazonaws.com"),
            ("us-east-1", false, true, ".us-east-1.api.aws"),
            ("us-east-1", true, true, "-fips.us-east-1.api.aws"),
            ("cn-north-1", false, false, ".cn-north-1.amazonaws.com.cn"),
            (
                "cn-north-1",
                true,
                false,
                "-fips.cn-north-1.amazonaws.com.cn",
            ),
            (
                "cn-northwest-1",
                false,
                true,
                ".cn-northwest-1.api.amazonwebservices.com.cn",
            ),
            (
                "us-gov-west-1",
                false,
                false,
                ".us-gov-west-1.amazonaws.com",
            ),
            // Those of GovCloud conform to FIPS anyway.
            ("us-gov-east-1", true, false, ".us-gov-east-1.amazonaws.com"),
            ("us-gov-east-1", true, true, "-fips.us-gov-east-1.api.aws"),
            ("us-iso-east-1", false, false, ".us-iso-east-1.c2s.ic.gov"),
            (
                "eusc-de-east-1",
                false,
                false,
                ".eusc-de-east-1.amazonaws.eu",
            ),
            ("xx-new-1", false, false, ".xx-new-1.amazonaws.com"),
        ] {
            let config = SdkConfig::builder()
                .region(Region::new(region))
                .use_fips(fips)
                .use_dual_stack(dual_stack)
                .build();
            for service in [&EC2, &SSM] {
                let expected = format!("https://{}{host}", service.name);
                assert_eq!(url(&config, service).await, Ok(expected));
            }
        }
    }

    #[derive(Debug)]
    struct Environment;

    impl LoadServiceConfig for Environment {
        fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
            let is_ssm = (key.service_id(), key.env()) == ("SSM", "AWS_ENDPOINT_URL");
            is_ssm.then(|| "http://only-ssm".to_owned())
        }
    }

    #[tokio::test]
    async fn an_endpoint_that_is_set_wins() {
        let config = SdkConfig::builder()
            .region(Region::new("eu-west-2"))
            .endpoint_url("http://all")
            .build();
        assert_eq!(url(&config, &EC2).await, Ok("http://all".to_owned()));
        let config = config.into_builder();
        let config = config.service_config(Environment).build();
        assert_eq!(url(&config, &EC2).await, Ok("http://all".to_owned()));
        assert_eq!(url(&config, &SSM).await, Ok("http://only-ssm".to_owned()));
        let config = config.into_builder().use_fips(true).build();
        let error = url(&config, &EC2)
            .await
            .expect_err("they exclude each other");
        assert!(error.contains("FIPS and custom endpoint"), "{error}");
    }

    #[tokio::test]
    async fn a_region_is_needed() {
        let config = SdkConfig::builder().build();
        let error = url(&config, &EC2).await.expect_err("no region");
        assert!(error.contains("Missing Region"), "{error}");
    }
}
