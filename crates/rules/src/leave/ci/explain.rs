//! Why a role refused a job, in words, and what to change. Never a wildcard: where the job is somebody
//! else's, the right change is none.

use super::AUDIENCE;
use super::claims::{Answer, Claims, Unmet};
use super::subject::{Context, Repository, Subject};

/// A difference between a token and a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What differs.
    pub what: String,
    /// What to change; that nothing is to be changed is an answer, too.
    pub change: String,
}

impl Difference {
    fn new(what: impl Into<String>, change: impl Into<String>) -> Difference {
        Difference {
            what: what.into(),
            change: change.into(),
        }
    }
}

/// What the token says of the job, for people: the claims that trust is about, and no others.
pub fn describe(claims: &Claims) -> Vec<String> {
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
pub fn explain(answer: &Answer, claims: &Claims) -> Vec<Difference> {
    match answer {
        Answer::Admitted => Vec::new(),
        Answer::Denied { statement } => vec![Difference::new(
            format!("the statement {statement} of the trust policy denies this job"),
            "somebody wrote that by hand: ask them; landfall writes no such statement",
        )],
        Answer::Refused(unmet) if unmet.is_empty() => vec![Difference::new(
            "the trust policy has no statement for jobs with a token of an identity provider",
            "this role was not made for CI: name the role that `landfall ci` made",
        )],
        Answer::Refused(unmet) => unmet.iter().map(|one| difference(one, claims)).collect(),
    }
}

fn difference(unmet: &Unmet, claims: &Claims) -> Difference {
    let wants = join(&unmet.wants);
    let Some(has) = unmet.has.first() else {
        return Difference::new(
            format!("the token has no `{}`; the role wants {wants}", unmet.claim),
            match unmet.claim.as_str() {
                "aud" => audience(),
                _ => "the role asks for something that no token of this forge says: run `landfall ci` again, which writes the policy anew".to_owned(),
            },
        );
    };
    match unmet.claim.as_str() {
        "iss" => Difference::new(
            format!(
                "the token is signed by {}; the role trusts {wants}",
                printable(has)
            ),
            "run the command of the forge that the job runs on: `landfall ci github` or `landfall ci gitlab`",
        ),
        "aud" => Difference::new(
            format!(
                "the token is made out to {}; the role wants {wants}",
                printable(has)
            ),
            audience(),
        ),
        "sub" => {
            let nearest = unmet
                .wants
                .iter()
                .map(|want| subject(has, want, claims))
                .min_by_key(|(distance, _)| *distance);
            match nearest {
                Some((_, difference)) => difference,
                None => Difference::new(
                    "the role trusts no subject",
                    "run `landfall ci` again, which writes the policy anew",
                ),
            }
        }
        "ref" => Difference::new(
            format!(
                "the job runs on {}; the role trusts {wants} only",
                printable(has)
            ),
            "run it on that branch; another branch is named by `landfall ci --branch`, and then deploys in place of that one",
        ),
        claim => Difference::new(
            format!(
                "`{claim}` is {}; the role wants {wants} ({})",
                printable(has),
                unmet.operator
            ),
            "landfall writes no such condition: whoever added it to the policy knows what it is for",
        ),
    }
}

fn audience() -> String {
    format!(
        "ask for a token that is made out to {AUDIENCE}: `audience: {AUDIENCE}` of aws-actions/configure-aws-credentials, `aud: {AUDIENCE}` in GitLab's `id_tokens`"
    )
}

/// How far a subject is from one that is wanted (less is nearer), and in what they differ.
fn subject(has: &str, want: &str, claims: &Claims) -> (u32, Difference) {
    let said = format!(
        "the token's subject is {}; the role trusts {}",
        printable(has),
        printable(want)
    );
    match (Subject::parse(has), Subject::parse(want)) {
        (
            Subject::Github {
                repository,
                context,
            },
            Subject::Github {
                repository: wanted,
                context: wanted_context,
            },
        ) => match whose(&repository, &wanted) {
            Some((distance, what, change)) => {
                (distance, Difference::new(format!("{said}: {what}"), change))
            }
            None => {
                let (distance, what, change) = which(&context, &wanted_context);
                (distance, Difference::new(format!("{said}: {what}"), change))
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
                    "run it on the branch {}; another one is named by `landfall ci gitlab --branch`, and then deploys in place of that one",
                    printable(&wanted_reference)
                );
                return (1, Difference::new(format!("{said}: {what}"), change));
            }
            let (what, change) = match project.eq_ignore_ascii_case(&wanted) {
                true => (
                    "only the case of the path differs, and subjects are compared letter by letter".to_owned(),
                    format!("run `landfall ci gitlab --repository {}`", printable(&project)),
                ),
                false => (
                    format!("it is a job of {}, another project or a fork", printable(&project)),
                    "if the project was moved there, run `landfall ci gitlab` in it again; otherwise nothing is to be changed: a job of another project must not have this role".to_owned(),
                ),
            };
            (5, Difference::new(format!("{said}: {what}"), change))
        }
        _ => (
            9,
            Difference::new(
                format!("{said}: their forms differ"),
                match claims
                    .value("sub")
                    .is_some_and(|sub| sub.starts_with("repo:") || sub.starts_with("project_path:"))
                {
                    true => "run `landfall ci` of the forge that the job runs on",
                    false => {
                        "the forge is set to a subject of its own making: set it back to the default (GitHub: `use_default` of the OIDC subject customization; GitLab: `ci_id_token_sub_claim_components`)"
                    }
                },
            ),
        ),
    }
}

