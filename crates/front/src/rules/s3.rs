//! S3: what is not consistent at once.

use crate::answer::Answer;
use crate::clock::Lag;
use crate::request::Call;
use crate::rule::{Apply, Before, Concern, Kind, On, Rule};
use crate::world::World;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "s3-no-such-key-after-versioning",
        concerns: &[("s3", &["GetObject", "HeadObject", "PutObject"])],
        kind: Kind::Refuse,
        on: On::Default,
        summary: "While versioning takes effect for the first time, reads and conditional writes \
                  of objects that were just written sometimes find no such key.",
        source: "https://docs.aws.amazon.com/AmazonS3/latest/userguide/manage-versioning-examples.html",
        apply: Apply::Request(no_such_key),
    },
    Rule {
        id: "s3-bucket-just-deleted",
        concerns: &[("s3", &["CreateBucket"])],
        kind: Kind::Refuse,
        on: On::Default,
        summary: "The name of a bucket that was just deleted cannot be used again for a while.",
        source: "https://github.com/aws/aws-cli/issues/2593",
        apply: Apply::Request(just_deleted),
    },
];

pub(super) const OBSERVED: &[Concern] = &[(
    "s3",
    &[
        "PutBucketVersioning",
        "PutObject",
        "CompleteMultipartUpload",
        "DeleteBucket",
    ],
)];

const VERSIONING: Lag = Lag {
    short: (2.0, 4.0),
    real: (60.0, 900.0),
};
const DELETED: Lag = Lag {
    short: (2.0, 4.0),
    real: (60.0, 1_800.0),
};

pub(super) fn observe(world: &mut World, call: &Call, _: &Answer) {
    let Some(bucket) = call.segment(0) else {
        return;
    };
    match call.operation.as_str() {
        "PutBucketVersioning" if call.text().contains("<Status>Enabled</Status>") => {
            let until = world.later(VERSIONING);
            world.state.s3.unsettled.entry(bucket).or_insert(until);
        }
        "DeleteBucket" => {
            let until = world.later(DELETED);
            let buckets = &mut world.state.s3;
            buckets.unsettled.remove(&bucket);
            buckets.deleted.insert(bucket, until);
        }
        "PutObject" | "CompleteMultipartUpload" => {
            let now = world.now;
            let buckets = &mut world.state.s3;
            if buckets
                .unsettled
                .get(&bucket)
                .is_some_and(|until| now < *until)
            {
                buckets.written.insert(call.path.clone());
            }
        }
        _ => {}
    }
}

fn no_such_key(world: &mut World, call: &Call) -> Before {
    let is_read = call.operation != "PutObject" || call.header("if-match").is_some();
    let until = call
        .segment(0)
        .and_then(|bucket| world.state.s3.unsettled.get(&bucket).copied());
    let is_unsettled = until.is_some_and(|until| world.now < until);
    if !is_read || !is_unsettled || !world.state.s3.written.contains(&call.path) {
        return Before::Pass;
    }
    if world.random.chance(0.5) {
        let message = "The specified key does not exist.";
        return Before::Answer(Answer::error(call, 404, "NoSuchKey", message));
    }
    Before::Pass
}

fn just_deleted(world: &mut World, call: &Call) -> Before {
    let until = call
        .segment(0)
        .and_then(|bucket| world.state.s3.deleted.get(&bucket).copied());
    if until.is_none_or(|until| world.now >= until) {
        return Before::Pass;
    }
    let message = "A conflicting conditional operation is currently in progress against this \
                   resource. Please try again.";
    Before::Answer(Answer::error(call, 409, "OperationAborted", message))
}

#[cfg(test)]
mod tests {
    use crate::answer::Answer;
    use crate::rules::testing::{Bench, call};

    fn done() -> Answer {
        Answer::new(200, "application/xml", "")
    }

    #[test]
    fn a_key_is_missing_at_times_after_versioning_is_enabled() {
        let mut bench = Bench::new();
        let get = call("s3", "GET", "/state/lock", "");
        let older = call("s3", "GET", "/state/older", "");
        let enabled = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
        bench.call(&call("s3", "PUT", "/state/older", ""), done());
        bench.call(&call("s3", "PUT", "/state?versioning", enabled), done());
        bench.call(&call("s3", "PUT", "/state/lock", ""), done());
        let missing = (0..40).filter_map(|_| bench.refusal(&get)).count();
        assert!((5..35).contains(&missing), "{missing}");
        let mut write = call("s3", "PUT", "/state/lock", "");
        assert_eq!((0..40).find_map(|_| bench.refusal(&write)), None);
        write
            .headers
            .insert("if-match", "\"1\"".parse().expect("a value"));
        let (status, text) = (0..40).find_map(|_| bench.refusal(&write)).expect("a 404");
        assert_eq!(status, 404);
        assert!(text.contains("<Code>NoSuchKey</Code>"), "{text}");
        assert_eq!((0..40).find_map(|_| bench.refusal(&older)), None);
        bench.pass(5);
        assert_eq!((0..40).find_map(|_| bench.refusal(&get)), None);
        // Only the first time.
        bench.call(&call("s3", "PUT", "/state?versioning", enabled), done());
        assert_eq!((0..40).find_map(|_| bench.refusal(&get)), None);
    }

    #[test]
    fn the_name_of_a_deleted_bucket_is_blocked_for_a_while() {
        let mut bench = Bench::new();
        let create = call("s3", "PUT", "/state", "");
        assert_eq!(bench.refusal(&create), None);
        bench.call(&call("s3", "DELETE", "/state", ""), done());
        let (status, text) = bench.refusal(&create).expect("a refusal");
        assert_eq!(status, 409);
        assert!(text.contains("OperationAborted"), "{text}");
        assert_eq!(bench.refusal(&call("s3", "PUT", "/other", "")), None);
        bench.pass(5);
        assert_eq!(bench.refusal(&create), None);
    }
}
