//! `landfall eject`: what is deployed as plain Terraform. Reads AWS, and writes one directory.

mod directory;

pub(crate) use directory::{Directory, invalid, replace};

use crate::cli::Global;
use crate::cli::eject::Eject;
use crate::documents::eject_readme as readme;
use crate::environment::app::App;
use crate::environment::confirm::confirm;
use crate::environment::domain;
use crate::environment::phases::Phases;
use crate::environment::place::{Environment, Function};
use crate::environment::planner::Planner;
use crate::failure::Failure;
use crate::release::runner::{Deployment, TargetOutputs};
use crate::report::Report;
use infra::{Interrupt, Terraform};
use rules::app::manifest::{Manifest, StateBackend};
use rules::app::names::Slot;
use rules::edge_contract::SECRET_VARIABLE;
use rules::event::{Event, Phase};
use rules::exit::Exit;
use rules::leave::eject::files::{Texts, lost, sums};
use rules::leave::eject::state::{Stamp, Takeover, takeover, without_variables};
use rules::leave::eject::{Ejected, VERSION, Whose, same};
use rules::release::revision::Image;
use rules::shape::contract::{CiInputs, Root};
use serde_json::Value;
use std::collections::BTreeMap;

/// What is deployed, as far as a directory of it has to say it.
struct Deployed {
    manifest: Manifest,
    site: Deployment,
    live: Slot,
    serving: Option<String>,
    variables: BTreeMap<Root, Value>,
    tools: String,
}

pub(crate) async fn run(
    arguments: &Eject,
    global: &Global,
    report: &Report,
    interrupt: Interrupt,
) -> Result<(), Failure> {
    let phases = Phases::new(report);
    let directory = Directory::to_write(&arguments.into)?;
    let app = App::read_settings(&arguments.app.directory, global)?;
    let place = phases
        .time(Phase::Preflight, Environment::open(&app, global, report))
        .await?;
    let whose = whose(&place);
    if let Some(record) = &directory.record {
        same(&directory.name, &record.whose, &whose).map_err(invalid)?;
    }
    let target = match place.targets().await?.as_slice() {
        [] => return Err(place.not_deployed()),
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
            look(&place, manifest, arguments.yes, report, &interrupt),
        )
        .await?;

    let mut states = BTreeMap::new();
    for root in deployed.variables.keys() {
        states.insert(*root, state(&place, *root).await?);
    }
    let roots = stamps(&states);
    for root in states.keys().filter(|_| place.bucket().is_none()) {
        check_copy(&directory, *root, &roots[root])?;
    }
    let files = files(&place, &whose, &deployed);
    let written = directory.record.as_ref().map(|record| &record.files);
    let lost = lost(
        &written.cloned().unwrap_or_default(),
        &files,
        &directory.texts()?,
    );
    if !lost.is_empty() {
        let lost: Vec<&str> = lost.iter().map(|edit| edit.path.as_str()).collect();
        let question = format!(
            "Write over files in {} that were edited: {}?",
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
        // First, so that an eject that is killed finds its own directory again.
        directory.write_record(&record)?;
    }
    for (path, text) in &files {
        directory.write(path, text)?;
    }
    for path in written.into_iter().flat_map(BTreeMap::keys) {
        if !files.contains_key(path) {
            directory.remove_unedited(path)?;
        }
    }
    if place.bucket().is_none() {
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

/// Which environment a place is.
pub(crate) fn whose(place: &Environment) -> Whose {
    Whose::of(
        &place.names,
        &place.account,
        place.session.region(),
        place.is_rehearsal(),
    )
}

pub(crate) fn moving() -> Failure {
    Failure::new(
        Exit::Refused,
        "the environment moves from one target to the other",
    )
    .why("both are there")
    .next("finish it with `landfall move --to TARGET`, then run the same command again")
}

/// The text of a state that has to be there.
pub(crate) async fn state(place: &Environment, root: Root) -> Result<String, Failure> {
    let text = place.state(root).await?;
    text.filter(|text| Stamp::read(text).is_some())
        .ok_or_else(|| {
            Failure::new(
                Exit::Unknown,
                format!("the state of the {root} root cannot be read"),
            )
            .why("it has neither lineage nor serial")
            .next("`terraform state pull` in its directory may say more; nothing was changed")
        })
}

fn stamps(states: &BTreeMap<Root, String>) -> BTreeMap<Root, Stamp> {
    states
        .iter()
        .filter_map(|(root, text)| Some((*root, Stamp::read(text)?)))
        .collect()
}

/// Looks at what is deployed, and holds it against what the manifest says: what is written down is to be what is there.
async fn look(
    place: &Environment,
    manifest: Manifest,
    yes: bool,
    report: &Report,
    interrupt: &Interrupt,
) -> Result<Deployed, Failure> {
    let scratch = tempfile::tempdir().map_err(Failure::io("no directory to plan in"))?;
    let aside = place.aside(scratch.path()).await?;
    let Some(site) = aside.site(&manifest, interrupt).await? else {
        return Err(place.not_deployed());
    };
    let look = site
        .driver(&aside, &manifest, None, report, interrupt)?
        .look()
        .await?;
    let live = match look.shares.green > look.shares.blue {
        true => Slot::Green,
        false => Slot::Blue,
    };
    let serving = look.of(live).image.clone();
    let planner = Planner {
        manifest: &manifest,
        place: &aside,
        report,
        interrupt,
        only_looks: true,
    };
    let function = Function {
        image: serving.as_deref().and_then(Image::parse),
        ..planner.function().await
    };
    let mut variables = BTreeMap::new();
    for root in [Root::Foundation, Root::of(manifest.target)] {
        variables.insert(root, aside.variables(root, &manifest, &function)?);
    }
    if let Some(inputs) = of_domain(place, &site).await? {
        variables.insert(Root::domain_of(manifest.target), inputs);
    }
    if place.holds(Root::Ci).await? {
        variables.insert(Root::Ci, of_ci(&aside, &manifest, interrupt).await?);
    }
    let mut changes = Vec::new();
    let mut tools = String::new();
    for (root, variables) in &variables {
        let terraform = aside.terraform_with(*root, variables, interrupt).await?;
        let ready = planner.ready(terraform).await?;
        report.emit(Event::Planned {
            root: *root,
            summary: ready.plan.describe(),
            changes: ready.plan.changes.clone(),
        });
        if !ready.plan.is_empty() {
            changes.push(format!("{root}: {}", ready.plan.describe()));
        }
        tools = said(&ready.terraform).await;
    }
    if !changes.is_empty() && !yes {
        let mut failure = Failure::new(
            Exit::Refused,
            "what is deployed is not what landfall.toml and this landfall would make",
        );
        failure.why = changes;
        return Err(failure
            .next("`landfall up` brings both together; then run the same command again")
            .next("what `up` was told on its command line, such as --budget, is to be said here, too")
            .next("or write it down as landfall.toml says, with --yes: the first `terraform apply` then makes these changes"));
    }
    Ok(Deployed {
        manifest,
        site,
        live,
        serving,
        variables,
        tools,
    })
}

/// Versions of the tools. They are only told: without them the text is a sentence shorter.
async fn said(terraform: &Terraform) -> String {
    terraform.tools().await.unwrap_or_default()
}

/// The variables of the domain's root, as its state has them; [`None`] where there is no domain.
pub(crate) async fn of_domain(
    place: &Environment,
    site: &Deployment,
) -> Result<Option<Value>, Failure> {
    let target = site.target();
    let kept = domain::kept_on(place, target).await?;
    let zones = kept.domains.into_iter();
    let domains: BTreeMap<String, String> = zones
        .filter_map(|(domain, zone)| Some((domain, zone?)))
        .collect();
    if domains.is_empty() {
        return Ok(None);
    }
    domain::inputs(place, target, &domains, Some(&site.target)).map(Some)
}

/// The variables of CI's root, as its state has them.
pub(crate) async fn of_ci(
    aside: &Environment,
    manifest: &Manifest,
    interrupt: &Interrupt,
) -> Result<Value, Failure> {
    let terraform = aside.terraform(Root::Ci, manifest, interrupt).await?;
    let resources = terraform.state().await?;
    let inputs = CiInputs::of_state(&aside.names, aside.session.region(), &resources);
    serde_json::to_value(inputs.map_err(invalid)?)
        .map_err(|error| Failure::new(Exit::Bug, error.to_string()))
}

/// A copy that plain Terraform has written to is not written over.
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
            "plain Terraform has written {path} since, or it is of another environment"
        ))
        .next(format!(
            "`landfall adopt --from {}` takes it over; or eject into another directory",
            directory.name
        ))),
    }
}

