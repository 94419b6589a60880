//! What AWS refuses to an account whatever the identity's permissions are: a quota, or something that has to be
//! enabled first.

use crate::failure::Failure;
use rules::exit::Exit;

/// A refusal that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AccountRefusal {
    /// What the account lacks.
    pub(crate) what: &'static str,
    /// What the user can do.
    pub(crate) next: &'static [&'static str],
}

/// Words of AWS's message, one of which a line has, and what they mean. Terraform's diagnostics do not always
/// contain the code. The first that fits counts, so the general ones come last.
const KNOWN: &[(&[&str], AccountRefusal)] = &[
    (
        &["VpcLimitExceeded"],
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
        &["InternetGatewayLimitExceeded"],
        AccountRefusal {
            what: "the region has as many internet gateways as the account may have: as many as VPCs",
            next: &[
                "remove an environment that is not needed (`landfall down`) or another VPC, then run the same command again",
                "or request more VPCs, which raises both: `aws service-quotas request-service-quota-increase \
                 --service-code vpc --quota-code L-F678F1CE --desired-value 10`",
                "or run the app on Lambda, which needs none: `target = \"lambda\"` in landfall.toml",
            ],
        },
    ),
    (
        &["does not support creating load balancers"],
        AccountRefusal {
            what: "AWS has not enabled load balancers for this account yet",
            next: &[
                "open a case with AWS Support (Account and billing, free of charge) and quote the message",
                "or run the app on Lambda, which needs no load balancer: `target = \"lambda\"` in landfall.toml",
            ],
        },
    ),
    (
        &["TooManyLoadBalancers"],
        AccountRefusal {
            what: "the region has as many load balancers as the account may have",
            next: &[
                "remove one that is not needed, then run the same command again",
                "or request more, free of charge: `aws service-quotas request-service-quota-increase --service-code \
                 elasticloadbalancing --quota-code L-53DA6B97 --desired-value 100`",
                "or run the app on Lambda, which needs no load balancer: `target = \"lambda\"` in landfall.toml",
            ],
        },
    ),
    (
        &["must be verified before you can add new CloudFront resources"],
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
        &["TooManyDistributions"],
        AccountRefusal {
            what: "the account has as many CloudFront distributions as it may have",
            next: &[
                "remove one that is not needed, then run the same command again",
                "or request more, free of charge: console, Service Quotas (us-east-1), Amazon CloudFront",
                "or run the app on Lambda, which needs no CloudFront: `target = \"lambda\"` in landfall.toml",
            ],
        },
    ),
    (
        &["To enable budgets for your account"],
        AccountRefusal {
            what: "this account belongs to an organization that has not enabled budgets for it",
            next: &[
                "ask the owner of the organization's management account to enable budgets, then run the same command again",
            ],
        },
    ),
    (
        &["'MemorySize' value failed to satisfy constraint"],
        AccountRefusal {
            what: "the account's functions may not have that much memory: new accounts have at most 3,008 MiB",
            next: &[
                "set `memory = 3008` or less in landfall.toml, or ask AWS Support for more",
                "or run the app on Fargate: `target = \"fargate\"`",
            ],
        },
    ),
    (
        &["UnreservedConcurrentExecution below its minimum"],
        AccountRefusal {
            what: "the account may run so few functions at once that none can be reserved for this one",
            next: &[
                "request more, free of charge: `aws service-quotas request-service-quota-increase --service-code lambda \
                 --quota-code L-B99A9384 --desired-value 1000`",
            ],
        },
    ),
    (
        &["limit on the number of vCPUs", "vCPU limit"],
        AccountRefusal {
            what: "the account may not run that many vCPUs on Fargate at once",
            next: &[
                "request more, free of charge: `aws service-quotas request-service-quota-increase --service-code fargate \
                 --quota-code L-3032A538 --desired-value 16`",
                "or set a smaller `cpu` or `count`, or run the app on Lambda: `target = \"lambda\"` in landfall.toml",
            ],
        },
    ),
    (
        &["Policy document length breaking Cloudwatch Logs"],
        AccountRefusal {
            what: "the account's resource policy of CloudWatch Logs has no room for another log group",
            next: &[
                "delete entries that are not needed: `aws logs describe-resource-policies`, then \
                 `aws logs delete-resource-policy --policy-name NAME`",
            ],
        },
    ),
    (
        &[
            "account is currently blocked",
            "account is suspended",
            "account has been suspended",
            "PendingVerification",
            "account is currently being verified",
        ],
        AccountRefusal {
            what: "AWS has blocked this account, or has not verified it yet",
            next: &[
                "sign in as root: the console shows what is missing, for example a payment method; an account whose free \
                 plan ended opens again with the paid plan",
                "or open a case with AWS Support (Account and billing, free of charge) and quote the message",
            ],
        },
    ),
    (
        &[
            "OptInRequired",
            "SubscriptionRequired",
            "not subscribed to this service",
            "is not subscribed",
            "needs a subscription for the service",
        ],
        AccountRefusal {
            what: "the account may not use this service yet: its sign-up is not complete, or the region is not enabled",
            next: &[
                "complete the sign-up as root: payment method, phone number and support plan \
                 (<https://portal.aws.amazon.com/billing/signup>); AWS then takes up to a day",
                "`landfall doctor` shows whether the account may use the region",
            ],
        },
    ),
    (
        &[
            "not available for your account",
            "not available in your account",
            "not available on the free plan",
            "not eligible for Free Tier",
            "account plan does not",
            "not supported for your account",
        ],
        AccountRefusal {
            what: "the account's plan does not include this",
            next: &[
                "change to the paid plan as root (console, Billing and Cost Management, Upgrade plan): credits stay; then run \
                 the same command again",
                "or open a case with AWS Support (Account and billing, free of charge) and quote the message",
            ],
        },
    ),
    (
        &["must be verified"],
        AccountRefusal {
            what: "AWS has not verified this account yet",
            next: &[
                "open a case with AWS Support (Account and billing, free of charge) and quote the message; then run the \
                 same command again",
            ],
        },
    ),
];

