//! Where a command acts: account, region, names, and the ways to reach them.

use super::account_region::AccountRegion;
use crate::cli::Global;
use crate::environment::app::App;
use crate::failure::Failure;
use crate::rehearsal::Rehearsal;
use crate::release::runner::{Deployment, TargetOutputs};
use crate::report::Report;
use crate::store::Store;
use aws::{Session, StateBucket};
use infra::{Backend, Binary, Emulators, Interrupt, Terraform, WorkDir};
use rules::app::manifest::{Choice, Manifest, StateBackend, Target};
use rules::app::names::Names;
use rules::exit::Exit;
use rules::operate::doctor::account::Identity;
use rules::release::revision::Image;
use rules::shape::contract::{
    CiInputs, FargateDomainInputs, FargateInputs, FargateOutputs, FoundationInputs,
    LambdaDomainInputs, LambdaInputs, LambdaOutputs, Root,
};
use rules::shape::state_lock::StateLock;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// One environment of one app, in one account and region.
#[derive(Clone)]
pub(crate) struct Environment {
    pub(crate) names: Names,
    pub(crate) account: String,
    pub(crate) identity: Identity,
    pub(crate) session: Session,
    pub(super) rehearsal: Option<Rehearsal>,
    pub(super) directory: PathBuf,
    pub(super) cache: PathBuf,
    pub(super) state: StateBackend,
    pub(super) profile: Option<String>,
}

/// What Terraform needs to know of a function beyond the manifest.
#[derive(Debug, Clone, Default)]
pub(crate) struct Function {
    /// What it is made from.
    pub(crate) image: Option<Image>,
    /// How much of the account's concurrency is kept for it.
    pub(crate) reserved_concurrency: Option<u32>,
}

/// The directory of everything that landfall keeps on this machine: unpacked HCL, plans, local state.
/// It lies outside the app directory, where it would end up in the image.
pub(crate) fn home() -> PathBuf {
    directory("LANDFALL_HOME", "XDG_STATE_HOME", ".local/state")
}

pub(crate) fn cache() -> PathBuf {
    directory("LANDFALL_CACHE", "XDG_CACHE_HOME", ".cache")
}

fn directory(variable: &str, base: &str, fallback: &str) -> PathBuf {
    let of = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    if let Some(own) = of(variable) {
        return std::path::absolute(&own).unwrap_or(own);
    }
    of(base)
        .or_else(|| of("HOME").map(|home| home.join(fallback)))
        .unwrap_or_else(|| PathBuf::from(fallback))
        .join("landfall")
}

impl Environment {
    /// Finds out who is calling and from where, and starts the emulators of a rehearsal.
    pub(crate) async fn open(
        app: &App,
        global: &Global,
        report: &Report,
    ) -> Result<Environment, Failure> {
        let manifest = &app.manifest;
        let ground = AccountRegion::open(manifest.region.as_ref(), global, report).await?;
        let names = Names::new(manifest.name.clone(), manifest.environment.clone());
        Ok(ground.place(names, manifest.state, report))
    }

    /// The bucket of the state, unless the state is kept on this machine.
    pub(crate) fn bucket(&self) -> Option<StateBucket> {
        match self.state {
            StateBackend::S3 => Some(StateBucket::new(&self.session, &self.names, &self.account)),
            StateBackend::Local => None,
        }
    }

    /// Where the ledger and the release lock of the environment are: beside its state.
    pub(crate) fn store(&self) -> Store {
        match self.bucket() {
            Some(bucket) => Store::Bucket(bucket),
            None => Store::Local(self.directory.clone()),
        }
    }

    /// Whether AWS is emulated here.
    pub(crate) fn is_rehearsal(&self) -> bool {
        self.rehearsal.is_some()
    }

