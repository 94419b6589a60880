//! What each role of CI may do.
//!
//! [`documents`] is the one place where this is decided; the policies of another module, such as those that
//! `landfall policy` prints, are plugged in there. Everything is about resources by the names that an
//! environment gives them, as far as AWS names them before they exist.

use super::{Deployment, Role};
use crate::manifest::Target;
use serde_json::{Value, json};

/// Longest policy that IAM takes, without white space
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>).
pub const LONGEST: usize = 6144;

/// The policies of a role, as JSON texts of at most [`LONGEST`] characters.
pub fn documents(role: Role, deployment: &Deployment) -> Vec<String> {
    let scope = Scope::of(role, deployment);
    let mut statements = match role {
        Role::Deploy | Role::Preview => scope.changes(deployment.target),
        Role::Plan => scope.reads(deployment.target),
    };
    if role == Role::Preview {
        // Environments whose time is over are found by their buckets.
        statements.push(allow(
            "FindExpired",
            &["s3:ListAllMyBuckets"],
            &["*".to_owned()],
        ));
    }
    pack(statements)
}

/// Statements in as few documents as they fit into.
fn pack(statements: Vec<Value>) -> Vec<String> {
    let document = |statements: &[Value]| {
        json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
    };
    let mut documents: Vec<Vec<Value>> = vec![Vec::new()];
    for statement in statements {
        let last = documents.len() - 1;
        documents[last].push(statement);
        if document(&documents[last]).len() > LONGEST
            && documents[last].len() > 1
            && let Some(moved) = documents[last].pop()
        {
            documents.push(vec![moved]);
        }
    }
    documents.iter().map(|one| document(one)).collect()
}

/// Whose resources.
struct Scope<'a> {
    deployment: &'a Deployment,
    /// `app-environment`; for previews a pattern for the environments of all pull requests.
    id: String,
}

