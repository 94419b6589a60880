//! `landfall eject`: writes what is deployed as plain Terraform. Reads AWS, and writes one
//! directory.

mod directory;

pub(crate) use directory::{Directory, invalid, replace};

use crate::cli::Global;
use crate::cli::eject::Eject;
use crate::documents::eject_readme as readme;
use crate::environment::Environment;
use crate::environment::app::App;
use crate::environment::budget;
use crate::environment::confirm::confirm;
use crate::environment::domain;
use crate::environment::planner::Planner;
use crate::failure::Failure;
use crate::release::deployment::{Deployment, TargetOutputs};
use crate::release::ledger::Ledger;
use crate::report::Report;
use crate::report::phases::Phases;
use edge_contract::SECRET_VARIABLE;
use infra::{Interrupt, LOCK_FILE, Terraform};
use rules::app::manifest::{Manifest, StateBackend};
use rules::app::names::Slot;
use rules::event::{Event, Phase};
use rules::exit::Exit;
use rules::leave::eject::files::{Texts, lost, sums};
use rules::leave::eject::state::{Stamp, Takeover, takeover, without_variables};
use rules::leave::eject::{Ejected, VERSION, Whose, same};
use rules::release::live_slot;
use rules::release::revision::Image;
use rules::shape::contract::{CiInputs, Root};
use serde_json::Value;
use std::collections::BTreeMap;

/// What is deployed, as far as the directory contains it.
struct Deployed {
    manifest: Manifest,
    deployment: Deployment,
    live: Slot,
    serving: Option<String>,
    variables: BTreeMap<Root, Value>,
    tools: String,
    /// Terraform's lock file of the provider.
    lock_file: Option<String>,
}

pub(crate) async fn run(
    arguments: &Eject,
    global: &Global,
    report: &Report,
    interrupt: Interrupt,
) -> Result<(), Failure> {
    let phases = Phases::new(report);
    let (app, into) = arguments.read();
    let directory = Directory::to_write(&into)?;
    let app = App::read_settings(&app, global)?;
    let environment = phases
        .time(
            Phase::Preflight,
            Environment::open(&app.manifest, global, report),
        )
        .await?;
    let whose = environment.whose();
    if let Some(record) = &directory.record {
        same(&directory.name, &record.whose, &whose).map_err(invalid)?;
    }
    let target = match environment.targets().await?.as_slice() {
        [] => return Err(environment.not_deployed()),
        [target] => *target,
        _ => return Err(moving()),
    };
    let manifest = Manifest {
        target,
        budget: arguments.budget.or(app.manifest.budget),
        ..app.manifest.clone()
    };
    let deployed = phases
        .time(
            Phase::Plan,
            look(&environment, manifest, arguments.yes, report, &interrupt),
        )
        .await?;

    let mut states = BTreeMap::new();
    for root in deployed.variables.keys() {
        states.insert(*root, state(&environment, *root).await?);
    }
    let roots = stamps(&states);
    for root in states.keys().filter(|_| environment.bucket().is_none()) {
        check_copy(&directory, *root, &roots[root])?;
    }
    let files = files(&environment, &whose, &deployed);
    let written = directory.record.as_ref().map(|record| &record.files);
    let lost = lost(
        &written.cloned().unwrap_or_default(),
        &files,
        &directory.texts()?,
    );
    if !lost.is_empty() {
        let lost: Vec<&str> = lost.iter().map(|edit| edit.path.as_str()).collect();
        let question = format!(
            "Overwrite edited files in {}: {}?",
            directory.name,
            lost.join(", ")
        );
        confirm(report, arguments.yes, &question)?;
    }
    warn(&app, &directory, report);
    let mut record = Ejected {
        version: VERSION,
        landfall: env!("CARGO_PKG_VERSION").to_owned(),
        whose,
        state: app.manifest.state,
        roots,
        files: BTreeMap::new(),
    };
    if directory.record.is_none() {
        // First, so that the next eject recognizes the directory if this one is killed.
        directory.write_record(&record)?;
    }
    for (path, text) in &files {
        directory.write(path, text)?;
    }
    write_lock_files(&directory, &deployed)?;
    for path in written.into_iter().flat_map(BTreeMap::keys) {
        if !files.contains_key(path) {
            directory.remove_unedited(path)?;
        }
    }
    if environment.bucket().is_none() {
        for (root, text) in &states {
            let copy = without_variables(text, &[SECRET_VARIABLE]);
            directory.write_private(&format!("{root}/terraform.tfstate"), &copy)?;
        }
    }
    record.files = sums(&files);
    directory.write_record(&record)?;
    report.emit(Event::Ejected {
        directory: directory.name.clone(),
        roots: states.into_keys().collect(),
    });
    Ok(())
}

