//! What is asked about Fargate, its load balancer and CloudFront.

use crate::assumption::Id;
use crate::finding::{Evidence, Finding};
use crate::observation::{Observation, Refusal};
use crate::stage::Stage;
use crate::users::{Answer, ask_once};
use aws::Services;
use rules::release::hardening::Tmpfs;

/// Requests right after the first `up`.
const REQUESTS: usize = 20;

pub(super) fn tmpfs(stage: &Stage) -> Finding {
    let family = format!("{}-trial", stage.names.id());
    let mount = Tmpfs {
        path: "/tmp".to_owned(),
        size: 256,
        owner: (Some(65532), Some(65532)),
    };
    let registered = {
        let _turned = stage.turned(Id::Tmpfs);
        stage.wait(stage.experiments().register_with_tmpfs(&family, &mount))
    };
    let options = mount.options().join(",");
    let asked = format!("ecs:RegisterTaskDefinition {family} with /tmp in memory, {options}");
    let evidence = vec![Evidence::of(asked, &registered)];
    let observed = match &registered {
        Ok(_) => Observation::Call(Ok(())),
        // ECS's code for what it does not accept.
        Err(error) => Observation::Call(Err(Refusal {
            is_denied: error.code.as_deref() == Some("ClientException"),
            message: error.to_string(),
        })),
    };
    let removed = stage.wait(Services::new(&stage.session, &family).delete_definitions(&family));
    if let Err(error) = removed {
        stage.say(&format!(
            "the task definition {family} is removed later: {error}"
        ));
    }
    Finding::new(Id::Tmpfs, observed, evidence)
}

fn describe(answer: &Result<Answer, String>) -> String {
    match answer {
        Ok(answer) => format!(
            "{}, X-Cache: {}, Age: {}, {}",
            answer.status,
            answer.cache.as_deref().unwrap_or("none"),
            answer.age.as_deref().unwrap_or("none"),
            answer
                .body
                .chars()
                .take(60)
                .collect::<String>()
                .replace('\n', " ")
        ),
        Err(error) => error.clone(),
    }
}

pub(super) fn error_caching(stage: &Stage) -> Finding {
    let _turned = stage.turned(Id::ErrorCaching);
    let url = format!(
        "{}/missing/{}",
        stage.behind_cloudfront(),
        stage.names.environment
    );
    let first = stage.wait(ask_once(&url));
    let second = stage.wait(ask_once(&url));
    let evidence = [("first", &first), ("second", &second)];
    let evidence = evidence.map(|(which, answer)| {
        Evidence::new(format!("GET {url}, the {which} time"), describe(answer))
    });
    let observed = match (first, second) {
        (Ok(first), Ok(second)) => Observation::Repeated {
            status: second.status,
            is_copy: second.age.is_some() || second.body == first.body,
        },
        _ => Observation::Unasked("the address did not answer".to_owned()),
    };
    Finding::new(Id::ErrorCaching, observed, evidence.to_vec())
}

pub(super) fn known_distribution(stage: &Stage) -> Finding {
    let _turned = stage.turned(Id::KnownDistribution);
    let url = stage.behind_cloudfront();
    let (mut all, mut foreign, mut evidence) = (0, 0, Vec::new());
    for _ in 0..REQUESTS {
        let answer = stage.wait(ask_once(&url));
        all += usize::from(answer.is_ok());
        let is_foreign = answer.as_ref().is_ok_and(|answer| answer.version.is_none());
        if is_foreign {
            foreign += 1;
            evidence.push(Evidence::new(format!("GET {url}"), describe(&answer)));
        }
    }
    let answered = format!("{foreign} of {all} answers were not the app's");
    evidence.push(Evidence::new(
        format!("GET {url}, {REQUESTS} times"),
        answered,
    ));
    Finding::new(
        Id::KnownDistribution,
        Observation::Answers { all, foreign },
        evidence,
    )
}
