//! `landfall policy`: the IAM policies of the deploying identity. The only call to AWS is for the
//! account, unless it is given.

use crate::cli::Global;
use crate::cli::policy::{Flags, Policy};
use crate::environment::app::{App, overrides};
use crate::environment::endpoints::Cloud;
use crate::failure::Failure;
use crate::report::Report;
use aws::Session;
use rules::app::manifest::{Manifest, Overrides};
use rules::app::names::Names;
use rules::event::Event;
use rules::leave::ci::{partition, partition_of};
use rules::shape::permissions::{Document, Phase, Scope, for_ci, statements};
use std::path::Path;

pub(crate) async fn run(action: &Policy, global: &Global, report: &Report) -> Result<(), Failure> {
    let (phase, flags) = match action {
        Policy::Setup(flags) => (Phase::Setup, flags),
        Policy::Release(flags) => (Phase::Release, flags),
        Policy::Teardown(flags) => (Phase::Teardown, flags),
    };
    let overrides = Overrides {
        target: flags.target,
        ..overrides(global)
    };
    let app = App::settings(&flags.app.directory, overrides)?;
    let manifest = &app.manifest;
    let scope = scope(manifest, flags, global).await?;
    let mut all = statements(phase, manifest.target, &scope);
    if flags.ci {
        all.extend(for_ci(phase, &scope));
    }
    let documents = Document::pack(all);
    report.note(format!(
        "{} for {} ({}) on {} in account {}, {}: {}",
        phase,
        scope.app,
        scope.environment,
        manifest.target,
        scope.account,
        scope.region,
        match documents.len() {
            1 => "one document".to_owned(),
            several => format!("{several} documents; attach all of them"),
        }
    ));
    let Some(directory) = &flags.write else {
        for document in &documents {
            report.emit(Event::Document {
                text: format!("{:#}", document.json()),
            });
        }
        return Ok(());
    };
    for (number, document) in documents.iter().enumerate() {
        let name = format!("{}-{phase}-{}.json", scope.id(), number + 1);
        write(&directory.join(name), document, report)?;
    }
    Ok(())
}

fn write(file: &Path, document: &Document, report: &Report) -> Result<(), Failure> {
    let unwritable = || Failure::io(format!("{} cannot be written", file.display()));
    if let Some(directory) = file.parent() {
        std::fs::create_dir_all(directory).map_err(unwritable())?;
    }
    std::fs::write(file, format!("{:#}\n", document.json())).map_err(unwritable())?;
    report.note(format!("{} written", file.display()));
    Ok(())
}

/// Account and region: given, or those of the credentials. In a rehearsal they are fixed. The partition is that of
/// the credentials, otherwise that of the region.
async fn scope(manifest: &Manifest, flags: &Flags, global: &Global) -> Result<Scope, Failure> {
    let names = Names::new(manifest.name.clone(), manifest.environment.clone());
    let region = manifest.region.as_ref().map(|region| region.as_str());
    let of = |partition: &str, account: &str, region: &str| {
        Scope::from_names(&names, partition, account, region).with_settings(manifest)
    };
    let named = flags.account.as_deref();
    let cloud = Cloud::chosen(global);
    if let Some((account, default)) = cloud.fixed_account() {
        let region = region.unwrap_or(default);
        return Ok(of(partition(region), named.unwrap_or(account), region));
    }
    if let (Some(account), Some(region)) = (named, region) {
        return Ok(of(partition(region), account, region));
    }
    let session = Session::open(global.profile.as_deref(), region, None).await?;
    let region = session.region();
    if let Some(account) = named {
        return Ok(of(partition(region), account, region));
    }
    let caller = session.identity().await?;
    let partition = partition_of(&caller.arn).unwrap_or_else(|| partition(region));
    Ok(of(partition, &caller.account, region))
}
