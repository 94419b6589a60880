//! A protection of the container as the reason why an app ended: read from its last log lines, and concluded
//! only where that protection is active.

use crate::app::manifest::{Capability, Target};
use crate::release::hardening::{Hardening, LOW_PORTS, tmp_in_memory};
use crate::release::revision::Settings;
use serde::{Deserialize, Serialize};

/// The protection that denied the app something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protection {
    /// The root file system is read-only.
    ReadOnly,
    /// It does not run as root.
    NotRoot,
    /// A port below 1024, which needs a privilege.
    LowPort,
    /// A capability that it does not have.
    MissingCapability,
    /// Programs cannot gain privileges.
    NoNewPrivileges,
    /// The writable directories are in memory, and full.
    TmpFull,
}

/// A log line of the app that reports a denial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denial {
    /// The protection.
    pub by: Protection,
    /// The line.
    pub line: String,
    /// The file it is about, if the line names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The port it is about, if the line names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The capability that is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capability: Option<Capability>,
    /// The user that the app runs as, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// What it runs on: not every protection can be removed everywhere.
    pub target: Target,
}

/// Which kinds of denial a line mentions, in the words of the C library, of runtimes and of tools.
struct Mentions {
    read_only: bool,
    denied: bool,
    not_permitted: bool,
    full: bool,
    escalation: bool,
}

impl Mentions {
    fn in_line(line: &str) -> Mentions {
        let any = |words: &[&str]| words.iter().any(|word| line.contains(word));
        Mentions {
            read_only: any(&[
                "read-only file system",
                "read-only filesystem",
                "erofs",
                "readonly database",
                "[errno 30]",
                "os error 30)",
            ]),
            denied: any(&[
                "permission denied",
                "eacces",
                "[errno 13]",
                "os error 13)",
                "access denied (",
                "must be root",
                "must be run as root",
                "be started as root",
                "requires root",
                "root privileges",
                "are you root",
            ]),
            not_permitted: any(&[
                "operation not permitted",
                "eperm",
                "[errno 1]",
                "os error 1)",
            ]),
            full: any(&[
                "no space left on device",
                "enospc",
                "[errno 28]",
                "os error 28)",
            ]),
            escalation: any(&["no new privileges", "effective uid is not 0"]),
        }
    }
}

/// The last line that reports an active protection; [`None`] if none does.
pub(super) fn find(log: &[String], settings: &Settings) -> Option<Denial> {
    let hardening = Hardening::from_settings(settings)?;
    log.iter()
        .rev()
        .find_map(|line| read(line, settings, &hardening))
}

fn read(line: &str, settings: &Settings, hardening: &Hardening) -> Option<Denial> {
    let container = settings.container.as_ref()?;
    let lower = line.to_lowercase();
    let mentions = Mentions::in_line(&lower);
    let is_root = container.is_root();
    let has = |one: Capability| is_root && container.capabilities.contains(&one);
    let port = low_port(&lower);
    let listens = ["bind", "listen"].iter().any(|word| lower.contains(word));
    let (by, capability) = if mentions.read_only && container.read_only {
        (Protection::ReadOnly, None)
    } else if mentions.escalation && container.no_new_privileges {
        (Protection::NoNewPrivileges, None)
    } else if (mentions.denied || mentions.not_permitted)
        && listens
        && port.is_some_and(|port| port < hardening.lowest_port)
        && !has(Capability::NetBindService)
    {
        (Protection::LowPort, None)
    } else if let Some(missing) = mentions
        .not_permitted
        .then(|| wanted(&lower))
        .flatten()
        .filter(|one| !has(*one))
    {
        (Protection::MissingCapability, Some(missing))
    } else if mentions.denied && !listens && is_root && !has(Capability::DacOverride) {
        // Without it, file permissions apply to root as to any user.
        (Protection::MissingCapability, Some(Capability::DacOverride))
    } else if (mentions.denied || mentions.not_permitted)
        && !is_root
        && port.is_none()
        && (!listens || path(line).is_some())
    {
        (Protection::NotRoot, None)
    } else if mentions.full && tmp_in_memory(settings) {
        (Protection::TmpFull, None)
    } else {
        return None;
    };
    Some(Denial {
        by,
        line: line.trim().to_owned(),
        path: path(line),
        port: port.filter(|_| by == Protection::LowPort),
        capability,
        user: container.user.as_ref().map(ToString::to_string),
        target: settings.target,
    })
}

/// The capability that a call needs which "is not permitted".
fn wanted(lower: &str) -> Option<Capability> {
    let table: [(&[&str], Capability); 11] = [
        (&["chown"], Capability::Chown),
        (
            &["setgid", "setgroups", "initgroups", "setegid"],
            Capability::Setgid,
        ),
        (
            &["setuid", "seteuid", "setresuid", "setreuid"],
            Capability::Setuid,
        ),
        (&["chmod", "utime"], Capability::Fowner),
        (&["mknod"], Capability::Mknod),
        (&["chroot"], Capability::SysChroot),
        (&["ptrace"], Capability::SysPtrace),
        (&["setcap"], Capability::Setfcap),
        (&["raw socket", "sock_raw", "icmp"], Capability::NetRaw),
        (&["kill("], Capability::Kill),
        // The edge reports it for a program whose file has capabilities, nearly always for a port.
        (&["can't start", "exec "], Capability::NetBindService),
    ];
    let mut all = table.iter();
    all.find(|(words, _)| words.iter().any(|word| lower.contains(word)))
        .map(|(_, capability)| *capability)
}

/// The first path that a line names, without what surrounds it.
fn path(line: &str) -> Option<String> {
    line.split(|c: char| c.is_whitespace() || "\"'`(),;=".contains(c))
        .map(|word| word.trim_end_matches([':', '.']))
        .find(|word| word.len() > 1 && word.starts_with('/') && !word.starts_with("//"))
        .map(str::to_owned)
}

