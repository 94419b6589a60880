//! `landfall ci check`: whether a role trusts this job, and if not, why.

use super::refusal::{describe, explain};
use crate::cli::Global;
use crate::cli::ci::Check;
use crate::environment::Environment;
use crate::environment::app::App;
use crate::failure::Failure;
use crate::report::Report;
use aws::Identity;
use rules::exit::Exit;
use rules::leave::ci::AUDIENCE;
use rules::leave::ci::claims::{Answer, Claims, ask};
use std::path::PathBuf;

pub(super) async fn run(
    arguments: &Check,
    global: &Global,
    report: &Report,
) -> Result<(), Failure> {
    let claims = claims(arguments).await?;
    let policy = policy(arguments, global, report).await?;
    let answer = ask(&policy, &claims).map_err(|no| {
        Failure::new(Exit::BadInput, "the trust policy cannot be read")
            .why(no.0)
            .next(
                "give the JSON of a role's AssumeRolePolicyDocument, or name the role with --role",
            )
    })?;
    if answer == Answer::Admitted {
        report.note("the role trusts this job");
        report.note(
            "if AWS still refuses it, the role or the identity provider is missing: \
                     `landfall ci github` and `landfall ci gitlab` create both",
        );
        return Ok(());
    }
    let mut failure = Failure::new(Exit::Access, "the role does not trust this job");
    failure.why = describe(&claims);
    for difference in explain(&answer, &claims) {
        failure.why.push(difference.what);
        failure.next.push(difference.change);
    }
    Err(failure)
}

/// The claims of the job's token. The token itself is never printed.
async fn claims(arguments: &Check) -> Result<Claims, Failure> {
    let file = arguments
        .token_file
        .clone()
        .or_else(|| std::env::var_os("AWS_WEB_IDENTITY_TOKEN_FILE").map(PathBuf::from));
    let token = match file {
        Some(file) => std::fs::read_to_string(&file).map_err(|error| {
            Failure::new(
                Exit::BadInput,
                format!("the token cannot be read from {}", file.display()),
            )
            .why(error.to_string())
            .next("name the file with --token-file")
        })?,
        None => from_github().await?,
    };
    Claims::read(&token).map_err(|no| {
        Failure::new(Exit::BadInput, "this is not a job's token")
            .why(no.to_string())
            .next("name a file that contains only a JSON Web Token with --token-file")
    })
}

/// Requests a token from GitHub, as `aws-actions/configure-aws-credentials` does
/// (<https://docs.github.com/en/actions/reference/security/oidc>).
async fn from_github() -> Result<String, Failure> {
    let variable = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
    let (Some(url), Some(bearer)) = (
        variable("ACTIONS_ID_TOKEN_REQUEST_URL"),
        variable("ACTIONS_ID_TOKEN_REQUEST_TOKEN"),
    ) else {
        return Err(Failure::new(Exit::Access, "this job has no token")
            .why("ACTIONS_ID_TOKEN_REQUEST_URL and AWS_WEB_IDENTITY_TOKEN_FILE are not set")
            .next("GitHub: add `id-token: write` to the job's `permissions`")
            .next("GitHub: jobs of pull requests from forks never get a token, for security")
            .next(
                "GitLab: request a token with `id_tokens`, and name its file with \
                   AWS_WEB_IDENTITY_TOKEN_FILE",
            ));
    };
    let separator = if url.contains('?') { '&' } else { '?' };
    let refused = |why: String| {
        Failure::new(Exit::Access, "GitHub returned no token")
            .why(why)
            .next("add `id-token: write` to the job's `permissions`")
    };
    let answer = reqwest::Client::new()
        .get(format!("{url}{separator}audience={AUDIENCE}"))
        .bearer_auth(bearer)
        .send()
        .await
        .and_then(reqwest::Response::error_for_status);
    let text = match answer {
        Ok(answer) => answer.text().await,
        Err(error) => Err(error),
    }
    .map_err(|error| refused(error.without_url().to_string()))?;
    let answer: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    match answer["value"].as_str() {
        Some(token) => Ok(token.to_owned()),
        None => Err(refused("its response has no `value`".to_owned())),
    }
}

async fn policy(arguments: &Check, global: &Global, report: &Report) -> Result<String, Failure> {
    if let Some(trust) = &arguments.trust {
        if trust.trim_start().starts_with('{') {
            return Ok(trust.clone());
        }
        return std::fs::read_to_string(trust).map_err(|error| {
            Failure::new(Exit::BadInput, format!("{trust} cannot be read"))
                .why(error.to_string())
                .next("give the JSON of the policy, or a file with it")
        });
    }
    let Some(role) = &arguments.role else {
        return Err(Failure::new(Exit::BadInput, "no trust policy given").next(
            "give it with --trust, or name a role with --role, which needs credentials other \
                   than the job's",
        ));
    };
    let name = role.rsplit('/').next().unwrap_or(role);
    let app = App::read_settings(&arguments.app.directory, global)?;
    let environment = Environment::open(&app.manifest, global, report).await?;
    let policy = Identity::new(&environment.session)
        .trust_policy(name)
        .await?;
    policy.ok_or_else(|| {
        Failure::new(Exit::Access, format!("there is no role {name}"))
            .why(format!("looked in account {}", environment.account))
            .next("`landfall ci github` or `landfall ci gitlab` creates it")
    })
}