/// Writes the lock file of each root that has none: `init` adds to such a file, and a person upgrades it.
fn write_lock_files(directory: &Directory, deployed: &Deployed) -> Result<(), Failure> {
    for root in deployed.variables.keys() {
        let path = format!("{root}/{LOCK_FILE}");
        if let (Some(text), None) = (&deployed.lock_file, directory.read(&path)?) {
            directory.write(&path, text)?;
        }
    }
    Ok(())
}

pub(crate) fn moving() -> Failure {
    Failure::new(
        Exit::Refused,
        "the environment is being moved from one target to the other",
    )
    .why("both are there")
    .next("finish the move with `landfall move --to TARGET`, then run the same command again")
}

/// The text of a state, which must exist.
pub(crate) async fn state(environment: &Environment, root: Root) -> Result<String, Failure> {
    let text = environment.state(root).await?;
    text.filter(|text| Stamp::read(text).is_some())
        .ok_or_else(|| {
            Failure::new(
                Exit::Unknown,
                format!("the state of the {root} root cannot be read"),
            )
            .why("it lacks a lineage or a serial")
            .next("`terraform state pull` in its directory may show more; nothing was changed")
        })
}

fn stamps(states: &BTreeMap<Root, String>) -> BTreeMap<Root, Stamp> {
    states
        .iter()
        .filter_map(|(root, text)| Some((*root, Stamp::read(text)?)))
        .collect()
}

/// Reads what is deployed, and compares it with the manifest: the directory must match the
/// deployment.
async fn look(
    environment: &Environment,
    manifest: Manifest,
    yes: bool,
    report: &Report,
    interrupt: &Interrupt,
) -> Result<Deployed, Failure> {
    let scratch =
        tempfile::tempdir().map_err(Failure::io("cannot create a temporary directory"))?;
    let aside = environment.aside(scratch.path()).await?;
    let Some(deployment) = aside.deployment(&manifest, interrupt).await? else {
        return Err(environment.not_deployed());
    };
    let look = deployment
        .driver(
            &aside.session,
            &aside.names,
            &manifest,
            None,
            report,
            interrupt,
        )?
        .look()
        .await?;
    let latest = Ledger::latest(&environment.store()).await?;
    let live = live_slot(&look.shares, latest.as_ref().map(|ledger| &ledger.record));
    let serving = look.of(live).image.clone();
    let planner = Planner {
        manifest: &manifest,
        environment: &aside,
        report,
        interrupt,
        is_read_only: true,
    };
    let image = serving.as_deref().and_then(Image::parse);
    let mut variables = BTreeMap::new();
    let target = Root::of(manifest.target);
    let inputs = aside.variables(target, &manifest, image.as_ref()).await?;
    variables.insert(target, inputs);
    let account_budget = budget::look(&aside).await?;
    let foundation = aside
        .foundation_variables(&manifest, &account_budget)
        .await?;
    variables.insert(Root::Foundation, foundation);
    if let Some(inputs) = of_domain(environment, &manifest, &deployment).await? {
        variables.insert(Root::domain_of(manifest.target), inputs);
    }
    if environment.holds(Root::Ci).await? {
        variables.insert(Root::Ci, of_ci(&aside, &manifest, interrupt).await?);
    }
    let mut changes = Vec::new();
    let mut tools = String::new();
    let mut lock_file = None;
    for (root, variables) in &variables {
        let mut terraform = aside.terraform_with(*root, variables, interrupt).await?;
        if *root == Root::Foundation {
            terraform = budget::as_readable(terraform, &account_budget);
        }
        let ready = planner.plan_root(terraform).await?;
        report.emit(Event::Planned {
            root: *root,
            summary: ready.plan.describe(),
            changes: ready.plan.changes.clone(),
        });
        if !ready.plan.is_empty() {
            changes.push(format!("{root}: {}", ready.plan.describe()));
        }
        tools = tool_versions(&ready.terraform).await;
        lock_file = aside.lock_file(&ready.terraform).await;
    }
    if !changes.is_empty() && !yes {
        let mut failure = Failure::new(
            Exit::Refused,
            "what is deployed differs from what landfall.toml and this landfall would create",
        );
        failure.why = changes;
        return Err(failure
            .next("`landfall up` applies the difference; then run the same command again")
            .next("repeat the options that `up` was given, such as --budget")
            .next(
                "or write what landfall.toml determines with --yes: the first `terraform apply` then \
                   makes these changes",
            ));
    }
    Ok(Deployed {
        manifest,
        deployment,
        live,
        serving,
        variables,
        tools,
        lock_file,
    })
}

