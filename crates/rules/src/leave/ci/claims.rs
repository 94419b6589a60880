//! Whether a role trusts a job's token, and if not, which condition the token does not meet.
//!
//! A token is read, never checked: its signature is the business of AWS. Of the policy language this knows
//! what trust in an identity provider is written in; an operator or element that it does not know counts as
//! not met, and is named
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-logic-multiple-context-keys-or-values.html>).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

/// What AWS calls the act.
pub const ACTION: &str = "sts:AssumeRoleWithWebIdentity";

/// The claims of a token about its job. The token itself is not kept: nothing that holds claims can leak it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims(Map<String, Value>);

/// Why a text is no token. No part of the text is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoToken {
    /// It has not three parts with dots between.
    Shape,
    /// Its middle part is not base64.
    Encoding,
    /// Its middle part is no JSON object.
    Json,
}

impl std::fmt::Display for NoToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            NoToken::Shape => "it has not three parts with dots between",
            NoToken::Encoding => "its middle part is not base64url",
            NoToken::Json => "its middle part holds no JSON object",
        })
    }
}

impl std::error::Error for NoToken {}

impl Claims {
    /// Reads the claims of a JSON Web Token (RFC 7519).
    ///
    /// # Errors
    /// The text is no token.
    pub fn read(token: &str) -> Result<Claims, NoToken> {
        let parts: Vec<&str> = token.trim().split('.').collect();
        let [_, payload, _] = parts.as_slice() else {
            return Err(NoToken::Shape);
        };
        let bytes = URL_SAFE_NO_PAD
            .decode(payload.trim_end_matches('='))
            .map_err(|_| NoToken::Encoding)?;
        match serde_json::from_slice(&bytes) {
            Ok(Value::Object(claims)) => Ok(Claims(claims)),
            _ => Err(NoToken::Json),
        }
    }

    /// Claims that are known already.
    pub fn of(claims: Map<String, Value>) -> Claims {
        Claims(claims)
    }

    /// A claim's values as texts: one, several if it is a list, none if it is not there.
    pub fn values(&self, claim: &str) -> Vec<String> {
        match self.0.get(claim) {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(values)) => values.iter().map(text).collect(),
            Some(value) => vec![text(value)],
        }
    }

    /// A claim's first value.
    pub fn value(&self, claim: &str) -> Option<String> {
        self.values(claim).into_iter().next()
    }

    /// Who signed it, as conditions spell it: without `https://`.
    pub fn issuer(&self) -> String {
        let issuer = self.value("iss").unwrap_or_default();
        let bare = issuer.strip_prefix("https://").unwrap_or(&issuer);
        bare.trim_end_matches('/').to_owned()
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A condition that a token does not meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmet {
    /// Claim: `sub`, `aud`, `ref`; `iss` where the provider is another one.
    pub claim: String,
    /// Operator of the policy.
    pub operator: String,
    /// What the token has; empty if nothing.
    pub has: Vec<String>,
    /// What the policy requires.
    pub wants: Vec<String>,
}

/// How a trust policy decides on a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The role can be assumed.
    Admitted,
    /// A statement denies it although another allows it.
    Denied {
        /// Its `Sid`, or its number counted from 1.
        statement: String,
    },
    /// No statement allows it. These are the conditions that the nearest of them misses; empty if the policy
    /// has no statement about identity providers at all.
    Refused(Vec<Unmet>),
}

/// A text that is no policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoPolicy(pub String);

/// Asks a trust policy, as JSON, about a token.
///
/// # Errors
/// The text is no policy.
pub fn ask(policy: &str, claims: &Claims) -> Result<Answer, NoPolicy> {
    let policy: Value = serde_json::from_str(policy).map_err(|e| NoPolicy(e.to_string()))?;
    let statements = list(&policy["Statement"]);
    if statements.is_empty() {
        return Err(NoPolicy("it has no Statement".to_owned()));
    }
    let mut admitted = false;
    let mut nearest: Option<Vec<Unmet>> = None;
    for (number, statement) in statements.iter().enumerate() {
        if !is_about_identity_providers(statement) {
            continue;
        }
        let unmet = unmet(statement, claims);
        let is_met = unmet.is_empty();
        match statement["Effect"].as_str() {
            Some("Deny") if is_met => {
                let sid = statement["Sid"].as_str().map(str::to_owned);
                let statement = sid.unwrap_or_else(|| (number + 1).to_string());
                return Ok(Answer::Denied { statement });
            }
            Some("Allow") if is_met => admitted = true,
            Some("Allow") => {
                // The right provider counts for more than any other condition.
                let distance = |unmet: &[Unmet]| {
                    let other = unmet.iter().any(|one| one.claim == "iss");
                    (other, unmet.len())
                };
                let is_nearer = nearest
                    .as_ref()
                    .is_none_or(|there| distance(&unmet) < distance(there));
                if is_nearer {
                    nearest = Some(unmet);
                }
            }
            _ => {}
        }
    }
    Ok(match admitted {
        true => Answer::Admitted,
        false => Answer::Refused(nearest.unwrap_or_default()),
    })
}

