//! Searches every service in which landfall or its HCL creates resources for those that have an
//! environment's names or tags.

mod domain;
mod function;
mod network;

use crate::alarms::notifies;
use crate::error::{Error, ErrorKind, translate};
use crate::secrets::Secrets;
use crate::services::Services;
use crate::session::Session;
use crate::signed::api_gateway::ApiGateway;
use crate::signed::cloudfront::CloudFront;
use crate::signed::ec2::Ec2;
use crate::state_bucket::StateBucket;
use crate::zones::Zones;
use aws_sdk_ecs::types::TaskDefinitionStatus;
use aws_sdk_iam::types::PolicyScopeType;
use aws_sdk_resourcegroupstagging::types::TagFilter;
use futures_util::future::join_all;
use rules::app::manifest::{Domain, SecretName, SecretsStore};
use rules::app::names::{Names, Slot, TAG_APP, TAG_ENVIRONMENT};
use rules::leave::ci::Role;
use rules::operate::domain::CLOUDFRONT_REGION;
use rules::operate::sweep::{Found, Kind};
use rules::shape::account_budget::is_of_account;
use std::collections::BTreeMap;
use std::pin::Pin;

/// A search of one kind of resource.
type Search<'a> = Pin<Box<dyn Future<Output = Result<Vec<Found>, Error>> + Send + 'a>>;

/// The answer to a call about one resource; [`None`] if that does not exist. A search of several has to go on
/// with the others.
fn present<T>(answer: Result<T, Error>) -> Result<Option<T>, Error> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The result of a search.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// Resources that a service lists with the environment's names or tags.
    pub by_name: Vec<Found>,
    /// ARNs that the tagging API returns for the environment's tags.
    pub by_tag: Vec<String>,
    /// Kinds of resources that could not be searched, and why. They are unknown, not absent.
    pub unseen: Vec<String>,
}

/// Clients of every service that is searched.
#[derive(Debug, Clone)]
pub struct Inventory {
    names: Names,
    account: String,
    services: Services,
    state_bucket: StateBucket,
    secrets: Secrets,
    ecs: aws_sdk_ecs::Client,
    ecr: aws_sdk_ecr::Client,
    elb: aws_sdk_elasticloadbalancingv2::Client,
    ec2: Ec2,
    logs: aws_sdk_cloudwatchlogs::Client,
    iam: aws_sdk_iam::Client,
    sns: aws_sdk_sns::Client,
    cloudwatch: aws_sdk_cloudwatch::Client,
    cloudfront: CloudFront,
    lambda: aws_sdk_lambda::Client,
    apis: ApiGateway,
    certificates: aws_sdk_acm::Client,
    /// [`None`] if the session is in CloudFront's region.
    certificates_of_cloudfront: Option<aws_sdk_acm::Client>,
    zones: Zones,
    /// Each with the hosted zone of its records, if that is known.
    domains: BTreeMap<Domain, Option<String>>,
    budgets: aws_sdk_budgets::Client,
    tagging: aws_sdk_resourcegroupstagging::Client,
}

impl Inventory {
    /// An inventory of one environment.
    pub fn new(session: &Session, names: &Names, account: &str) -> Inventory {
        let config = session.config();
        let second = session.second_config();
        Inventory {
            names: names.clone(),
            account: account.to_owned(),
            services: Services::new(session, &names.id()),
            state_bucket: StateBucket::new(session, names, account),
            secrets: Secrets::new(session, names),
            ecs: aws_sdk_ecs::Client::new(config),
            ecr: aws_sdk_ecr::Client::new(config),
            elb: aws_sdk_elasticloadbalancingv2::Client::new(config),
            ec2: Ec2::new(config),
            logs: aws_sdk_cloudwatchlogs::Client::new(config),
            iam: aws_sdk_iam::Client::new(config),
            sns: aws_sdk_sns::Client::new(config),
            cloudwatch: aws_sdk_cloudwatch::Client::new(config),
            cloudfront: CloudFront::new(&second),
            lambda: aws_sdk_lambda::Client::new(config),
            apis: ApiGateway::new(config),
            certificates: aws_sdk_acm::Client::new(config),
            certificates_of_cloudfront: (session.region() != CLOUDFRONT_REGION)
                .then(|| aws_sdk_acm::Client::new(&session.at(CLOUDFRONT_REGION))),
            zones: Zones::new(session),
            domains: BTreeMap::new(),
            budgets: aws_sdk_budgets::Client::new(&second),
            tagging: aws_sdk_resourcegroupstagging::Client::new(config),
        }
    }