impl Scope<'_> {
    fn of(role: Role, deployment: &Deployment) -> Scope<'_> {
        let id = match role {
            Role::Preview => format!("{}-pr-*", deployment.names.app),
            Role::Deploy | Role::Plan => deployment.names.id(),
        };
        Scope { deployment, id }
    }

    /// ARN of a resource of this region and account.
    fn arn(&self, service: &str, resource: &str) -> String {
        let Deployment {
            partition,
            account,
            region,
            ..
        } = self.deployment;
        let resource = resource.replace("ID", &self.id);
        format!("arn:{partition}:{service}:{region}:{account}:{resource}")
    }

    /// ARN of something of IAM or Budgets, which have no region.
    fn global(&self, service: &str, resource: &str) -> String {
        let Deployment {
            partition, account, ..
        } = self.deployment;
        let resource = resource.replace("ID", &self.id);
        format!("arn:{partition}:{service}::{account}:{resource}")
    }

    /// The bucket of the state, and what is in it.
    fn bucket(&self) -> [String; 2] {
        let Deployment {
            partition,
            account,
            region,
            ..
        } = self.deployment;
        let bucket = format!(
            "arn:{partition}:s3:::landfall-{account}-{region}-{}",
            self.id
        );
        [bucket.clone(), format!("{bucket}/*")]
    }

    fn log_groups(&self) -> Vec<String> {
        [
            "log-group:/landfall/ID",
            "log-group:/landfall/ID/access",
            "log-group:/aws/lambda/ID",
        ]
        .iter()
        .flat_map(|group| {
            [
                self.arn("logs", group),
                self.arn("logs", &format!("{group}:*")),
            ]
        })
        .collect()
    }

    fn roles(&self) -> Vec<String> {
        ["role/ID-execution", "role/ID-task", "role/ID-function"]
            .map(|role| self.global("iam", role))
            .to_vec()
    }

    /// What landfall and Terraform read of everything.
    fn reads(&self, target: Target) -> Vec<Value> {
        let mut all = vec![
            allow(
                "ReadState",
                &[
                    "s3:GetBucket*",
                    "s3:GetEncryptionConfiguration",
                    "s3:GetLifecycleConfiguration",
                    "s3:GetObject",
                    "s3:ListBucket",
                ],
                &self.bucket(),
            ),
            allow(
                "ReadRegistry",
                &[
                    "ecr:Describe*",
                    "ecr:GetLifecyclePolicy",
                    "ecr:GetRepositoryPolicy",
                    "ecr:ListImages",
                    "ecr:ListTagsForResource",
                ],
                &[self.arn("ecr", "repository/ID")],
            ),
            allow(
                "ReadLogs",
                &[
                    "logs:FilterLogEvents",
                    "logs:GetLogEvents",
                    "logs:ListTagsForResource",
                    "logs:ListTagsLogGroup",
                ],
                &self.log_groups(),
            ),
            allow(
                "ReadRoles",
                &[
                    "iam:GetRole",
                    "iam:GetRolePolicy",
                    "iam:ListAttachedRolePolicies",
                    "iam:ListRolePolicies",
                    "iam:ListRoleTags",
                ],
                &self.roles(),
            ),
            allow(
                "ReadAlarms",
                &[
                    "cloudwatch:ListTagsForResource",
                    "sns:GetSubscriptionAttributes",
                    "sns:GetTopicAttributes",
                    "sns:ListSubscriptionsByTopic",
                    "sns:ListTagsForResource",
                ],
                &[
                    self.arn("cloudwatch", "alarm:ID-*"),
                    self.arn("sns", "ID-alarms"),
                    self.arn("sns", "ID-alarms:*"),
                ],
            ),
            allow(
                "ReadBudget",
                &["budgets:ListTagsForResource", "budgets:ViewBudget"],
                &[self.global("budgets", "budget/ID")],
            ),
            // These know no narrower resource.
            allow(
                "LookAround",
                &[
                    "cloudwatch:DescribeAlarms",
                    "cloudwatch:GetMetricData",
                    "ecr:GetAuthorizationToken",
                    "logs:DescribeLogGroups",
                    "secretsmanager:ListSecrets",
                    "sns:ListTopics",
                    "ssm:DescribeParameters",
                    "sts:GetCallerIdentity",
                    "tag:GetResources",
                ],
                &["*".to_owned()],
            ),
        ];
        match target {
            Target::Lambda => {
                all.push(allow(
                    "ReadFunction",
                    &["lambda:Get*", "lambda:List*"],
                    &self.functions(),
                ));
                all.push(allow("ReadApi", &["apigateway:GET"], &self.apis()));
                all.push(allow(
                    "LookAroundLambda",
                    &["lambda:GetAccountSettings", "lambda:ListFunctions"],
                    &["*".to_owned()],
                ));
            }
            Target::Fargate => all.push(allow(
                "LookAroundFargate",
                &[
                    "cloudfront:GetDistribution",
                    "cloudfront:List*",
                    "ec2:Describe*",
                    "ec2:GetManagedPrefixListEntries",
                    "ecs:Describe*",
                    "ecs:List*",
                    "elasticloadbalancing:Describe*",
                ],
                &["*".to_owned()],
            )),
        }
        all
    }

    fn functions(&self) -> [String; 2] {
        [
            self.arn("lambda", "function:ID"),
            self.arn("lambda", "function:ID:*"),
        ]
    }

    /// Every HTTP API of the region: their ids are AWS's choice.
    fn apis(&self) -> [String; 3] {
        let Deployment {
            partition, region, ..
        } = self.deployment;
        ["apis", "apis/*", "tags/*"]
            .map(|path| format!("arn:{partition}:apigateway:{region}::/{path}"))
    }

    /// What it reads, and what it makes, changes and removes.
    fn changes(&self, target: Target) -> Vec<Value> {
        let mut all = self.reads(target);
        all.extend([
            allow(
                "KeepState",
                &[
                    "s3:CreateBucket",
                    "s3:DeleteBucket",
                    "s3:DeleteBucketPolicy",
                    "s3:DeleteObject",
                    "s3:DeleteObjectVersion",
                    "s3:GetObjectVersion",
                    "s3:ListBucketVersions",
                    "s3:PutBucket*",
                    "s3:PutEncryptionConfiguration",
                    "s3:PutLifecycleConfiguration",
                    "s3:PutObject",
                ],
                &self.bucket(),
            ),
            allow(
                "KeepRegistry",
                &[
                    "ecr:Batch*",
                    "ecr:CompleteLayerUpload",
                    "ecr:CreateRepository",
                    "ecr:Delete*",
                    "ecr:GetDownloadUrlForLayer",
                    "ecr:InitiateLayerUpload",
                    "ecr:Put*",
                    "ecr:SetRepositoryPolicy",
                    "ecr:TagResource",
                    "ecr:UntagResource",
                    "ecr:UploadLayerPart",
                ],
                &[self.arn("ecr", "repository/ID")],
            ),
            allow(
                "KeepLogs",
                &[
                    "logs:CreateLogGroup",
                    "logs:DeleteLogGroup",
                    "logs:PutRetentionPolicy",
                    "logs:TagLogGroup",
                    "logs:TagResource",
                    "logs:UntagResource",
                ],
                &self.log_groups(),
            ),
            allow(
                "KeepRoles",
                &[
                    "iam:CreateRole",
                    "iam:DeleteRole",
                    "iam:DeleteRolePolicy",
                    "iam:ListInstanceProfilesForRole",
                    "iam:PutRolePolicy",
                    "iam:TagRole",
                    "iam:UntagRole",
                    "iam:UpdateAssumeRolePolicy",
                    "iam:UpdateRole",
                    "iam:UpdateRoleDescription",
                ],
                &self.roles(),
            ),
            pass_role(&self.roles()),
            allow(
                "KeepAlarms",
                &[
                    "cloudwatch:DeleteAlarms",
                    "cloudwatch:PutMetricAlarm",
                    "cloudwatch:TagResource",
                    "cloudwatch:UntagResource",
                    "sns:CreateTopic",
                    "sns:DeleteTopic",
                    "sns:SetTopicAttributes",
                    "sns:Subscribe",
                    "sns:TagResource",
                    "sns:Unsubscribe",
                    "sns:UntagResource",
                ],
                &[
                    self.arn("cloudwatch", "alarm:ID-*"),
                    self.arn("sns", "ID-alarms"),
                    self.arn("sns", "ID-alarms:*"),
                ],
            ),
            allow(
                "KeepBudget",
                &[
                    "budgets:ModifyBudget",
                    "budgets:TagResource",
                    "budgets:UntagResource",
                ],
                &[self.global("budgets", "budget/ID")],
            ),
            // Sets and removes values, and reads none.
            allow(
                "KeepSecrets",
                &[
                    "secretsmanager:CreateSecret",
                    "secretsmanager:DeleteSecret",
                    "secretsmanager:PutSecretValue",
                    "ssm:DeleteParameters",
                    "ssm:PutParameter",
                ],
                &[
                    self.arn("secretsmanager", "secret:landfall/ID/*"),
                    self.arn("ssm", "parameter/landfall/ID/*"),
                ],
            ),
        ]);
        match target {
            Target::Lambda => {
                all.push(allow(
                    "KeepFunction",
                    &[
                        "lambda:AddPermission",
                        "lambda:CreateAlias",
                        "lambda:CreateFunction",
                        "lambda:Delete*",
                        "lambda:InvokeFunction",
                        "lambda:PublishVersion",
                        "lambda:Put*",
                        "lambda:RemovePermission",
                        "lambda:TagResource",
                        "lambda:UntagResource",
                        "lambda:Update*",
                    ],
                    &self.functions(),
                ));
                all.push(allow(
                    "KeepApi",
                    &[
                        "apigateway:DELETE",
                        "apigateway:PATCH",
                        "apigateway:POST",
                        "apigateway:PUT",
                        "apigateway:TagResource",
                        "apigateway:UntagResource",
                    ],
                    &self.apis(),
                ));
                all.push(allow(
                    "DeliverAccessLog",
                    &[
                        "logs:CreateLogDelivery",
                        "logs:DeleteLogDelivery",
                        "logs:DescribeResourcePolicies",
                        "logs:GetLogDelivery",
                        "logs:ListLogDeliveries",
                        "logs:PutResourcePolicy",
                        "logs:UpdateLogDelivery",
                    ],
                    &["*".to_owned()],
                ));
            }
            Target::Fargate => all.extend(self.fargate_changes()),
        }
        all
    }

    fn fargate_changes(&self) -> Vec<Value> {
        let Deployment {
            partition, account, ..
        } = self.deployment;
        let own = json!({ "StringEquals": { "aws:ResourceTag/landfall:app": self.deployment.names.app.as_str() } });
        let new = json!({ "StringEquals": { "aws:RequestTag/landfall:app": self.deployment.names.app.as_str() } });
        let network = [self.arn("ec2", "*")];
        let with = |mut statement: Value, condition: &Value| {
            statement["Condition"] = condition.clone();
            statement
        };
        vec![
            allow(
                "KeepCluster",
                &[
                    "ecs:CreateCluster",
                    "ecs:CreateService",
                    "ecs:DeleteCluster",
                    "ecs:DeleteService",
                    "ecs:StopTask",
                    "ecs:TagResource",
                    "ecs:UntagResource",
                    "ecs:UpdateService",
                ],
                &[
                    self.arn("ecs", "cluster/ID"),
                    self.arn("ecs", "service/ID/*"),
                    self.arn("ecs", "task/ID/*"),
                ],
            ),
            // Terraform's provider registers without tags in one call, and the families have no ARN before.
            allow(
                "KeepTaskDefinitions",
                &[
                    "ecs:DeleteTaskDefinitions",
                    "ecs:DeregisterTaskDefinition",
                    "ecs:RegisterTaskDefinition",
                ],
                &["*".to_owned()],
            ),
            allow(
                "KeepLoadBalancer",
                &[
                    "elasticloadbalancing:AddTags",
                    "elasticloadbalancing:Create*",
                    "elasticloadbalancing:Delete*",
                    "elasticloadbalancing:Modify*",
                    "elasticloadbalancing:RemoveTags",
                    "elasticloadbalancing:Set*",
                ],
                &[
                    self.arn("elasticloadbalancing", "loadbalancer/app/ID/*"),
                    self.arn("elasticloadbalancing", "listener/app/ID/*"),
                    self.arn("elasticloadbalancing", "listener-rule/app/ID/*"),
                    self.arn("elasticloadbalancing", "targetgroup/ID-*"),
                ],
            ),
            with(
                allow(
                    "MakeNetwork",
                    &[
                        "ec2:CreateInternetGateway",
                        "ec2:CreateRouteTable",
                        "ec2:CreateSecurityGroup",
                        "ec2:CreateSubnet",
                        "ec2:CreateVpc",
                    ],
                    &network,
                ),
                &new,
            ),
            allow("TagNetwork", &["ec2:CreateTags"], &network),
            with(
                allow(
                    "KeepNetwork",
                    &[
                        "ec2:AssociateRouteTable",
                        "ec2:AttachInternetGateway",
                        "ec2:AuthorizeSecurityGroupEgress",
                        "ec2:AuthorizeSecurityGroupIngress",
                        "ec2:CreateRoute",
                        "ec2:CreateRouteTable",
                        "ec2:CreateSecurityGroup",
                        "ec2:CreateSubnet",
                        "ec2:DeleteInternetGateway",
                        "ec2:DeleteRoute",
                        "ec2:DeleteRouteTable",
                        "ec2:DeleteSecurityGroup",
                        "ec2:DeleteSubnet",
                        "ec2:DeleteVpc",
                        "ec2:DetachInternetGateway",
                        "ec2:DisassociateRouteTable",
                        "ec2:ModifySubnetAttribute",
                        "ec2:ModifyVpcAttribute",
                        "ec2:RevokeSecurityGroupEgress",
                        "ec2:RevokeSecurityGroupIngress",
                    ],
                    &network,
                ),
                &own,
            ),
            with(
                allow(
                    "MakeFrontDoor",
                    &["cloudfront:CreateDistribution", "cloudfront:TagResource"],
                    &[format!(
                        "arn:{partition}:cloudfront::{account}:distribution/*"
                    )],
                ),
                &new,
            ),
            with(
                allow(
                    "KeepFrontDoor",
                    &[
                        "cloudfront:DeleteDistribution",
                        "cloudfront:UntagResource",
                        "cloudfront:UpdateDistribution",
                    ],
                    &[format!(
                        "arn:{partition}:cloudfront::{account}:distribution/*"
                    )],
                ),
                &own,
            ),
            service_linked_roles(partition),
        ]
    }
}

