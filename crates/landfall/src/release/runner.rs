//! How a command brings a release to its end: what an earlier one left in the middle first, then its own,
//! then a look at whether it is so.

use crate::environment::place::Environment;
use crate::failure::Failure;
use crate::lock::keepalive::Keepalive;
use crate::release::driver::{Driver, Ended, Local};
use crate::release::http_probe::{Prober, SlotRoute};
use crate::release::ledger::Ledger;
use crate::release::platform::{Fargate, Lambda, Look, Platform};
use crate::report::{Report, now};
use crate::store::Store;
use aws::Logs;
use infra::Interrupt;
use rules::app::manifest::{Manifest, Target};
use rules::app::names::{SLOT_HEADER, Slot};
use rules::event::Event;
use rules::exit::Exit;
use rules::release::diagnosis::Cause;
use rules::release::ledger::{Entry, Record};
use rules::release::revision::{Digest, Image, Revision, RevisionId};
use rules::release::verdict::{Answers, Verdict, verdict};
use rules::release::{
    AtMaximum, HoldReason, ManualOverride, Outcome, Progress, Purpose, Release, ReleaseTimings,
    Step, Strategy, next,
};
use rules::shape::contract::{FargateOutputs, FoundationOutputs, LambdaOutputs};
use std::time::Duration;

/// How long the public address may take to answer well after a release.
const PUBLIC: Duration = Duration::from_secs(60);
/// Good answers that a verdict wants to see.
const GOOD_ANSWERS: u32 = 3;

/// What Terraform made for an environment.
#[derive(Clone)]
pub(crate) struct Deployment {
    pub(crate) foundation: FoundationOutputs,
    pub(crate) target: TargetOutputs,
}

/// What Terraform made for the target.
#[derive(Debug, Clone)]
pub(crate) enum TargetOutputs {
    Fargate(FargateOutputs),
    Lambda(LambdaOutputs),
}

/// What is asked of a release beyond the revision.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReleaseOptions {
    pub(crate) count: u32,
    pub(crate) strategy: Strategy,
    pub(crate) purpose: Purpose,
    pub(crate) no_traffic: bool,
    pub(crate) at_maximum: AtMaximum,
    pub(crate) timings: ReleaseTimings,
}

/// One environment whose releases a command conducts.
pub(crate) struct ReleaseRunner<'a> {
    pub(crate) driver: Driver<'a>,
    pub(crate) store: Store,
    pub(crate) keeper: &'a Keepalive,
    pub(crate) report: &'a Report,
}

/// Whether a release was needed.
pub(crate) enum ReleaseResult {
    /// The revision serves already, and nothing else was left to do.
    Unchanged(Slot),
    /// It was released.
    Ended { ended: Ended, record: Box<Record> },
}

impl Deployment {
    /// A driver for releases of it.
    pub(crate) fn driver<'a>(
        &'a self,
        place: &'a Environment,
        manifest: &Manifest,
        local: Option<Local<'a>>,
        report: &'a Report,
        interrupt: &Interrupt,
    ) -> Result<Driver<'a>, Failure> {
        let session = &place.session;
        let (platform, log_group) = match &self.target {
            TargetOutputs::Fargate(outputs) => (
                Platform::Fargate(Box::new(Fargate::new(
                    session,
                    &place.names,
                    &self.foundation,
                    outputs,
                )?)),
                &self.foundation.log_group,
            ),
            TargetOutputs::Lambda(outputs) => (
                Platform::Lambda(Lambda::new(session, outputs, &manifest.health)),
                &outputs.log_group,
            ),
        };
        Ok(Driver {
            url: self.url(),
            platform,
            logs: Logs::new(session, log_group),
            prober: Prober::new(self.url(), manifest.health.as_str())?,
            local,
            report,
            interrupt: interrupt.clone(),
        })
    }

    /// What it runs on.
    pub(crate) fn target(&self) -> Target {
        match &self.target {
            TargetOutputs::Fargate(_) => Target::Fargate,
            TargetOutputs::Lambda(_) => Target::Lambda,
        }
    }

    /// AWS's own public address.
    pub(crate) fn url(&self) -> &str {
        match &self.target {
            TargetOutputs::Fargate(outputs) => &outputs.url,
            TargetOutputs::Lambda(outputs) => &outputs.url,
        }
    }
}

