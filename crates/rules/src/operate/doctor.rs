//! The checks of `landfall doctor` and before `up`: from facts about this machine, the account and the app
//! to every problem at once, each with its fix.
//!
//! The caller gathers [`Facts`]; what could not be gathered is [`Unavailable`], with the reason. A fact that was
//! not asked for gives no check, so `up` asks for the cheap ones only.

pub mod account;
#[cfg(test)]
mod account_tests;
pub mod app;
#[cfg(test)]
mod app_tests;
pub mod machine;
pub mod permissions;
#[cfg(test)]
mod samples;

use crate::app::manifest::{Manifest, Problem};
use crate::check::{Check, CheckId, Seen, Unavailable, judged};
use crate::operate::domain;
use crate::operate::secrets::{self, Stored};
use crate::shape::account_budget::AccountBudget;

/// The facts. In [`Facts::default`] none was asked for.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The app's settings, or what is wrong with them.
    pub app: Seen<Result<Manifest, Vec<Problem>>>,
    /// Container engine.
    pub engine: Seen<machine::Engine>,
    /// Where the engine keeps images.
    pub disk: Seen<machine::Disk>,
    /// OpenTofu or Terraform.
    pub terraform: Seen<machine::Terraform>,
    /// What the environment uses of those two, and its AWS provider.
    pub toolchain: Seen<machine::Toolchain>,
    /// Directories that landfall and Terraform write to.
    pub directories: Seen<Vec<machine::Directory>>,
    /// Path of the edge's program; [`None`] where the app has no edge.
    pub edge: Seen<Option<String>>,
    /// The caller's identity.
    pub credentials: Seen<account::Identity>,
    /// How far this machine's clock is ahead of AWS's, milliseconds.
    pub clock: Seen<i64>,
    /// The region.
    pub region: Seen<account::Region>,
    /// The account's quota of concurrent invocations.
    pub concurrency: Seen<u32>,
    /// The account's quota of Fargate vCPUs.
    pub vcpus: Seen<f64>,
    /// VPCs, of which an app on Fargate needs one.
    pub vpcs: Seen<account::Usage>,
    /// The AWS budget.
    pub budget: Seen<AccountBudget>,
    /// Load balancers.
    pub load_balancers: Seen<account::Usage>,
    /// Resources with the environment's names that its state does not contain.
    pub names: Seen<account::UnknownResources>,
    /// The domain, if the manifest has one.
    pub domain: Seen<domain::Survey>,
    /// Secrets of the environment, in either store.
    pub secrets: Seen<Vec<Stored>>,
    /// The caller's permissions.
    pub permissions: Seen<Vec<permissions::Simulated>>,
    /// The image.
    pub image: Seen<app::Image>,
    /// The result of running the image.
    pub trial: Seen<app::Trial>,
}

impl Default for Facts {
    fn default() -> Facts {
        Facts {
            app: Err(Unavailable::NotAsked),
            engine: Err(Unavailable::NotAsked),
            disk: Err(Unavailable::NotAsked),
            terraform: Err(Unavailable::NotAsked),
            toolchain: Err(Unavailable::NotAsked),
            directories: Err(Unavailable::NotAsked),
            edge: Err(Unavailable::NotAsked),
            credentials: Err(Unavailable::NotAsked),
            clock: Err(Unavailable::NotAsked),
            region: Err(Unavailable::NotAsked),
            concurrency: Err(Unavailable::NotAsked),
            vcpus: Err(Unavailable::NotAsked),
            vpcs: Err(Unavailable::NotAsked),
            budget: Err(Unavailable::NotAsked),
            load_balancers: Err(Unavailable::NotAsked),
            names: Err(Unavailable::NotAsked),
            domain: Err(Unavailable::NotAsked),
            secrets: Err(Unavailable::NotAsked),
            permissions: Err(Unavailable::NotAsked),
            image: Err(Unavailable::NotAsked),
            trial: Err(Unavailable::NotAsked),
        }
    }
}

impl Facts {
    /// The app's settings, if they are valid.
    pub fn manifest(&self) -> Option<&Manifest> {
        self.app.as_ref().ok()?.as_ref().ok()
    }
}

/// The checks of the facts, in the order of the report.
pub fn examine(facts: &Facts) -> Vec<Check> {
    let mut checks = app::settings(&facts.app);
    checks.extend(machine::checks(facts));
    checks.extend(account::checks(facts));
    if let Some(manifest) = facts.manifest() {
        let set = judged(CheckId::Secrets, &facts.secrets, |stored| {
            secrets::checks(manifest, stored)
        });
        checks.extend(set);
    }
    checks.extend(app::checks(facts));
    checks.sort_by_key(|check| check.check);
    checks
}

#[cfg(test)]
#[path = "doctor_tests.rs"]
mod tests;
