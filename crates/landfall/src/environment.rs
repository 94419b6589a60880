//! An environment: one deployment of one app in one account and region, and what commands do with
//! its infrastructure.
//!
//! Here lives how an environment is found and reached ([`Environment`], [`account_region`],
//! [`endpoints`], [`app`]), its Terraform ([`state`], [`terraform`], [`toolchain`], [`planner`],
//! [`provision`]),
//! its domain and its expiry. Releases are in `release`, which knows nothing of this module;
//! decisions are in `rules`.

pub(crate) mod account_region;
pub(crate) mod app;
pub(crate) mod budget;
pub(crate) mod confirm;
pub(crate) mod dns;
pub(crate) mod domain;
pub(crate) mod endpoints;
pub(crate) mod paths;
pub(crate) mod planner;
pub(crate) mod provision;
pub(crate) mod remains;
pub(crate) mod secrets;
pub(crate) mod state;
pub(crate) mod tasks;
pub(crate) mod terraform;
pub(crate) mod toolchain;
pub(crate) mod ttl;

use crate::cli::Global;
use crate::environment::account_region::AccountRegion;
use crate::environment::endpoints::{Cloud, Endpoints};
use crate::environment::toolchain::{ToolChanges, Toolchain};
use crate::failure::Failure;
use crate::report::Report;
use aws::{CredentialsServer, Session};
use rules::app::manifest::{Manifest, StateBackend};
use rules::app::names::Names;
use rules::event::Event;
use rules::exit::Exit;
use rules::leave::eject::Whose;
use rules::operate::doctor::account::Identity;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::Mutex;

/// One environment of one app, in one account and region. It need not be deployed.
#[derive(Clone)]
pub(crate) struct Environment {
    pub(crate) names: Names,
    pub(crate) account: String,
    pub(crate) identity: Identity,
    pub(crate) session: Session,
    pub(crate) endpoints: Endpoints,
    /// Where Terraform gets the credentials of `session`.
    credentials: Arc<CredentialsServer>,
    directory: PathBuf,
    state_backend: StateBackend,
    changes: ToolChanges,
    /// Shared by the copies of this process, so that all roots get the same provider.
    toolchain: Arc<Mutex<Toolchain>>,
}

impl Environment {
    /// The environment that a manifest names, in the caller's account. Reports which one it is.
    ///
    /// # Errors
    /// As of [`AccountRegion::open`] and [`Environment::check_owner`].
    pub(crate) async fn open(
        manifest: &Manifest,
        global: &Global,
        report: &Report,
    ) -> Result<Environment, Failure> {
        let account_region = AccountRegion::open(manifest.region.as_ref(), global, report).await?;
        let names = Names::new(manifest.name.clone(), manifest.environment.clone());
        let environment = Environment::of(&account_region, names, manifest.state, report);
        environment.check_owner().await?;
        Ok(environment)
    }

    /// The environment with these names. Reports which one it is.
    pub(crate) fn of(
        account_region: &AccountRegion,
        names: Names,
        state_backend: StateBackend,
        report: &Report,
    ) -> Environment {
        let environment = Environment {
            directory: account_region.directory().join(names.id()),
            names,
            account: account_region.identity.account.clone(),
            identity: account_region.identity.clone(),
            session: account_region.session.clone(),
            endpoints: account_region.endpoints.clone(),
            credentials: account_region.credentials.clone(),
            state_backend,
            changes: ToolChanges::default(),
            toolchain: Arc::default(),
        };
        report.emit(Event::Place {
            name: environment.names.app.to_string(),
            environment: environment.names.environment.to_string(),
            account: environment.account.clone(),
            region: environment.session.region().to_owned(),
            rehearsal: environment.cloud().is_rehearsal(),
        });
        environment
    }

    /// The cloud that it is in.
    pub(crate) fn cloud(&self) -> Cloud {
        self.endpoints.cloud()
    }

    /// The directory on this machine with a working directory for each root.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The record of which environment this is, for a directory that `eject` writes.
    pub(crate) fn whose(&self) -> Whose {
        Whose::of(
            &self.names,
            &self.account,
            self.session.region(),
            self.cloud().is_rehearsal(),
        )
    }

    /// The failure of a command that needs a deployed environment.
    pub(crate) fn not_deployed(&self) -> Failure {
        Failure::new(
            Exit::NothingServing,
            format!("{} ({}) is not deployed", self.names.app, self.names.environment),
        )
        .why(format!("checked in account {}, {}", self.account, self.session.region()))
        .next("`landfall up` deploys it; --env, --region and --profile select another environment, region or profile")
    }
}
