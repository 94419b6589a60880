//! Terraform's lock file, `.terraform.lock.hcl`, as far as landfall's roots need it: one provider
//! (<https://developer.hashicorp.com/terraform/language/files/dependency-lock>).

use super::Program;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The version of the AWS provider, and what its packages look like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockedProvider {
    /// `6.62.0`.
    pub version: String,
    /// Checksums with their scheme. `zh:` is a registry's archive: a registry gives those of all platforms at once.
    /// `h1:` is an unpacked package of one platform; only these let Terraform use its plugin cache.
    pub hashes: BTreeSet<String>,
    /// The platforms (`linux_amd64`) on which the provider was installed, so that their `h1:` is known.
    #[serde(default)]
    pub platforms: BTreeSet<String>,
}

impl LockedProvider {
    /// The AWS provider in the text of a lock file, with no platforms. [`None`] if it is not there: the file is from the
    /// other program, or the provider is overridden for development.
    pub fn parse(text: &str, program: Program) -> Option<LockedProvider> {
        let header = format!("provider \"{}\" {{", program.provider());
        let mut lines = text.lines().map(str::trim);
        lines.by_ref().find(|line| *line == header)?;
        let mut version = None;
        let mut hashes = BTreeSet::new();
        for line in lines.take_while(|line| *line != "}") {
            if let Some(value) = line.strip_prefix("version") {
                let value = value.trim_start().strip_prefix('=')?;
                version = Some(quoted(value)?.to_owned());
            } else if line.starts_with('"') {
                hashes.insert(quoted(line.trim_end_matches(','))?.to_owned());
            }
        }
        Some(LockedProvider {
            version: version?,
            hashes,
            platforms: BTreeSet::new(),
        })
    }

    /// The text of a lock file for a machine of `platform`.
    ///
    /// Where no registry gave the checksums of all platforms and this is the first machine of its platform, the file
    /// has the version only: there is nothing to compare its package with. Terraform adds the checksum.
    pub fn render(&self, program: Program, platform: &str) -> String {
        let mut text = format!(
            "# Written by landfall from the record of the environment.\n\nprovider \"{}\" {{\n  version = \"{}\"\n",
            program.provider(),
            self.version
        );
        if self.knows(platform) && !self.hashes.is_empty() {
            text.push_str("  hashes = [\n");
            for hash in &self.hashes {
                text.push_str(&format!("    \"{hash}\",\n"));
            }
            text.push_str("  ]\n");
        }
        text.push_str("}\n");
        text
    }

    /// Whether a package for `platform` has to match one of the checksums.
    fn knows(&self, platform: &str) -> bool {
        self.platforms.contains(platform) || self.hashes.iter().any(|hash| hash.starts_with("zh:"))
    }

    /// The same version, of which every package is accepted.
    #[must_use]
    pub fn without_checksums(self) -> LockedProvider {
        LockedProvider {
            version: self.version,
            hashes: BTreeSet::new(),
            platforms: BTreeSet::new(),
        }
    }

    /// The same with the checksums of `known`, which this machine has installed before; [`None`] if it may be another
    /// package. A checksum in common shows that both are the same release.
    pub fn completed_by(&self, known: &LockedProvider) -> Option<LockedProvider> {
        let is_same = self.version == known.version
            && (self.hashes.is_empty() || !self.hashes.is_disjoint(&known.hashes));
        is_same.then(|| LockedProvider {
            hashes: self.hashes.union(&known.hashes).cloned().collect(),
            ..self.clone()
        })
    }

    /// What is known after `installed` was installed on a machine of `platform`. Checksums of the same version add up.
    #[must_use]
    pub fn with(&self, installed: &LockedProvider, platform: &str) -> LockedProvider {
        let mut all = installed.clone();
        if self.version == installed.version {
            all.hashes.extend(self.hashes.iter().cloned());
            all.platforms.extend(self.platforms.iter().cloned());
        }
        if !platform.is_empty() {
            all.platforms.insert(platform.to_owned());
        }
        all
    }
}

