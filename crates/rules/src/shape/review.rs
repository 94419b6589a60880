//! Whether what a user asks for is safe: rules about the settings of the app's container, and about the
//! TLS versions that follow from having no domain. `docs/security.md` lists them.
//!
//! The HCL is landfall's own, so tests review it: `crates/infra/tests/hcl/review.rs`.

mod rule;
mod secret;
mod settings;
#[cfg(test)]
mod tests;

pub use rule::{Rule, Severity};
pub use secret::{Secret, recognise};

use crate::app::manifest::RuleId;
use crate::release::revision::Settings;
use crate::shape::plan::{Plan, Resource};
use serde::{Deserialize, Serialize};

/// Where a finding about the container of a release is: it has no address in a plan.
pub const CONTAINER: &str = "container";

/// What a rule found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The rule that found it.
    pub rule: Rule,
    /// How much it matters here: never more than [`Rule::severity`].
    pub severity: Severity,
    /// Address of the resource, or [`CONTAINER`].
    pub address: String,
    /// What was seen. Never the value of a variable.
    pub evidence: String,
    /// Whether `allow` in the manifest names the rule: it is shown, and does not stop `up`.
    #[serde(default)]
    pub allowed: bool,
}

impl Finding {
    fn new(rule: Rule, severity: Severity, address: &str, evidence: impl Into<String>) -> Finding {
        Finding {
            rule,
            severity,
            address: address.to_owned(),
            evidence: evidence.into(),
            allowed: false,
        }
    }

    /// One line for people: `LF011 container: it runs as "root"`.
    pub fn line(&self) -> String {
        format!("{} {}: {}", self.rule.id(), self.address, self.evidence)
    }
}

/// Applies every rule to what exists once `plans` are applied, and to what a release runs. `image_user`
/// is the image's user, empty if it sets none; [`None`] while there is no image. The gravest findings
/// come first, then by rule and address.
pub fn review(plans: &[&Plan], settings: &Settings, image_user: Option<&str>) -> Vec<Finding> {
    let mut found = settings::findings(settings, image_user);
    let resources = plans.iter().flat_map(|plan| &plan.resources);
    found.extend(resources.filter_map(old_tls));
    found.sort_by(|a, b| {
        let order = |one: &Finding| (one.severity, one.rule);
        (order(a), &a.address, &a.evidence).cmp(&(order(b), &b.address, &b.evidence))
    });
    found
}

/// CloudFront's default certificate leaves no choice of the versions
/// (<https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/secure-connections-supported-viewer-protocols-ciphers.html>).
fn old_tls(resource: &Resource) -> Option<Finding> {
    let certificate = &resource.values["viewer_certificate"][0];
    (resource.kind == "aws_cloudfront_distribution"
        && certificate["cloudfront_default_certificate"] == true)
        .then(|| {
            let evidence = "the certificate of AWS's own name admits TLS 1.0";
            Finding::new(Rule::OldTls, Severity::Note, &resource.address, evidence)
        })
}

/// Marks what is allowed. A note needs no permission, so it stays as it is.
pub fn allow(findings: &mut [Finding], rules: &[RuleId]) {
    for finding in findings {
        finding.allowed = finding.severity != Severity::Note && rules.contains(&finding.rule.id());
    }
}

/// What stops `up`: findings of the gravest severity that are not allowed.
pub fn refused(findings: &[Finding]) -> impl Iterator<Item = &Finding> {
    findings
        .iter()
        .filter(|f| f.severity == Severity::Refuse && !f.allowed)
}

/// Whether anything was found that stops `up`.
pub fn is_refused(findings: &[Finding]) -> bool {
    refused(findings).next().is_some()
}
