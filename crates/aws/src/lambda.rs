//! Lambda: a function's versions, and the aliases that point to them.

mod publish;

pub use publish::Publication;

use crate::error::{Error, ErrorKind, translate};
use crate::session::Session;
use crate::time;
use aws_sdk_lambda::config::retry::RetryConfig;
use aws_sdk_lambda::config::timeout::TimeoutConfig;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{
    AliasConfiguration, AliasRoutingConfiguration, FunctionConfiguration, LogType,
};
use aws_smithy_types::date_time::{DateTime, Format};
use edge_contract::invocation_error::InvocationError;
use edge_contract::probe::{self, ProbeAnswer};
use edge_contract::secret::Secret;
use edge_contract::{REVISION_VARIABLE, SECRET_VARIABLE};
use rules::app::names::{Slot, Slots};
use rules::release::alias_routing::Routing;
use rules::release::published_versions::{self, LIVE, Stay};
use rules::release::revision::RevisionId;
use rules::time::Timestamp;
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

/// Timeout of a probe: the longest time of a function behind an HTTP API, and the cold start before
/// it.
const PROBE_TIMEOUT: Duration = Duration::from_secs(45);

/// One function.
#[derive(Debug, Clone)]
pub struct Functions {
    lambda: aws_sdk_lambda::Client,
    function: String,
}

/// Where the alias `live` sends requests.
#[derive(Debug, Clone, PartialEq)]
pub struct Traffic {
    /// The version that gets all requests except the shares of `others`; `$LATEST` before the first
    /// release.
    pub version: String,
    /// Other versions with their shares, each above 0 and at most 1.
    pub others: Vec<(String, f64)>,
}

/// A version of the function, as Lambda returns it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionFacts {
    /// The number of the version.
    pub version: String,
    /// [`None`] if landfall did not publish the version.
    pub revision: Option<RevisionId>,
    /// The secret that marks requests as landfall's own.
    pub secret: Option<Secret>,
    /// Its image by digest. [`None`] in a list of versions, which does not contain it.
    pub image: Option<String>,
    /// `Pending`, `Active`, `Inactive` or `Failed`; may be empty in a list of versions.
    pub state: String,
    /// Lambda's code for why it is in this state, such as `ImageAccessDenied`.
    pub reason_code: Option<String>,
    /// The reason as a sentence.
    pub reason: Option<String>,
    /// When `$LATEST` was last changed before this version was published from it.
    pub modified: Option<Timestamp>,
}

/// A version in a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// The number of the version.
    pub version: String,
    /// Since when it is in the slot, and whether it has answered.
    pub stay: Stay,
}

/// The result of a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Invoked {
    /// The app answered.
    Answered(ProbeAnswer),
    /// The function failed: it did not start, timed out, or does not understand probes.
    Failed {
        /// The error's type, such as `Landfall.AppFailedToStart`, `Runtime.ExitError` or
        /// `Sandbox.Timedout`; empty if the answer has none.
        kind: String,
        /// The error's message.
        message: String,
        /// The last lines of the app, if the edge sent them.
        lines: Vec<String>,
        /// The last 4 KB of the function's log, if Lambda sent them.
        log: Option<String>,
    },
}

impl Functions {
    /// The function named `function`.
    pub fn new(session: &Session, function: &str) -> Functions {
        Functions {
            lambda: aws_sdk_lambda::Client::new(session.config()),
            function: function.to_owned(),
        }
    }

    /// The routing of the alias `live`, with percentages. AWS allows at most one other version.
    ///
    /// # Errors
    /// The call fails, or there is no alias `live`.
    pub async fn routing(&self) -> Result<Routing, Error> {
        let traffic = self.traffic().await?;
        let other = traffic.others.into_iter().next();
        Ok(Routing {
            version: traffic.version,
            other: other.map(|(version, share)| (version, percent(share))),
        })
    }

    /// The routing of the alias `live`, with weights.
    ///
    /// # Errors
    /// The call fails, or there is no alias `live`.
    pub async fn traffic(&self) -> Result<Traffic, Error> {
        const OPERATION: &str = "lambda:GetAlias";
        let alias = self
            .lambda
            .get_alias()
            .function_name(&self.function)
            .name(LIVE)
            .send()
            .await
            .map_err(translate(OPERATION))?;
        let mut others: Vec<(String, f64)> = alias
            .routing_config
            .and_then(|routing| routing.additional_version_weights)
            .unwrap_or_default()
            .into_iter()
            .filter(|(_, weight)| *weight > 0.0)
            .collect();
        others.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(Traffic {
            version: alias
                .function_version
                .ok_or_else(|| Error::incomplete(OPERATION, "version"))?,
            others,
        })
    }

