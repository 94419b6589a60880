//! The bucket of the Terraform state. It has to exist before Terraform runs and to be deleted after
//! it, so landfall creates it through the SDK. Landfall's own objects of an environment are there,
//! too.

mod objects;
mod settling;
mod tags;
mod trials;

pub use objects::{ETag, Object, Written};
pub use tags::Buckets;

use crate::again::again_after;
use crate::error::{Error, ErrorKind, translate};
use crate::session::Session;
use aws_sdk_s3::types::{
    BucketLocationConstraint, BucketVersioningStatus, CreateBucketConfiguration, Delete,
    ObjectIdentifier, PublicAccessBlockConfiguration, ServerSideEncryption,
    ServerSideEncryptionByDefault, ServerSideEncryptionConfiguration, ServerSideEncryptionRule,
    VersioningConfiguration,
};
use rules::app::names::{Names, TAG_APP, TAG_ENVIRONMENT};
use rules::leave::ci::partition;
use rules::operate::expiry::Tags;
use rules::operate::ownership::Owner;
use rules::operate::ttl::TAG_EXPIRES_AT;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Seconds between attempts to create a bucket whose name cannot be used yet: about two minutes.
const DELETED_PAUSES: [u64; 15] = [1, 2, 4, 8, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10];

/// Milliseconds between attempts to use a bucket that was just created.
const FOUND_PAUSES: [u64; 7] = [100, 200, 400, 800, 1_600, 3_200, 6_400];

/// The state bucket of one environment.
#[derive(Debug, Clone)]
pub struct StateBucket {
    s3: aws_sdk_s3::Client,
    region: String,
    account: String,
    name: String,
    /// Tags of the bucket, besides landfall's own.
    own_tags: Arc<BTreeMap<String, String>>,
    /// The keys that this process has written.
    written: Arc<Mutex<BTreeSet<String>>>,
}

impl StateBucket {
    /// The state bucket of the environment `names` in `account`.
    pub fn new(session: &Session, names: &Names, account: &str) -> StateBucket {
        StateBucket {
            s3: session.s3(),
            region: session.region().to_owned(),
            account: account.to_owned(),
            name: names.state_bucket(account, session.region()),
            own_tags: session.tags(),
            written: Arc::default(),
        }
    }

    /// The bucket's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn written(&self) -> std::sync::MutexGuard<'_, BTreeSet<String>> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the bucket exists.
    ///
    /// # Errors
    /// The call fails, or the bucket belongs to another account.
    pub async fn exists(&self) -> Result<bool, Error> {
        let answer = self
            .s3
            .head_bucket()
            .bucket(&self.name)
            .expected_bucket_owner(&self.account)
            .send()
            .await;
        // A bucket of another account may be in another region.
        let raw = answer.as_ref().err().and_then(|error| error.raw_response());
        let is_elsewhere = raw.is_some_and(|response| response.status().as_u16() == 301);
        match answer.map_err(translate("s3:ListBucket")) {
            Ok(_) => Ok(true),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(false),
            Err(error) if is_elsewhere || error.kind == ErrorKind::Denied => {
                Err(self.inaccessible(&error))
            }
            Err(error) => Err(error),
        }
    }

    /// S3 answers the same whether a bucket is another account's or the caller may not look for it, and a
    /// response to HEAD has no message.
    fn inaccessible(&self, error: &Error) -> Error {
        let what = format!(
            "the bucket {} is not one of account {}, or the identity may not access it: it may belong to another \
             account, which took the name",
            self.name, self.account
        );
        Error::new(ErrorKind::Denied, error.operation, what)
    }

