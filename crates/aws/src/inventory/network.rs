//! The parts of a network, found by the tags that every one of them has.

use super::Inventory;
use crate::error::Error;
use crate::signed::ec2::{filters, has_tags};
use crate::signed::xml::Item;
use rules::operate::sweep::{Found, Kind};

/// A part whose ID is in the child element called `id`.
fn part(kind: Kind, item: Item<'_, '_>, id: &str) -> Option<Found> {
    Some(Found::new(kind, item.text(id)?))
}

impl Inventory {
    /// The parts in `set` of the answer to `operation` that have the environment's tags. Emulators
    /// ignore some filters, so the tags of each item are checked again.
    async fn network(
        &self,
        operation: &'static str,
        set: &str,
        read: impl Fn(Item<'_, '_>) -> Option<Found> + Sync,
    ) -> Result<Vec<Found>, Error> {
        let tags = self.tags();
        let by_tag = tags
            .clone()
            .map(|(key, value)| (format!("tag:{key}"), value));
        let ours = |item: Item<'_, '_>| has_tags(item, &tags).then_some(item).and_then(&read);
        self.ec2
            .describe(operation, &filters(&by_tag), set, ours)
            .await
    }

    pub(super) async fn vpcs(&self) -> Result<Vec<Found>, Error> {
        self.network("ec2:DescribeVpcs", "vpcSet", |vpc| {
            part(Kind::Vpc, vpc, "vpcId")
        })
        .await
    }

    pub(super) async fn subnets(&self) -> Result<Vec<Found>, Error> {
        self.network("ec2:DescribeSubnets", "subnetSet", |subnet| {
            part(Kind::Subnet, subnet, "subnetId")
        })
        .await
    }

    pub(super) async fn security_groups(&self) -> Result<Vec<Found>, Error> {
        self.network("ec2:DescribeSecurityGroups", "securityGroupInfo", |group| {
            // The default group is deleted with its VPC and cannot be deleted alone.
            let is_default = group.text("groupName") == Some("default");
            part(Kind::SecurityGroup, group, "groupId").filter(|_| !is_default)
        })
        .await
    }

    pub(super) async fn internet_gateways(&self) -> Result<Vec<Found>, Error> {
        self.network(
            "ec2:DescribeInternetGateways",
            "internetGatewaySet",
            |gateway| {
                let mut attachments = gateway.items("attachmentSet", "item");
                let vpc = attachments.find_map(|attachment| attachment.text("vpcId"));
                Some(Found {
                    within: vpc.map(str::to_owned),
                    ..part(Kind::InternetGateway, gateway, "internetGatewayId")?
                })
            },
        )
        .await
    }

    pub(super) async fn route_tables(&self) -> Result<Vec<Found>, Error> {
        self.network("ec2:DescribeRouteTables", "routeTableSet", |table| {
            part(Kind::RouteTable, table, "routeTableId")
        })
        .await
    }

    pub(super) async fn network_interfaces(&self) -> Result<Vec<Found>, Error> {
        self.network(
            "ec2:DescribeNetworkInterfaces",
            "networkInterfaceSet",
            |interface| part(Kind::NetworkInterface, interface, "networkInterfaceId"),
        )
        .await
    }

    pub(super) async fn vpc_endpoints(&self) -> Result<Vec<Found>, Error> {
        self.network("ec2:DescribeVpcEndpoints", "vpcEndpointSet", |endpoint| {
            // A deleted endpoint is still listed for a while.
            let state = endpoint.text("state").unwrap_or_default();
            part(Kind::VpcEndpoint, endpoint, "vpcEndpointId")
                .filter(|_| !state.eq_ignore_ascii_case("deleted"))
        })
        .await
    }
}
