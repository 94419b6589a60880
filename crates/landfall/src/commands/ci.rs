//! `landfall ci`: the roles of CI's jobs, and the workflow or pipeline file.

mod boundary;
mod check;
mod checkout;
mod provider;
mod refusal;
mod repository;

pub(crate) use boundary::lift;
pub(crate) use provider::{leave, trusted};

use crate::cli::Global;
use crate::cli::ci::{Ci, Flags, Github, Remove};
use crate::documents::ci_workflows;
use crate::documents::ci_workflows::generated_file::{Overwrite, decide};
use crate::environment::Environment;
use crate::environment::app::App;
use crate::environment::confirm::confirm;
use crate::environment::terraform::{binary, listener};
use crate::environment::toolchain::PlanMode;
use crate::failure::Failure;
use crate::report::Report;
use crate::report::phases::Phases;
use checkout::Checkout;
use infra::{Interrupt, Terraform};
use rules::app::manifest::Invalid;
use rules::event::{Event, Phase};
use rules::exit::Exit;
use rules::leave::ci::origin::{Project, directory};
use rules::leave::ci::{Archive, Deployment, Forge, Ids, Setup};
use rules::shape::contract::{CiInputs, CiOutputs, Root};
use rules::shape::plan::Plan;
use rules::shape::toolchain::{self, Tool};
use std::path::PathBuf;

pub(crate) async fn run(
    action: &Ci,
    global: &Global,
    report: &Report,
    interrupt: Interrupt,
) -> Result<(), Failure> {
    match action {
        Ci::Github(arguments) => {
            let found = Checkout::of(&arguments.flags.app.directory)?;
            let setup = of_github(arguments, &found, report).await?;
            set_up(&setup, &arguments.flags, &found, global, report, &interrupt).await
        }
        Ci::Gitlab(arguments) => {
            let flags = &arguments.flags;
            let found = Checkout::of(&flags.app.directory)?;
            let setup = Setup {
                forge: Forge::Gitlab,
                project: project(Forge::Gitlab, flags, &found)?,
                ids: None,
                branch: flags.branch.clone(),
                default_branch: None,
                github_environment: None,
                previews: flags.previews,
            };
            set_up(&setup, flags, &found, global, report, &interrupt).await
        }
        Ci::Check(arguments) => check::run(arguments, global, report).await,
        Ci::Remove(arguments) => remove(arguments, global, report, &interrupt).await,
    }
}

async fn of_github(
    arguments: &Github,
    checkout: &Checkout,
    report: &Report,
) -> Result<Setup, Failure> {
    let flags = &arguments.flags;
    let project = project(Forge::Github, flags, checkout)?;
    let given = match (arguments.owner_id, arguments.repository_id) {
        (Some(owner), Some(repository)) => Some(Ids { owner, repository }),
        _ => None,
    };
    let is_asked = !flags.no_apply && (given.is_none() || flags.previews);
    let found = match is_asked {
        true => Some(repository::look_up(&project.path).await),
        false => None,
    };
    let (ids, default_branch) = match (given, found) {
        (given, Some(Ok(found))) => (given.or(Some(found.ids)), found.default_branch),
        (None, Some(Err(why))) => return Err(repository::unknown(&project.path, why)),
        (given, _) => (given, None),
    };
    let default_branch = default_branch.or_else(|| checkout.default_branch.clone());
    if flags.previews && !flags.no_apply && default_branch.is_none() {
        report.emit(Event::Warning {
            text: format!(
                "the default branch of {} is not known: if it is not {}, the hourly job that removes expired \
                 previews is refused",
                project.path, flags.branch
            ),
        });
    }
    Ok(Setup {
        forge: Forge::Github,
        project,
        ids,
        branch: flags.branch.clone(),
        default_branch,
        github_environment: arguments.github_environment.clone(),
        previews: flags.previews,
    })
}

/// The trusted repository: the given one, otherwise that of the remote. The host of a self-managed
/// GitLab is always the remote's.
fn project(forge: Forge, flags: &Flags, checkout: &Checkout) -> Result<Project, Failure> {
    let remote = checkout
        .origin
        .as_deref()
        .map(|url| Project::of_remote(forge, url));
    let Some(path) = &flags.repository else {
        return match remote {
            Some(project) => project.map_err(invalid),
            None => Err(Failure::new(Exit::BadInput, "no CI repository given")
                .why("the directory has no git remote `origin`")
                .next("name the repository with --repository OWNER/REPOSITORY")),
        };
    };
    match (forge, remote) {
        (Forge::Gitlab, Some(Ok(there))) => Project::on(forge, &there.host, path),
        _ => Project::parse(forge, path),
    }
    .map_err(invalid)
}

fn invalid(invalid: Invalid) -> Failure {
    Failure::new(Exit::BadInput, invalid.what)
        .why(invalid.why)
        .next(invalid.fix)
}

