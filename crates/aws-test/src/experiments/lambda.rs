//! What is asked about a function that is deployed.

use super::until;
use crate::assumption::Id;
use crate::finding::{Evidence, Finding};
use crate::interrupt;
use crate::observation::{LATEST, Observation};
use crate::stage::{Stage, failure};
use crate::users::Users;
use aws::{Functions, Logs};
use rules::exit::Exit;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use testkit::{Mode, now};

pub(super) fn repository_policy(stage: &Stage) -> Finding {
    let _turned = stage.turned(Id::RepositoryPolicy);
    let repository = stage.names.id();
    let answer = stage.wait(stage.experiments().repository_policy(&repository));
    let asked = format!("ecr:GetRepositoryPolicy {repository}");
    match answer {
        Err(error) => Finding::unasked(Id::RepositoryPolicy, error.to_string()),
        Ok(policy) => {
            let text = policy.unwrap_or_default();
            let observed = Observation::Statements(statements(&text, &stage.names.function()));
            let evidence = vec![Evidence::new(asked, text)];
            Finding::new(Id::RepositoryPolicy, observed, evidence)
        }
    }
}

/// Sids of a policy's statements, and whether each names our function and no other.
fn statements(policy: &str, function: &str) -> Vec<(String, bool)> {
    let policy: Value = serde_json::from_str(policy).unwrap_or_default();
    let all = policy["Statement"].as_array().into_iter().flatten();
    all.map(|statement| {
        let sid = statement["Sid"]
            .as_str()
            .unwrap_or("without a Sid")
            .to_owned();
        let arns: Vec<&str> = statement["Condition"]
            .as_object()
            .into_iter()
            .flatten()
            .filter_map(|(_, keys)| keys.as_object())
            .flatten()
            .filter(|(key, _)| key.eq_ignore_ascii_case("aws:SourceArn"))
            .flat_map(|(_, value)| match value.as_array() {
                Some(all) => all.iter().filter_map(Value::as_str).collect(),
                None => value.as_str().into_iter().collect::<Vec<_>>(),
            })
            .collect();
        let own = format!(":function:{function}");
        let is_own = |arn: &&str| arn.ends_with(&own) || arn.contains(&format!("{own}:"));
        (sid, !arns.is_empty() && arns.iter().all(is_own))
    })
    .collect()
}

pub(super) fn log_policy(stage: &Stage) -> Finding {
    let _turned = stage.turned(Id::LogPolicy);
    let group = stage.names.access_log_group();
    match stage.wait(stage.experiments().log_policies()) {
        Err(error) => Finding::unasked(Id::LogPolicy, error.to_string()),
        Ok(policies) => {
            let asked = format!("logs:DescribeResourcePolicies, looking for {group}");
            let named = policies
                .iter()
                .filter(|(_, document)| document.contains(&group));
            let names: Vec<&str> = named.map(|(name, _)| name.as_str()).collect();
            let answered = format!(
                "{} policies, {} name it: {}",
                policies.len(),
                names.len(),
                names.join(", ")
            );
            let observed = Observation::Named(!names.is_empty());
            Finding::new(
                Id::LogPolicy,
                observed,
                vec![Evidence::new(asked, answered)],
            )
        }
    }
}

