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
use aws::{Logs, Registry};
use infra::Interrupt;
use rules::app::manifest::Manifest;
use rules::event::Event;
use rules::release::kept_images;
use rules::release::revision::Revision;
use rules::release::{Outcome, Release, Step};

/// What a release acts on.
pub(crate) struct Driver<'a> {
    /// The public URL.
    pub(crate) url: &'a str,
    pub(crate) platform: Platform,
    pub(crate) logs: Logs,
    pub(crate) images: Images,
    pub(crate) prober: Prober,
    /// The released image on this machine, to inspect it if it does not become healthy.
    pub(crate) local: Option<LocalCopy<'a>>,
    pub(crate) report: &'a Report,
    pub(crate) interrupt: Interrupt,
}

/// The images of the environment in its registry.
pub(crate) struct Images {
    pub(crate) registry: Registry,
    pub(crate) repository: String,
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

    /// Tags the image of a revision, so that the registry does not expire it. A release goes on without:
    /// expiry takes many pushes, and users must not wait for it.
    async fn keep_image(&self, revision: &Revision, tag: &str) {
        let Images {
            registry,
            repository,
        } = &self.images;
        if let Err(error) = registry.tag(repository, &revision.image.digest, tag).await {
            self.report.emit(Event::Warning {
                text: format!(
                    "the image of this version could not be tagged `{tag}`: later pushes may expire it ({error})"
                ),
            });
        }
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
        if let Some(tag) = kept_images::tag(step, release) {
            self.keep_image(revision, &tag).await;
        }
        match step {
            Step::Stage { slot } => {
                let staged = platform.stage(*slot, revision, release.count, look);
                if let Some(note) = staged.await? {
                    self.report.note(note);
                }
                Ok(())
            }
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
