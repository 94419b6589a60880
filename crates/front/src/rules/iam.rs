//! IAM: roles that are not known everywhere yet, and sizes of policies.

use crate::answer::Answer;
use crate::clock::Lag;
use crate::request::Call;
use crate::rule::{Apply, Before, Concern, Kind, On, Rule};
use crate::world::{ACCOUNT, World};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "iam-new-role-not-assumable",
        concerns: &[
            ("lambda", &["CreateFunction", "UpdateFunctionConfiguration"]),
            ("sts", &["AssumeRole", "AssumeRoleWithWebIdentity"]),
        ],
        kind: Kind::Refuse,
        on: On::Default,
        summary: "A new role, or one with a new trust policy, cannot be assumed for some seconds.",
        source: "https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html",
        apply: Apply::Request(not_assumable),
    },
    Rule {
        id: "iam-policy-too-large",
        concerns: &[(
            "iam",
            &[
                "CreatePolicy",
                "CreatePolicyVersion",
                "CreateRole",
                "UpdateAssumeRolePolicy",
                "PutRolePolicy",
            ],
        )],
        kind: Kind::Refuse,
        on: On::Default,
        summary: "A managed policy has at most 6,144 characters, a trust policy 2,048, and the \
                  inline policies of a role 10,240 together, without white space.",
        source: "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html",
        apply: Apply::Request(too_large),
    },
];

pub(super) const OBSERVED: &[Concern] = &[(
    "iam",
    &[
        "CreateRole",
        "UpdateAssumeRolePolicy",
        "PutRolePolicy",
        "DeleteRolePolicy",
        "DeleteRole",
    ],
)];

const ASSUMABLE: Lag = Lag {
    short: (1.0, 3.0),
    real: (5.0, 20.0),
};

pub(super) fn observe(world: &mut World, call: &Call, _: &Answer) {
    let Some(role) = call.parameter("RoleName").map(str::to_owned) else {
        return;
    };
    let policy = call.parameter("PolicyName").unwrap_or_default().to_owned();
    match call.operation.as_str() {
        "CreateRole" | "UpdateAssumeRolePolicy" => {
            let from = world.later(ASSUMABLE);
            world.state.iam.assumable.insert(role, from);
        }
        "PutRolePolicy" => {
            let size = size(call, "PolicyDocument");
            let inline = world.state.iam.inline.entry(role).or_default();
            inline.insert(policy, size);
        }
        "DeleteRolePolicy" => {
            let inline = world.state.iam.inline.entry(role).or_default();
            inline.remove(&policy);
        }
        _ => {
            world.state.iam.assumable.remove(&role);
            world.state.iam.inline.remove(&role);
        }
    }
}

fn not_assumable(world: &mut World, call: &Call) -> Before {
    let arn = match call.service.as_str() {
        "lambda" => call.json()["Role"].as_str().unwrap_or_default().to_owned(),
        _ => call.parameter("RoleArn").unwrap_or_default().to_owned(),
    };
    let role = arn.rsplit('/').next().unwrap_or_default();
    let from = world.state.iam.assumable.get(role).copied();
    if from.is_none_or(|from| world.now >= from) {
        return Before::Pass;
    }
    let (status, code, message) = match call.operation.as_str() {
        "AssumeRoleWithWebIdentity" => (
            403,
            "AccessDenied",
            "Not authorized to perform sts:AssumeRoleWithWebIdentity".to_owned(),
        ),
        "AssumeRole" => (
            403,
            "AccessDenied",
            format!(
                "User: arn:aws:iam::{ACCOUNT}:user/{} is not authorized to perform: \
                 sts:AssumeRole on resource: {arn}",
                call.identity
            ),
        ),
        _ => (
            400,
            "InvalidParameterValueException",
            "The role defined for the function cannot be assumed by Lambda.".to_owned(),
        ),
    };
    Before::Answer(Answer::error(call, status, code, &message))
}

/// Characters of a policy that count.
fn size(call: &Call, parameter: &str) -> usize {
    let document = call.parameter(parameter).unwrap_or_default();
    document.chars().filter(|c| !c.is_whitespace()).count()
}

