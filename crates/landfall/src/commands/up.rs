//! `landfall up`: from a directory to an answering address.

use crate::app::{App, overrides};
use crate::cli::{Global, Up};
use crate::commands::{confirm, listener};
use crate::driver::{Driver, Ended};
use crate::engine::{Engine, LocalImage};
use crate::failure::Failure;
use crate::phases::Phases;
use crate::place::Place;
use crate::probe::Prober;
use crate::report::{Report, now};
use aws::{ErrorKind, LoadBalancer, Logs, Registry, Roles, Services};
use infra::{Interrupt, Terraform};
use rules::contract::{FargateOutputs, FoundationOutputs, Root};
use rules::cost;
use rules::diagnosis::Cause;
use rules::event::{Event, Phase};
use rules::exit::Exit;
use rules::manifest::{Manifest, Overrides};
use rules::names::Slot;
use rules::plan::Plan;
use rules::release::{Outcome, Patience, Release};
use rules::revision::{Image, Revision, Settings};
use rules::verdict::{Answers, Verdict, verdict};
use std::time::Duration;

/// How long the front door of a new environment may take: a new CloudFront distribution needs minutes.
const FRONT_DOOR: Duration = Duration::from_secs(20 * 60);
/// How long the public address may take to answer well after a release.
const PUBLIC: Duration = Duration::from_secs(60);
/// Good answers that a verdict wants to see.
const GOOD_ANSWERS: u32 = 3;

pub(crate) async fn run(
    arguments: &Up,
    global: &Global,
    report: &Report,
    interrupt: Interrupt,
) -> Result<(), Failure> {
    let phases = Phases::new(report);
    let app = App::read(
        &arguments.app.directory,
        &Overrides {
            dockerfile: arguments.dockerfile.clone(),
            target: arguments.target,
            prebuilt_image: arguments.image.is_some(),
            ..overrides(global)
        },
    )?;
    let manifest = &app.manifest;
    let (engine, place) = phases
        .time(Phase::Preflight, async {
            Place::terraform_binary()?;
            tokio::try_join!(Engine::find(), Place::open(&app, global, report))
        })
        .await?;
    check_price(manifest, &place, global.rehearse, report)?;
    let image = phases
        .time(Phase::Build, build(arguments, &app, &engine, report))
        .await?;

    let made_bucket = match place.bucket() {
        Some(bucket) => bucket.ensure(&place.names).await?,
        None => false,
    };
    let planned = phases
        .time(Phase::Plan, plan(&place, manifest, report, &interrupt))
        .await;
    let agreed = match planned {
        Ok(planned) => agree(planned, &place, arguments.yes, report).await,
        Err(failure) => Err(failure),
    };
    let (foundation, fargate) = match agreed {
        Ok(roots) => roots,
        Err(failure) => {
            // Nothing half-made: a bucket that this very command made holds nothing yet.
            if let (true, Some(bucket)) =
                (made_bucket && failure.exit == Exit::Refused, place.bucket())
            {
                bucket.delete().await?;
            }
            return Err(failure);
        }
    };

    // Both to their end, even if one fails: a Terraform that nobody waits for would work on unseen.
    let (pushed, target) = tokio::join!(
        async {
            let outputs = apply_foundation(&place, foundation, &phases, report).await?;
            let push = push(&place, &engine, &image, &outputs, report);
            let image = phases.time(Phase::Push, push).await?;
            Ok::<_, Failure>((outputs, image))
        },
        apply_fargate(&place, fargate, &phases, report),
    );
    let ((foundation, pushed), target) = (pushed?, target?);

    let revision = Revision {
        image: pushed,
        settings: Settings::of(manifest),
    };
    let driver = Driver {
        names: &place.names,
        manifest,
        outputs: &target,
        services: Services::new(&place.session, &target.cluster),
        load_balancer: LoadBalancer::new(&place.session, &target),
        logs: Logs::new(&place.session, &foundation.log_group),
        roles: Roles {
            execution_role_arn: foundation.execution_role_arn,
            log_group: foundation.log_group,
        },
        prober: Prober::new(&target.url, manifest.health.as_str())?,
        engine: &engine,
        image: &image,
        revision: &revision,
        report,
        interrupt,
    };
    let release = Release {
        revision: revision.id(),
        count: manifest.count.get(),
        patience: Patience {
            ready: arguments.ready_timeout,
            ..Patience::default()
        },
        started: now(),
        failed: None,
    };
    let ended = phases
        .time(Phase::Release, async {
            wait_for_front_door(&driver, report).await?;
            driver.run(release).await
        })
        .await?;
    let outcome = phases
        .time(Phase::Verdict, judge(&driver, &ended, report))
        .await;
    phases.tell();
    outcome?;
    if !ended.acted {
        report.emit(Event::Unchanged {
            revision: revision.id(),
        });
    }
    report.emit(Event::Url {
        url: target.url.clone(),
    });
    Ok(())
}