    /// The versions in the two slots, which are aliases of the same name.
    ///
    /// # Errors
    /// A call fails.
    pub async fn placed(&self) -> Result<Slots<Option<Placed>>, Error> {
        let aliases = self.aliases().await?;
        let of = |slot: Slot| {
            let alias = aliases
                .iter()
                .find(|alias| alias.name.as_deref() == Some(slot.as_str()))?;
            Some(Placed {
                version: alias.function_version.clone()?,
                stay: Stay::read(alias.description.as_deref().unwrap_or_default()),
            })
        };
        Ok(Slots {
            blue: of(Slot::Blue),
            green: of(Slot::Green),
        })
    }

    /// One version, with its image.
    ///
    /// # Errors
    /// The call fails, or there is no such version.
    pub async fn version(&self, version: &str) -> Result<VersionFacts, Error> {
        const OPERATION: &str = "lambda:GetFunction";
        let answer = self
            .lambda
            .get_function()
            .function_name(&self.function)
            .qualifier(version)
            .send()
            .await
            .map_err(translate(OPERATION))?;
        let configuration = answer
            .configuration
            .ok_or_else(|| Error::incomplete(OPERATION, "configuration"))?;
        let mut facts =
            facts(configuration).ok_or_else(|| Error::incomplete(OPERATION, "version"))?;
        facts.image = answer
            .code
            .and_then(|code| code.resolved_image_uri.or(code.image_uri));
        Ok(facts)
    }

    /// All published versions, oldest first.
    ///
    /// # Errors
    /// A call fails.
    pub async fn versions(&self) -> Result<Vec<VersionFacts>, Error> {
        let mut pages = self
            .lambda
            .list_versions_by_function()
            .function_name(&self.function)
            .into_paginator()
            .send();
        let mut all = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(translate("lambda:ListVersionsByFunction"))?;
            let listed = page.versions.unwrap_or_default();
            all.extend(listed.into_iter().filter_map(facts));
        }
        let number = |facts: &VersionFacts| facts.version.parse::<u64>().ok();
        // The list contains `$LATEST`, which is no published version.
        all.retain(|facts| number(facts).is_some());
        all.sort_by_key(number);
        Ok(all)
    }

    /// Sets the version of a slot, or records that the version in it has answered.
    ///
    /// # Errors
    /// A call fails; the slot is unchanged.
    pub async fn place(&self, slot: Slot, version: &str, stay: Stay) -> Result<(), Error> {
        let description = stay.write();
        let updated = self
            .lambda
            .update_alias()
            .function_name(&self.function)
            .name(slot.as_str())
            .function_version(version)
            .description(&description)
            .send()
            .await
            .map(drop)
            .map_err(translate("lambda:UpdateAlias"));
        match updated {
            Err(error) if error.kind == ErrorKind::NotFound => {}
            other => return other,
        }
        self.lambda
            .create_alias()
            .function_name(&self.function)
            .name(slot.as_str())
            .function_version(version)
            .description(&description)
            .send()
            .await
            .map(drop)
            .map_err(translate("lambda:CreateAlias"))
    }

    /// Empties a slot, if it is not empty already. The version is not deleted.
    ///
    /// # Errors
    /// The call fails.
    pub async fn withdraw(&self, slot: Slot) -> Result<(), Error> {
        let deleted = self
            .lambda
            .delete_alias()
            .function_name(&self.function)
            .name(slot.as_str())
            .send()
            .await
            .map(drop)
            .map_err(translate("lambda:DeleteAlias"));
        match deleted {
            Err(error) if error.kind == ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    /// Sends requests to `version`, except a percentage below 100 to `other`. With 0, or without
    /// `other`, all requests go to `version`. The change is atomic.
    ///
    /// # Errors
    /// The call fails; the routing is unchanged. AWS rejects shares from or to `$LATEST`, and
    /// between versions with different roles.
    pub async fn shift(&self, version: &str, other: Option<(&str, u32)>) -> Result<(), Error> {
        let shares: HashMap<String, f64> = other
            .filter(|(_, percent)| *percent > 0)
            .map(|(other, percent)| (other.to_owned(), f64::from(percent) / 100.0))
            .into_iter()
            .collect();
        // Sent even if it is empty: otherwise AWS keeps the previous shares.
        let routing = AliasRoutingConfiguration::builder()
            .set_additional_version_weights(Some(shares))
            .build();
        self.lambda
            .update_alias()
            .function_name(&self.function)
            .name(LIVE)
            .function_version(version)
            .routing_config(routing)
            .send()
            .await
            .map(drop)
            .map_err(translate("lambda:UpdateAlias"))
    }

    /// Invokes `qualifier`, a version or an alias, once, to make its edge request `path` from its
    /// app.
    ///
    /// # Errors
    /// The call itself fails: there is no such version, it is not active yet, or the call is
    /// throttled.
    pub async fn probe(&self, qualifier: &str, path: &str) -> Result<Invoked, Error> {
        let answer = self
            .lambda
            .invoke()
            .function_name(&self.function)
            .qualifier(qualifier)
            .log_type(LogType::Tail)
            .payload(Blob::new(probe::event(path)))
            .customize()
            // A retry would be a second probe.
            .config_override(
                aws_sdk_lambda::config::Builder::new()
                    .retry_config(RetryConfig::disabled())
                    .timeout_config(
                        TimeoutConfig::builder()
                            .operation_attempt_timeout(PROBE_TIMEOUT)
                            .read_timeout(PROBE_TIMEOUT)
                            .build(),
                    ),
            )
            .send()
            .await
            .map_err(translate("lambda:InvokeFunction"))?;
        let payload = answer.payload.map(Blob::into_inner).unwrap_or_default();
        let answered = match answer.function_error {
            None => ProbeAnswer::parse(&payload),
            Some(_) => None,
        };
        Ok(match answered {
            Some(answered) => Invoked::Answered(answered),
            None => {
                let error = InvocationError::parse(&payload);
                let log = answer.log_result.and_then(|text| {
                    let bytes = aws_smithy_types::base64::decode(text).ok()?;
                    Some(String::from_utf8_lossy(&bytes).into_owned())
                });
                Invoked::Failed {
                    kind: error.error_type,
                    message: error.error_message,
                    lines: error.stack_trace,
                    log,
                }
            }
        })
    }

    /// Deletes published versions, except the newest `keep` and those that an alias refers to.
    /// Returns the deleted ones.
    ///
    /// # Errors
    /// A call fails; some versions may have been deleted.
    pub async fn prune(&self, keep: usize) -> Result<Vec<String>, Error> {
        let published: Vec<String> = self
            .versions()
            .await?
            .into_iter()
            .map(|v| v.version)
            .collect();
        let mut named = BTreeSet::new();
        for alias in self.aliases().await? {
            named.extend(alias.function_version);
            let routing = alias.routing_config;
            let shares = routing.and_then(|routing| routing.additional_version_weights);
            named.extend(shares.unwrap_or_default().into_keys());
        }
        let superfluous = published_versions::superfluous(&published, &named, keep);
        for version in &superfluous {
            let deleted = self
                .lambda
                .delete_function()
                .function_name(&self.function)
                .qualifier(version)
                .send()
                .await
                .map(drop)
                .map_err(translate("lambda:DeleteFunction"));
            match deleted {
                Err(error) if error.kind == ErrorKind::NotFound => {}
                other => other?,
            }
        }
        Ok(superfluous)
    }

    /// The account's limit of concurrent executions in this region.
    ///
    /// # Errors
    /// The call fails.
    pub async fn concurrency(&self) -> Result<u32, Error> {
        const OPERATION: &str = "lambda:GetAccountSettings";
        let answer = self
            .lambda
            .get_account_settings()
            .send()
            .await
            .map_err(translate(OPERATION))?;
        let limit = answer
            .account_limit
            .map(|limit| limit.concurrent_executions);
        limit
            .and_then(|limit| u32::try_from(limit).ok())
            .ok_or_else(|| Error::incomplete(OPERATION, "limit of concurrent executions"))
    }

    async fn aliases(&self) -> Result<Vec<AliasConfiguration>, Error> {
        let mut pages = self
            .lambda
            .list_aliases()
            .function_name(&self.function)
            .into_paginator()
            .send();
        let mut all = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(translate("lambda:ListAliases"))?;
            all.extend(page.aliases.unwrap_or_default());
        }
        Ok(all)
    }
}

