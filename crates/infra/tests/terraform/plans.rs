//! The first plans of the roots that no other test here plans: `plan` reviews each of them.

use crate::stage::{REGION, Stage, plan};
use rules::leave::ci::origin::Project;
use rules::leave::ci::{Deployment, Forge, Setup};
use rules::shape::contract::{CiInputs, FargateInputs, Root};
use rules::shape::plan::Action;
use serde_json::json;
use testkit::Sandbox;

#[tokio::test]
async fn fargate_and_the_roles_of_ci_are_safe_as_planned() {
    let stage = Stage::new(Sandbox::shared());
    let project = Project::parse(Forge::Github, "octo/hello").expect("a repository");
    let setup = Setup {
        forge: Forge::Github,
        project,
        ids: None,
        branch: "main".parse().expect("a branch"),
        default_branch: None,
        github_environment: None,
        previews: true,
    };
    let deployment = Deployment {
        partition: "aws".to_owned(),
        account: "123456789012".to_owned(),
        region: REGION.to_owned(),
        names: stage.names.clone(),
        target: stage.manifest.target,
        domain: None,
        tags: Default::default(),
        permissions_boundary: None,
        role_path: Default::default(),
        directory: ".".to_owned(),
        archive: None,
    };
    for (root, inputs) in [
        (
            Root::Fargate,
            json!(FargateInputs::of(&stage.manifest, REGION)),
        ),
        (Root::Ci, json!(CiInputs::of(&setup, &deployment))),
    ] {
        let terraform = stage.terraform(root, &inputs).await;
        let first = plan(&terraform, false).await;
        assert!(first.count(Action::Create) > 0, "{root}: {first:#?}");
    }
}
