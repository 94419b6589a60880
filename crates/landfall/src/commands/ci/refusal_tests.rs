//! The message for each difference between a job and a trust policy of landfall.

use super::{describe, explain};
use crate::documents::ci_workflows::samples::{deployment, github_setup, gitlab_setup};
use rules::leave::ci::claims::{Answer, Claims, ask};
use rules::leave::ci::{Role, Setup, trust};
use serde_json::{Value, json};

fn claims(claims: Value) -> Claims {
    match claims {
        Value::Object(claims) => Claims::of(claims),
        other => panic!("{other} is not an object"),
    }
}

fn github_claims(sub: &str) -> Claims {
    claims(json!({
        "iss": "https://token.actions.githubusercontent.com",
        "aud": "sts.amazonaws.com",
        "sub": sub,
        "ref": "refs/heads/main",
        "repository": "octo/shop",
        "jti": "not-needed",
    }))
}

fn gitlab_claims(sub: &str) -> Claims {
    claims(json!({
        "iss": "https://gitlab.com",
        "aud": ["sts.amazonaws.com"],
        "sub": sub,
        "ref": "main",
    }))
}

fn answer(setup: &Setup, role: Role, claims: &Claims) -> Answer {
    let policy = trust::policy(setup, &deployment(), role).to_string();
    ask(&policy, claims).expect("a policy")
}

#[test]
fn a_refusal_reports_what_differs_and_what_to_change() {
    let old = Setup {
        ids: None,
        ..github_setup()
    };
    let environment = Setup {
        github_environment: "production".parse().ok(),
        ids: None,
        ..github_setup()
    };
    let cases = [
        (
            "the form with numbers, where only names are known",
            &old,
            Role::Deploy,
            "repo:octo@12/shop@345:ref:refs/heads/main",
        ),
        (
            "other numbers under the same name",
            &github_setup(),
            Role::Deploy,
            "repo:octo@77/shop@888:ref:refs/heads/main",
        ),
        (
            "the same numbers under another name",
            &github_setup(),
            Role::Deploy,
            "repo:octo@12/store@345:ref:refs/heads/main",
        ),
        (
            "the name in another case",
            &old,
            Role::Deploy,
            "repo:Octo/shop:ref:refs/heads/main",
        ),
        (
            "the name in another case, with numbers",
            &github_setup(),
            Role::Plan,
            "repo:octo@12/Shop@345:pull_request",
        ),
        (
            "another repository",
            &github_setup(),
            Role::Deploy,
            "repo:evil/shop:ref:refs/heads/main",
        ),
        (
            "another repository whose name begins alike",
            &old,
            Role::Deploy,
            "repo:octo/shop-2:ref:refs/heads/main",
        ),
        (
            "another branch",
            &old,
            Role::Deploy,
            "repo:octo/shop:ref:refs/heads/feature",
        ),
        (
            "a tag",
            &old,
            Role::Deploy,
            "repo:octo/shop:ref:refs/tags/v1",
        ),
        (
            "a pull request that tries to deploy",
            &old,
            Role::Deploy,
            "repo:octo/shop:pull_request",
        ),
        (
            "a push that tries to plan",
            &old,
            Role::Plan,
            "repo:octo/shop:ref:refs/heads/main",
        ),
        (
            "an environment where a branch is trusted",
            &old,
            Role::Deploy,
            "repo:octo/shop:environment:production",
        ),
        (
            "a branch where an environment is trusted",
            &environment,
            Role::Deploy,
            "repo:octo/shop:ref:refs/heads/main",
        ),
        (
            "another environment",
            &environment,
            Role::Deploy,
            "repo:octo/shop:environment:staging",
        ),
        (
            "an environment in another case",
            &environment,
            Role::Deploy,
            "repo:octo/shop:environment:Production",
        ),
        (
            "a customized subject",
            &old,
            Role::Deploy,
            "repository_id:345:ref:refs/heads/main",
        ),
    ];
    let mut pages = Vec::new();
    for (title, setup, role, sub) in cases {
        let claims = github_claims(sub);
        let refused = answer(setup, role, &claims);
        assert_ne!(refused, Answer::Admitted, "{title}");
        let differences = explain(&refused, &claims);
        assert_eq!(differences.len(), 1, "{title}: {differences:?}");
        for difference in differences {
            assert!(!difference.change.contains('*'), "{title}: {difference:?}");
            pages.push(format!(
                "── {title}\n{}\n→ {}",
                difference.what, difference.change
            ));
        }
    }
    for (title, role, sub) in [
        (
            "GitLab: another branch",
            Role::Deploy,
            "project_path:group/shop:ref_type:branch:ref:feature",
        ),
        (
            "GitLab: a tag of the branch's name",
            Role::Deploy,
            "project_path:group/shop:ref_type:tag:ref:main",
        ),
        (
            "GitLab: another project",
            Role::Plan,
            "project_path:fork/shop:ref_type:branch:ref:main",
        ),
        (
            "GitLab: another case",
            Role::Deploy,
            "project_path:Group/shop:ref_type:branch:ref:main",
        ),
    ] {
        let claims = gitlab_claims(sub);
        let refused = answer(&gitlab_setup(), role, &claims);
        let differences = explain(&refused, &claims);
        assert_eq!(differences.len(), 1, "{title}: {differences:?}");
        pages.push(format!(
            "── {title}\n{}\n→ {}",
            differences[0].what, differences[0].change
        ));
    }
    insta::assert_snapshot!("differences", pages.join("\n\n"));
}

#[test]
fn the_wrong_audience_and_the_wrong_forge_are_distinguished() {
    let policy = trust::policy(&github_setup(), &deployment(), Role::Deploy).to_string();
    let mut claims = json!({
        "iss": "https://token.actions.githubusercontent.com",
        "aud": "https://github.com/octo",
        "sub": "repo:octo/shop:ref:refs/heads/main",
        "ref": "refs/heads/main",
    });
    let read = |one: &Value| self::claims(one.clone());
    let wrong = read(&claims);
    let differences = explain(&ask(&policy, &wrong).expect("a policy"), &wrong);
    assert_eq!(differences.len(), 1);
    assert!(
        differences[0]
            .change
            .contains("audience: sts.amazonaws.com"),
        "{differences:?}"
    );

    claims["aud"] = Value::Null;
    let none = read(&claims);
    let differences = explain(&ask(&policy, &none).expect("a policy"), &none);
    assert!(differences[0].what.contains("no `aud`"), "{differences:?}");

    claims["iss"] = json!("https://gitlab.com");
    let other = read(&claims);
    let differences = explain(&ask(&policy, &other).expect("a policy"), &other);
    assert!(
        differences
            .iter()
            .any(|d| d.what.contains("signed by gitlab.com")),
        "{differences:?}"
    );
}

#[test]
fn only_claims_that_policies_test_are_shown() {
    let claims = github_claims("repo:octo/shop:ref:refs/heads/main\u{1b}[31m");
    let text = describe(&claims).join("\n");
    assert!(
        text.contains("sub: repo:octo/shop:ref:refs/heads/main [31m"),
        "{text}"
    );
    assert!(
        !text.contains("jti") && !text.contains("not-needed"),
        "{text}"
    );
}