    /// Searches for DNS records of these domains as well, each in the hosted zone in which they were created, if
    /// that is known, and in those that list the domain. Records have no tags, so the names have to be known.
    #[must_use]
    pub fn with_domains(
        mut self,
        domains: impl IntoIterator<Item = (Domain, Option<String>)>,
    ) -> Inventory {
        self.domains.extend(domains);
        self
    }

    /// Searches for secrets with these names as well, because a list does not show those of the last minutes.
    #[must_use]
    pub fn with_secrets<'a>(
        mut self,
        names: impl IntoIterator<Item = &'a SecretName>,
    ) -> Inventory {
        self.secrets = self.secrets.with_known(names);
        self
    }

    /// Searches all services. Those that cannot be searched are in [`Listing::unseen`].
    pub async fn look(&self) -> Listing {
        let mut listing = Listing::default();
        // Concurrently, because two dozen services one after the other take seconds. On the heap,
        // because together these futures are larger than a stack.
        let searches: [(&str, Search<'_>); 28] = [
            ("load balancers", Box::pin(self.load_balancers())),
            ("target groups", Box::pin(self.target_groups())),
            ("ECS services", Box::pin(self.ecs_services())),
            ("ECS clusters", Box::pin(self.clusters())),
            ("task definitions", Box::pin(self.task_definitions())),
            ("CloudFront distributions", Box::pin(self.distributions())),
            ("HTTP APIs", Box::pin(self.http_apis())),
            ("names of domains", Box::pin(self.domain_names())),
            ("certificates", Box::pin(self.certificates())),
            (
                "certificates of CloudFront",
                Box::pin(self.certificates_of_cloudfront()),
            ),
            ("Lambda functions", Box::pin(self.functions())),
            ("VPCs", Box::pin(self.vpcs())),
            ("subnets", Box::pin(self.subnets())),
            ("security groups", Box::pin(self.security_groups())),
            ("internet gateways", Box::pin(self.internet_gateways())),
            ("route tables", Box::pin(self.route_tables())),
            ("network interfaces", Box::pin(self.network_interfaces())),
            ("VPC endpoints", Box::pin(self.vpc_endpoints())),
            ("ECR repositories", Box::pin(self.repositories())),
            ("log groups", Box::pin(self.log_groups())),
            ("IAM roles", Box::pin(self.roles())),
            ("IAM policies", Box::pin(self.policies())),
            ("SNS topics", Box::pin(self.topics())),
            ("CloudWatch alarms", Box::pin(self.alarms())),
            ("budgets", Box::pin(self.budgets())),
            (
                "parameters",
                Box::pin(self.kept_in(SecretsStore::ParameterStore)),
            ),
            (
                "secrets",
                Box::pin(self.kept_in(SecretsStore::SecretsManager)),
            ),
            ("state bucket", Box::pin(self.state_buckets())),
        ];
        let (names, searches): (Vec<&str>, Vec<Search<'_>>) = searches.into_iter().unzip();
        let (answers, tagged, (records, unseen)) = tokio::join!(
            join_all(searches),
            Box::pin(self.tagged()),
            Box::pin(self.records())
        );
        listing.by_name.extend(records);
        listing.unseen.extend(unseen);
        for (what, answer) in names.into_iter().zip(answers) {
            match answer {
                Ok(found) => listing.by_name.extend(found),
                Err(error) => listing.unseen.push(format!("{what}: {error}")),
            }
        }
        match tagged {
            Ok(arns) => listing.by_tag = arns,
            Err(error) => listing.unseen.push(format!("tagged resources: {error}")),
        }
        listing
    }

    /// Whether `name` is the environment's ID, alone or with one of the suffixes in use. Another
    /// environment's ID may begin with this one: `app-prod` and `app-prod-2`.
    fn is_ours(&self, name: &str) -> bool {
        let id = self.names.id();
        let suffixes = [
            "",
            "-blue",
            "-green",
            "-execution",
            "-task",
            "-alarms",
            "-placeholder",
        ];
        suffixes
            .iter()
            .any(|suffix| name == format!("{id}{suffix}"))
    }

    async fn load_balancers(&self) -> Result<Vec<Found>, Error> {
        let answer = self
            .elb
            .describe_load_balancers()
            .names(self.names.id())
            .send()
            .await
            .map_err(translate("elasticloadbalancing:DescribeLoadBalancers"));
        let found = present(answer)?.and_then(|answer| answer.load_balancers);
        let found = found.unwrap_or_default().into_iter();
        Ok(found
            .filter_map(|one| one.load_balancer_arn)
            .map(|arn| Found::new(Kind::LoadBalancer, arn))
            .collect())
    }

    async fn target_groups(&self) -> Result<Vec<Found>, Error> {
        let mut all = Vec::new();
        for slot in Slot::ALL {
            // One name in each call, because a name that does not exist fails the call for both.
            let answer = self
                .elb
                .describe_target_groups()
                .names(self.names.slot(slot))
                .send()
                .await
                .map_err(translate("elasticloadbalancing:DescribeTargetGroups"));
            let groups = match answer {
                Err(error) if error.kind == ErrorKind::NotFound => continue,
                other => other?.target_groups.unwrap_or_default(),
            };
            let arns = groups
                .into_iter()
                .filter_map(|group| group.target_group_arn);
            all.extend(arns.map(|arn| Found::new(Kind::TargetGroup, arn)));
        }
        Ok(all)
    }

    async fn ecs_services(&self) -> Result<Vec<Found>, Error> {
        let cluster = self.names.id();
        let answer = self
            .ecs
            .describe_services()
            .cluster(&cluster)
            .set_services(Some(Slot::ALL.map(|slot| self.names.slot(slot)).to_vec()))
            .send()
            .await
            .map_err(translate("ecs:DescribeServices"));
        let found = present(answer)?.and_then(|answer| answer.services);
        let found = found.unwrap_or_default().into_iter();
        Ok(found
            // A deleted service is still listed as INACTIVE for a while.
            .filter(|service| service.status.as_deref() != Some("INACTIVE"))
            .filter_map(|service| service.service_name)
            .map(|name| Found {
                kind: Kind::Service,
                id: name,
                within: Some(cluster.clone()),
            })
            .collect())
    }

    async fn clusters(&self) -> Result<Vec<Found>, Error> {
        let answer = self
            .ecs
            .describe_clusters()
            .clusters(self.names.id())
            .send()
            .await
            .map_err(translate("ecs:DescribeClusters"))?;
        let found = answer.clusters.unwrap_or_default().into_iter();
        Ok(found
            // A deleted cluster is still listed as INACTIVE for a while.
            .filter(|cluster| cluster.status.as_deref() != Some("INACTIVE"))
            .filter_map(|cluster| cluster.cluster_name)
            .map(|name| Found::new(Kind::Cluster, name))
            .collect())
    }

    async fn task_definitions(&self) -> Result<Vec<Found>, Error> {
        let mut all = Vec::new();
        for family in [self.names.family(), self.names.placeholder_family()] {
            for status in [TaskDefinitionStatus::Active, TaskDefinitionStatus::Inactive] {
                let arns = self.services.definitions(&family, status).await?;
                all.extend(
                    arns.into_iter()
                        .map(|arn| Found::new(Kind::TaskDefinition, arn)),
                );
            }
        }
        Ok(all)
    }

    async fn distributions(&self) -> Result<Vec<Found>, Error> {
        let found = self.cloudfront.distributions().await?.into_iter();
        Ok(found
            .filter(|one| one.comment == self.names.id())
            .map(|one| Found::new(Kind::Distribution, one.id))
            .collect())
    }

    async fn repositories(&self) -> Result<Vec<Found>, Error> {
        let answer = self
            .ecr
            .describe_repositories()
            .repository_names(self.names.id())
            .send()
            .await
            .map_err(translate("ecr:DescribeRepositories"));
        let found = present(answer)?.and_then(|answer| answer.repositories);
        let found = found.unwrap_or_default().into_iter();
        Ok(found
            .filter_map(|one| one.repository_name)
            .map(|name| Found::new(Kind::Repository, name))
            .collect())
    }

    async fn log_groups(&self) -> Result<Vec<Found>, Error> {
        let mut all = Vec::new();
        for group in self.names.log_groups() {
            let answer = self
                .logs
                .describe_log_groups()
                .log_group_name_prefix(&group)
                .send()
                .await
                .map_err(translate("logs:DescribeLogGroups"))?;
            let found = answer.log_groups.unwrap_or_default().into_iter();
            all.extend(
                found
                    .filter_map(|one| one.log_group_name)
                    .filter(|name| *name == group)
                    .map(|name| Found::new(Kind::LogGroup, name)),
            );
        }
        Ok(all)
    }

    async fn roles(&self) -> Result<Vec<Found>, Error> {
        let mut all = Vec::new();
        let of_ci = Role::names(&self.names.id());
        for role in [
            self.names.execution_role(),
            self.names.task_role(),
            self.names.function_role(),
        ]
        .into_iter()
        .chain(of_ci)
        {
            let answer = self
                .iam
                .get_role()
                .role_name(&role)
                .send()
                .await
                .map_err(translate("iam:GetRole"));
            match answer {
                Ok(_) => all.push(Found::new(Kind::Role, role)),
                Err(error) if error.kind == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(all)
    }

    async fn policies(&self) -> Result<Vec<Found>, Error> {
        let path = self.names.policy_path();
        let policies = self.iam.list_policies();
        let policies = policies.scope(PolicyScopeType::Local).path_prefix(&path);
        let found = policies.into_paginator().items().send().try_collect().await;
        let found = found.map_err(translate("iam:ListPolicies"))?;
        Ok(found
            .into_iter()
            .filter(|policy| policy.path.as_deref() == Some(&path))
            .filter_map(|policy| policy.arn)
            .map(|arn| Found::new(Kind::Policy, arn))
            .collect())
    }

    async fn topics(&self) -> Result<Vec<Found>, Error> {
        let topics = self.sns.list_topics().into_paginator().items().send();
        let topics = topics.try_collect().await;
        let topics = topics.map_err(translate("sns:ListTopics"))?.into_iter();
        let is_ours = |arn: &String| {
            let name = arn.rsplit(':').next();
            name.is_some_and(|name| self.is_ours(name))
        };
        Ok(topics
            .filter_map(|topic| topic.topic_arn)
            .filter(is_ours)
            .map(|arn| Found::new(Kind::Topic, arn))
            .collect())
    }

    async fn alarms(&self) -> Result<Vec<Found>, Error> {
        let topic = self.names.alarm_topic();
        let mut all = Vec::new();
        let mut pages = self
            .cloudwatch
            .describe_alarms()
            .alarm_name_prefix(format!("{}-", self.names.id()))
            .into_paginator()
            .page_size(100)
            .send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(translate("cloudwatch:DescribeAlarms"))?;
            let alarms = page.metric_alarms.unwrap_or_default().into_iter();
            all.extend(
                alarms
                    // The prefix may match another environment's alarms; those notify another
                    // topic.
                    .filter(|one| notifies(one, &topic))
                    .filter_map(|one| one.alarm_name)
                    .map(|name| Found::new(Kind::Alarm, name)),
            );
        }
        Ok(all)
    }

    async fn budgets(&self) -> Result<Vec<Found>, Error> {
        let answer = self
            .budgets
            .describe_budget()
            .account_id(&self.account)
            .budget_name(self.names.id())
            .send()
            .await
            .map_err(translate("budgets:ViewBudget"));
        let answer = match answer {
            // An account that may have no budget has none.
            Err(error) if is_of_account(&error.message) => return Ok(Vec::new()),
            other => present(other)?,
        };
        let found = answer.and_then(|answer| answer.budget).into_iter();
        Ok(found
            .map(|one| Found {
                kind: Kind::Budget,
                id: one.budget_name,
                within: Some(self.account.clone()),
            })
            .collect())
    }

    async fn kept_in(&self, store: SecretsStore) -> Result<Vec<Found>, Error> {
        let kind = match store {
            SecretsStore::ParameterStore => Kind::Parameter,
            SecretsStore::SecretsManager => Kind::Secret,
        };
        let kept = self.secrets.list_in(store).await?.into_iter();
        Ok(kept.map(|one| Found::new(kind, one.id)).collect())
    }

    async fn state_buckets(&self) -> Result<Vec<Found>, Error> {
        let exists = self.state_bucket.exists().await?;
        Ok(exists
            .then(|| Found::new(Kind::StateBucket, self.state_bucket.name()))
            .into_iter()
            .collect())
    }

    fn tags(&self) -> [(&'static str, String); 2] {
        [
            (TAG_APP, self.names.app.to_string()),
            (TAG_ENVIRONMENT, self.names.environment.to_string()),
        ]
    }

    async fn tagged(&self) -> Result<Vec<String>, Error> {
        let filters = self
            .tags()
            .map(|(key, value)| TagFilter::builder().key(key).values(value).build());
        let resources = self.tagging.get_resources();
        let resources = resources.set_tag_filters(Some(filters.to_vec()));
        let found = resources
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await;
        let found = found.map_err(translate("tag:GetResources"))?.into_iter();
        Ok(found.filter_map(|mapping| mapping.resource_arn).collect())
    }
}
