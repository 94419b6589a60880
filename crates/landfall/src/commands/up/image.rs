//! The app's image: built or taken, checked, pushed.

use crate::environment::app::App;
use crate::environment::place::Environment;
use crate::failure::Failure;
use crate::image::edge_layer;
use crate::image::engine::{Engine, LocalImage};
use crate::report::Report;
use aws::Registry;
use rules::app::manifest::{Manifest, Target};
use rules::event::Event;
use rules::exit::Exit;
use rules::release::revision::Image;
use rules::shape::contract::FoundationOutputs;

/// The app's image, as it is and as it is shipped.
pub(crate) struct Built {
    /// Without the edge: what a look at the app's own ports runs.
    pub(crate) app: LocalImage,
    /// With the edge, unless the manifest does without.
    pub(crate) shipped: LocalImage,
}

/// Builds the app's own image, or takes the one that is given.
pub(crate) async fn own(
    prebuilt: Option<&str>,
    app: &App,
    engine: &Engine,
    report: &Report,
) -> Result<LocalImage, Failure> {
    let manifest = &app.manifest;
    match prebuilt {
        Some(reference) => engine.take(reference, manifest.architecture).await,
        None => {
            let tag = format!("landfall/{}:{}", manifest.name, manifest.environment);
            let dockerfile = manifest.dockerfile.as_str();
            let architecture = manifest.architecture;
            engine
                .build(&app.directory, dockerfile, &tag, architecture, report)
                .await
        }
    }
}

/// Builds the image, or takes the one that is given, refuses what cannot run, and adds the edge.
pub(crate) async fn build(
    prebuilt: Option<&str>,
    app: &App,
    engine: &Engine,
    rehearsal: bool,
    report: &Report,
) -> Result<Built, Failure> {
    let manifest = &app.manifest;
    let image = own(prebuilt, app, engine, report).await?;
    engine.check(&image, manifest)?;
    let port = manifest.port.get();
    if !image.exposed.is_empty() && !image.exposed.contains(&port) {
        report.emit(Event::Warning {
            text: format!(
                "the image exposes {:?}, but the app is expected on {port}; set `port` if that is wrong",
                image.exposed
            ),
        });
    }
    say_user(&image, manifest, report);
    let shipped = match manifest.edge {
        true if rehearsal && manifest.target == Target::Lambda => {
            edge_layer::add_bridge_and_edge(engine, &image, manifest, report).await?
        }
        true => edge_layer::add_edge(engine, &image, manifest, report).await?,
        false => image.clone(),
    };
    Ok(Built {
        app: image,
        shipped,
    })
}

/// Says whom an app runs as that is not asked for and not the image's own choice.
fn say_user(image: &LocalImage, manifest: &Manifest, report: &Report) {
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
            "the image sets {of_image}: it runs as {user} and not as root (`user` under `[container]`)"
        ));
    }
}

/// Pushes the image, unless the registry has it. The tag is made from the image's own content, and
/// tags are immutable: what bears it is the same image.
pub(crate) async fn push(
    place: &Environment,
    engine: &Engine,
    image: &LocalImage,
    foundation: &FoundationOutputs,
    report: &Report,
) -> Result<Image, Failure> {
    let registry = Registry::new(&place.session);
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
    Ok(Image {
        repository_url: foundation.repository_url.clone(),
        digest,
    })
}
