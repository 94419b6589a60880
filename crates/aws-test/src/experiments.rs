//! The experiments: each asks about one assumption, or about a few that need the same preparation.

mod bucket;
mod fargate;
mod lambda;
mod role;

use crate::assumption::Id;
use crate::finding::Finding;
use crate::stage::Stage;
use crate::step::Step;
use rules::app::names::{TAG_APP, TAG_ENVIRONMENT};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Asks about those of `ids` that belong to a step without a command of landfall.
pub(crate) fn ask(stage: &mut Stage, step: Step, ids: &[Id]) -> Vec<Finding> {
    let wants = |id: Id| ids.contains(&id);
    let mut found = Vec::new();
    match step {
        Step::Account => {
            if ids.iter().any(|id| role::IDS.contains(id)) {
                found.extend(role::ask(stage, ids));
            }
            if wants(Id::SettledBucket) || wants(Id::BucketName) {
                found.extend(bucket::ask(stage));
            }
            if wants(Id::Tmpfs) {
                found.push(fargate::tmpfs(stage));
            }
        }
        Step::Deployed(_) => {
            for id in ids {
                found.extend(match id {
                    Id::RepositoryPolicy => Some(lambda::repository_policy(stage)),
                    Id::LogPolicy => Some(lambda::log_policy(stage)),
                    Id::LogDelay => Some(lambda::log_delay(stage)),
                    Id::ErrorCaching => Some(fargate::error_caching(stage)),
                    Id::KnownDistribution => Some(fargate::known_distribution(stage)),
                    _ => None,
                });
            }
        }
        Step::LowPort if wants(Id::LowPort) => found.push(lambda::low_port(stage)),
        Step::Last(_) if wants(Id::FailedVersion) => found.push(lambda::failed_version(stage)),
        _ => {}
    }
    found.retain(|finding| wants(finding.id));
    found
}

/// The tags that everything of the environment has.
fn tags(stage: &Stage) -> BTreeMap<String, String> {
    BTreeMap::from([
        (TAG_APP.to_owned(), stage.names.app.to_string()),
        (
            TAG_ENVIRONMENT.to_owned(),
            stage.names.environment.to_string(),
        ),
    ])
}

/// The answers of `call`, until one is as wanted or the time is over, and after how many seconds that was.
pub(crate) fn until<T>(
    limit: Duration,
    pause: Duration,
    mut call: impl FnMut() -> T,
    is_wanted: impl Fn(&T) -> bool,
) -> (T, Option<f64>) {
    let began = Instant::now();
    loop {
        let answer = call();
        if is_wanted(&answer) {
            return (answer, Some(began.elapsed().as_secs_f64()));
        }
        if began.elapsed() + pause > limit || crate::interrupt::is_interrupted() {
            return (answer, None);
        }
        std::thread::sleep(pause);
    }
}