    /// The same environment, looked at from `directory`: what another command has open is not touched there,
    /// and nothing is made for it, so that a state that is not there yet is an empty one.
    pub(crate) async fn aside(&self, directory: &Path) -> Result<Environment, Failure> {
        let aside = |state| Environment {
            directory: directory.to_owned(),
            state,
            ..self.clone()
        };
        match self.bucket() {
            Some(bucket) if bucket.exists().await? => return Ok(aside(StateBackend::S3)),
            Some(_) => return Ok(aside(StateBackend::Local)),
            None => {}
        }
        for root in Root::ALL {
            let (from, to) = (
                WorkDir::new(&self.directory, root),
                WorkDir::new(directory, root),
            );
            let state = from.path.join("terraform.tfstate");
            if state.exists() {
                std::fs::create_dir_all(&to.path)
                    .and_then(|()| std::fs::copy(&state, to.path.join("terraform.tfstate")))
                    .map_err(Failure::io(format!("{} cannot be copied", state.display())))?;
            }
        }
        Ok(aside(StateBackend::Local))
    }

    /// The directory with both roots.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    fn backend(&self) -> Backend {
        match self.bucket() {
            Some(bucket) => Backend::S3 {
                bucket: bucket.name().to_owned(),
                region: self.session.region().to_owned(),
            },
            None => Backend::Local,
        }
    }

    /// Whether a state may exist: without one there is nothing to read outputs of.
    pub(crate) async fn has_state(&self) -> Result<bool, Failure> {
        match self.bucket() {
            Some(bucket) => Ok(bucket.exists().await?),
            None => Ok(Root::ALL.into_iter().any(|root| {
                WorkDir::new(&self.directory, root)
                    .path
                    .join("terraform.tfstate")
                    .exists()
            })),
        }
    }

    /// The OpenTofu or Terraform of this machine.
    pub(crate) fn terraform_binary() -> Result<Binary, Failure> {
        let chosen = std::env::var_os("LANDFALL_TERRAFORM").map(PathBuf::from);
        let path = std::env::var_os("PATH").unwrap_or_default();
        Ok(Binary::find(chosen.as_deref(), &path)?)
    }

    /// Whether anything of a root may be there, as its state tells.
    pub(crate) async fn holds(&self, root: Root) -> Result<bool, Failure> {
        let state = self.state(root).await?;
        Ok(state.is_some_and(|state| WorkDir::holds_resources(&state)))
    }

    /// The text of a root's state; [`None`] if there is none.
    pub(crate) async fn state(&self, root: Root) -> Result<Option<String>, Failure> {
        let dir = WorkDir::new(&self.directory, root);
        Ok(match self.bucket() {
            Some(bucket) => match bucket.read(&dir.state_key()).await {
                Err(error) if error.kind == aws::ErrorKind::NotFound => None,
                other => other?,
            },
            None => std::fs::read_to_string(dir.path.join("terraform.tfstate")).ok(),
        })
    }

    /// Whoever holds the lock of a root's state.
    pub(crate) async fn lock(&self, root: Root) -> Option<StateLock> {
        let dir = WorkDir::new(&self.directory, root);
        match self.bucket() {
            None => dir.local_lock(),
            Some(bucket) => match bucket.read(&dir.lock_key()).await {
                Ok(Some(text)) => StateLock::parse(&text).ok(),
                _ => None,
            },
        }
    }

    /// What the environment runs on: both, while it moves.
    pub(crate) async fn targets(&self) -> Result<Vec<Target>, Failure> {
        let mut targets = Vec::new();
        for target in Target::ALL {
            if self.holds(Root::of(target)).await? {
                targets.push(target);
            }
        }
        Ok(targets)
    }

    /// The target that a command means: the one that was asked for, else the one that is there.
    pub(crate) fn target(manifest: &Manifest, there: &[Target]) -> Target {
        match there {
            [target] if manifest.choice != Choice::Asked => *target,
            _ => manifest.target,
        }
    }

    /// Terraform for a root, its directory written and initialized.
    pub(crate) async fn terraform(
        &self,
        root: Root,
        manifest: &Manifest,
        interrupt: &Interrupt,
    ) -> Result<Terraform, Failure> {
        self.terraform_for(root, manifest, &Function::default(), interrupt)
            .await
    }

    /// The same, for a function that is to be made.
    pub(crate) async fn terraform_for(
        &self,
        root: Root,
        manifest: &Manifest,
        function: &Function,
        interrupt: &Interrupt,
    ) -> Result<Terraform, Failure> {
        let inputs = self.variables(root, manifest, function)?;
        self.terraform_with(root, &inputs, interrupt).await
    }

    /// The variables of a root as the manifest has them. Those of CI's are good for its removal only.
    pub(crate) fn variables(
        &self,
        root: Root,
        manifest: &Manifest,
        function: &Function,
    ) -> Result<serde_json::Value, Failure> {
        let region = self.session.region();
        let inputs = match root {
            Root::Foundation => serde_json::to_value(FoundationInputs::of(manifest, region)),
            Root::Fargate => serde_json::to_value(FargateInputs::of(manifest, region)),
            Root::Lambda => serde_json::to_value(LambdaInputs::of(
                manifest,
                region,
                function.image.as_ref(),
                function.reserved_concurrency,
            )),
            // To remove what is there: none is wanted.
            Root::LambdaDomain => serde_json::to_value(LambdaDomainInputs::of(
                &self.names,
                region,
                &BTreeMap::new(),
                None,
            )),
            Root::FargateDomain => {
                serde_json::to_value(FargateDomainInputs::of(&self.names, &BTreeMap::new(), None))
            }
            Root::Ci => serde_json::to_value(CiInputs::to_remove(&self.names, region)),
        };
        inputs.map_err(|error| Failure::new(Exit::Bug, error.to_string()))
    }

    /// The files of a root, as plain Terraform takes them anywhere else.
    pub(crate) fn ejected(
        &self,
        root: Root,
        variables: &serde_json::Value,
    ) -> BTreeMap<String, String> {
        infra::ejected(root, variables, &self.backend(), self.emulators().as_ref())
    }

    /// The emulators of a rehearsal.
    pub(crate) fn emulators(&self) -> Option<Emulators> {
        self.rehearsal.as_ref().map(|rehearsal| Emulators {
            main: rehearsal.fakecloud.url.clone(),
            second: rehearsal.ministack.url.clone(),
            identity: rehearsal.identity(),
        })
    }

    /// The file of a root's state, where the state is kept on this machine.
    pub(crate) fn local_state(&self, root: Root) -> PathBuf {
        let dir = WorkDir::new(&self.directory, root);
        dir.path.join("terraform.tfstate")
    }

    /// Terraform for a root with these variables, its directory written and initialized.
    pub(crate) async fn terraform_with(
        &self,
        root: Root,
        inputs: &serde_json::Value,
        interrupt: &Interrupt,
    ) -> Result<Terraform, Failure> {
        let binary = Environment::terraform_binary()?;
        let emulators = self.emulators();
        let dir = WorkDir::new(&self.directory, root);
        let unwritable = Failure::io(format!("{} cannot be written", dir.path.display()));
        dir.write(inputs, &self.backend(), emulators.as_ref())
            .map_err(unwritable)?;
        let terraform = Terraform::new(
            binary,
            dir,
            self.cache.join("plugins"),
            self.terraform_env(),
            interrupt.clone(),
        );
        terraform.init().await?;
        Ok(terraform)
    }

    fn terraform_env(&self) -> Vec<(OsString, OsString)> {
        let mut env: Vec<(OsString, OsString)> =
            vec![("AWS_REGION".into(), self.session.region().into())];
        if let Some(profile) = &self.profile {
            env.push(("AWS_PROFILE".into(), profile.into()));
        }
        if let Some(rehearsal) = &self.rehearsal {
            let (key, secret) = rehearsal
                .identity()
                .unwrap_or_else(|| ("test".to_owned(), "test".to_owned()));
            for (name, value) in [
                ("AWS_ACCESS_KEY_ID", key.as_str()),
                ("AWS_SECRET_ACCESS_KEY", &secret),
                ("AWS_SESSION_TOKEN", ""),
                ("AWS_PROFILE", ""),
                ("AWS_EC2_METADATA_DISABLED", "true"),
                // For services that an `endpoints` block of some provider version does not know.
                ("AWS_ENDPOINT_URL", &rehearsal.fakecloud.url),
            ] {
                env.push((name.into(), value.into()));
            }
        }
        env
    }

    /// What Terraform made; [`None`] before the first `up`.
    pub(crate) async fn site(
        &self,
        manifest: &Manifest,
        interrupt: &Interrupt,
    ) -> Result<Option<Deployment>, Failure> {
        if !self.has_state().await? {
            return Ok(None);
        }
        let there = self.targets().await?;
        let target = Environment::target(manifest, &there);
        if !there.contains(&target) {
            return Ok(None);
        }
        let Some(target) = self.target_outputs(target, manifest, interrupt).await? else {
            return Ok(None);
        };
        let foundation = self
            .terraform(Root::Foundation, manifest, interrupt)
            .await?
            .outputs()
            .await?;
        Ok(foundation.map(|foundation| Deployment { foundation, target }))
    }

    async fn target_outputs(
        &self,
        target: Target,
        manifest: &Manifest,
        interrupt: &Interrupt,
    ) -> Result<Option<TargetOutputs>, Failure> {
        let terraform = self
            .terraform(Root::of(target), manifest, interrupt)
            .await?;
        self.outputs(target, &terraform).await
    }

    /// What a target's root tells, with the public address as it can be reached from here.
    pub(crate) async fn outputs(
        &self,
        target: Target,
        terraform: &Terraform,
    ) -> Result<Option<TargetOutputs>, Failure> {
        let outputs = match target {
            Target::Fargate => terraform.outputs().await?.map(TargetOutputs::Fargate),
            Target::Lambda => terraform.outputs().await?.map(TargetOutputs::Lambda),
        };
        match outputs {
            Some(outputs) => Ok(Some(self.reachable(outputs).await?)),
            None => Ok(None),
        }
    }

    /// In a rehearsal neither CloudFront nor API Gateway can be reached by the address that AWS would
    /// give them: the emulator's own takes its place.
    async fn reachable(&self, outputs: TargetOutputs) -> Result<TargetOutputs, Failure> {
        let Some(rehearsal) = &self.rehearsal else {
            return Ok(outputs);
        };
        match outputs {
            TargetOutputs::Fargate(outputs) => {
                let url = rehearsal
                    .load_balancer_url(&outputs.load_balancer_arn)
                    .await?;
                Ok(TargetOutputs::Fargate(FargateOutputs { url, ..outputs }))
            }
            TargetOutputs::Lambda(outputs) => {
                let url = rehearsal.api_url(&outputs.api_id);
                Ok(TargetOutputs::Lambda(LambdaOutputs { url, ..outputs }))
            }
        }
    }

    /// If Terraform failed because somebody holds the lock of the state, says who.
    pub(crate) async fn explain_lock(
        &self,
        terraform: &Terraform,
        failure: infra::Failure,
    ) -> Failure {
        match self.lock(terraform.dir.root).await {
            Some(lock) if !failure.interrupted => Failure::new(
                Exit::Locked,
                format!("the state of the {} root is locked", terraform.dir.root),
            )
            .why(lock.describe())
            .next("wait until it is done, then run the same command again")
            .next(format!(
                "if nobody works on it any more: {}",
                terraform.unlock_command(&lock.id)
            )),
            _ => self.explain_interrupt(terraform, failure).await,
        }
    }

    /// If Terraform was interrupted, says what it left.
    async fn explain_interrupt(&self, terraform: &Terraform, failure: infra::Failure) -> Failure {
        let interrupted = failure.interrupted;
        let mut failure = Failure::from(failure);
        if interrupted {
            failure.what = format!(
                "interrupted; Terraform stopped in order in the {} root",
                terraform.dir.root
            );
            failure.why = match terraform.resources().await {
                Ok(count) => vec![format!("its state holds {count} resources")],
                Err(error) => vec![format!("its state cannot be read: {error}")],
            };
        }
        failure
    }

    /// What a command says of an environment that is not there.
    pub(crate) fn not_deployed(&self) -> Failure {
        Failure::new(
            Exit::NothingServing,
            format!("{} ({}) is not deployed", self.names.app, self.names.environment),
        )
        .why(format!("looked in account {}, {}", self.account, self.session.region()))
        .next("`landfall up` deploys it; another environment, region or profile is named by --env, --region, --profile")
    }
}
