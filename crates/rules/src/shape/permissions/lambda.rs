//! The function, its versions and aliases, and the HTTP API in front.
//!
//! AWS chooses the ID of an API, so its tags identify the owner, where AWS compares them: that is documented for REST
//! APIs only, so an API whose tags AWS does not look at can be changed too. Its integrations, routes and stages are
//! identified only by their path: AWS does not apply the tags of an HTTP API to them
//! (<https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-tagging-supported-resources.html>).

use super::{Scope, Statement};

/// The group of the access log in earlier versions.
pub(super) const FORMER_ACCESS_LOG: &str = "log-group:/landfall/ID/access";

/// The function, and its versions and aliases.
pub(super) fn functions(scope: &Scope) -> [String; 2] {
    [
        scope.arn("lambda", "function:ID"),
        scope.arn("lambda", "function:ID:*"),
    ]
}

fn versions(scope: &Scope) -> [String; 1] {
    [scope.arn("lambda", "function:ID:*")]
}

/// ARN of a path of API Gateway, which has no account in it.
pub(super) fn path(scope: &Scope, path: &str) -> String {
    format!(
        "arn:{}:apigateway:{}::/{path}",
        scope.partition, scope.region
    )
}

/// Every HTTP API.
pub(super) fn apis(scope: &Scope) -> [String; 2] {
    ["apis", "apis/*"].map(|one| path(scope, one))
}

/// What AWS requires of a call that makes something with tags, besides the verb. The Service Authorization Reference
/// does not list these actions, so no condition on tags is documented for them
/// (<https://github.com/hashicorp/terraform-provider-aws/issues/20634>).
pub(super) fn tagging(sid: &'static str, paths: impl IntoIterator<Item = String>) -> Statement {
    Statement::allow(
        sid,
        &["apigateway:TagResource", "apigateway:UntagResource"],
        paths,
    )
}

fn parts(scope: &Scope) -> Vec<String> {
    ["integrations", "routes", "stages"]
        .into_iter()
        .flat_map(|part| {
            [
                path(scope, &format!("apis/*/{part}")),
                path(scope, &format!("apis/*/{part}/*")),
            ]
        })
        .collect()
}

pub(super) fn reads(scope: &Scope) -> Vec<Statement> {
    vec![
        Statement::allow(
            "ReadFunction",
            &[
                "lambda:GetAlias",
                "lambda:GetFunctionCodeSigningConfig",
                "lambda:GetFunctionConcurrency",
                "lambda:GetPolicy",
                "lambda:ListAliases",
                "lambda:ListTags",
                "lambda:ListVersionsByFunction",
            ],
            functions(scope),
        ),
        Statement::anywhere("ReadConcurrency", &["lambda:GetAccountSettings"]),
    ]
}

pub(super) fn release(scope: &Scope) -> Vec<Statement> {
    vec![
        Statement::allow(
            "ReleaseVersion",
            &[
                "lambda:CreateAlias",
                "lambda:DeleteAlias",
                "lambda:InvokeFunction",
                "lambda:PublishVersion",
                "lambda:UpdateAlias",
                "lambda:UpdateFunctionCode",
                "lambda:UpdateFunctionConfiguration",
            ],
            functions(scope),
        ),
        // Old versions go; the function itself is no version.
        Statement::allow("PruneVersions", &["lambda:DeleteFunction"], versions(scope)),
    ]
}

pub(super) fn make(scope: &Scope) -> Vec<Statement> {
    vec![
        Statement::allow(
            "MakeFunction",
            &[
                "lambda:AddPermission",
                "lambda:CreateFunction",
                "lambda:DeleteFunctionConcurrency",
                "lambda:PutFunctionConcurrency",
                "lambda:RemovePermission",
                "lambda:TagResource",
                "lambda:UntagResource",
            ],
            functions(scope),
        ),
        Statement::allow(
            "HandOverRole",
            &["iam:PassRole"],
            scope.roles(&["function"]),
        )
        .when("iam:PassedToService", &["lambda.amazonaws.com"]),
        Statement::allow("MakeApi", &["apigateway:POST"], [path(scope, "apis")])
            .bearing_our_tags(scope),
        // AWS documents no tags of the call for this path.
        Statement::allow(
            "TagApi",
            &["apigateway:DELETE", "apigateway:POST", "apigateway:PUT"],
            [path(scope, "tags/*")],
        ),
        tagging("TagPathsOfApi", apis(scope)),
        Statement::allow("ChangeApi", &["apigateway:PATCH"], [path(scope, "apis/*")])
            .not_of_others(scope),
        Statement::allow(
            "MakePartsOfApi",
            &["apigateway:PATCH", "apigateway:POST"],
            parts(scope),
        ),
        // The group of an earlier version gives way to its successor.
        Statement::allow(
            "MoveAccessLog",
            &["logs:DeleteLogGroup"],
            scope.log_group(FORMER_ACCESS_LOG),
        ),
        deliveries("DeliverAccessLog"),
        Statement::allow(
            "FirstApi",
            &["iam:CreateServiceLinkedRole"],
            [scope.global(
                "iam",
                "role/aws-service-role/ops.apigateway.amazonaws.com/AWSServiceRoleForAPIGateway",
            )],
        )
        .when("iam:AWSServiceName", &["ops.apigateway.amazonaws.com"]),
    ]
}

/// A stage with an access log requires these of the identity that creates or removes it
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging.html>).
fn deliveries(sid: &'static str) -> Statement {
    Statement::anywhere(
        sid,
        &[
            "logs:CreateLogDelivery",
            "logs:DeleteLogDelivery",
            "logs:DescribeResourcePolicies",
            "logs:GetLogDelivery",
            "logs:ListLogDeliveries",
            "logs:PutResourcePolicy",
            "logs:UpdateLogDelivery",
        ],
    )
}

pub(super) fn remove(scope: &Scope) -> Vec<Statement> {
    vec![
        Statement::allow(
            "RemoveFunction",
            &[
                "lambda:DeleteAlias",
                "lambda:DeleteFunction",
                "lambda:RemovePermission",
            ],
            functions(scope),
        ),
        Statement::allow("RemoveApi", &["apigateway:DELETE"], [path(scope, "apis/*")])
            .not_of_others(scope),
        Statement::allow("RemovePartsOfApi", &["apigateway:DELETE"], parts(scope)),
        deliveries("EndAccessLog"),
    ]
}
