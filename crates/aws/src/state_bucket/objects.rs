//! Objects with compare and swap
//! (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>).
//!
//! Two rules for callers:
//!
//! - **Write each text only once.** It contains something random, so that a text that is read shows
//!   who wrote it: an answer may get lost after the write took effect, and the repeated request is
//!   then rejected *because* the first one took effect. It also ensures that a tag, which depends
//!   on the content, never recurs.
//! - **Never delete an object**, except with the bucket. Some calls treat the delete marker of a
//!   versioned bucket as an object and some as its absence, so a repeated `create` could succeed
//!   twice.
//!
//! A read sees every write that completed before it
//! (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/Welcome.html#ConsistencyModel>).

use super::StateBucket;
use crate::error::{Error, ErrorKind, translate};
use aws_sdk_s3::operation::put_object::PutObjectError;
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction};
use aws_smithy_types::error::metadata::ProvideErrorMetadata as _;
use std::time::Duration;

const GET: &str = "s3:GetObject";
const PUT: &str = "s3:PutObject";

/// While versioning takes effect, S3 may answer that an object does not exist which this process has
/// written. Such an answer counts after these pauses, in milliseconds.
const MISSING_PAUSES: [u64; 6] = [100, 200, 400, 800, 1_600, 3_200];

/// Identifies the content of an object: equal tags mean equal content. Opaque, and comparable only
/// within one store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ETag(String);

impl ETag {
    /// The tag as the store returns it.
    pub fn new(tag: impl Into<String>) -> ETag {
        ETag(tag.into())
    }

    /// The tag as the store returns it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An object as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Object {
    pub text: String,
    /// The tag of this content.
    pub tag: ETag,
}

/// The result of a conditional write that did not fail.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Written {
    /// The object has the text, under this tag.
    Won(ETag),
    /// Someone else was first: the object has another text now. If the answer to the first attempt
    /// was lost, the object may have had this text for a moment.
    Lost,
}

/// The condition of a write.
enum Condition<'a> {
    IsMissing,
    Has(&'a ETag),
}

impl StateBucket {
    /// The text of an object; [`None`] if the object or the bucket does not exist.
    ///
    /// # Errors
    /// The call fails, or the object is not UTF-8.
    pub async fn read(&self, key: &str) -> Result<Option<String>, Error> {
        Ok(self.read_tagged(key).await?.map(|object| object.text))
    }

