//! What a denied action was, as AWS's own words have it, and the statement that would allow it.

use super::{Phase, Scope, Statement, for_ci, statements};
use crate::app::manifest::Target;
use serde_json::{Value, json};

/// An action that an identity was denied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    /// `service:Action`, as IAM spells it.
    pub action: String,
    /// The resource, if AWS reports it: an ARN, or `*`.
    pub resource: Option<String>,
    /// The kind of policy that denies it, unless it is that none of the identity's own allows it: `service control
    /// policy`, …
    pub against: Option<String>,
    /// The ARN of that policy, if AWS reports it.
    pub policy: Option<String>,
}

/// Which of landfall's policies allows an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whence {
    /// These do, by this statement, cut down to the action.
    Ours {
        /// When in an environment's life.
        phases: Vec<Phase>,
        /// Whether only with `--ci`.
        of_ci: bool,
        /// Ready to be pasted into a policy.
        statement: Value,
    },
    /// They do on other resources than the one that was asked for.
    Elsewhere {
        /// On these.
        resources: Vec<String>,
    },
    /// None.
    Nowhere,
}

/// How AWS reports a denied action
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html>).
const NOT_AUTHORIZED: &str = "is not authorized to perform: ";
const ON: &str = " on resource: ";
/// How the provider reports which call failed; the service itself only reports "Access Denied".
const OPERATION: &str = "operation error ";

impl Denied {
    /// A call that was denied, with the service's message.
    pub fn call(operation: &str, message: &str) -> Denied {
        Denied::read(message).unwrap_or_else(|| Denied {
            action: operation.to_owned(),
            resource: None,
            against: against(message),
            policy: policy(message),
        })
    }

    /// Reads a line that contains a message of AWS; [`None`] if the line is not about a denied action.
    pub fn read(line: &str) -> Option<Denied> {
        if let Some((_, rest)) = line.split_once(NOT_AUTHORIZED) {
            let action = action(first_word(rest))?;
            let resource = rest
                .split_once(ON)
                .map(|(_, resource)| first_word(resource))
                .filter(|resource| *resource == "*" || resource.starts_with("arn:"));
            return Some(Denied {
                action,
                resource: resource.map(str::to_owned),
                against: against(rest),
                policy: policy(rest),
            });
        }
        let is_denied = [
            "AccessDenied",
            "UnauthorizedOperation",
            "AuthorizationError",
        ]
        .iter()
        .any(|word| line.contains(word));
        let (_, call) = line.split_once(OPERATION).filter(|_| is_denied)?;
        let (service, rest) = call.split_once(": ")?;
        Some(Denied {
            action: of_operation(service, first_word(rest))?,
            resource: None,
            against: against(line),
            policy: policy(line),
        })
    }

