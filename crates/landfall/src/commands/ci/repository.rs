//! What GitHub knows about the trusted repository: asked with the person's `gh`, else without credentials.

use crate::failure::Failure;
use rules::exit::Exit;
use rules::leave::ci::repository::Repository;
use std::process::Command;
use std::time::Duration;

/// Where GitHub answers; jobs of GitHub Actions have it in this variable
/// (<https://docs.github.com/en/actions/reference/workflows-and-actions/variables>).
const API: &str = "https://api.github.com";
const API_VARIABLE: &str = "GITHUB_API_URL";
const PATIENCE: Duration = Duration::from_secs(10);

/// The repository at `path`, or why it is not known: one reason for each way that was tried.
pub(super) async fn look_up(path: &str) -> Result<Repository, Vec<String>> {
    let mut why = Vec::new();
    for answer in [with_gh(path), without_credentials(path).await] {
        match answer.and_then(|text| Repository::read(path, &text)) {
            Ok(repository) => return Ok(repository),
            Err(reason) => why.push(reason),
        }
    }
    Err(why)
}

/// The failure for a repository whose numbers must be known.
pub(super) fn unknown(path: &str, why: Vec<String>) -> Failure {
    let mut failure = Failure::new(
        Exit::BadInput,
        format!("the numbers of the repository {path} are not known"),
    )
    .why(
        "the tokens of a repository that was created, renamed or moved since 15 July 2026 contain them, and \
         roles that do not trust them refuse its jobs",
    );
    failure.why.extend(why);
    failure
        .next(format!(
            "`gh api repos/{path} --jq '[.owner.id, .id]'` prints both: repeat the command with --owner-id and \
             --repository-id"
        ))
        .next("or sign in with `gh auth login`, and landfall asks by itself")
}

fn with_gh(path: &str) -> Result<String, String> {
    let output = Command::new("gh")
        .args(["api", &format!("repos/{path}")])
        .env("GH_PROMPT_DISABLED", "1")
        .output()
        .map_err(|error| format!("`gh` does not run: {error}"))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => {
            let text = String::from_utf8_lossy(&output.stderr);
            let line = text.lines().next().unwrap_or("no reason given");
            Err(format!("`gh api repos/{path}`: {line}"))
        }
    }
}

/// A private repository is not found in this way.
async fn without_credentials(path: &str) -> Result<String, String> {
    let api = std::env::var(API_VARIABLE)
        .ok()
        .filter(|url| !url.is_empty());
    let url = format!("{}/repos/{path}", api.as_deref().unwrap_or(API));
    let answer = reqwest::Client::new()
        .get(&url)
        .header("user-agent", "landfall")
        .header("accept", "application/vnd.github+json")
        .timeout(PATIENCE)
        .send()
        .await
        .and_then(reqwest::Response::error_for_status);
    match answer {
        Ok(answer) => answer.text().await,
        Err(error) => Err(error),
    }
    .map_err(|error| match error.status() {
        Some(status) => format!("{url}: {status}"),
        None => format!("{url}: no answer"),
    })
}
