//! What a trust policy of landfall's says to tokens, and how a refusal is explained.

use super::claims::{Answer, Claims, NoToken, ask};
use super::explain::{describe, explain};
use super::samples::{deployment, github, gitlab};
use super::{Role, Setup, trust};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

fn token(claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!(
        "{}.{}.c2lnbmF0dXJl",
        part(&json!({ "alg": "RS256" })),
        part(claims)
    )
}

fn github_claims(sub: &str) -> Claims {
    let claims = json!({
        "iss": "https://token.actions.githubusercontent.com",
        "aud": "sts.amazonaws.com",
        "sub": sub,
        "ref": "refs/heads/main",
        "repository": "octo/shop",
        "jti": "nobody-needs-this",
    });
    Claims::read(&token(&claims)).expect("a token")
}

fn gitlab_claims(sub: &str) -> Claims {
    let claims = json!({ "iss": "https://gitlab.com", "aud": ["sts.amazonaws.com"], "sub": sub, "ref": "main" });
    Claims::read(&token(&claims)).expect("a token")
}

fn answer(setup: &Setup, role: Role, claims: &Claims) -> Answer {
    let policy = trust::policy(setup, &deployment(), role).to_string();
    ask(&policy, claims).expect("a policy")
}

#[test]
fn exactly_the_right_jobs_are_admitted() {
    let setup = github();
    let environment = Setup {
        github_environment: "production".parse().ok(),
        ..github()
    };
    let right = [
        (&setup, Role::Deploy, "repo:octo/shop:ref:refs/heads/main"),
        (
            &setup,
            Role::Deploy,
            "repo:octo@12/shop@345:ref:refs/heads/main",
        ),
        (&setup, Role::Plan, "repo:octo/shop:pull_request"),
        (&setup, Role::Plan, "repo:octo@12/shop@345:pull_request"),
        (&setup, Role::Preview, "repo:octo@12/shop@345:pull_request"),
        (
            &setup,
            Role::Preview,
            "repo:octo@12/shop@345:ref:refs/heads/main",
        ),
        (
            &environment,
            Role::Deploy,
            "repo:octo@12/shop@345:environment:production",
        ),
    ];
    for (setup, role, sub) in right {
        assert_eq!(
            answer(setup, role, &github_claims(sub)),
            Answer::Admitted,
            "{role}: {sub}"
        );
    }
    for role in Role::ALL {
        for (_, _, sub) in right {
            let is_right = match role {
                Role::Deploy => sub.ends_with(":ref:refs/heads/main"),
                Role::Plan => sub.ends_with(":pull_request"),
                Role::Preview => !sub.ends_with(":environment:production"),
            };
            let admitted = answer(&setup, role, &github_claims(sub)) == Answer::Admitted;
            assert_eq!(admitted, is_right, "{role}: {sub}");
        }
    }
}

#[test]
fn an_environment_of_github_is_not_enough_without_the_branch() {
    let setup = Setup {
        github_environment: "production".parse().ok(),
        ..github()
    };
    let elsewhere = json!({
        "iss": "https://token.actions.githubusercontent.com",
        "aud": "sts.amazonaws.com",
        "sub": "repo:octo/shop:environment:production",
        "ref": "refs/heads/mine",
    });
    let claims = Claims::read(&token(&elsewhere)).expect("a token");
    let refused = answer(&setup, Role::Deploy, &claims);
    let differences = explain(&refused, &claims);
    assert_eq!(differences.len(), 1, "{differences:?}");
    assert!(
        differences[0].what.contains("refs/heads/mine"),
        "{differences:?}"
    );
}

