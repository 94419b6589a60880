//! Duplicated HCL for domains is identical.

use super::tree::{Tree, argument, evaluate, labels, only, optional, texts};
use hcl::{Body, Structure};
use rules::shape::contract::{Root, SHARED_RECORDS};
use std::collections::BTreeSet;

/// A body without the arguments and blocks of these names, at any depth.
fn without(body: &Body, names: &[&str]) -> Body {
    let kept = body.iter().filter_map(|structure| match structure {
        Structure::Attribute(attribute) => {
            let kept = !names.contains(&attribute.key());
            kept.then(|| Structure::Attribute(attribute.clone()))
        }
        Structure::Block(block) if names.contains(&block.identifier()) => None,
        Structure::Block(block) => {
            let mut block = block.clone();
            block.body = without(block.body(), names);
            Some(Structure::Block(block))
        }
    });
    kept.collect()
}

/// Requests to the domain are handled like those to AWS's name.
#[test]
fn both_distributions_differ_only_in_their_names() {
    let kind = "aws_cloudfront_distribution";
    let (target, domain) = (Tree::of(Root::Fargate), Tree::of(Root::FargateDomain));
    let names = [
        "aliases",
        "domain_name",
        "for_each",
        "viewer_certificate",
        "wait_for_deployment",
    ];
    let of = |tree: &Tree, name: &str| without(tree.resource(kind, name), &names);
    assert_eq!(of(&target, "front_door"), of(&domain, "domain"));
    let certificate = only(domain.resource(kind, "domain"), "viewer_certificate");
    let version = argument(certificate, "minimum_protocol_version");
    assert_eq!(super::tree::text(version, &[]), "TLSv1.2_2021");
}

/// CloudFront caches these for 10 seconds unless told otherwise, by path alone
/// (<https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/HTTPStatusCodes.html>).
#[test]
fn no_error_of_one_user_is_cached_for_another() {
    let tree = Tree::of(Root::Fargate);
    let distribution = tree.resource("aws_cloudfront_distribution", "front_door");
    let dynamic = only(distribution, "dynamic");
    let codes = evaluate(argument(dynamic, "for_each"), &[]);
    let all = [400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504];
    assert_eq!(codes, hcl::Value::from(all.to_vec()));
    let content = only(dynamic, "content");
    let seconds = argument(content, "error_caching_min_ttl");
    assert_eq!(evaluate(seconds, &[]), hcl::Value::from(0));
    assert_eq!(optional(content, "response_code"), None);
}

/// An edge location that does not know the distribution yet refuses the name of the domain.
#[test]
fn records_lead_to_a_distribution_that_is_deployed() {
    let tree = Tree::of(Root::FargateDomain);
    let distribution = tree.resource("aws_cloudfront_distribution", "domain");
    let waits = argument(distribution, "wait_for_deployment");
    assert_eq!(evaluate(waits, &[]), hcl::Value::from(true));
}

/// When an app moves, the old root forgets these, and the new one has them.
#[test]
fn both_targets_have_the_shared_records() {
    let records = |root: Root| -> BTreeSet<String> {
        let tree = Tree::of(root);
        let all = tree.blocks("resource");
        all.map(|block| labels(block).join("."))
            .filter(|name| name.starts_with("aws_route53_record."))
            .collect()
    };
    let (lambda, fargate) = (records(Root::LambdaDomain), records(Root::FargateDomain));
    let both: Vec<&str> = lambda.intersection(&fargate).map(String::as_str).collect();
    assert_eq!(both, SHARED_RECORDS);
}

#[test]
fn certificates_of_both_targets_are_the_same() {
    let of = |root: Root| {
        let mut files = texts(root).filter(|(name, _)| *name == "certificate.tf");
        files.next().expect("certificate.tf").1
    };
    assert_eq!(of(Root::LambdaDomain), of(Root::FargateDomain));
}

/// Adding or removing a domain changes nothing of the others.
#[test]
fn each_domain_has_its_own_resources() {
    for root in [Root::LambdaDomain, Root::FargateDomain] {
        let tree = Tree::of(root);
        for block in tree.blocks("resource") {
            let for_each = optional(block.body(), "for_each").expect("for_each");
            let text = hcl::format::to_string(for_each).expect("an expression");
            assert_eq!(text, "var.domains", "{root}: {:?}", block.labels());
        }
    }
}
