//! Drives one release: observes, asks `rules` for the next step, writes it to the ledger, acts, reports. What
//! cannot be observed is in the ledger, so another process can continue.

mod investigation;
mod probes;
mod run;

use self::run::Run;
use crate::failure::Failure;
use crate::image::engine::Engine;
use crate::image::local_image::LocalImage;
use crate::lock::keepalive::Keepalive;
use crate::release::http_probe::Prober;
use crate::release::ledger::Ledger;
use crate::release::platform::{Look, Platform};
use crate::report::Report;
use aws::Logs;
use infra::Interrupt;
use rules::app::manifest::Manifest;
use rules::release::revision::Revision;
use rules::release::{Outcome, Release, Step};

/// What a release acts on.
pub(crate) struct Driver<'a> {
    /// The public URL.
    pub(crate) url: &'a str,
    pub(crate) platform: Platform,
    pub(crate) logs: Logs,
    pub(crate) prober: Prober,
    /// The released image on this machine, to inspect it if it does not become healthy.
    pub(crate) local: Option<LocalCopy<'a>>,
    pub(crate) report: &'a Report,
    pub(crate) interrupt: Interrupt,
}

/// An image on this machine.
pub(crate) struct LocalCopy<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) image: &'a LocalImage,
    pub(crate) manifest: &'a Manifest,
}

impl Driver<'_> {
    /// Runs the release in the ledger until it ends or a person has to decide.
    ///
    /// # Errors
    /// The lock was lost, the ledger cannot be written, or the platform keeps failing. The release stays
    /// open then.
    pub(crate) async fn run(
        &self,
        ledger: &mut Ledger,
        keepalive: &Keepalive,
    ) -> Result<Outcome, Failure> {
        Run::new(self, ledger, keepalive).complete().await
    }

    /// Observes both slots and the shares of users.
    pub(crate) async fn look(&self) -> Result<Look, Failure> {
        self.platform.look().await
    }

    /// Carries out a step that changes the platform.
    async fn act(
        &self,
        step: &Step,
        revision: &Revision,
        release: &Release,
        look: &Look,
    ) -> Result<(), Failure> {
        let platform = &self.platform;
        match step {
            Step::Stage { slot } => platform.stage(*slot, revision, release.count, look).await,
            Step::EnablePreview => platform.enable_previews(look).await,
            Step::DisablePreview => platform.disable_previews(look).await,
            Step::Shift { slot, share } => platform.shift(*slot, *share, look).await,
            Step::Scale { slot, count } => platform.scale(*slot, *count).await,
            Step::Retire { slot } => platform.scale(*slot, 0).await,
            Step::Probe { .. }
            | Step::Watch { .. }
            | Step::Wait { .. }
            | Step::Promote { .. }
            | Step::RollBack { .. }
            | Step::Finished { .. } => Ok(()),
        }
    }
}