    /// Every denial in these lines, each once.
    pub fn all<'a>(lines: impl IntoIterator<Item = &'a String>) -> Vec<Denied> {
        let mut all: Vec<Denied> = Vec::new();
        for denied in lines.into_iter().filter_map(|line| Denied::read(line)) {
            if !all.contains(&denied) {
                all.push(denied);
            }
        }
        all
    }

    /// Which of landfall's policies allows it, whatever the target.
    pub fn whence(&self, scope: &Scope) -> Whence {
        let mut phases = Vec::new();
        let mut found: Option<(bool, Value)> = None;
        let mut elsewhere = Vec::new();
        for phase in Phase::ALL {
            let usual = Target::ALL
                .into_iter()
                .flat_map(|target| statements(phase, target, scope))
                .map(|statement| (false, statement));
            let of_ci = for_ci(phase, scope).into_iter().map(|one| (true, one));
            for (of_ci, statement) in usual.chain(of_ci) {
                if !statement.speaks_of(&self.action) {
                    continue;
                }
                if self
                    .resource
                    .as_deref()
                    .is_some_and(|r| !statement.reaches(r))
                {
                    elsewhere.extend(statement.resources);
                    continue;
                }
                if found.as_ref().is_none_or(|(is_ci, _)| *is_ci && !of_ci) {
                    found = Some((of_ci, statement.only(&self.action)));
                    phases.clear();
                }
                let counts = found.as_ref().is_some_and(|(is_ci, _)| *is_ci == of_ci);
                if counts && !phases.contains(&phase) {
                    phases.push(phase);
                }
            }
        }
        if let Some((of_ci, statement)) = found {
            return Whence::Ours {
                phases,
                of_ci,
                statement,
            };
        }
        elsewhere.sort();
        elsewhere.dedup();
        match elsewhere.is_empty() {
            true => Whence::Nowhere,
            false => Whence::Elsewhere {
                resources: elsewhere,
            },
        }
    }

    /// What to do about a policy that stands above the identity's own.
    fn overruled(&self, against: &str) -> Vec<String> {
        let action = &self.action;
        let article = match against.starts_with(['i', 'I']) {
            true => "an",
            false => "a",
        };
        let named = match &self.policy {
            Some(arn) => format!(" ({arn})"),
            None => String::new(),
        };
        let mut next = vec![format!(
            "{article} {against}{named} denies {action}: no Allow statement of the identity overrides it; ask its author"
        )];
        if matches!(against, "service control policy" | "identity-based policy") {
            next.extend(self.demands());
        }
        if against == "VPC endpoint policy" {
            next.push(
                "or deploy from a network whose calls do not pass through that endpoint".to_owned(),
            );
        }
        next
    }

    /// What such policies often demand, and the key of landfall.toml that meets it. AWS does not report the condition.
    fn demands(&self) -> Vec<String> {
        let (service, name) = self.action.split_once(':').unwrap_or_default();
        let makes = [
            "Create", "Put", "Register", "Request", "Run", "Tag", "Add", "POST",
        ];
        let makes = makes.iter().any(|start| name.starts_with(start));
        let mut next = Vec::new();
        if service == "iam" && name.contains("Role") {
            next.push(
                "if it demands a boundary or a path of roles: set `permissions_boundary` or `role_path` in \
                 landfall.toml"
                    .to_owned(),
            );
        }
        if makes {
            next.push(
                "if it demands tags: set `tags` in landfall.toml, such as `tags = { team = \"web\" }`".to_owned(),
            );
        }
        if service != "iam" {
            next.push(
                "if it excludes the region: set `region` in landfall.toml to one that it permits. CloudFront's \
                 certificates are in us-east-1 whatever the region"
                    .to_owned(),
            );
        }
        next
    }

    /// What to do about it, with the statement that is missing.
    pub fn next(&self, scope: &Scope) -> Vec<String> {
        let action = &self.action;
        if let Some(against) = &self.against {
            return self.overruled(against);
        }
        match self.whence(scope) {
            Whence::Ours {
                phases,
                of_ci,
                statement,
            } => {
                let flag = if of_ci { " --ci" } else { "" };
                let commands: Vec<String> = phases
                    .iter()
                    .map(|phase| format!("`landfall policy {phase}{flag}`"))
                    .collect();
                vec![
                    format!(
                        "allow {action} to the deploying identity (as {} has it): {statement}",
                        commands.join(", ")
                    ),
                    "if the identity has that already, a service control policy, a permissions boundary or a session policy \
                     denies it"
                        .to_owned(),
                ]
            }
            Whence::Elsewhere { resources } => vec![format!(
                "`landfall policy` allows {action} only on {}: is it another app, environment, account or region?",
                resources.join(", ")
            )],
            Whence::Nowhere => {
                let resource = self.resource.as_deref().unwrap_or("*");
                let statement =
                    json!({ "Effect": "Allow", "Action": action, "Resource": resource });
                vec![format!(
                    "no document of `landfall policy` has {action}: with a service control policy, a permissions boundary or a \
                     newer provider it may be needed all the same: {statement}"
                )]
            }
        }
    }
}

