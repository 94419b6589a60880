//! The restrictions of a container, as ECS, Docker and Podman take them.

use crate::app::manifest::{Capability, TMP, Target, User};
use crate::release::revision::Settings;

/// Processes and threads of a container on this machine: as many as Lambda allows
/// (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>). Fargate has no such limit.
pub const PROCESSES: u32 = 1024;
/// Only privileged processes can listen on ports below, unless [`LOWEST_PORT`] is set.
pub const LOW_PORTS: u16 = 1024;
/// The network setting with the first port that needs no privilege.
pub const LOWEST_PORT: &str = "net.ipv4.ip_unprivileged_port_start";

/// The restrictions of one container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hardening {
    /// The user that it runs as; [`None`] for the platform's default.
    pub user: Option<String>,
    /// Whether its root file system is read-only.
    pub read_only: bool,
    /// Directories in memory.
    pub tmpfs: Vec<Tmpfs>,
    /// Capabilities that are dropped; `ALL` alone if it keeps none.
    pub drop: Vec<&'static str>,
    /// Capabilities that are added to Docker's defaults.
    pub add: Vec<&'static str>,
    /// Whether its programs cannot gain privileges.
    pub no_new_privileges: bool,
    /// The first port that it may listen on without being root.
    pub lowest_port: u16,
}

/// A directory in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tmpfs {
    /// Its path in the container.
    pub path: String,
    /// Capacity in MiB. Its contents count as the container's memory.
    pub size: u32,
    /// User and group that own it, by number; [`None`] for root.
    pub owner: (Option<u32>, Option<u32>),
}

impl Tmpfs {
    /// The mount options: every user may write and only the owner delete, as usual for `/tmp`. Programs can be
    /// run from there, as many apps unpack libraries before they load them.
    ///
    /// The app's user owns it too, because runc before 1.2 ignores the mode and takes that of the directory
    /// of this name in the image.
    pub fn options(&self) -> Vec<String> {
        let usual = ["rw", "exec", "nosuid", "nodev", "mode=1777"].map(str::to_owned);
        let (user, group) = self.owner;
        let user = user.map(|id| format!("uid={id}"));
        let group = group.map(|id| format!("gid={id}"));
        usual.into_iter().chain(user).chain(group).collect()
    }
}

impl Hardening {
    /// The restrictions for these settings; [`None`] for a revision from before landfall had any.
    pub fn from_settings(settings: &Settings) -> Option<Hardening> {
        let container = settings.container.as_ref()?;
        let tmp = container.read_only.then_some(TMP);
        let own = container.writable.iter().map(|path| path.as_str());
        let owner = container.user.as_ref().map(numbers).unwrap_or_default();
        let mut tmpfs: Vec<Tmpfs> = Vec::new();
        for path in tmp.into_iter().chain(own) {
            if tmpfs.iter().all(|other| other.path != path) {
                tmpfs.push(Tmpfs {
                    path: path.to_owned(),
                    // Half of the memory, the default of Linux.
                    size: settings.memory / 2,
                    owner,
                });
            }
        }
        let keeps = |one: &Capability| container.capabilities.contains(one);
        let drop = match container.capabilities.iter().any(|one| one.is_default()) {
            false => vec!["ALL"],
            // Fargate adds only SYS_PTRACE, so those that are kept are not dropped.
            true => Capability::ALL
                .iter()
                .filter(|one| one.is_default() && !keeps(one))
                .map(|one| one.as_str())
                .collect(),
        };
        let add = container.capabilities.iter();
        Some(Hardening {
            user: container.user.as_ref().map(by_number),
            read_only: container.read_only,
            tmpfs,
            drop,
            add: add
                .filter(|one| !one.is_default())
                .map(|one| one.as_str())
                .collect(),
            no_new_privileges: container.no_new_privileges,
            lowest_port: settings.port.min(LOW_PORTS),
        })
    }

