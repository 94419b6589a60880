//! What the container of a release runs with, and with which privileges.

use super::{CONTAINER, Finding, Rule, Severity, secret};
use crate::app::manifest::Target;
use crate::release::hardening::Hardening;
use crate::release::revision::Settings;
use edge_contract::SECRET_VARIABLE;

/// Applies the rules about containers. `image_user` counts for revisions of a landfall that did not set
/// the user itself.
pub(super) fn findings(settings: &Settings, image_user: Option<&str>) -> Vec<Finding> {
    let mut found = secrets(settings);
    let mut add = |rule: Rule, evidence: String| {
        found.push(Finding::new(rule, rule.severity(), CONTAINER, evidence));
    };
    let Some(hardening) = Hardening::from_settings(settings) else {
        found.extend(user(image_user, ""));
        for (rule, evidence) in [
            (Rule::WritableRoot, "its root filesystem can be written"),
            (Rule::Capabilities, "it keeps Docker's default capabilities"),
        ] {
            found.push(Finding::new(rule, rule.severity(), CONTAINER, evidence));
        }
        return found;
    };
    let container = settings.container.as_ref();
    if !hardening.read_only {
        let evidence =
            "its root filesystem can be written: `read_only = false` under `[container]`";
        add(Rule::WritableRoot, evidence.to_owned());
    }
    let kept: Vec<&str> = container
        .into_iter()
        .flat_map(|container| &container.capabilities)
        .map(|one| one.as_str())
        .collect();
    if !kept.is_empty() {
        let evidence = format!(
            "it has {}: `capabilities` under `[container]`",
            kept.join(", ")
        );
        add(Rule::Capabilities, evidence);
    }
    if !hardening.no_new_privileges {
        let evidence =
            "its programs can gain privileges: `no_new_privileges = false` under `[container]`";
        add(Rule::Capabilities, evidence.to_owned());
    }
    if settings.target == Target::Fargate {
        let own = container.and_then(|container| container.user.as_ref());
        let key = ": `user` under `[container]`";
        found.extend(user(own.map(|user| user.as_str()), key));
    }
    found
}

/// Whether a user is root; `key` names the key of the manifest that sets it, if one does.
fn user(user: Option<&str>, key: &str) -> Option<Finding> {
    let (severity, evidence) = match user {
        None => (Severity::Note, "its user is not known yet".to_owned()),
        Some("") => {
            let evidence = "the image sets no user, so it runs as root";
            (Severity::Warn, evidence.to_owned())
        }
        Some(user) if matches!(user.split(':').next(), Some("" | "0" | "root")) => {
            (Severity::Warn, format!("it runs as {user:?}{key}"))
        }
        Some(_) => return None,
    };
    Some(Finding::new(Rule::RootUser, severity, CONTAINER, evidence))
}

fn secrets(settings: &Settings) -> Vec<Finding> {
    // The edge's own secret is a variable on purpose (docs/decisions/0011).
    let variables = settings
        .env
        .iter()
        .filter(|(name, _)| *name != SECRET_VARIABLE);
    let found = variables.filter_map(|(name, value)| {
        let evidence = format!(
            "the variable {name} {}",
            secret::recognise(name, value)?.describe()
        );
        let severity = Rule::PlainSecret.severity();
        Some(Finding::new(
            Rule::PlainSecret,
            severity,
            CONTAINER,
            evidence,
        ))
    });
    found.collect()
}
