//! What landfall tells of itself: `version`, `completion`, `man`, `schema`.

use crate::cli::Cli;
use crate::documents::schema;
use crate::environment::terraform;
use crate::failure::Failure;
use crate::image::edge_layer;
use crate::image::engine::Engine;
use crate::report::Report;
use clap_complete::Shell;
use rules::app::manifest::Architecture;
use rules::event::{Event, VERSION};
use rules::exit::Exit;
use rules::operate::version::{Edge, Tool, Version};
use std::path::Path;

/// `landfall version`: what is missing is said, and no failure.
pub(crate) async fn version(report: &Report) -> Result<(), Failure> {
    let terraform = match terraform::binary() {
        Ok(binary) => Tool::Found {
            path: binary.path.display().to_string(),
            version: binary.version,
        },
        Err(failure) => missing(&failure),
    };
    let engine = match Engine::find().await {
        Ok(engine) => Tool::Found {
            path: engine.program().display().to_string(),
            version: engine.version().to_owned(),
        },
        Err(failure) => missing(&failure),
    };
    let edges = [Architecture::X86_64, Architecture::Arm64]
        .into_iter()
        .map(|architecture| Edge {
            architecture: architecture.to_string(),
            path: edge_layer::find(architecture)
                .ok()
                .map(|path| path.display().to_string()),
        })
        .collect();
    report.emit(Event::Version(Version {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        // Packaging knows it; a build of a tarball has no repository to ask.
        commit: option_env!("LANDFALL_COMMIT").map(str::to_owned),
        built_for: format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
        events: VERSION,
        terraform,
        engine,
        edges,
    }));
    Ok(())
}

fn missing(failure: &Failure) -> Tool {
    Tool::Missing {
        missing: failure.what.clone(),
    }
}

/// `landfall completion`.
pub(crate) fn completion(shell: Shell, report: &Report) -> Result<(), Failure> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::definition(), "landfall", &mut text);
    document(text, report)
}

/// `landfall man`: `landfall.1`, and a page for each command.
pub(crate) fn man(directory: &Path, report: &Report) -> Result<(), Failure> {
    let unwritable = format!("{} cannot be written", directory.display());
    std::fs::create_dir_all(directory).map_err(Failure::io(unwritable.clone()))?;
    clap_mangen::generate_to(Cli::definition(), directory).map_err(Failure::io(unwritable))?;
    report.note(format!("the manual pages are in {}", directory.display()));
    Ok(())
}

/// `landfall schema`.
pub(crate) fn schema(report: &Report) -> Result<(), Failure> {
    document(format!("{:#}", schema::schema()).into_bytes(), report)
}

fn document(text: Vec<u8>, report: &Report) -> Result<(), Failure> {
    let text = String::from_utf8(text)
        .map_err(|error| Failure::new(Exit::Bug, "a text is not UTF-8").why(error.to_string()))?;
    report.emit(Event::Document { text });
    Ok(())
}
