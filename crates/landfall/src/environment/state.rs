//! The Terraform state of an environment: in its bucket, or in files on this machine.

use crate::environment::Environment;
use crate::failure::Failure;
use crate::report::Report;
use crate::store::Store;
use aws::StateBucket;
use infra::{Backend, Interrupt, WorkDir};
use rules::app::manifest::{Choice, Manifest, StateBackend, Target};
use rules::exit::Exit;
use rules::operate::ownership::{Owner, foreign_account, refusal_of_account};
use rules::shape::contract::Root;
use rules::shape::permissions::Denied;
use rules::shape::state_lock::StateLock;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The file of a root's state, within the root's directory.
const FILE: &str = "terraform.tfstate";
/// The file of a root's variables, next to it.
const VARIABLES: &str = "terraform.tfvars.json";
/// After how long the wait for a new bucket is reported.
const NOTED_AFTER: Duration = Duration::from_secs(10);

impl Environment {
    /// The bucket of the state; [`None`] if the state is kept on this machine.
    pub(crate) fn bucket(&self) -> Option<StateBucket> {
        match self.state_backend {
            StateBackend::S3 => Some(StateBucket::new(&self.session, &self.names, &self.account)),
            StateBackend::Local => None,
        }
    }

    /// Creates the bucket of the state if it does not exist, as of [`StateBucket::ensure`]. Returns whether it was
    /// created; never for a state on this machine.
    ///
    /// # Errors
    /// AWS refuses a call, or the user stopped it.
    pub(crate) async fn ensure_bucket(
        &self,
        expires_at: Option<&str>,
        report: &Report,
        interrupt: &Interrupt,
    ) -> Result<bool, Failure> {
        let Some(bucket) = self.bucket() else {
            return Ok(false);
        };
        let mut interrupt = interrupt.clone();
        let ensured = bucket.ensure(&self.names, expires_at);
        tokio::pin!(ensured);
        let mut is_noted = false;
        loop {
            tokio::select! {
                made = &mut ensured => return Ok(made?),
                _ = interrupt.wait_for(|stop| *stop) => {
                    return Err(Failure::new(Exit::Interrupted, "interrupted; only the bucket of the state exists")
                        .next("`landfall up` continues, `landfall down` removes it"));
                }
                () = tokio::time::sleep(NOTED_AFTER), if !is_noted => {
                    is_noted = true;
                    report.note("waiting for the new bucket of the state: S3 permits its name, or finds its new objects, \
                                 only some minutes after a bucket was deleted or created");
                }
            }
        }
    }

    /// The store of the release ledger and the release lock, next to the state.
    pub(crate) fn store(&self) -> Store {
        match self.bucket() {
            Some(bucket) => Store::Bucket(bucket),
            None => Store::Local(self.directory.clone()),
        }
    }

    /// The backend that Terraform is configured with.
    pub(super) fn backend(&self) -> Backend {
        match self.bucket() {
            Some(bucket) => Backend::S3 {
                bucket: bucket.name().to_owned(),
                region: self.session.region().to_owned(),
            },
            None => Backend::Local,
        }
    }

    /// The file of a root's state, where the state is kept on this machine.
    pub(crate) fn local_state(&self, root: Root) -> PathBuf {
        WorkDir::new(&self.directory, root).path.join(FILE)
    }

    /// Whether any state may exist. Without one there are no outputs to read.
    ///
    /// # Errors
    /// AWS does not answer.
    pub(crate) async fn has_state(&self) -> Result<bool, Failure> {
        match self.bucket() {
            Some(bucket) => Ok(bucket.exists().await?),
            None => Ok(Root::ALL
                .into_iter()
                .any(|root| self.local_state(root).exists())),
        }
    }

    /// The text of a root's state; [`None`] if there is none.
    ///
    /// # Errors
    /// AWS does not answer, access to the bucket is denied, or the state is that of another account.
    pub(crate) async fn state(&self, root: Root) -> Result<Option<String>, Failure> {
        let state = match self.bucket() {
            Some(bucket) => {
                let key = WorkDir::new(&self.directory, root).state_key();
                match bucket.read_listed(&key).await {
                    Err(error) if error.kind == aws::ErrorKind::NotFound => None,
                    other => other?,
                }
            }
            None => std::fs::read_to_string(self.local_state(root)).ok(),
        };
        if let Some(text) = &state
            && let Some(theirs) = foreign_account(text, &self.account)
        {
            let refusal = refusal_of_account(root.as_str(), &theirs, &self.account);
            return Err(refusal.into());
        }
        Ok(state)
    }

