//! The edge as one more layer on the app's image. The app's Dockerfile knows nothing of it.

use crate::failure::Failure;
use crate::image::engine::{Engine, LocalImage};
use crate::report::Report;
use rules::app::binary;
use rules::app::manifest::{Architecture, Manifest, Target};
use rules::edge_contract::PATH;
use rules::edge_contract::bridge;
use rules::exit::Exit;
use rules::release::secrets_loader;
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

/// A program that is built together with the edge's, lies beside it, and in the image before it.
#[derive(Debug, Clone, Copy)]
struct Companion {
    /// The package that it is built from.
    package: &'static str,
    /// Its file.
    file: &'static str,
    /// Its file while the image is built.
    name: &'static str,
    /// Where it lies in the image.
    path: &'static str,
    /// What people call it.
    title: &'static str,
    /// Why it is needed.
    why: &'static str,
}

const BRIDGE: Companion = Companion {
    package: "landfall-lambda-bridge",
    file: "landfall-bridge",
    name: "bridge",
    path: bridge::PATH,
    title: "the bridge's program",
    why: "a rehearsal on Lambda needs it, as the emulator has no Runtime API",
};

const SECRETS: Companion = Companion {
    package: "landfall-secrets-loader",
    file: "landfall-secrets",
    name: "secrets",
    path: secrets_loader::PATH,
    title: "the program that fetches secrets",
    why: "an app with `secrets` needs it on Lambda, as functions have no references to them",
};

/// Looks whether everything is there that the image needs beside the edge.
pub(crate) fn find_companions(
    edge: &Path,
    manifest: &Manifest,
    rehearsal: bool,
) -> Result<(), Failure> {
    let bridge = rehearsal && manifest.target == Target::Lambda;
    for companion in Front::of(manifest, bridge).companions() {
        find_beside(edge, companion, manifest.architecture)?;
    }
    Ok(())
}

fn find_beside(
    edge: &Path,
    companion: Companion,
    architecture: Architecture,
) -> Result<PathBuf, Failure> {
    // Beside `landfall-edge-arm64` lies `landfall-secrets-arm64`.
    let suffixed = edge.with_file_name(format!("{}-{architecture}", companion.file));
    let path = match suffixed.is_file() {
        true => suffixed,
        false => edge.with_file_name(companion.file),
    };
    let missing = |why: String| {
        Failure::new(Exit::MissingTool, format!("{} is missing", companion.title))
            .why(why)
            .why(companion.why)
            .next(format!(
                "build it with the edge: `RUSTFLAGS='-C target-feature=+crt-static' cargo build --package \
                 landfall-edge --package {} --profile edge --target x86_64-unknown-linux-gnu`",
                companion.package
            ))
    };
    let bytes =
        std::fs::read(&path).map_err(|error| missing(format!("{}: {error}", path.display())))?;
    binary::check(&bytes, architecture)
        .map_err(|unfit| missing(format!("{} will not do: {unfit}", path.display())))?;
    Ok(path)
}

/// What stands in front of the app in its container, beside the edge.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Front {
    /// In a rehearsal on Lambda.
    bridge: bool,
    /// Where nobody else fetches the app's secrets.
    secrets: bool,
}

impl Front {
    fn of(manifest: &Manifest, bridge: bool) -> Front {
        Front {
            bridge,
            secrets: manifest.target == Target::Lambda && !manifest.secrets.is_empty(),
        }
    }

    /// In the order in which each starts the next one; the last of them starts the edge.
    fn companions(self) -> Vec<Companion> {
        let all = [(self.bridge, BRIDGE), (self.secrets, SECRETS)];
        all.into_iter()
            .filter_map(|(is_there, companion)| is_there.then_some(companion))
            .collect()
    }
}

/// The app's image with the edge in front: the same entry point and command, started by the edge.
pub(crate) async fn add_edge(
    engine: &Engine,
    image: &LocalImage,
    manifest: &Manifest,
    report: &Report,
) -> Result<LocalImage, Failure> {
    add(engine, image, manifest, Front::of(manifest, false), report).await
}

/// The same with the bridge before the edge: for the Lambda target in a rehearsal, and nowhere else.
pub(crate) async fn add_bridge_and_edge(
    engine: &Engine,
    image: &LocalImage,
    manifest: &Manifest,
    report: &Report,
) -> Result<LocalImage, Failure> {
    add(engine, image, manifest, Front::of(manifest, true), report).await
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
    for companion in front.companions() {
        let program = find_beside(&edge, companion, manifest.architecture)?;
        into_context(&program, companion.name).map_err(Failure::io(unwritable))?;
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
    let before = front.companions();
    let copied: String = before
        .iter()
        .map(|companion| format!("COPY {} {}\n", companion.name, companion.path))
        .collect();
    let entry: Vec<&str> = before
        .iter()
        .flat_map(|companion| [companion.path, "--"])
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
            dockerfile(&image, Front::default()),
            "FROM landfall/app:prod\nCOPY edge /.landfall/edge\n\
             ENTRYPOINT [\"/.landfall/edge\",\"--\",\"/bin/app\",\"--title\",\"two words\",\"a \\\"quote\\\"\"]\nCMD []\n"
        );
    }

    #[test]
    fn the_bridge_starts_the_edge() {
        let image = LocalImage::for_test("landfall/app:prod", &["/bin/app"]);
        assert_eq!(
            dockerfile(
                &image,
                Front {
                    bridge: true,
                    ..Front::default()
                }
            ),
            "FROM landfall/app:prod\nCOPY bridge /.landfall/bridge\nCOPY edge /.landfall/edge\n\
             ENTRYPOINT [\"/.landfall/bridge\",\"--\",\"/.landfall/edge\",\"--\",\"/bin/app\"]\nCMD []\n"
        );
    }

    #[test]
    fn secrets_are_fetched_before_the_edge_starts() {
        let image = LocalImage::for_test("landfall/app:prod", &["/bin/app"]);
        assert_eq!(
            dockerfile(
                &image,
                Front {
                    bridge: true,
                    secrets: true
                }
            ),
            "FROM landfall/app:prod\nCOPY bridge /.landfall/bridge\nCOPY secrets /.landfall/secrets\n\
             COPY edge /.landfall/edge\nENTRYPOINT [\"/.landfall/bridge\",\"--\",\"/.landfall/secrets\",\"--\",\
             \"/.landfall/edge\",\"--\",\"/bin/app\"]\nCMD []\n"
        );
    }

    #[test]
    fn the_bridge_lies_beside_the_edge_or_its_absence_is_explained() {
        let directory = tempfile::tempdir().expect("a directory");
        let edge = directory.path().join("landfall-edge");
        let missing =
            find_beside(&edge, BRIDGE, Architecture::X86_64).expect_err("nothing is there");
        assert_eq!(missing.exit, Exit::MissingTool);
        std::fs::write(directory.path().join("landfall-bridge"), "#!/bin/sh\n").expect("a file");
        let unfit =
            find_beside(&edge, BRIDGE, Architecture::X86_64).expect_err("a script will not do");
        assert!(unfit.why[0].contains("will not do"), "{:?}", unfit.why);
    }
}
