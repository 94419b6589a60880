//! OpenID Connect providers of the account, and the roles that trust them.

use crate::error::{Error, ErrorKind, translate};
use crate::session::Session;
use aws_sdk_iam::types::{PolicyScopeType, PolicyUsageType, Tag};
use percent_encoding::percent_decode_str;
use rules::app::names::POLICIES;
use std::collections::BTreeMap;

/// Tag of a provider that landfall created. One without it belongs to someone else and is never
/// deleted.
const TAG: &str = "landfall:made";

/// An OpenID Connect provider of the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// Whether landfall created it.
    pub is_ours: bool,
    /// The values that the `aud` claim of its tokens may have.
    pub audiences: Vec<String>,
}

/// A policy of the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedPolicy {
    /// Its name, unique in the account.
    pub name: String,
    /// Its path.
    pub path: String,
    /// Its ARN.
    pub arn: String,
}

/// IAM's identity providers and the trust policies of roles.
#[derive(Debug, Clone)]
pub struct Identity {
    iam: aws_sdk_iam::Client,
}

impl Identity {
    /// Those of the session's account.
    pub fn new(session: &Session) -> Identity {
        Identity {
            iam: aws_sdk_iam::Client::new(session.config()),
        }
    }

    /// The provider with this ARN, if the account has it.
    ///
    /// # Errors
    /// The call fails.
    pub async fn provider(&self, arn: &str) -> Result<Option<Provider>, Error> {
        let answer = self
            .iam
            .get_open_id_connect_provider()
            .open_id_connect_provider_arn(arn)
            .send()
            .await
            .map_err(translate("iam:GetOpenIDConnectProvider"));
        let answer = match answer {
            Err(error) if error.kind == ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        Ok(Some(Provider {
            is_ours: answer
                .tags
                .unwrap_or_default()
                .iter()
                .any(|tag| tag.key == TAG),
            audiences: answer.client_id_list.unwrap_or_default(),
        }))
    }

    /// Creates a provider with these tags and landfall's own. AWS verifies the signatures of its tokens against certificate
    /// authorities that it trusts itself, so no thumbprint is given.
    ///
    /// # Errors
    /// The provider exists already, or the caller may not create it.
    pub async fn create_provider(
        &self,
        issuer: &str,
        audience: &str,
        tags: &BTreeMap<String, String>,
    ) -> Result<(), Error> {
        const OPERATION: &str = "iam:CreateOpenIDConnectProvider";
        let own = (TAG.to_owned(), "true".to_owned());
        let tags = tags.clone().into_iter().chain([own]);
        let tag = |(key, value)| Tag::builder().key(key).value(value).build();
        let tags: Result<Vec<Tag>, _> = tags.map(tag).collect();
        let tags = tags.map_err(|_| Error::incomplete(OPERATION, "tag"))?;
        self.iam
            .create_open_id_connect_provider()
            .url(format!("https://{issuer}"))
            .client_id_list(audience)
            .set_tags(Some(tags))
            .send()
            .await
            .map_err(translate(OPERATION))?;
        Ok(())
    }

    /// Adds a value that the `aud` claim of the provider's tokens may have.
    ///
    /// # Errors
    /// The provider does not exist, or the caller may not change it.
    pub async fn add_audience(&self, arn: &str, audience: &str) -> Result<(), Error> {
        self.iam
            .add_client_id_to_open_id_connect_provider()
            .open_id_connect_provider_arn(arn)
            .client_id(audience)
            .send()
            .await
            .map_err(translate("iam:AddClientIDToOpenIDConnectProvider"))?;
        Ok(())
    }

    /// Deletes a provider.
    ///
    /// # Errors
    /// The caller may not delete it.
    pub async fn delete_provider(&self, arn: &str) -> Result<(), Error> {
        self.iam
            .delete_open_id_connect_provider()
            .open_id_connect_provider_arn(arn)
            .send()
            .await
            .map_err(translate("iam:DeleteOpenIDConnectProvider"))?;
        Ok(())
    }

    /// Names of all roles whose trust policy names `arn`.
    ///
    /// # Errors
    /// A call fails.
    pub async fn trusting(&self, arn: &str) -> Result<Vec<String>, Error> {
        let roles = self.iam.list_roles().into_paginator().items().send();
        let roles = roles.try_collect().await;
        let roles = roles.map_err(translate("iam:ListRoles"))?.into_iter();
        let trusting = roles.filter(|role| {
            let policy = role.assume_role_policy_document.as_deref();
            policy.is_some_and(|policy| decode(policy).contains(arn))
        });
        Ok(trusting.map(|role| role.role_name).collect())
    }

    /// The policy of this name below landfall's path, if the account has it. Every identity that plans may list
    /// policies, so all of them find the same.
    ///
    /// # Errors
    /// The call fails.
    pub async fn policy(&self, name: &str) -> Result<Option<NamedPolicy>, Error> {
        let all = self.policies(POLICIES).await?;
        Ok(all.into_iter().find(|one| one.name == name))
    }

    /// ARNs of the permissions boundaries below a path.
    ///
    /// # Errors
    /// The call fails.
    pub async fn boundaries_below(&self, path: &str) -> Result<Vec<String>, Error> {
        let all = self.policies(path).await?.into_iter();
        let boundaries = all.filter(|one| one.path == path && one.name.ends_with("-boundary"));
        Ok(boundaries.map(|one| one.arn).collect())
    }

    async fn policies(&self, path: &str) -> Result<Vec<NamedPolicy>, Error> {
        let policies = self.iam.list_policies();
        let policies = policies.scope(PolicyScopeType::Local).path_prefix(path);
        let found = policies.into_paginator().items().send().try_collect().await;
        let found = found.map_err(translate("iam:ListPolicies"))?.into_iter();
        Ok(found
            .filter_map(|one| {
                Some(NamedPolicy {
                    name: one.policy_name?,
                    path: one.path?,
                    arn: one.arn?,
                })
            })
            .collect())
    }

    /// Names of the roles that have this policy as their permissions boundary.
    ///
    /// # Errors
    /// The call fails.
    pub async fn bounded_by(&self, arn: &str) -> Result<Vec<String>, Error> {
        let entities = self.iam.list_entities_for_policy().policy_arn(arn);
        let mut pages = entities
            .policy_usage_filter(PolicyUsageType::PermissionsBoundary)
            .into_paginator()
            .send();
        let mut roles = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(translate("iam:ListEntitiesForPolicy"))?;
            let named = page.policy_roles.unwrap_or_default().into_iter();
            roles.extend(named.filter_map(|role| role.role_name));
        }
        Ok(roles)
    }