fn is_about_identity_providers(statement: &Value) -> bool {
    let actions = list(&statement["Action"]);
    actions
        .iter()
        .filter_map(Value::as_str)
        .any(|action| like(&action.to_ascii_lowercase(), &ACTION.to_ascii_lowercase()))
}

/// Everything in a statement that the token does not meet.
fn unmet(statement: &Value, claims: &Claims) -> Vec<Unmet> {
    let mut all = Vec::new();
    let issuer = claims.issuer();
    let providers: Vec<String> = match &statement["Principal"] {
        Value::String(everyone) if everyone == "*" => vec![issuer.clone()],
        principal => list(&principal["Federated"])
            .iter()
            .filter_map(Value::as_str)
            .map(|arn| match arn.split_once(":oidc-provider/") {
                Some((_, issuer)) => issuer.to_owned(),
                None => arn.to_owned(),
            })
            .collect(),
    };
    if issuer.is_empty() || !providers.contains(&issuer) {
        all.push(Unmet {
            claim: "iss".to_owned(),
            operator: "Principal".to_owned(),
            has: Some(issuer).filter(|i| !i.is_empty()).into_iter().collect(),
            wants: providers.clone(),
        });
    }
    let conditions = statement["Condition"].as_object();
    for (operator, keys) in conditions.into_iter().flatten() {
        for (key, wants) in keys.as_object().into_iter().flatten() {
            // Keys know no case; their claims are what follows the issuer's name.
            let claim = providers.iter().find_map(|issuer| {
                let prefix = format!("{}:", issuer.to_ascii_lowercase());
                key.to_ascii_lowercase()
                    .strip_prefix(&prefix)
                    .map(str::to_owned)
            });
            let wants: Vec<String> = list(wants).iter().map(text).collect();
            let has = claim
                .as_deref()
                .map(|c| claims.values(c))
                .unwrap_or_default();
            if !holds(operator, &has, &wants) {
                all.push(Unmet {
                    claim: claim.unwrap_or_else(|| key.clone()),
                    operator: operator.clone(),
                    has,
                    wants,
                });
            }
        }
    }
    all
}

/// Whether a condition holds. Operators that are not known here never do.
fn holds(operator: &str, has: &[String], wants: &[String]) -> bool {
    let (operator, if_exists) = match operator.strip_suffix("IfExists") {
        Some(operator) => (operator, true),
        None => (operator, false),
    };
    let (every, operator) = match operator.split_once(':') {
        Some(("ForAnyValue", operator)) => (false, operator),
        // With no value at all it holds.
        Some(("ForAllValues", operator)) => (true, operator),
        Some(_) => return false,
        None => (false, operator),
    };
    let same: fn(&str, &str) -> bool = match operator {
        "StringEquals" | "StringNotEquals" => |want, has| want == has,
        "StringEqualsIgnoreCase" | "StringNotEqualsIgnoreCase" => {
            |want, has| want.eq_ignore_ascii_case(has)
        }
        "StringLike" | "StringNotLike" => like,
        _ => return false,
    };
    let is_negative = operator.starts_with("StringNot");
    if has.is_empty() {
        return if_exists || every || is_negative;
    }
    let one = |has: &String| wants.iter().any(|want| same(want, has));
    match (is_negative, every) {
        (false, false) => has.iter().any(one),
        (false, true) => has.iter().all(one),
        (true, _) => !has.iter().any(one),
    }
}

/// Whether a text matches a pattern in which `*` matches any characters and `?` one.
fn like(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let (mut at, mut seen) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while seen < text.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, seen));
                at += 1;
            }
            Some(c) if *c == '?' || *c == text[seen] => {
                at += 1;
                seen += 1;
            }
            _ => match star {
                Some((star_at, taken)) => {
                    star = Some((star_at, taken + 1));
                    at = star_at + 1;
                    seen = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|c| *c == '*')
}

/// One value, or several: policies write both.
fn list(value: &Value) -> Vec<Value> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(values) => values.clone(),
        value => vec![value.clone()],
    }
}
