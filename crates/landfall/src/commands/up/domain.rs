//! The app's own domain, after the release: it leads to what serves. The new one answers before an old one
//! goes.

use crate::commands::down;
use crate::environment::domain::{self, address};
use crate::environment::place::Environment;
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
    maker: &Provisioner<'_>,
    site: &Deployment,
    agreed: Option<ReadyDomain>,
) -> Result<String, Failure> {
    let aws = site.url().to_owned();
    let Some(ReadyDomain { ready, course }) = agreed else {
        return Ok(aws);
    };
    let is_new = match ready {
        Some(ready) => apply(maker, site, ready, &course.first).await?,
        None => false,
    };
    let wanted = maker.manifest.domain.as_ref();
    let answers = match wanted {
        Some(domain) => wait(maker, domain, is_new).await?,
        None => false,
    };
    if !course.leaving.is_empty() {
        // In a rehearsal nothing ever answers there, and what is rehearsed is the order.
        match answers || wanted.is_none() || maker.place.is_rehearsal() {
            true => leave(maker, site, &course.then, &course.leaving).await?,
            false => maker.report.note(format!(
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
    maker: &Provisioner<'_>,
    site: &Deployment,
    agreed: Ready,
    domains: &BTreeMap<String, String>,
) -> Result<bool, Failure> {
    if agreed.plan.is_empty() {
        return Ok(false);
    }
    let planner = maker.planner();
    let ready = planner.ready_domain(domains, Some(&site.target)).await?;
    if ready.plan.changes != agreed.plan.changes {
        return Err(maker.changed_meanwhile(&agreed, &ready));
    }
    let applied = maker
        .phases
        .time(Phase::Domain, maker.apply_once(&ready))
        .await;
    applied.map_err(explain)?;
    tell(maker, &ready).await?;
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

async fn tell(maker: &Provisioner<'_>, ready: &Ready) -> Result<(), Failure> {
    let outputs: Option<DomainOutputs> = ready.terraform.outputs().await?;
    for (domain, name) in outputs.unwrap_or_default().leads_to {
        maker.report.note(format!("{domain} leads to {name}"));
    }
    Ok(())
}

/// Waits until the domain's address answers; one that was there before gets a look only.
async fn wait(maker: &Provisioner<'_>, domain: &Domain, is_new: bool) -> Result<bool, Failure> {
    let (report, manifest) = (maker.report, maker.manifest);
    if maker.place.is_rehearsal() {
        report.note(format!(
            "in a rehearsal no DNS leads to {}; AWS's own address is told",
            address(domain)
        ));
        return Ok(false);
    }
    let end = tokio::time::Instant::now() + ANSWERS;
    let mut told = false;
    while !domain::answers(domain, manifest).await? {
        if !is_new || *maker.interrupt.borrow() || tokio::time::Instant::now() > end {
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
    maker: &Provisioner<'_>,
    site: &Deployment,
    then: &BTreeMap<String, String>,
    leaving: &[String],
) -> Result<(), Failure> {
    let root = Root::domain_of(maker.manifest.target);
    maker
        .report
        .note(format!("removing {}", leaving.join(", ")));
    if then.is_empty() {
        return maker
            .phases
            .time(Phase::Destroy, destroy(maker, root))
            .await;
    }
    let planner = maker.planner();
    let ready = planner.ready_domain(then, Some(&site.target)).await?;
    match ready.plan.is_empty() {
        true => Ok(()),
        false => {
            maker
                .phases
                .time(Phase::Domain, maker.apply_all(&ready))
                .await
        }
    }
}

async fn destroy(maker: &Provisioner<'_>, root: Root) -> Result<(), Failure> {
    let place = maker.place;
    down::destroy(
        place,
        maker.manifest,
        &[root],
        maker.report,
        maker.interrupt,
    )
    .await
}

/// Before a target goes that was moved from: its part of the domain. The records lead to the new target by
/// now, so they are that one's alone, and the old root must not take them along.
pub(super) async fn leave_target(maker: &Provisioner<'_>, old: Target) -> Result<(), Failure> {
    let (place, report) = (maker.place, maker.report);
    let root = Root::domain_of(old);
    if !place.holds(root).await? {
        return Ok(());
    }
    if is_taken_over(place, maker).await? {
        let terraform = place
            .terraform(root, maker.manifest, maker.interrupt)
            .await?;
        let forgotten = terraform.forget("aws_route53_record").await;
        match forgotten {
            Ok(forgotten) if forgotten > 0 && !place.is_rehearsal() => {
                report.note(
                    "waiting for a minute: so long resolvers may lead users to the old target",
                );
                tokio::time::sleep(REMEMBERED).await;
            }
            Ok(_) => {}
            Err(failure) => return Err(place.explain_lock(&terraform, failure).await),
        }
    }
    maker
        .phases
        .time(Phase::Destroy, destroy(maker, root))
        .await
}

/// Whether the new target has the domain's records.
async fn is_taken_over(place: &Environment, maker: &Provisioner<'_>) -> Result<bool, Failure> {
    let Some(domain) = &maker.manifest.domain else {
        return Ok(false);
    };
    let kept = domain::kept_on(place, maker.manifest.target).await?;
    Ok(matches!(kept.domains.get(domain.as_str()), Some(Some(_))))
}
