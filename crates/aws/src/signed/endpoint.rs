//! The endpoint of a service: `https://ec2.eu-west-2.amazonaws.com`, with the suffix of the
//! region's partition, and FIPS and dual-stack variants. AWS's table of partitions is part of every
//! SDK crate, and only there.

use super::Service;
use aws_config::{Region, SdkConfig};
use aws_sdk_ecs::config::endpoint::{DefaultResolver, Params, ResolveEndpoint as _};
use aws_smithy_runtime_api::client::endpoint::{
    EndpointFuture, EndpointResolverParams, ResolveEndpoint, SharedEndpointResolver,
};
use aws_smithy_types::endpoint::Endpoint;
use aws_types::service_config::ServiceConfigKey;
use rules::leave::ci::partition;

/// ECS, whose resolver is used. It has no rule of its own: name, region, suffix.
const TEMPLATE: &str = "https://ecs";

/// How the endpoint of a service differs from that of ECS, apart from the name. The tests below
/// expect what the SDK crates of the services expect in their own tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hosts {
    /// Not at all.
    Regional,
    /// In GovCloud, there is no FIPS endpoint, because the ordinary one conforms to FIPS.
    RegionalFipsInGovCloud,
    /// One endpoint in each partition.
    Global,
}

impl Hosts {
    /// The region of a signature. `region` is the session's.
    pub(super) fn signing_region(self, region: &Region) -> Region {
        match (self, partition(region.as_ref())) {
            (Hosts::Global, "aws-cn") => Region::from_static("cn-northwest-1"),
            (Hosts::Global, "aws-us-gov") => Region::from_static("us-gov-west-1"),
            (Hosts::Global, _) => Region::from_static("us-east-1"),
            _ => region.clone(),
        }
    }

    /// The part of a URL after the service's name, made from that of ECS:
    /// `-fips.eu-west-2.amazonaws.com`.
    fn rest(self, ecs: &str, region: &str, is_dual_stack: bool) -> String {
        let in_place_of_region = match (self, partition(region), is_dual_stack) {
            (Hosts::RegionalFipsInGovCloud, "aws-us-gov", false) => {
                return ecs.trim_start_matches("-fips").to_owned();
            }
            (Hosts::Global, "aws", true) => ".global",
            (Hosts::Global, "aws-cn", false) => ".cn-northwest-1",
            (Hosts::Global, ..) => "",
            _ => return ecs.to_owned(),
        };
        ecs.replacen(&format!(".{region}"), in_place_of_region, 1)
    }
}

/// The endpoint of `service` as its SDK crate would find it: one that is set for the service or for
/// all of them, else that of the region.
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
        params: params.map_err(|error| error.to_string()),
        service: custom.is_none().then_some(service),
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
    params: Result<Params, String>,
    /// The service whose name replaces the template's; [`None`] leaves the URL as it is.
    service: Option<&'static Service>,
}

impl ResolveEndpoint for Renamed {
    fn resolve_endpoint<'a>(&'a self, _: &'a EndpointResolverParams) -> EndpointFuture<'a> {
        EndpointFuture::new(async move {
            let params = self.params.as_ref().map_err(Clone::clone)?;
            let resolved = EndpointResolverParams::new(params.clone());
            let endpoint = self.template.resolve_endpoint(&resolved).await?;
            let Some(service) = self.service else {
                return Ok(endpoint);
            };
            let rest = endpoint.url().strip_prefix(TEMPLATE);
            let rest = rest.ok_or_else(|| format!("unexpected endpoint {}", endpoint.url()))?;
            let region = params.region().unwrap_or_default();
            let is_dual_stack = params.use_dual_stack().unwrap_or_default();
            let rest = service.hosts.rest(rest, region, is_dual_stack);
            let url = format!("https://{}{rest}", service.name);
            Ok(Endpoint::builder().url(url).build())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_types::service_config::LoadServiceConfig;

    static EC2: Service = service("EC2", "ec2", Hosts::RegionalFipsInGovCloud);
    static SSM: Service = service("SSM", "ssm", Hosts::RegionalFipsInGovCloud);
    static APIS: Service = service("ApiGatewayV2", "apigateway", Hosts::Regional);
    static CLOUDFRONT: Service = service("CloudFront", "cloudfront", Hosts::Global);

    const fn service(id: &'static str, name: &'static str, hosts: Hosts) -> Service {
        Service {
            id,
            name,
            hosts,
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
            for service in [&EC2, &SSM, &APIS] {
                let host = match (service.hosts, region, fips && !dual_stack) {
                    (Hosts::Regional, "us-gov-east-1", true) => &format!("-fips{host}"),
                    _ => host,
                };
                let expected = format!("https://{}{host}", service.name);
                assert_eq!(url(&config, service).await, Ok(expected));
            }
        }
    }

    #[tokio::test]
    async fn a_global_service_has_one_host_and_one_signing_region_in_each_partition() {
        for (region, fips, dual_stack, host, signing) in [
            ("eu-west-2", false, false, ".amazonaws.com", "us-east-1"),
            ("us-east-1", true, false, "-fips.amazonaws.com", "us-east-1"),
            (
                "us-gov-east-1",
                true,
                false,
                "-fips.amazonaws.com",
                "us-gov-west-1",
            ),
            ("eu-west-2", false, true, ".global.api.aws", "us-east-1"),
            ("us-east-1", true, true, "-fips.global.api.aws", "us-east-1"),
            (
                "cn-north-1",
                false,
                false,
                ".cn-northwest-1.amazonaws.com.cn",
                "cn-northwest-1",
            ),
            (
                "cn-northwest-1",
                false,
                true,
                ".api.amazonwebservices.com.cn",
                "cn-northwest-1",
            ),
        ] {
            let region = Region::new(region);
            let config = SdkConfig::builder()
                .region(region.clone())
                .use_fips(fips)
                .use_dual_stack(dual_stack)
                .build();
            let expected = format!("https://cloudfront{host}");
            assert_eq!(url(&config, &CLOUDFRONT).await, Ok(expected));
            let signs_for = Hosts::Global.signing_region(&region);
            assert_eq!(signs_for, Region::new(signing), "{region}");
            assert_eq!(Hosts::Regional.signing_region(&region), region);
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