/// What it will cost, said before anything is created. In a rehearsal nothing costs anything.
fn check_price(
    manifest: &Manifest,
    place: &Place,
    rehearsal: bool,
    report: &Report,
) -> Result<(), Failure> {
    let settings = Settings::of(manifest);
    let estimate = cost::fargate(place.session.region(), &settings, manifest.count.get());
    if rehearsal {
        report.note(format!(
            "on AWS it would cost {estimate}; the rehearsal is free"
        ));
        return Ok(());
    }
    report.emit(Event::Priced { estimate });
    if cost::is_within(estimate, manifest.budget) {
        return Ok(());
    }
    Err(
        Failure::new(Exit::Refused, "it would cost more than the budget")
            .why(format!(
                "{estimate}; `budget` is ${:.2} a month",
                manifest.budget.unwrap_or_default()
            ))
            .next(format!(
                "nothing was created; to allow it set `budget = {:.0}` in landfall.toml",
                estimate.monthly.ceil()
            )),
    )
}

async fn build(
    arguments: &Up,
    app: &App,
    engine: &Engine,
    report: &Report,
) -> Result<LocalImage, Failure> {
    let manifest = &app.manifest;
    let image = match &arguments.image {
        Some(reference) => engine.take(reference, manifest.architecture).await?,
        None => engine.build(&app.directory, manifest, report).await?,
    };
    engine.check(&image, manifest)?;
    let port = manifest.port.get();
    if !image.exposed.is_empty() && !image.exposed.contains(&port) {
        report.emit(Event::Warning {
            text: format!(
                "the image exposes {:?}, but the load balancer will connect to {port}; set `port` if that is wrong",
                image.exposed
            ),
        });
    }
    Ok(image)
}

/// A root, ready to be applied.
struct Ready {
    terraform: Terraform,
    plan: Plan,
}

async fn plan(
    place: &Place,
    manifest: &Manifest,
    report: &Report,
    interrupt: &Interrupt,
) -> Result<(Ready, Ready), Failure> {
    // One after the other: Terraform's plugin cache bears only one writer.
    let foundation = place
        .terraform(Root::Foundation, manifest, interrupt)
        .await?;
    let fargate = place.terraform(Root::Fargate, manifest, interrupt).await?;
    let ready = async |terraform: Terraform| {
        let plan = match terraform.plan(false).await {
            Ok(plan) => plan,
            Err(failure) => return Err(place.explain_lock(&terraform, failure).await),
        };
        report.emit(Event::Planned {
            root: terraform.dir.root,
            summary: plan.describe(),
            changes: plan.changes.clone(),
        });
        Ok(Ready { terraform, plan })
    };
    let (foundation, fargate) = tokio::join!(ready(foundation), ready(fargate));
    Ok((foundation?, fargate?))
}

/// Asks for a yes where the plans change anything; refuses what would cut off users.
async fn agree(
    (foundation, fargate): (Ready, Ready),
    place: &Place,
    yes: bool,
    report: &Report,
) -> Result<(Ready, Ready), Failure> {
    let cut: Vec<String> = fargate
        .plan
        .destroyed()
        .map(|change| change.address.clone())
        .collect();
    // What an interrupted first `up` left half-made may well be replaced.
    if !cut.is_empty() && serves(place).await? {
        let mut failure = Failure::new(
            Exit::Refused,
            "the plan would destroy what users' requests pass through",
        );
        failure.why = cut;
        return Err(failure
            .next("nothing was changed; a change of `port`, for one, replaces both services")
            .next("deploy it as another environment beside this one (`--env`), or take this one down first"));
    }
    if !(foundation.plan.is_empty() && fargate.plan.is_empty()) {
        let question = format!(
            "Create this for {} ({}) in account {}, {}?",
            place.names.app,
            place.names.environment,
            place.account,
            place.session.region()
        );
        confirm(report, yes, &question)?;
    }
    Ok((foundation, fargate))
}

