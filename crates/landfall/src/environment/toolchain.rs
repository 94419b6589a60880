//! The program and the AWS provider of an environment. Its record (`environment.json`, next to the state) names both;
//! every command uses them, and `up` writes them.

use crate::cli::Tools;
use crate::environment::Environment;
use crate::failure::Failure;
use crate::report::Report;
use crate::store::random::token;
use aws::{ETag, ErrorKind, Written};
use infra::Terraform;
use rules::exit::Exit;
use rules::shape::contract::Root;
use rules::shape::plan::Plan;
use rules::shape::toolchain::lock_file::LockedProvider;
use rules::shape::toolchain::record::{EnvironmentRecord, KEY};
use rules::shape::toolchain::{self, Fit, Program, Tool, provider};

/// What the command line allows to change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ToolChanges {
    /// Use the newest provider instead of the recorded one.
    pub(crate) upgrade_provider: bool,
    /// Use this machine's program instead of the recorded one.
    pub(crate) switch_tool: bool,
}

impl From<Tools> for ToolChanges {
    fn from(tools: Tools) -> ToolChanges {
        ToolChanges {
            upgrade_provider: tools.upgrade_provider,
            switch_tool: tools.switch_tool,
        }
    }
}

/// What this process knows of the environment's program and provider.
#[derive(Debug, Default)]
pub(crate) struct Toolchain {
    /// The record as it was read; [`None`] before.
    record: Option<EnvironmentRecord>,
    /// The provider of the roots that were initialized; [`None`] before the first.
    selected: Option<LockedProvider>,
}

/// How a root is planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PlanMode {
    /// To be applied.
    Apply,
    /// To destroy the root.
    Destroy,
    /// To be looked at, without a lock of the state.
    Look,
}

impl PlanMode {
    async fn run(self, terraform: &Terraform) -> Result<Plan, infra::Failure> {
        match self {
            PlanMode::Apply => terraform.plan(false).await,
            PlanMode::Destroy => terraform.plan(true).await,
            PlanMode::Look => terraform.plan_without_lock().await,
        }
    }
}

impl Environment {
    /// The same environment, in which a command may change these.
    pub(crate) fn with_changes(self, changes: ToolChanges) -> Environment {
        Environment { changes, ..self }
    }

    /// The environment's record, which is read once; an empty one before the first `up`.
    ///
    /// # Errors
    /// AWS does not answer, or a newer landfall wrote it.
    pub(crate) async fn record(&self) -> Result<EnvironmentRecord, Failure> {
        self.record_in(&mut *self.toolchain.lock().await).await
    }

    async fn record_in(&self, known: &mut Toolchain) -> Result<EnvironmentRecord, Failure> {
        if known.record.is_none() {
            known.record = Some(self.read_record().await?.0);
        }
        Ok(known.record.clone().unwrap_or_default())
    }

    async fn read_record(&self) -> Result<(EnvironmentRecord, Option<ETag>), Failure> {
        let object = match self.bucket() {
            Some(bucket) => match bucket.read_tagged(KEY).await {
                Err(error) if error.kind == ErrorKind::NotFound => None,
                other => other?,
            },
            None => self.store().read(KEY).await?,
        };
        let Some(object) = object else {
            return Ok((EnvironmentRecord::default(), None));
        };
        let record = EnvironmentRecord::parse(&object.text).map_err(|why| {
            Failure::new(Exit::BadInput, format!("{KEY} of this environment cannot be read"))
                .why(why)
                .next("a newer version of landfall may have written it: use that version; nothing was changed")
        })?;
        Ok((record, Some(object.tag)))
    }

    /// The program that the environment uses, and the newest version of it that has applied anything: as recorded,
    /// otherwise as the state of `root` shows. [`None`] if nothing is there.
    pub(crate) async fn tool(&self, root: Root) -> Result<Option<Tool>, Failure> {
        let record = self.record().await?;
        self.tool_of(&record, root).await
    }

    async fn tool_of(
        &self,
        record: &EnvironmentRecord,
        root: Root,
    ) -> Result<Option<Tool>, Failure> {
        if record.tool.is_some() {
            return Ok(record.tool.clone());
        }
        let state = self.state(root).await?;
        Ok(state.and_then(|state| Tool::of_state(&state)))
    }

