//! Whether a state belongs to the environment and the account that a command acts on. Names alone do not show it:
//! the app `web` in `api-prod` and the app `web-api` in `prod` have the same id, and so the same bucket and the
//! same resources.

use crate::app::names::{Names, TAG_APP, TAG_ENVIRONMENT};
use crate::operate::expiry::Tags;
use crate::shape::cost::budget::Refusal;
use serde::Deserialize;
use serde_json::Value;

/// The environment that a state was written for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Owner {
    /// The app.
    #[serde(rename = "name")]
    pub app: String,
    /// The environment.
    pub environment: String,
}

impl Owner {
    /// According to the tags of the state's bucket; [`None`] if they do not say: the command that created the
    /// bucket was stopped before it set them.
    pub fn of_tags(tags: &Tags) -> Option<Owner> {
        Some(Owner {
            app: tags.get(TAG_APP)?.clone(),
            environment: tags.get(TAG_ENVIRONMENT)?.clone(),
        })
    }

    /// According to the variables of a root, next to its state; [`None`] if they do not say.
    pub fn of_variables(text: &str) -> Option<Owner> {
        serde_json::from_str(text).ok()
    }

    /// The refusal of a command for `names` if the state is another environment's. `place` is where it is.
    pub fn refusal(&self, names: &Names, place: &str) -> Option<Refusal> {
        let (app, environment) = (names.app.to_string(), names.environment.to_string());
        if self.app == app && self.environment == environment {
            return None;
        }
        Some(Refusal {
            what: format!(
                "{} is another environment: app {}, environment {}",
                names.id(),
                self.app,
                self.environment
            ),
            why: vec![
                format!("this command is for app {app}, environment {environment}, which has the same names in AWS"),
                format!("found in {place}"),
            ],
            next: vec![
                "nothing was read or changed; choose another `name` in landfall.toml (or --name), or another environment \
                 with --env"
                    .to_owned(),
            ],
        })
    }
}

/// An account other than `account` that the outputs of a state name. A state that cannot be read names none.
pub fn foreign_account(state: &str, account: &str) -> Option<String> {
    let state: Value = serde_json::from_str(state).ok()?;
    let outputs = state["outputs"].as_object()?;
    let mut accounts = outputs
        .values()
        .filter_map(|output| account_of(output["value"].as_str()?));
    accounts.find(|found| *found != account).map(str::to_owned)
}

/// The account in an ARN.
fn account_of(arn: &str) -> Option<&str> {
    let mut parts = arn.splitn(6, ':');
    let is_arn = parts.next() == Some("arn");
    let account = parts.nth(3).filter(|_| is_arn)?;
    let is_account = account.len() == 12 && account.bytes().all(|digit| digit.is_ascii_digit());
    is_account.then_some(account)
}

/// The refusal of a command that found the state of another account.
pub fn refusal_of_account(root: &str, theirs: &str, account: &str) -> Refusal {
    Refusal {
        what: format!("the state of the {root} root is that of another account, {theirs}"),
        why: vec![format!("the credentials are of account {account}")],
        next: vec![format!(
            "nothing was changed; use credentials of account {theirs}, or remove this copy of its state"
        )],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::manifest::{AppName, EnvironmentName};

    fn names(app: &str, environment: &str) -> Names {
        Names::new(
            AppName::parse(app).expect("a name"),
            EnvironmentName::parse(environment).expect("an environment"),
        )
    }

    #[test]
    fn two_environments_with_one_id_are_told_apart() {
        let (ours, theirs) = (names("web", "api-prod"), names("web-api", "prod"));
        assert_eq!(ours.id(), theirs.id());
        let tags = Tags::from([
            (TAG_APP.to_owned(), "web-api".to_owned()),
            (TAG_ENVIRONMENT.to_owned(), "prod".to_owned()),
        ]);
        let owner = Owner::of_tags(&tags).expect("tags");
        assert_eq!(owner.refusal(&theirs, "s3://b"), None);
        let refusal = owner.refusal(&ours, "s3://b").expect("a refusal");
        let text = format!("{refusal:?}");
        for word in [
            "app web-api, environment prod",
            "app web, environment api-prod",
            "s3://b",
        ] {
            assert!(text.contains(word), "{text}");
        }
        let variables =
            r#"{"name":"web-api","environment":"prod","region":"eu-west-2","budget":0.0}"#;
        assert_eq!(Owner::of_variables(variables), Some(owner));
        assert_eq!(Owner::of_variables("{}"), None);
        assert_eq!(Owner::of_tags(&Tags::new()), None);
    }

    #[test]
    fn the_state_of_another_account_is_recognized() {
        let state = |role: &str| {
            format!(
                r#"{{"version":4,"outputs":{{"log_group":{{"value":"/landfall/a:b"}},
                    "repository_url":{{"value":"111111111111.dkr.ecr.eu-west-2.amazonaws.com/shop-prod"}},
                    "execution_role_arn":{{"value":"{role}"}}}},"resources":[]}}"#
            )
        };
        let role = |account: &str| format!("arn:aws:iam::{account}:role/shop-prod-execution");
        let own = state(&role("111111111111"));
        assert_eq!(foreign_account(&own, "111111111111"), None);
        let other = state(&role("222222222222"));
        assert_eq!(
            foreign_account(&other, "111111111111").as_deref(),
            Some("222222222222")
        );
        for unclear in [
            state(&role("")),
            state("arn:aws:s3:::b"),
            "encrypted".to_owned(),
        ] {
            assert_eq!(foreign_account(&unclear, "111111111111"), None, "{unclear}");
        }
    }
}
