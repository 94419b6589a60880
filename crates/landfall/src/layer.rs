//! The edge as one more layer on the app's image. The app's Dockerfile knows nothing of it.

use crate::engine::{Engine, LocalImage};
use crate::failure::Failure;
use crate::report::Report;
use rules::edge::binary;
use rules::edge::bridge;
use rules::edge::ride::PATH;
use rules::exit::Exit;
use rules::manifest::{Architecture, Manifest};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// Finds the edge's program for an architecture: the one that `LANDFALL_EDGE` names, else one that
/// lies beside landfall itself.
pub(crate) fn find(architecture: Architecture) -> Result<PathBuf, Failure> {
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

/// Finds the bridge's program: it is built together with the edge's, and lies beside it.
pub(crate) fn find_bridge(edge: &Path, architecture: Architecture) -> Result<PathBuf, Failure> {
    let path = edge.with_file_name("landfall-bridge");
    let missing = |why: String| {
        Failure::new(Exit::MissingTool, "the bridge's program is missing")
            .why(why)
            .why("a rehearsal on Lambda needs it, as the emulator has no Runtime API")
            .next(
                "build both: `RUSTFLAGS='-C target-feature=+crt-static' cargo build --package \
                 landfall-edge --profile edge --target x86_64-unknown-linux-gnu`",
            )
    };
    let bytes =
        std::fs::read(&path).map_err(|error| missing(format!("{}: {error}", path.display())))?;
    binary::check(&bytes, architecture)
        .map_err(|unfit| missing(format!("{} will not do: {unfit}", path.display())))?;
    Ok(path)
}

/// What stands in front of the app in its container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Front {
    Edge,
    BridgeAndEdge,
}

/// The app's image with the edge in front: the same entry point and command, started by the edge.
pub(crate) async fn add_edge(
    engine: &Engine,
    image: &LocalImage,
    manifest: &Manifest,
    report: &Report,
) -> Result<LocalImage, Failure> {
    add(engine, image, manifest, Front::Edge, report).await
}

/// The same with the bridge before the edge: for the Lambda target in a rehearsal, and nowhere else.
pub(crate) async fn add_bridge_and_edge(
    engine: &Engine,
    image: &LocalImage,
    manifest: &Manifest,
    report: &Report,
) -> Result<LocalImage, Failure> {
    add(engine, image, manifest, Front::BridgeAndEdge, report).await
}

async fn add(
    engine: &Engine,
    image: &LocalImage,
    manifest: &Manifest,
    front: Front,
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
    let into_context = |program: &Path, name: &str| -> std::io::Result<()> {
        let to = context.path().join(name);
        std::fs::copy(program, &to)?;
        std::fs::set_permissions(&to, std::fs::Permissions::from_mode(0o755))
    };
    let unwritable = "the edge's layer cannot be written";
    into_context(&edge, "edge").map_err(Failure::io(unwritable))?;
    if front == Front::BridgeAndEdge {
        let bridge = find_bridge(&edge, manifest.architecture)?;
        into_context(&bridge, "bridge").map_err(Failure::io(unwritable))?;
    }
    std::fs::write(context.path().join("Dockerfile"), dockerfile(image, front))
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
fn dockerfile(image: &LocalImage, front: Front) -> String {
    let base = image.name();
    let (copied, before): (String, &[&str]) = match front {
        Front::Edge => (String::new(), &[]),
        Front::BridgeAndEdge => (
            format!("COPY bridge {}\n", bridge::PATH),
            &[bridge::PATH, "--"],
        ),
    };
    let entry: Vec<&str> = before
        .iter()
        .copied()
        .chain([PATH, "--"])
        .chain(image.command.iter().map(String::as_str))
        .collect();
    let entry = serde_json::to_string(&entry).unwrap_or_default();
    format!("FROM {base}\n{copied}COPY edge {PATH}\nENTRYPOINT {entry}\nCMD []\n")
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
            dockerfile(&image, Front::Edge),
            "FROM landfall/app:prod\nCOPY edge /.landfall/edge\n\
             ENTRYPOINT [\"/.landfall/edge\",\"--\",\"/bin/app\",\"--title\",\"two words\",\"a \\\"quote\\\"\"]\nCMD []\n"
        );
    }

    #[test]
    fn the_bridge_starts_the_edge() {
        let image = LocalImage::for_test("landfall/app:prod", &["/bin/app"]);
        assert_eq!(
            dockerfile(&image, Front::BridgeAndEdge),
            "FROM landfall/app:prod\nCOPY bridge /.landfall/bridge\nCOPY edge /.landfall/edge\n\
             ENTRYPOINT [\"/.landfall/bridge\",\"--\",\"/.landfall/edge\",\"--\",\"/bin/app\"]\nCMD []\n"
        );
    }

    #[test]
    fn the_bridge_lies_beside_the_edge_or_its_absence_is_explained() {
        let directory = tempfile::tempdir().expect("a directory");
        let edge = directory.path().join("landfall-edge");
        let missing = find_bridge(&edge, Architecture::X86_64).expect_err("nothing is there");
        assert_eq!(missing.exit, Exit::MissingTool);
        std::fs::write(directory.path().join("landfall-bridge"), "#!/bin/sh\n").expect("a file");
        let unfit = find_bridge(&edge, Architecture::X86_64).expect_err("a script will not do");
        assert!(unfit.why[0].contains("will not do"), "{:?}", unfit.why);
    }
}
