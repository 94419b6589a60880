//! What AWS refuses to an account whatever the identity's permissions are: a quota, or something that has to be
//! enabled first.

/// A refusal that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AccountRefusal {
    /// What the account lacks.
    pub(crate) what: &'static str,
    /// What the user can do.
    pub(crate) next: &'static [&'static str],
}

/// Words of AWS's message, and what they mean. Terraform's diagnostics do not always contain the code.
const KNOWN: &[(&str, AccountRefusal)] = &[
    (
        "VpcLimitExceeded",
        AccountRefusal {
            what: "the region has as many VPCs as the account may have: 5 unless it asked for more, the default VPC included",
            next: &[
                "remove an environment that is not needed (`landfall down`) or another VPC, then run the same command again",
                "or request more, free of charge: `aws service-quotas request-service-quota-increase --service-code vpc \
                 --quota-code L-F678F1CE --desired-value 10`",
                "or run the app on Lambda, which needs no VPC: `target = \"lambda\"` in landfall.toml",
            ],
        },
    ),
    (
        "does not support creating load balancers",
        AccountRefusal {
            what: "AWS has not enabled load balancers for this account yet",
            next: &[
                "open a case with AWS Support (Account and billing, free of charge) and quote the message",
                "or run the app on Lambda, which needs no load balancer: `target = \"lambda\"` in landfall.toml",
            ],
        },
    ),
    (
        "must be verified before you can add new CloudFront resources",
        AccountRefusal {
            what: "AWS has not verified this account for CloudFront yet",
            next: &[
                "open a case with AWS Support (Account and billing, free of charge) and quote the message; then run the \
                 same command again",
                "or run the app on Lambda, which needs no CloudFront: `target = \"lambda\"` in landfall.toml",
            ],
        },
    ),
    (
        "To enable budgets for your account",
        AccountRefusal {
            what: "this account belongs to an organization that has not enabled budgets for it",
            next: &[
                "ask the owner of the organization's management account to enable budgets, then run the same command again",
                "or deploy without an AWS budget: without --budget and without `budget` in landfall.toml",
            ],
        },
    ),
    (
        "'MemorySize' value failed to satisfy constraint",
        AccountRefusal {
            what: "the account's functions may not have that much memory: new accounts have at most 3,008 MiB",
            next: &[
                "set `memory = 3008` or less in landfall.toml, or ask AWS Support for more",
                "or run the app on Fargate: `target = \"fargate\"`",
            ],
        },
    ),
    (
        "Policy document length breaking Cloudwatch Logs",
        AccountRefusal {
            what: "the account's resource policy of CloudWatch Logs has no room for another log group",
            next: &[
                "delete entries that are not needed: `aws logs describe-resource-policies`, then \
                 `aws logs delete-resource-policy --policy-name NAME`",
            ],
        },
    ),
];

impl AccountRefusal {
    /// The first refusal in these lines.
    pub(crate) fn find(lines: &[String]) -> Option<&'static AccountRefusal> {
        let has = |words: &str| lines.iter().any(|line| line.contains(words));
        KNOWN
            .iter()
            .find(|(words, _)| has(words))
            .map(|(_, refusal)| refusal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Failure;
    use rules::exit::Exit;

    #[test]
    fn what_the_account_lacks_is_no_missing_permission() {
        let of = |line: &str| {
            Failure::from(infra::Failure {
                what: "terraform apply of the fargate root failed".to_owned(),
                why: vec![line.to_owned()],
                interrupted: false,
            })
        };
        let failure = of(
            "creating CloudFront Distribution: operation error CloudFront: CreateDistributionWithTags, https \
             response error StatusCode: 403, api error AccessDenied: Your account must be verified before you can \
             add new CloudFront resources. To verify your account, please contact AWS Support",
        );
        assert_eq!(
            (failure.exit, &failure.denied),
            (Exit::Infrastructure, &vec![])
        );
        assert!(failure.what.contains("CloudFront"), "{failure:?}");
        assert!(failure.next[0].contains("AWS Support"), "{failure:?}");
        assert!(failure.why[1].contains("must be verified"), "{failure:?}");
        let failure = of(
            "creating EC2 VPC: operation error EC2: CreateVpc, api error VpcLimitExceeded: the maximum",
        );
        assert!(failure.what.contains("5 unless"), "{failure:?}");
        assert!(AccountRefusal::find(&["something else".to_owned()]).is_none());
    }
}
