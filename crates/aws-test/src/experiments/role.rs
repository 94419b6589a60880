//! A role with the statements of `landfall policy` about API Gateway and CloudFront, and what it may do.

use super::{tags, until};
use crate::assumption::Id;
use crate::finding::{Evidence, Finding};
use crate::observation::Observation;
use crate::stage::Stage;
use aws::{Error, ErrorKind, Experiments};
use rules::app::manifest::Target;
use rules::leave::ci::partition;
use rules::shape::permissions::{Phase, Scope, statements};
use serde_json::{Value, json};
use std::time::Duration;

/// The assumptions that need the role.
pub(super) const IDS: [Id; 6] = [
    Id::NewRole,
    Id::ApiCreate,
    Id::ApiStage,
    Id::ApiChange,
    Id::ApiDelete,
    Id::DistributionTags,
];

/// The services that the role may call.
const SERVICES: [&str; 2] = ["apigateway:", "cloudfront:"];

/// The statements of `landfall policy` about these services: of setup and teardown, for both targets.
fn policy(stage: &Stage) -> Value {
    let region = stage.session.region();
    let scope = Scope::from_names(&stage.names, partition(region), &stage.account, region);
    let mut kept: Vec<Value> = Vec::new();
    for phase in [Phase::Setup, Phase::Teardown] {
        for target in [Target::Lambda, Target::Fargate] {
            let all = statements(phase, target, &scope).into_iter();
            let own = all
                .map(|statement| statement.json())
                .filter(is_about_services);
            for statement in own {
                if !kept.contains(&statement) {
                    kept.push(statement);
                }
            }
        }
    }
    json!({"Version": "2012-10-17", "Statement": kept})
}

fn is_about_services(statement: &Value) -> bool {
    let one = statement["Action"].as_str().into_iter();
    let all = statement["Action"].as_array().into_iter().flatten();
    let mut actions = one.chain(all.filter_map(Value::as_str));
    actions.any(|action| SERVICES.iter().any(|service| action.starts_with(service)))
}

/// Asks about all of [`IDS`]; the API and the distribution only where they are wanted.
pub(super) fn ask(stage: &mut Stage, ids: &[Id]) -> Vec<Finding> {
    let root = stage.caller.ends_with(":root") && !stage.is_rehearsal();
    if root {
        let why = "the root user cannot assume roles";
        return IDS.iter().map(|id| Finding::unasked(*id, why)).collect();
    }
    let name = format!("{}-trial", stage.names.id());
    let experiments = stage.experiments();
    let document = policy(stage).to_string();
    let made = stage.wait(experiments.create_role(&name, &stage.caller, &document, &tags(stage)));
    let arn = match made {
        Ok(arn) => arn,
        Err(error) => {
            let why = format!("the role cannot be created: {error}");
            return IDS.iter().map(|id| Finding::unasked(*id, &*why)).collect();
        }
    };
    let mut found = with_role(stage, &experiments, &arn, ids);
    if let Err(error) = stage.wait(experiments.delete_role(&name)) {
        stage.say(&format!("the role {name} is removed later: {error}"));
    }
    found.sort_by_key(|finding| finding.id);
    found
}

fn with_role(stage: &Stage, experiments: &Experiments, arn: &str, ids: &[Id]) -> Vec<Finding> {
    let limit = stage.patience(300, 20);
    let assumed = {
        let _turned = stage.turned(Id::NewRole);
        let call = || stage.wait(experiments.assume(arn));
        until(limit, Duration::from_secs(1), call, Result::is_ok)
    };
    let (session, after) = assumed;
    let observed = Observation::Worked {
        after,
        limit: limit.as_secs_f64(),
    };
    let evidence = Evidence::of(format!("sts:AssumeRole {arn}"), &session);
    let mut found = vec![Finding::new(Id::NewRole, observed, vec![evidence])];
    let session = match session {
        Ok(session) => session,
        Err(error) => {
            let why = format!("the role could not be assumed: {error}");
            found.extend(IDS[1..].iter().map(|id| Finding::unasked(*id, &*why)));
            return found;
        }
    };
    let limited = Experiments::new(&session);
    if ids.iter().any(|id| IDS[1..5].contains(id)) {
        found.extend(api(stage, experiments, &limited));
    }
    if ids.contains(&Id::DistributionTags) {
        found.push(distribution(stage, &limited));
    }
    found
}

fn api(stage: &Stage, own: &Experiments, limited: &Experiments) -> Vec<Finding> {
    let name = format!("{}-trial", stage.names.id());
    let tags = tags(stage);
    let created = retried(stage, Id::ApiCreate, || limited.create_api(&name, &tags));
    let asked = format!("apigateway:POST /v2/apis with the tags of {name}");
    let mut found = vec![Finding::call(Id::ApiCreate, asked, &created)];
    // The others can be asked with an API that the caller makes.
    let api = match created {
        Ok(api) => api,
        Err(_) => match stage.wait(own.create_api(&name, &tags)) {
            Ok(api) => api,
            Err(error) => {
                let why = format!("there is no API to ask about: {error}");
                let rest = [Id::ApiStage, Id::ApiChange, Id::ApiDelete];
                found.extend(rest.map(|id| Finding::unasked(id, &*why)));
                return found;
            }
        },
    };
    let staged = retried(stage, Id::ApiStage, || limited.create_stage(&api, &tags));
    let asked = format!("apigateway:POST /v2/apis/{api}/stages with tags");
    found.push(Finding::call(Id::ApiStage, asked, &staged));
    let changed = retried(stage, Id::ApiChange, || limited.change_api(&api));
    let asked = format!("apigateway:PATCH /v2/apis/{api}");
    found.push(Finding::call(Id::ApiChange, asked, &changed));
    let deleted = retried(stage, Id::ApiDelete, || limited.delete_api(&api));
    let asked = format!("apigateway:DELETE /v2/apis/{api}");
    found.push(Finding::call(Id::ApiDelete, asked, &deleted));
    if deleted.is_err()
        && let Err(error) = stage.wait(own.delete_api(&api))
    {
        stage.say(&format!("the API {api} is removed later: {error}"));
    }
    found
}

fn distribution(stage: &Stage, limited: &Experiments) -> Finding {
    let comment = format!("{}-trial", stage.names.id());
    let tags = tags(stage);
    let created = retried(stage, Id::DistributionTags, || {
        limited.create_distribution(&comment, &tags)
    });
    let asked = format!("cloudfront:CreateDistribution with the tags of {comment}, disabled");
    Finding::call(Id::DistributionTags, asked, &created)
}

/// A call with the role, repeated while its policy may not be in effect yet.
fn retried<T, F>(stage: &Stage, id: Id, call: impl Fn() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let _turned = stage.turned(id);
    let is_final = |answer: &Result<T, Error>| {
        let error = answer.as_ref().err();
        error.is_none_or(|error| error.kind != ErrorKind::Denied)
    };
    let ask = || stage.wait(call());
    until(stage.patience(45, 2), stage.patience(3, 1), ask, is_final).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_statements_about_the_two_services_are_kept() {
        let about = |action: Value| is_about_services(&json!({"Action": action}));
        assert!(about(json!("apigateway:POST")));
        assert!(about(json!([
            "cloudfront:TagResource",
            "cloudfront:GetDistribution"
        ])));
        assert!(!about(json!(["iam:CreateRole"])));
        assert!(!about(Value::Null));
    }
}
