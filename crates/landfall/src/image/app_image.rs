//! The app's image: built or pulled, checked, given its edge, and pushed to the registry of an
//! environment.

use crate::failure::Failure;
use crate::image::edge_layer;
use crate::image::engine::Engine;
use crate::image::local_image::LocalImage;
use crate::report::Report;
use aws::{Registry, Session};
use rules::app::manifest::{Manifest, Target};
use rules::event::Event;
use rules::exit::Exit;
use rules::release::revision::Image;
use rules::shape::contract::FoundationOutputs;
use std::collections::BTreeSet;
use std::path::Path;

/// The app's image before and after landfall added its own layer.
pub(crate) struct AppImage {
    /// The image itself. Trial runs use it to see which ports the app listens on.
    pub(crate) own: LocalImage,
    /// The image that is deployed: with the edge in front, unless the manifest turns it off.
    pub(crate) shipped: LocalImage,
}

/// Builds the app's image from `directory`, or pulls the image `prebuilt`.
///
/// # Errors
/// The build or the pull fails.
pub(crate) async fn build_or_pull(
    prebuilt: Option<&str>,
    directory: &Path,
    manifest: &Manifest,
    engine: &Engine,
    report: &Report,
) -> Result<LocalImage, Failure> {
    let architecture = manifest.architecture;
    match prebuilt {
        Some(reference) => engine.pull(reference, architecture).await,
        None => {
            let tag = format!("landfall/{}:{}", manifest.name, manifest.environment);
            let dockerfile = manifest.dockerfile.as_str();
            engine
                .build(directory, dockerfile, &tag, architecture, report)
                .await
        }
    }
}

/// As [`build_or_pull`]; then checks that the image can run on the target, and adds the edge. With
/// `bridge` the Lambda bridge starts before the edge.
///
/// # Errors
/// The image cannot be built, cannot run on the target, or the edge cannot be added.
pub(crate) async fn prepare(
    prebuilt: Option<&str>,
    directory: &Path,
    manifest: &Manifest,
    bridge: bool,
    engine: &Engine,
    report: &Report,
) -> Result<AppImage, Failure> {
    let own = build_or_pull(prebuilt, directory, manifest, engine, report).await?;
    own.check(manifest)?;
    let port = manifest.port.get();
    if !own.exposed.is_empty() && !own.exposed.contains(&port) {
        report.emit(Event::Warning {
            text: format!(
                "the image exposes {:?}, but the app is expected on {port}; set `port` if that is wrong",
                own.exposed
            ),
        });
    }
    report_user(&own, manifest, report);
    let shipped = match manifest.edge {
        true => edge_layer::add(engine, &own, manifest, bridge, report).await?,
        false => own.clone(),
    };
    Ok(AppImage { own, shipped })
}

/// Notes the user that the app runs as, where landfall chose it and not the manifest or the image.
fn report_user(image: &LocalImage, manifest: &Manifest, report: &Report) {
    let user = manifest.container.of_image(&image.user).user;
    let Some(user) =
        user.filter(|user| manifest.container.user.is_none() && user.as_str() != image.user)
    else {
        return;
    };
    if manifest.target == Target::Fargate {
        let of_image = match image.user.as_str() {
            "" => "no user".to_owned(),
            user => format!("the user {user}"),
        };
        report.note(format!(
            "the image sets {of_image}: the app runs as {user}, not as root (`user` in `[container]`)"
        ));
    }
}

/// Pushes the image, unless the registry has it. Its tag is derived from its content and tags are
/// immutable, so an image with the same tag is the same image.
///
/// # Errors
/// The push fails, or the registry does not answer.
pub(crate) async fn push(
    session: &Session,
    engine: &Engine,
    image: &LocalImage,
    foundation: &FoundationOutputs,
    target: Target,
    report: &Report,
) -> Result<Image, Failure> {
    let registry = Registry::new(session);
    let content: String = image
        .id
        .trim_start_matches("sha256:")
        .chars()
        .take(32)
        .collect();
    let tag = format!("image-{content}");
    let found = registry.find(&foundation.repository_name, &tag).await?;
    let digest = match found {
        Some(digest) => {
            report.note("the registry has this image already");
            digest
        }
        None => {
            let login = registry.login().await?;
            engine
                .push(image, &foundation.repository_url, &tag, &login)
                .await?;
            registry
                .find(&foundation.repository_name, &tag)
                .await?
                .ok_or_else(|| {
                    Failure::new(
                        Exit::Image,
                        "the image was pushed, but the registry does not have it",
                    )
                    .next("run the same command again")
                })?
        }
    };
    if target == Target::Lambda {
        let types = registry.layer_types(&foundation.repository_name, &digest);
        refuse_layers(&types.await?)?;
    }
    Ok(Image {
        repository_url: foundation.repository_url.clone(),
        digest,
    })
}

/// The layers that Lambda takes. It reports others, as those compressed with zstd, only once a function is made:
/// `UnsupportedImageLayerDetected`
/// (<https://docs.aws.amazon.com/lambda/latest/api/API_FunctionConfiguration.html>).
const LAMBDA_LAYERS: [&str; 2] = [
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
    "application/vnd.oci.image.layer.v1.tar+gzip",
];

fn refuse_layers(types: &BTreeSet<String>) -> Result<(), Failure> {
    let others: Vec<&str> = types
        .iter()
        .map(String::as_str)
        .filter(|one| !LAMBDA_LAYERS.contains(one))
        .collect();
    if others.is_empty() {
        return Ok(());
    }
    Err(
        Failure::new(Exit::Image, "Lambda does not accept the layers of this image")
            .why(format!(
                "they are {}, and Lambda accepts gzip only",
                others.join(" and ")
            ))
            .next("use another base image, or build with `docker buildx build --output type=docker,compression=gzip,force-compression=true`")
            .next("or run it on Fargate: `target = \"fargate\"` in landfall.toml"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_that_are_not_gzip_are_refused_for_lambda() {
        let of =
            |types: &[&str]| refuse_layers(&types.iter().map(|one| (*one).to_owned()).collect());
        assert_eq!(of(&LAMBDA_LAYERS), Ok(()));
        assert_eq!(of(&[]), Ok(()));
        for other in [
            "application/vnd.oci.image.layer.v1.tar+zstd",
            "application/vnd.oci.image.layer.v1.tar",
        ] {
            let failure = of(&[LAMBDA_LAYERS[1], other]).expect_err(other);
            assert_eq!(failure.exit, Exit::Image);
            assert!(failure.why[0].contains(other), "{failure:?}");
        }
    }
}