fn quoted(text: &str) -> Option<&str> {
    text.trim().strip_prefix('"')?.strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Terraform 1.11 writes it, with the provider of another configuration before it.
    const FILE: &str = r#"# This file is maintained automatically by "terraform init".
# Manual edits may be lost in future updates.

provider "registry.opentofu.org/hashicorp/aws" {
  version = "5.0.0"
}

provider "registry.terraform.io/hashicorp/aws" {
  version     = "6.62.0"
  constraints = ">= 6.15.0, < 7.0.0"
  hashes = [
    "h1:goOMfGE4SjLps+hpxJFEM/pZFiNgvi6BMG8/w86+f6k=",
    "zh:0a1b",
  ]
}
"#;

    fn set(all: &[&str]) -> BTreeSet<String> {
        all.iter().map(|one| (*one).to_owned()).collect()
    }

    fn locked(version: &str, hashes: &[&str], platforms: &[&str]) -> LockedProvider {
        LockedProvider {
            version: version.to_owned(),
            hashes: set(hashes),
            platforms: set(platforms),
        }
    }

    #[test]
    fn the_provider_of_the_program_is_read() {
        let found = LockedProvider::parse(FILE, Program::Terraform).expect("a provider");
        let hashes = ["h1:goOMfGE4SjLps+hpxJFEM/pZFiNgvi6BMG8/w86+f6k=", "zh:0a1b"];
        assert_eq!(found, locked("6.62.0", &hashes, &[]));
        let other = LockedProvider::parse(FILE, Program::OpenTofu);
        assert_eq!(other, Some(locked("5.0.0", &[], &[])));
        assert_eq!(LockedProvider::parse("", Program::Terraform), None);
    }

    #[test]
    fn what_is_written_is_read_again() {
        let lock = locked("6.62.0", &["h1:a=", "zh:b"], &["linux_amd64"]);
        for program in [Program::OpenTofu, Program::Terraform] {
            let text = lock.render(program, "darwin_arm64");
            let found = LockedProvider::parse(&text, program);
            assert_eq!(found, Some(locked("6.62.0", &["h1:a=", "zh:b"], &[])));
        }
    }

    #[test]
    fn checksums_of_other_platforms_only_do_not_lock_a_platform_out() {
        let text = |lock: &LockedProvider, platform| lock.render(Program::Terraform, platform);
        // From a mirror: one checksum, of the machine that ran the first `up`.
        let mirror = locked("6.62.0", &["h1:linux="], &["linux_amd64"]);
        assert!(text(&mirror, "linux_amd64").contains("h1:linux="));
        let first = text(&mirror, "darwin_arm64");
        assert!(
            !first.contains("hashes") && first.contains("6.62.0"),
            "{first}"
        );
        // The second machine of that platform has to have the same package.
        let grown = mirror.with(&locked("6.62.0", &["h1:mac="], &[]), "darwin_arm64");
        assert!(text(&grown, "darwin_arm64").contains("h1:mac="));
        assert!(text(&grown, "linux_amd64").contains("h1:linux="));
        // A registry gives the checksums of all platforms, so every package has to match.
        let registry = locked("6.62.0", &["h1:linux=", "zh:1", "zh:2"], &["linux_amd64"]);
        assert!(text(&registry, "darwin_arm64").contains("zh:2"));
    }

    #[test]
    fn what_this_machine_has_installed_completes_the_checksums_of_the_same_release() {
        let of = |hashes: &[&str]| locked("6.62.0", hashes, &[]);
        let known = of(&["h1:here=", "zh:1", "zh:2"]);
        let complete = |lock: &LockedProvider| lock.completed_by(&known).map(|lock| lock.hashes);
        let all = |more: &[&str]| {
            Some(
                set(more)
                    .union(&known.hashes)
                    .cloned()
                    .collect::<BTreeSet<String>>(),
            )
        };
        assert_eq!(complete(&of(&["h1:mac=", "zh:1"])), all(&["h1:mac="]));
        assert_eq!(complete(&of(&[])), all(&[]));
        assert_eq!(complete(&of(&["h1:other="])), None);
        assert_eq!(complete(&locked("6.15.0", &["zh:1"], &[])), None);
    }

    #[test]
    fn another_version_starts_with_its_own_checksums() {
        let old = locked("6.15.0", &["h1:old="], &["linux_amd64", "darwin_arm64"]);
        let new = old.with(&locked("6.62.0", &["h1:new="], &[]), "linux_amd64");
        assert_eq!(new, locked("6.62.0", &["h1:new="], &["linux_amd64"]));
    }
}
