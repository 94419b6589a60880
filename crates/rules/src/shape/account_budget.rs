//! Whether the foundation has an AWS budget. Some accounts may have none: a member account until its payer
//! enables budgets, an identity while root has not activated IAM access to billing, a new account for about a
//! day. None of that stops a deployment.

use super::permissions::Denied;
use serde_json::Value;

/// The address of the budget in the foundation root, without an index.
pub const ADDRESS: &str = "aws_budgets_budget.monthly";

/// What a plan of the foundation does about the budget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountBudget {
    /// It is planned like every other resource.
    Planned,
    /// It is not planned. AWS's message says why.
    LeftOut {
        /// AWS's message.
        message: String,
    },
    /// It is in the state, and AWS does not let it be read: the plan neither reads nor removes it.
    Unread {
        /// AWS's message.
        message: String,
    },
}

impl AccountBudget {
    /// Decides from the state, and from the message with which AWS refused to read the budget; [`None`] if it
    /// did not refuse. A missing permission is no reason to leave the budget out: Terraform reports it.
    pub fn decide(is_in_state: bool, refusal: Option<&str>) -> AccountBudget {
        match refusal.filter(|message| is_of_account(message)) {
            None => AccountBudget::Planned,
            Some(message) if is_in_state => AccountBudget::Unread {
                message: message.to_owned(),
            },
            Some(message) => AccountBudget::LeftOut {
                message: message.to_owned(),
            },
        }
    }

    /// Whether the plan has the budget.
    pub fn is_planned(&self) -> bool {
        !matches!(self, AccountBudget::LeftOut { .. })
    }

    /// What the user is told; [`None`] if the budget is as usual.
    pub fn warning(&self) -> Option<String> {
        let (what, message, then) = match self {
            AccountBudget::Planned => return None,
            AccountBudget::LeftOut { message } => (
                "there is no AWS budget, so no mail is sent when costs exceed it: AWS permits this account none",
                message,
                "creates it",
            ),
            AccountBudget::Unread { message } => (
                "the AWS budget is left as it is: AWS does not let this account read it",
                message,
                "manages it again",
            ),
        };
        let out = way_out(message);
        Some(format!(
            "{what} ({message}); {out}; a later `landfall up` {then}"
        ))
    }
}

/// Whether this message of AWS Budgets, or a line of Terraform that has it, is about the account and not about
/// the identity's policies. The payer's and the new account's messages name no action; where a policy lacks an
/// action, the message ends with the kind of policy
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html>).
pub fn is_of_account(message: &str) -> bool {
    let has = |words: &str| message.contains(words);
    if [
        "is a linked account",
        "SubscriptionRequired",
        "OptInRequired",
    ]
    .iter()
    .any(|words| has(words))
    {
        return true;
    }
    if !has("AccessDenied") {
        return false;
    }
    match Denied::call("budgets:ViewBudget", message)
        .against
        .as_deref()
    {
        Some("service control policy" | "resource control policy") => true,
        Some(_) => false,
        None => !has("because no identity-based policy allows"),
    }
}

/// AWS's message in the lines of a failed apply, if AWS refused the account its budget. A line without
/// indentation begins with the address of its resource; the indented ones that follow belong to it.
pub fn refusal_of_apply(lines: &[String]) -> Option<String> {
    let first = lines.iter().position(|line| line.starts_with(ADDRESS))?;
    let rest = lines[first + 1..].iter();
    let rest = rest.take_while(|line| line.starts_with(' '));
    let words: Vec<&str> = std::iter::once(&lines[first])
        .chain(rest)
        .flat_map(|line| line.split_whitespace())
        .collect();
    let text = words.join(" ");
    if !is_of_account(&text) {
        return None;
    }
    let message = text.split_once("AccessDeniedException: ");
    Some(
        message
            .map_or(text.as_str(), |(_, message)| message)
            .to_owned(),
    )
}

/// Whether a state has the budget. One that cannot be read may have it.
pub fn is_in_state(state: &str) -> bool {
    let Ok(state) = serde_json::from_str::<Value>(state) else {
        return true;
    };
    let Some(resources) = state["resources"].as_array() else {
        return true;
    };
    resources.iter().any(|resource| {
        let instances = resource["instances"].as_array();
        resource["type"] == "aws_budgets_budget" && instances.is_some_and(|all| !all.is_empty())
    })
}