/// Every way in which a job can be the wrong one, and what is said of it.
#[test]
fn a_refusal_says_what_differs_and_what_to_change() {
    let old = Setup {
        ids: None,
        ..github()
    };
    let environment = Setup {
        github_environment: "production".parse().ok(),
        ids: None,
        ..github()
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
            &github(),
            Role::Deploy,
            "repo:octo@77/shop@888:ref:refs/heads/main",
        ),
        (
            "the same numbers under another name",
            &github(),
            Role::Deploy,
            "repo:octo@12/store@345:ref:refs/heads/main",
        ),
        (
            "another case",
            &old,
            Role::Deploy,
            "repo:Octo/shop:ref:refs/heads/main",
        ),
        (
            "another case with numbers",
            &github(),
            Role::Plan,
            "repo:octo@12/Shop@345:pull_request",
        ),
        (
            "another repository",
            &github(),
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
            "a pull request that wants to deploy",
            &old,
            Role::Deploy,
            "repo:octo/shop:pull_request",
        ),
        (
            "a push that wants to plan",
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
            "a subject of somebody's own making",
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
        let refused = answer(&gitlab(), role, &claims);
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
fn gitlabs_jobs_are_admitted_by_branch() {
    let setup = gitlab();
    let sub = |reference: &str| format!("project_path:group/shop:ref_type:branch:ref:{reference}");
    let admitted = |role, reference: &str| {
        answer(&setup, role, &gitlab_claims(&sub(reference))) == Answer::Admitted
    };
    assert!(admitted(Role::Deploy, "main"));
    assert!(!admitted(Role::Deploy, "main2"));
    assert!(admitted(Role::Plan, "feature/x"));
    assert!(!matches!(
        answer(
            &setup,
            Role::Plan,
            &gitlab_claims("project_path:group/shop-2:ref_type:branch:ref:main")
        ),
        Answer::Admitted
    ));
}

#[test]
fn the_wrong_audience_and_the_wrong_forge_are_told_apart() {
    let policy = trust::policy(&github(), &deployment(), Role::Deploy).to_string();
    let mut claims = json!({
        "iss": "https://token.actions.githubusercontent.com",
        "aud": "https://github.com/octo",
        "sub": "repo:octo/shop:ref:refs/heads/main",
        "ref": "refs/heads/main",
    });
    let read = |claims: &Value| Claims::read(&token(claims)).expect("a token");
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
fn policies_that_others_wrote_are_read_as_aws_reads_them() {
    let claims = github_claims("repo:octo/shop:ref:refs/heads/main");
    let provider = deployment().provider_arn("token.actions.githubusercontent.com");
    let with = |effect: &str, condition: Value| {
        json!({
            "Effect": effect,
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Principal": { "Federated": provider },
            "Condition": condition,
        })
    };
    let said = |statements: Value| {
        ask(&json!({ "Statement": statements }).to_string(), &claims).expect("a policy")
    };
    let key = "token.actions.githubusercontent.com:sub";
    for (condition, admitted) in [
        (json!({ "StringLike": { key: "repo:octo/*" } }), true),
        (
            json!({ "StringLike": { key: "repo:octo/sho?:ref:*" } }),
            true,
        ),
        (json!({ "StringLike": { key: "repo:octo/shop" } }), false),
        (
            json!({ "StringEqualsIgnoreCase": { key: "REPO:octo/shop:ref:refs/heads/MAIN" } }),
            true,
        ),
        (
            json!({ "ForAnyValue:StringEquals": { key: ["x", "repo:octo/shop:ref:refs/heads/main"] } }),
            true,
        ),
        (
            json!({ "StringNotEquals": { key: "repo:octo/shop:ref:refs/heads/main" } }),
            false,
        ),
        (
            json!({ "StringEqualsIfExists": { "token.actions.githubusercontent.com:environment": "production" } }),
            true,
        ),
        (
            json!({ "StringEquals": { "token.actions.githubusercontent.com:environment": "production" } }),
            false,
        ),
        (
            json!({ "StringEquals": { "TOKEN.actions.githubusercontent.com:SUB": "repo:octo/shop:ref:refs/heads/main" } }),
            true,
        ),
        // Not known here: taken for not met, never for met.
        (
            json!({ "IpAddress": { "aws:SourceIp": "10.0.0.0/8" } }),
            false,
        ),
        (json!({}), true),
    ] {
        let is = said(json!([with("Allow", condition.clone())])) == Answer::Admitted;
        assert_eq!(is, admitted, "{condition}");
    }
    let denied = said(json!([
        with("Allow", json!({})),
        with("Deny", json!({ "StringLike": { key: "repo:octo/*" } }))
    ]));
    assert_eq!(
        denied,
        Answer::Denied {
            statement: "2".to_owned()
        }
    );
    let role_of_lambda = json!({ "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": { "Service": "lambda.amazonaws.com" } });
    assert_eq!(said(role_of_lambda), Answer::Refused(vec![]));
    assert!(ask("{}", &claims).is_err() && ask("no JSON", &claims).is_err());
}

#[test]
fn a_text_that_is_no_token_is_not_repeated() {
    for (text, why) in [
        ("", NoToken::Shape),
        ("secret", NoToken::Shape),
        ("a.secret secret.c", NoToken::Encoding),
        ("a.c2VjcmV0.c", NoToken::Json),
    ] {
        let refused = Claims::read(text).expect_err(text);
        assert_eq!(refused, why);
        assert!(!refused.to_string().contains("secret"));
    }
}

#[test]
fn only_the_claims_that_trust_is_about_are_told() {
    let claims = github_claims("repo:octo/shop:ref:refs/heads/main\u{1b}[31m");
    let told = describe(&claims).join("\n");
    assert!(
        told.contains("sub: repo:octo/shop:ref:refs/heads/main [31m"),
        "{told}"
    );
    assert!(
        !told.contains("jti") && !told.contains("nobody-needs-this"),
        "{told}"
    );
}
