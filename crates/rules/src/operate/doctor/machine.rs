//! Checks of this machine: container engine, disk, Terraform, directories, the edge's program.

use super::Facts;
use crate::app::manifest::Architecture;
use crate::check::{Check, CheckId, Outcome, judged};
use crate::exit::Exit;
use crate::shape::toolchain::{Fit, PROVIDER, Tool, fit, older, other_program};

/// Free space below which a build of even a small image fails, bytes.
const SCANT: u64 = 1024 * 1024 * 1024;
/// Free space below which a larger image or a few versions may not fit, bytes.
const TIGHT: u64 = 5 * SCANT;
/// Free space that the AWS provider needs when it is unpacked for the first time, bytes.
const UNPACKED: u64 = SCANT;

/// A container engine that answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Engine {
    /// `docker`, `podman`, or the path that was given.
    pub name: String,
    /// Version of its server.
    pub version: String,
    /// CPU architecture that it runs on, in any of the usual spellings; empty if unknown.
    pub processor: String,
    /// Whether it runs programs for the app's architecture too; [`None`] if unknown.
    pub emulates: Option<bool>,
}

/// Space on a file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    /// A directory on it.
    pub path: String,
    /// Free bytes for unprivileged users.
    pub free: u64,
}

/// The OpenTofu or Terraform of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terraform {
    /// Its path.
    pub path: String,
    /// Which one, and its version.
    pub tool: Tool,
}

/// What an environment is made with. Both are [`None`] before its first `up`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Toolchain {
    /// Program, and the newest version of it that has applied anything.
    pub tool: Option<Tool>,
    /// Version of the AWS provider.
    pub provider: Option<String>,
    /// Whether the command may change to the program of this machine.
    pub may_switch: bool,
}

/// A directory that is written to, and created if it does not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    /// Its contents.
    pub purpose: String,
    /// Its path.
    pub path: String,
    /// The environment variable that sets another one.
    pub variable: String,
    /// Whether it can be written, or created.
    pub writable: bool,
    /// Free bytes; [`None`] if unknown.
    pub free: Option<u64>,
}

/// Parses a CPU architecture in the spellings of kernels and engines.
pub fn processor(word: &str) -> Option<Architecture> {
    match word {
        "x86_64" | "amd64" => Some(Architecture::X86_64),
        "aarch64" | "arm64" => Some(Architecture::Arm64),
        _ => None,
    }
}

pub(super) fn checks(facts: &Facts) -> Vec<Check> {
    let mut checks = judged(CheckId::Engine, &facts.engine, |engine| {
        vec![answers(engine)]
    });
    let wanted = facts.manifest().map(|manifest| manifest.architecture);
    if let (Ok(engine), Some(wanted)) = (&facts.engine, wanted) {
        checks.extend(emulation(engine, wanted));
    }
    checks.extend(judged(CheckId::Disk, &facts.disk, |disk| vec![space(disk)]));
    checks.extend(judged(CheckId::Terraform, &facts.terraform, |here| {
        let mut found = vec![terraform(here, facts.toolchain.as_ref().ok())];
        let gap = facts.toolchain.as_ref().err();
        found.extend(gap.and_then(|why| Check::unavailable(CheckId::Terraform, why)));
        found
    }));
    checks.extend(judged(CheckId::Directories, &facts.directories, |all| {
        directories(all)
    }));
    checks.extend(judged(CheckId::Edge, &facts.edge, |path| {
        vec![match path {
            Some(path) => Check::ok(CheckId::Edge, path.clone()),
            None => Check::ok(CheckId::Edge, "not used: `edge = false`"),
        }]
    }));
    checks
}