    /// Initializes a root with the environment's provider, and keeps what was installed for the other roots.
    ///
    /// # Errors
    /// The environment uses the other program, or the provider cannot be installed.
    pub(super) async fn initialize(&self, terraform: &Terraform) -> Result<(), Failure> {
        let mut known = self.toolchain.lock().await;
        let record = self.record_in(&mut known).await?;
        let (binary, root) = (terraform.binary(), terraform.dir.root);
        let used = self.tool_of(&record, root).await?;
        let switched_from = match toolchain::fit(used.as_ref(), &binary.tool()) {
            Fit::Same | Fit::Older(_) => None,
            Fit::Other(used) if self.changes.switch_tool => Some(used.program),
            Fit::Other(used) => {
                return Err(toolchain::other_program(&used, &binary.tool()).into());
            }
        };
        if switched_from == Some(Program::OpenTofu) {
            self.take_from_opentofu(terraform).await?;
        }
        let recorded = record.provider.filter(|_| !self.changes.upgrade_provider);
        let recorded = match switched_from {
            // The other registry has other packages of the same version.
            Some(_) => recorded.map(|recorded| recorded.without_checksums()),
            None => recorded,
        };
        let wanted = known.selected.clone().or(recorded);
        let done = match &wanted {
            Some(wanted) => {
                restore(terraform, wanted)?;
                terraform.init().await
            }
            None => terraform.upgrade().await,
        };
        done.map_err(|failure| self.explain_init(terraform, wanted.as_ref(), failure))?;
        known.selected = self.installed(terraform, wanted.as_ref())?;
        Ok(())
    }

    /// The provider that `init` has installed in a root, with what was known before.
    fn installed(
        &self,
        terraform: &Terraform,
        before: Option<&LockedProvider>,
    ) -> Result<Option<LockedProvider>, Failure> {
        let binary = terraform.binary();
        let Some(installed) = lock_of(terraform) else {
            return Ok(None);
        };
        if let Some(refused) = self.cloud().refused_provider(&installed.version) {
            return Err(refused.into());
        }
        Ok(Some(match before {
            Some(before) => before.with(&installed, &binary.platform),
            None => installed.with(&installed, &binary.platform),
        }))
    }

    fn explain_init(
        &self,
        terraform: &Terraform,
        wanted: Option<&LockedProvider>,
        failure: infra::Failure,
    ) -> Failure {
        if failure.interrupted {
            return failure.into();
        }
        if let Some(wanted) = wanted
            && provider::is_another_package(&failure.why)
        {
            let platform = &terraform.binary().platform;
            return provider::another_package(&wanted.version, platform, failure.why).into();
        }
        if provider::is_unavailable(&failure.why) {
            return provider::unavailable(self.cloud().provider_range(), failure.why).into();
        }
        failure.into()
    }

    /// Terraform reads a state of OpenTofu only with a second AWS provider, until the state names its own. OpenTofu reads
    /// a state of Terraform as it is.
    async fn take_from_opentofu(&self, terraform: &Terraform) -> Result<(), Failure> {
        let state = self.state(terraform.dir.root).await?.unwrap_or_default();
        if state.contains(Program::OpenTofu.provider()) {
            // The backend has to be initialized. Where only the second provider cannot be installed, it is.
            let _ = terraform.init().await;
            terraform.replace_provider(Program::OpenTofu).await?;
        }
        Ok(())
    }

    /// Plans a root. Where a newer provider has written its state, the newest one is installed and the plan repeated,
    /// once.
    ///
    /// # Errors
    /// Terraform fails.
    pub(crate) async fn plan(
        &self,
        terraform: &Terraform,
        mode: PlanMode,
        report: &Report,
    ) -> Result<Plan, infra::Failure> {
        let failure = match mode.run(terraform).await {
            Err(failure) if provider::is_too_old(&failure.why) => failure,
            done => return done,
        };
        let before = lock_of(terraform);
        terraform.upgrade().await?;
        let installed = self
            .installed(terraform, None)
            .map_err(|refused| infra::Failure {
                what: refused.what,
                why: refused.why,
                interrupted: false,
            })?;
        let (Some(before), Some(installed)) = (before, installed) else {
            return Err(failure);
        };
        let (old, new) = (before.version, installed.version.clone());
        self.toolchain.lock().await.selected = Some(installed);
        if old == new {
            return Err(failure);
        }
        report.note(format!(
            "a newer provider wrote the state of the {} root: {} is used from now on",
            terraform.dir.root,
            provider::change(Some(&old), &new).unwrap_or_default()
        ));
        mode.run(terraform).await
    }

