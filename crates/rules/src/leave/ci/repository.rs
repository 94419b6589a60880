//! What GitHub answers about a repository: the numbers that stand in the subjects of its tokens, and its default
//! branch.
//!
//! <https://docs.github.com/en/rest/repos/repos#get-a-repository>

use super::Ids;
use super::origin::Branch;
use serde::Deserialize;

/// A repository of GitHub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// Its numbers.
    pub ids: Ids,
    /// Its default branch; [`None`] if it has a name that landfall does not write into files.
    pub default_branch: Option<Branch>,
}

#[derive(Deserialize)]
struct Answer {
    id: u64,
    full_name: String,
    default_branch: String,
    owner: Owner,
}

#[derive(Deserialize)]
struct Owner {
    id: u64,
}

impl Repository {
    /// Reads the answer to `GET /repos/OWNER/REPOSITORY`. `path` is what was asked for.
    ///
    /// # Errors
    /// It is no such answer, or about another repository: GitHub redirects from old names, and tokens have the new one.
    pub fn read(path: &str, answer: &str) -> Result<Repository, String> {
        let answer: Answer = serde_json::from_str(answer)
            .map_err(|error| format!("the answer is not that of a repository: {error}"))?;
        if !answer.full_name.eq_ignore_ascii_case(path) {
            return Err(format!("it is called {} now", answer.full_name));
        }
        Ok(Repository {
            ids: Ids {
                owner: answer.owner.id,
                repository: answer.id,
            },
            default_branch: Branch::parse(&answer.default_branch).ok(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{deployment, github};
    use super::super::{Role, Setup, trust};
    use super::*;

    /// Of `https://api.github.com/repos/octocat/Hello-World`, from GitHub's documentation, shortened.
    const RECORDED: &str = r#"{
        "id": 1296269, "node_id": "MDEwOlJlcG9zaXRvcnkxMjk2MjY5", "name": "Hello-World",
        "full_name": "octocat/Hello-World",
        "owner": { "login": "octocat", "id": 1, "node_id": "MDQ6VXNlcjE=", "type": "User" },
        "private": false, "fork": false, "default_branch": "master", "permissions": { "admin": false }
    }"#;

    #[test]
    fn a_recorded_answer_gives_both_forms_of_the_subject() {
        let found = Repository::read("octocat/Hello-World", RECORDED).expect("a repository");
        assert_eq!(found.default_branch, "master".parse().ok());
        let setup = Setup {
            project: super::super::origin::Project::parse(
                super::super::Forge::Github,
                "octocat/Hello-World",
            )
            .expect("a repository"),
            ids: Some(found.ids),
            default_branch: found.default_branch,
            ..github()
        };
        let policy = trust::policy(&setup, &deployment(), Role::Preview).to_string();
        for subject in [
            "repo:octocat/Hello-World:pull_request",
            "repo:octocat@1/Hello-World@1296269:pull_request",
            "repo:octocat@1/Hello-World@1296269:ref:refs/heads/main",
            "repo:octocat@1/Hello-World@1296269:ref:refs/heads/master",
        ] {
            assert!(
                policy.contains(&format!("\"{subject}\"")),
                "{subject}: {policy}"
            );
        }
    }

    #[test]
    fn another_answer_gives_no_numbers() {
        for (path, answer, why) in [
            ("octocat/old", RECORDED, "called octocat/Hello-World now"),
            (
                "octocat/Hello-World",
                r#"{"message": "Not Found"}"#,
                "not that of a repository",
            ),
            ("octocat/Hello-World", "<html>", "not that of a repository"),
        ] {
            let refused = Repository::read(path, answer).expect_err(path);
            assert!(refused.contains(why), "{refused}");
        }
    }
}
