//! The app: its settings, its image, and what the image does when it is run here.

use super::machine::{processor, size};
use super::{Check, CheckId, Facts, Outcome, Seen, Unavailable, gap, judged};
use crate::app::manifest::{LAMBDA_IMAGE, Manifest, Problem, Target};
use crate::exit::Exit;
use crate::release::evidence::Listening;

/// An image on this machine, as its engine describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Image {
    /// What people call it.
    pub name: String,
    /// Its processor: `amd64`, `arm64`, …
    pub architecture: String,
    /// Bytes of its files.
    pub size: u64,
    /// Whether it is a list of images, and not one.
    pub index: bool,
    /// Whom it runs as; empty: root.
    pub user: String,
    /// Directories that it declares as volumes.
    pub volumes: Vec<String>,
    /// TCP ports that it exposes.
    pub exposed: Vec<u16>,
    /// Entry point and command.
    pub command: Vec<String>,
}

/// What the image did when it was run here for a few seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trial {
    /// It listened.
    Listened(Listening),
    /// It went on to run, and its ports could not be seen; this is what an HTTP request to the expected
    /// port came to.
    Asked {
        /// Whether it was answered at all.
        answered: bool,
    },
    /// It ended.
    Exited {
        /// Its exit code, if the engine knows.
        code: Option<i32>,
        /// The last it wrote.
        lines: Vec<String>,
    },
}

/// What is wrong with the settings, each problem by itself.
pub(super) fn settings(app: &Seen<Result<Manifest, Vec<Problem>>>) -> Vec<Check> {
    judged(CheckId::App, app, |app| match app {
        Ok(manifest) => vec![Check::ok(
            CheckId::App,
            format!(
                "{} ({}) on {}, port {}",
                manifest.name, manifest.environment, manifest.target, manifest.port
            ),
        )],
        Err(problems) => problems.iter().map(problem).collect(),
    })
}

fn problem(problem: &Problem) -> Check {
    let place = match problem.line {
        Some(line) => format!("{} line {line}: ", crate::app::manifest::FILE),
        None => String::new(),
    };
    Check::blocker(
        CheckId::App,
        Exit::BadInput,
        format!("{place}{}", problem.what),
    )
    .why(problem.why.clone())
    .fix(problem.fix.clone())
}

pub(super) fn checks(facts: &Facts) -> Vec<Check> {
    let Some(manifest) = facts.manifest() else {
        let missing = [
            (CheckId::Image, facts.image.as_ref().err()),
            (CheckId::Port, facts.trial.as_ref().err()),
        ];
        return missing
            .into_iter()
            .filter_map(|(name, missing)| gap(name, missing?))
            .collect();
    };
    let mut checks = judged(CheckId::Image, &facts.image, |image| {
        self::image(image, manifest, &facts.trial)
    });
    checks.extend(judged(CheckId::Port, &facts.trial, |trial| {
        vec![without_secrets(port(trial, manifest), trial, manifest)]
    }));
    checks
}

