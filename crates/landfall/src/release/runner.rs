//! A release as a command runs it: an earlier one that was interrupted first, then its own, then what is
//! observed afterwards.

use crate::failure::Failure;
use crate::lock::holder;
use crate::lock::keepalive::Keepalive;
use crate::release::driver::Driver;
use crate::release::http_probe::SlotRoute;
use crate::release::ledger::Ledger;
use crate::report::{Report, now};
use crate::store::Store;
use rules::app::names::{SLOT_HEADER, Slot};
use rules::event::Event;
use rules::release::begin::{Beginning, Predecessor, begin};
use rules::release::ending::{self, Observed, not_serving, slot_to_observe};
use rules::release::idle;
use rules::release::ledger::{Entry, Record};
use rules::release::revision::{Digest, Image, Revision, RevisionId};
use rules::release::verdict::{Answers, verdict};
use rules::release::{ManualOverride, Outcome, Purpose, Release, ReleaseOptions, Strategy};
use std::time::Duration;

/// Time limit for the public address to answer after a release.
const PUBLIC: Duration = Duration::from_secs(60);
/// Answers without an error that a verdict needs.
const GOOD_ANSWERS: u32 = 3;
/// How long after a release no answer may be lost. "Rule updates do not take effect immediately, so requests could be
/// routed using the previous rule configuration for a short time"
/// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-rule.html>).
const STEADY: Duration = Duration::from_secs(3);

/// Runs the releases of one environment.
pub(crate) struct ReleaseRunner<'a> {
    pub(crate) driver: Driver<'a>,
    pub(crate) store: Store,
    pub(crate) keepalive: &'a Keepalive,
    pub(crate) report: &'a Report,
}

/// Whether a release was needed.
pub(crate) enum ReleaseResult {
    /// The revision serves already, and nothing else was left to do.
    Unchanged(Slot),
    /// It was released.
    Released {
        outcome: Outcome,
        record: Box<Record>,
    },
}

