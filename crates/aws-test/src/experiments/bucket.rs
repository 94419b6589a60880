//! A new bucket: when what was written can be read, and when its name can be used again.

use super::until;
use crate::assumption::Id;
use crate::finding::{Evidence, Finding};
use crate::interrupt;
use crate::observation::Observation;
use crate::stage::Stage;
use aws::StateBucket;
use std::time::{Duration, Instant};

/// Between two writes.
const PAUSE: Duration = Duration::from_millis(100);

pub(super) fn ask(stage: &mut Stage) -> Vec<Finding> {
    let bucket = StateBucket::new(&stage.session, &stage.trial, &stage.account);
    let experiments = stage.experiments();
    let end = stage.end();
    let create = || stage.wait(experiments.create_bucket(&bucket, &stage.trial, &end));
    let made = create();
    if let Err(error) = &made {
        let why = format!("the bucket cannot be created: {error}");
        return [Id::SettledBucket, Id::BucketName]
            .map(|id| Finding::unasked(id, &*why))
            .to_vec();
    }
    let mut found = vec![settled(stage, &bucket)];
    if let Err(error) = stage.wait(bucket.delete()) {
        let why = format!("the bucket cannot be deleted: {error}");
        found.push(Finding::unasked(Id::BucketName, why));
        return found;
    }
    found.push({
        let _turned = stage.turned(Id::BucketName);
        let limit = stage.patience(120, 15);
        let (answer, after) = until(limit, Duration::from_secs(1), create, Result::is_ok);
        let asked = format!("s3:CreateBucket {} after its deletion", bucket.name());
        let observed = Observation::Worked {
            after,
            limit: limit.as_secs_f64(),
        };
        Finding::new(Id::BucketName, observed, vec![Evidence::of(asked, &answer)])
    });
    if let Err(error) = stage.wait(bucket.delete()) {
        stage.say(&format!(
            "the bucket {} is removed later: {error}",
            bucket.name()
        ));
    }
    found
}

fn settled(stage: &Stage, bucket: &StateBucket) -> Finding {
    let _turned = stage.turned(Id::SettledBucket);
    let limit = stage.patience(180, 10);
    let experiments = stage.experiments();
    let began = Instant::now();
    let (mut reads, mut evidence) = (Vec::new(), Vec::new());
    while began.elapsed() < limit && !interrupt::is_interrupted() {
        let key = format!("trial/{}", reads.len());
        let answer = stage.wait(experiments.write_and_read(bucket, &key, &key));
        let seconds = began.elapsed().as_secs_f64();
        match answer {
            Ok(found) => reads.push(found),
            Err(error) => evidence.push(Evidence::new(&key, error.to_string())),
        }
        if reads.last() == Some(&false) && evidence.len() < 20 {
            let asked =
                format!("s3:PutObject and GetObject {key}, {seconds:.1} s after the bucket");
            evidence.push(Evidence::new(asked, "NoSuchKey"));
        }
        std::thread::sleep(PAUSE);
    }
    let asked = format!("{} objects written and read", reads.len());
    let answered = format!(
        "{} were missing",
        reads.iter().filter(|found| !**found).count()
    );
    evidence.push(Evidence::new(asked, answered));
    Finding::new(Id::SettledBucket, Observation::Reads(reads), evidence)
}
