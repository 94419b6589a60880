//! Whether an account may use a region, and its quotas there.

use crate::error::{Error, translate};
use crate::session::Session;
use crate::signed::ec2::{Ec2, has_tags};
use crate::signed::xml::Item;
use rules::app::names::{Names, TAG_APP, TAG_ENVIRONMENT};
use rules::operate::doctor::account::{Region, Usage};

/// The quotas of an account in one region.
#[derive(Debug, Clone)]
pub struct Quotas {
    region: String,
    ec2: Ec2,
    /// In the session's region, which has to be enabled.
    here: Ec2,
    elb: aws_sdk_elasticloadbalancingv2::Client,
    quotas: aws_sdk_servicequotas::Client,
}

impl Quotas {
    /// The quotas of the session's account in the session's region.
    pub fn new(session: &Session) -> Quotas {
        // A region that is not enabled rejects every call, so a region that always is enabled is
        // asked about it.
        let home = session.at(home_of(session.region()));
        Quotas {
            region: session.region().to_owned(),
            ec2: Ec2::new(&home),
            here: Ec2::new(session.config()),
            elb: aws_sdk_elasticloadbalancingv2::Client::new(session.config()),
            quotas: aws_sdk_servicequotas::Client::new(session.config()),
        }
    }

    /// Whether the account may use the session's region.
    ///
    /// # Errors
    /// The call fails.
    pub async fn region(&self) -> Result<Region, Error> {
        // https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeRegions.html
        let parameters = [
            ("AllRegions".to_owned(), "true".to_owned()),
            ("RegionName.1".to_owned(), self.region.clone()),
        ];
        let answer = self
            .ec2
            .describe("ec2:DescribeRegions", &parameters, "regionInfo", |region| {
                let ours = region.text("regionName") == Some(&self.region);
                ours.then(|| region.text("optInStatus").map(str::to_owned))
            })
            .await;
        let regions = match answer {
            Err(error) if error.code.as_deref() == Some("InvalidParameterValue") => Vec::new(),
            other => other?,
        };
        Ok(Region {
            name: self.region.clone(),
            opt_in: regions.into_iter().next().flatten(),
        })
    }

    /// vCPUs that may run on Fargate at once: of all apps and both architectures together.
    ///
    /// # Errors
    /// The call fails.
    pub async fn fargate_vcpus(&self) -> Result<f64, Error> {
        // Fargate On-Demand vCPU resource count:
        // https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html
        self.quota("fargate", "L-3032A538").await
    }

    /// The quota of VPCs, and how many exist. `names` are those of the environment whose VPC is its own.
    ///
    /// # Errors
    /// A call fails.
    pub async fn vpcs(&self, names: &Names) -> Result<Usage, Error> {
        // VPCs per Region: https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html
        let limit = self.quota("vpc", "L-F678F1CE");
        let tags = [
            (TAG_APP, names.app.to_string()),
            (TAG_ENVIRONMENT, names.environment.to_string()),
        ];
        let is_own = |vpc: Item<'_, '_>| Some(has_tags(vpc, &tags));
        let vpcs = self
            .here
            .describe("ec2:DescribeVpcs", &[], "vpcSet", is_own);
        let (limit, vpcs) = tokio::try_join!(limit, vpcs)?;
        Ok(Usage {
            // Quotas are whole numbers, as floating point.
            limit: format!("{limit:.0}").parse().unwrap_or(u32::MAX),
            there: u32::try_from(vpcs.len()).unwrap_or(u32::MAX),
            own: vpcs.contains(&true),
        })
    }

    async fn quota(&self, service: &str, code: &str) -> Result<f64, Error> {
        const OPERATION: &str = "servicequotas:GetServiceQuota";
        let answer = self
            .quotas
            .get_service_quota()
            .service_code(service)
            .quota_code(code)
            .send()
            .await
            .map_err(translate(OPERATION))?;
        answer
            .quota
            .and_then(|quota| quota.value)
            .ok_or_else(|| Error::incomplete(OPERATION, "value"))
    }

    /// The quota of application load balancers, and how many exist. `own` is the name of the
    /// environment's.
    ///
    /// # Errors
    /// A call fails.
    pub async fn load_balancers(&self, own: &str) -> Result<Usage, Error> {
        const LIMITS: &str = "elasticloadbalancing:DescribeAccountLimits";
        let answer = self
            .elb
            .describe_account_limits()
            .send()
            .await
            .map_err(translate(LIMITS))?;
        let limits = answer.limits.unwrap_or_default();
        let limit = limits
            .iter()
            .find(|limit| limit.name.as_deref() == Some("application-load-balancers"))
            .and_then(|limit| limit.max.as_deref()?.parse().ok())
            .ok_or_else(|| Error::incomplete(LIMITS, "limit of load balancers"))?;
        let mut seen = Usage {
            limit,
            there: 0,
            own: false,
        };
        let mut pages = self.elb.describe_load_balancers().into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(translate("elasticloadbalancing:DescribeLoadBalancers"))?;
            for one in page.load_balancers.unwrap_or_default() {
                if one
                    .r#type
                    .as_ref()
                    .is_some_and(|kind| kind.as_str() == "application")
                {
                    seen.there += 1;
                    seen.own |= one.load_balancer_name.as_deref() == Some(own);
                }
            }
        }
        Ok(seen)
    }
}

/// The region of a partition that is enabled in every account
/// (<https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html>).
fn home_of(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "cn-north-1"
    } else if region.starts_with("us-gov-") {
        "us-gov-west-1"
    } else {
        "us-east-1"
    }
}