impl ReleaseRunner<'_> {
    /// Releases `revision`, unless it serves already. A release that was interrupted comes first: it is
    /// resumed if it is of the same revision, otherwise rolled back.
    ///
    /// # Errors
    /// A release is held, or as of [`Driver::run`].
    pub(crate) async fn release(
        &self,
        revision: &Revision,
        options: &ReleaseOptions,
    ) -> Result<ReleaseResult, Failure> {
        let mut latest = Ledger::latest(&self.store).await?;
        if let Some(ledger) = &mut latest {
            let record = &ledger.record;
            match Predecessor::decide(Some(record), &revision.id()) {
                Predecessor::Closed => {}
                Predecessor::Held => return Err(ending::held(record).into()),
                Predecessor::Resume => {
                    self.note_interrupted(record);
                    let outcome = self.resume(ledger).await?;
                    return Ok(released(outcome, ledger));
                }
                Predecessor::Abort => {
                    self.note_interrupted(record);
                    Self::order(ledger, ManualOverride::Abort);
                    self.resume(ledger).await?;
                }
            }
        }
        let latest = latest.map(|ledger| ledger.record);
        let number = latest.as_ref().map_or(1, |record| record.number + 1);
        let (release, from) = match self.begin(revision, options, latest.as_ref()).await? {
            Beginning::Serving(slot) => return Ok(ReleaseResult::Unchanged(slot)),
            Beginning::Release { release, from } => (release, from),
        };
        let release = self
            .with_idleness(*release, from.as_ref(), number - 1)
            .await;
        let by = holder::this("").who;
        let record = Record::begin(number, by, revision.clone(), from, release);
        let mut ledger = Ledger::begin(&self.store, record);
        let outcome = self.resume(&mut ledger).await?;
        Ok(released(outcome, &ledger))
    }

    /// A release of `revision` as it would begin now, after the `latest` one of the ledger.
    pub(crate) async fn begin(
        &self,
        revision: &Revision,
        options: &ReleaseOptions,
        latest: Option<&Record>,
    ) -> Result<Beginning, Failure> {
        let seen = self.driver.look().await?.observation();
        Ok(begin(revision.id(), options, &seen, latest, now()))
    }

    /// Finds out whether the app has users to compare versions with, if this release compares them.
    async fn with_idleness(
        &self,
        release: Release,
        from: Option<&RevisionId>,
        latest: u64,
    ) -> Release {
        let compares = release.strategy == Strategy::Canary && release.purpose == Purpose::Deploy;
        if !compares || from.is_none() {
            return release;
        }
        let counted = match self.driver.platform.requests_of_the_last_hour().await {
            Ok(counted) => Some(counted),
            Err(error) => {
                self.report.note(format!(
                    "the requests of the last hour could not be read, so the versions are compared however few users there are ({error})"
                ));
                None
            }
        };
        let own = match Ledger::recent(&self.store, latest, release.started).await {
            Ok(records) => idle::own_requests(&records, release.started),
            // Then the app looks busier than it is, and its versions are compared.
            Err(_) => 0,
        };
        let is_idle = idle::is_idle(counted, own);
        if is_idle {
            self.report.note(format!(
                "fewer than {} requests in the last hour: too few to compare versions, so all users move at once after probes, and the old version stays until the bake is over",
                idle::BELOW
            ));
        }
        Release { is_idle, ..release }
    }

    /// Drives the release of the ledger from where it stands.
    pub(crate) async fn resume(&self, ledger: &mut Ledger) -> Result<Outcome, Failure> {
        ledger.record.outcome = None;
        ledger.record.ended_at = None;
        self.keepalive.name_release(ledger.record.number).await;
        self.driver.run(ledger, self.keepalive).await
    }

    /// Adds a person's override to the record; it is written with the next step.
    pub(crate) fn order(ledger: &mut Ledger, order: ManualOverride) {
        ledger.record.entries.push(Entry::Order {
            at: now(),
            by: holder::this("").who,
            order,
        });
    }

    /// Reports that an earlier release was interrupted.
    pub(crate) fn note_interrupted(&self, record: &Record) {
        self.report.note(format!(
            "release {} of revision {} by {} was interrupted",
            record.number, record.begun.revision, record.by
        ));
    }

    /// Observes what runs after a command, and fails unless `revision` serves.
    ///
    /// # Errors
    /// As of `rules::release::ending`, with the exit code of the outcome; or the platform cannot be
    /// observed.
    pub(crate) async fn verdict(
        &self,
        result: &ReleaseResult,
        revision: &Revision,
    ) -> Result<(), Failure> {
        match result {
            ReleaseResult::Unchanged(slot) => {
                let digest = &revision.image.digest;
                let observed = self.observe(*slot, Some(digest), Duration::ZERO).await?;
                match not_serving(observed.verdict.as_ref()) {
                    None => Ok(()),
                    Some(failure) => Err(failure.into()),
                }
            }
            ReleaseResult::Released { outcome, record } => self.judge(outcome, record).await,
        }
    }

    /// Observes what runs and what the public address answers, independent of what was reported before.
    ///
    /// # Errors
    /// As of [`ReleaseRunner::verdict`].
    pub(crate) async fn judge(&self, outcome: &Outcome, record: &Record) -> Result<(), Failure> {
        let observed = match (slot_to_observe(outcome), outcome) {
            (Some(slot), Outcome::Serving { .. }) => {
                let digest = &record.revision.image.digest;
                self.observe(slot, Some(digest), STEADY).await?
            }
            (Some(slot), _) => self.observe(slot, None, STEADY).await?,
            (None, _) => Observed::default(),
        };
        if let Outcome::Held { slot, .. } = outcome {
            self.report_preview(*slot).await?;
        }
        match ending::failure(outcome, record, &observed) {
            None => Ok(()),
            Some(failure) => Err(failure.into()),
        }
    }

    /// Reports how to reach a version that is staged without users.
    async fn report_preview(&self, slot: Slot) -> Result<(), Failure> {
        let look = self.driver.look().await?;
        if let Some(token) = look.route(slot).token {
            self.report.emit(Event::Private {
                url: self.driver.url.to_owned(),
                header: SLOT_HEADER.to_owned(),
                token,
            });
        }
        Ok(())
    }

    /// Compares what runs in a slot with `expected`, or with the image that the slot is set to.
    async fn observe(
        &self,
        slot: Slot,
        expected: Option<&Digest>,
        steady: Duration,
    ) -> Result<Observed, Failure> {
        let look = self.driver.look().await?;
        let of = look.of(slot);
        let set = of.image.as_deref().and_then(Image::parse);
        let expected = expected.cloned().or(set.map(|image| image.digest));
        let answers = self.ask_public(steady).await;
        let verdict = expected.map(|digest| verdict(&digest, &of.running, answers));
        if let Some(verdict) = &verdict {
            self.report.emit(Event::Judged {
                verdict: verdict.clone(),
            });
        }
        Ok(Observed { verdict, answers })
    }

    /// Sends requests to the public address until some were answered without an error and, for a time of
    /// `steady`, none was lost; or for a minute.
    async fn ask_public(&self, steady: Duration) -> Answers {
        let mut answers = Answers::default();
        let begun = tokio::time::Instant::now();
        let mut steady_since = begun;
        while begun.elapsed() < PUBLIC
            && (answers.good < GOOD_ANSWERS || steady_since.elapsed() < steady)
        {
            let lost = answers.lost;
            let status = self.driver.prober.ask(&SlotRoute::default()).await;
            answers.count(status);
            if answers.lost > lost {
                steady_since = tokio::time::Instant::now();
            }
            let has_enough = answers.good >= GOOD_ANSWERS;
            if has_enough || status.is_none_or(|status| status >= 500) {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
        answers
    }
}

fn released(outcome: Outcome, ledger: &Ledger) -> ReleaseResult {
    ReleaseResult::Released {
        outcome,
        record: Box::new(ledger.record.clone()),
    }
}
