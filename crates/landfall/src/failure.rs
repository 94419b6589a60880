//! Why a command failed: what happened, why, what to do next, and the exit code.

mod refusal;

use refusal::AccountRefusal;
use rules::app::manifest::Problems;
use rules::check;
use rules::event::Event;
use rules::exit::Exit;
use rules::shape::cost::budget::Refusal;
use rules::shape::permissions::{Denied, Scope};

/// A command that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) what: String,
    pub(crate) why: Vec<String>,
    pub(crate) next: Vec<String>,
    /// Calls that AWS denied and that `why` does not quote in AWS's own words.
    pub(crate) denied: Vec<Denied>,
    /// The exit code of the process, if it is not that of `exit`.
    pub(crate) code: Option<u8>,
}

impl Failure {
    pub(crate) fn new(exit: Exit, what: impl Into<String>) -> Failure {
        Failure {
            exit,
            what: what.into(),
            why: Vec::new(),
            next: Vec::new(),
            denied: Vec::new(),
            code: None,
        }
    }

    pub(crate) fn why(mut self, line: impl Into<String>) -> Failure {
        self.why.push(line.into());
        self
    }

    pub(crate) fn next(mut self, line: impl Into<String>) -> Failure {
        self.next.push(line.into());
        self
    }

    /// The same with the IAM statement that is missing, for every call that AWS denied. `scope` is
    /// the environment that the command acts on, if that is known.
    pub(crate) fn explained(mut self, scope: Option<&Scope>) -> Failure {
        let Some(scope) = scope.filter(|_| AccountRefusal::find(&self.why).is_none()) else {
            return self;
        };
        let mut denied = self.denied.clone();
        for one in Denied::all(&self.why) {
            if !denied.iter().any(|known| known.action == one.action) {
                denied.push(one);
            }
        }
        let mut next: Vec<String> = Vec::new();
        for line in denied.iter().flat_map(|one| one.next(scope)) {
            if !next.contains(&line) {
                next.push(line);
            }
        }
        next.append(&mut self.next);
        self.next = next;
        self
    }

    pub(crate) fn event(&self) -> Event {
        Event::Failed {
            what: self.what.clone(),
            why: self.why.clone(),
            next: self.next.clone(),
        }
    }

    /// For an operation on a file or process of this machine that failed.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Failure {
        let what = what.into();
        move |error| Failure::new(Exit::MissingTool, what).why(error.to_string())
    }
}

impl From<Failure> for check::Failure {
    fn from(failure: Failure) -> check::Failure {
        check::Failure {
            exit: failure.exit,
            what: failure.what,
            why: failure.why,
            next: failure.next,
        }
    }
}

impl From<check::Failure> for Failure {
    fn from(failure: check::Failure) -> Failure {
        Failure {
            exit: failure.exit,
            what: failure.what,
            why: failure.why,
            next: failure.next,
            denied: Vec::new(),
            code: None,
        }
    }
}

impl From<aws::Error> for Failure {
    fn from(error: aws::Error) -> Failure {
        let call = error.operation;
        if let Some(failure) = AccountRefusal::of_call(call, &error.message) {
            return failure;
        }
        let (exit, what, next) = match error.kind {
            aws::ErrorKind::Credentials => (
                Exit::Access,
                "no usable AWS credentials or region".to_owned(),
                Some(
                    "sign in with `aws login` (or set AWS_PROFILE), and name a region with \
                     --region",
                ),
            ),
            aws::ErrorKind::Ambiguous => (
                Exit::Access,
                "the environment names two sets of AWS credentials".to_owned(),
                Some(
                    "name the profile with --profile, which always wins; or unset AWS_PROFILE or the keys \
                     (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN)",
                ),
            ),
            aws::ErrorKind::Clock => (
                Exit::Access,
                "the clock of this machine is wrong, so AWS refuses its signatures".to_owned(),
                Some(
                    "set the clock (`timedatectl set-ntp true` on Linux), then run the same command again",
                ),
            ),
            aws::ErrorKind::NotEnabled => (
                Exit::Access,
                format!("this account may not use {call} yet"),
                Some(
                    "complete the sign-up of the account (payment method, phone number), or enable the region \
                     (https://console.aws.amazon.com/billing/home#/account), then run the same command again",
                ),
            ),
            aws::ErrorKind::Denied => (
                Exit::Access,
                format!("AWS denied {call}"),
                Some("or use another identity with --profile"),
            ),
            aws::ErrorKind::Unreachable => (
                Exit::Infrastructure,
                format!("AWS did not answer {call}"),
                Some(
                    "check the network, then run the same command again: it continues with what is \
                     there",
                ),
            ),
            _ => (Exit::Infrastructure, format!("{call} failed"), None),
        };
        let mut failure = Failure::new(exit, what);
        if error.kind == aws::ErrorKind::Denied {
            failure.denied = vec![Denied::call(call, &error.message)];
        }
        let failure = failure.why(error.message);
        match next {
            Some(next) => failure.next(next),
            None => failure.next("run the same command again: it continues with what is there"),
        }
    }
}

