//! Who may come from outside: identity providers of the account, and which roles trust them.

use crate::error::{Error, ErrorKind, translate};
use crate::session::Session;
use aws_sdk_iam::types::Tag;

/// Tag of a provider that landfall made. One without it belongs to somebody else and stays.
const TAG: &str = "landfall:made";

/// An identity provider of the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// Whether landfall made it.
    pub is_ours: bool,
    /// Whom its tokens may be made out to.
    pub audiences: Vec<String>,
}

/// Verbs over IAM's identity providers and the trust of roles.
#[derive(Debug, Clone)]
pub struct Identity {
    iam: aws_sdk_iam::Client,
}

impl Identity {
    /// In the session's account.
    pub fn new(session: &Session) -> Identity {
        Identity {
            iam: aws_sdk_iam::Client::new(session.config()),
        }
    }

    /// The provider with this ARN, if the account has it.
    ///
    /// # Errors
    /// IAM cannot be asked.
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

    /// Makes a provider. AWS checks the signatures of its tokens by certificates that it knows itself.
    ///
    /// # Errors
    /// It exists, or may not be made.
    pub async fn create_provider(&self, issuer: &str, audience: &str) -> Result<(), Error> {
        const OPERATION: &str = "iam:CreateOpenIDConnectProvider";
        let tag = Tag::builder().key(TAG).value("true").build();
        let tag = tag.map_err(|_| Error::incomplete(OPERATION, "tag"))?;
        self.iam
            .create_open_id_connect_provider()
            .url(format!("https://{issuer}"))
            .client_id_list(audience)
            .tags(tag)
            .send()
            .await
            .map_err(translate(OPERATION))?;
        Ok(())
    }

    /// Allows tokens of a provider to be made out to `audience`.
    ///
    /// # Errors
    /// It is not there, or may not be changed.
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
    /// It may not be deleted.
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
    /// The roles cannot be listed.
    pub async fn trusting(&self, arn: &str) -> Result<Vec<String>, Error> {
        let mut all = Vec::new();
        let mut marker = None;
        loop {
            let page = self
                .iam
                .list_roles()
                .set_marker(marker.take())
                .send()
                .await
                .map_err(translate("iam:ListRoles"))?;
            all.extend(
                page.roles
                    .into_iter()
                    .filter(|role| {
                        let policy = role.assume_role_policy_document.as_deref();
                        policy.is_some_and(|policy| decode(policy).contains(arn))
                    })
                    .map(|role| role.role_name),
            );
            marker = page.marker.filter(|_| page.is_truncated);
            if marker.is_none() {
                return Ok(all);
            }
        }
    }

    /// A role's trust policy, as JSON; [`None`] if there is no such role.
    ///
    /// # Errors
    /// IAM cannot be asked.
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

/// IAM answers with policies in the percent encoding of RFC 3986; emulators may answer with plain JSON.
fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = (bytes[at] == b'%')
            .then(|| bytes.get(at + 1..at + 3))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match escaped {
            Some(byte) => {
                plain.push(byte);
                at += 3;
            }
            None => {
                plain.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&plain).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_read_in_both_encodings() {
        let plain = r#"{"Version":"2012-10-17"}"#;
        assert_eq!(decode("%7B%22Version%22%3A%222012-10-17%22%7D"), plain);
        assert_eq!(decode(plain), plain);
        assert_eq!(decode("100%"), "100%");
    }
}