/// Everything that is written but for states and the record.
fn files(place: &Environment, whose: &Whose, deployed: &Deployed) -> Texts {
    let mut files = Texts::new();
    for (root, variables) in &deployed.variables {
        for (name, text) in place.ejected(*root, variables) {
            files.insert(format!("{root}/{name}"), text);
        }
    }
    let bucket = place.bucket();
    let home = place.directory().display().to_string();
    let emulators = place.emulators();
    let manifest = &deployed.manifest;
    let subject = readme::Subject {
        whose,
        names: &place.names,
        landfall: env!("CARGO_PKG_VERSION"),
        tools: deployed.tools.clone(),
        state: match &bucket {
            Some(bucket) => readme::State::Bucket(bucket.name()),
            None => readme::State::Copied { home: &home },
        },
        foundation: &deployed.site.foundation,
        target: match &deployed.site.target {
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
        emulators: emulators
            .as_ref()
            .map(|emulators| (emulators.main.as_str(), emulators.second.as_str())),
    };
    files.insert("README.md".to_owned(), readme::render(&subject));
    files
}

/// What may hurt later.
fn warn(app: &App, directory: &Directory, report: &Report) {
    if directory.is_below(&app.directory) {
        let text = format!(
            "{} lies in the app's directory: name it in .dockerignore, or it may end up in the image",
            directory.name
        );
        report.emit(Event::Warning { text });
    }
    if app.manifest.state == StateBackend::Local {
        let text = "the state was copied: from now on only one of landfall and plain Terraform may change anything".to_owned();
        report.emit(Event::Warning { text });
    }
}