/// Terraform's diagnostics contain no error codes, so only the English text of AWS's denial distinguishes a
/// missing permission ([`Exit::Access`]) from any other failure; [`Denied::all`] contains its phrases. What
/// Terraform really prints is recorded in `tests/recorded/terraform-*.jsonl`, and the tests below read it.
impl From<infra::Failure> for Failure {
    fn from(error: infra::Failure) -> Failure {
        let refusal = AccountRefusal::find(&error.why).filter(|_| !error.interrupted);
        let denied = match refusal {
            None => Denied::all(&error.why),
            Some(_) => Vec::new(),
        };
        let exit = if error.interrupted {
            Exit::Interrupted
        } else if denied.is_empty() {
            Exit::Infrastructure
        } else {
            Exit::Access
        };
        let mut why = error.why;
        let mut next = Vec::new();
        let mut what = error.what;
        if let Some(refusal) = refusal {
            why.insert(0, std::mem::replace(&mut what, refusal.what.to_owned()));
            next.extend(refusal.next.iter().map(|line| (*line).to_owned()));
        }
        next.push(
            "what was created is in the state: `landfall up` continues, `landfall down` removes it"
                .to_owned(),
        );
        Failure {
            exit,
            what,
            why,
            next,
            denied,
            code: None,
        }
    }
}

