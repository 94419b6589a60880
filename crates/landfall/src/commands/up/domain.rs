//! The app's own domain, after the release: it leads to what serves. The new one answers before an old one
//! goes.

use crate::commands::down;
use crate::environment::Environment;
use crate::environment::domain::{self, address};
use crate::environment::planner::{Ready, ReadyDomain};
use crate::environment::provision::Provisioner;
use crate::failure::Failure;
use crate::release::runner::Deployment;
use rules::app::manifest::{Domain, Target};
use rules::event::Phase;
use rules::exit::Exit;
use rules::shape::contract::{DomainOutputs, Root};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a new address may take: CloudFront brings a distribution everywhere in some minutes.
const ANSWERS: Duration = Duration::from_secs(15 * 60);
/// How long resolvers remember where a record led before: its time to live at both front doors
/// (<https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resource-record-sets-choosing-alias-non-alias.html>).
const REMEMBERED: Duration = Duration::from_secs(60);

/// Makes what was agreed to, and takes away what goes. Gives the address that people are told.
pub(super) async fn make(
    provisioner: &Provisioner<'_>,
    deployment: &Deployment,
    agreed: Option<ReadyDomain>,
) -> Result<String, Failure> {
    let aws = deployment.url().to_owned();
    let Some(ReadyDomain { ready, course }) = agreed else {
        return Ok(aws);
    };
    let is_new = match ready {
        Some(ready) => apply(provisioner, deployment, ready, &course.first).await?,
        None => false,
    };
    let wanted = provisioner.manifest.domain.as_ref();
    let answers = match wanted {
        Some(domain) => wait(provisioner, domain, is_new).await?,
        None => false,
    };
    if !course.leaving.is_empty() {
        // In a rehearsal nothing ever answers there, and what is rehearsed is the order.
        match answers || wanted.is_none() || provisioner.environment.is_rehearsal() {
            true => leave(provisioner, deployment, &course.then, &course.leaving).await?,
            false => provisioner.report.note(format!(
                "{} stays until the new address answers: `landfall up` again takes it away",
                course.leaving.join(", ")
            )),
        }
    }
    Ok(match wanted.filter(|_| answers) {
        Some(domain) => address(domain),
        None => aws,
    })
}

/// Applies the plan that was agreed to, now that the target is known. Says whether anything changed.
async fn apply(
    provisioner: &Provisioner<'_>,
    deployment: &Deployment,
    agreed: Ready,
    domains: &BTreeMap<String, String>,
) -> Result<bool, Failure> {
    if agreed.plan.is_empty() {
        return Ok(false);
    }
    let planner = provisioner.planner();
    let ready = planner
        .ready_domain(domains, Some(&deployment.target))
        .await?;
    if ready.plan.changes != agreed.plan.changes {
        return Err(provisioner.changed_meanwhile(&agreed, &ready));
    }
    let applied = provisioner
        .phases
        .time(Phase::Domain, provisioner.apply_once(&ready))
        .await;
    applied.map_err(explain)?;
    tell(provisioner, &ready).await?;
    Ok(true)
}

/// What helps where AWS does not take the domain.
fn explain(mut failure: Failure) -> Failure {
    if failure.exit == Exit::Infrastructure {
        failure.next.extend([
            "the app serves under AWS's own address meanwhile: `landfall url`".to_owned(),
            "a certificate waits until public DNS shows its record: `landfall doctor` looks whether it leads there; then `landfall up` goes on".to_owned(),
            "if AWS refused the certificate for good: take `domain` out of landfall.toml, `landfall up`, and set it again".to_owned(),
        ]);
    }
    failure
}

async fn tell(provisioner: &Provisioner<'_>, ready: &Ready) -> Result<(), Failure> {
    let outputs: Option<DomainOutputs> = ready.terraform.outputs().await?;
    for (domain, name) in outputs.unwrap_or_default().leads_to {
        provisioner.report.note(format!("{domain} leads to {name}"));
    }
    Ok(())
}