pub(super) fn log_delay(stage: &Stage) -> Finding {
    let _turned = stage.turned(Id::LogDelay);
    let group = stage.names.function_log_group();
    let logs = Logs::new(&stage.session, &group);
    // Lines of earlier requests would look late.
    std::thread::sleep(Duration::from_secs(1));
    let since = now();
    let users = Users::start(stage.runtime.handle(), &stage.url);
    let (sending, whole) = (stage.patience(60, 8), stage.patience(120, 14));
    let began = Instant::now();
    let mut users = Some(users);
    let (mut delays, mut requests) = (BTreeMap::new(), 0);
    let mut evidence = Vec::new();
    while began.elapsed() < whole && !interrupt::is_interrupted() {
        if began.elapsed() > sending
            && let Some(users) = users.take()
        {
            requests = users.stop(stage.runtime.handle()).len();
        }
        match stage.wait(logs.since(since, None)) {
            Ok(lines) => {
                for line in lines {
                    let late = now().since(line.time).as_secs_f64();
                    delays.entry(line.id).or_insert(late);
                }
            }
            Err(error) => evidence.push(Evidence::new("logs:FilterLogEvents", error.to_string())),
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    if let Some(users) = users {
        requests = users.stop(stage.runtime.handle()).len();
    }
    let mut seconds: Vec<f64> = delays.into_values().collect();
    seconds.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let index = (seconds.len() as f64 * share) as usize;
        seconds
            .get(index.min(seconds.len().saturating_sub(1)))
            .copied()
            .unwrap_or(f64::NAN)
    };
    let answered = format!(
        "{} lines; half within {:.1} s, 95 of 100 within {:.1} s (assumed: {LATEST:.0} s), all within {:.1} s",
        seconds.len(),
        at(0.5),
        at(0.95),
        at(1.0)
    );
    let asked = format!("logs:FilterLogEvents {group} twice a second, during {requests} requests");
    evidence.push(Evidence::new(asked, answered));
    Finding::new(
        Id::LogDelay,
        Observation::Delays { seconds, requests },
        evidence,
    )
}

/// In a rehearsal nothing is released: the emulator's containers may listen on every port.
pub(super) fn low_port(stage: &mut Stage) -> Finding {
    if stage.is_rehearsal() {
        return Finding::unasked(
            Id::LowPort,
            "containers of the emulator may listen on every port",
        );
    }
    let app = stage.failing_version(Mode::Binds(80));
    let ended = stage.landfall(&app, &["up", "--yes"]);
    let exit = |exit: Exit| ended.code == i32::from(exit.code());
    let evidence = vec![Evidence::new(
        "landfall up, with an app that also listens on port 80",
        failure(&ended),
    )];
    let observed = match (exit(Exit::Done), exit(Exit::RolledBack)) {
        (true, _) => Observation::Released(true),
        (_, true) => Observation::Released(false),
        _ => Observation::Unasked(format!("the release ended otherwise: {}", failure(&ended))),
    };
    Finding::new(Id::LowPort, observed, evidence)
}

pub(super) fn failed_version(stage: &Stage) -> Finding {
    let unasked = |why: String| Finding::unasked(Id::FailedVersion, why);
    let functions = Functions::new(&stage.session, &stage.names.function());
    let (version, image) = match stage.wait(unused(&functions)) {
        Ok(Some(found)) => found,
        Ok(None) => return unasked("no version is without users".to_owned()),
        Err(error) => return unasked(error.to_string()),
    };
    let Some((_, digest)) = image.split_once('@') else {
        return unasked(format!("the image {image} has no digest"));
    };
    let repository = stage.names.id();
    let deleted = stage.wait(stage.experiments().delete_image(&repository, digest));
    let mut evidence = vec![Evidence::of(
        format!("ecr:BatchDeleteImage {image}"),
        &deleted,
    )];
    if let Err(error) = deleted {
        return unasked(error.to_string());
    }
    let _turned = stage.turned(Id::FailedVersion);
    let began = Instant::now();
    let look = || {
        let facts = stage.wait(functions.version(&version));
        let invoked = stage.wait(functions.probe(&version, "/"));
        (facts, invoked)
    };
    let limit = stage.patience(180, 12);
    let ((facts, invoked), _) = until(limit, Duration::from_secs(2), look, |(facts, invoked)| {
        facts.as_ref().is_ok_and(|facts| facts.state == "Failed") || invoked.is_err()
    });
    let state = match &facts {
        Ok(facts) => facts.state.clone(),
        Err(error) => error.to_string(),
    };
    evidence.push(Evidence::new(
        format!("lambda:GetFunction, version {version}"),
        &*state,
    ));
    evidence.push(Evidence::of(
        format!("lambda:Invoke, version {version}"),
        &invoked,
    ));
    let observed = Observation::Version {
        state,
        failed: invoked.is_err(),
        after: began.elapsed().as_secs_f64(),
    };
    Finding::new(Id::FailedVersion, observed, evidence)
}

/// A version that gets no requests and whose image none with requests has; its number and its image.
async fn unused(functions: &Functions) -> Result<Option<(String, String)>, aws::Error> {
    let traffic = functions.traffic().await?;
    let in_use = |version: &str| {
        traffic.version == version || traffic.others.iter().any(|(other, _)| other == version)
    };
    let mut images = Vec::new();
    for listed in functions.versions().await? {
        let facts = functions.version(&listed.version).await?;
        images.push((facts.version, facts.image.unwrap_or_default()));
    }
    let served: Vec<&String> = images
        .iter()
        .filter(|(version, _)| in_use(version))
        .map(|(_, image)| image)
        .collect();
    let found = images
        .iter()
        .find(|(version, image)| !in_use(version) && !served.contains(&image));
    Ok(found.cloned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_for_all_functions_are_not_ours() {
        let policy = r#"{"Statement": [
            {"Sid": "Ours", "Condition": {"StringLike": {"aws:SourceArn": ["arn:aws:lambda:r:1:function:a-b", "arn:aws:lambda:r:1:function:a-b:*"]}}},
            {"Sid": "Wide", "Condition": {"StringLike": {"aws:sourceArn": "arn:aws:lambda:r:1:function:*"}}},
            {"Effect": "Allow"}]}"#;
        let found = statements(policy, "a-b");
        let found: Vec<(&str, bool)> = found
            .iter()
            .map(|(sid, own)| (sid.as_str(), *own))
            .collect();
        assert_eq!(
            found,
            [("Ours", true), ("Wide", false), ("without a Sid", false)]
        );
        assert_eq!(statements("", "a-b"), []);
    }
}
