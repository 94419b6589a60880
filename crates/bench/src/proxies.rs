//! The proxies that are compared, and their configuration.
//!
//! All log every request to stdout, make at most four attempts (the edge: five, its default), allow
//! 8 seconds for a head, and forward every byte at once. A configuration that a proxy cannot
//! combine with the rest has a row of its own, which is measured only where it matters.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    Edge,
    Nginx,
    Haproxy,
    Envoy,
    Caddy,
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Proxy {
    pub(crate) name: &'static str,
    pub(crate) program: Program,
    /// Replacements for words in braces in its configuration.
    words: &'static [(&'static str, &'static str)],
    /// What is measured of it.
    pub(crate) scope: Scope,
}

/// What is measured of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Everything.
    All,
    /// Where waiting between attempts matters: latency, outage and restarts.
    Waits,
    /// The main load: what logging costs.
    Load,
}

/// The row that all others are compared with.
pub(crate) const BASE: &str = "nginx";
/// The row of the edge.
pub(crate) const EDGE: &str = "landfall-edge";

const fn row(
    name: &'static str,
    program: Program,
    words: &'static [(&'static str, &'static str)],
) -> Proxy {
    Proxy {
        name,
        program,
        words,
        scope: Scope::All,
    }
}

const fn variant(
    name: &'static str,
    program: Program,
    words: &'static [(&'static str, &'static str)],
) -> Proxy {
    Proxy {
        scope: Scope::Waits,
        ..row(name, program, words)
    }
}

const fn quiet(
    name: &'static str,
    program: Program,
    words: &'static [(&'static str, &'static str)],
) -> Proxy {
    Proxy {
        scope: Scope::Load,
        ..row(name, program, words)
    }
}

/// All rows. Those "for restarts" wait between attempts, as these proxies need that to survive a
/// restart of the app; they have one wait for all reasons.
pub(crate) const PROXIES: [Proxy; 11] = [
    row(EDGE, Program::Edge, &[("log", "all")]),
    row(BASE, Program::Nginx, &[("log", "/dev/stdout combined")]),
    row(
        "haproxy",
        Program::Haproxy,
        &[("retries", "3"), ("connect", "1s")],
    ),
    row(
        "envoy",
        Program::Envoy,
        &[
            ("retries", "3"),
            ("base", "0.001s"),
            ("longest", "0.001s"),
            ("budget", "max_retries: 8192"),
        ],
    ),
    row(
        "caddy",
        Program::Caddy,
        &[("retries", "3"), ("interval", "")],
    ),
    variant(
        "haproxy, for restarts",
        Program::Haproxy,
        &[("retries", "10"), ("connect", "100ms")],
    ),
    variant(
        "envoy, for restarts",
        Program::Envoy,
        &[
            ("retries", "8"),
            ("base", "0.025s"),
            ("longest", "1s"),
            ("budget", "max_retries: 8192"),
        ],
    ),
    variant(
        "envoy, with its budget",
        Program::Envoy,
        &[
            ("retries", "3"),
            ("base", "0.001s"),
            ("longest", "0.001s"),
            (
                "budget",
                "retry_budget: { budget_percent: { value: 20 }, min_retry_concurrency: 3 }",
            ),
        ],
    ),
    variant(
        "caddy, for restarts",
        Program::Caddy,
        &[
            ("retries", "20"),
            ("interval", "lb_try_duration 3s\n\t\tlb_try_interval 40ms"),
        ],
    ),
    quiet(
        "landfall-edge, no access log",
        Program::Edge,
        &[("log", "off")],
    ),
    quiet("nginx, no access log", Program::Nginx, &[("log", "off")]),
];

/// The paths of the programs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Programs {
    pub(crate) edge: PathBuf,
    pub(crate) nginx: PathBuf,
    pub(crate) haproxy: PathBuf,
    pub(crate) envoy: PathBuf,
    pub(crate) caddy: PathBuf,
}

impl Programs {
    pub(crate) fn path(&self, program: Program) -> &Path {
        match program {
            Program::Edge => &self.edge,
            Program::Nginx => &self.nginx,
            Program::Haproxy => &self.haproxy,
            Program::Envoy => &self.envoy,
            Program::Caddy => &self.caddy,
        }
    }
}

/// Ports and directories of one start.
#[derive(Debug, Clone)]
pub(crate) struct Setting<'s> {
    pub(crate) listen: u16,
    /// The edge's second port; the others have none.
    pub(crate) private: u16,
    pub(crate) app: u16,
    pub(crate) app_command: &'s [std::ffi::OsString],
    pub(crate) lead_ms: u64,
    /// For the configuration, and what the proxy writes.
    pub(crate) directory: &'s Path,
}

impl Proxy {
    /// Writes the configuration; returns the command that starts the proxy in the foreground.
    pub(crate) fn command(
        &self,
        programs: &Programs,
        setting: &Setting<'_>,
    ) -> Result<Command, String> {
        let directory = setting.directory;
        let mut command = Command::new(programs.path(self.program));
        let config = |name: &str, template: &str| -> Result<PathBuf, String> {
            let path = directory.join(name);
            std::fs::write(&path, self.fill_in(template, setting))
                .map_err(|error| format!("can't write {}: {error}", path.display()))?;
            Ok(path)
        };
        match self.program {
            Program::Edge => {
                command.arg("--").args(setting.app_command);
                let own = [
                    ("APP", setting.app.to_string()),
                    ("LISTEN", format!("127.0.0.1:{}", setting.listen)),
                    ("PRIVATE_LISTEN", format!("127.0.0.1:{}", setting.private)),
                    ("LEAD_MS", setting.lead_ms.to_string()),
                    ("ACCESS_LOG", self.word("log").to_owned()),
                ];
                for (name, value) in own {
                    command.env(format!("{}{name}", edge_contract::env_vars::PREFIX), value);
                }
            }
            Program::Nginx => {
                let path = config("nginx.conf", include_str!("../proxies/nginx.conf"))?;
                command.arg("-e").arg("stderr").arg("-p").arg(directory);
                command.arg("-c").arg(path);
            }
            Program::Haproxy => {
                let path = config("haproxy.cfg", include_str!("../proxies/haproxy.cfg"))?;
                // As in its container image.
                command.args(["-W", "-db", "-f"]).arg(path);
            }
            Program::Envoy => {
                let path = config("envoy.yaml", include_str!("../proxies/envoy.yaml"))?;
                // The shared memory of hot restarts would keep a second one from running.
                command.args(["--disable-hot-restart", "--log-level", "error", "-c"]);
                command.arg(path);
            }
            Program::Caddy => {
                let path = config("Caddyfile", include_str!("../proxies/Caddyfile"))?;
                command.args(["run", "--adapter", "caddyfile", "--config"]);
                command.arg(path).env("HOME", directory);
            }
        }
        Ok(command)
    }

    fn word(&self, wanted: &str) -> &'static str {
        let found = self.words.iter().find(|(word, _)| *word == wanted);
        found.map_or("", |(_, value)| *value)
    }

    fn fill_in(&self, template: &str, setting: &Setting<'_>) -> String {
        let mut text = template
            .replace("{listen}", &setting.listen.to_string())
            .replace("{app}", &setting.app.to_string())
            .replace("{dir}", &setting.directory.display().to_string());
        for (word, value) in self.words {
            text = text.replace(&format!("{{{word}}}"), value);
        }
        text
    }
}
