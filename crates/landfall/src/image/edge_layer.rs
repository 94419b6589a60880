//! Adds the edge to the app's image as one more layer. The app's Dockerfile knows nothing about it.

use crate::failure::Failure;
use crate::image::engine::Engine;
use crate::image::local_image::LocalImage;
use crate::image::static_program;
use crate::report::Report;
use edge_contract::PATH;
use edge_contract::bridge;
use rules::app::manifest::{Architecture, Manifest, Target};
use rules::exit::Exit;
use rules::release::secrets_loader;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// Finds the edge's program for an architecture: the one that `LANDFALL_EDGE` names, otherwise one
/// next to landfall's own program.
///
/// # Errors
/// It is missing, or no static program for the architecture.
pub(crate) fn find(architecture: Architecture) -> Result<PathBuf, Failure> {
    let missing = |why: String| {
        Failure::new(Exit::MissingTool, "the edge's program is missing")
            .why(why)
            .next(
                "build it: `RUSTFLAGS='-C target-feature=+crt-static' cargo build --package \
                 landfall-edge --profile edge --target x86_64-unknown-linux-gnu`, and name it with \
                 LANDFALL_EDGE",
            )
            .next("or turn the edge off: `edge = false` in landfall.toml")
    };
    let chosen = std::env::var_os("LANDFALL_EDGE").map(PathBuf::from);
    let next_to_landfall = || {
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
    let path = chosen.or_else(next_to_landfall).ok_or_else(|| {
        missing(
            "LANDFALL_EDGE is not set, and there is none next to landfall's own program".to_owned(),
        )
    })?;
    let bytes =
        std::fs::read(&path).map_err(|error| missing(format!("{}: {error}", path.display())))?;
    static_program::check(&bytes, architecture)
        .map_err(|unfit| missing(format!("{} is not usable: {unfit}", path.display())))?;
    Ok(path)
}

/// A program that is built together with the edge, is in the same directory, and starts before
/// the edge in the image.
#[derive(Debug, Clone, Copy)]
struct Companion {
    /// The package that builds it.
    package: &'static str,
    /// Its file name.
    file: &'static str,
    /// Its file name in the build context.
    name: &'static str,
    /// Its path in the image.
    path: &'static str,
    /// Its name in messages.
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
    why: "an app with `secrets` needs it on Lambda, which cannot inject secrets into functions",
};

/// Checks that the programs that start before the edge exist. `bridge` is as of [`add`].
///
/// # Errors
/// One is missing, or no static program for the architecture.
pub(crate) fn find_companions(
    edge: &Path,
    manifest: &Manifest,
    bridge: bool,
) -> Result<(), Failure> {
    for companion in EntryPoint::of(manifest, bridge).companions() {
        find_companion(edge, companion, manifest.architecture)?;
    }
    Ok(())
}

fn find_companion(
    edge: &Path,
    companion: Companion,
    architecture: Architecture,
) -> Result<PathBuf, Failure> {
    // `landfall-secrets-arm64` is next to `landfall-edge-arm64`.
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
                "build it together with the edge: `RUSTFLAGS='-C target-feature=+crt-static' cargo build --package \
                 landfall-edge --package {} --profile edge --target x86_64-unknown-linux-gnu`",
                companion.package
            ))
    };
    let bytes =
        std::fs::read(&path).map_err(|error| missing(format!("{}: {error}", path.display())))?;
    static_program::check(&bytes, architecture)
        .map_err(|unfit| missing(format!("{} is not usable: {unfit}", path.display())))?;
    Ok(path)
}

/// The programs that start before the edge in the app's container.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct EntryPoint {
    /// The Lambda bridge.
    bridge: bool,
    /// The program that fetches secrets, where the target does not do so.
    secrets: bool,
}

impl EntryPoint {
    fn of(manifest: &Manifest, bridge: bool) -> EntryPoint {
        EntryPoint {
            bridge,
            secrets: manifest.target == Target::Lambda && !manifest.secrets.is_empty(),
        }
    }

    /// In the order of their start; each starts the next one, and the last of them the edge.
    fn companions(self) -> Vec<Companion> {
        let all = [(self.bridge, BRIDGE), (self.secrets, SECRETS)];
        all.into_iter()
            .filter_map(|(is_needed, companion)| is_needed.then_some(companion))
            .collect()
    }
}

/// Builds an image that starts the app's own entry point and command behind the edge. With `bridge`
/// the Lambda bridge starts before the edge, which only emulators of Lambda need.
///
/// # Errors
/// The image has no command, a program is missing, or the build fails.
pub(crate) async fn add(
    engine: &Engine,
    image: &LocalImage,
    manifest: &Manifest,
    bridge: bool,
    report: &Report,
) -> Result<LocalImage, Failure> {
    if image.command.is_empty() {
        return Err(
            Failure::new(Exit::BadInput, "the image has no command to run")
                .why("it has neither ENTRYPOINT nor CMD")
                .next("add one of them to the Dockerfile; nothing was created"),
        );
    }
    let entry_point = EntryPoint::of(manifest, bridge);
    let edge = find(manifest.architecture)?;
    let context =
        tempfile::tempdir().map_err(Failure::io("cannot create a temporary directory"))?;
    let into_context = |program: &Path, name: &str| -> std::io::Result<()> {
        let to = context.path().join(name);
        std::fs::copy(program, &to)?;
        std::fs::set_permissions(&to, std::fs::Permissions::from_mode(0o755))
    };
    let unwritable = "the edge's layer cannot be written";
    into_context(&edge, "edge").map_err(Failure::io(unwritable))?;
    for companion in entry_point.companions() {
        let program = find_companion(&edge, companion, manifest.architecture)?;
        into_context(&program, companion.name).map_err(Failure::io(unwritable))?;
    }
    std::fs::write(
        context.path().join("Dockerfile"),
        dockerfile(image, entry_point),
    )
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

/// USER, WORKDIR, ENV and the rest are inherited. A new ENTRYPOINT resets CMD, so both are written
/// out as the arguments of the edge.
fn dockerfile(image: &LocalImage, entry_point: EntryPoint) -> String {
    let base = image.name();
    let before = entry_point.companions();
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
            dockerfile(&image, EntryPoint::default()),
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
                EntryPoint {
                    bridge: true,
                    ..EntryPoint::default()
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
                EntryPoint {
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
    fn the_bridge_is_found_next_to_the_edge_or_its_absence_is_explained() {
        let directory = tempfile::tempdir().expect("a directory");
        let edge = directory.path().join("landfall-edge");
        let missing =
            find_companion(&edge, BRIDGE, Architecture::X86_64).expect_err("it is missing");
        assert_eq!(missing.exit, Exit::MissingTool);
        std::fs::write(directory.path().join("landfall-bridge"), "#!/bin/sh\n").expect("a file");
        let unfit = find_companion(&edge, BRIDGE, Architecture::X86_64)
            .expect_err("a script is not usable");
        assert!(unfit.why[0].contains("is not usable"), "{:?}", unfit.why);
    }
}