fn image(image: &Image, manifest: &Manifest, trial: &Seen<Trial>) -> Vec<Check> {
    let mut checks = Vec::new();
    let lambda = manifest.target == Target::Lambda;
    if processor(&image.architecture) != Some(manifest.architecture) {
        checks.push(
            Check::blocker(
                CheckId::Image,
                Exit::BadInput,
                "wrong architecture: the image cannot run where it is to run",
            )
            .why(format!(
                "the image is for {}, `architecture` is {}",
                image.architecture, manifest.architecture
            ))
            .fix(format!(
                "build it for {}, or set `architecture` in landfall.toml",
                manifest.architecture
            )),
        );
    }
    if lambda && image.size > LAMBDA_IMAGE {
        checks.push(
            Check::blocker(
                CheckId::Image,
                Exit::BadInput,
                "the image is too large for Lambda",
            )
            .why(format!(
                "it holds {}, and Lambda takes {} at most",
                size(image.size),
                size(LAMBDA_IMAGE)
            ))
            .fix("set `target = \"fargate\"` in landfall.toml, or make it smaller"),
        );
    }
    if image.command.is_empty() {
        checks.push(
            Check::blocker(
                CheckId::Image,
                Exit::BadInput,
                "the image does not say what to run",
            )
            .why("it has neither ENTRYPOINT nor CMD")
            .fix("add one of them to the Dockerfile"),
        );
    }
    if !image.volumes.is_empty() {
        let what = format!("the image declares volumes: {}", image.volumes.join(", "));
        checks.push(match lambda {
            true => Check::warning(CheckId::Image, what)
                .why("on Lambda only /tmp can be written, and it goes with the instance")
                .fix("write to /tmp what may be lost, and keep the rest in S3 or a database"),
            false => Check::warning(CheckId::Image, what)
                .why("what a task writes there goes with the task")
                .fix("keep what must last in S3 or a database"),
        });
    }
    if is_root(&image.user) {
        checks.push(
            Check::warning(CheckId::Image, "the container runs as root")
                .why(
                    "a hole in the app, and one in the kernel's isolation, are then enough (LF011)",
                )
                .fix("add `USER 65532:65532` to the last stage of the Dockerfile"),
        );
    }
    // Where the port was seen, that counts and not what the image says.
    let wanted = manifest.port.get();
    let seen = matches!(trial, Ok(Trial::Listened(_)));
    if !seen && !image.exposed.is_empty() && !image.exposed.contains(&wanted) {
        checks.push(
            Check::warning(
                CheckId::Image,
                format!(
                    "the image exposes {}, and the app is expected on {wanted}",
                    list(&image.exposed)
                ),
            )
            .fix("set `port` in landfall.toml if that is wrong"),
        );
    }
    if checks.is_empty() {
        let found = format!(
            "{}, {}, {}",
            image.name,
            image.architecture,
            size(image.size)
        );
        // Lambda takes single images only, and every image that goes there is built anew with the edge on top.
        checks.push(match lambda && image.index {
            true => Check::ok(
                CheckId::Image,
                format!("{found}; a list of images (attestations), of which the edge's layer makes a single one"),
            ),
            false => Check::ok(CheckId::Image, found),
        });
    }
    checks
}

fn is_root(user: &str) -> bool {
    let name = user.split(':').next().unwrap_or_default();
    matches!(name, "" | "0" | "root")
}

/// What was run here had no secrets but those in landfall's own environment: that it ended, or did not listen,
/// says little.
fn without_secrets(check: Check, trial: &Trial, manifest: &Manifest) -> Check {
    let came_up = match trial {
        Trial::Listened(seen) => !seen.reachable.is_empty() || !seen.loopback.is_empty(),
        Trial::Asked { .. } => true,
        Trial::Exited { .. } => false,
    };
    if came_up || manifest.secrets.is_empty() || check.exit().is_none() {
        return check;
    }
    let names: Vec<&str> = manifest.secrets.iter().map(|name| name.as_str()).collect();
    let mut check = Check {
        outcome: Outcome::Warning,
        ..check
    };
    check.why.insert(
        0,
        "it was run without its secrets, as their values are not fetched to this machine"
            .to_owned(),
    );
    check.fix.insert(
        0,
        format!(
            "give it values for this look in your own environment: {}",
            names.join(", ")
        ),
    );
    check
}