impl ReleaseRunner<'_> {
    /// Releases `revision`, unless it serves already. A release that was left in the middle comes first: of
    /// the same revision it is gone on with, any other is taken back.
    ///
    /// # Errors
    /// A release is held, or whatever goes wrong on the way.
    pub(crate) async fn release(
        &self,
        revision: &Revision,
        terms: &ReleaseOptions,
    ) -> Result<ReleaseResult, Failure> {
        let mut latest = Ledger::latest(&self.store).await?;
        if let Some(ledger) = &mut latest {
            if ledger.record.is_held() {
                return Err(self.held(&ledger.record));
            }
            if ledger.record.is_under_way() {
                self.say_left(&ledger.record);
                if ledger.record.begun.revision == revision.id() {
                    let ended = self.go_on(ledger).await?;
                    return Ok(conducted(ended, ledger));
                }
                self.order(ledger, ManualOverride::Abort);
                self.go_on(ledger).await?;
            }
        }
        let number = latest.map_or(1, |ledger| ledger.record.number + 1);
        let begun = self.begin(revision, terms).await?;
        let (release, from) = match begun {
            StartedRelease::Serving(slot) => return Ok(ReleaseResult::Unchanged(slot)),
            StartedRelease::Release { release, from } => (release, from),
        };
        let by = crate::lock::lease_guard::holder::this("").who;
        let record = Record::begin(number, by, revision.clone(), from, *release);
        let mut ledger = Ledger::begin(&self.store, record);
        let ended = self.go_on(&mut ledger).await?;
        Ok(conducted(ended, &ledger))
    }

    /// A release as it would begin now.
    pub(crate) async fn begin(
        &self,
        revision: &Revision,
        terms: &ReleaseOptions,
    ) -> Result<StartedRelease, Failure> {
        let look = self.driver.look().await?;
        let slots = look.slots();
        let release = Release {
            revision: revision.id(),
            count: terms.count,
            candidate: Release::candidate(&revision.id(), &slots, &look.shares),
            strategy: terms.strategy,
            purpose: terms.purpose,
            no_traffic: terms.no_traffic,
            at_maximum: terms.at_maximum,
            timings: terms.timings,
            started: now(),
            progress: Progress::default(),
        };
        Ok(begun(release, &look))
    }

    /// Goes on with a release that stands in the ledger.
    pub(crate) async fn go_on(&self, ledger: &mut Ledger) -> Result<Ended, Failure> {
        ledger.record.outcome = None;
        ledger.record.ended_at = None;
        self.keeper.name_release(ledger.record.number).await;
        self.driver.run(ledger, self.keeper).await
    }

    /// Puts a person's word into the ledger; it is written with the next step.
    pub(crate) fn order(&self, ledger: &mut Ledger, order: ManualOverride) {
        ledger.record.entries.push(Entry::Order {
            at: now(),
            by: crate::lock::lease_guard::holder::this("").who,
            order,
        });
    }

    pub(crate) fn say_left(&self, record: &Record) {
        self.report.note(format!(
            "release {} of revision {} by {} was left in the middle",
            record.number, record.begun.revision, record.by
        ));
    }

    /// What a command says that meets a held release.
    pub(crate) fn held(&self, record: &Record) -> Failure {
        let (share, why) = match &record.outcome {
            Some(Outcome::Held { share, why, .. }) => (*share, *why),
            _ => (0, HoldReason::Manual),
        };
        Failure::new(
            Exit::Held,
            format!(
                "release {} of revision {} waits for a person, with {share}% of users on it",
                record.number, record.begun.revision
            ),
        )
        .why(why.explain())
        .next("`landfall promote` lets it go on, `landfall abort` takes it back")
    }

    /// What came of it, as observed.
    pub(crate) async fn verdict(
        &self,
        conducted: &ReleaseResult,
        revision: &Revision,
    ) -> Result<(), Failure> {
        match conducted {
            ReleaseResult::Unchanged(slot) => self.see_serving(*slot, &revision.image.digest).await,
            ReleaseResult::Ended { ended, record } => self.judge(ended, record).await,
        }
    }

    /// Looks at what runs and what the public address answers, whatever anybody reported before.
    pub(crate) async fn judge(&self, ended: &Ended, record: &Record) -> Result<(), Failure> {
        match &ended.outcome {
            Outcome::Serving { slot, .. } => {
                self.see_serving(*slot, &record.revision.image.digest).await
            }
            Outcome::Held { slot, .. } => {
                self.say_private(*slot).await?;
                Err(self.held(record))
            }
            Outcome::RolledBack { slot, cause } => {
                let had_users = record.release().progress.shifted_at.is_some();
                Err(self.see_old(*slot, cause, had_users).await?)
            }
            Outcome::NothingServing { cause } => {
                let explanation = cause.explain();
                Err(Failure::new(
                    Exit::NothingServing,
                    "the version failed, and there was no older one",
                )
                .why(explanation.what)
                .next(explanation.next)
                .next("then `landfall up` again; `landfall down` removes what was made"))
            }
            Outcome::AtRisk { slot, cause } => {
                let explanation = cause.explain();
                Err(Failure::new(
                    Exit::AtRisk,
                    format!("the new version was given up, but users are still sent to it, in {slot}"),
                )
                .why(explanation.what)
                .why("the old version has no healthy task that could take them")
                .next("`landfall status` and `landfall logs` show more; `landfall up` with a version that works, or `landfall rollback REVISION`"))
            }
        }
    }

    /// A staged version without users can be tried by who knows its token.
    async fn say_private(&self, slot: Slot) -> Result<(), Failure> {
        let look = self.driver.look().await?;
        if let Some(token) = look.door(slot).token {
            self.report.emit(Event::Private {
                url: self.driver.url.to_owned(),
                header: SLOT_HEADER.to_owned(),
                token,
            });
        }
        Ok(())
    }

    async fn see_serving(&self, slot: Slot, digest: &Digest) -> Result<(), Failure> {
        let look = self.driver.look().await?;
        let answers = self.ask_public().await;
        let verdict = verdict(digest, &look.of(slot).running, answers);
        self.report.emit(Event::Judged {
            verdict: verdict.clone(),
        });
        match verdict {
            Verdict::Serving { .. } => Ok(()),
            Verdict::OtherDigest { .. } => Err(Failure::new(
                Exit::Unknown,
                "the release came to its end, but something else runs than it released",
            )
            .next("`landfall status` shows what runs; `landfall up` releases again")),
            Verdict::Unreachable { .. } => Err(Failure::new(
                Exit::Unknown,
                "the release came to its end, but the public address does not answer",
            )
            .next("`landfall status` and `landfall logs` show more")),
        }
    }

    /// After a rollback: the old version by its digest, and by the public address.
    async fn see_old(
        &self,
        slot: Slot,
        cause: &Cause,
        had_users: bool,
    ) -> Result<Failure, Failure> {
        let look = self.driver.look().await?;
        let old = look.of(slot);
        let image = old.image.as_deref().and_then(Image::parse);
        let answers = self.ask_public().await;
        let seen = image.map(|image| verdict(&image.digest, &old.running, answers));
        if let Some(verdict) = &seen {
            self.report.emit(Event::Judged {
                verdict: verdict.clone(),
            });
        }
        let explanation = cause.explain();
        let what = match (cause, had_users) {
            (Cause::Aborted | Cause::Interrupted, _) => "the new version was taken back",
            (_, true) => "the new version was rolled back",
            (_, false) => "the new version was rolled back; users were never sent to it",
        };
        if !matches!(seen, Some(Verdict::Serving { .. })) {
            return Ok(Failure::new(
                Exit::AtRisk,
                format!("{what}, but the old one was not seen to serve"),
            )
            .why(explanation.what)
            .why(format!(
                "of {} requests to the public address {} were answered well",
                answers.asked, answers.good
            ))
            .next(
                "`landfall status` and `landfall logs` show more; `landfall up` releases again",
            ));
        }
        let exit = match cause {
            Cause::Interrupted => Exit::Interrupted,
            _ => Exit::RolledBack,
        };
        Ok(Failure::new(exit, what)
            .why(explanation.what)
            .why(format!(
                "the old version serves as before, in {slot}: seen by its digest and by the public address"
            ))
            .next(explanation.next))
    }

    /// Asks the public address until it has answered well a few times, or for a minute.
    async fn ask_public(&self) -> Answers {
        let mut answers = Answers::default();
        let end = tokio::time::Instant::now() + PUBLIC;
        while answers.good < GOOD_ANSWERS && tokio::time::Instant::now() < end {
            let status = self.driver.prober.ask(&SlotRoute::default()).await;
            answers.count(status);
            if status.is_none_or(|status| status >= 500) {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
        answers
    }
}

/// What the beginning of a release found.
pub(crate) enum StartedRelease {
    /// Nothing is left to do: the revision serves in the slot.
    Serving(Slot),
    /// There is something to do.
    Release {
        release: Box<Release>,
        from: Option<RevisionId>,
    },
}

fn begun(release: Release, look: &Look) -> StartedRelease {
    let seen = look.observation();
    if let Step::Finished {
        outcome: Outcome::Serving { slot, .. },
    } = next(&release, &seen, now())
    {
        return StartedRelease::Serving(slot);
    }
    let live = seen.slots.of(seen.live());
    let from = live.revision.clone().filter(|_| live.desired > 0);
    StartedRelease::Release {
        release: Box::new(release),
        from,
    }
}

fn conducted(ended: Ended, ledger: &Ledger) -> ReleaseResult {
    ReleaseResult::Ended {
        ended,
        record: Box::new(ledger.record.clone()),
    }
}
