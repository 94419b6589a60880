//! What the tests against AWS itself do with a bucket of their own: nothing here waits or asks again.

use super::StateBucket;
use crate::error::{Error, translate};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use rules::app::names::{Names, TAG_APP, TAG_ENVIRONMENT};
use rules::operate::ttl::TAG_EXPIRES_AT;

impl StateBucket {
    /// Creates the bucket, once, with versioning and the tags by which `reap` finds it.
    pub(crate) async fn create_versioned(&self, names: &Names, end: &str) -> Result<(), Error> {
        self.create_bucket_once().await?;
        let tags = [
            (TAG_APP.to_owned(), names.app.to_string()),
            (TAG_ENVIRONMENT.to_owned(), names.environment.to_string()),
            (TAG_EXPIRES_AT.to_owned(), end.to_owned()),
        ];
        self.put_tags(tags.into_iter().collect()).await?;
        self.s3
            .put_bucket_versioning()
            .bucket(&self.name)
            .versioning_configuration(
                VersioningConfiguration::builder()
                    .status(BucketVersioningStatus::Enabled)
                    .build(),
            )
            .send()
            .await
            .map(drop)
            .map_err(translate("s3:PutBucketVersioning"))
    }

    /// Writes an object and reads it once: whether its text was found.
    pub(crate) async fn write_and_read(&self, key: &str, text: &str) -> Result<bool, Error> {
        self.s3
            .put_object()
            .bucket(&self.name)
            .expected_bucket_owner(&self.account)
            .key(key)
            .body(ByteStream::from(text.as_bytes().to_vec()))
            .send()
            .await
            .map_err(translate("s3:PutObject"))?;
        let found = self.read_once(key).await?;
        Ok(found.is_some_and(|object| object.text == text))
    }
}