fn terraform(here: &Terraform, toolchain: Option<&Toolchain>) -> Check {
    let found = format!("{} ({})", here.tool.describe(), here.path);
    let none = Toolchain::default();
    let toolchain = toolchain.unwrap_or(&none);
    match fit(toolchain.tool.as_ref(), &here.tool) {
        Fit::Other(used) if !toolchain.may_switch => {
            let failure = other_program(&used, &here.tool);
            let check = Check::blocker(CheckId::Terraform, failure.exit, failure.what);
            Check {
                why: failure.why,
                fix: failure.next,
                ..check
            }
        }
        Fit::Older(used) => Check::warning(CheckId::Terraform, older(&used, &here.tool)).fix(
            format!("install {} {} or newer", used.program.name(), used.version),
        ),
        Fit::Same | Fit::Other(_) => Check::ok(
            CheckId::Terraform,
            match &toolchain.provider {
                Some(version) => format!("{found}, {PROVIDER} {version}"),
                None => found,
            },
        ),
    }
}

fn answers(engine: &Engine) -> Check {
    let on = match engine.processor.as_str() {
        "" => String::new(),
        processor => format!(" on {processor}"),
    };
    Check::ok(
        CheckId::Engine,
        format!("{} {}{on}", engine.name, engine.version),
    )
}

/// [`None`] where the app has the engine's architecture.
fn emulation(engine: &Engine, wanted: Architecture) -> Option<Check> {
    let own = processor(&engine.processor);
    if own == Some(wanted) || engine.processor.is_empty() {
        return None;
    }
    let foreign = format!(
        "the app is for {wanted}, {} runs on {}",
        engine.name, engine.processor
    );
    let word = match wanted {
        Architecture::X86_64 => "amd64",
        Architecture::Arm64 => "arm64",
    };
    Some(match engine.emulates {
        Some(true) => Check::ok(
            CheckId::Emulation,
            format!("{foreign}, which runs both; builds are slow"),
        ),
        Some(false) => Check::warning(CheckId::Emulation, foreign)
            .why("a Dockerfile with RUN steps cannot be built, and the image cannot be run here")
            .fix(format!(
                "`docker run --privileged --rm tonistiigi/binfmt --install {word}` lets this machine run both"
            ))
            .fix("or set `architecture` in landfall.toml to this machine's"),
        None => Check::new(
            CheckId::Emulation,
            Outcome::Unknown,
            format!("{foreign}: it is unknown whether it runs both"),
        ),
    })
}

fn space(disk: &Disk) -> Check {
    let found = format!("{} free in {}", size(disk.free), disk.path);
    let fix =
        "`docker system df` shows what uses the space; `docker image prune` removes unnamed images";
    if disk.free < SCANT {
        Check::blocker(CheckId::Disk, Exit::Image, format!("too little: {found}"))
            .why("a build needs several copies of an image")
            .fix(fix)
    } else if disk.free < TIGHT {
        Check::warning(CheckId::Disk, found)
            .why("a large image may not fit")
            .fix(fix)
    } else {
        Check::ok(CheckId::Disk, found)
    }
}

fn directories(all: &[Directory]) -> Vec<Check> {
    let mut checks = Vec::new();
    for one in all {
        if !one.writable {
            checks.push(
                Check::blocker(
                    CheckId::Directories,
                    Exit::MissingTool,
                    format!("{} cannot be written", one.path),
                )
                .why(format!("it is for {}", one.purpose))
                .fix(format!(
                    "fix its permissions, or set another directory with {}",
                    one.variable
                )),
            );
        } else if let Some(free) = one.free.filter(|free| *free < UNPACKED) {
            checks.push(
                Check::warning(
                    CheckId::Directories,
                    format!("{} free in {}", size(free), one.path),
                )
                .why("the AWS provider needs about 1 GiB when it is unpacked for the first time")
                .fix(format!(
                    "free some space, or set another directory with {}",
                    one.variable
                )),
            );
        }
    }
    if checks.is_empty() {
        let paths: Vec<&str> = all.iter().map(|one| one.path.as_str()).collect();
        checks.push(Check::ok(
            CheckId::Directories,
            format!("{} can be written", paths.join(" and ")),
        ));
    }
    checks
}

/// `41.2 GiB`, `980 MiB`.
pub(super) fn size(bytes: u64) -> String {
    const MIB: u64 = 1024 * 1024;
    let mib = bytes / MIB;
    if mib < 1024 {
        format!("{mib} MiB")
    } else {
        format!("{:.1} GiB", bytes as f64 / (1024 * MIB) as f64)
    }
}
