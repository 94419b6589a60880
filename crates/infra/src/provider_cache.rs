//! Terraform's plugin cache, and what landfall remembers of the packages in it.
//!
//! Terraform uses a package of the cache only if its checksum is in the lock file; otherwise it writes the package again,
//! over one that another process may be running. So for each version that was installed here a lock file is kept next to
//! the cache, whose checksums complete those of the same release. A package whose checksum is unknown is left alone.

use rules::shape::toolchain::lock_file::LockedProvider;
use rules::shape::toolchain::{Program, compare};
use std::path::{Path, PathBuf};

/// The cache of one program.
#[derive(Debug, Clone)]
pub(crate) struct ProviderCache {
    pub(crate) path: PathBuf,
    program: Program,
}

impl ProviderCache {
    pub(crate) fn new(path: PathBuf, program: Program) -> ProviderCache {
        ProviderCache { path, program }
    }

    fn file(&self, version: &str) -> PathBuf {
        let program = self.program.file();
        self.path.join(format!("{program}-{version}.lock.hcl"))
    }

    fn read(&self, path: &Path) -> Option<LockedProvider> {
        LockedProvider::parse(&std::fs::read_to_string(path).ok()?, self.program)
    }

    /// The checksums of a version that was installed here.
    pub(crate) fn known(&self, version: &str) -> Option<LockedProvider> {
        self.read(&self.file(version))
    }

    /// Those of the newest version that was installed here.
    pub(crate) fn newest(&self) -> Option<LockedProvider> {
        let prefix = format!("{}-", self.program.file());
        let files = std::fs::read_dir(&self.path).ok()?.flatten();
        files
            .filter(|file| {
                let name = file.file_name();
                let name = name.to_string_lossy();
                name.starts_with(&prefix) && name.ends_with(".lock.hcl")
            })
            .filter_map(|file| self.read(&file.path()))
            .max_by(|one, other| compare(&one.version, &other.version))
    }

    /// Remembers the lock file of a directory that was initialized. If this fails, the next `init` leaves the cache
    /// alone.
    pub(crate) fn remember(&self, lock_file: &str) {
        if let Some(locked) = LockedProvider::parse(lock_file, self.program) {
            let _ = std::fs::write(self.file(&locked.version), lock_file);
        }
    }

    /// Forgets a version.
    pub(crate) fn forget(&self, version: &str) {
        let _ = std::fs::remove_file(self.file(version));
    }

    /// Whether the cache has this version for a platform or, without a version, any.
    pub(crate) fn holds(&self, version: Option<&str>, platform: &str) -> bool {
        let provider = self.path.join(self.program.provider());
        match version {
            Some(version) => provider.join(version).join(platform).exists(),
            None => provider.exists(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_is_remembered_for_each_program() {
        let directory = tempfile::tempdir().expect("a directory");
        let cache = |program| ProviderCache::new(directory.path().to_owned(), program);
        let [tofu, terraform] = [Program::OpenTofu, Program::Terraform].map(cache);
        let locked = |version: &str| LockedProvider {
            version: version.to_owned(),
            hashes: [format!("h1:{version}=")].into(),
            platforms: ["linux_amd64".to_owned()].into(),
        };
        for version in ["6.9.0", "6.62.0", "6.15.0"] {
            terraform.remember(&locked(version).render(Program::Terraform, "linux_amd64"));
        }
        tofu.remember(&locked("6.70.0").render(Program::OpenTofu, "linux_amd64"));
        let version = |found: Option<LockedProvider>| found.map(|found| found.version);
        assert_eq!(version(terraform.newest()).as_deref(), Some("6.62.0"));
        assert_eq!(version(tofu.newest()).as_deref(), Some("6.70.0"));
        assert_eq!(
            terraform.known("6.9.0").map(|one| one.hashes),
            Some(locked("6.9.0").hashes)
        );
        terraform.forget("6.62.0");
        assert_eq!(version(terraform.newest()).as_deref(), Some("6.15.0"));
        assert_eq!(terraform.known("6.70.0"), None);
    }

    #[test]
    fn a_package_in_the_cache_is_seen() {
        let directory = tempfile::tempdir().expect("a directory");
        let cache = ProviderCache::new(directory.path().to_owned(), Program::Terraform);
        assert!(!cache.holds(None, "linux_amd64"));
        let package = "registry.terraform.io/hashicorp/aws/6.62.0/linux_amd64";
        std::fs::create_dir_all(directory.path().join(package)).expect("a package");
        assert!(cache.holds(None, "linux_amd64") && cache.holds(Some("6.62.0"), "linux_amd64"));
        assert!(!cache.holds(Some("6.15.0"), "linux_amd64"));
        assert!(!cache.holds(Some("6.62.0"), "darwin_arm64"));
    }
}