    /// The arguments of `docker run` and `podman run`, with limits that Fargate does not have.
    pub fn arguments(&self) -> Vec<String> {
        let mut all = Vec::new();
        let mut put = |words: [&str; 2]| all.extend(words.map(str::to_owned));
        if let Some(user) = &self.user {
            put(["--user", user]);
        }
        for tmpfs in &self.tmpfs {
            let options = tmpfs.options().join(",");
            put([
                "--tmpfs",
                &format!("{}:size={}m,{options}", tmpfs.path, tmpfs.size),
            ]);
        }
        for one in &self.drop {
            put(["--cap-drop", one]);
        }
        for one in &self.add {
            put(["--cap-add", one]);
        }
        if self.no_new_privileges {
            put(["--security-opt", "no-new-privileges"]);
        }
        // Docker allows every port to every user; Fargate does not.
        put(["--sysctl", &format!("{LOWEST_PORT}={}", self.lowest_port)]);
        put(["--pids-limit", &PROCESSES.to_string()]);
        if self.read_only {
            all.push("--read-only".to_owned());
        }
        all
    }
}

/// The user with `root` as a number: an image without `/etc/passwd` has no names.
fn by_number(user: &User) -> String {
    let words: Vec<&str> = user
        .as_str()
        .split(':')
        .map(|word| if word == "root" { "0" } else { word })
        .collect();
    words.join(":")
}

/// User and group by number; [`None`] for names, which only the image can resolve.
fn numbers(user: &User) -> (Option<u32>, Option<u32>) {
    let by_number = by_number(user);
    let mut words = by_number.split(':').map(|word| word.parse().ok());
    (words.next().flatten(), words.next().flatten())
}

/// Whether `/tmp` of this revision is in memory and not on a disk.
pub fn tmp_in_memory(settings: &Settings) -> bool {
    settings.target == Target::Fargate
        && Hardening::from_settings(settings).is_some_and(|hardening| !hardening.tmpfs.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::manifest::{Draft, Facts, Overrides};

    fn hardening(text: &str) -> Hardening {
        let facts = Facts {
            directory_name: "app".into(),
            dockerfile: Some("FROM scratch\n".into()),
            protected: vec![],
        };
        let text = format!("target = \"fargate\"\n{text}");
        let manifest = Draft::read(Some(&text))
            .resolve(&facts, &Overrides::default())
            .expect("a manifest");
        Hardening::from_settings(&Settings::from_manifest(&manifest)).expect("hardened")
    }

    #[test]
    fn a_container_is_hardened_by_default() {
        let words = hardening("").arguments().join(" ");
        assert_eq!(
            words,
            "--user 65532:65532 --tmpfs /tmp:size=256m,rw,exec,nosuid,nodev,mode=1777,uid=65532,gid=65532 --cap-drop ALL \
             --security-opt no-new-privileges --sysctl net.ipv4.ip_unprivileged_port_start=1024 \
             --pids-limit 1024 --read-only"
        );
    }

    #[test]
    fn each_restriction_can_be_removed_alone() {
        let nothing_left = hardening(
            "port = 80\n[container]\nuser = \"root\"\nread_only = false\nno_new_privileges = false\n",
        );
        let words = nothing_left.arguments().join(" ");
        assert_eq!(
            words,
            "--user 0 --cap-drop ALL --sysctl net.ipv4.ip_unprivileged_port_start=80 \
             --pids-limit 1024"
        );
        let kept = hardening("[container]\ncapabilities = [\"CHOWN\", \"SYS_PTRACE\"]\n");
        assert_eq!(kept.drop.len(), 13);
        assert!(!kept.drop.contains(&"CHOWN") && kept.drop.contains(&"SETUID"));
        assert_eq!(kept.add, ["SYS_PTRACE"]);
        let traced = hardening("[container]\ncapabilities = [\"SYS_PTRACE\"]\n");
        assert_eq!((traced.drop, traced.add), (vec!["ALL"], vec!["SYS_PTRACE"]));
        let named = hardening("[container]\nuser = \"node:1000\"\n");
        assert_eq!(named.tmpfs[0].owner, (None, Some(1000)));
        let own =
            hardening("memory = 1024\n[container]\nwritable = [\"/var/cache/x\", \"/tmp\"]\n");
        let paths: Vec<(&str, u32)> = own
            .tmpfs
            .iter()
            .map(|t| (t.path.as_str(), t.size))
            .collect();
        assert_eq!(paths, [("/tmp", 512), ("/var/cache/x", 512)]);
    }
}