fn too_large(world: &mut World, call: &Call) -> Before {
    let role = call.parameter("RoleName").unwrap_or_default();
    let message = match call.operation.as_str() {
        "CreatePolicy" | "CreatePolicyVersion" if size(call, "PolicyDocument") > 6_144 => {
            "Cannot exceed quota for PolicySize: 6144".to_owned()
        }
        "CreateRole" if size(call, "AssumeRolePolicyDocument") > 2_048 => {
            "Cannot exceed quota for ACLSizePerRole: 2048".to_owned()
        }
        "UpdateAssumeRolePolicy" if size(call, "PolicyDocument") > 2_048 => {
            "Cannot exceed quota for ACLSizePerRole: 2048".to_owned()
        }
        "PutRolePolicy" => {
            let policy = call.parameter("PolicyName").unwrap_or_default();
            let inline = world.state.iam.inline.get(role);
            let others = inline.into_iter().flatten();
            let others = others.filter(|(name, _)| *name != policy);
            let sum: usize = others.map(|(_, size)| size).sum();
            if sum + size(call, "PolicyDocument") <= 10_240 {
                return Before::Pass;
            }
            format!("Maximum policy size of 10240 bytes exceeded for role {role}")
        }
        _ => return Before::Pass,
    };
    Before::Answer(Answer::error(call, 409, "LimitExceeded", &message))
}

#[cfg(test)]
mod tests {
    use crate::answer::Answer;
    use crate::rules::testing::{Bench, call, query};

    #[test]
    fn a_new_role_cannot_be_assumed_at_once() {
        let mut bench = Bench::new();
        let arn = "arn:aws:iam::123456789012:role/app-function";
        let create = call(
            "lambda",
            "POST",
            "/2015-03-31/functions",
            &format!(r#"{{"FunctionName":"app","Role":"{arn}"}}"#),
        );
        let assume = query("sts", &[("Action", "AssumeRole"), ("RoleArn", arn)]);
        assert_eq!(bench.refusal(&create), None);
        let role = query(
            "iam",
            &[("Action", "CreateRole"), ("RoleName", "app-function")],
        );
        bench.call(&role, Answer::new(200, "text/xml", ""));
        let (status, text) = bench.refusal(&create).expect("a refusal");
        assert_eq!(status, 400);
        assert!(text.contains("cannot be assumed by Lambda"), "{text}");
        assert!(
            bench
                .refusal(&assume)
                .expect("a refusal")
                .1
                .contains("AccessDenied")
        );
        bench.pass(4);
        assert_eq!(bench.refusal(&create), None);
        assert_eq!(bench.refusal(&assume), None);
    }

    #[test]
    fn policies_have_a_largest_size() {
        let mut bench = Bench::new();
        let managed = |length: usize| {
            let document = "x ".repeat(length);
            query(
                "iam",
                &[("Action", "CreatePolicy"), ("PolicyDocument", &document)],
            )
        };
        assert_eq!(
            bench.refusal(&managed(6_144)),
            None,
            "white space does not count"
        );
        assert_eq!(bench.refusal(&managed(6_145)).expect("a refusal").0, 409);
        let inline = |name: &str, length: usize| {
            let document = "x".repeat(length);
            let parameters = [
                ("Action", "PutRolePolicy"),
                ("RoleName", "app"),
                ("PolicyName", name),
                ("PolicyDocument", &document),
            ];
            query("iam", &parameters)
        };
        bench.call(&inline("one", 10_000), Answer::new(200, "text/xml", ""));
        assert_eq!(
            bench.refusal(&inline("one", 10_240)),
            None,
            "it is replaced"
        );
        let (_, text) = bench.refusal(&inline("two", 241)).expect("a refusal");
        assert!(text.contains("10240 bytes exceeded for role app"), "{text}");
        let document = "x".repeat(2_049);
        let parameters = [
            ("Action", "CreateRole"),
            ("AssumeRolePolicyDocument", &*document),
        ];
        assert!(bench.refusal(&query("iam", &parameters)).is_some());
    }
}