    /// How the provider differs from the recorded one, in a line; [`None`] if it does not, or before the first root was
    /// initialized.
    pub(crate) async fn provider_change(&self) -> Option<String> {
        let known = self.toolchain.lock().await;
        let recorded = known.record.as_ref()?.provider.as_ref()?;
        provider::change(Some(&recorded.version), &known.selected.as_ref()?.version)
    }

    /// A failure of Terraform whose cause is the version of the provider, if it is.
    pub(super) async fn explain_provider(&self, root: Root, failure: infra::Failure) -> Failure {
        let (recorded, selected) = {
            let known = self.toolchain.lock().await;
            let recorded = known
                .record
                .as_ref()
                .and_then(|record| record.provider.as_ref());
            let version = |provider: &LockedProvider| provider.version.clone();
            (recorded.map(version), known.selected.as_ref().map(version))
        };
        if provider::is_too_old(&failure.why) {
            let version = selected.unwrap_or_default();
            return provider::still_too_old(&version, failure.why).into();
        }
        let failure = Failure::from(failure);
        match selected {
            // A new environment needs these permissions anyway.
            Some(selected)
                if failure.exit == Exit::Access
                    && recorded.as_ref() != Some(&selected)
                    && self.holds(root).await.unwrap_or(false) =>
            {
                failure.next(provider::first_use(&selected))
            }
            _ => failure,
        }
    }

    /// Records program and provider. The caller holds the release lock.
    ///
    /// # Errors
    /// The store does not answer, or another command has changed the record since this one read it.
    pub(crate) async fn record_toolchain(&self, terraform: &Terraform) -> Result<(), Failure> {
        let binary = terraform.binary();
        let mut known = self.toolchain.lock().await;
        let (current, tag) = self.read_record().await?;
        let version = |record: &EnvironmentRecord| {
            let provider = record.provider.as_ref();
            let program = record.tool.as_ref().map(|tool| tool.program);
            (program, provider.map(|provider| provider.version.clone()))
        };
        if known.record.as_ref().map(version) != Some(version(&current)) {
            return Err(changed());
        }
        let provider = known
            .selected
            .as_ref()
            .map(|selected| match &current.provider {
                Some(recorded) => recorded.with(selected, &binary.platform),
                None => selected.clone(),
            });
        if let Some(mut record) = current.with(&binary.tool(), provider.as_ref()) {
            record.nonce = token()?;
            let text = serde_json::to_string(&record)
                .map_err(|error| Failure::new(Exit::Bug, error.to_string()))?;
            let store = self.store();
            let written = match &tag {
                None => store.create(KEY, &text).await?,
                Some(tag) => store.replace(KEY, &text, tag).await?,
            };
            if written == Written::Lost {
                return Err(changed());
            }
            known.record = Some(record);
        }
        Ok(())
    }

    /// Terraform's lock file with the provider of the roots that were initialized, for a directory outside landfall.
    pub(crate) async fn lock_file(&self, terraform: &Terraform) -> Option<String> {
        let binary = terraform.binary();
        let known = self.toolchain.lock().await;
        let selected = known.selected.as_ref()?;
        Some(selected.render(binary.program, &binary.platform))
    }
}

/// Writes the lock file of a root, unless it has the same provider and checksums: then `init` has nothing to do.
fn restore(terraform: &Terraform, wanted: &LockedProvider) -> Result<(), Failure> {
    let binary = terraform.binary();
    let text = wanted.render(binary.program, &binary.platform);
    if lock_of(terraform) == LockedProvider::parse(&text, binary.program) {
        return Ok(());
    }
    let unwritable = Failure::io(format!(
        "{} cannot be written",
        terraform.dir.path.display()
    ));
    terraform.dir.write_lock_file(&text).map_err(unwritable)
}

/// The provider in the lock file of a root.
fn lock_of(terraform: &Terraform) -> Option<LockedProvider> {
    let text = terraform.dir.lock_file()?;
    LockedProvider::parse(&text, terraform.binary().program)
}

fn changed() -> Failure {
    Failure::new(
        Exit::Locked,
        "another command has changed the program or the provider of this environment meanwhile",
    )
    .why(format!("{KEY} is not as it was read"))
    .next("run the same command again: it uses what is recorded now")
}