    /// Takes the permissions boundary off a role. A role that does not exist is no error.
    ///
    /// # Errors
    /// The call fails.
    pub async fn lift_boundary(&self, role: &str) -> Result<(), Error> {
        let lifted = self
            .iam
            .delete_role_permissions_boundary()
            .role_name(role)
            .send()
            .await
            .map_err(translate("iam:DeleteRolePermissionsBoundary"));
        match lifted {
            Err(error) if error.kind != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// A role's trust policy, as JSON; [`None`] if there is no such role.
    ///
    /// # Errors
    /// The call fails.
    pub async fn trust_policy(&self, role: &str) -> Result<Option<String>, Error> {
        const OPERATION: &str = "iam:GetRole";
        let answer = self
            .iam
            .get_role()
            .role_name(role)
            .send()
            .await
            .map_err(translate(OPERATION));
        match answer {
            Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
            Ok(answer) => Ok(answer
                .role
                .and_then(|role| role.assume_role_policy_document)
                .map(|policy| decode(&policy))),
        }
    }
}

/// IAM returns policies in percent encoding (RFC 3986); emulators may return plain JSON.
fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_decoded_from_both_encodings() {
        let plain = r#"{"Version":"2012-10-17"}"#;
        assert_eq!(decode("%7B%22Version%22%3A%222012-10-17%22%7D"), plain);
        assert_eq!(decode(plain), plain);
        assert_eq!(decode("100%"), "100%");
    }
}
