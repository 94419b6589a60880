//! ECR: which images were deleted.

use crate::answer::Answer;
use crate::clock::Lag;
use crate::request::Call;
use crate::rule::Concern;
use crate::state::DeletedImage;
use crate::world::World;

pub(super) const OBSERVED: &[Concern] = &[("ecr", &["BatchDeleteImage", "DeleteRepository"])];

/// How long it takes Lambda to notice.
const NOTICED: Lag = Lag {
    short: (1.0, 3.0),
    real: (3_600.0, 86_400.0),
};

pub(super) fn observe(world: &mut World, call: &Call, _: &Answer) {
    let request = call.json();
    let repository = request["repositoryName"].as_str().unwrap_or_default();
    let fails = world.later(NOTICED);
    let delete = |id: Option<&str>| DeletedImage {
        repository: repository.to_owned(),
        id: id.map(str::to_owned),
        fails,
    };
    let deleted = &mut world.state.images;
    if call.operation == "DeleteRepository" {
        deleted.push(delete(None));
    }
    for image in request["imageIds"].as_array().into_iter().flatten() {
        let id = image["imageDigest"].as_str().or(image["imageTag"].as_str());
        deleted.push(delete(id));
    }
}