/// Whether any slot is to run tasks: then there may be users.
async fn serves(place: &Place) -> Result<bool, Failure> {
    let services = Services::new(&place.session, &place.names.id());
    for slot in Slot::ALL {
        match services.slot(&place.names.slot(slot)).await {
            Ok(facts) if facts.desired > 0 => return Ok(true),
            Ok(_) => {}
            Err(error) if error.kind == ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(false)
}

async fn apply(place: &Place, ready: &Ready, report: &Report) -> Result<(), Failure> {
    let root = ready.terraform.dir.root;
    match ready.terraform.apply(&mut listener(report, root)).await {
        Ok(()) => Ok(()),
        Err(failure) => Err(place.explain_lock(&ready.terraform, failure).await),
    }
}

async fn apply_foundation(
    place: &Place,
    ready: Ready,
    phases: &Phases<'_>,
    report: &Report,
) -> Result<FoundationOutputs, Failure> {
    if !ready.plan.is_empty() {
        phases
            .time(Phase::Foundation, apply(place, &ready, report))
            .await?;
    }
    ready
        .terraform
        .outputs()
        .await?
        .ok_or_else(|| no_outputs(Root::Foundation))
}

async fn apply_fargate(
    place: &Place,
    ready: Ready,
    phases: &Phases<'_>,
    report: &Report,
) -> Result<FargateOutputs, Failure> {
    if !ready.plan.is_empty() {
        phases
            .time(Phase::Fargate, apply(place, &ready, report))
            .await?;
    }
    let outputs = ready
        .terraform
        .outputs()
        .await?
        .ok_or_else(|| no_outputs(Root::Fargate))?;
    place.reachable(outputs).await
}

fn no_outputs(root: Root) -> Failure {
    Failure::new(
        Exit::Infrastructure,
        format!("the {root} root was applied but has no outputs"),
    )
    .next("run the same command again")
}

/// Pushes the image, unless the registry has it. The tag is made from the image's own content, and
/// tags are immutable: what bears it is the same image.
async fn push(
    place: &Place,
    engine: &Engine,
    image: &LocalImage,
    foundation: &FoundationOutputs,
    report: &Report,
) -> Result<Image, Failure> {
    let registry = Registry::new(&place.session);
    let content: String = image
        .id
        .trim_start_matches("sha256:")
        .chars()
        .take(32)
        .collect();
    let tag = format!("image-{content}");
    let found = registry.find(&foundation.repository_name, &tag).await?;
    let stored = match found {
        Some(stored) => {
            report.note("the registry has this image already");
            stored
        }
        None => {
            let login = registry.login().await?;
            engine
                .push(image, &foundation.repository_url, &tag, &login)
                .await?;
            registry
                .find(&foundation.repository_name, &tag)
                .await?
                .ok_or_else(|| {
                    Failure::new(
                        Exit::Image,
                        "the image was pushed, but the registry does not have it",
                    )
                    .next("run the same command again")
                })?
        }
    };
    Ok(Image {
        repository_url: foundation.repository_url.clone(),
        digest: stored.digest,
    })
}

/// Waits until the public address gives any answer at all: a release probes its candidate there.
async fn wait_for_front_door(driver: &Driver<'_>, report: &Report) -> Result<(), Failure> {
    let end = tokio::time::Instant::now() + FRONT_DOOR;
    let mut told = false;
    while driver.prober.ask(None).await.is_none() {
        if tokio::time::Instant::now() > end {
            return Err(Failure::new(Exit::Infrastructure, "the public address gives no answer at all")
                .why(format!("{} was asked for {} min", driver.outputs.url, FRONT_DOOR.as_secs() / 60))
                .next("look at the CloudFront distribution in the console, then run the same command again"));
        }
        if *driver.interrupt.borrow() {
            return Err(
                Failure::new(Exit::Interrupted, "interrupted before the release began")
                    .next("`landfall up` goes on, `landfall down` removes what was made"),
            );
        }
        if !told {
            report.note("waiting for the front door: a new CloudFront distribution takes minutes");
            told = true;
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    Ok(())
}

/// Looks at what runs and what the public address answers, whatever anybody reported before.
async fn judge(driver: &Driver<'_>, ended: &Ended, report: &Report) -> Result<(), Failure> {
    let slot = match &ended.outcome {
        Outcome::Serving { slot } => *slot,
        Outcome::RolledBack { slot, cause } => {
            let answers = ask_public(driver).await;
            let explanation = cause.explain();
            let exit = match (answers.good, cause) {
                (0, _) => Exit::NothingServing,
                (_, Cause::Interrupted) => Exit::Interrupted,
                _ => Exit::RolledBack,
            };
            let state = if answers.good > 0 {
                format!("the old version serves as before, in {slot}")
            } else {
                "the old version was left in place, but the public address does not answer"
                    .to_owned()
            };
            return Err(Failure::new(
                exit,
                "the new version was rolled back; users were never sent to it",
            )
            .why(explanation.what)
            .why(state)
            .next(explanation.next));
        }
        Outcome::NothingServing { cause } => {
            let explanation = cause.explain();
            return Err(Failure::new(
                Exit::NothingServing,
                "the version failed, and there was no older one",
            )
            .why(explanation.what)
            .next(explanation.next)
            .next("then `landfall up` again; `landfall down` removes what was made"));
        }
    };
    let running = driver.running(slot).await?;
    let answers = ask_public(driver).await;
    let verdict = verdict(&driver.revision.image.digest, &running, answers);
    report.emit(Event::Judged {
        verdict: verdict.clone(),
    });
    match verdict {
        Verdict::Serving { .. } => Ok(()),
        Verdict::OtherDigest { .. } => Err(Failure::new(
            Exit::Unknown,
            "the release came to its end, but something else runs than it released",
        )
        .next("`landfall status` shows what runs; `landfall up` releases again")),
        Verdict::Unreachable { .. } => Err(Failure::new(
            Exit::Unknown,
            "the release came to its end, but the public address does not answer",
        )
        .next("`landfall status` and `landfall logs` show more")),
    }
}

/// Asks the public address until it has answered well a few times, or for a minute.
async fn ask_public(driver: &Driver<'_>) -> Answers {
    let mut answers = Answers::default();
    let end = tokio::time::Instant::now() + PUBLIC;
    while answers.good < GOOD_ANSWERS && tokio::time::Instant::now() < end {
        let status = driver.prober.ask(None).await;
        answers.count(status);
        if status.is_none_or(|status| status >= 500) {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
    answers
}