/// The file to write.
struct Wanted {
    /// Path within the repository.
    name: String,
    path: PathBuf,
    text: String,
    writing: Overwrite,
}

async fn set_up(
    setup: &Setup,
    flags: &Flags,
    checkout: &Checkout,
    global: &Global,
    report: &Report,
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    let phases = Phases::new(report);
    let app = App::read_settings(&flags.app.directory, global)?;
    let within = directory(&checkout.prefix).map_err(invalid)?;
    let environment = phases
        .time(
            Phase::Preflight,
            Environment::open(&app.manifest, global, report),
        )
        .await?;
    let target = Environment::target(&app.manifest, &environment.targets().await?);
    let archive = match (&flags.archive, &flags.archive_sha256) {
        (Some(url), Some(sha256)) => Some(Archive {
            url: url.clone(),
            sha256: sha256.clone(),
        }),
        _ => None,
    };
    let region = environment.session.region();
    let deployment = Deployment {
        partition: environment.partition().to_owned(),
        account: environment.account.clone(),
        region: region.to_owned(),
        names: environment.names.clone(),
        target,
        domain: app.manifest.domain.clone(),
        tags: app.manifest.tags.clone(),
        permissions_boundary: app.manifest.permissions_boundary.clone(),
        role_path: app.manifest.role_path.clone(),
        directory: within,
        archive,
    };
    let tool = tool(&environment).await?;
    let wanted = wanted(setup, &deployment, &tool, checkout)?;
    report_overwrite(&wanted, flags.force, report)?;
    advise(setup, &deployment, report);
    let role_arns = if flags.no_apply {
        report.note("nothing was created in AWS: the roles that the file names do not exist yet");
        std::collections::BTreeMap::new()
    } else {
        boundary::check(&environment, setup, &deployment).await?;
        let made_bucket = environment.ensure_bucket(None, report, interrupt).await?;
        let made = make(
            setup,
            &deployment,
            flags,
            &environment,
            &phases,
            report,
            interrupt,
        )
        .await;
        if let (true, Err(failure), Some(bucket)) = (made_bucket, &made, environment.bucket())
            && failure.exit == Exit::Refused
        {
            // Leave nothing half-made: the bucket is empty.
            bucket.delete().await?;
        }
        made?.role_arns
    };
    write(&wanted)?;
    if !flags.no_apply && deployment.permissions_boundary.is_none() {
        report.note(
            "the next `landfall up` gives the app's roles a permissions boundary, without which a job may not change \
             them; what was attached to them beyond it stops working (docs/ci.md#boundary)",
        );
    }
    report.emit(Event::CiReady {
        file: wanted.name,
        role_arns,
    });
    Ok(())
}

/// The program that jobs install: the environment's, otherwise this machine's.
async fn tool(environment: &Environment) -> Result<Tool, Failure> {
    let used = match environment.tool(Root::Foundation).await? {
        None => binary().ok().map(|binary| binary.tool()),
        used => used,
    };
    Ok(toolchain::for_ci(used))
}

fn wanted(
    setup: &Setup,
    deployment: &Deployment,
    tool: &Tool,
    checkout: &Checkout,
) -> Result<Wanted, Failure> {
    let name = ci_workflows::path(setup, deployment);
    let text = ci_workflows::text(setup, deployment, tool);
    let path = checkout.root.join(&name);
    let there = match std::fs::read_to_string(&path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => {
            return Err(
                Failure::new(Exit::BadInput, format!("{} cannot be read", path.display()))
                    .why(error.to_string())
                    .next("fix its permissions; nothing was changed"),
            );
        }
    };
    let writing = decide(there.as_deref(), &text);
    Ok(Wanted {
        name,
        path,
        text,
        writing,
    })
}

/// Shows how the file would change, and refuses to overwrite edits.
fn report_overwrite(wanted: &Wanted, force: bool, report: &Report) -> Result<(), Failure> {
    match &wanted.writing {
        Overwrite::New | Overwrite::Same => Ok(()),
        Overwrite::Changed { diff } => {
            report.note(format!("{} changes:\n{diff}", wanted.name));
            Ok(())
        }
        Overwrite::Theirs { diff } => {
            report.note(format!("{} would change:\n{diff}", wanted.name));
            if force {
                return Ok(());
            }
            Err(Failure::new(
                Exit::Refused,
                format!("{} was written or changed by hand", wanted.name),
            )
            .why("landfall overwrites only what it wrote itself; the changes are shown above")
            .next("apply the changes that you want by hand, or overwrite the file with --force"))
        }
    }
}

