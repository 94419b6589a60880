//! Checks of the app: its settings, its image, and the result of running the image here.

use super::Facts;
use super::machine::{processor, size};
use crate::app::manifest::{LAMBDA_IMAGE, Manifest, Problem, Target};
use crate::check::{Check, CheckId, Outcome, Seen, Unavailable, judged};
use crate::exit::Exit;
use crate::release::evidence::Listening;

/// An image on this machine, as its engine describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Image {
    /// Its name and tag.
    pub name: String,
    /// Its CPU architecture: `amd64`, `arm64`, …
    pub architecture: String,
    /// Bytes of its files.
    pub size: u64,
    /// Whether it is an index of several images.
    pub index: bool,
    /// Its user; empty for root.
    pub user: String,
    /// Directories that it declares as volumes.
    pub volumes: Vec<String>,
    /// TCP ports that it exposes.
    pub exposed: Vec<u16>,
    /// Entry point and command.
    pub command: Vec<String>,
}

/// The result of running the image here for a few seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trial {
    /// It listened.
    Listened(Listening),
    /// It kept running, and its ports are unknown; an HTTP request was sent to the expected port.
    Asked {
        /// Whether it was answered.
        answered: bool,
    },
    /// It ended.
    Exited {
        /// Its exit code, if the engine knows.
        code: Option<i32>,
        /// Its last lines.
        lines: Vec<String>,
    },
}

