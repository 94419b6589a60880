//! The front door of a new environment.

use crate::failure::Failure;
use crate::release::driver::Driver;
use crate::release::http_probe::SlotRoute;
use crate::report::Report;
use rules::exit::Exit;
use std::time::Duration;

/// How long the front door of a new environment may take: a new CloudFront distribution needs minutes.
const FRONT_DOOR: Duration = Duration::from_secs(20 * 60);

/// Waits until the public address gives any answer at all: a release probes its candidate there.
pub(super) async fn wait(driver: &Driver<'_>, report: &Report) -> Result<(), Failure> {
    let end = tokio::time::Instant::now() + FRONT_DOOR;
    let mut told = false;
    while driver.prober.ask(&SlotRoute::default()).await.is_none() {
        if tokio::time::Instant::now() > end {
            return Err(Failure::new(Exit::Infrastructure, "the public address gives no answer at all")
                .why(format!("{} was asked for {} min", driver.url, FRONT_DOOR.as_secs() / 60))
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
