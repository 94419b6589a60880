//! Which tokens landfall's trust policies admit.

use super::claims::{Answer, Claims, NoToken, ask};
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
        "jti": "not-needed",
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
    let Answer::Refused(unmet) = refused else {
        panic!("{refused:?}");
    };
    let claims: Vec<&str> = unmet.iter().map(|one| one.claim.as_str()).collect();
    assert_eq!(claims, ["ref"], "{unmet:?}");
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
    let answer = |statements: Value| {
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
        // Not known here: treated as not met.
        (
            json!({ "IpAddress": { "aws:SourceIp": "10.0.0.0/8" } }),
            false,
        ),
        (json!({}), true),
    ] {
        let is = answer(json!([with("Allow", condition.clone())])) == Answer::Admitted;
        assert_eq!(is, admitted, "{condition}");
    }
    let denied = answer(json!([
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
    assert_eq!(answer(role_of_lambda), Answer::Refused(vec![]));
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