/// In what two repositories differ; [`None`] if they are the same in the same form.
fn whose(has: &Repository, wanted: &Repository) -> Option<(u32, String, String)> {
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
            "only the case of the name differs, and subjects are compared letter by letter".to_owned(),
            format!("run `{}`", again(has)),
        )),
        (Some(there), Some(trusted)) if there == trusted => Some((
            2,
            "the numbers are the same: the repository was renamed or moved".to_owned(),
            format!("run `{}`", again(has)),
        )),
        // Nearer than the form without numbers: nobody is to be told to trust the new ones.
        (Some(_), Some(_)) if same_letters => Some((
            2,
            "the name is the same and the numbers are not: it is another repository, which took over the name".to_owned(),
            "nothing is to be changed, unless you made the repository anew yourself: then run `landfall ci github` with its numbers".to_owned(),
        )),
        (Some(_), None) if same_letters => Some((
            3,
            "the repository sends the form with numbers (GitHub's since 15 July 2026, for repositories that are new, renamed or moved), and the role knows the one without".to_owned(),
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
            "only the case of the name differs, and subjects are compared letter by letter".to_owned(),
            format!("run `{}`", again(has)),
        )),
        _ => Some((
            7,
            format!("it is a job of {}, another repository or a fork", has.path()),
            "if the repository was renamed or moved, run `landfall ci github` in it again; otherwise nothing is to be changed: a job of another repository must not have this role".to_owned(),
        )),
    }
}

/// In what two jobs of one repository differ.
fn which(has: &Context, wanted: &Context) -> (u32, String, String) {
    let what = format!(
        "this is {}, the role is for {}",
        has.describe(),
        wanted.describe()
    );
    let change = match (has, wanted) {
        (Context::Environment(name), Context::Environment(wanted)) if name.eq_ignore_ascii_case(wanted) => {
            format!("write `environment: {wanted}` in the job, in this case")
        }
        (Context::Environment(_), Context::Environment(wanted)) => {
            format!("write `environment: {wanted}` in the job, or run `landfall ci github --github-environment` with the other name")
        }
        (Context::Environment(name), Context::Ref(_)) => format!(
            "a job that names an environment sends it in place of its branch: take `environment:` out of the job, or run `landfall ci github --github-environment {name}`"
        ),
        (Context::Ref(_), Context::Environment(wanted)) => format!(
            "write `environment: {wanted}` in the job, or run `landfall ci github` without --github-environment"
        ),
        (Context::PullRequest, _) => {
            "a pull request must not have this role: let the job have the plan or the preview role".to_owned()
        }
        (_, Context::PullRequest) => {
            "let the job have the deploy role, or run it for pull requests only".to_owned()
        }
        (Context::Ref(name), Context::Ref(wanted)) if name.eq_ignore_ascii_case(wanted) => {
            "only the case differs: run `landfall ci github --branch` with the branch as git spells it".to_owned()
        }
        (Context::Ref(_), Context::Ref(wanted)) => format!(
            "run it on {wanted}; another branch is named by `landfall ci github --branch`, and then deploys in place of that one"
        ),
        (Context::Other(_), _) | (_, Context::Other(_)) => {
            "set the repository's OIDC subject back to the default (`use_default`), or the job to one that landfall wrote".to_owned()
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

/// A value from outside, in one line and not endless.
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
