//! `landfall init`: writes a first landfall.toml. It asks nothing: options replace what the
//! Dockerfile lacks.

use crate::cli::Global;
use crate::cli::init::Init;
use crate::documents::starter::starter;
use crate::environment::app::{App, overrides};
use crate::failure::Failure;
use crate::report::Report;
use rules::app::manifest::{FILE, Overrides};
use rules::event::Event;
use rules::exit::Exit;
use std::io::Write as _;
use std::path::Path;

pub(crate) fn run(arguments: &Init, global: &Global, report: &Report) -> Result<(), Failure> {
    let directory = App::directory(&arguments.app.directory)?;
    let overrides = Overrides {
        dockerfile: arguments.dockerfile.clone(),
        ..overrides(global)
    };
    let path = directory.join(FILE);
    // An existing landfall.toml is ignored: it will be replaced.
    let facts = App::facts(&directory, None, &overrides)?;
    let starter = starter(&facts, &overrides, arguments.port).map_err(|problems| {
        Failure::from(problems)
            .next("set what the Dockerfile does not determine with --name, --port or --dockerfile")
    })?;
    if arguments.dry_run {
        report.emit(Event::Document { text: starter.text });
        return Ok(());
    }
    write(&path, &starter.text, arguments.force)?;
    let manifest = &starter.manifest;
    report.emit(Event::Written {
        file: path.display().to_string(),
        what: format!(
            "{}, on port {}, target {}",
            manifest.name, manifest.port, manifest.target
        ),
    });
    report.note("next: `landfall doctor` checks for problems, `landfall plan` shows the cost");
    Ok(())
}

fn write(path: &Path, text: &str, force: bool) -> Result<(), Failure> {
    let unwritable = || Failure::io(format!("{} cannot be written", path.display()));
    if force {
        let draft = path.with_extension("toml.new");
        return std::fs::write(&draft, text)
            .and_then(|()| std::fs::rename(&draft, path))
            .map_err(unwritable());
    }
    match std::fs::File::create_new(path) {
        Ok(mut file) => file.write_all(text.as_bytes()).map_err(unwritable()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Err(Failure::new(
            Exit::BadInput,
            format!("{} already exists", path.display()),
        )
        .why("it may contain settings that are nowhere else")
        .next("`landfall init --dry-run` prints the new file; --force overwrites the old one")),
        Err(error) => Err(unwritable()(error)),
    }
}
