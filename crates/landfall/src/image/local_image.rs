//! Images that the engine of this machine has, and whether they can run on a target.

use crate::failure::Failure;
use crate::image::engine::{Engine, platform};
use rules::app::manifest::{LAMBDA_IMAGE, Manifest, Target};
use rules::exit::Exit;
use rules::operate::doctor::app;
use serde::Deserialize;
use std::collections::BTreeMap;

/// An image on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LocalImage {
    /// Digest of its configuration: equal IDs, equal images.
    pub(crate) id: String,
    /// `amd64`, `arm64`, …
    pub(crate) architecture: String,
    /// TCP ports that it and its base images expose.
    pub(crate) exposed: Vec<u16>,
    /// Its entry point followed by its command.
    pub(crate) command: Vec<String>,
    /// Its user; empty if it sets none, which means root.
    pub(crate) user: String,
    /// Names of it on this machine, the preferred one first.
    pub(super) tags: Vec<String>,
    /// Bytes of its files.
    size: u64,
    /// Paths that it declares as volumes.
    volumes: Vec<String>,
    /// Whether it is an index of images for several platforms.
    is_index: bool,
}

/// What `image inspect` prints about one image.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspected {
    id: String,
    architecture: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    config: Option<InspectedConfig>,
    #[serde(default)]
    size: u64,
    /// Present only if the engine stores images the way registries do.
    #[serde(default)]
    descriptor: Option<Descriptor>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase")]
struct InspectedConfig {
    exposed_ports: Option<BTreeMap<String, serde_json::Value>>,
    user: Option<String>,
    entrypoint: Option<Vec<String>>,
    cmd: Option<Vec<String>>,
    volumes: Option<BTreeMap<String, serde_json::Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    #[serde(default)]
    media_type: String,
}

impl Descriptor {
    fn is_index(&self) -> bool {
        matches!(
            self.media_type.as_str(),
            "application/vnd.oci.image.index.v1+json"
                | "application/vnd.docker.distribution.manifest.list.v2+json"
        )
    }
}

impl From<Inspected> for LocalImage {
    fn from(inspected: Inspected) -> LocalImage {
        let config = inspected.config.unwrap_or_default();
        let exposed = config.exposed_ports.unwrap_or_default();
        let mut command = config.entrypoint.unwrap_or_default();
        command.extend(config.cmd.unwrap_or_default());
        LocalImage {
            id: inspected.id,
            architecture: inspected.architecture,
            exposed: exposed
                .keys()
                .filter_map(|port| port.strip_suffix("/tcp").unwrap_or(port).parse().ok())
                .collect(),
            command,
            user: config.user.unwrap_or_default(),
            tags: inspected.repo_tags.unwrap_or_default(),
            size: inspected.size,
            volumes: config.volumes.unwrap_or_default().into_keys().collect(),
            is_index: inspected
                .descriptor
                .is_some_and(|descriptor| descriptor.is_index()),
        }
    }
}

impl LocalImage {
    /// A name by which builders know it, since they do not accept an ID as a base.
    pub(crate) fn name(&self) -> &str {
        self.tags.first().unwrap_or(&self.id)
    }

    /// The same image with `name` as its preferred name. The others may belong to an identical
    /// image of another app, and may name a different image at any time.
    pub(super) fn prefer_name(mut self, name: &str) -> LocalImage {
        if let Some(at) = self.tags.iter().position(|tag| tag == name) {
            self.tags.swap(0, at);
        }
        self
    }

    /// The facts that `landfall doctor` judges.
    pub(crate) fn facts(&self) -> app::Image {
        app::Image {
            name: self.name().to_owned(),
            architecture: self.architecture.clone(),
            size: self.size,
            index: self.is_index,
            user: self.user.clone(),
            volumes: self.volumes.clone(),
            exposed: self.exposed.clone(),
            command: self.command.clone(),
        }
    }