/// A weight from 0 to 1 as a whole percentage.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 0 and 100"
)]
fn percent(weight: f64) -> u32 {
    (weight.clamp(0.0, 1.0) * 100.0).round() as u32
}

fn facts(configuration: FunctionConfiguration) -> Option<VersionFacts> {
    let variables = configuration
        .environment
        .and_then(|environment| environment.variables)
        .unwrap_or_default();
    Some(VersionFacts {
        version: configuration.version?,
        revision: revision(&variables),
        secret: variables
            .get(SECRET_VARIABLE)
            .and_then(|s| Secret::parse(s)),
        image: None,
        state: configuration
            .state
            .map_or_else(String::new, |state| state.as_str().to_owned()),
        reason_code: configuration
            .state_reason_code
            .map(|code| code.as_str().to_owned()),
        reason: configuration.state_reason,
        modified: configuration.last_modified.as_deref().and_then(timestamp),
    })
}

fn revision(variables: &HashMap<String, String>) -> Option<RevisionId> {
    variables.get(REVISION_VARIABLE).cloned().map(RevisionId)
}

/// Parses Lambda's own format, `2026-11-23T14:03:10.123+0000`.
fn timestamp(text: &str) -> Option<Timestamp> {
    let text = text.replace("+0000", "Z");
    let time = DateTime::from_str(&text, Format::DateTime).ok()?;
    time::timestamp(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lambdas_own_time_format_is_parsed() {
        assert_eq!(
            timestamp("2026-11-23T00:00:00.123+0000"),
            Some(Timestamp(1_795_392_000_123))
        );
        assert_eq!(timestamp("yesterday"), None);
    }
}
