//! Everything that a run creates is removed, and looked for afterwards by name.

use crate::stage::{APP, Stage, failure, names};
use aws::{Buckets, Error, Services, StateBucket};
use rules::app::names::Names;
use rules::event::Event;
use rules::exit::Exit;
use std::time::Duration;
use testkit::Mode;

/// A lease of a command that was killed ends by then.
const LEASE: Duration = Duration::from_secs(35);
/// How often removal is tried.
const TRIES: u32 = 3;

/// What is left of the resources whose names begin with the prefix; errors count as something left, since
/// nothing is known then.
pub(crate) fn leftovers(stage: &Stage, prefix: &str) -> Vec<String> {
    let experiments = stage.experiments();
    let mut left = Vec::new();
    let mut add = |kind: &str, found: Result<Vec<String>, Error>| match found {
        Ok(names) => left.extend(names.into_iter().map(|name| format!("{kind} {name}"))),
        Err(error) => left.push(format!("{kind}: cannot be listed: {error}")),
    };
    add("role", stage.wait(experiments.roles(prefix)));
    let second = |all: Result<Vec<(String, String)>, Error>| {
        all.map(|all| {
            all.into_iter()
                .map(|(id, name)| format!("{id} ({name})"))
                .collect()
        })
    };
    add("API", second(stage.wait(experiments.apis(prefix))));
    add(
        "distribution",
        second(stage.wait(experiments.distributions(prefix))),
    );
    add("task definition", stage.wait(experiments.families(prefix)));
    add("bucket", buckets(stage, prefix));
    left
}

/// The state buckets of environments whose IDs begin with the prefix.
fn buckets(stage: &Stage, prefix: &str) -> Result<Vec<String>, Error> {
    let start = format!(
        "landfall-{}-{}-{prefix}",
        stage.account,
        stage.session.region()
    );
    let all = stage.wait(Buckets::new(&stage.session, &stage.account).names(&start))?;
    Ok(all
        .into_iter()
        .filter(|name| name.starts_with(&start))
        .collect())
}

/// Removes what experiments created, by name. It says what cannot be removed; [`leftovers`] finds it.
fn remove_experiments(stage: &Stage, prefix: &str) {
    let experiments = stage.experiments();
    let report = |what: String, result: Result<(), Error>| {
        if let Err(error) = result {
            stage.say(&format!("{what} cannot be removed: {error}"));
        }
    };
    for role in stage.wait(experiments.roles(prefix)).unwrap_or_default() {
        // The others belong to an environment, and `down` removes them.
        if role.ends_with("-trial") {
            report(
                format!("the role {role}"),
                stage.wait(experiments.delete_role(&role)),
            );
        }
    }
    for (id, name) in stage.wait(experiments.apis(prefix)).unwrap_or_default() {
        if name.ends_with("-trial") {
            report(
                format!("the API {id}"),
                stage.wait(experiments.delete_api(&id)),
            );
        }
    }
    for (id, comment) in stage
        .wait(experiments.distributions(prefix))
        .unwrap_or_default()
    {
        if comment.ends_with("-trial") {
            // CloudFront takes minutes until a new distribution can be deleted.
            let delete = || stage.wait(experiments.delete_distribution(&id));
            let limit = stage.patience(900, 30);
            let result =
                crate::experiments::until(limit, Duration::from_secs(5), delete, Result::is_ok).0;
            report(format!("the distribution {id}"), result);
        }
    }
    for family in stage.wait(experiments.families(prefix)).unwrap_or_default() {
        if family.ends_with("-trial") {
            let services = Services::new(&stage.session, &family);
            let result = stage.wait(services.delete_definitions(&family));
            report(format!("the task definition {family}"), result.map(drop));
        }
    }
}

/// Runs `landfall down` for an environment until it ends well, then `down --verify`. Returns what is left.
fn down(stage: &Stage, names: &Names) -> Vec<String> {
    let app = stage.version(Mode::Good, 0);
    let environment = names.environment.as_str();
    let mut last = String::new();
    for attempt in 0..TRIES {
        let ended = stage.removal(&app, environment, &["down", "--yes"]);
        if ended.code == i32::from(Exit::Done.code()) && !ended.killed {
            break;
        }
        last = failure(&ended);
        stage.say(&format!("`down` of {environment} failed: {last}"));
        if attempt + 1 < TRIES {
            std::thread::sleep(LEASE);
        }
    }
    let proof = stage.removal(&app, environment, &["down", "--verify"]);
    if proof.code == i32::from(Exit::Done.code()) && !proof.killed {
        return Vec::new();
    }
    let left = proof.all(|event| match event {
        Event::Left { leftover } => Some(serde_json::to_string(leftover).unwrap_or_default()),
        _ => None,
    });
    match left.is_empty() {
        true => vec![format!(
            "environment {environment}: {last} {}",
            failure(&proof)
        )],
        false => left,
    }
}

/// Removes everything of this run. Returns what is left, each with its name.
pub(crate) fn remove(stage: &Stage, is_deployed: bool) -> Vec<String> {
    let mut left = Vec::new();
    if is_deployed {
        left.extend(down(stage, &stage.names));
    }
    for id in [stage.names.id(), stage.trial.id()] {
        remove_experiments(stage, &id);
    }
    let bucket = StateBucket::new(&stage.session, &stage.trial, &stage.account);
    if let Err(error) = stage.wait(bucket.delete()) {
        stage.say(&format!(
            "the bucket {} cannot be removed: {error}",
            bucket.name()
        ));
    }
    left.extend(leftovers(stage, &stage.names.id()));
    left.extend(leftovers(stage, &stage.trial.id()));
    left
}

/// Removes everything that any run in this account and region has left. Returns what is left after that.
pub(crate) fn clean(stage: &Stage) -> Vec<String> {
    let prefix = format!("{APP}-");
    let start = format!(
        "landfall-{}-{}-{prefix}",
        stage.account,
        stage.session.region()
    );
    let mut left = Vec::new();
    for bucket in buckets(stage, &prefix).unwrap_or_default() {
        let environment = bucket.trim_start_matches(&start).to_owned();
        let Ok(names) = names(&environment) else {
            continue;
        };
        stage.say(&format!("removing {}", names.id()));
        if environment.starts_with('x') {
            let bucket = StateBucket::new(&stage.session, &names, &stage.account);
            if let Err(error) = stage.wait(bucket.delete()) {
                stage.say(&error.to_string());
            }
        } else {
            left.extend(down(stage, &names));
        }
    }
    remove_experiments(stage, &prefix);
    left.extend(leftovers(stage, &prefix));
    left
}
