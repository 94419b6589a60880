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
use aws::{CredentialsServer, Identity, Session};
use rules::app::manifest::{Manifest, PermissionsBoundary, StateBackend};
use rules::app::names::{Names, TAG_APP, TAG_ENVIRONMENT};
use rules::event::Event;
use rules::exit::Exit;
use rules::leave::ci::{partition, partition_of};
use rules::leave::eject::Whose;
use rules::operate::doctor::account;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::{Mutex, OnceCell};

/// One environment of one app, in one account and region. It need not be deployed.
#[derive(Clone)]
pub(crate) struct Environment {
    pub(crate) names: Names,
    pub(crate) account: String,
    pub(crate) identity: account::Identity,
    pub(crate) session: Session,
    pub(crate) endpoints: Endpoints,
    /// Where Terraform gets the credentials of `session`.
    credentials: Arc<CredentialsServer>,
    directory: PathBuf,
    state_backend: StateBackend,
    changes: ToolChanges,
    /// Shared by the copies of this process, so that all roots get the same provider.
    toolchain: Arc<Mutex<Toolchain>>,
    /// The permissions boundary of this environment's roles, once it was looked up.
    boundary: Arc<OnceCell<Option<PermissionsBoundary>>>,
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
        let mut environment = Environment::of(&account_region, names, manifest.state, report);
        environment.check_owner().await?;
        let tags = tags(&environment.names, manifest);
        environment.session = environment.session.with_tags(tags);
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
            boundary: Arc::default(),
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

    /// The partition of AWS that it is in.
    pub(crate) fn partition(&self) -> &str {
        let of_region = || partition(self.session.region());
        partition_of(&self.identity.arn).unwrap_or_else(of_region)
    }

    /// The manifest with the permissions boundary that the roles get: its own, otherwise the one that `landfall ci`
    /// made. It is found by its name, by every identity alike, so a laptop and a job plan the same.
    ///
    /// # Errors
    /// AWS refuses the look-up.
    pub(crate) async fn bounded(&self, manifest: &Manifest) -> Result<Manifest, Failure> {
        if manifest.permissions_boundary.is_some() {
            return Ok(manifest.clone());
        }
        let look_up = || async {
            let (identity, name) = (Identity::new(&self.session), self.names.boundary());
            let found = identity.policy(&name).await?.map(|policy| policy.arn);
            Ok::<_, Failure>(found.and_then(|arn| PermissionsBoundary::parse(&arn).ok()))
        };
        Ok(Manifest {
            permissions_boundary: self.boundary.get_or_try_init(look_up).await?.clone(),
            ..manifest.clone()
        })
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

/// Tags of what landfall itself creates. Without tags of the manifest there are none: older policies do not allow
/// them.
fn tags(names: &Names, manifest: &Manifest) -> BTreeMap<String, String> {
    let mut tags = manifest.tags.clone();
    if !tags.is_empty() {
        tags.insert(TAG_APP.to_owned(), names.app.to_string());
        tags.insert(TAG_ENVIRONMENT.to_owned(), names.environment.to_string());
    }
    tags
}
