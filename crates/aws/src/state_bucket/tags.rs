//! Tags of the state bucket, among them the time at which its environment expires; and a list of
//! all buckets.

use super::StateBucket;
use crate::error::{Error, ErrorKind, translate};
use crate::session::Session;
use aws_sdk_s3::types::{Tag, Tagging};
use rules::operate::expiry::Tags;
use rules::operate::ttl::TAG_EXPIRES_AT;

const GET: &str = "s3:GetBucketTagging";
const PUT: &str = "s3:PutBucketTagging";
const LIST: &str = "s3:ListAllMyBuckets";

impl StateBucket {
    /// The tags of the bucket; [`None`] if it does not exist.
    ///
    /// # Errors
    /// The call fails.
    pub async fn tags(&self) -> Result<Option<Tags>, Error> {
        tags(&self.s3, &self.name, &self.account).await
    }

    /// Sets the tag with the time at which the environment expires, or removes it. Other tags are
    /// unchanged.
    ///
    /// # Errors
    /// A call fails, or the bucket does not exist.
    pub async fn set_end(&self, end: Option<&str>) -> Result<(), Error> {
        let Some(mut tags) = self.tags().await? else {
            let why = format!("no bucket {}", self.name);
            return Err(Error::new(ErrorKind::NotFound, PUT, why));
        };
        let before = match end {
            Some(end) => tags.insert(TAG_EXPIRES_AT.to_owned(), end.to_owned()),
            None => tags.remove(TAG_EXPIRES_AT),
        };
        if before.as_deref() == end {
            return Ok(());
        }
        self.put_tags(tags).await
    }

    /// Replaces all tags; S3 has no call for a single one.
    pub(super) async fn put_tags(&self, tags: Tags) -> Result<(), Error> {
        let invalid = |error: aws_smithy_types::error::operation::BuildError| {
            Error::new(ErrorKind::Other, PUT, error.to_string())
        };
        let tags = tags
            .into_iter()
            .map(|(key, value)| Tag::builder().key(key).value(value).build())
            .collect::<Result<Vec<Tag>, _>>()
            .map_err(invalid)?;
        let tagging = Tagging::builder()
            .set_tag_set(Some(tags))
            .build()
            .map_err(invalid)?;
        self.s3
            .put_bucket_tagging()
            .bucket(&self.name)
            .expected_bucket_owner(&self.account)
            .tagging(tagging)
            .send()
            .await
            .map(drop)
            .map_err(translate(PUT))
    }
}

/// All buckets of an account.
#[derive(Debug, Clone)]
pub struct Buckets {
    s3: aws_sdk_s3::Client,
    account: String,
}

impl Buckets {
    /// The buckets of `account`.
    pub fn new(session: &Session, account: &str) -> Buckets {
        Buckets {
            s3: session.s3(),
            account: account.to_owned(),
        }
    }

    /// The names of the buckets that begin with `prefix`. Some emulators ignore the prefix, so
    /// other names may be among them.
    ///
    /// # Errors
    /// A call fails.
    pub async fn names(&self, prefix: &str) -> Result<Vec<String>, Error> {
        // Without a page size, AWS refuses to list the buckets of an account with more than 10,000.
        let buckets = self.s3.list_buckets().prefix(prefix).max_buckets(1_000);
        let buckets = buckets.into_paginator().items().send();
        let buckets = buckets.try_collect().await.map_err(translate(LIST))?;
        let buckets = buckets.into_iter();
        Ok(buckets.filter_map(|bucket| bucket.name).collect())
    }

    /// The tags of a bucket; [`None`] if it does not exist.
    ///
    /// # Errors
    /// The call fails; often because the caller may read its own buckets alone.
    pub async fn tags(&self, bucket: &str) -> Result<Option<Tags>, Error> {
        tags(&self.s3, bucket, &self.account).await
    }
}

async fn tags(s3: &aws_sdk_s3::Client, bucket: &str, account: &str) -> Result<Option<Tags>, Error> {
    let answer = s3
        .get_bucket_tagging()
        .bucket(bucket)
        .expected_bucket_owner(account)
        .send()
        .await
        .map_err(translate(GET));
    match answer {
        Ok(answer) => Ok(Some(
            answer
                .tag_set
                .into_iter()
                .map(|tag| (tag.key, tag.value))
                .collect(),
        )),
        // S3's code for a bucket without tags.
        Err(error) if error.code.as_deref() == Some("NoSuchTagSet") => Ok(Some(Tags::new())),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