/// Versions of the tools, for the README; empty if unknown.
async fn tool_versions(terraform: &Terraform) -> String {
    terraform.tools().await.unwrap_or_default()
}

/// The variables of the domain's root according to its state; [`None`] without a domain.
pub(crate) async fn of_domain(
    environment: &Environment,
    manifest: &Manifest,
    deployment: &Deployment,
) -> Result<Option<Value>, Failure> {
    let target = deployment.target();
    let kept = domain::kept_on(environment, target).await?;
    let zones = kept.domains.into_iter();
    let domains: BTreeMap<String, String> = zones
        .filter_map(|(domain, zone)| Some((domain, zone?)))
        .collect();
    if domains.is_empty() {
        return Ok(None);
    }
    let outputs = Some(&deployment.target);
    domain::inputs(environment, manifest, target, &domains, outputs).map(Some)
}

/// The variables of CI's root according to its state.
pub(crate) async fn of_ci(
    aside: &Environment,
    manifest: &Manifest,
    interrupt: &Interrupt,
) -> Result<Value, Failure> {
    let terraform = aside.terraform(Root::Ci, manifest, interrupt).await?;
    let resources = terraform.state().await?;
    let inputs = CiInputs::of_state(&aside.names, aside.session.region(), manifest, &resources);
    serde_json::to_value(inputs.map_err(invalid)?)
        .map_err(|error| Failure::new(Exit::Bug, error.to_string()))
}

/// Checks that plain Terraform has not changed an earlier copy of the state, which would be lost.
fn check_copy(directory: &Directory, root: Root, ours: &Stamp) -> Result<(), Failure> {
    let path = format!("{root}/terraform.tfstate");
    let Some(text) = directory.read(&path)? else {
        return Ok(());
    };
    let parted = directory.record.as_ref();
    let parted = parted.and_then(|record| record.roots.get(&root));
    let verdict =
        Stamp::read(&text).map(|theirs| takeover(parted.unwrap_or(ours), &theirs, Some(ours)));
    match verdict {
        Some(Takeover::Same | Takeover::Stale) => Ok(()),
        _ => Err(Failure::new(
            Exit::Refused,
            format!("the state in {} would be lost", directory.name),
        )
        .why(format!(
            "plain Terraform has written {path} since, or it belongs to another environment"
        ))
        .next(format!(
            "`landfall adopt --from {}` adopts it; or eject into another directory",
            directory.name
        ))),
    }
}

/// All files except states and the record.
fn files(environment: &Environment, whose: &Whose, deployed: &Deployed) -> Texts {
    let mut files = Texts::new();
    for (root, variables) in &deployed.variables {
        for (name, text) in environment.ejected(*root, variables) {
            files.insert(format!("{root}/{name}"), text);
        }
    }
    let bucket = environment.bucket();
    let home = environment.directory().display().to_string();
    let overrides = environment.endpoints.overrides_with_keys();
    let manifest = &deployed.manifest;
    let subject = readme::Subject {
        whose,
        names: &environment.names,
        landfall: env!("CARGO_PKG_VERSION"),
        tools: deployed.tools.clone(),
        state: match &bucket {
            Some(bucket) => readme::State::Bucket(bucket.name()),
            None => readme::State::Copied { home: &home },
        },
        foundation: &deployed.deployment.foundation,
        target: match &deployed.deployment.target {
            TargetOutputs::Lambda(outputs) => readme::Target::Lambda(outputs),
            TargetOutputs::Fargate(outputs) => readme::Target::Fargate {
                outputs,
                live: deployed.live,
            },
        },
        domain: deployed
            .variables
            .contains_key(&Root::domain_of(manifest.target)),
        ci: deployed.variables.contains_key(&Root::Ci),
        serving: deployed.serving.as_deref(),
        edge: manifest.edge,
        architecture: manifest.architecture,
        count: manifest.count.get(),
        emulators: overrides
            .as_ref()
            .map(|overrides| (overrides.main.as_str(), overrides.second.as_str())),
    };
    files.insert("README.md".to_owned(), readme::render(&subject));
    files
}

/// Warns of later problems.
fn warn(app: &App, directory: &Directory, report: &Report) {
    if directory.is_below(&app.directory) {
        let text = format!(
            "{} is in the app's directory: add it to .dockerignore, or it may end up in the image",
            directory.name
        );
        report.emit(Event::Warning { text });
    }
    if app.manifest.state == StateBackend::Local {
        let text =
            "the state was copied: from now on use either landfall or plain Terraform, not both"
                .to_owned();
        report.emit(Event::Warning { text });
    }
}
