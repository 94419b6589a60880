//! The parts of a network, found by the tags that every one of them has.

use super::Inventory;
use crate::error::Error;
use crate::signed::ec2::{filters, has_tags, tags_of};
use crate::signed::xml::Item;
use rules::operate::neighbours::Neighbour;
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

    /// What is in the environment's VPCs without its tags. Endpoints and interfaces of services are there, and
    /// what people added.
    ///
    /// # Errors
    /// A call fails.
    pub async fn neighbours(&self) -> Result<Vec<Neighbour>, Error> {
        let mut all = Vec::new();
        for vpc in self.vpcs().await? {
            for (operation, set, kind, id) in IN_VPC {
                let by_vpc = filters(&[("vpc-id".to_owned(), vpc.id.clone())]);
                let read = |item: Item<'_, '_>| self.neighbour(item, &vpc.id, kind, id);
                let found = self.ec2.describe(operation, &by_vpc, set, read);
                all.extend(found.await?);
            }
        }
        Ok(all)
    }

    /// The resource, unless it is the environment's own or no longer exists. Emulators ignore some filters.
    fn neighbour(&self, item: Item<'_, '_>, vpc: &str, kind: Kind, id: &str) -> Option<Neighbour> {
        let state = item.text("state").unwrap_or_default();
        let is_elsewhere = item.text("vpcId") != Some(vpc);
        if is_elsewhere || state.eq_ignore_ascii_case("deleted") || has_tags(item, &self.tags()) {
            return None;
        }
        let text = |name: &str| item.text(name).unwrap_or_default().to_owned();
        let description = match kind {
            Kind::NetworkInterface => text("description"),
            _ => text("groupDescription"),
        };
        Some(Neighbour {
            kind,
            id: item.text(id)?.to_owned(),
            vpc: vpc.to_owned(),
            name: text("groupName"),
            description,
            tags: tags_of(item),
        })
    }
}

/// What keeps a VPC: operation, element with the items, kind, and element with the ID. AWS makes the main route
/// table of a VPC without tags, and deletes it with the VPC.
const IN_VPC: [(&str, &str, Kind, &str); 4] = [
    (
        "ec2:DescribeVpcEndpoints",
        "vpcEndpointSet",
        Kind::VpcEndpoint,
        "vpcEndpointId",
    ),
    (
        "ec2:DescribeSecurityGroups",
        "securityGroupInfo",
        Kind::SecurityGroup,
        "groupId",
    ),
    (
        "ec2:DescribeNetworkInterfaces",
        "networkInterfaceSet",
        Kind::NetworkInterface,
        "networkInterfaceId",
    ),
    ("ec2:DescribeSubnets", "subnetSet", Kind::Subnet, "subnetId"),
];
