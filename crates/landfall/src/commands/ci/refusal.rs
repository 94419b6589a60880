//! The text of a refusal: why a role does not trust a job, and what to change. It never suggests a
//! wildcard: if the job belongs to another repository, the right change is none.

use rules::leave::ci::AUDIENCE;
use rules::leave::ci::claims::{Answer, Claims, Unmet};
use rules::leave::ci::subject::{Context, Repository, Subject};

/// A difference between a token and a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Difference {
    /// What differs.
    pub(super) what: String,
    /// What to change, or why to change nothing.
    pub(super) change: String,
}

impl Difference {
    fn new(what: impl Into<String>, change: impl Into<String>) -> Difference {
        Difference {
            what: what.into(),
            change: change.into(),
        }
    }
}

/// The claims of the token that a trust policy can test, one line each; no other claim.
pub(super) fn describe(claims: &Claims) -> Vec<String> {
    [
        "iss",
        "aud",
        "sub",
        "repository",
        "project_path",
        "ref",
        "environment",
    ]
    .into_iter()
    .filter_map(|claim| Some((claim, claims.value(claim)?)))
    .map(|(claim, value)| format!("{claim}: {}", printable(&value)))
    .collect()
}

/// Explains a refusal. Empty if the token is admitted.
pub(super) fn explain(answer: &Answer, claims: &Claims) -> Vec<Difference> {
    match answer {
        Answer::Admitted => Vec::new(),
        Answer::Denied { statement } => vec![Difference::new(
            format!("the statement {statement} of the trust policy denies this job"),
            "landfall writes no such statement: ask the person who added it",
        )],
        Answer::Refused(unmet) if unmet.is_empty() => vec![Difference::new(
            "the trust policy has no statement for jobs with a token of an identity provider",
            "this role is not for CI: name the role that `landfall ci` created",
        )],
        Answer::Refused(unmet) => unmet.iter().map(|one| difference(one, claims)).collect(),
    }
}

fn difference(unmet: &Unmet, claims: &Claims) -> Difference {
    let required = join(&unmet.wants);
    let Some(has) = unmet.has.first() else {
        return Difference::new(
            format!("the token has no `{}`; the role requires {required}", unmet.claim),
            match unmet.claim.as_str() {
                "aud" => audience(),
                _ => "tokens of this forge do not have that claim: run `landfall ci` again, which replaces the policy".to_owned(),
            },
        );
    };
    match unmet.claim.as_str() {
        "iss" => Difference::new(
            format!(
                "the token is signed by {}; the role trusts {required}",
                printable(has)
            ),
            "run the command of the forge that the job runs on: `landfall ci github` or `landfall ci gitlab`",
        ),
        "aud" => Difference::new(
            format!(
                "the audience of the token is {}; the role requires {required}",
                printable(has)
            ),
            audience(),
        ),
        "sub" => {
            let nearest = unmet
                .wants
                .iter()
                .map(|trusted| subject(has, trusted, claims))
                .min_by_key(|(distance, _)| *distance);
            match nearest {
                Some((_, difference)) => difference,
                None => Difference::new(
                    "the role trusts no subject",
                    "run `landfall ci` again, which replaces the policy",
                ),
            }
        }
        "ref" => Difference::new(
            format!(
                "the job runs on {}; the role trusts {required} only",
                printable(has)
            ),
            "run it on that branch, or run `landfall ci` with `--branch` to let another branch deploy instead",
        ),
        claim => Difference::new(
            format!(
                "`{claim}` is {}; the role requires {required} ({})",
                printable(has),
                unmet.operator
            ),
            "landfall writes no such condition: ask the person who added it to the policy",
        ),
    }
}

fn audience() -> String {
    format!(
        "request a token with the audience {AUDIENCE}: `audience: {AUDIENCE}` of aws-actions/configure-aws-credentials, `aud: {AUDIENCE}` in GitLab's `id_tokens`"
    )
}

/// The distance between a subject and a trusted one (less is nearer), and their difference.
fn subject(has: &str, trusted: &str, claims: &Claims) -> (u32, Difference) {
    let compared = format!(
        "the token's subject is {}; the role trusts {}",
        printable(has),
        printable(trusted)
    );
    match (Subject::parse(has), Subject::parse(trusted)) {
        (
            Subject::Github {
                repository,
                context,
            },
            Subject::Github {
                repository: wanted,
                context: wanted_context,
            },
        ) => match repository_difference(&repository, &wanted) {
            Some((distance, what, change)) => (
                distance,
                Difference::new(format!("{compared}: {what}"), change),
            ),
            None => {
                let (distance, what, change) = job_difference(&context, &wanted_context);
                (
                    distance,
                    Difference::new(format!("{compared}: {what}"), change),
                )
            }
        },
        (
            Subject::Gitlab {
                project,
                ref_type,
                reference,
            },
            Subject::Gitlab {
                project: wanted,
                reference: wanted_reference,
                ..
            },
        ) => {
            if project == wanted {
                let what = format!("the job runs on the {ref_type} {}", printable(&reference));
                let change = format!(
                    "run it on the branch {}, or run `landfall ci gitlab` with `--branch` to let another branch deploy instead",
                    printable(&wanted_reference)
                );
                return (1, Difference::new(format!("{compared}: {what}"), change));
            }
            let (what, change) = match project.eq_ignore_ascii_case(&wanted) {
                true => (
                    "only the case of the path differs, and AWS compares subjects with their case".to_owned(),
                    format!("run `landfall ci gitlab --repository {}`", printable(&project)),
                ),
                false => (
                    format!("it is a job of {}, another project or a fork", printable(&project)),
                    "if the project was moved there, run `landfall ci gitlab` in it again; otherwise change nothing: a job of another project must not have this role".to_owned(),
                ),
            };
            (5, Difference::new(format!("{compared}: {what}"), change))
        }
        _ => (
            9,
            Difference::new(
                format!("{compared}: their forms differ"),
                match claims
                    .value("sub")
                    .is_some_and(|sub| sub.starts_with("repo:") || sub.starts_with("project_path:"))
                {
                    true => "run `landfall ci` of the forge that the job runs on",
                    false => {
                        "the forge uses a customized subject: set it back to the default (GitHub: `use_default` of the OIDC subject customization; GitLab: `ci_id_token_sub_claim_components`)"
                    }
                },
            ),
        ),
    }
}

