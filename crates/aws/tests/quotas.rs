//! What `doctor` asks of an account, against the emulator: the region, and IAM's own simulation of policies.

mod emulators;

use aws::{Endpoints, Permissions, Quotas, Session};
use emulators::{ACCOUNT, REGION, config};
use rules::operate::doctor::permissions::{Ask, Decision};
use testkit::Sandbox;

const REPOSITORY: &str = "arn:aws:ecr:us-east-1:123456789012:repository/shop-prod";
const ROLE: &str = "arn:aws:iam::123456789012:role/shop-prod-task";

#[tokio::test]
async fn what_an_account_may_is_asked() {
    let sandbox = Sandbox::shared().with_emulators();
    let (main, second) = sandbox.emulators();
    let session = Session::open(
        None,
        Some(REGION),
        Some(Endpoints {
            main: main.clone(),
            second,
        }),
    )
    .await
    .expect("a session");

    let identity = session.identity().await.expect("an identity");
    assert_eq!(identity.account, ACCOUNT);
    assert!(identity.arn.starts_with("arn:aws:"), "{identity:?}");
    assert!(identity.rehearsal);

    let region = Quotas::new(&session).region().await.expect("a region");
    assert_eq!(region.name, REGION);
    assert_eq!(region.opt_in.as_deref(), Some("opt-in-not-required"));

    // A user that may make repositories, and no roles.
    let iam = aws_sdk_iam::Client::new(&config(&main).await);
    let user = iam.create_user().user_name("ann").send().await;
    let user = user.expect("a user").user.expect("it").arn;
    iam.put_user_policy()
        .user_name("ann")
        .policy_name("Deploy")
        .policy_document(
            r#"{"Version":"2012-10-17","Statement":[
                {"Effect":"Allow","Action":["ecr:*","iam:*"],"Resource":"*"},
                {"Effect":"Deny","Action":"iam:CreateRole","Resource":"*"}]}"#,
        )
        .send()
        .await
        .expect("a policy");
    let permissions = Permissions::new(&session);
    let ask = |resource: &str, actions: &[&'static str]| Ask {
        resource: resource.to_owned(),
        actions: actions.to_vec(),
        context: vec![],
        condition: serde_json::Value::Null,
    };
    let mut answers = Vec::new();
    for ask in [
        ask(REPOSITORY, &["ecr:CreateRepository", "logs:CreateLogGroup"]),
        ask(ROLE, &["iam:CreateRole"]),
    ] {
        let simulated = permissions.simulate(&user, &ask);
        answers.extend(simulated.await.expect("answers"));
    }
    let decisions: Vec<_> = answers
        .iter()
        .map(|answer| {
            (
                answer.action.as_str(),
                answer.resource.as_str(),
                answer.decision,
            )
        })
        .collect();
    assert_eq!(
        decisions,
        [
            ("ecr:CreateRepository", REPOSITORY, Decision::Allowed),
            ("logs:CreateLogGroup", REPOSITORY, Decision::ImplicitDeny),
            ("iam:CreateRole", ROLE, Decision::ExplicitDeny),
        ]
    );

    // The ARN of a role's session lacks its path.
    iam.create_role()
        .role_name("deploy")
        .path("/team/")
        .assume_role_policy_document(r#"{"Version":"2012-10-17","Statement":[]}"#)
        .send()
        .await
        .expect("a role");
    let role = permissions.role("deploy").await.expect("an answer");
    assert_eq!(
        role.as_deref(),
        Some("arn:aws:iam::123456789012:role/team/deploy")
    );
}
