//! A domain of one's own: its certificate, the records of its name, and the name at the HTTP API. Certificates and hosted
//! zones have ids that AWS chooses; records are identified by their names.

use super::{Scope, Statement};
use crate::app::manifest::Target;

/// Where CloudFront looks for certificates
/// (<https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cnames-and-https-requirements.html>).
const CLOUDFRONT_REGION: &str = "us-east-1";

fn certificates(target: Target, scope: &Scope) -> [String; 1] {
    let region = match target {
        Target::Lambda => scope.region.as_str(),
        Target::Fargate => CLOUDFRONT_REGION,
    };
    let (partition, account) = (&scope.partition, &scope.account);
    [format!(
        "arn:{partition}:acm:{region}:{account}:certificate/*"
    )]
}

fn zones(scope: &Scope) -> [String; 1] {
    [format!("arn:{}:route53:::hostedzone/*", scope.partition)]
}

/// The search for resources with the environment's tags, which covers all certificates and names whether or not
/// there is a domain.
pub(super) fn look(scope: &Scope) -> Vec<Statement> {
    let mut all = certificates(Target::Lambda, scope).to_vec();
    all.extend(certificates(Target::Fargate, scope));
    all.dedup();
    vec![
        Statement::anywhere("FindCertificates", &["acm:ListCertificates"]),
        Statement::allow("WhoseCertificates", &["acm:ListTagsForCertificate"], all),
        Statement::allow(
            "FindDomainNames",
            &["apigateway:GET"],
            [super::lambda::path(scope, "domainnames")],
        ),
    ]
}

/// The name and its mapping to the API, as paths of API Gateway.
fn domain_names(scope: &Scope, domain: &str) -> [String; 2] {
    [
        format!("domainnames/{domain}"),
        format!("domainnames/{domain}/*"),
    ]
    .map(|path| super::lambda::path(scope, &path))
}

/// One for the name itself and one that proves it.
fn records(sid: &'static str, scope: &Scope, domain: &str) -> Statement {
    Statement::allow(sid, &["route53:ChangeResourceRecordSets"], zones(scope)).when_all(
        "route53:ChangeResourceRecordSetsNormalizedRecordNames",
        &[domain, &format!("_*.{domain}")],
    )
}

pub(super) fn reads(target: Target, scope: &Scope) -> Vec<Statement> {
    let Some(domain) = &scope.domain else {
        return Vec::new();
    };
    let mut all = vec![
        Statement::allow(
            "ReadCertificate",
            &["acm:DescribeCertificate"],
            certificates(target, scope),
        ),
        Statement::allow(
            "ReadZone",
            &[
                "route53:GetHostedZone",
                "route53:ListResourceRecordSets",
                "route53:ListTagsForResource",
            ],
            zones(scope),
        ),
        Statement::allow(
            "ReadChange",
            &["route53:GetChange"],
            [format!("arn:{}:route53:::change/*", scope.partition)],
        ),
        Statement::anywhere(
            "FindZone",
            &["route53:ListHostedZones", "route53:ListHostedZonesByName"],
        ),
    ];
    if target == Target::Lambda {
        all.push(Statement::allow(
            "ReadDomainName",
            &["apigateway:GET"],
            domain_names(scope, domain),
        ));
    }
    all
}

pub(super) fn make(target: Target, scope: &Scope) -> Vec<Statement> {
    let Some(domain) = &scope.domain else {
        return Vec::new();
    };
    let mut all = vec![
        Statement::anywhere("RequestCertificate", &["acm:RequestCertificate"])
            .bearing_our_tags(scope),
        Statement::allow(
            "TagCertificate",
            &["acm:AddTagsToCertificate"],
            certificates(target, scope),
        )
        .bearing_our_tags(scope)
        .of_no_one(),
        Statement::allow(
            "RetagCertificate",
            &["acm:AddTagsToCertificate", "acm:RemoveTagsFromCertificate"],
            certificates(target, scope),
        )
        .of_ours(scope),
        records("MakeRecords", scope, domain),
    ];
    if target == Target::Lambda {
        all.push(
            Statement::allow(
                "MakeDomainName",
                &["apigateway:POST"],
                [super::lambda::path(scope, "domainnames")],
            )
            .bearing_our_tags(scope),
        );
        all.push(Statement::allow(
            "KeepDomainName",
            &["apigateway:PATCH", "apigateway:POST"],
            domain_names(scope, domain),
        ));
        let [name, _] = domain_names(scope, domain);
        let paths = [super::lambda::path(scope, "domainnames"), name];
        all.push(super::lambda::tagging("TagDomainName", paths));
    }
    all
}

pub(super) fn remove(target: Target, scope: &Scope) -> Vec<Statement> {
    let Some(domain) = &scope.domain else {
        return Vec::new();
    };
    let mut all = vec![
        Statement::allow(
            "RemoveCertificate",
            &["acm:DeleteCertificate"],
            certificates(target, scope),
        )
        .of_ours(scope),
        records("RemoveRecords", scope, domain),
    ];
    if target == Target::Lambda {
        all.push(Statement::allow(
            "RemoveDomainName",
            &["apigateway:DELETE"],
            domain_names(scope, domain),
        ));
    }
    all
}
