//! `terraform init`: which provider is installed, and where from.

use super::{Failure, POLL_INTERVAL, Terraform};
use crate::workdir::{LOCK_FILE, OVERRIDE};
use rules::shape::toolchain::lock_file::LockedProvider;
use rules::shape::toolchain::provider;
use sha2::{Digest as _, Sha256};
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

impl Terraform {
    /// Initializes the directory with the provider that its lock file names, unless nothing that `init` reads has
    /// changed since the last time. Without a lock file it is [`Terraform::upgrade`].
    ///
    /// # Errors
    /// The provider cannot be installed, or the backend cannot be reached.
    pub async fn init(&self) -> Result<(), Failure> {
        if self.dir.lock_file().is_none() {
            return self.upgrade().await;
        }
        if std::fs::read_to_string(self.stamp()).ok() == Some(self.init_stamp()) {
            return Ok(());
        }
        // Only one process at a time may write to Terraform's cache.
        let _lock = self.lock_plugins().await?;
        let plugins = match self.complete_lock_file()? {
            true => self.cache.path.clone(),
            false => self.own_plugins(),
        };
        self.run_init(&[], plugins).await
    }

    /// Initializes the directory with the newest provider that its HCL allows, and writes its lock file.
    ///
    /// # Errors
    /// As of [`Terraform::init`].
    pub async fn upgrade(&self) -> Result<(), Failure> {
        let _lock = self.lock_plugins().await?;
        let (binary, known) = (&self.binary, self.cache.newest());
        // If the newest provider of this machine is still the newest, it is not downloaded again.
        if let Some(known) = &known {
            let known = known.with(known, &binary.platform);
            self.write_lock_file(&known)?;
        }
        let plugins = match known.is_none() && self.cache.holds(None, &binary.platform) {
            false => self.cache.path.clone(),
            true => self.own_plugins(),
        };
        match (self.run_init(&["-upgrade"], plugins).await, known) {
            (Err(failure), Some(known)) if provider::is_another_package(&failure.why) => {
                // A mirror got another package for the same version, and no environment relies on the old one here.
                self.cache.forget(&known.version);
                self.dir.remove_lock_file().map_err(self.unwritable())?;
                self.run_init(&["-upgrade"], self.own_plugins()).await
            }
            (done, _) => done,
        }
    }

    /// Adds the checksums to the lock file that this machine knows. Returns whether Terraform may use the cache: it has no
    /// such package yet, or one whose checksum is in the lock file.
    fn complete_lock_file(&self) -> Result<bool, Failure> {
        let (binary, text) = (&self.binary, self.dir.lock_file().unwrap_or_default());
        let Some(locked) = LockedProvider::parse(&text, binary.program) else {
            return Ok(!self.cache.holds(None, &binary.platform));
        };
        let known = self.cache.known(&locked.version);
        let complete = known.and_then(|known| locked.completed_by(&known));
        if let Some(complete) = &complete
            && *complete != locked
        {
            self.write_lock_file(&complete.with(complete, &binary.platform))?;
        }
        let is_new = !self.cache.holds(Some(&locked.version), &binary.platform);
        Ok(is_new || complete.is_some())
    }

    fn write_lock_file(&self, locked: &LockedProvider) -> Result<(), Failure> {
        let text = locked.render(self.binary.program, &self.binary.platform);
        self.dir.write_lock_file(&text).map_err(self.unwritable())
    }

    fn unwritable(&self) -> impl Fn(std::io::Error) -> Failure {
        |error| self.failure("init", vec![error.to_string()])
    }

    /// A cache that no other directory uses.
    fn own_plugins(&self) -> PathBuf {
        self.dir.path.join(".terraform").join("landfall-plugins")
    }

    async fn run_init(&self, more: &[&str], plugins: PathBuf) -> Result<(), Failure> {
        // The backend file decides where the state is; no state is migrated here.
        let mut args = vec!["init", "-input=false", "-no-color", "-reconfigure"];
        args.extend(more);
        let run = async |plugins: &Path| {
            std::fs::create_dir_all(plugins).map_err(self.unwritable())?;
            let mut command = self.command(&args);
            command.env("TF_PLUGIN_CACHE_DIR", plugins);
            self.run_command(command, "init", &mut |_| {}).await
        };
        match run(&plugins).await {
            Err(failure) if provider::is_busy(&failure.why) => run(&self.own_plugins()).await?,
            done => done?,
        }
        self.cache
            .remember(&self.dir.lock_file().unwrap_or_default());
        // If this fails, the next command initializes again, which is harmless.
        let _ = std::fs::write(self.stamp(), self.init_stamp());
        Ok(())
    }

    fn stamp(&self) -> PathBuf {
        self.dir.path.join(".terraform").join("landfall-init")
    }

    async fn lock_plugins(&self) -> Result<File, Failure> {
        let failed = |error: std::io::Error| self.failure("init", vec![error.to_string()]);
        std::fs::create_dir_all(&self.cache.path).map_err(failed)?;
        let file = File::create(self.cache.path.join("landfall.lock")).map_err(failed)?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) => tokio::time::sleep(POLL_INTERVAL).await,
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
        }
    }

    fn init_stamp(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(&self.binary.version);
        for name in ["versions.tf", OVERRIDE, "backend.tf.json", LOCK_FILE] {
            hash.update(std::fs::read(self.dir.path.join(name)).unwrap_or_default());
        }
        hash.finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}