    /// An object with the tag for [`StateBucket::replace`]; [`None`] if the object or the bucket
    /// does not exist.
    ///
    /// # Errors
    /// The call fails, or the object is not UTF-8.
    pub async fn read_tagged(&self, key: &str) -> Result<Option<Object>, Error> {
        for pause in MISSING_PAUSES {
            let found = self.read_once(key).await?;
            // No one deletes an object but with its bucket.
            if found.is_some() || !self.written().contains(key) || !self.exists().await? {
                return Ok(found);
            }
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        self.read_once(key).await
    }

    /// The text of an object that any process may have written. What S3 lists and does not find is looked for
    /// again: it must not count as missing.
    ///
    /// # Errors
    /// As of [`StateBucket::read`], or S3 lists the object and still does not find it.
    pub async fn read_listed(&self, key: &str) -> Result<Option<String>, Error> {
        let mut found = self.read(key).await?;
        for pause in MISSING_PAUSES {
            if found.is_some() || !self.lists(key).await? {
                return Ok(found);
            }
            tokio::time::sleep(Duration::from_millis(pause)).await;
            found = self.read(key).await?;
        }
        match found {
            None if self.lists(key).await? => {
                let what = format!("S3 lists {key} in {} but does not find it", self.name);
                Err(Error::new(ErrorKind::Busy, GET, what))
            }
            found => Ok(found),
        }
    }

    async fn lists(&self, key: &str) -> Result<bool, Error> {
        let keys = self.keys(key).await?;
        Ok(keys.iter().any(|listed| listed == key))
    }

    /// The object, or [`None`], as S3 answers the first time.
    pub(super) async fn read_once(&self, key: &str) -> Result<Option<Object>, Error> {
        let answer = self
            .s3
            .get_object()
            .bucket(&self.name)
            .expected_bucket_owner(&self.account)
            .key(key)
            .send()
            .await
            .map_err(translate(GET));
        let object = match answer {
            Err(error) if error.kind == ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let tag = object.e_tag.ok_or_else(|| Error::incomplete(GET, "ETag"))?;
        let bytes = object
            .body
            .collect()
            .await
            .map_err(|error| Error::new(ErrorKind::Unreachable, GET, error.to_string()))?;
        let text = String::from_utf8(bytes.to_vec())
            .map_err(|error| Error::new(ErrorKind::Other, GET, format!("{key}: {error}")))?;
        Ok(Some(Object {
            text,
            tag: ETag(tag),
        }))
    }

    /// Writes an object if it does not exist.
    ///
    /// # Errors
    /// The call fails, or there is no such bucket. If the service did not answer, the write may
    /// still take effect, even later.
    pub async fn create(&self, key: &str, text: &str) -> Result<Written, Error> {
        self.write(key, text, Condition::IsMissing).await
    }

    /// Writes an object if it still has this tag.
    ///
    /// # Errors
    /// As for [`StateBucket::create`].
    pub async fn replace(&self, key: &str, text: &str, tag: &ETag) -> Result<Written, Error> {
        self.write(key, text, Condition::Has(tag)).await
    }

    /// The keys that begin with `prefix`, in the order of their bytes; none if the bucket does not
    /// exist.
    ///
    /// # Errors
    /// A call fails.
    pub async fn keys(&self, prefix: &str) -> Result<Vec<String>, Error> {
        let mut keys = Vec::new();
        let mut pages = self
            .s3
            .list_objects_v2()
            .bucket(&self.name)
            .expected_bucket_owner(&self.account)
            .prefix(prefix)
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let page = match page.map_err(translate("s3:ListBucket")) {
                Err(error) if error.kind == ErrorKind::NotFound => return Ok(Vec::new()),
                other => other?,
            };
            let found = page.contents.unwrap_or_default();
            keys.extend(found.into_iter().filter_map(|object| object.key));
        }
        Ok(keys)
    }

    async fn write(&self, key: &str, text: &str, on: Condition<'_>) -> Result<Written, Error> {
        let request = self
            .s3
            .put_object()
            .bucket(&self.name)
            .expected_bucket_owner(&self.account)
            .key(key)
            .content_type("application/json")
            .body(ByteStream::from(text.as_bytes().to_vec()));
        let request = match &on {
            Condition::IsMissing => request.if_none_match("*"),
            Condition::Has(tag) => request.if_match(tag.as_str()),
        };
        let error = match send(request).await {
            Ok(tag) => {
                self.written().insert(key.to_owned());
                return Ok(Written::Won(tag));
            }
            Err(error) => error,
        };
        let is_rejected = is_rejected(&error, &on);
        let is_unclear = matches!(
            error.kind,
            ErrorKind::Unreachable | ErrorKind::Conflict | ErrorKind::Other
        );
        if !is_rejected && !is_unclear {
            return Err(error);
        }
        // The object's text shows whether an attempt took effect whose answer got lost.
        match self.read_tagged(key).await {
            Ok(Some(found)) if found.text == text => Ok(Written::Won(found.tag)),
            Ok(_) if is_rejected => Ok(Written::Lost),
            Err(unreadable) if is_rejected => Err(unreadable),
            // An attempt may still be under way, so another text proves nothing.
            _ => Err(error),
        }
    }
}

/// Sends the request; returns the new tag.
async fn send(request: PutObjectFluentBuilder) -> Result<ETag, Error> {
    let answer = request
        .customize()
        .config_override(aws_sdk_s3::config::Builder::new().retry_classifier(RetryConflicts))
        .send()
        .await
        .map_err(translate(PUT))?;
    answer
        .e_tag
        .map(ETag)
        .ok_or_else(|| Error::incomplete(PUT, "ETag"))
}

/// Whether the condition did not hold. If the object of an `If-Match` does not exist, S3's code is
/// `NoSuchKey`.
fn is_rejected(error: &Error, on: &Condition<'_>) -> bool {
    let code = error.code.as_deref().unwrap_or_default();
    match on {
        Condition::Has(_) if code == "NoSuchKey" => true,
        _ => error.kind == ErrorKind::Conflict && !is_transient(code),
    }
}

/// Whether S3 asks for the same request again, because another one for the same key was under way.
fn is_transient(code: &str) -> bool {
    matches!(code, "ConditionalRequestConflict" | "OperationAborted")
}

/// Makes the SDK retry these codes as well, with its own delays and limit.
#[derive(Debug)]
struct RetryConflicts;

impl ClassifyRetry for RetryConflicts {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let error = match context.output_or_error() {
            Some(Err(error)) => error.as_operation_error(),
            _ => None,
        };
        let code = error
            .and_then(|error| error.downcast_ref::<PutObjectError>())
            .and_then(|error| error.code());
        match code {
            // The object of an `If-Match` exists, since no one deletes one: it cannot be found yet.
            Some(code) if is_transient(code) || code == "NoSuchKey" => {
                RetryAction::transient_error()
            }
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "conditional write conflict"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_that_did_not_hold_is_distinguished_from_a_transient_conflict() {
        let tag = ETag::new("\"1\"");
        let of = |code: &str, kind, on: &Condition<'_>| {
            let mut error = Error::new(kind, PUT, "");
            error.code = Some(code.to_owned());
            is_rejected(&error, on)
        };
        for on in [Condition::IsMissing, Condition::Has(&tag)] {
            assert!(of("PreconditionFailed", ErrorKind::Conflict, &on));
            assert!(!of("ConditionalRequestConflict", ErrorKind::Conflict, &on));
            assert!(!of("OperationAborted", ErrorKind::Other, &on));
            assert!(!of("NoSuchBucket", ErrorKind::NotFound, &on));
        }
        let missing = ErrorKind::NotFound;
        assert!(of("NoSuchKey", missing, &Condition::Has(&tag)));
        assert!(!of("NoSuchKey", missing, &Condition::IsMissing));
    }
}
