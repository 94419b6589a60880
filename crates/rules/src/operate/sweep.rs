//! What is left after `down`: from the resources found in the account to a list with the command that removes
//! each.

use crate::app::names::Names;
use serde::{Deserialize, Serialize};

/// Kinds of resources that landfall or its HCL creates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Application load balancer.
    LoadBalancer,
    /// Target group.
    TargetGroup,
    /// ECS service.
    Service,
    /// ECS cluster.
    Cluster,
    /// ECS task definition, active or not.
    TaskDefinition,
    /// CloudFront distribution.
    Distribution,
    /// HTTP API of API Gateway.
    HttpApi,
    /// Custom domain name of API Gateway.
    DomainName,
    /// Certificate of AWS Certificate Manager.
    Certificate,
    /// Record of Route 53 with the domain's name, or one that validates the certificate.
    Record,
    /// Lambda function, with its versions and aliases.
    Function,
    /// VPC.
    Vpc,
    /// Subnet.
    Subnet,
    /// Security group.
    SecurityGroup,
    /// Internet gateway.
    InternetGateway,
    /// Route table.
    RouteTable,
    /// Network interface.
    NetworkInterface,
    /// VPC endpoint.
    VpcEndpoint,
    /// ECR repository.
    Repository,
    /// CloudWatch log group.
    LogGroup,
    /// IAM role.
    Role,
    /// IAM policy.
    Policy,
    /// SNS topic.
    Topic,
    /// CloudWatch alarm.
    Alarm,
    /// AWS Budget.
    Budget,
    /// Parameter of Parameter Store.
    Parameter,
    /// Secret of Secrets Manager.
    Secret,
    /// The S3 bucket of the Terraform state.
    StateBucket,
    /// Any other resource with the environment's tags.
    Tagged,
}

impl Kind {
    /// Every kind, in the order of the report.
    pub const ALL: [Kind; 29] = [
        Kind::LoadBalancer,
        Kind::TargetGroup,
        Kind::Service,
        Kind::Cluster,
        Kind::TaskDefinition,
        Kind::Distribution,
        Kind::HttpApi,
        Kind::DomainName,
        Kind::Certificate,
        Kind::Record,
        Kind::Function,
        Kind::Vpc,
        Kind::Subnet,
        Kind::SecurityGroup,
        Kind::InternetGateway,
        Kind::RouteTable,
        Kind::NetworkInterface,
        Kind::VpcEndpoint,
        Kind::Repository,
        Kind::LogGroup,
        Kind::Role,
        Kind::Policy,
        Kind::Topic,
        Kind::Alarm,
        Kind::Budget,
        Kind::Parameter,
        Kind::Secret,
        Kind::StateBucket,
        Kind::Tagged,
    ];

    /// The kind as text.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::LoadBalancer => "load balancer",
            Kind::TargetGroup => "target group",
            Kind::Service => "ECS service",
            Kind::Cluster => "ECS cluster",
            Kind::TaskDefinition => "task definition",
            Kind::Distribution => "CloudFront distribution",
            Kind::HttpApi => "HTTP API",
            Kind::DomainName => "domain name",
            Kind::Certificate => "certificate",
            Kind::Record => "DNS record",
            Kind::Function => "Lambda function",
            Kind::Vpc => "VPC",
            Kind::Subnet => "subnet",
            Kind::SecurityGroup => "security group",
            Kind::InternetGateway => "internet gateway",
            Kind::RouteTable => "route table",
            Kind::NetworkInterface => "network interface",
            Kind::VpcEndpoint => "VPC endpoint",
            Kind::Repository => "ECR repository",
            Kind::LogGroup => "log group",
            Kind::Role => "IAM role",
            Kind::Policy => "IAM policy",
            Kind::Topic => "SNS topic",
            Kind::Alarm => "CloudWatch alarm",
            Kind::Budget => "budget",
            Kind::Parameter => "parameter",
            Kind::Secret => "secret",
            Kind::StateBucket => "state bucket",
            Kind::Tagged => "tagged resource",
        }
    }

    /// Whether it costs money or may do so, including its traffic and contents, which no one watches any more.
    /// An HTTP API is billable, because every request is billed and its URL is public; a function without one
    /// is not, because it cannot be reached. Unknown kinds are assumed to be.
    pub fn is_billable(self) -> bool {
        matches!(
            self,
            Kind::LoadBalancer
                | Kind::Service
                | Kind::Distribution
                | Kind::HttpApi
                | Kind::NetworkInterface
                | Kind::Repository
                | Kind::LogGroup
                | Kind::Alarm
                | Kind::Secret
                | Kind::StateBucket
                | Kind::Tagged
        )
    }
}