/// A check for each problem of the settings.
pub(super) fn settings(app: &Seen<Result<Manifest, Vec<Problem>>>) -> Vec<Check> {
    judged(CheckId::App, app, |app| match app {
        Ok(manifest) => {
            let settings = Check::ok(
                CheckId::App,
                format!(
                    "{} ({}) on {}, port {}",
                    manifest.name, manifest.environment, manifest.target, manifest.port
                ),
            );
            std::iter::once(settings).chain(memory(manifest)).collect()
        }
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
            .filter_map(|(name, missing)| Check::unavailable(name, missing?))
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
                "wrong architecture: the image cannot run on its target",
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
                "it has {}, and Lambda accepts at most {}",
                size(image.size),
                size(LAMBDA_IMAGE)
            ))
            .fix("set `target = \"fargate\"` in landfall.toml, or make it smaller"),
        );
    }
    if image.command.is_empty() {
        checks.push(
            Check::blocker(CheckId::Image, Exit::BadInput, "the image has no command")
                .why("it has neither ENTRYPOINT nor CMD")
                .fix("add one of them to the Dockerfile"),
        );
    }
    if !image.volumes.is_empty() {
        let what = format!("the image declares volumes: {}", image.volumes.join(", "));
        checks.push(match lambda {
            true => Check::warning(CheckId::Image, what)
                .why("on Lambda only /tmp can be written, and it is lost with the instance")
                .fix("write temporary files to /tmp, and store the rest in S3 or a database"),
            false => Check::warning(CheckId::Image, what)
                .why("files that a task writes there are lost with the task")
                .fix("store persistent data in S3 or a database"),
        });
    }
    if is_root(&image.user) {
        checks.push(
            Check::warning(CheckId::Image, "the container runs as root")
                .why(
                    "one vulnerability in the app and one in the kernel are then enough to take over the host (LF011)",
                )
                .fix("add `USER 65532:65532` to the last stage of the Dockerfile"),
        );
    }
    // The observed port matters, not what the image declares.
    let wanted = manifest.port.get();
    let seen = matches!(trial, Ok(Trial::Listened(_)));
    if !seen && !image.exposed.is_empty() && !image.exposed.contains(&wanted) {
        checks.push(
            Check::warning(
                CheckId::Image,
                format!(
                    "the image exposes {}, but the app is expected on {wanted}",
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
        // Lambda accepts single images only; every image is rebuilt for it with the edge on top.
        checks.push(match lambda && image.index {
            true => Check::ok(
                CheckId::Image,
                format!("{found}; an index of images (attestations), which becomes a single image with the edge's layer"),
            ),
            false => Check::ok(CheckId::Image, found),
        });
    }
    checks
}

/// Memory of a function that needs no request to AWS. "New AWS accounts have reduced concurrency and memory
/// quotas" (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>).
const NEW_ACCOUNT_MEMORY: u32 = 3_008;

fn memory(manifest: &Manifest) -> Option<Check> {
    let mib = manifest.memory.mib();
    let is_much = manifest.target == Target::Lambda && mib > NEW_ACCOUNT_MEMORY;
    is_much.then(|| {
        Check::warning(
            CheckId::App,
            format!("`memory` is {mib} MiB; a new account has at most {NEW_ACCOUNT_MEMORY} for a function"),
        )
        .why("AWS then refuses the function: 'MemorySize' value failed to satisfy constraint")
        .fix("set `memory` to less or `target = \"fargate\"`, or ask AWS Support for more memory")
    })
}

fn is_root(user: &str) -> bool {
    let name = user.split(':').next().unwrap_or_default();
    matches!(name, "" | "0" | "root")
}

/// The app ran here without secrets except those in landfall's own environment, so a failure is weak evidence.
fn without_secrets(check: Check, trial: &Trial, manifest: &Manifest) -> Check {
    let has_started = match trial {
        Trial::Listened(seen) => !seen.reachable.is_empty() || !seen.loopback.is_empty(),
        Trial::Asked { .. } => true,
        Trial::Exited { .. } => false,
    };
    if has_started || manifest.secrets.is_empty() || check.exit().is_none() {
        return check;
    }
    let names: Vec<&str> = manifest.secrets.iter().map(|name| name.as_str()).collect();
    let mut check = Check {
        outcome: Outcome::Warning,
        ..check
    };
    check.why.insert(
        0,
        "it ran without its secrets, as their values are not fetched to this machine".to_owned(),
    );
    check.fix.insert(
        0,
        format!(
            "set values for this check in your environment: {}",
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
            format!("no answer on {wanted}, and the ports on which it listens are unknown"),
        )
        .why("the engine's processes run on another machine, such as the one inside Docker Desktop")
        .fix("check with `landfall run`, which shows the app's output"),
        Trial::Exited { code, lines } => {
            let code = match code {
                Some(code) => format!(" with exit code {code}"),
                None => String::new(),
            };
            let mut check = Check::blocker(
                CheckId::Port,
                Exit::BadInput,
                format!("the app exited{code} within seconds"),
            );
            match lines.as_slice() {
                [] => check = check.why("it printed nothing"),
                lines => {
                    check = check.why("its last lines:");
                    check
                        .why
                        .extend(lines.iter().map(|line| format!("  {line}")));
                }
            }
            check
                .fix("fix the problem that it reports; set variables that it needs in `env` in landfall.toml")
                .fix("`landfall run` runs it the same way; --no-run skips this check")
        }
    }
}

fn listened(seen: &Listening, manifest: &Manifest) -> Check {
    let wanted = manifest.port.get();
    if seen.reachable.contains(&wanted) {
        return Check::ok(CheckId::Port, format!("listens on {wanted}"));
    }
    let is_on_loopback = seen.loopback.contains(&wanted);
    // The edge runs in the same container and reaches it.
    if is_on_loopback && manifest.edge {
        return Check::ok(
            CheckId::Port,
            format!("listens on 127.0.0.1:{wanted}, which the edge reaches"),
        );
    }
    if is_on_loopback {
        return Check::blocker(
            CheckId::Port,
            Exit::BadInput,
            format!(
                "the app listens on 127.0.0.1:{wanted} only, which cannot be reached from outside"
            ),
        )
        .fix("make it listen on 0.0.0.0; many frameworks have a HOST variable or a --host flag")
        .fix("or use the edge, which reaches it there: remove `edge = false`");
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
        .fix("check with `landfall run` what it waits for; set variables that it needs in `env` in landfall.toml")
        .fix("--no-run skips this check, for an app that takes longer to start");
    }
    let mut check = Check::blocker(
        CheckId::Port,
        Exit::BadInput,
        match all.as_slice() {
            [] => format!("the app is expected on {wanted}, but listens on loopback only"),
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

/// Why the image cannot be run on this machine; [`None`] if it can, or if that is unknown.
pub fn why_not_run(image: &Image, engine: &super::machine::Engine) -> Option<Unavailable> {
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
