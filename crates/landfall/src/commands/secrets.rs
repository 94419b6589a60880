//! `landfall secrets`: values that are neither in landfall.toml nor in deployed resources.

use crate::cli::Global;
use crate::cli::secrets::{Secrets as Action, Set, Unset};
use crate::environment::Environment;
use crate::environment::app::App;
use crate::environment::confirm::confirm;
use crate::failure::Failure;
use crate::release::ledger::Ledger;
use crate::report::{Report, now};
use aws::Secrets;
use infra::Interrupt;
use rules::app::manifest::{FILE, Invalid, Manifest, Reference, SecretName};
use rules::event::Event;
use rules::exit::Exit;
use rules::operate::secrets::{Row, Stored, Value, over_budget, rows};
use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Read as _};
use std::path::Path;
use std::time::Duration;

/// Longer than any store allows: reading stops here, and the value is refused.
const LONGEST: u64 = 65 * 1024;
/// How long a store may take to list a new value.
const LISTED: Duration = Duration::from_secs(15);

pub(crate) async fn run(
    action: &Action,
    global: &Global,
    report: &Report,
    interrupt: Interrupt,
) -> Result<(), Failure> {
    match action {
        Action::Set(arguments) => set(arguments, global, report, interrupt).await,
        Action::List(arguments) => {
            let (app, environment) = open(&arguments.directory, global, report).await?;
            let stored = Secrets::new(&environment.session, &environment.names)
                .with_known(&app.manifest.secrets)
                .list()
                .await?;
            report.emit(Event::Secrets {
                secrets: rows(&app.manifest, &stored),
            });
            Ok(())
        }
        Action::Unset(arguments) => unset(arguments, global, report).await,
    }
}

async fn open(
    directory: &Path,
    global: &Global,
    report: &Report,
) -> Result<(App, Environment), Failure> {
    let app = App::read_settings(directory, global)?;
    let environment = Environment::open(&app.manifest, global, report).await?;
    Ok((app, environment))
}

/// `landfall secrets set`.
async fn set(
    arguments: &Set,
    global: &Global,
    report: &Report,
    interrupt: Interrupt,
) -> Result<(), Failure> {
    let (directory, name) = arguments.secret.read()?;
    let (app, environment) = open(&directory, global, report).await?;
    let manifest = &Manifest {
        budget: arguments.budget.or(app.manifest.budget),
        ..app.manifest
    };
    let (name, store) = (&name, manifest.secrets_store);
    let secrets = Secrets::new(&environment.session, &environment.names)
        .with_known(&manifest.secrets)
        .with_known([name]);
    let stored = secrets.list_in(store).await?;
    let region = environment.session.region();
    let cloud = environment.cloud();
    let account = cloud.account_plan(&environment.session).await;
    let free = !cloud.is_billed();
    if let Some(refusal) = over_budget(manifest, &stored, name, region, &account, free, now()) {
        return Err(refusal.into());
    }
    let bytes = read(name, arguments, report)?;
    let value = Value::read(bytes, store).map_err(unfit)?;
    if *interrupt.borrow() {
        return Err(Failure::new(
            Exit::Interrupted,
            "interrupted; nothing was set",
        ));
    }
    let version = secrets.set(store, name, &value).await?;
    let stored = listed(&secrets, manifest, name, &version).await?;
    let is_wanted = manifest.secrets.contains(name);
    report.emit(Event::Secrets {
        secrets: of(name, rows(manifest, &stored)),
    });
    report.note(match is_wanted {
        true => "`landfall up` releases it".to_owned(),
        false => {
            format!("{FILE} does not list it: add {name} to `secrets`, then run `landfall up`")
        }
    });
    Ok(())
}

/// Waits until the store lists the version, which an earlier `up` would miss. Returns the list.
async fn listed(
    secrets: &Secrets,
    manifest: &Manifest,
    name: &SecretName,
    version: &str,
) -> Result<Vec<Stored>, Failure> {
    let store = manifest.secrets_store;
    let end = tokio::time::Instant::now() + LISTED;
    loop {
        let stored = secrets.list_in(store).await?;
        let is_there = |one: &Stored| one.name == *name && one.version == version;
        if stored.iter().any(is_there) {
            return Ok(stored);
        }
        if tokio::time::Instant::now() >= end {
            return Err(Failure::new(
                Exit::Unknown,
                format!("{name} was set, but {} does not list it yet", store.title()),
            )
            .next("wait until `landfall secrets list` shows it, then run `landfall up`"));
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

fn of(name: &SecretName, rows: Vec<Row>) -> Vec<Row> {
    rows.into_iter().filter(|row| row.name == *name).collect()
}

fn unfit(invalid: Invalid) -> Failure {
    Failure::new(Exit::BadInput, invalid.what)
        .why(invalid.why)
        .next(invalid.fix)
}

/// The value, from a file, standard input or a prompt.
fn read(name: &SecretName, arguments: &Set, report: &Report) -> Result<Vec<u8>, Failure> {
    let unreadable = |what: String, error: std::io::Error| {
        Failure::new(Exit::BadInput, what)
            .why(error.to_string())
            .next("nothing was set")
    };
    let mut bytes = Vec::new();
    if let Some(path) = &arguments.from_file {
        let what = || format!("{} cannot be read", path.display());
        std::fs::File::open(path)
            .and_then(|file| file.take(LONGEST).read_to_end(&mut bytes))
            .map_err(|error| unreadable(what(), error))?;
        return Ok(bytes);
    }
    if std::io::stdin().is_terminal() {
        if !report.can_ask() {
            return Err(Failure::new(Exit::BadInput, "no value given")
                .why(
                    "stdin is a terminal, but landfall cannot prompt here (--json, or stderr is \
                      not a terminal)",
                )
                .next("pipe the value into the command, or name a file with --from-file"));
        }
        return report
            .ask_hidden(&format!("Value of {name}: "))
            .map_err(|error| unreadable("the value cannot be read".to_owned(), error));
    }
    std::io::stdin()
        .take(LONGEST)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable("standard input cannot be read".to_owned(), error))?;
    Ok(bytes)
}

/// `landfall secrets unset`.
async fn unset(arguments: &Unset, global: &Global, report: &Report) -> Result<(), Failure> {
    let (directory, name) = arguments.secret.read()?;
    let (app, environment) = open(&directory, global, report).await?;
    let name = &name;
    let secrets = Secrets::new(&environment.session, &environment.names).with_known([name]);
    let mut stored = secrets.list().await?;
    // In both stores: nothing of it may be left.
    stored.retain(|one| one.name == *name);
    if stored.is_empty() {
        report.note(format!("{name} is not set: nothing was changed"));
        return Ok(());
    }
    if serving(&environment).await?.contains_key(name) {
        let question = format!(
            "The live version needs {name}: without it, nothing of it can start again. Remove \
             {name}? This cannot be undone."
        );
        confirm(report, arguments.yes, &question)?;
    }
    secrets.remove(&stored).await?;
    report.note(format!("{name} is removed"));
    if app.manifest.secrets.contains(name) {
        report.note(format!(
            "{FILE} lists it: remove it from `secrets`, or set it again, before the next `landfall \
             up`"
        ));
    }
    Ok(())
}

/// The references of the last good release.
async fn serving(environment: &Environment) -> Result<BTreeMap<SecretName, Reference>, Failure> {
    if !environment.has_state().await? {
        return Ok(BTreeMap::new());
    }
    let records = Ledger::all(&environment.store()).await?;
    let last = records.into_iter().rev().find(|record| record.is_good());
    Ok(last.map_or_else(BTreeMap::new, |record| record.revision.settings.secrets))
}