fn allow(sid: &str, actions: &[&str], resources: &[String]) -> Value {
    json!({ "Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources })
}

/// The app's own roles, to the services that run it and to no others.
fn pass_role(roles: &[String]) -> Value {
    let mut statement = allow("HandOverRoles", &["iam:PassRole"], roles);
    statement["Condition"] = json!({
        "StringEquals": { "iam:PassedToService": ["ecs-tasks.amazonaws.com", "lambda.amazonaws.com"] },
    });
    statement
}

/// The first cluster and the first load balancer of an account ask for these.
fn service_linked_roles(partition: &str) -> Value {
    let mut statement = allow(
        "FirstUse",
        &["iam:CreateServiceLinkedRole"],
        &[format!("arn:{partition}:iam::*:role/aws-service-role/*")],
    );
    statement["Condition"] = json!({
        "StringEquals": { "iam:AWSServiceName": ["ecs.amazonaws.com", "elasticloadbalancing.amazonaws.com"] },
    });
    statement
}

#[cfg(test)]
mod tests {
    use super::super::samples::deployment;
    use super::*;

    fn statements(role: Role, target: Target) -> Vec<Value> {
        let deployment = Deployment {
            target,
            ..deployment()
        };
        let documents = documents(role, &deployment);
        assert!(documents.len() <= 10, "IAM attaches ten policies to a role");
        documents
            .iter()
            .inspect(|text| assert!(text.len() <= LONGEST, "{}", text.len()))
            .flat_map(|text| {
                let document: Value = serde_json::from_str(text).expect("JSON");
                document["Statement"]
                    .as_array()
                    .expect("statements")
                    .clone()
            })
            .collect()
    }

    fn actions(statement: &Value) -> Vec<String> {
        serde_json::from_value(statement["Action"].clone()).expect("actions")
    }

    #[test]
    fn no_role_may_do_everything_and_none_may_touch_its_own_trust() {
        for role in Role::ALL {
            for target in Target::ALL {
                for statement in statements(role, target) {
                    for action in actions(&statement) {
                        let (service, verb) = action.split_once(':').expect("service:Action");
                        assert!(verb != "*" && service != "*", "{action}");
                        if service == "iam" {
                            assert!(!verb.contains('*'), "{action}");
                            assert!(statement["Resource"] != json!(["*"]), "{statement}");
                        }
                    }
                    for name in Role::names("shop-prod") {
                        assert!(!statement.to_string().contains(&name), "{statement}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_plan_changes_nothing() {
        for target in Target::ALL {
            for statement in statements(Role::Plan, target) {
                for action in actions(&statement) {
                    let (_, verb) = action.split_once(':').expect("service:Action");
                    let reads = ["Describe", "Filter", "Get", "GET", "List", "View"];
                    assert!(reads.iter().any(|read| verb.starts_with(read)), "{action}");
                }
            }
        }
    }

    #[test]
    fn previews_have_only_the_environments_of_pull_requests() {
        let text = Value::from(statements(Role::Preview, Target::Lambda)).to_string();
        assert!(text.contains("function:shop-pr-*"), "{text}");
        assert!(!text.contains("shop-prod"), "{text}");
    }
}