impl Statement {
    /// Whether an action is among its own.
    pub(super) fn speaks_of(&self, action: &str) -> bool {
        self.actions
            .iter()
            .any(|own| is_like(&own.to_lowercase(), &action.to_lowercase()))
    }

    /// Whether a resource is among its own.
    pub(super) fn reaches(&self, resource: &str) -> bool {
        self.resources.iter().any(|own| is_like(own, resource))
    }
}

/// Whether a text matches an IAM pattern, in which `*` matches anything.
pub(super) fn is_like(pattern: &str, text: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(rest) = text.strip_prefix(before) else {
        return false;
    };
    (0..=rest.len())
        .filter(|at| rest.is_char_boundary(*at))
        .any(|at| is_like(after, &rest[at..]))
}

/// Up to the end of a word, without the marks around it.
fn first_word(text: &str) -> &str {
    let word = text.split_whitespace().next().unwrap_or_default();
    let word = word.trim_matches(|c| matches!(c, '"' | '\'' | '\\' | '`'));
    word.trim_end_matches(['.', ',', ':', ';', '"', '\\'])
}

/// `service:Action`; SNS spells its own name in capitals.
fn action(word: &str) -> Option<String> {
    let (service, name) = word.split_once(':')?;
    let is_plain = |text: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    (is_plain(service) && is_plain(name)).then(|| format!("{}:{name}", service.to_lowercase()))
}

/// The kind of policy that decided, unless it is that no policy of the identity's allows it.
fn against(text: &str) -> Option<String> {
    let after = |mark: &str| text.split_once(mark).map(|(_, rest)| rest);
    let kind = if let Some(rest) = after("with an explicit deny in ") {
        rest.trim_start_matches("an ").trim_start_matches("a ")
    } else {
        let rest = after("because no ")?;
        let own = ["identity-based policy", "resource-based policy"];
        if own.iter().any(|kind| rest.starts_with(kind)) {
            return None;
        }
        rest
    };
    let kinds = [
        "service control policy",
        "resource control policy",
        "permissions boundary",
        "session policy",
        "VPC endpoint policy",
        "identity-based policy",
        "resource-based policy",
    ];
    let known = kinds.iter().find(|one| kind.starts_with(**one));
    known.map(|one| (*one).to_owned())
}

/// The policy that AWS names after its kind, since 2026 for policies of the same organization
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html>).
fn policy(text: &str) -> Option<String> {
    let (_, rest) = text
        .split_once(" policy: ")
        .or_else(|| text.split_once(" boundary: "))?;
    let arn = first_word(rest);
    (arn.starts_with("arn:") && arn.contains("policy")).then(|| arn.to_owned())
}

/// IAM's name of a call that the provider names as the SDK for Go does.
fn of_operation(service: &str, operation: &str) -> Option<String> {
    let prefix = match service {
        "Budgets" => {
            let action = match operation.starts_with("Describe") {
                true => "ViewBudget",
                false => "ModifyBudget",
            };
            return Some(format!("budgets:{action}"));
        }
        "CloudFront" => "cloudfront",
        "CloudWatch" => "cloudwatch",
        "CloudWatch Logs" => "logs",
        "EC2" => "ec2",
        "ECR" => "ecr",
        "ECS" => "ecs",
        "Elastic Load Balancing v2" => "elasticloadbalancing",
        "IAM" => "iam",
        "Lambda" => "lambda",
        "S3" => "s3",
        "SNS" => "sns",
        "STS" => "sts",
        _ => return None,
    };
    let operation = match (prefix, operation) {
        ("s3", "HeadObject") => "GetObject",
        ("s3", "HeadBucket" | "ListObjects" | "ListObjectsV2") => "ListBucket",
        ("cloudfront", "CreateDistributionWithTags") => "CreateDistribution",
        (_, operation) => operation,
    };
    action(&format!("{prefix}:{operation}"))
}

#[cfg(test)]
#[path = "denial_tests.rs"]
mod tests;
