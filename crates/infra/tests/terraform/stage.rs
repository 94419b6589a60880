//! An environment in emulators, and the steps that tests perform with its roots.

use crate::review::assert_safe;
use infra::{Backend, Emulators, Failure, Terraform, WorkDir};
use rules::app::manifest::{Draft, Facts, Manifest, Overrides};
use rules::app::names::Names;
use rules::shape::contract::Root;
use rules::shape::plan::{Action, Plan};
use serde_json::Value;
use std::path::Path;
use testkit::Sandbox;

pub(crate) const REGION: &str = "us-east-1";

/// An environment in emulators, with landfall's directories.
pub(crate) struct Stage {
    emulators: Emulators,
    pub(crate) manifest: Manifest,
    pub(crate) names: Names,
    pub(crate) sandbox: Sandbox,
}

impl Stage {
    /// An environment in this sandbox.
    pub(crate) fn new(sandbox: Sandbox) -> Stage {
        let sandbox = sandbox.with_emulators();
        let (main, second) = sandbox.emulators();
        let facts = Facts {
            directory_name: "hello".to_owned(),
            dockerfile: Some("FROM scratch\nEXPOSE 3000\n".to_owned()),
            protected: Vec::new(),
        };
        let manifest = Draft::read(None)
            .resolve(&facts, &Overrides::default())
            .expect("a manifest without landfall.toml");
        Stage {
            emulators: Emulators {
                main,
                second,
                keys: Some(("test".to_owned(), "test".to_owned())),
            },
            names: Names::new(manifest.name.clone(), manifest.environment.clone()),
            manifest,
            sandbox,
        }
    }

    /// Terraform in a root's directory, with these variables.
    pub(crate) async fn terraform(&self, root: Root, inputs: &Value) -> Terraform {
        let dir = WorkDir::new(&self.sandbox.path().join("infra"), root);
        dir.write(inputs, &Backend::Local, Some(&self.emulators))
            .expect("a working directory");
        let env = [
            ("AWS_EC2_METADATA_DISABLED", "true"),
            // For services that newer providers know and that have no name in the endpoints of
            // 3.39.
            ("AWS_ENDPOINT_URL", &self.emulators.main),
        ];
        let terraform = Terraform::new(
            crate::installed(),
            dir,
            Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugins"),
            env.map(|(name, value)| (name.into(), value.into()))
                .to_vec(),
            tokio::sync::watch::channel(false).1,
        );
        terraform.init().await.unwrap_or_else(fail);
        terraform
    }
}

pub(crate) fn fail<T>(failure: Failure) -> T {
    panic!("{failure}\n{}", failure.why.join("\n"))
}

pub(crate) async fn plan(terraform: &Terraform, destroy: bool) -> Plan {
    let plan = terraform.plan(destroy).await.unwrap_or_else(fail);
    assert_safe(&plan);
    plan
}

pub(crate) async fn apply(terraform: &Terraform) {
    let applied = terraform.apply(&mut |_| {}).await;
    applied.unwrap_or_else(fail);
}

/// Plans, applies, and plans again; the second plan has to be empty.
pub(crate) async fn create(terraform: &Terraform) {
    let first = plan(terraform, false).await;
    assert!(!first.is_empty());
    assert_eq!(
        first.count(Action::Create),
        first.changes.len(),
        "{first:#?}"
    );
    apply(terraform).await;
    let second = plan(terraform, false).await;
    assert!(second.is_empty(), "{:#?}", second.changes);
}

pub(crate) async fn destroy(terraform: &Terraform) {
    plan(terraform, true).await;
    apply(terraform).await;
    let left = terraform.resources().await;
    assert_eq!(left.unwrap_or_else(fail), 0);
}
