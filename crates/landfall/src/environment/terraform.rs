//! Terraform for the roots of an environment: variables, plans that destroy, outputs, and what its
//! failures mean.

use crate::environment::Environment;
use crate::environment::paths::cache;
use crate::environment::toolchain::PlanMode;
use crate::failure::Failure;
use crate::release::deployment::{Deployment, TargetOutputs};
use crate::report::Report;
use infra::{Binary, Interrupt, Message, Terraform, WorkDir};
use rules::app::manifest::{Manifest, Target};
use rules::event::Event;
use rules::exit::Exit;
use rules::release::revision::Image;
use rules::shape::account_budget::AccountBudget;
use rules::shape::contract::{
    CiInputs, FargateDomainInputs, FargateInputs, LambdaDomainInputs, LambdaInputs, Root,
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::OnceLock;

/// Finds the OpenTofu or Terraform of this machine: `LANDFALL_TERRAFORM`, otherwise one on the
/// `PATH`.
///
/// # Errors
/// There is none, or its version is not supported.
pub(crate) fn binary() -> Result<Binary, Failure> {
    // Each root asks for it, and neither program starts in less than a tenth of a second.
    static FOUND: OnceLock<Binary> = OnceLock::new();
    if let Some(binary) = FOUND.get() {
        return Ok(binary.clone());
    }
    let chosen = std::env::var_os("LANDFALL_TERRAFORM").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let binary = Binary::find(chosen.as_deref(), &path)?;
    Ok(FOUND.get_or_init(|| binary).clone())
}

/// Reports the progress of Terraform in a root as events.
pub(crate) fn listener(report: &Report, root: Root) -> impl FnMut(Message) + Send + use<> {
    let report = report.clone();
    move |message| {
        if let Message::Resource {
            address,
            action,
            progress,
            seconds,
        } = message
        {
            report.emit(Event::Resource {
                root,
                address,
                action,
                progress,
                seconds,
            });
        }
    }
}

impl Environment {
    /// Terraform for a root, its directory written and initialized. Enough to read outputs, and to
    /// destroy.
    ///
    /// # Errors
    /// As of [`Environment::terraform_with`].
    pub(crate) async fn terraform(
        &self,
        root: Root,
        manifest: &Manifest,
        interrupt: &Interrupt,
    ) -> Result<Terraform, Failure> {
        self.terraform_for(root, manifest, None, interrupt).await
    }

    /// The same with the settings of a function, to create or change it.
    ///
    /// # Errors
    /// As of [`Environment::terraform_with`].
    pub(crate) async fn terraform_for(
        &self,
        root: Root,
        manifest: &Manifest,
        image: Option<&Image>,
        interrupt: &Interrupt,
    ) -> Result<Terraform, Failure> {
        let variables = self.variables(root, manifest, image).await?;
        self.terraform_with(root, &variables, interrupt).await
    }

    /// Terraform for a root with these variables, its directory written and initialized.
    ///
    /// # Errors
    /// There is no Terraform, the environment uses the other program, the directory cannot be written, or `terraform
    /// init` fails.
    pub(crate) async fn terraform_with(
        &self,
        root: Root,
        variables: &Value,
        interrupt: &Interrupt,
    ) -> Result<Terraform, Failure> {
        let binary = binary()?;
        let dir = WorkDir::new(&self.directory, root);
        let unwritable = Failure::io(format!("{} cannot be written", dir.path.display()));
        let overrides = self.endpoints.overrides();
        dir.write(variables, &self.backend(), overrides.as_ref())
            .map_err(unwritable)?;
        let terraform = Terraform::new(
            binary,
            dir,
            cache().join("plugins"),
            self.terraform_environment(),
            interrupt.clone(),
        );
        self.initialize(&terraform).await?;
        Ok(terraform)
    }

    /// The environment variables by which Terraform finds region, services and credentials.
    fn terraform_environment(&self) -> Vec<(OsString, OsString)> {
        let credentials = self.credentials.variables().into_iter();
        credentials
            .map(|(name, value)| (name.into(), value.into()))
            .chain(self.endpoints.terraform_variables(&self.session))
            .collect()
    }

    /// The variables of a root as the manifest sets them. For the roots of a domain and of CI they
    /// ask for nothing, so they only serve to destroy these.
    ///
    /// # Errors
    /// As of [`Environment::bounded`].
    pub(crate) async fn variables(
        &self,
        root: Root,
        manifest: &Manifest,
        image: Option<&Image>,
    ) -> Result<Value, Failure> {
        let (names, region) = (&self.names, self.session.region());
        let none = BTreeMap::new();
        let variables = match root {
            Root::Foundation => {
                let budget = AccountBudget::Planned;
                return self.foundation_variables(manifest, &budget).await;
            }
            Root::Fargate => serde_json::to_value(FargateInputs::of(manifest, region)),
            Root::Lambda => {
                let manifest = self.bounded(manifest).await?;
                serde_json::to_value(LambdaInputs::of(&manifest, region, image))
            }
            Root::LambdaDomain => {
                let tags = &manifest.tags;
                serde_json::to_value(LambdaDomainInputs::of(names, region, &none, None, tags))
            }
            Root::FargateDomain => {
                serde_json::to_value(FargateDomainInputs::of(names, &none, None, manifest))
            }
            Root::Ci => serde_json::to_value(CiInputs::to_remove(names, region)),
        };
        variables.map_err(|error| Failure::new(Exit::Bug, error.to_string()))
    }

    /// The files of a root for use without landfall: name and text.
    pub(crate) fn ejected(&self, root: Root, variables: &Value) -> BTreeMap<String, String> {
        let overrides = self.endpoints.overrides_with_keys();
        infra::ejected(root, variables, &self.backend(), overrides.as_ref())
    }

    /// The outputs of the foundation and the target; [`None`] before the first `up`.
    ///
    /// # Errors
    /// The state cannot be read.
    pub(crate) async fn deployment(
        &self,
        manifest: &Manifest,
        interrupt: &Interrupt,
    ) -> Result<Option<Deployment>, Failure> {
        if !self.has_state().await? {
            return Ok(None);
        }
        let deployed = self.targets().await?;
        let target = Environment::target(manifest, &deployed);
        if !deployed.contains(&target) {
            return Ok(None);
        }
        let Some(target) = self.target_outputs(target, manifest, interrupt).await? else {
            return Ok(None);
        };
        let foundation = self.outputs(Root::Foundation, manifest, interrupt).await?;
        Ok(foundation.map(|foundation| Deployment { foundation, target }))
    }

    /// The outputs of a root; [`None`] before its first apply. Terraform is started only for a state that cannot be
    /// read without it.
    ///
    /// # Errors
    /// The state cannot be read.
    pub(crate) async fn outputs<T: DeserializeOwned>(
        &self,
        root: Root,
        manifest: &Manifest,
        interrupt: &Interrupt,
    ) -> Result<Option<T>, Failure> {
        let Some(state) = self.state(root).await? else {
            return Ok(None);
        };
        if let Ok(outputs) = infra::state_file::outputs(&state) {
            return Ok(outputs);
        }
        let terraform = self.terraform(root, manifest, interrupt).await?;
        Ok(terraform.outputs().await?)
    }

    /// The outputs of a target's root, with an address that this machine can reach.
    ///
    /// # Errors
    /// The state cannot be read.
    pub(crate) async fn target_outputs(
        &self,
        target: Target,
        manifest: &Manifest,
        interrupt: &Interrupt,
    ) -> Result<Option<TargetOutputs>, Failure> {
        let root = Root::of(target);
        let outputs = match target {
            Target::Fargate => {
                let outputs = self.outputs(root, manifest, interrupt).await?;
                outputs.map(TargetOutputs::Fargate)
            }
            Target::Lambda => {
                let outputs = self.outputs(root, manifest, interrupt).await?;
                outputs.map(TargetOutputs::Lambda)
            }
        };
        match outputs {
            Some(outputs) => Ok(Some(self.endpoints.reachable(outputs).await?)),
            None => Ok(None),
        }
    }

    /// Destroys what the roots contain, one root after the other. What fails is tried once more:
    /// AWS reports some things as deleted before they are, and the next attempt succeeds.
    ///
    /// # Errors
    /// A root failed twice, its state is locked, or the user stopped it.
    pub(crate) async fn destroy(
        &self,
        manifest: &Manifest,
        roots: &[Root],
        report: &Report,
        interrupt: &Interrupt,
    ) -> Result<(), Failure> {
        for &root in roots {
            let terraform = self.terraform(root, manifest, interrupt).await?;
            let first = match self.destroy_root(&terraform, report).await {
                Ok(()) => continue,
                Err(failure) => failure,
            };
            if !first.interrupted {
                report.note(format!("{first}; trying once more"));
                match self.destroy_root(&terraform, report).await {
                    Ok(()) => continue,
                    Err(failure) => return Err(self.explain(&terraform, failure).await),
                }
            }
            return Err(self.explain(&terraform, first).await);
        }
        Ok(())
    }

    /// The failure of Terraform with its cause, where landfall can see it: someone holds the lock
    /// of the state, or the user stopped it.
    pub(crate) async fn explain(&self, terraform: &Terraform, failure: infra::Failure) -> Failure {
        let root = terraform.dir.root;
        if failure.interrupted {
            return explain_interrupt(terraform, failure).await;
        }
        match self.state_lock(root).await {
            Some(lock) => {
                let unlock = terraform.unlock_command(&lock.id);
                Failure::new(
                    Exit::Locked,
                    format!("the state of the {root} root is locked"),
                )
                .why(lock.describe())
                .next("wait until it has finished, then run the same command again")
                .next(format!("if no command is working on it any more: {unlock}"))
            }
            None => self.explain_provider(root, failure).await,
        }
    }

    async fn destroy_root(
        &self,
        terraform: &Terraform,
        report: &Report,
    ) -> Result<(), infra::Failure> {
        let root = terraform.dir.root;
        let plan = self.plan(terraform, PlanMode::Destroy, report).await?;
        report.emit(Event::Planned {
            root,
            summary: plan.describe(),
            changes: plan.changes.clone(),
        });
        match plan.is_empty() {
            true => Ok(()),
            false => terraform.apply(&mut listener(report, root)).await,
        }
    }
}

/// After an interrupt: how much Terraform left.
async fn explain_interrupt(terraform: &Terraform, failure: infra::Failure) -> Failure {
    let mut failure = Failure::from(failure);
    failure.what = format!(
        "interrupted; Terraform stopped gracefully in the {} root",
        terraform.dir.root
    );
    failure.why = match terraform.resources().await {
        Ok(count) => vec![format!("its state has {count} resources")],
        Err(error) => vec![format!("its state cannot be read: {error}")],
    };
    failure
}