    /// Checks that the state, if there is one, belongs to this environment and not to another one with the same
    /// id.
    ///
    /// # Errors
    /// It does not, or its bucket belongs to another account or cannot be accessed.
    pub(crate) async fn check_owner(&self) -> Result<(), Failure> {
        let (owner, place) = match self.bucket() {
            Some(bucket) => {
                let tags = match bucket.tags().await {
                    // S3 explains a denial to its own accounts alone. Without an explanation the bucket may be
                    // another account's.
                    Err(error) if error.kind == aws::ErrorKind::Denied => {
                        if Denied::read(&error.message).is_none() {
                            bucket.exists().await?;
                        }
                        return Err(error.into());
                    }
                    tags => tags?,
                };
                let place = format!("the tags of the bucket {}", bucket.name());
                (tags.and_then(|tags| Owner::of_tags(&tags)), place)
            }
            None => {
                let mut states = Root::ALL.into_iter();
                let Some(root) = states.find(|root| self.local_state(*root).exists()) else {
                    return Ok(());
                };
                let variables = self.local_state(root).with_file_name(VARIABLES);
                let text = std::fs::read_to_string(&variables).unwrap_or_default();
                let place = variables.display().to_string();
                (Owner::of_variables(&text), place)
            }
        };
        match owner.and_then(|owner| owner.refusal(&self.names, &place)) {
            Some(refusal) => Err(Failure {
                exit: Exit::BadInput,
                ..refusal.into()
            }),
            None => Ok(()),
        }
    }

    /// Whether the state of a root contains resources.
    ///
    /// # Errors
    /// As of [`Environment::state`].
    pub(crate) async fn holds(&self, root: Root) -> Result<bool, Failure> {
        let state = self.state(root).await?;
        Ok(state.is_some_and(|state| WorkDir::holds_resources(&state)))
    }

    /// Terraform's lock of a root's state; [`None`] if it is not locked, or the lock cannot be
    /// read.
    pub(crate) async fn state_lock(&self, root: Root) -> Option<StateLock> {
        let dir = WorkDir::new(&self.directory, root);
        match self.bucket() {
            None => dir.local_lock(),
            Some(bucket) => match bucket.read(&dir.lock_key()).await {
                Ok(Some(text)) => StateLock::parse(&text).ok(),
                _ => None,
            },
        }
    }

    /// The targets that the environment runs on: both, while it moves from one to the other.
    ///
    /// # Errors
    /// As of [`Environment::state`].
    pub(crate) async fn targets(&self) -> Result<Vec<Target>, Failure> {
        let mut targets = Vec::new();
        for target in Target::ALL {
            if self.holds(Root::of(target)).await? {
                targets.push(target);
            }
        }
        Ok(targets)
    }

    /// The target that a command acts on: the one that was asked for, otherwise the one of
    /// `deployed`.
    pub(crate) fn target(manifest: &Manifest, deployed: &[Target]) -> Target {
        match deployed {
            [target] if manifest.choice != Choice::Asked => *target,
            _ => manifest.target,
        }
    }

    /// The same environment with `directory` as its working directory, for plans that must not
    /// disturb another command. Nothing is created for it: where the bucket does not exist yet, the
    /// state is an empty local one.
    ///
    /// # Errors
    /// AWS does not answer, or a local state cannot be copied.
    pub(crate) async fn aside(&self, directory: &Path) -> Result<Environment, Failure> {
        // A copy has no record of its own.
        self.record().await?;
        let aside = |state_backend| Environment {
            directory: directory.to_owned(),
            state_backend,
            ..self.clone()
        };
        match self.bucket() {
            Some(bucket) if bucket.exists().await? => return Ok(aside(StateBackend::S3)),
            Some(_) => return Ok(aside(StateBackend::Local)),
            None => {}
        }
        let aside = aside(StateBackend::Local);
        for root in Root::ALL {
            let (from, to) = (self.local_state(root), aside.local_state(root));
            if from.exists() {
                to.parent()
                    .map_or(Ok(()), std::fs::create_dir_all)
                    .and_then(|()| std::fs::copy(&from, &to))
                    .map_err(Failure::io(format!("{} cannot be copied", from.display())))?;
            }
        }
        Ok(aside)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rules::app::manifest::{Draft, Facts, Overrides};

    fn manifest(target: Option<Target>) -> Manifest {
        let overrides = Overrides {
            target,
            prebuilt_image: true,
            ..Overrides::default()
        };
        let text = Some("name = \"shop\"\n");
        let manifest = Draft::read(text).resolve(&Facts::default(), &overrides);
        manifest.expect("a manifest")
    }

    #[test]
    fn a_command_acts_on_the_target_that_is_deployed_unless_another_was_asked_for() {
        for target in Target::ALL {
            assert_eq!(Environment::target(&manifest(None), &[target]), target);
            for deployed in [&[][..], &[Target::Lambda], &Target::ALL] {
                let asked = manifest(Some(target));
                assert_eq!(Environment::target(&asked, deployed), target);
            }
        }
        // During a move both are deployed.
        let undecided = manifest(None);
        assert_eq!(
            Environment::target(&undecided, &Target::ALL),
            undecided.target
        );
    }
}
