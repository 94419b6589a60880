//! References to the stored secrets that a revision uses.

use crate::environment::Environment;
use crate::failure::Failure;
use aws::Secrets;
use rules::app::manifest::{Manifest, Reference, SecretName};
use rules::exit::Exit;
use rules::operate::secrets::references;
use std::collections::BTreeMap;

/// A reference to the current version of each secret that the manifest lists.
///
/// # Errors
/// A secret is not set, or the store does not answer.
pub(crate) async fn current(
    environment: &Environment,
    manifest: &Manifest,
) -> Result<BTreeMap<SecretName, Reference>, Failure> {
    if manifest.secrets.is_empty() {
        return Ok(BTreeMap::new());
    }
    let secrets =
        Secrets::new(&environment.session, &environment.names).with_known(&manifest.secrets);
    let stored = secrets.list_in(manifest.secrets_store).await?;
    references(manifest, &stored).map_err(|refusal| Failure {
        exit: Exit::BadInput,
        ..refusal.into()
    })
}
