//! Waiting until CloudFront or API Gateway of a new environment answers.

use crate::failure::Failure;
use crate::release::driver::Driver;
use crate::release::http_probe::SlotRoute;
use crate::report::Report;
use rules::exit::Exit;
use std::time::Duration;

/// How long it may take: a new CloudFront distribution needs some minutes.
const ANSWERS_WITHIN: Duration = Duration::from_secs(20 * 60);

/// Waits until the public address gives any answer at all, since a release probes its candidate
/// through it.
///
/// # Errors
/// It gives none in time, or the user stopped it.
pub(super) async fn wait(driver: &Driver<'_>, report: &Report) -> Result<(), Failure> {
    let end = tokio::time::Instant::now() + ANSWERS_WITHIN;
    let mut is_reported = false;
    while driver.prober.ask(&SlotRoute::default()).await.is_none() {
        if tokio::time::Instant::now() > end {
            return Err(
                Failure::new(Exit::Infrastructure, "the public address does not answer")
                    .why(format!(
                        "no request to {} was answered for {} min",
                        driver.url,
                        ANSWERS_WITHIN.as_secs() / 60
                    ))
                    .next(
                        "check the CloudFront distribution in the AWS console, then run the same \
                       command again",
                    ),
            );
        }
        if *driver.interrupt.borrow() {
            return Err(
                Failure::new(Exit::Interrupted, "interrupted before the release started")
                    .next("`landfall up` continues, `landfall down` removes what was created"),
            );
        }
        if !is_reported {
            report.note(
                "waiting for the public address: a new CloudFront distribution takes minutes",
            );
            is_reported = true;
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    Ok(())
}