/// Notes and warnings about what landfall cannot do itself.
fn advise(setup: &Setup, deployment: &Deployment, report: &Report) {
    let warn = |text: String| report.emit(Event::Warning { text });
    if deployment.archive.is_none() {
        warn(
            "no release of landfall is published yet: jobs fail until --archive and \
             --archive-sha256 name one"
                .to_owned(),
        );
    }
    if let Some(environment) = &setup.github_environment {
        warn(format!(
            "everyone who can push a branch can use the environment {environment}, unless only {} \
             may: set it under Settings, Environments, {environment}, Deployment branches. AWS \
             also compares the branch, but only GitHub can enforce this",
            setup.branch
        ));
    }
    if setup.forge == Forge::Gitlab {
        report.note(format!(
            "everyone who can push to {} can deploy: protect the branch (Settings, Repository, \
             Protected branches)",
            setup.branch
        ));
    }
}

/// Plans the roles, asks for confirmation, and creates them.
async fn make(
    setup: &Setup,
    deployment: &Deployment,
    flags: &Flags,
    environment: &Environment,
    phases: &Phases<'_>,
    report: &Report,
    interrupt: &Interrupt,
) -> Result<CiOutputs, Failure> {
    let inputs = serde_json::to_value(CiInputs::of(setup, deployment))
        .map_err(|error| Failure::new(Exit::Bug, error.to_string()))?;
    let (terraform, plan) = phases
        .time(Phase::Plan, plan(environment, &inputs, report, interrupt))
        .await?;
    let arn = deployment.provider_arn(setup.issuer());
    let missing = provider::missing(environment, &arn).await?;
    if let Some(missing) = &missing {
        report.note(missing.describe(setup.issuer()));
    }
    if missing.is_some() || !plan.is_empty() {
        let question = format!(
            "Let jobs of {} deploy {} ({}) to account {}?",
            setup.project.path,
            environment.names.app,
            environment.names.environment,
            environment.account
        );
        confirm(report, flags.yes, &question)?;
        if let Some(missing) = missing {
            missing
                .make(environment, setup.issuer(), &arn, &deployment.tags)
                .await?;
        }
        if !plan.is_empty() {
            let apply = async {
                match terraform.apply(&mut listener(report, Root::Ci)).await {
                    Ok(()) => Ok(()),
                    Err(failure) => Err(environment.explain(&terraform, failure).await),
                }
            };
            phases.time(Phase::Ci, apply).await?;
        }
    }
    let outputs = terraform.outputs().await?;
    outputs.ok_or_else(|| {
        Failure::new(
            Exit::Infrastructure,
            "the ci root was applied but has no outputs",
        )
        .next("run the same command again")
    })
}

async fn plan(
    environment: &Environment,
    inputs: &serde_json::Value,
    report: &Report,
    interrupt: &Interrupt,
) -> Result<(Terraform, Plan), Failure> {
    let terraform = environment
        .terraform_with(Root::Ci, inputs, interrupt)
        .await?;
    let planned = environment.plan(&terraform, PlanMode::Apply, report);
    let plan = match planned.await {
        Ok(plan) => plan,
        Err(failure) => return Err(environment.explain(&terraform, failure).await),
    };
    report.emit(Event::Planned {
        root: Root::Ci,
        summary: plan.describe(),
        changes: plan.changes.clone(),
    });
    Ok((terraform, plan))
}

fn write(wanted: &Wanted) -> Result<(), Failure> {
    let written = match wanted.path.parent() {
        Some(parent) => std::fs::create_dir_all(parent),
        None => Ok(()),
    };
    written
        .and_then(|()| std::fs::write(&wanted.path, &wanted.text))
        .map_err(Failure::io(format!(
            "{} cannot be written",
            wanted.path.display()
        )))
}

async fn remove(
    arguments: &Remove,
    global: &Global,
    report: &Report,
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    let phases = Phases::new(report);
    let app = App::read_settings(&arguments.app.directory, global)?;
    let environment = phases
        .time(
            Phase::Preflight,
            Environment::open(&app.manifest, global, report),
        )
        .await?;
    if !environment.has_state().await? || !environment.holds(Root::Ci).await? {
        report.note("there are no roles of CI: nothing to remove");
        return Ok(());
    }
    let question = format!(
        "Remove the roles with which CI deploys {} ({})?",
        environment.names.app, environment.names.environment
    );
    confirm(report, arguments.yes, &question)?;
    let provider = trusted(&environment).await?;
    lift(&environment).await?;
    let destroy = environment.destroy(&app.manifest, &[Root::Ci], report, interrupt);
    phases.time(Phase::Destroy, destroy).await?;
    leave(&environment, provider, report).await;
    for root in Root::ALL {
        if environment.holds(root).await? {
            report.note("the file in the repository stays: delete it, or its jobs fail");
            return Ok(());
        }
    }
    // With no other root, the bucket served only CI.
    if let Some(bucket) = environment.bucket() {
        bucket.delete().await?;
    }
    report.note("the file in the repository stays: delete it, or its jobs fail");
    Ok(())
}
