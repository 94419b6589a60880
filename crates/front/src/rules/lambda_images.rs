//! Lambda: functions whose image was deleted.

use super::lambda::named;
use super::lambda_states::{READS, answered, edit, state};
use crate::answer::Answer;
use crate::request::Call;
use crate::rule::{Apply, Before, Kind, On, Rule};
use crate::state::lambda::Named;
use crate::world::World;

pub(super) const RULES: &[Rule] = &[Rule {
    id: "lambda-image-deleted",
    concerns: &[(
        "lambda",
        &[
            "GetFunction",
            "GetFunctionConfiguration",
            "Invoke",
            "InvokeWithResponseStream",
            "PublishVersion",
            "UpdateFunctionConfiguration",
        ],
    )],
    kind: Kind::Refuse,
    on: On::Default,
    summary: "A version whose image was deleted from the registry becomes Failed after a \
                  while: every invocation and every update of its configuration fails.",
    source: "https://docs.aws.amazon.com/lambda/latest/dg/images-create.html",
    apply: Apply::Both(refuse_deleted, show_deleted),
}];

const DELETED: &str = "The function is trying to use a deleted image.";

fn is_deleted(world: &World, named: &Named) -> bool {
    let Some((_, version)) = world.state.lambda.version(named) else {
        return false;
    };
    // HOST/REPOSITORY@DIGEST or HOST/REPOSITORY:TAG
    let Some((_, path)) = version.image.split_once('/') else {
        return false;
    };
    let (repository, id) = path
        .split_once('@')
        .or_else(|| path.split_once(':'))
        .unwrap_or((path, "latest"));
    world.state.images.iter().any(|image| {
        let is_same = image.id.as_deref().is_none_or(|deleted| deleted == id);
        image.repository == repository && is_same && world.now >= image.fails
    })
}

fn refuse_deleted(world: &mut World, call: &Call) -> Before {
    if READS.contains(&call.operation.as_str()) || !is_deleted(world, &named(call)) {
        return Before::Pass;
    }
    let answer = if call.operation.starts_with("Invoke") {
        Answer::error(call, 409, "CodeArtifactUserFailedException", DELETED)
    } else {
        Answer::error(call, 400, "InvalidParameterValueException", DELETED)
    };
    Before::Answer(answer)
}

fn show_deleted(world: &mut World, call: &Call, answer: &mut Answer) {
    let is_read = READS.contains(&call.operation.as_str());
    let is_seen = !world.has("deleted-image-unseen");
    if is_seen && is_read && is_deleted(world, &answered(call, answer)) {
        edit(answer, |found| {
            state(found, "Failed", "ImageDeleted", DELETED)
        });
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{Bench, call, on_function, target, version_state};
    use serde_json::json;

    const IMAGE: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com/app@sha256:1";

    fn create(bench: &mut Bench) {
        let body = json!({"FunctionName": "app", "Code": {"ImageUri": IMAGE}}).to_string();
        let create = call("lambda", "POST", "/2015-03-31/functions", &body);
        bench.json(&create, &json!({"Version": "$LATEST"}));
    }

    #[test]
    fn a_version_with_a_deleted_image_fails() {
        let mut bench = Bench::new();
        create(&mut bench);
        bench.pass(4);
        let images = json!({"repositoryName": "app", "imageIds": [{"imageDigest": "sha256:1"}]});
        bench.json(&target("ecr", "BatchDeleteImage", &images), &json!({}));
        let invoke = on_function("POST", "/invocations");
        assert_eq!(bench.refusal(&invoke), None, "Lambda has not noticed");
        bench.pass(4);
        assert_eq!(version_state(&mut bench, "$LATEST"), "Failed");
        assert_eq!(bench.refusal(&invoke).expect("a refusal").0, 409);
        let configuration = on_function("PUT", "/configuration");
        let (_, text) = bench.refusal(&configuration).expect("a refusal");
        assert!(text.contains("deleted image"), "{text}");
        // Another image repairs it.
        let mut code = on_function("PUT", "/code");
        code.body = json!({"ImageUri": IMAGE.replace(":1", ":2")})
            .to_string()
            .into();
        bench.json(&code, &json!({}));
        bench.pass(4);
        assert_eq!(bench.refusal(&invoke), None);
        assert_eq!(version_state(&mut bench, "$LATEST"), "Active");
    }
}
