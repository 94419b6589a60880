//! The identity provider: an account has at most one for each issuer, shared by all environments.
//! So it is in no environment's Terraform state: the first environment creates it, and the last one
//! removes it.

use crate::environment::Environment;
use crate::failure::Failure;
use crate::report::Report;
use aws::{ErrorKind, Identity};
use rules::event::Event;
use rules::leave::ci::{AUDIENCE, Role, trusted_by_others};
use std::collections::BTreeMap;

/// What the account lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    /// The provider.
    Provider,
    /// The existing provider lacks AWS's audience.
    Audience,
}

/// Finds out what the account lacks for tokens of the provider with this ARN.
pub(super) async fn missing(
    environment: &Environment,
    arn: &str,
) -> Result<Option<Missing>, Failure> {
    let provider = Identity::new(&environment.session).provider(arn).await?;
    Ok(match provider {
        None => Some(Missing::Provider),
        Some(there) if !there.audiences.iter().any(|one| one == AUDIENCE) => {
            Some(Missing::Audience)
        }
        Some(_) => None,
    })
}

impl Missing {
    pub(super) fn describe(self, issuer: &str) -> String {
        match self {
            Missing::Provider => format!(
                "the account has no identity provider for {issuer}: it will be created; alone it \
                 grants no access"
            ),
            Missing::Audience => format!(
                "the account's identity provider for {issuer} does not accept the audience \
                 {AUDIENCE}: it will be added"
            ),
        }
    }

    pub(super) async fn make(
        self,
        environment: &Environment,
        issuer: &str,
        arn: &str,
        tags: &BTreeMap<String, String>,
    ) -> Result<(), Failure> {
        let identity = Identity::new(&environment.session);
        match self {
            Missing::Provider => match identity.create_provider(issuer, AUDIENCE, tags).await {
                // Another command was faster.
                Err(error) if error.kind == ErrorKind::Conflict => {}
                other => other?,
            },
            Missing::Audience => identity.add_audience(arn, AUDIENCE).await?,
        }
        Ok(())
    }
}

/// The provider that the environment's role for deployments trusts.
pub(crate) async fn trusted(environment: &Environment) -> Result<Option<String>, Failure> {
    let [deploy, ..] = Role::names(&environment.names.id());
    let policy = Identity::new(&environment.session)
        .trust_policy(&deploy)
        .await?;
    let policy: Option<serde_json::Value> =
        policy.and_then(|text| serde_json::from_str(&text).ok());
    let arn = policy.as_ref().and_then(|policy| {
        let statement = policy["Statement"].get(0).unwrap_or(&policy["Statement"]);
        statement["Principal"]["Federated"].as_str()
    });
    Ok(arn.map(str::to_owned))
}

/// Removes a provider that landfall created and no role trusts any more. A failure is only a
/// warning: the environment itself is gone.
pub(crate) async fn leave(environment: &Environment, arn: Option<String>, report: &Report) {
    let Some(arn) = arn else { return };
    let identity = Identity::new(&environment.session);
    let left = async {
        let ours = identity
            .provider(&arn)
            .await?
            .is_some_and(|one| one.is_ours);
        if !ours {
            return Ok(None);
        }
        let own = Role::names(&environment.names.id());
        let others = trusted_by_others(identity.trusting(&arn).await?, &own);
        if others.is_empty() {
            identity.delete_provider(&arn).await?;
        }
        Ok::<_, aws::Error>(others.into_iter().next())
    };
    match left.await {
        Ok(None) => {}
        Ok(Some(other)) => report.note(format!(
            "the identity provider is kept, because other roles trust it, for example {other}"
        )),
        Err(error) => report.emit(Event::Warning {
            text: format!(
                "cannot find out whether {arn} is still needed ({error}); it is free, and `aws iam \
                 delete-open-id-connect-provider --open-id-connect-provider-arn {arn}` removes it"
            ),
        }),
    }
}
