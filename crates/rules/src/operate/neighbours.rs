//! What others placed into an environment's VPC. It keeps AWS from deleting the VPC, and landfall leaves it
//! alone: it names it, and who made it.

use super::sweep::Kind;
use std::collections::BTreeMap;

/// A resource in the environment's VPC without the environment's tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbour {
    /// What it is.
    pub kind: Kind,
    /// Its id.
    pub id: String,
    /// The VPC.
    pub vpc: String,
    /// Its name, if it has one.
    pub name: String,
    /// Its description, if it has one: EC2's services write there what an interface belongs to.
    pub description: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// Who made a resource, and what removes it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Origin {
    by: String,
    way: String,
}

impl Neighbour {
    /// [`None`] if it disappears with something else that is listed.
    fn origin(&self) -> Option<Origin> {
        let of = |by: &str, way: &str| {
            Some(Origin {
                by: by.to_owned(),
                way: way.to_owned(),
            })
        };
        let tag = |key: &str| self.tags.get(key).map(String::as_str);
        // https://docs.aws.amazon.com/guardduty/latest/ug/runtime-monitoring-agent-resource-clean-up.html
        if tag("GuardDutyManaged") == Some("true")
            || self.name.starts_with("GuardDutyManagedSecurityGroup")
        {
            return of(
                "Amazon GuardDuty (Runtime Monitoring)",
                "delete it, or exclude the VPC from Runtime Monitoring",
            );
        }
        if let Some(stack) = tag("aws:cloudformation:stack-name") {
            return of(
                &format!("the CloudFormation stack {stack}"),
                "delete it in its stack",
            );
        }
        let begins = |text: &str| self.description.starts_with(text);
        if begins("VPC Endpoint Interface") || self.name == "default" {
            None
        } else if begins("ELB ") {
            of(
                "Elastic Load Balancing",
                "it disappears some minutes after its load balancer",
            )
        } else if self.description.contains(":attachment/") {
            of("Amazon ECS", "it disappears some minutes after its task")
        } else if begins("AWS Lambda VPC ENI") {
            of(
                "AWS Lambda",
                "it disappears some minutes after its function",
            )
        } else {
            of("someone else", "ask its owner")
        }
    }
}

/// A line for each VPC that others use, with all that they placed there.
pub fn explain(neighbours: &[Neighbour]) -> Vec<String> {
    let mut by_vpc: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for neighbour in neighbours {
        if let Some(Origin { by, way }) = neighbour.origin() {
            let line = format!(
                "{} {} of {by}: {way}",
                neighbour.kind.as_str(),
                neighbour.id
            );
            by_vpc.entry(&neighbour.vpc).or_default().push(line);
        }
    }
    let line = |(vpc, mut lines): (&str, Vec<String>)| {
        lines.sort();
        format!(
            "AWS deletes the VPC {vpc} only without what landfall did not create and leaves alone: {}",
            lines.join("; ")
        )
    };
    by_vpc.into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(
        kind: Kind,
        id: &str,
        name: &str,
        description: &str,
        tags: &[(&str, &str)],
    ) -> Neighbour {
        let tags = tags
            .iter()
            .map(|(key, value)| ((*key).into(), (*value).into()));
        Neighbour {
            kind,
            id: id.into(),
            vpc: "vpc-1".into(),
            name: name.into(),
            description: description.into(),
            tags: tags.collect(),
        }
    }

    #[test]
    fn each_resource_is_named_with_its_maker_and_what_removes_it() {
        let group = "GuardDutyManagedSecurityGroup-vpc-1";
        let all = [
            one(
                Kind::VpcEndpoint,
                "vpce-1",
                "",
                "",
                &[("GuardDutyManaged", "true")],
            ),
            one(Kind::SecurityGroup, "sg-1", group, "", &[]),
            one(Kind::SecurityGroup, "sg-2", "default", "", &[]),
            one(
                Kind::NetworkInterface,
                "eni-1",
                "",
                "VPC Endpoint Interface vpce-1",
                &[],
            ),
            one(
                Kind::NetworkInterface,
                "eni-2",
                "",
                "ELB app/shop-prod/5",
                &[],
            ),
            one(
                Kind::NetworkInterface,
                "eni-3",
                "",
                "arn:aws:ecs:eu-west-2:1:attachment/a-b",
                &[],
            ),
            one(
                Kind::NetworkInterface,
                "eni-4",
                "",
                "AWS Lambda VPC ENI-other-1",
                &[],
            ),
            one(
                Kind::Subnet,
                "subnet-1",
                "",
                "",
                &[("aws:cloudformation:stack-name", "logs")],
            ),
            one(
                Kind::SecurityGroup,
                "sg-3",
                "bastion",
                "",
                &[("Owner", "ann")],
            ),
        ];
        let lines = explain(&all);
        assert_eq!(lines.len(), 1, "{lines:?}");
        for words in [
            "the VPC vpc-1",
            "VPC endpoint vpce-1 of Amazon GuardDuty",
            "security group sg-1 of Amazon GuardDuty",
            "network interface eni-2 of Elastic Load Balancing",
            "network interface eni-3 of Amazon ECS",
            "network interface eni-4 of AWS Lambda",
            "subnet subnet-1 of the CloudFormation stack logs",
            "security group sg-3 of someone else",
        ] {
            assert!(lines[0].contains(words), "{words}: {lines:?}");
        }
        for gone_with_others in ["sg-2", "eni-1"] {
            assert!(!lines[0].contains(gone_with_others), "{lines:?}");
        }
        assert_eq!(explain(&all[2..4]), [""; 0]);
    }
}
