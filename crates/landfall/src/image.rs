//! Container images: Docker or Podman on this machine, the app's image, and the layer with the
//! edge.
//!
//! Here lives everything that runs the container engine ([`engine`] and what extends it), what is
//! built and pushed ([`app_image`]), and how an image gets its edge ([`edge_layer`]). Nothing here
//! knows of an environment or a release: manifests, sessions and registries come in as arguments.

pub(crate) mod app_image;
pub(crate) mod build;
pub(crate) mod container;
pub(crate) mod edge_layer;
pub(crate) mod engine;
pub(crate) mod engine_info;
mod listening;
pub(crate) mod local_image;
pub(crate) mod push;
mod static_program;
pub(crate) mod trial_run;
