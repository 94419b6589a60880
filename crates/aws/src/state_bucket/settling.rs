//! A new bucket is used once its versioning has taken effect.
//!
//! "While this change is propagating, you might encounter intermittent HTTP 404 NoSuchKey errors for requests
//! to objects created or updated after enabling versioning", for up to 15 minutes
//! (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/manage-versioning-examples.html>). Terraform
//! takes a state that it cannot find for an empty one, and cannot release a lock that it cannot find.

use super::StateBucket;
use crate::error::{Error, ErrorKind, translate};
use aws_sdk_s3::primitives::ByteStream;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// The object that is written and read to see whether versioning has taken effect.
const PROBE: &str = "landfall/versioning";
/// The text of the object once it has.
const SETTLED: &str = "settled";
/// After this many rounds in a row without a missing object, it has.
const ROUNDS: u32 = 4;
/// Reads of one round.
const READS: u32 = 4;
const PAUSE: Duration = Duration::from_millis(100);
/// How long AWS says it may take.
const LIMIT: Duration = Duration::from_secs(15 * 60);

impl StateBucket {
    /// Returns once objects that are written can be read, which is seconds, and at most 15 minutes, after
    /// versioning was enabled. Later calls return at once.
    pub(super) async fn settle(&self) -> Result<(), Error> {
        if self.finds(SETTLED).await? {
            return Ok(());
        }
        let begun = Instant::now();
        let mut in_a_row = 0;
        while in_a_row < ROUNDS {
            match self.round().await? {
                true => in_a_row += 1,
                false => in_a_row = 0,
            }
            if begun.elapsed() > LIMIT {
                let what = "objects that were just written cannot be read 15 minutes after \
                            versioning was enabled";
                return Err(Error::new(ErrorKind::Other, "s3:GetObject", what));
            }
            sleep(PAUSE).await;
        }
        self.write_probe(SETTLED).await
    }

    /// Writes the object once and reads it a few times: whether it was there each time.
    async fn round(&self) -> Result<bool, Error> {
        self.write_probe("settling").await?;
        for _ in 0..READS {
            if !self.finds("settling").await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn finds(&self, text: &str) -> Result<bool, Error> {
        let found = self.read_once(PROBE).await?;
        Ok(found.is_some_and(|object| object.text == text))
    }

    async fn write_probe(&self, text: &'static str) -> Result<(), Error> {
        self.s3
            .put_object()
            .bucket(&self.name)
            .expected_bucket_owner(&self.account)
            .key(PROBE)
            .body(ByteStream::from_static(text.as_bytes()))
            .send()
            .await
            .map(drop)
            .map_err(translate("s3:PutObject"))
    }
}