/// A port below 1024 that a line names: `0.0.0.0:80`, `:::80`, `tcp :443`, `port 80`.
fn low_port(lower: &str) -> Option<u16> {
    let words = lower.split(|c: char| c.is_whitespace() || "\"'`(),;=".contains(c));
    let mut before = "";
    words
        .map(|word| word.trim_end_matches([':', '.']))
        .find_map(|word| {
            let number = match word.rsplit_once(':') {
                Some((host, port)) => (!is_time(host)).then_some(port),
                None => (before == "port").then_some(word),
            };
            before = word;
            let port = number?.parse::<u16>().ok()?;
            (port > 0 && port < LOW_PORTS).then_some(port)
        })
}

/// Whether it is the `12:30` of `12:30:59`, which is no host to listen on.
fn is_time(host: &str) -> bool {
    host.starts_with(|c: char| c.is_ascii_digit())
        && host.bytes().all(|b| b.is_ascii_digit() || b == b':')
}

impl Denial {
    /// A word for scripts, the same in every version.
    pub fn code(&self) -> &'static str {
        match self.by {
            Protection::ReadOnly => "read_only",
            Protection::NotRoot => "not_root",
            Protection::LowPort => "low_port",
            Protection::MissingCapability => "missing_capability",
            Protection::NoNewPrivileges => "no_new_privileges",
            Protection::TmpFull => "tmp_full",
        }
    }

    /// What is wrong, with the line that reports it.
    pub(super) fn what(&self) -> String {
        let of = |path: &Option<String>| path.as_ref().map(|path| format!(" ({path})"));
        let file = of(&self.path).unwrap_or_default();
        let user = self.user.as_deref().unwrap_or("an unprivileged user");
        let what = match self.by {
            Protection::ReadOnly => {
                format!("the app writes to the read-only file system of its container{file}")
            }
            Protection::NotRoot => {
                format!("the app lacks a permission: it runs as {user}{file}")
            }
            Protection::LowPort => format!(
                "the app may not listen on port {}, which is below 1024",
                self.port.unwrap_or_default()
            ),
            Protection::MissingCapability => format!(
                "the app needs the capability {}, which its container does not have{file}",
                self.word()
            ),
            Protection::NoNewPrivileges => {
                "the app starts a program that gains privileges (sudo, setuid), which its container forbids"
                    .to_owned()
            }
            Protection::TmpFull => {
                "the app's writable directories are in memory, and full".to_owned()
            }
        };
        format!("{what}; its log line: {}", self.line)
    }

    /// What to do about it: first a change of the app, then the key that removes the protection.
    pub(super) fn next(&self) -> String {
        let relaxed = match self.by {
            Protection::ReadOnly => {
                let own = match self.directory() {
                    Some(directory) => format!(
                        "set `writable = [\"{directory}\"]` under `[container]` in landfall.toml (it starts \
                         empty and is in memory)"
                    ),
                    None => "name its directories in `writable` under `[container]` in landfall.toml"
                        .to_owned(),
                };
                format!("make it write below /tmp; or {own}; or set `read_only = false` there")
            }
            Protection::NotRoot => {
                let user = self.user.as_deref().unwrap_or("all users");
                let file = self.path.as_deref().unwrap_or("its files");
                format!(
                    "make {user} the owner of {file} in the Dockerfile (`COPY --chown`, `RUN chown`), and set USER; \
                     or set `user = \"root\"` under `[container]` in landfall.toml"
                )
            }
            Protection::LowPort => {
                let port = self.port.unwrap_or_default();
                match self.target {
                    Target::Fargate => format!(
                        "set `port = {port}` in landfall.toml, which allows that port; or make it listen on 1024 or \
                         above"
                    ),
                    Target::Lambda => {
                        return "make it listen on 1024 or above, and set `port` in landfall.toml to that"
                            .to_owned();
                    }
                }
            }
            Protection::MissingCapability => {
                let root = match self.needs_root() {
                    true => "`user = \"root\"` and ",
                    false => "",
                };
                format!(
                    "do it in the Dockerfile instead of at start; or set {root}`capabilities = \
                     [\"{}\"]` under `[container]` in landfall.toml",
                    self.word()
                )
            }
            Protection::NoNewPrivileges => {
                "start it without sudo or setuid; or set `no_new_privileges = false` under `[container]` \
                 in landfall.toml"
                    .to_owned()
            }
            Protection::TmpFull => {
                return "set a larger `memory` in landfall.toml: each directory may use half of it; or set `read_only = \
                        false` under `[container]`, which puts /tmp on the task's disk"
                    .to_owned();
            }
        };
        let only_there = self.by != Protection::NoNewPrivileges && self.target == Target::Lambda;
        match only_there {
            true => format!("{relaxed} (not on Lambda: with `target = \"fargate\"`)"),
            false => relaxed,
        }
    }

    fn word(&self) -> &'static str {
        self.capability.map_or("", Capability::as_str)
    }

    /// Whether only root has the capability. A program with file capabilities starts for every user once the
    /// container has them.
    fn needs_root(&self) -> bool {
        let is_root = self.user.as_deref().is_some_and(|user| {
            crate::app::manifest::User::parse(user).is_ok_and(|user| user.is_root())
        });
        !is_root && self.capability != Some(Capability::NetBindService)
    }

    /// The directory of the file, if it can be set as writable.
    fn directory(&self) -> Option<&str> {
        let path = self.path.as_deref()?;
        let (directory, _) = path.trim_end_matches('/').rsplit_once('/')?;
        (!directory.is_empty()).then_some(directory)
    }
}

#[cfg(test)]
#[path = "denial_tests.rs"]
mod tests;