/// The difference between two repositories: distance, difference and change. [`None`] if they are the
/// same in the same form.
fn repository_difference(has: &Repository, wanted: &Repository) -> Option<(u32, String, String)> {
    let again = |repository: &Repository| {
        let path = repository.path();
        match repository.ids {
            Some(ids) => format!(
                "landfall ci github --repository {path} --owner-id {} --repository-id {}",
                ids.owner, ids.repository
            ),
            None => format!("landfall ci github --repository {path}"),
        }
    };
    let same_name = has.path() == wanted.path();
    let same_letters = has.path().eq_ignore_ascii_case(&wanted.path());
    match (has.ids, wanted.ids) {
        (has_ids, wanted_ids) if has_ids == wanted_ids && same_name => None,
        (Some(there), Some(trusted)) if there == trusted && same_letters => Some((
            2,
            "only the case of the name differs, and AWS compares subjects with their case".to_owned(),
            format!("run `{}`", again(has)),
        )),
        (Some(there), Some(trusted)) if there == trusted => Some((
            2,
            "the numbers are the same: the repository was renamed or moved".to_owned(),
            format!("run `{}`", again(has)),
        )),
        // Nearer than the form without numbers: never suggest trust in the new numbers.
        (Some(_), Some(_)) if same_letters => Some((
            2,
            "the name is the same and the numbers are not: another repository has taken over the name".to_owned(),
            "change nothing, unless you created the repository again yourself: then run `landfall ci github` with its numbers".to_owned(),
        )),
        (Some(_), None) if same_letters => Some((
            3,
            "the repository sends the form with numbers (GitHub's since 15 July 2026, for repositories that are new, renamed or moved), and the role trusts only the form without".to_owned(),
            format!(
                "compare the numbers with `gh api repos/{} --jq '[.owner.id, .id]'`; if they are the same, run `{}`",
                has.path(),
                again(has)
            ),
        )),
        (None, Some(_)) if same_letters => Some((
            4,
            "the repository sends the form without numbers".to_owned(),
            format!("run `{}` with its numbers: the role then trusts both forms", again(wanted)),
        )),
        (None, None) if same_letters => Some((
            2,
            "only the case of the name differs, and AWS compares subjects with their case".to_owned(),
            format!("run `{}`", again(has)),
        )),
        _ => Some((
            7,
            format!("it is a job of {}, another repository or a fork", has.path()),
            "if the repository was renamed or moved, run `landfall ci github` in it again; otherwise change nothing: a job of another repository must not have this role".to_owned(),
        )),
    }
}

/// The difference between two jobs of one repository: distance, difference and change.
fn job_difference(has: &Context, wanted: &Context) -> (u32, String, String) {
    let what = format!(
        "this is {}, the role is for {}",
        has.describe(),
        wanted.describe()
    );
    let change = match (has, wanted) {
        (Context::Environment(name), Context::Environment(wanted)) if name.eq_ignore_ascii_case(wanted) => {
            format!("write `environment: {wanted}` in the job: the case differs")
        }
        (Context::Environment(_), Context::Environment(wanted)) => {
            format!("write `environment: {wanted}` in the job, or run `landfall ci github --github-environment` with the other name")
        }
        (Context::Environment(name), Context::Ref(_)) => format!(
            "a job that names an environment sends it in place of its branch: remove `environment:` from the job, or run `landfall ci github --github-environment {name}`"
        ),
        (Context::Ref(_), Context::Environment(wanted)) => format!(
            "write `environment: {wanted}` in the job, or run `landfall ci github` without --github-environment"
        ),
        (Context::PullRequest, _) => {
            "a pull request must not have this role: use the plan or the preview role in the job".to_owned()
        }
        (_, Context::PullRequest) => {
            "use the deploy role in the job, or run it for pull requests only".to_owned()
        }
        (Context::Ref(name), Context::Ref(wanted)) if name.eq_ignore_ascii_case(wanted) => {
            "only the case differs: run `landfall ci github --branch` with the branch as git spells it".to_owned()
        }
        (Context::Ref(_), Context::Ref(wanted)) => format!(
            "run it on {wanted}, or run `landfall ci github` with `--branch` to let another branch deploy instead"
        ),
        (Context::Other(_), _) | (_, Context::Other(_)) => {
            "set the repository's OIDC subject back to the default (`use_default`), or use a job that landfall wrote".to_owned()
        }
    };
    (1, what, change)
}

fn join(values: &[String]) -> String {
    let shown: Vec<String> = values.iter().map(|value| printable(value)).collect();
    match shown.as_slice() {
        [] => "nothing".to_owned(),
        [one] => one.clone(),
        several => several.join(" or "),
    }
}

/// A value from outside, on one line and shortened.
fn printable(value: &str) -> String {
    const SHOWN: usize = 200;
    let mut text: String = value
        .chars()
        .take(SHOWN)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if value.chars().count() > SHOWN {
        text.push('…');
    }
    text
}

#[cfg(test)]
#[path = "refusal_tests.rs"]
mod tests;
