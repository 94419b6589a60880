//! ECR: the registry that images are pushed to.

use crate::error::{Error, ErrorKind, translate};
use crate::session::Session;
use aws_sdk_ecr::types::{ImageIdentifier, TagStatus};
use rules::release::revision::Digest;
use serde::Deserialize;
use std::collections::BTreeSet;

/// Media types of the manifests that are pushed. Without them ECR returns a manifest of its own choice, with
/// another digest.
const MANIFESTS: [&str; 4] = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
];

const GET: &str = "ecr:BatchGetImage";

/// A login that is valid for twelve hours.
pub struct Login {
    /// Host of the registry, with the port if it is not 443.
    pub host: String,
    /// `AWS:password` in base64, as in a Docker configuration file.
    pub basic: String,
}

/// The registry of one account and region.
#[derive(Debug, Clone)]
pub struct Registry {
    ecr: aws_sdk_ecr::Client,
}

impl Registry {
    /// The registry of the session's account and region.
    pub fn new(session: &Session) -> Registry {
        Registry {
            ecr: aws_sdk_ecr::Client::new(session.config()),
        }
    }

    /// Gets a login.
    ///
    /// # Errors
    /// The call fails or its answer is not what the API documents.
    pub async fn login(&self) -> Result<Login, Error> {
        const OPERATION: &str = "ecr:GetAuthorizationToken";
        let answer = self
            .ecr
            .get_authorization_token()
            .send()
            .await
            .map_err(translate(OPERATION))?;
        let data = answer
            .authorization_data
            .and_then(|data| data.into_iter().next())
            .ok_or_else(|| Error::incomplete(OPERATION, "authorization data"))?;
        let endpoint = data
            .proxy_endpoint
            .ok_or_else(|| Error::incomplete(OPERATION, "endpoint"))?;
        let host = endpoint
            .trim_start_matches("https://")
            .trim_start_matches("http://")
            .trim_end_matches('/')
            .to_owned();
        let basic = data
            .authorization_token
            .ok_or_else(|| Error::incomplete(OPERATION, "token"))?;
        Ok(Login { host, basic })
    }

    /// The digest of the image with `tag`; [`None`] if there is no such image or repository.
    ///
    /// # Errors
    /// The call fails.
    pub async fn find(&self, repository: &str, tag: &str) -> Result<Option<Digest>, Error> {
        const OPERATION: &str = "ecr:DescribeImages";
        let answer = self
            .ecr
            .describe_images()
            .repository_name(repository)
            .image_ids(ImageIdentifier::builder().image_tag(tag).build())
            .send()
            .await
            .map_err(translate(OPERATION));
        let answer = match answer {
            Err(error) if error.kind == ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let Some(detail) = answer
            .image_details
            .and_then(|details| details.into_iter().next())
        else {
            return Ok(None);
        };
        detail
            .image_digest
            .as_deref()
            .and_then(Digest::parse)
            .map(Some)
            .ok_or_else(|| Error::incomplete(OPERATION, "digest"))
    }

    /// The media types of an image's layers, each once; none for an index of images.
    ///
    /// # Errors
    /// The call fails, there is no such image, or its manifest cannot be read.
    pub async fn layer_types(
        &self,
        repository: &str,
        digest: &Digest,
    ) -> Result<BTreeSet<String>, Error> {
        #[derive(Deserialize)]
        struct Manifest {
            #[serde(default)]
            layers: Vec<Layer>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Layer {
            media_type: String,
        }
        let image = self.image(repository, digest).await?;
        let text = image.image_manifest.unwrap_or_default();
        let manifest: Manifest = serde_json::from_str(&text)
            .map_err(|error| Error::new(ErrorKind::Other, GET, error.to_string()))?;
        let types = manifest.layers.into_iter().map(|layer| layer.media_type);
        Ok(types.collect())
    }

    /// An image with its manifest.
    async fn image(
        &self,
        repository: &str,
        digest: &Digest,
    ) -> Result<aws_sdk_ecr::types::Image, Error> {
        let found = self
            .ecr
            .batch_get_image()
            .repository_name(repository)
            .image_ids(
                ImageIdentifier::builder()
                    .image_digest(digest.to_string())
                    .build(),
            )
            .set_accepted_media_types(Some(MANIFESTS.map(str::to_owned).to_vec()))
            .send()
            .await
            .map_err(translate(GET))?;
        let found = found.images.unwrap_or_default().into_iter().next();
        found.ok_or_else(|| Error::new(ErrorKind::NotFound, GET, format!("no image {digest}")))
    }

    /// Adds a tag to an image, by its digest. Does nothing if the image has it.
    ///
    /// # Errors
    /// A call fails, or there is no such image.
    pub async fn tag(&self, repository: &str, digest: &Digest, tag: &str) -> Result<(), Error> {
        let image = self.image(repository, digest).await?;
        let tagged = self
            .ecr
            .put_image()
            .repository_name(repository)
            .set_image_manifest(image.image_manifest)
            .set_image_manifest_media_type(image.image_manifest_media_type)
            .image_digest(digest.to_string())
            .image_tag(tag)
            .send()
            .await
            .map(drop)
            .map_err(translate("ecr:PutImage"));
        match tagged {
            Err(error) if error.kind == ErrorKind::Conflict => Ok(()),
            other => other,
        }
    }

    /// Deletes every image of a repository; returns how many. 0 if there is no such repository.
    ///
    /// # Errors
    /// A call fails, or the registry refuses to delete an image.
    pub async fn delete_images(&self, repository: &str) -> Result<usize, Error> {
        const LIST: &str = "ecr:ListImages";
        const DELETE: &str = "ecr:BatchDeleteImage";
        let mut deleted = 0;
        // An image that an index refers to can only be deleted after the index, so the images are
        // listed again until none is left.
        for _round in 0..100 {
            let answer = self
                .ecr
                .list_images()
                .repository_name(repository)
                .max_results(100)
                .filter(
                    aws_sdk_ecr::types::ListImagesFilter::builder()
                        .tag_status(TagStatus::Any)
                        .build(),
                )
                .send()
                .await
                .map_err(translate(LIST));
            let ids = match answer {
                Err(error) if error.kind == ErrorKind::NotFound => return Ok(deleted),
                other => other?.image_ids.unwrap_or_default(),
            };
            let mut digests: Vec<String> =
                ids.into_iter().filter_map(|id| id.image_digest).collect();
            digests.sort();
            digests.dedup();
            if digests.is_empty() {
                return Ok(deleted);
            }
            let ids = digests
                .iter()
                .map(|digest| ImageIdentifier::builder().image_digest(digest).build());
            let answer = self
                .ecr
                .batch_delete_image()
                .repository_name(repository)
                .set_image_ids(Some(ids.collect()))
                .send()
                .await
                .map_err(translate(DELETE))?;
            let failures = answer.failures.unwrap_or_default();
            let gone = digests.len().saturating_sub(failures.len());
            deleted += gone;
            if gone == 0 {
                let why = failures
                    .first()
                    .and_then(|failure| failure.failure_reason.clone())
                    .unwrap_or_default();
                return Err(Error::new(
                    ErrorKind::Other,
                    DELETE,
                    format!("nothing was deleted: {why}"),
                ));
            }
        }
        Err(Error::new(
            ErrorKind::Other,
            DELETE,
            "images keep appearing",
        ))
    }
}