fn port(trial: &Trial, manifest: &Manifest) -> Check {
    let wanted = manifest.port.get();
    match trial {
        Trial::Listened(seen) => listened(seen, manifest),
        Trial::Asked { answered: true } => Check::ok(CheckId::Port, format!("answers on {wanted}")),
        Trial::Asked { answered: false } => Check::new(
            CheckId::Port,
            Outcome::Unknown,
            format!("nothing answered on {wanted}, and where it listens cannot be seen from here"),
        )
        .why("the engine's processes run on another machine, such as the one inside Docker Desktop")
        .fix("look yourself: `landfall run` shows what the app does and writes"),
        Trial::Exited { code, lines } => {
            let code = match code {
                Some(code) => format!(" with exit code {code}"),
                None => String::new(),
            };
            let mut check = Check::blocker(
                CheckId::Port,
                Exit::BadInput,
                format!("the app ended{code} within seconds"),
            );
            match lines.as_slice() {
                [] => check = check.why("it wrote nothing"),
                lines => {
                    check = check.why("the last it wrote:");
                    check
                        .why
                        .extend(lines.iter().map(|line| format!("  {line}")));
                }
            }
            check
                .fix("mend what it complains of; variables that it needs belong into `env` in landfall.toml")
                .fix("`landfall run` runs it the same way; --no-run passes over this check")
        }
    }
}

fn listened(seen: &Listening, manifest: &Manifest) -> Check {
    let wanted = manifest.port.get();
    if seen.reachable.contains(&wanted) {
        return Check::ok(CheckId::Port, format!("listens on {wanted}"));
    }
    let within = seen.loopback.contains(&wanted);
    // The edge runs beside the app and reaches it there.
    if within && manifest.edge {
        return Check::ok(
            CheckId::Port,
            format!("listens on 127.0.0.1:{wanted}, which the edge reaches"),
        );
    }
    if within {
        return Check::blocker(
            CheckId::Port,
            Exit::BadInput,
            format!("the app listens on 127.0.0.1:{wanted} only, where nobody outside reaches it"),
        )
        .fix("make it listen on 0.0.0.0; many frameworks have a HOST variable or a --host flag")
        .fix("or let the edge ride along, which reaches it there, without `edge = false`");
    }
    let mut all: Vec<u16> = seen.reachable.clone();
    if manifest.edge {
        all.extend(
            seen.loopback
                .iter()
                .filter(|port| !seen.reachable.contains(port)),
        );
    }
    all.sort_unstable();
    let nothing = seen.reachable.is_empty() && seen.loopback.is_empty();
    if nothing {
        return Check::blocker(
            CheckId::Port,
            Exit::BadInput,
            format!("the app runs, but listens on no port; it is expected on {wanted}"),
        )
        .why("it was watched for several seconds")
        .fix("see with `landfall run` what it waits for; variables that it needs belong into `env` in landfall.toml")
        .fix("--no-run passes over this check, for an app that takes longer to start");
    }
    let mut check = Check::blocker(
        CheckId::Port,
        Exit::BadInput,
        match all.as_slice() {
            [] => format!("the app is expected on {wanted}, and listens on loopback only"),
            ports => format!(
                "the app is expected on {wanted}, but listens on {}",
                list(ports)
            ),
        },
    );
    if !seen.loopback.is_empty() {
        check = check.why(format!("on 127.0.0.1 only: {}", list(&seen.loopback)));
    }
    match all.as_slice() {
        [one] => check.fix(format!("set `port = {one}` in landfall.toml")),
        [] => check.fix("make it listen on 0.0.0.0"),
        _ => check.fix("set `port` in landfall.toml to the one that takes users' requests"),
    }
    .fix(format!("or make the app listen on {wanted}"))
}

fn list(ports: &[u16]) -> String {
    let words: Vec<String> = ports.iter().map(u16::to_string).collect();
    words.join(", ")
}

/// Why the image cannot be run on this machine; [`None`] if it can, or if nobody knows.
pub fn run_gap(image: &Image, engine: &super::machine::Engine) -> Option<Unavailable> {
    let (own, wanted) = (
        processor(&engine.processor)?,
        processor(&image.architecture)?,
    );
    (own != wanted && engine.emulates == Some(false)).then(|| {
        Unavailable::Skipped(format!(
            "the image is for {} and cannot run on this machine",
            image.architecture
        ))
    })
}
