//! Tags of the bucket: whose it is, and when its environment ends. And every bucket there is.

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
    /// Its tags; [`None`] if there is no such bucket.
    ///
    /// # Errors
    /// The call fails.
    pub async fn tags(&self) -> Result<Option<Tags>, Error> {
        tags(&self.s3, &self.name, &self.account).await
    }

    /// Says on the bucket when its environment ends; [`None`]: never. Other tags stay.
    ///
    /// # Errors
    /// A call fails, or there is no such bucket.
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

    /// Sets all tags; S3 knows no other way.
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

/// The buckets of an account, whatever they are for.
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

    /// The names of those that begin with `prefix`. Not every emulator looks at the prefix: there may be
    /// others among them.
    ///
    /// # Errors
    /// A call fails.
    pub async fn names(&self, prefix: &str) -> Result<Vec<String>, Error> {
        let mut names = Vec::new();
        let mut token = None;
        loop {
            // Without pages, AWS refuses to list the buckets of an account with more than 10,000.
            let page = self
                .s3
                .list_buckets()
                .prefix(prefix)
                .max_buckets(1_000)
                .set_continuation_token(token.take())
                .send()
                .await
                .map_err(translate(LIST))?;
            let found = page.buckets.unwrap_or_default().into_iter();
            names.extend(found.filter_map(|bucket| bucket.name));
            token = page.continuation_token.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(names);
            }
        }
    }

    /// The tags of one; [`None`] if it is gone.
    ///
    /// # Errors
    /// The call fails; often because the caller may only look at buckets of its own.
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
        // What S3 says of a bucket without any.
        Err(error) if error.code.as_deref() == Some("NoSuchTagSet") => Ok(Some(Tags::new())),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