    /// Creates the bucket if it does not exist, and sets what a state bucket needs: versioning,
    /// encryption, no public access, TLS only. An existing bucket gets these settings as well,
    /// because a command that was killed may have left it without. Waits until versioning has taken
    /// effect. Returns whether the bucket was created.
    ///
    /// A new bucket gets the tag with the time `end` at which the environment expires; an existing
    /// one keeps its tag.
    ///
    /// # Errors
    /// A call fails; calling this again continues.
    pub async fn ensure(&self, names: &Names, end: Option<&str>) -> Result<bool, Error> {
        let create = !self.exists().await?;
        if create {
            self.create_bucket().await?;
        }
        let mut tags = match create {
            true => Tags::new(),
            false => self.tags().await?.unwrap_or_default(),
        };
        if let Some(owner) = Owner::of_tags(&tags)
            && let Some(refusal) = owner.refusal(names, &self.name)
        {
            return Err(Error::new(
                ErrorKind::Conflict,
                "s3:CreateBucket",
                refusal.what,
            ));
        }
        tags.extend(self.own_tags.as_ref().clone());
        tags.insert(TAG_APP.to_owned(), names.app.to_string());
        tags.insert(TAG_ENVIRONMENT.to_owned(), names.environment.to_string());
        if let (true, Some(end)) = (create, end) {
            tags.insert(TAG_EXPIRES_AT.to_owned(), end.to_owned());
        }
        // The tags first: they show whose the bucket is.
        self.once_found(create, || self.put_tags(tags.clone()))
            .await?;
        self.once_found(create, || self.protect()).await?;
        self.settle().await?;
        Ok(create)
    }

    /// Repeats a call while S3 does not find a bucket that it has just created.
    async fn once_found<F>(&self, is_new: bool, call: impl Fn() -> F) -> Result<(), Error>
    where
        F: Future<Output = Result<(), Error>>,
    {
        let is_missing = |error: &Error| error.kind == ErrorKind::NotFound;
        let pauses = FOUND_PAUSES.into_iter().filter(|_| is_new);
        again_after(pauses.map(Duration::from_millis), is_missing, call).await
    }

    /// Sets versioning, encryption, no public access, TLS only.
    async fn protect(&self) -> Result<(), Error> {
        let s3 = &self.s3;
        s3.put_public_access_block()
            .bucket(&self.name)
            .expected_bucket_owner(&self.account)
            .public_access_block_configuration(
                PublicAccessBlockConfiguration::builder()
                    .block_public_acls(true)
                    .block_public_policy(true)
                    .ignore_public_acls(true)
                    .restrict_public_buckets(true)
                    .build(),
            )
            .send()
            .await
            .map_err(translate("s3:PutBucketPublicAccessBlock"))?;
        s3.put_bucket_versioning()
            .bucket(&self.name)
            .expected_bucket_owner(&self.account)
            .versioning_configuration(
                VersioningConfiguration::builder()
                    .status(BucketVersioningStatus::Enabled)
                    .build(),
            )
            .send()
            .await
            .map_err(translate("s3:PutBucketVersioning"))?;
        let invalid = |operation| {
            move |error: aws_smithy_types::error::operation::BuildError| {
                Error::new(ErrorKind::Other, operation, error.to_string())
            }
        };
        let aes = ServerSideEncryptionByDefault::builder()
            .sse_algorithm(ServerSideEncryption::Aes256)
            .build()
            .map_err(invalid("s3:PutEncryptionConfiguration"))?;
        let rule = ServerSideEncryptionRule::builder()
            .apply_server_side_encryption_by_default(aes)
            .build();
        s3.put_bucket_encryption()
            .bucket(&self.name)
            .expected_bucket_owner(&self.account)
            .server_side_encryption_configuration(
                ServerSideEncryptionConfiguration::builder()
                    .rules(rule)
                    .build()
                    .map_err(invalid("s3:PutEncryptionConfiguration"))?,
            )
            .send()
            .await
            .map_err(translate("s3:PutEncryptionConfiguration"))?;
        s3.put_bucket_policy()
            .bucket(&self.name)
            .expected_bucket_owner(&self.account)
            .policy(tls_only(&self.name, &self.region))
            .send()
            .await
            .map_err(translate("s3:PutBucketPolicy"))
            .map(drop)
    }