/// A resource that was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Found {
    /// What it is.
    pub kind: Kind,
    /// The id, name or ARN by which it is removed.
    pub id: String,
    /// A second name that its removal needs: the cluster of a service.
    pub within: Option<String>,
}

impl Found {
    /// A resource that is removed by its id alone.
    pub fn new(kind: Kind, id: impl Into<String>) -> Found {
        Found {
            kind,
            id: id.into(),
            within: None,
        }
    }
}

/// A resource that is left, with the command that removes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leftover {
    /// What it is.
    pub kind: Kind,
    /// Its id, name or ARN.
    pub id: String,
    /// Whether it costs money or may do so.
    pub billable: bool,
    /// The command that removes it.
    pub remove: String,
}

/// What is left. `by_name` are resources that the services' own APIs list now with the environment's names and
/// tags. `by_tag` are ARNs of the tagging API, which is minutes behind, and is used only for resources that no
/// other API lists.
pub fn leftovers(
    names: &Names,
    region: &str,
    by_name: &[Found],
    by_tag: &[String],
) -> Vec<Leftover> {
    let mut found: Vec<Found> = by_name.to_vec();
    found.extend(
        by_tag
            .iter()
            .filter(|arn| !is_listed_by_name(names, arn))
            .map(|arn| Found::new(Kind::Tagged, arn)),
    );
    found.sort();
    found.dedup();
    found
        .into_iter()
        .map(|thing| Leftover {
            kind: thing.kind,
            billable: thing.kind.is_billable(),
            remove: removal(&thing, region),
            id: thing.id,
        })
        .collect()
}

/// Whether a service's own API would list the resource if it still existed.
fn is_listed_by_name(names: &Names, arn: &str) -> bool {
    let Some([_, _, service, _, _, resource]) = split_arn(arn) else {
        return false;
    };
    let id = names.id();
    let path: Vec<&str> = resource.split(['/', ':']).collect();
    let is = |kinds: &[&str]| path.first().is_some_and(|first| kinds.contains(first));
    let named =
        |part: &str| part == id || part.strip_prefix(&id).is_some_and(|r| r.starts_with('-'));
    match service {
        // Listed by tag, with any name.
        "ec2" => is(&[
            "vpc",
            "subnet",
            "security-group",
            "internet-gateway",
            "route-table",
            "network-interface",
            "vpc-endpoint",
            // Rules of the groups above, deleted with them.
            "security-group-rule",
        ]),
        "cloudfront" => is(&["distribution"]),
        // Listed by name or tag; the ARN begins with a slash and has an id. Stages are deleted with it.
        "apigateway" => matches!(path.get(1), Some(&("apis" | "domainnames"))),
        // Listed by tag in both regions where it may be.
        "acm" => is(&["certificate"]),
        "logs" => {
            let group = resource.strip_suffix(":*").unwrap_or(resource);
            let group = group.strip_prefix("log-group:").unwrap_or_default();
            names.log_groups().iter().any(|ours| ours == group)
        }
        "s3" => resource.starts_with("landfall-") && resource.ends_with(&id),
        "elasticloadbalancing" => {
            is(&["loadbalancer", "targetgroup", "listener", "listener-rule"])
                && path.iter().any(|part| named(part))
        }
        // Names have the whole path; AWS adds six letters to that of a secret.
        "ssm" => resource.starts_with(&format!("parameter/landfall/{id}/")),
        "secretsmanager" => resource.starts_with(&format!("secret:landfall/{id}/")),
        "lambda" => is(&["function"]) && path.get(1) == Some(&names.function().as_str()),
        "ecs" | "ecr" | "iam" | "sns" | "cloudwatch" | "budgets" => path.iter().any(|p| named(p)),
        _ => false,
    }
}