impl AccountRefusal {
    /// The first known refusal that one of these lines has.
    pub(crate) fn find(lines: &[String]) -> Option<&'static AccountRefusal> {
        let has = |words: &&str| lines.iter().any(|line| line.contains(*words));
        KNOWN
            .iter()
            .find(|(words, _)| words.iter().any(&has))
            .map(|(_, refusal)| refusal)
    }

    /// The failure of a call that AWS refused to the account with this message.
    pub(crate) fn of_call(call: &str, message: &str) -> Option<Failure> {
        let refusal = AccountRefusal::find(&[message.to_owned()])?;
        let what = format!("{} ({call})", refusal.what);
        let failure = Failure::new(Exit::Infrastructure, what).why(message);
        Some(
            refusal
                .next
                .iter()
                .fold(failure, |failure, line| failure.next(*line)),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Failure {
        Failure::from(infra::Failure {
            what: "terraform apply of the fargate root failed".to_owned(),
            why: vec![line.to_owned()],
            interrupted: false,
        })
    }

    #[test]
    fn what_the_account_lacks_is_no_missing_permission() {
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

    /// The messages are those of AWS, from public reports of these failures.
    #[test]
    fn refusals_are_recognized_by_their_wording() {
        for (line, what) in [
            (
                "creating ELBv2 application Load Balancer (shop-prod): operation error Elastic Load Balancing v2: \
                 CreateLoadBalancer, https response error StatusCode: 400, TooManyLoadBalancers: The maximum number of \
                 load balancers has been reached",
                "as many load balancers",
            ),
            (
                "setting Lambda Function (shop-prod) concurrency: operation error Lambda: PutFunctionConcurrency, https \
                 response error StatusCode: 400, InvalidParameterValueException: Specified ReservedConcurrentExecutions \
                 for function decreases account's UnreservedConcurrentExecution below its minimum value of [10].",
                "none can be reserved",
            ),
            (
                "(service shop-prod-green) was unable to place a task. Reason: You've reached the limit on the number of \
                 vCPUs you can run concurrently.",
                "vCPUs on Fargate",
            ),
            (
                "creating EC2 VPC: operation error EC2: CreateVpc, https response error StatusCode: 400, api error \
                 Blocked: This account is currently blocked and not recognized as a valid account.",
                "blocked",
            ),
            (
                "creating EC2 VPC: operation error EC2: CreateVpc, https response error StatusCode: 401, api error \
                 OptInRequired: You are not subscribed to this service. Please go to http://aws.amazon.com to subscribe.",
                "may not use this service",
            ),
            (
                "creating SNS Topic: operation error SNS: CreateTopic, https response error StatusCode: 403, api error \
                 SubscriptionRequiredException: The AWS Access Key Id needs a subscription for the service",
                "may not use this service",
            ),
            (
                "UnsupportedOperation: The Launch Configuration creation operation is not available in your account.",
                "plan does not include",
            ),
        ] {
            let failure = of(line);
            assert!(failure.what.contains(what), "{line}: {failure:?}");
            assert_eq!(failure.exit, Exit::Infrastructure, "{line}");
            assert_eq!(failure.denied, [], "{line}");
            assert!(failure.next.len() > 1, "{line}");
            let message = line.to_owned();
            let called = AccountRefusal::of_call("ec2:DescribeVpcs", &message).expect("a refusal");
            assert_eq!(called.exit, Exit::Infrastructure, "{line}");
            assert!(
                called.what.contains(what) && called.why == [message],
                "{called:?}"
            );
        }
    }
}
