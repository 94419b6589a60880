//! The subject of a token, taken apart.

use super::Ids;
use std::fmt;

/// Who a token is about, in the words of its forge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// `repo:OWNER/REPOSITORY:CONTEXT` or `repo:OWNER@ID/REPOSITORY@ID:CONTEXT`
    /// (<https://docs.github.com/en/actions/reference/security/oidc>).
    Github {
        /// Whose job.
        repository: Repository,
        /// Which job.
        context: Context,
    },
    /// `project_path:GROUP/PROJECT:ref_type:TYPE:ref:REF`
    /// (<https://docs.gitlab.com/ci/secrets/id_token_authentication/>).
    Gitlab {
        /// Whose job.
        project: String,
        /// `branch` or `tag`; a merge request's job has its source branch.
        ref_type: String,
        /// Name of the branch or tag.
        reference: String,
    },
    /// Anything else: both forges let owners make up subjects of their own.
    Other(String),
}

/// A repository of GitHub as a subject names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// The user or organisation.
    pub owner: String,
    /// Its name there.
    pub name: String,
    /// Its numbers, in the form since 15 July 2026.
    pub ids: Option<Ids>,
}

impl Repository {
    /// In the form without numbers.
    pub fn named(owner: &str, name: &str) -> Repository {
        Repository {
            owner: owner.to_owned(),
            name: name.to_owned(),
            ids: None,
        }
    }

    /// `OWNER/REPOSITORY`.
    pub fn path(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }
}

/// What a job of GitHub runs for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Context {
    /// It names this environment. Then the branch is not in the subject.
    Environment(String),
    /// A branch or tag, whole: `refs/heads/main`.
    Ref(String),
    /// A pull request.
    PullRequest,
    /// Anything else.
    Other(String),
}

impl Subject {
    /// Takes a subject apart. Nothing is refused: what is unknown stays as it is.
    pub fn parse(text: &str) -> Subject {
        github(text)
            .or_else(|| gitlab(text))
            .unwrap_or_else(|| Subject::Other(text.to_owned()))
    }
}

fn github(text: &str) -> Option<Subject> {
    let (repository, context) = text.strip_prefix("repo:")?.split_once(':')?;
    let (owner, name) = repository.split_once('/')?;
    let repository = match (owner.split_once('@'), name.split_once('@')) {
        (Some((owner, owner_id)), Some((name, id))) => Repository {
            ids: Some(Ids {
                owner: owner_id.parse().ok()?,
                repository: id.parse().ok()?,
            }),
            ..Repository::named(owner, name)
        },
        (None, None) => Repository::named(owner, name),
        _ => return None,
    };
    let context = match context.split_once(':') {
        Some(("environment", name)) => Context::Environment(name.to_owned()),
        Some(("ref", name)) => Context::Ref(name.to_owned()),
        None if context == "pull_request" => Context::PullRequest,
        _ => Context::Other(context.to_owned()),
    };
    Some(Subject::Github {
        repository,
        context,
    })
}

fn gitlab(text: &str) -> Option<Subject> {
    let rest = text.strip_prefix("project_path:")?;
    let (project, rest) = rest.split_once(":ref_type:")?;
    let (ref_type, reference) = rest.split_once(":ref:")?;
    Some(Subject::Gitlab {
        project: project.to_owned(),
        ref_type: ref_type.to_owned(),
        reference: reference.to_owned(),
    })
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Github {
                repository,
                context,
            } => match &repository.ids {
                None => write!(f, "repo:{}:{context}", repository.path()),
                Some(ids) => write!(
                    f,
                    "repo:{}@{}/{}@{}:{context}",
                    repository.owner, ids.owner, repository.name, ids.repository
                ),
            },
            Subject::Gitlab {
                project,
                ref_type,
                reference,
            } => write!(
                f,
                "project_path:{project}:ref_type:{ref_type}:ref:{reference}"
            ),
            Subject::Other(text) => f.write_str(text),
        }
    }
}

impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Context::Environment(name) => write!(f, "environment:{name}"),
            Context::Ref(name) => write!(f, "ref:{name}"),
            Context::PullRequest => f.write_str("pull_request"),
            Context::Other(text) => f.write_str(text),
        }
    }
}

impl Context {
    /// The context as text.
    pub fn describe(&self) -> String {
        match self {
            Context::Environment(name) => format!("a job that names the environment {name}"),
            Context::Ref(name) => match name.strip_prefix("refs/heads/") {
                Some(branch) => format!("a job on the branch {branch}"),
                None => format!("a job on {name}"),
            },
            Context::PullRequest => "a job of a pull request".to_owned(),
            Context::Other(text) => format!("a job of `{text}`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_the_same_after_it_was_taken_apart() {
        for text in [
            "repo:octo/shop:ref:refs/heads/main",
            "repo:octo/shop:ref:refs/heads/release/1:2",
            "repo:octo@12/shop@345:ref:refs/tags/v1",
            "repo:octo@12/shop@345:environment:production",
            "repo:octo/shop:pull_request",
            "repo:octo/shop:job_workflow_ref:octo/x/.github/workflows/y.yml@main",
            "repo:octo@12/shop:pull_request",
            "project_path:group/sub/shop:ref_type:branch:ref:main",
            "repository_id:345",
            "",
        ] {
            assert_eq!(Subject::parse(text).to_string(), text);
        }
    }

    #[test]
    fn half_of_the_numbers_is_neither_form() {
        let half = Subject::parse("repo:octo@12/shop:pull_request");
        assert!(matches!(half, Subject::Other(_)));
    }
}
