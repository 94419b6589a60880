//! What tests set up.

use super::origin::Project;
use super::{Archive, Deployment, Forge, Ids, Setup};
use crate::app::manifest::{AppName, EnvironmentName, Target};
use crate::app::names::Names;

pub(crate) fn github() -> Setup {
    Setup {
        forge: Forge::Github,
        project: Project::parse(Forge::Github, "octo/shop").expect("a repository"),
        ids: Some(Ids {
            owner: 12,
            repository: 345,
        }),
        branch: "main".parse().expect("a branch"),
        default_branch: None,
        github_environment: None,
        previews: true,
    }
}

pub(crate) fn gitlab() -> Setup {
    Setup {
        forge: Forge::Gitlab,
        project: Project::parse(Forge::Gitlab, "group/shop").expect("a project"),
        ids: None,
        ..github()
    }
}

pub(crate) fn deployment() -> Deployment {
    Deployment {
        partition: "aws".to_owned(),
        account: "123456789012".to_owned(),
        region: "eu-west-2".to_owned(),
        names: Names::new(
            AppName::parse("shop").expect("a name"),
            EnvironmentName::parse("prod").expect("an environment"),
        ),
        target: Target::Lambda,
        domain: None,
        tags: Default::default(),
        permissions_boundary: None,
        role_path: Default::default(),
        directory: ".".to_owned(),
        archive: Some(Archive {
            url: "https://example.com/landfall-0.1.0-x86_64.tar.gz"
                .parse()
                .expect("a URL"),
            sha256: "0123456789abcdef".repeat(4).parse().expect("a sum"),
        }),
    }
}
