//! The app's own domain, which follows the release: it leads to the version that serves, and the
//! new domain answers before an old one is removed.

use crate::environment::domain::{self, address};
use crate::environment::planner::{PlannedDomain, PlannedRoot};
use crate::environment::provision::{Provisioner, changed_meanwhile};
use crate::failure::Failure;
use crate::release::deployment::Deployment;
use rules::app::manifest::{Domain, Target};
use rules::event::Phase;
use rules::exit::Exit;
use rules::shape::contract::{DomainOutputs, Root, SHARED_RECORDS};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a new domain may take to answer: CloudFront needs some minutes to update all its
/// locations.
const ANSWERS_WITHIN: Duration = Duration::from_secs(15 * 60);

/// Applies the confirmed domain, and removes old domains once it answers. Returns the public URL.
///
/// # Errors
/// Terraform fails, or the plan is not the one that was confirmed.
pub(super) async fn apply(
    provisioner: &Provisioner<'_>,
    deployment: &Deployment,
    confirmed: Option<PlannedDomain>,
) -> Result<String, Failure> {
    let aws = deployment.url().to_owned();
    let Some(PlannedDomain { root, course }) = confirmed else {
        return Ok(aws);
    };
    let is_new = match root {
        Some(root) => apply_confirmed(provisioner, deployment, root, &course.first).await?,
        None => false,
    };
    let wanted = provisioner.manifest.domain.as_ref();
    let answers = match wanted {
        Some(domain) => wait(provisioner, domain, is_new).await?,
        None => false,
    };
    if !course.leaving.is_empty() {
        let never_answers = provisioner.environment.cloud().why_domains_lead_nowhere();
        match answers || wanted.is_none() || never_answers.is_some() {
            true => remove(provisioner, deployment, &course.then, &course.leaving).await?,
            false => provisioner.report.note(format!(
                "{} stays until the new domain answers; another `landfall up` removes it then",
                course.leaving.join(", ")
            )),
        }
    }
    Ok(match wanted.filter(|_| answers) {
        Some(domain) => address(domain),
        None => aws,
    })
}

/// Plans again, now that the outputs of the target are known, and applies the plan if it is the
/// confirmed one. Returns whether anything changed.
async fn apply_confirmed(
    provisioner: &Provisioner<'_>,
    deployment: &Deployment,
    confirmed: PlannedRoot,
    domains: &BTreeMap<String, String>,
) -> Result<bool, Failure> {
    if confirmed.plan.is_empty() {
        return Ok(false);
    }
    let planner = provisioner.planner();
    let planned = planner
        .plan_domains(domains, Some(&deployment.target))
        .await?;
    if planned.plan.changes != confirmed.plan.changes {
        return Err(changed_meanwhile(&confirmed, &planned));
    }
    let applied = provisioner
        .phases
        .time(Phase::Domain, provisioner.apply_once(&planned))
        .await;
    applied.map_err(explain)?;
    report_records(provisioner, &planned).await?;
    Ok(true)
}

/// Adds what to do if AWS does not accept the domain.
fn explain(mut failure: Failure) -> Failure {
    if failure.exit == Exit::Infrastructure {
        failure.next.extend([
            "meanwhile the app is reachable at AWS's own address: `landfall url`".to_owned(),
            "a certificate waits until public DNS shows its record: `landfall doctor` checks the \
             delegation; then `landfall up` continues"
                .to_owned(),
            "if AWS refused the certificate for good: remove `domain` from landfall.toml, run \
             `landfall up`, and set it again"
                .to_owned(),
        ]);
    }
    failure
}

async fn report_records(
    provisioner: &Provisioner<'_>,
    planned: &PlannedRoot,
) -> Result<(), Failure> {
    let outputs: Option<DomainOutputs> = planned.terraform.outputs().await?;
    for (domain, name) in outputs.unwrap_or_default().leads_to {
        provisioner
            .report
            .note(format!("{domain} points to {name}"));
    }
    Ok(())
}

/// Waits until the domain answers. A domain that is not new is only asked once.
async fn wait(
    provisioner: &Provisioner<'_>,
    domain: &Domain,
    is_new: bool,
) -> Result<bool, Failure> {
    let (report, manifest) = (provisioner.report, provisioner.manifest);
    if let Some(why) = provisioner.environment.cloud().why_domains_lead_nowhere() {
        report.note(format!(
            "{}: {why}; using AWS's own address",
            address(domain)
        ));
        return Ok(false);
    }
    let end = tokio::time::Instant::now() + ANSWERS_WITHIN;
    let mut is_reported = false;
    while !domain::answers(domain, manifest).await? {
        let is_over = tokio::time::Instant::now() > end;
        if !is_new || is_over || *provisioner.interrupt.borrow() {
            report.note(format!(
                "{} does not answer yet, AWS's own address does; `landfall status` checks again",
                address(domain)
            ));
            return Ok(false);
        }
        if !is_reported {
            report.note(format!(
                "waiting until {} answers: a new name takes minutes to reach all resolvers",
                address(domain)
            ));
            is_reported = true;
        }
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    Ok(true)
}

/// Removes the domains of `leaving`; those of `then` stay.
async fn remove(
    provisioner: &Provisioner<'_>,
    deployment: &Deployment,
    then: &BTreeMap<String, String>,
    leaving: &[String],
) -> Result<(), Failure> {
    provisioner
        .report
        .note(format!("removing {}", leaving.join(", ")));
    if then.is_empty() {
        let root = Root::domain_of(provisioner.manifest.target);
        return provisioner.destroy(root).await;
    }
    let planner = provisioner.planner();
    let planned = planner.plan_domains(then, Some(&deployment.target)).await?;
    match planned.plan.is_empty() {
        true => Ok(()),
        false => {
            provisioner
                .phases
                .time(Phase::Domain, provisioner.apply_all(&planned))
                .await
        }
    }
}

/// Removes the old target's part of the domain. The records that both targets have already point to the
/// new one and belong to its root, so they are removed from the old root's state before it is destroyed.
/// A record that only the old target has (AAAA, of Fargate) is destroyed with the old root: otherwise it
/// would point to a distribution that no longer exists.
///
/// # Errors
/// Terraform fails, or the state is locked.
pub(super) async fn remove_from(provisioner: &Provisioner<'_>, old: Target) -> Result<(), Failure> {
    let environment = provisioner.environment;
    let root = Root::domain_of(old);
    if !environment.holds(root).await? {
        return Ok(());
    }
    if has_records(provisioner).await? {
        let terraform = environment
            .terraform(root, provisioner.manifest, provisioner.interrupt)
            .await?;
        let ttl = environment.cloud().record_ttl();
        match terraform.forget(&SHARED_RECORDS).await {
            Ok(forgotten) if forgotten > 0 && !ttl.is_zero() => {
                provisioner.report.note(format!(
                    "waiting for {} s: until then resolvers may send users to the old target",
                    ttl.as_secs()
                ));
                tokio::time::sleep(ttl).await;
            }
            Ok(_) => {}
            Err(failure) => return Err(environment.explain(&terraform, failure).await),
        }
    }
    provisioner.destroy(root).await
}

/// Whether the domain's records point to the new target.
async fn has_records(provisioner: &Provisioner<'_>) -> Result<bool, Failure> {
    let manifest = provisioner.manifest;
    let Some(domain) = &manifest.domain else {
        return Ok(false);
    };
    let kept = domain::kept_on(provisioner.environment, manifest.target).await?;
    Ok(matches!(kept.domains.get(domain.as_str()), Some(Some(_))))
}