fn split_arn(arn: &str) -> Option<[&str; 6]> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    parts
        .try_into()
        .ok()
        .filter(|parts: &[&str; 6]| parts[0] == "arn")
}

/// The AWS CLI command that removes a resource.
fn removal(thing: &Found, region: &str) -> String {
    let id = &thing.id;
    let within = thing.within.as_deref().unwrap_or_default();
    let command = match thing.kind {
        Kind::LoadBalancer => format!("elbv2 delete-load-balancer --load-balancer-arn {id}"),
        Kind::TargetGroup => format!("elbv2 delete-target-group --target-group-arn {id}"),
        Kind::Service => format!("ecs delete-service --force --cluster {within} --service {id}"),
        Kind::Cluster => format!("ecs delete-cluster --cluster {id}"),
        Kind::TaskDefinition => {
            return format!(
                "aws ecs deregister-task-definition --task-definition {id} --region {region} && \
                 aws ecs delete-task-definitions --task-definitions {id} --region {region}"
            );
        }
        Kind::Distribution => {
            return format!(
                "disable the distribution {id} in the CloudFront console, wait until it is deployed, \
                 then: aws cloudfront delete-distribution --id {id} --if-match \"$(aws cloudfront \
                 get-distribution --id {id} --query ETag --output text)\""
            );
        }
        Kind::HttpApi => format!("apigatewayv2 delete-api --api-id {id}"),
        Kind::DomainName => format!("apigatewayv2 delete-domain-name --domain-name {id}"),
        Kind::Certificate => {
            // Certificates of CloudFront are in one region, whatever the environment's.
            let at = split_arn(id).map_or(region, |arn| arn[3]);
            return format!("aws acm delete-certificate --certificate-arn {id} --region {at}");
        }
        Kind::Record => {
            return format!(
                "delete the record ({id}) of the hosted zone {within}: console, Route 53, Hosted zones"
            );
        }
        Kind::Function => format!("lambda delete-function --function-name {id}"),
        Kind::Vpc => format!("ec2 delete-vpc --vpc-id {id}"),
        Kind::Subnet => format!("ec2 delete-subnet --subnet-id {id}"),
        Kind::SecurityGroup => format!("ec2 delete-security-group --group-id {id}"),
        Kind::InternetGateway => {
            let detach = if within.is_empty() {
                String::new()
            } else {
                format!(
                    "aws ec2 detach-internet-gateway --internet-gateway-id {id} --vpc-id {within} \
                     --region {region} && "
                )
            };
            return format!(
                "{detach}aws ec2 delete-internet-gateway --internet-gateway-id {id} --region {region}"
            );
        }
        Kind::RouteTable => format!("ec2 delete-route-table --route-table-id {id}"),
        Kind::NetworkInterface => {
            format!("ec2 delete-network-interface --network-interface-id {id}")
        }
        Kind::VpcEndpoint => format!("ec2 delete-vpc-endpoints --vpc-endpoint-ids {id}"),
        Kind::Repository => format!("ecr delete-repository --force --repository-name {id}"),
        Kind::LogGroup => format!("logs delete-log-group --log-group-name {id}"),
        Kind::Role => {
            return format!(
                "delete the role's policies, then: aws iam delete-role --role-name {id}"
            );
        }
        Kind::Policy => {
            return format!(
                "detach the policy from its role, then: aws iam delete-policy --policy-arn {id}"
            );
        }
        Kind::Topic => format!("sns delete-topic --topic-arn {id}"),
        Kind::Alarm => format!("cloudwatch delete-alarms --alarm-names {id}"),
        Kind::Budget => {
            return format!("aws budgets delete-budget --account-id {within} --budget-name {id}");
        }
        Kind::Parameter => format!("ssm delete-parameter --name {id}"),
        Kind::Secret => {
            format!("secretsmanager delete-secret --force-delete-without-recovery --secret-id {id}")
        }
        Kind::StateBucket => {
            return format!(
                "delete all object versions of the bucket, then: aws s3api delete-bucket --bucket \
                 {id} --region {region}"
            );
        }
        Kind::Tagged => return format!("look it up by its ARN and remove it: {id}"),
    };
    format!("aws {command} --region {region}")
}

