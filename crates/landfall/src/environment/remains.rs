//! The search for everything that an environment has or has left in AWS.

use crate::environment::Environment;
use crate::environment::domain;
use crate::failure::Failure;
use crate::release::ledger::Ledger;
use aws::{Inventory, Secrets};
use rules::app::manifest::{Domain, Manifest, SecretName};
use rules::operate::neighbours;
use std::collections::{BTreeMap, BTreeSet};

/// Names that a search needs and that no service lists reliably. They are read before the state is removed.
pub(crate) struct Known {
    domains: BTreeMap<Domain, Option<String>>,
    secrets: BTreeSet<SecretName>,
}

impl Known {
    /// The domains and secrets of the manifest, the state and the last release.
    ///
    /// # Errors
    /// The state cannot be read.
    pub(crate) async fn read(
        environment: &Environment,
        manifest: &Manifest,
    ) -> Result<Known, Failure> {
        let of_manifest = manifest.domain.iter().map(|domain| (domain.clone(), None));
        let mut domains: BTreeMap<Domain, Option<String>> = of_manifest.collect();
        let kept = domain::kept(environment).await?.domains.into_iter();
        domains
            .extend(kept.filter_map(|(domain, zone)| Some((Domain::parse(&domain).ok()?, zone))));
        let mut secrets: BTreeSet<SecretName> = manifest.secrets.iter().cloned().collect();
        // A release that cannot be read names no secret: older ones are in the stores' lists.
        if let Ok(Some(latest)) = Ledger::latest(&environment.store()).await {
            secrets.extend(latest.record.revision.settings.secrets.into_keys());
        }
        Ok(Known { domains, secrets })
    }

    /// The search of all services.
    pub(crate) fn inventory(&self, environment: &Environment) -> Inventory {
        let (session, account) = (&environment.session, &environment.account);
        Inventory::new(session, &environment.names, account)
            .with_domains(self.domains.clone())
            .with_secrets(&self.secrets)
    }

    /// The secrets of the environment.
    pub(crate) fn secrets(&self, environment: &Environment) -> Secrets {
        Secrets::new(&environment.session, &environment.names).with_known(&self.secrets)
    }
}

/// What others placed into the environment's VPC, one line for each VPC; or why that is unknown.
pub(crate) async fn neighbours_of(inventory: &Inventory) -> Vec<String> {
    match inventory.neighbours().await {
        Ok(found) => neighbours::explain(&found),
        Err(error) => vec![format!("what else is in the VPC is unknown: {error}")],
    }
}
