//! Whether an account may use a region, and its quotas there.

use crate::error::{Error, translate};
use crate::session::Session;
use crate::signed::ec2::Ec2;
use rules::operate::doctor::account::{LoadBalancers, Region};

/// The quotas of an account in one region.
#[derive(Debug, Clone)]
pub struct Quotas {
    region: String,
    ec2: Ec2,
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
        const OPERATION: &str = "servicequotas:GetServiceQuota";
        let answer = self
            .quotas
            .get_service_quota()
            .service_code("fargate")
            // Fargate On-Demand vCPU resource count:
            // https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html
            .quota_code("L-3032A538")
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
    pub async fn load_balancers(&self, own: &str) -> Result<LoadBalancers, Error> {
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
        let mut seen = LoadBalancers {
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