    /// The name of a bucket that was just deleted cannot be used again for a while
    /// (<https://github.com/aws/aws-cli/issues/2593>), so this waits.
    async fn create_bucket(&self) -> Result<(), Error> {
        let is_aborted = |error: &Error| error.code.as_deref() == Some("OperationAborted");
        let pauses = DELETED_PAUSES.map(Duration::from_secs);
        let made = again_after(pauses, is_aborted, || self.create_bucket_once()).await;
        made.map_err(|error| {
            if !is_aborted(&error) {
                return error;
            }
            let what = format!(
                "the bucket {} was deleted a short time ago, and S3 does not permit its name again yet; \
                 this may take an hour",
                self.name
            );
            Error::new(error.kind, "s3:CreateBucket", what)
        })
    }

    async fn create_bucket_once(&self) -> Result<(), Error> {
        let mut request = self.s3.create_bucket().bucket(&self.name);
        // The API rejects its default region as a constraint.
        if self.region != "us-east-1" {
            request = request.create_bucket_configuration(
                CreateBucketConfiguration::builder()
                    .location_constraint(BucketLocationConstraint::from(self.region.as_str()))
                    .build(),
            );
        }
        let made = request.send().await.map(drop);
        made.map_err(translate("s3:CreateBucket")).map_err(|error| {
            match error.code.as_deref() {
                // Of another account: the own one is found before.
                Some("BucketAlreadyExists") => self.inaccessible(&error),
                _ => error,
            }
        })
    }

    /// Deletes every version of every object, then the bucket. Does nothing if the bucket does not
    /// exist.
    ///
    /// # Errors
    /// A call fails; calling this again continues.
    pub async fn delete(&self) -> Result<(), Error> {
        if !self.exists().await? {
            return Ok(());
        }
        self.written().clear();
        loop {
            let page = self
                .s3
                .list_object_versions()
                .bucket(&self.name)
                .expected_bucket_owner(&self.account)
                .max_keys(1000)
                .send()
                .await
                .map_err(translate("s3:ListBucketVersions"))?;
            let versions = page
                .versions
                .unwrap_or_default()
                .into_iter()
                .map(|version| (version.key, version.version_id));
            let markers = page
                .delete_markers
                .unwrap_or_default()
                .into_iter()
                .map(|marker| (marker.key, marker.version_id));
            let mut all = Vec::new();
            for (key, version) in versions.chain(markers) {
                let id = ObjectIdentifier::builder()
                    .key(key.unwrap_or_default())
                    .set_version_id(version)
                    .build()
                    .map_err(|error| {
                        Error::new(ErrorKind::Other, "s3:DeleteObject", error.to_string())
                    })?;
                all.push(id);
            }
            if all.is_empty() {
                break;
            }
            let delete = Delete::builder()
                .set_objects(Some(all))
                .quiet(true)
                .build()
                .map_err(|error| {
                    Error::new(ErrorKind::Other, "s3:DeleteObject", error.to_string())
                })?;
            let answer = self
                .s3
                .delete_objects()
                .bucket(&self.name)
                .expected_bucket_owner(&self.account)
                .delete(delete)
                .send()
                .await
                .map_err(translate("s3:DeleteObject"))?;
            if let Some(error) = answer.errors.unwrap_or_default().first() {
                let why = error.message().unwrap_or("no reason given");
                return Err(Error::new(ErrorKind::Other, "s3:DeleteObject", why));
            }
        }
        let answer = self
            .s3
            .delete_bucket()
            .bucket(&self.name)
            .expected_bucket_owner(&self.account)
            .send()
            .await;
        match answer.map_err(translate("s3:DeleteBucket")) {
            Err(error) if error.kind != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

fn tls_only(bucket: &str, region: &str) -> String {
    let partition = partition(region);
    let resource = format!("arn:{partition}:s3:::{bucket}");
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Sid":"TlsOnly","Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["{resource}","{resource}/*"],"Condition":{{"Bool":{{"aws:SecureTransport":"false"}}}}}}]}}"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_names_the_bucket_in_its_own_partition() {
        for (region, arn) in [
            ("eu-west-2", "\"arn:aws:s3:::b/*\""),
            ("cn-north-1", "\"arn:aws-cn:s3:::b/*\""),
            ("us-gov-east-1", "\"arn:aws-us-gov:s3:::b/*\""),
        ] {
            assert!(tls_only("b", region).contains(arn), "{region}");
        }
    }
}