impl From<infra::BinaryError> for Failure {
    fn from(error: infra::BinaryError) -> Failure {
        Failure::new(Exit::MissingTool, "no usable OpenTofu or Terraform")
            .why(error.to_string())
            .next(error.next())
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Failure {
        Failure {
            exit: Exit::Refused,
            what: refusal.what,
            why: refusal.why,
            next: refusal.next,
            denied: Vec::new(),
            code: None,
        }
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Failure {
        let text = problems.to_string();
        let mut lines = text.lines();
        let what = lines
            .next()
            .unwrap_or_default()
            .trim_end_matches(':')
            .to_owned();
        Failure {
            exit: Exit::BadInput,
            what,
            why: lines.map(str::to_owned).collect(),
            next: vec!["nothing was created; fix this and run the same command again".to_owned()],
            denied: Vec::new(),
            code: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> Scope {
        Scope {
            partition: "aws".to_owned(),
            account: "123456789012".to_owned(),
            region: "eu-west-2".to_owned(),
            app: "shop".to_owned(),
            environment: "prod".to_owned(),
            domain: None,
            role_path: "/".to_owned(),
            boundary: None,
        }
    }

    #[test]
    fn a_call_denied_to_terraform_exits_as_access_and_names_the_statement() {
        let failure = Failure::from(infra::Failure {
            what: "terraform apply of the foundation root failed".to_owned(),
            why: vec![
                "aws_sns_topic.alarms: creating SNS Topic: operation error SNS: CreateTopic, api error AuthorizationError: \
                 User: arn:aws:iam::123456789012:user/me is not authorized to perform: SNS:CreateTopic on resource: \
                 arn:aws:sns:eu-west-2:123456789012:shop-prod-alarms because no identity-based policy allows the \
                 SNS:CreateTopic action"
                    .to_owned(),
            ],
            interrupted: false,
        });
        assert_eq!(failure.exit, Exit::Access);
        let last = failure.next.clone();
        let explained = failure.explained(Some(&scope()));
        assert!(
            explained.next[0].contains(r#""Sid":"MakeTopic""#),
            "{explained:?}"
        );
        assert!(
            explained.next[0].contains("landfall policy setup"),
            "{explained:?}"
        );
        assert!(explained.next.ends_with(&last), "{explained:?}");
    }

    /// A failure for each diagnostic that Terraform 1.11 and the AWS provider printed with `-json` when the
    /// services answered with these errors.
    fn recorded(lines: &str) -> Vec<(String, Failure)> {
        let of = |line: &str| {
            let Some(infra::Message::Diagnostic(diagnostic)) = infra::Message::parse(line) else {
                panic!("no diagnostic: {line}");
            };
            let failure = Failure::from(infra::Failure {
                what: "terraform apply failed".to_owned(),
                why: diagnostic.lines(),
                interrupted: false,
            });
            (diagnostic.address.unwrap_or_default(), failure)
        };
        lines.lines().map(of).collect()
    }

    #[test]
    fn recorded_denials_exit_as_access() {
        let found = recorded(include_str!("../tests/recorded/terraform-denied.jsonl"));
        let actions: Vec<(&str, Exit, Option<&str>)> = found
            .iter()
            .map(|(address, failure)| {
                let action = failure.denied.first().map(|one| one.action.as_str());
                (address.as_str(), failure.exit, action)
            })
            .collect();
        let denied = |address, action| (address, Exit::Access, Some(action));
        assert_eq!(
            actions,
            [
                denied("aws_iam_role.task", "iam:CreateRole"),
                // S3 names no action, and version 3 of the provider names no call.
                ("aws_s3_bucket.state", Exit::Infrastructure, None),
                denied("aws_vpc.main", "ec2:CreateVpc"),
                denied("aws_ecr_repository.app", "ecr:CreateRepository"),
                denied("aws_ecs_cluster.main", "ecs:CreateCluster"),
                denied("aws_sns_topic.alarms", "sns:CreateTopic"),
                denied("aws_lb.front", "elasticloadbalancing:CreateLoadBalancer"),
            ]
        );
    }

    #[test]
    fn recorded_failures_of_other_kinds_exit_as_infrastructure() {
        let found = recorded(include_str!("../tests/recorded/terraform-failed.jsonl"));
        assert_eq!(found.len(), 7);
        for (address, failure) in found {
            assert_eq!(failure.exit, Exit::Infrastructure, "{address}");
            assert_eq!(failure.denied, [], "{address}");
        }
    }

    /// Later providers format errors with the AWS SDK for Go v2
    /// (<https://pkg.go.dev/github.com/aws/smithy-go#OperationError>).
    #[test]
    fn denials_of_later_providers_exit_as_access() {
        for (message, action) in [
            (
                "creating S3 Bucket (shop-prod): operation error S3: CreateBucket, https response error \
                 StatusCode: 403, RequestID: 4442587FB7D0A2F9, HostID: h, api error AccessDenied: Access Denied",
                "s3:CreateBucket",
            ),
            (
                "creating EC2 VPC: operation error EC2: CreateVpc, https response error StatusCode: 403, \
                 RequestID: 274df92a, api error UnauthorizedOperation: You are not authorized to perform this \
                 operation.",
                "ec2:CreateVpc",
            ),
            (
                "creating ECS Cluster (shop-prod): operation error ECS: CreateCluster, https response error \
                 StatusCode: 400, RequestID: 7a62c49f, AccessDeniedException: User: \
                 arn:aws:iam::123456789012:user/me is not authorized to perform: ecs:CreateCluster on resource: * \
                 because no identity-based policy allows the ecs:CreateCluster action",
                "ecs:CreateCluster",
            ),
        ] {
            let failure = Failure::from(infra::Failure {
                what: "terraform apply failed".to_owned(),
                why: vec![message.to_owned()],
                interrupted: false,
            });
            assert_eq!(failure.exit, Exit::Access, "{message}");
            assert_eq!(failure.denied[0].action, action);
        }
    }

    #[test]
    fn an_interrupt_exits_as_interrupt_whatever_terraform_printed() {
        let failure = Failure::from(infra::Failure {
            what: "terraform apply failed".to_owned(),
            why: vec!["api error AccessDenied: Access Denied".to_owned()],
            interrupted: true,
        });
        assert_eq!(failure.exit, Exit::Interrupted);
    }

    #[test]
    fn other_failures_stay_as_they_are() {
        let failure = Failure::new(Exit::Bug, "no").why("why").next("next");
        assert_eq!(failure.clone().explained(Some(&scope())), failure);
        assert_eq!(failure.clone().explained(None), failure);
    }
}