/// One line for the end of `down`: `0 left`, `2 left, 1 of them billable`.
pub fn describe(left: usize, billable: usize) -> String {
    match (left, billable) {
        (0, _) => "0 left".to_owned(),
        (n, 0) => format!("{n} left, none of them billable"),
        (n, b) => format!("{n} left, {b} of them billable"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::manifest::{AppName, EnvironmentName};

    fn names() -> Names {
        Names::new(
            AppName::parse("uptime").expect("name"),
            EnvironmentName::parse("prod").expect("environment"),
        )
    }

    #[test]
    fn resources_that_have_a_listing_are_not_taken_from_the_tagging_api() {
        let gone = [
            "arn:aws:ec2:eu-west-2:1:vpc/vpc-1",
            "arn:aws:ecs:eu-west-2:1:service/uptime-prod/uptime-prod-blue",
            "arn:aws:elasticloadbalancing:eu-west-2:1:loadbalancer/app/uptime-prod/5",
            "arn:aws:logs:eu-west-2:1:log-group:/landfall/uptime-prod",
            "arn:aws:logs:eu-west-2:1:log-group:/aws/lambda/uptime-prod",
            "arn:aws:logs:eu-west-2:1:log-group:/landfall/uptime-prod/access",
            "arn:aws:lambda:eu-west-2:1:function:uptime-prod",
            "arn:aws:apigateway:eu-west-2::/apis/a1b2c3",
            "arn:aws:apigateway:eu-west-2::/apis/a1b2c3/stages/$default",
            "arn:aws:apigateway:eu-west-2::/domainnames/app.example.com",
            "arn:aws:acm:us-east-1:1:certificate/12345678-1234-1234-1234-123456789012",
            "arn:aws:s3:::landfall-1-eu-west-2-uptime-prod",
            "arn:aws:sns:eu-west-2:1:uptime-prod-alarms",
            "arn:aws:ssm:eu-west-2:1:parameter/landfall/uptime-prod/KEY",
            "arn:aws:secretsmanager:eu-west-2:1:secret:landfall/uptime-prod/KEY-AbCdEf",
        ]
        .map(String::from);
        assert_eq!(leftovers(&names(), "eu-west-2", &[], &gone), []);
    }

    #[test]
    fn a_tagged_resource_with_another_name_is_found() {
        let stray = [
            "arn:aws:sqs:eu-west-2:1:queue".to_owned(),
            "arn:aws:ecs:eu-west-2:1:service/uptime-production/web".to_owned(),
            "arn:aws:ec2:eu-west-2:1:natgateway/nat-1".to_owned(),
            "arn:aws:lambda:eu-west-2:1:function:uptime-prod-2".to_owned(),
            "arn:aws:apigateway:eu-west-2::/restapis/a1b2c3".to_owned(),
        ];
        let left = leftovers(&names(), "eu-west-2", &[], &stray);
        assert_eq!(left.len(), 5);
        assert!(
            left.iter()
                .all(|thing| thing.kind == Kind::Tagged && thing.billable)
        );
    }

    #[test]
    fn every_kind_has_a_command_that_removes_it() {
        let found: Vec<Found> = Kind::ALL
            .into_iter()
            .map(|kind| Found {
                kind,
                id: "ID".into(),
                within: matches!(
                    kind,
                    Kind::Service | Kind::InternetGateway | Kind::Budget | Kind::Record
                )
                .then(|| "WITHIN".to_owned()),
            })
            .collect();
        let text: Vec<String> = leftovers(&names(), "eu-west-2", &found, &[])
            .iter()
            .map(|l| {
                let price = if l.billable { "billable" } else { "free" };
                format!("{} ({price})\n  {}", l.kind.as_str(), l.remove)
            })
            .collect();
        assert_eq!(text.len(), Kind::ALL.len());
        insta::assert_snapshot!("removals", text.join("\n"));
    }

    #[test]
    fn the_result_is_one_line() {
        assert_eq!(describe(0, 0), "0 left");
        assert_eq!(describe(2, 0), "2 left, none of them billable");
        assert_eq!(describe(2, 1), "2 left, 1 of them billable");
    }
}