/// Waits until the domain's address answers; one that was there before gets a look only.
async fn wait(
    provisioner: &Provisioner<'_>,
    domain: &Domain,
    is_new: bool,
) -> Result<bool, Failure> {
    let (report, manifest) = (provisioner.report, provisioner.manifest);
    if provisioner.environment.is_rehearsal() {
        report.note(format!(
            "in a rehearsal no DNS leads to {}; AWS's own address is told",
            address(domain)
        ));
        return Ok(false);
    }
    let end = tokio::time::Instant::now() + ANSWERS;
    let mut told = false;
    while !domain::answers(domain, manifest).await? {
        if !is_new || *provisioner.interrupt.borrow() || tokio::time::Instant::now() > end {
            report.note(format!(
                "{} does not answer yet, AWS's own address does; `landfall status` looks again",
                address(domain)
            ));
            return Ok(false);
        }
        if !told {
            report.note(format!(
                "waiting until {} answers: it takes minutes until everybody knows a new name",
                address(domain)
            ));
            told = true;
        }
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    Ok(true)
}

/// Takes away the domains that are wanted no more.
async fn leave(
    provisioner: &Provisioner<'_>,
    deployment: &Deployment,
    then: &BTreeMap<String, String>,
    leaving: &[String],
) -> Result<(), Failure> {
    let root = Root::domain_of(provisioner.manifest.target);
    provisioner
        .report
        .note(format!("removing {}", leaving.join(", ")));
    if then.is_empty() {
        return provisioner
            .phases
            .time(Phase::Destroy, destroy(provisioner, root))
            .await;
    }
    let planner = provisioner.planner();
    let ready = planner.ready_domain(then, Some(&deployment.target)).await?;
    match ready.plan.is_empty() {
        true => Ok(()),
        false => {
            provisioner
                .phases
                .time(Phase::Domain, provisioner.apply_all(&ready))
                .await
        }
    }
}

async fn destroy(provisioner: &Provisioner<'_>, root: Root) -> Result<(), Failure> {
    let environment = provisioner.environment;
    down::destroy(
        environment,
        provisioner.manifest,
        &[root],
        provisioner.report,
        provisioner.interrupt,
    )
    .await
}

/// Before a target goes that was moved from: its part of the domain. The records lead to the new target by
/// now, so they are that one's alone, and the old root must not take them along.
pub(super) async fn leave_target(
    provisioner: &Provisioner<'_>,
    old: Target,
) -> Result<(), Failure> {
    let (environment, report) = (provisioner.environment, provisioner.report);
    let root = Root::domain_of(old);
    if !environment.holds(root).await? {
        return Ok(());
    }
    if is_taken_over(environment, provisioner).await? {
        let terraform = environment
            .terraform(root, provisioner.manifest, provisioner.interrupt)
            .await?;
        let forgotten = terraform.forget("aws_route53_record").await;
        match forgotten {
            Ok(forgotten) if forgotten > 0 && !environment.is_rehearsal() => {
                report.note(
                    "waiting for a minute: so long resolvers may lead users to the old target",
                );
                tokio::time::sleep(REMEMBERED).await;
            }
            Ok(_) => {}
            Err(failure) => return Err(environment.explain_lock(&terraform, failure).await),
        }
    }
    provisioner
        .phases
        .time(Phase::Destroy, destroy(provisioner, root))
        .await
}

/// Whether the new target has the domain's records.
async fn is_taken_over(
    environment: &Environment,
    provisioner: &Provisioner<'_>,
) -> Result<bool, Failure> {
    let Some(domain) = &provisioner.manifest.domain else {
        return Ok(false);
    };
    let kept = domain::kept_on(environment, provisioner.manifest.target).await?;
    Ok(matches!(kept.domains.get(domain.as_str()), Some(Some(_))))
}