fn way_out(message: &str) -> &'static str {
    if message.contains("linked account") {
        "ask the owner of the organization's management account to enable budgets, which takes up to a day"
    } else if message.contains("control policy") {
        "ask the author of that policy to permit budgets:ViewBudget and budgets:ModifyBudget"
    } else {
        "as root, activate IAM access to billing (account menu, Account); in a new account, wait a day"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINKED: &str = "Account 123456789012 is a linked account. To enable budgets for your account, ask the \
                          payer account to enable budgets first. (AccessDeniedException)";
    const NOT_ACTIVATED: &str = "User: arn:aws:iam::123456789012:user/me is not authorized to perform: \
                                 budgets:ViewBudget (AccessDeniedException)";
    const NO_POLICY: &str = "User: arn:aws:iam::123456789012:user/me is not authorized to perform: \
        budgets:ViewBudget on resource: arn:aws:budgets::123456789012:budget/shop-prod because no identity-based \
        policy allows the budgets:ViewBudget action (AccessDeniedException)";
    const SCP: &str = "User: arn:aws:iam::123456789012:user/me is not authorized to perform: budgets:ViewBudget on \
        resource: * with an explicit deny in a service control policy (AccessDeniedException)";
    const BOUNDARY: &str = "User: arn:aws:iam::123456789012:user/me is not authorized to perform: \
        budgets:ViewBudget on resource: * because no permissions boundary allows the budgets:ViewBudget action \
        (AccessDeniedException)";

    #[test]
    fn a_refusal_to_the_account_leaves_the_budget_out_and_one_to_the_identity_does_not() {
        for message in [LINKED, NOT_ACTIVATED, SCP] {
            let left_out = AccountBudget::decide(false, Some(message));
            assert!(!left_out.is_planned(), "{message}");
            let unread = AccountBudget::decide(true, Some(message));
            assert!(matches!(unread, AccountBudget::Unread { .. }), "{message}");
            assert!(unread.is_planned(), "an existing budget stays planned");
        }
        for message in [NO_POLICY, BOUNDARY, "Rate exceeded (ThrottlingException)"] {
            for is_in_state in [true, false] {
                let found = AccountBudget::decide(is_in_state, Some(message));
                assert_eq!(found, AccountBudget::Planned, "{message}");
            }
        }
        assert_eq!(AccountBudget::decide(true, None), AccountBudget::Planned);
    }

    #[test]
    fn the_warning_names_the_way_out() {
        for (message, out) in [
            (LINKED, "management account"),
            (NOT_ACTIVATED, "activate IAM access to billing"),
            (SCP, "author of that policy"),
        ] {
            for is_in_state in [true, false] {
                let found = AccountBudget::decide(is_in_state, Some(message));
                let text = found.warning().expect("a warning");
                assert!(text.contains(out) && text.contains(message), "{text}");
            }
        }
        assert_eq!(AccountBudget::Planned.warning(), None);
    }

    #[test]
    fn only_a_line_of_the_budget_is_a_refused_budget() {
        // As providers 3.39 and 6.x print it.
        for line in [
            "aws_budgets_budget.monthly[0]: error creating Budget (shop-prod): AccessDeniedException: Account \
             123456789012 is a linked account. To enable budgets for your account, ask the payer account to enable \
             budgets first.",
            "aws_budgets_budget.monthly[0]: creating Budget (123456789012:shop-prod): operation error Budgets: \
             CreateBudget, https response error StatusCode: 400, RequestID: 7a62c49f, AccessDeniedException: Account \
             123456789012 is a linked account. To enable budgets for your account, ask the payer account to enable \
             budgets first.",
        ] {
            let lines = ["the foundation failed".to_owned(), line.to_owned()];
            let message = refusal_of_apply(&lines).expect("a refusal");
            assert!(message.starts_with("Account 123456789012"), "{message}");
            let (summary, detail) = line.split_once(" AccessDenied").expect("a code");
            let lines = [summary.to_owned(), format!("  AccessDenied{detail}")];
            assert_eq!(refusal_of_apply(&lines), Some(message));
            let elsewhere = [line.replace("aws_budgets_budget.monthly[0]", "aws_sns_topic.alarms")];
            assert_eq!(refusal_of_apply(&elsewhere), None);
        }
        let denied = format!("{ADDRESS}[0]: creating Budget: {NO_POLICY}");
        assert_eq!(refusal_of_apply(&[denied]), None);
    }

    #[test]
    fn a_budget_is_in_the_state_at_either_address() {
        let state = |resource: &str| format!(r#"{{"version":4,"resources":[{resource}]}}"#);
        let budget = |instances: &str| {
            state(&format!(
                r#"{{"mode":"managed","type":"aws_budgets_budget","name":"monthly","instances":[{instances}]}}"#
            ))
        };
        assert!(is_in_state(&budget(r#"{"attributes":{}}"#)));
        assert!(is_in_state(&budget(r#"{"index_key":0,"attributes":{}}"#)));
        assert!(!is_in_state(&budget("")));
        assert!(!is_in_state(&state("")));
        assert!(is_in_state("encrypted"));
    }
}
