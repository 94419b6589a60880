//! The edge as one more layer on the app's image. The app's Dockerfile knows nothing of it.

use crate::engine::{Engine, LocalImage};
use crate::failure::Failure;
use crate::report::Report;
use rules::edge::binary;
use rules::edge::ride::PATH;
use rules::exit::Exit;
use rules::manifest::{Architecture, Manifest};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

/// Finds the edge's program for an architecture: the one that `LANDFALL_EDGE` names, else one that
/// lies beside landfall itself.
fn find(architecture: Architecture) -> Result<PathBuf, Failure> {
    let missing = |why: String| {
        Failure::new(Exit::MissingTool, "the edge's program is missing")
            .why(why)
            .next(
                "build it: `RUSTFLAGS='-C target-feature=+crt-static' cargo build --package \
                 landfall-edge --profile edge --target x86_64-unknown-linux-gnu`, and name it with \
                 LANDFALL_EDGE",
            )
            .next("or do without it: `edge = false` in landfall.toml")
    };
    let chosen = std::env::var_os("LANDFALL_EDGE").map(PathBuf::from);
    let beside = || {
        let own = std::env::current_exe().ok()?;
        let dir = own.parent()?.to_owned();
        [
            format!("landfall-edge-{architecture}"),
            "landfall-edge".to_owned(),
        ]
        .into_iter()
        .map(|name| dir.join(name))
        .find(|path| path.is_file())
    };
    let path = chosen.or_else(beside).ok_or_else(|| {
        missing("neither LANDFALL_EDGE nor a file beside landfall names it".to_owned())
    })?;
    let bytes =
        std::fs::read(&path).map_err(|error| missing(format!("{}: {error}", path.display())))?;
    binary::check(&bytes, architecture)
        .map_err(|unfit| missing(format!("{} will not do: {unfit}", path.display())))?;
    Ok(path)
}

/// The app's image with the edge in front: the same entry point and command, started by the edge.
pub(crate) async fn add_edge(
    engine: &Engine,
    image: &LocalImage,
    manifest: &Manifest,
    report: &Report,
) -> Result<LocalImage, Failure> {
    if image.command.is_empty() {
        return Err(
            Failure::new(Exit::BadInput, "the image does not say what to run")
                .why("it has neither ENTRYPOINT nor CMD")
                .next("add one of them to the Dockerfile; nothing was created"),
        );
    }
    let edge = find(manifest.architecture)?;
    let context = tempfile::tempdir().map_err(Failure::io("no temporary directory"))?;
    let unwritable = "the edge's layer cannot be written";
    let program = context.path().join("edge");
    std::fs::copy(&edge, &program).map_err(Failure::io(unwritable))?;
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755))
        .map_err(Failure::io(unwritable))?;
    std::fs::write(context.path().join("Dockerfile"), dockerfile(image))
        .map_err(Failure::io(unwritable))?;
    let tag = format!("landfall/{}:{}-edge", manifest.name, manifest.environment);
    engine
        .build(
            context.path(),
            "Dockerfile",
            &tag,
            manifest.architecture,
            report,
        )
        .await
}

/// USER, WORKDIR, ENV and the rest are inherited; a new ENTRYPOINT takes the old CMD away, so that both
/// are given anew as what the edge runs.
fn dockerfile(image: &LocalImage) -> String {
    let base = image.name();
    let entry: Vec<&str> = [PATH, "--"]
        .into_iter()
        .chain(image.command.iter().map(String::as_str))
        .collect();
    let entry = serde_json::to_string(&entry).unwrap_or_default();
    format!("FROM {base}\nCOPY edge {PATH}\nENTRYPOINT {entry}\nCMD []\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_apps_own_command_is_kept_word_for_word() {
        let image = LocalImage::for_test(
            "landfall/app:prod",
            &["/bin/app", "--title", "two words", "a \"quote\""],
        );
        assert_eq!(
            dockerfile(&image),
            "FROM landfall/app:prod\nCOPY edge /.landfall/edge\n\
             ENTRYPOINT [\"/.landfall/edge\",\"--\",\"/bin/app\",\"--title\",\"two words\",\"a \\\"quote\\\"\"]\nCMD []\n"
        );
    }
}
