//! The checks of `landfall doctor` and before `up`: from facts about this machine, the account and the app
//! to every problem at once, each with its fix.
//!
//! The caller gathers [`Facts`]; what could not be gathered is [`Unavailable`] and says why. A fact that was
//! not asked for gives no check, so `up` asks for the cheap ones only.

pub mod account;
pub mod app;
pub mod machine;
pub mod permissions;

use crate::app::manifest::{Manifest, Problem};
use crate::check::{Check, CheckId, Seen, Unavailable, judged};
use crate::operate::domain;
use crate::operate::secrets::{self, Stored};

/// Everything that was found. [`Facts::default`] has nothing asked for.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The app's settings, or what is wrong with them.
    pub app: Seen<Result<Manifest, Vec<Problem>>>,
    /// Container engine.
    pub engine: Seen<machine::Engine>,
    /// Where the engine keeps images.
    pub disk: Seen<machine::Disk>,
    /// OpenTofu or Terraform.
    pub terraform: Seen<machine::Tool>,
    /// Directories that are written to.
    pub directories: Seen<Vec<machine::Directory>>,
    /// Path of the edge's program, if it does; [`None`] where the app does without.
    pub edge: Seen<Option<String>>,
    /// Who calls.
    pub credentials: Seen<account::Identity>,
    /// How far this machine's clock is ahead of AWS's, milliseconds.
    pub clock: Seen<i64>,
    /// The region.
    pub region: Seen<account::Region>,
    /// Invocations that the account may have at once.
    pub concurrency: Seen<u32>,
    /// vCPUs that the account may have on Fargate at once.
    pub vcpus: Seen<f64>,
    /// Load balancers.
    pub load_balancers: Seen<account::LoadBalancers>,
    /// Things that the state does not know.
    pub names: Seen<account::Strangers>,
    /// The domain, if one is wanted.
    pub domain: Seen<domain::Survey>,
    /// Secrets of the environment, in either store.
    pub secrets: Seen<Vec<Stored>>,
    /// What the caller may do.
    pub permissions: Seen<Vec<permissions::Simulated>>,
    /// The image.
    pub image: Seen<app::Image>,
    /// What the image did when it was run.
    pub trial: Seen<app::Trial>,
}

impl Default for Facts {
    fn default() -> Facts {
        Facts {
            app: Err(Unavailable::NotAsked),
            engine: Err(Unavailable::NotAsked),
            disk: Err(Unavailable::NotAsked),
            terraform: Err(Unavailable::NotAsked),
            directories: Err(Unavailable::NotAsked),
            edge: Err(Unavailable::NotAsked),
            credentials: Err(Unavailable::NotAsked),
            clock: Err(Unavailable::NotAsked),
            region: Err(Unavailable::NotAsked),
            concurrency: Err(Unavailable::NotAsked),
            vcpus: Err(Unavailable::NotAsked),
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
    /// The app's settings, if they are in order.
    pub fn manifest(&self) -> Option<&Manifest> {
        self.app.as_ref().ok()?.as_ref().ok()
    }
}

/// Judges what was found, in the order of the report.
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
