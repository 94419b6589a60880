//! The parts of a network, found by the tags that every one of them bears.

use super::Inventory;
use crate::error::{Error, translate};
use aws_sdk_ec2::types::{Filter, Tag};
use rules::operate::sweep::{Found, Kind};

impl Inventory {
    /// The environment's tags as filters. Emulators ignore some filters, so [`Self::is_tagged`] looks
    /// again at what came.
    fn filters(&self) -> Vec<Filter> {
        self.tags()
            .into_iter()
            .map(|(key, value)| {
                Filter::builder()
                    .name(format!("tag:{key}"))
                    .values(value)
                    .build()
            })
            .collect()
    }

    fn is_tagged(&self, tags: Option<&Vec<Tag>>) -> bool {
        let tags = tags.map(Vec::as_slice).unwrap_or_default();
        self.tags().iter().all(|(key, value)| {
            tags.iter()
                .any(|tag| tag.key() == Some(key) && tag.value() == Some(value))
        })
    }

    pub(super) async fn vpcs(&self) -> Result<Vec<Found>, Error> {
        let answer = self
            .ec2
            .describe_vpcs()
            .set_filters(Some(self.filters()))
            .send()
            .await;
        let found = answer
            .map_err(translate("ec2:DescribeVpcs"))?
            .vpcs
            .unwrap_or_default();
        Ok(found
            .into_iter()
            .filter(|one| self.is_tagged(one.tags.as_ref()))
            .filter_map(|one| one.vpc_id)
            .map(|id| Found::new(Kind::Vpc, id))
            .collect())
    }

    pub(super) async fn subnets(&self) -> Result<Vec<Found>, Error> {
        let answer = self
            .ec2
            .describe_subnets()
            .set_filters(Some(self.filters()))
            .send()
            .await;
        let found = answer
            .map_err(translate("ec2:DescribeSubnets"))?
            .subnets
            .unwrap_or_default();
        Ok(found
            .into_iter()
            .filter(|one| self.is_tagged(one.tags.as_ref()))
            .filter_map(|one| one.subnet_id)
            .map(|id| Found::new(Kind::Subnet, id))
            .collect())
    }

    pub(super) async fn security_groups(&self) -> Result<Vec<Found>, Error> {
        let answer = self
            .ec2
            .describe_security_groups()
            .set_filters(Some(self.filters()))
            .send()
            .await;
        let found = answer
            .map_err(translate("ec2:DescribeSecurityGroups"))?
            .security_groups
            .unwrap_or_default();
        Ok(found
            .into_iter()
            .filter(|one| self.is_tagged(one.tags.as_ref()))
            // The default group goes with its VPC and cannot be removed.
            .filter(|one| one.group_name.as_deref() != Some("default"))
            .filter_map(|one| one.group_id)
            .map(|id| Found::new(Kind::SecurityGroup, id))
            .collect())
    }

    pub(super) async fn internet_gateways(&self) -> Result<Vec<Found>, Error> {
        let answer = self
            .ec2
            .describe_internet_gateways()
            .set_filters(Some(self.filters()))
            .send()
            .await;
        let found = answer
            .map_err(translate("ec2:DescribeInternetGateways"))?
            .internet_gateways
            .unwrap_or_default();
        Ok(found
            .into_iter()
            .filter(|one| self.is_tagged(one.tags.as_ref()))
            .filter_map(|one| {
                let vpc = one
                    .attachments
                    .unwrap_or_default()
                    .into_iter()
                    .find_map(|a| a.vpc_id);
                Some(Found {
                    kind: Kind::InternetGateway,
                    id: one.internet_gateway_id?,
                    within: vpc,
                })
            })
            .collect())
    }

    pub(super) async fn route_tables(&self) -> Result<Vec<Found>, Error> {
        let answer = self
            .ec2
            .describe_route_tables()
            .set_filters(Some(self.filters()))
            .send()
            .await;
        let found = answer
            .map_err(translate("ec2:DescribeRouteTables"))?
            .route_tables
            .unwrap_or_default();
        Ok(found
            .into_iter()
            .filter(|one| self.is_tagged(one.tags.as_ref()))
            .filter_map(|one| one.route_table_id)
            .map(|id| Found::new(Kind::RouteTable, id))
            .collect())
    }

    pub(super) async fn network_interfaces(&self) -> Result<Vec<Found>, Error> {
        let answer = self
            .ec2
            .describe_network_interfaces()
            .set_filters(Some(self.filters()))
            .send()
            .await;
        let found = answer
            .map_err(translate("ec2:DescribeNetworkInterfaces"))?
            .network_interfaces
            .unwrap_or_default();
        Ok(found
            .into_iter()
            .filter(|one| self.is_tagged(one.tag_set.as_ref()))
            .filter_map(|one| one.network_interface_id)
            .map(|id| Found::new(Kind::NetworkInterface, id))
            .collect())
    }

    pub(super) async fn vpc_endpoints(&self) -> Result<Vec<Found>, Error> {
        let answer = self
            .ec2
            .describe_vpc_endpoints()
            .set_filters(Some(self.filters()))
            .send()
            .await;
        let found = answer
            .map_err(translate("ec2:DescribeVpcEndpoints"))?
            .vpc_endpoints
            .unwrap_or_default();
        Ok(found
            .into_iter()
            .filter(|one| self.is_tagged(one.tags.as_ref()))
            // A deleted endpoint is shown for a while.
            .filter(|one| {
                one.state
                    .as_ref()
                    .is_none_or(|s| !s.as_str().eq_ignore_ascii_case("deleted"))
            })
            .filter_map(|one| one.vpc_endpoint_id)
            .map(|id| Found::new(Kind::VpcEndpoint, id))
            .collect())
    }
}
