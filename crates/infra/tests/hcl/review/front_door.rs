//! How users come in: by TLS, and only where they are meant to.

use super::{Findings, Rule, Seen, seen};
use rules::shape::plan::Resource;
use serde_json::Value;

pub(super) fn examine(resource: &Resource, all: &[Resource], found: &mut Findings) {
    match resource.kind.as_str() {
        "aws_cloudfront_distribution" => distribution(resource, found),
        "aws_lb_listener" | "aws_alb_listener" => listener(resource, all, found),
        "aws_lambda_function_url" => function_url(resource, found),
        "aws_apigatewayv2_domain_name" => {
            let path = "domain_name_configuration.0.security_policy";
            if let Some(policy) = Seen::at(resource, path).text() {
                weak_unless(policy != "TLS_1_0", resource, policy, found);
            }
        }
        _ => {}
    }
}

fn weak_unless(strong: bool, resource: &Resource, policy: &str, found: &mut Findings) {
    if !strong {
        let evidence = format!("{policy} admits versions before TLS 1.2");
        found.add(Rule::OldTls, &resource.address, evidence);
    }
}

/// <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/secure-connections-supported-viewer-protocols-ciphers.html>
fn distribution(resource: &Resource, found: &mut Findings) {
    let address = &resource.address;
    for behaviours in ["default_cache_behavior", "ordered_cache_behavior"] {
        for i in 0..seen::count(resource, behaviours) {
            let path = format!("{behaviours}.{i}.viewer_protocol_policy");
            match Seen::at(resource, &path) {
                Seen::Later => found.later(Rule::PlainHttp, address, &path),
                seen if matches!(seen.text(), Some("redirect-to-https" | "https-only")) => {}
                _ => found.add(
                    Rule::PlainHttp,
                    address,
                    format!("`{behaviours}` answers plain HTTP"),
                ),
            }
        }
        if Seen::at(resource, behaviours) == Seen::Later {
            found.later(Rule::PlainHttp, address, behaviours);
        }
    }
    let certificate = |name| Seen::at(resource, &format!("viewer_certificate.0.{name}"));
    if certificate("cloudfront_default_certificate").is_true() {
        found.note(
            Rule::OldTls,
            address,
            "CloudFront's own certificate admits TLS 1.0",
        );
    } else if let Some(policy) = certificate("minimum_protocol_version").text() {
        weak_unless(is_tls_1_2(policy), resource, policy, found);
    }
    for i in 0..seen::count(resource, "origin") {
        let path = format!("origin.{i}.custom_origin_config.0.origin_ssl_protocols");
        for protocol in seen::texts(resource, &path).0 {
            weak_unless(protocol == "TLSv1.2", resource, protocol, found);
        }
    }
}

/// `TLSv1.2_2021`, `TLSv1.3_2025`; not `TLSv1`, `TLSv1_2016`, `TLSv1.1_2016` or `SSLv3`.
fn is_tls_1_2(policy: &str) -> bool {
    ["TLSv1.2", "TLSv1.3"]
        .iter()
        .any(|new| policy.starts_with(new))
}

/// A listener behind CloudFront may speak HTTP: people do not reach it
/// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html>).
fn listener(resource: &Resource, all: &[Resource], found: &mut Findings) {
    let address = &resource.address;
    let behind_cloudfront = all.iter().any(|r| r.kind == "aws_cloudfront_distribution");
    match Seen::at(resource, "protocol") {
        Seen::Later => found.later(Rule::PlainHttp, address, "protocol"),
        seen if matches!(seen.text(), Some("HTTPS" | "TLS")) => {
            // Left out, AWS takes ELBSecurityPolicy-2016-08, which begins at TLS 1.0.
            match Seen::at(resource, "ssl_policy") {
                Seen::Later => {}
                seen => {
                    let policy = seen.text().unwrap_or("ELBSecurityPolicy-2016-08");
                    weak_unless(is_new_policy(policy), resource, policy, found);
                }
            }
        }
        seen if matches!(seen.text(), Some("HTTP") | None) => {
            let redirects =
                Seen::at(resource, "default_action.0.redirect.0.protocol").text() == Some("HTTPS");
            if !redirects && !behind_cloudfront {
                found.add(
                    Rule::PlainHttp,
                    address,
                    "answers plain HTTP, without CloudFront before it",
                );
            }
        }
        _ => {}
    }
}

/// The names of policies contain the oldest version: `ELBSecurityPolicy-TLS13-1-2-2021-06`.
fn is_new_policy(policy: &str) -> bool {
    policy.contains("TLS13-1-2")
        || policy.contains("TLS13-1-3")
        || policy.contains("TLS-1-2")
        || policy.contains("FS-1-2")
}

/// <https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html>
fn function_url(resource: &Resource, found: &mut Findings) {
    match Seen::at(resource, "authorization_type") {
        Seen::Later => found.later(Rule::OpenFunction, &resource.address, "authorization_type"),
        Seen::Known(Value::String(kind)) if kind == "AWS_IAM" => {}
        _ => found.add(
            Rule::OpenFunction,
            &resource.address,
            "`authorization_type` is not \"AWS_IAM\"",
        ),
    }
}
