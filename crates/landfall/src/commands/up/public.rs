//! The public address: whether it is there before a release, and what it answers after one.

use crate::driver::{Driver, Ended};
use crate::failure::Failure;
use crate::report::Report;
use rules::diagnosis::Cause;
use rules::event::Event;
use rules::exit::Exit;
use rules::release::Outcome;
use rules::verdict::{Answers, Verdict, verdict};
use std::time::Duration;

/// How long the front door of a new environment may take: a new CloudFront distribution needs minutes.
const FRONT_DOOR: Duration = Duration::from_secs(20 * 60);
/// How long the public address may take to answer well after a release.
const PUBLIC: Duration = Duration::from_secs(60);
/// Good answers that a verdict wants to see.
const GOOD_ANSWERS: u32 = 3;

/// Waits until the public address gives any answer at all: a release probes its candidate there.
pub(super) async fn wait_for_front_door(
    driver: &Driver<'_>,
    report: &Report,
) -> Result<(), Failure> {
    let end = tokio::time::Instant::now() + FRONT_DOOR;
    let mut told = false;
    while driver.prober.ask(None).await.is_none() {
        if tokio::time::Instant::now() > end {
            return Err(Failure::new(Exit::Infrastructure, "the public address gives no answer at all")
                .why(format!("{} was asked for {} min", driver.outputs.url, FRONT_DOOR.as_secs() / 60))
                .next("look at the CloudFront distribution in the console, then run the same command again"));
        }
        if *driver.interrupt.borrow() {
            return Err(
                Failure::new(Exit::Interrupted, "interrupted before the release began")
                    .next("`landfall up` goes on, `landfall down` removes what was made"),
            );
        }
        if !told {
            report.note("waiting for the front door: a new CloudFront distribution takes minutes");
            told = true;
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    Ok(())
}

/// Looks at what runs and what the public address answers, whatever anybody reported before.
pub(super) async fn judge(
    driver: &Driver<'_>,
    ended: &Ended,
    report: &Report,
) -> Result<(), Failure> {
    let slot = match &ended.outcome {
        Outcome::Serving { slot } => *slot,
        Outcome::RolledBack { slot, cause } => {
            let answers = ask_public(driver).await;
            let explanation = cause.explain();
            let exit = match (answers.good, cause) {
                (0, _) => Exit::NothingServing,
                (_, Cause::Interrupted) => Exit::Interrupted,
                _ => Exit::RolledBack,
            };
            let state = if answers.good > 0 {
                format!("the old version serves as before, in {slot}")
            } else {
                "the old version was left in place, but the public address does not answer"
                    .to_owned()
            };
            return Err(Failure::new(
                exit,
                "the new version was rolled back; users were never sent to it",
            )
            .why(explanation.what)
            .why(state)
            .next(explanation.next));
        }
        Outcome::NothingServing { cause } => {
            let explanation = cause.explain();
            return Err(Failure::new(
                Exit::NothingServing,
                "the version failed, and there was no older one",
            )
            .why(explanation.what)
            .next(explanation.next)
            .next("then `landfall up` again; `landfall down` removes what was made"));
        }
    };
    let running = driver.running(slot).await?;
    let answers = ask_public(driver).await;
    let verdict = verdict(&driver.revision.image.digest, &running, answers);
    report.emit(Event::Judged {
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

/// Asks the public address until it has answered well a few times, or for a minute.
async fn ask_public(driver: &Driver<'_>) -> Answers {
    let mut answers = Answers::default();
    let end = tokio::time::Instant::now() + PUBLIC;
    while answers.good < GOOD_ANSWERS && tokio::time::Instant::now() < end {
        let status = driver.prober.ask(None).await;
        answers.count(status);
        if status.is_none_or(|status| status >= 500) {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
    answers
}
