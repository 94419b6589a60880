//! Operations of services whose requests name them by method and path alone.

mod s3;

/// Service, method, path, operation. `{}` stands for one segment, `{+}` for the rest.
type Row = (&'static str, &'static str, &'static str, &'static str);

/// Paths as in the API models of botocore 1.44, for what landfall and Terraform's provider call.
const TABLE: &[Row] = &[
    ("lambda", "POST", "2015-03-31/functions", "CreateFunction"),
    ("lambda", "GET", "2015-03-31/functions", "ListFunctions"),
    ("lambda", "GET", "2015-03-31/functions/{}", "GetFunction"),
    (
        "lambda",
        "DELETE",
        "2015-03-31/functions/{}",
        "DeleteFunction",
    ),
    (
        "lambda",
        "GET",
        "2015-03-31/functions/{}/configuration",
        "GetFunctionConfiguration",
    ),
    (
        "lambda",
        "PUT",
        "2015-03-31/functions/{}/configuration",
        "UpdateFunctionConfiguration",
    ),
    (
        "lambda",
        "PUT",
        "2015-03-31/functions/{}/code",
        "UpdateFunctionCode",
    ),
    (
        "lambda",
        "GET",
        "2015-03-31/functions/{}/versions",
        "ListVersionsByFunction",
    ),
    (
        "lambda",
        "POST",
        "2015-03-31/functions/{}/versions",
        "PublishVersion",
    ),
    (
        "lambda",
        "POST",
        "2015-03-31/functions/{}/invocations",
        "Invoke",
    ),
    (
        "lambda",
        "POST",
        "2021-11-15/functions/{}/response-streaming-invocations",
        "InvokeWithResponseStream",
    ),
    (
        "lambda",
        "POST",
        "2015-03-31/functions/{}/aliases",
        "CreateAlias",
    ),
    (
        "lambda",
        "GET",
        "2015-03-31/functions/{}/aliases",
        "ListAliases",
    ),
    (
        "lambda",
        "GET",
        "2015-03-31/functions/{}/aliases/{}",
        "GetAlias",
    ),
    (
        "lambda",
        "PUT",
        "2015-03-31/functions/{}/aliases/{}",
        "UpdateAlias",
    ),
    (
        "lambda",
        "DELETE",
        "2015-03-31/functions/{}/aliases/{}",
        "DeleteAlias",
    ),
    (
        "lambda",
        "POST",
        "2015-03-31/functions/{}/policy",
        "AddPermission",
    ),
    (
        "lambda",
        "GET",
        "2015-03-31/functions/{}/policy",
        "GetPolicy",
    ),
    (
        "lambda",
        "DELETE",
        "2015-03-31/functions/{}/policy/{}",
        "RemovePermission",
    ),
    (
        "lambda",
        "PUT",
        "2017-10-31/functions/{}/concurrency",
        "PutFunctionConcurrency",
    ),
    (
        "lambda",
        "DELETE",
        "2017-10-31/functions/{}/concurrency",
        "DeleteFunctionConcurrency",
    ),
    (
        "lambda",
        "GET",
        "2019-09-30/functions/{}/concurrency",
        "GetFunctionConcurrency",
    ),
    (
        "lambda",
        "GET",
        "2020-06-30/functions/{}/code-signing-config",
        "GetFunctionCodeSigningConfig",
    ),
    (
        "lambda",
        "GET",
        "2016-08-19/account-settings",
        "GetAccountSettings",
    ),
    ("lambda", "GET", "2017-03-31/tags/{+}", "ListTags"),
    ("lambda", "POST", "2017-03-31/tags/{+}", "TagResource"),
    ("lambda", "DELETE", "2017-03-31/tags/{+}", "UntagResource"),
    (
        "cloudfront",
        "POST",
        "2020-05-31/distribution",
        "CreateDistribution",
    ),
    (
        "cloudfront",
        "GET",
        "2020-05-31/distribution",
        "ListDistributions",
    ),
    (
        "cloudfront",
        "GET",
        "2020-05-31/distribution/{}",
        "GetDistribution",
    ),
    (
        "cloudfront",
        "DELETE",
        "2020-05-31/distribution/{}",
        "DeleteDistribution",
    ),
    (
        "cloudfront",
        "GET",
        "2020-05-31/distribution/{}/config",
        "GetDistributionConfig",
    ),
    (
        "cloudfront",
        "PUT",
        "2020-05-31/distribution/{}/config",
        "UpdateDistribution",
    ),
    (
        "cloudfront",
        "POST",
        "2020-05-31/distribution/{}/invalidation",
        "CreateInvalidation",
    ),
    (
        "cloudfront",
        "GET",
        "2020-05-31/tagging",
        "ListTagsForResource",
    ),
    ("cloudfront", "POST", "2020-05-31/tagging", "TagResource"),
    ("apigateway", "POST", "v2/apis", "CreateApi"),
    ("apigateway", "GET", "v2/apis", "GetApis"),
    ("apigateway", "GET", "v2/apis/{}", "GetApi"),
    ("apigateway", "PATCH", "v2/apis/{}", "UpdateApi"),
    ("apigateway", "DELETE", "v2/apis/{}", "DeleteApi"),
    (
        "apigateway",
        "POST",
        "v2/apis/{}/integrations",
        "CreateIntegration",
    ),
    (
        "apigateway",
        "GET",
        "v2/apis/{}/integrations",
        "GetIntegrations",
    ),
    (
        "apigateway",
        "GET",
        "v2/apis/{}/integrations/{}",
        "GetIntegration",
    ),
    (
        "apigateway",
        "PATCH",
        "v2/apis/{}/integrations/{}",
        "UpdateIntegration",
    ),
    (
        "apigateway",
        "DELETE",
        "v2/apis/{}/integrations/{}",
        "DeleteIntegration",
    ),
    ("apigateway", "POST", "v2/apis/{}/routes", "CreateRoute"),
    ("apigateway", "GET", "v2/apis/{}/routes", "GetRoutes"),
    ("apigateway", "GET", "v2/apis/{}/routes/{}", "GetRoute"),
    ("apigateway", "PATCH", "v2/apis/{}/routes/{}", "UpdateRoute"),
    (
        "apigateway",
        "DELETE",
        "v2/apis/{}/routes/{}",
        "DeleteRoute",
    ),
    ("apigateway", "POST", "v2/apis/{}/stages", "CreateStage"),
    ("apigateway", "GET", "v2/apis/{}/stages", "GetStages"),
    ("apigateway", "GET", "v2/apis/{}/stages/{}", "GetStage"),
    ("apigateway", "PATCH", "v2/apis/{}/stages/{}", "UpdateStage"),
    (
        "apigateway",
        "DELETE",
        "v2/apis/{}/stages/{}",
        "DeleteStage",
    ),
    ("apigateway", "POST", "v2/domainnames", "CreateDomainName"),
    ("apigateway", "GET", "v2/domainnames/{}", "GetDomainName"),
    (
        "apigateway",
        "DELETE",
        "v2/domainnames/{}",
        "DeleteDomainName",
    ),
    (
        "apigateway",
        "POST",
        "v2/domainnames/{}/apimappings",
        "CreateApiMapping",
    ),
    ("apigateway", "GET", "v2/tags/{+}", "GetTags"),
    ("apigateway", "POST", "v2/tags/{+}", "TagResource"),
    (
        "route53",
        "GET",
        "2013-04-01/hostedzonesbyname",
        "ListHostedZonesByName",
    ),
    (
        "route53",
        "GET",
        "2013-04-01/hostedzone/{}",
        "GetHostedZone",
    ),
    (
        "route53",
        "GET",
        "2013-04-01/hostedzone/{}/rrset",
        "ListResourceRecordSets",
    ),
    (
        "route53",
        "POST",
        "2013-04-01/hostedzone/{}/rrset",
        "ChangeResourceRecordSets",
    ),
    ("route53", "GET", "2013-04-01/change/{}", "GetChange"),
    (
        "account",
        "POST",
        "getAccountInformation",
        "GetAccountInformation",
    ),
];