    /// Checks that the image can run on the manifest's target, before minutes are spent on
    /// deploying it.
    ///
    /// # Errors
    /// It is too large for Lambda, or built for another architecture.
    pub(crate) fn check(&self, manifest: &Manifest) -> Result<(), Failure> {
        if manifest.target == Target::Lambda && self.size > LAMBDA_IMAGE {
            return Err(too_large(self.size));
        }
        let wanted = platform(manifest.architecture).trim_start_matches("linux/");
        if self.architecture == wanted {
            return Ok(());
        }
        Err(Failure::new(
            Exit::BadInput,
            "wrong architecture: the image cannot run on the target",
        )
        .why(format!(
            "the image is for {}, `architecture` is {}",
            self.architecture, manifest.architecture
        ))
        .next(format!(
            "build it for {wanted}, or set `architecture` in landfall.toml; nothing was created"
        )))
    }

    #[cfg(test)]
    pub(crate) fn for_test(tag: &str, command: &[&str]) -> LocalImage {
        LocalImage {
            id: "sha256:0".to_owned(),
            architecture: "amd64".to_owned(),
            exposed: Vec::new(),
            command: command.iter().map(|word| (*word).to_owned()).collect(),
            user: String::new(),
            tags: vec![tag.to_owned()],
            size: 0,
            volumes: Vec::new(),
            is_index: false,
        }
    }
}

fn too_large(size: u64) -> Failure {
    const GIB: u64 = 1024 * 1024 * 1024;
    Failure::new(Exit::BadInput, "the image is too large for Lambda")
        .why(format!(
            "its files take {:.1} GiB, and Lambda accepts {} GiB at most",
            size as f64 / GIB as f64,
            LAMBDA_IMAGE / GIB
        ))
        .next("set `target = \"fargate\"` in landfall.toml, or make the image smaller; nothing was created")
}

impl Engine {
    /// Looks an image up on this machine; [`None`] if it is not there.
    ///
    /// # Errors
    /// The engine cannot be started, or its answer cannot be read.
    pub(super) async fn inspect(&self, reference: &str) -> Result<Option<LocalImage>, Failure> {
        let Ok(text) = self.output(&["image", "inspect", reference]).await? else {
            return Ok(None);
        };
        let unreadable = |why: String| {
            Failure::new(
                Exit::MissingTool,
                "the engine's description of an image cannot be read",
            )
            .why(why)
        };
        let all: Vec<Inspected> =
            serde_json::from_str(&text).map_err(|error| unreadable(error.to_string()))?;
        let first = all.into_iter().next();
        let image = first.ok_or_else(|| unreadable("it is empty".to_owned()))?;
        Ok(Some(image.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_that_landfall_gave_an_image_is_preferred() {
        let mut image = LocalImage::for_test("landfall/other:prod", &["/app"]);
        image.tags.push("landfall/own:prod".to_owned());
        assert_eq!(
            image.clone().prefer_name("landfall/own:prod").name(),
            "landfall/own:prod"
        );
        // A name that the image does not have changes nothing.
        assert_eq!(image.prefer_name("unknown:1").name(), "landfall/other:prod");
    }

    #[test]
    fn an_index_is_recognized_by_its_media_type() {
        let image = |media_type: &str| -> LocalImage {
            let text = format!(
                r#"{{"Id":"sha256:1","Architecture":"arm64","Config":{{"User":"65532","Volumes":{{"/data":{{}}}},
                "ExposedPorts":{{"8080/tcp":{{}},"53/udp":{{}}}},"Entrypoint":["/app"],"Cmd":["--serve"]}},
                "Descriptor":{{"mediaType":"{media_type}","size":856}}}}"#
            );
            serde_json::from_str::<Inspected>(&text)
                .expect("an answer")
                .into()
        };
        let facts = image("application/vnd.oci.image.index.v1+json").facts();
        assert!(facts.index);
        assert_eq!(
            (facts.user.as_str(), facts.volumes),
            ("65532", vec!["/data".to_owned()])
        );
        assert_eq!(
            (facts.exposed, facts.command),
            (vec![8080], vec!["/app".to_owned(), "--serve".to_owned()])
        );
        assert!(
            !image("application/vnd.oci.image.manifest.v1+json")
                .facts()
                .index
        );
    }
}
