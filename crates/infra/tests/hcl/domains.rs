//! Duplicated HCL for domains is identical.

use super::tree::{Tree, argument, only, optional, texts};
use hcl::{Body, Structure};
use rules::shape::contract::Root;

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
    let names = ["aliases", "domain_name", "for_each", "viewer_certificate"];
    let of = |tree: &Tree, name: &str| without(tree.resource(kind, name), &names);
    assert_eq!(of(&target, "front_door"), of(&domain, "domain"));
    let certificate = only(domain.resource(kind, "domain"), "viewer_certificate");
    let version = argument(certificate, "minimum_protocol_version");
    assert_eq!(super::tree::text(version, &[]), "TLSv1.2_2021");
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