/// The operation of a request.
pub(crate) fn operation(
    service: &str,
    method: &str,
    path: &str,
    query: &[(String, String)],
) -> Option<String> {
    if service == "s3" {
        return Some(s3::operation(method, path, query));
    }
    let segments: Vec<&str> = path.split('/').filter(|one| !one.is_empty()).collect();
    let found = TABLE.iter().find(|(of, by, pattern, _)| {
        *of == service && *by == method && matches(pattern, &segments)
    });
    found.map(|(_, _, _, operation)| (*operation).to_owned())
}

fn matches(pattern: &str, segments: &[&str]) -> bool {
    let mut rest = segments.iter();
    for expected in pattern.split('/') {
        match (expected, rest.next()) {
            ("{+}", Some(_)) => return true,
            ("{}", Some(_)) => {}
            (text, Some(found)) if text == *found => {}
            _ => return false,
        }
    }
    rest.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(service: &str, method: &str, target: &str) -> Option<String> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let query: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        operation(service, method, path, &query)
    }

    #[test]
    fn paths_name_their_operations() {
        for (service, method, target, expected) in [
            ("lambda", "POST", "/2015-03-31/functions", "CreateFunction"),
            (
                "lambda",
                "PUT",
                "/2015-03-31/functions/app/code",
                "UpdateFunctionCode",
            ),
            (
                "lambda",
                "GET",
                "/2015-03-31/functions/app?Qualifier=1",
                "GetFunction",
            ),
            (
                "lambda",
                "POST",
                "/2015-03-31/functions/app/invocations",
                "Invoke",
            ),
            (
                "cloudfront",
                "POST",
                "/2020-05-31/distribution?WithTags",
                "CreateDistribution",
            ),
            ("apigateway", "POST", "/v2/apis/a1/stages", "CreateStage"),
            ("apigateway", "GET", "/v2/tags/arn%3Aaws/apis/a1", "GetTags"),
            ("s3", "GET", "/", "ListBuckets"),
            ("s3", "PUT", "/state", "CreateBucket"),
            ("s3", "PUT", "/state?versioning", "PutBucketVersioning"),
            ("s3", "GET", "/state/a/b.json", "GetObject"),
            ("s3", "PUT", "/state/a/b.json", "PutObject"),
            ("s3", "GET", "/state?list-type=2", "ListObjectsV2"),
            ("s3", "POST", "/state?delete", "DeleteObjects"),
        ] {
            assert_eq!(
                of(service, method, target).as_deref(),
                Some(expected),
                "{target}"
            );
        }
    }

    #[test]
    fn an_unknown_path_has_no_operation() {
        assert_eq!(
            of("lambda", "GET", "/2015-03-31/functions/app/unknown"),
            None
        );
        assert_eq!(
            of("cloudfront", "GET", "/2020-05-31/distribution/E1/config/x"),
            None
        );
        assert_eq!(of("ecs", "GET", "/v2/apis"), None);
    }
}
