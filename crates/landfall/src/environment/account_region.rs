//! An account and a region, for commands that act before they know which environment.

use crate::cli::Global;
use crate::environment::endpoints::Endpoints;
use crate::environment::paths::home;
use crate::failure::Failure;
use crate::report::Report;
use aws::{CredentialsServer, Session};
use rules::app::manifest::Region;
use rules::operate::doctor::account::Identity;
use std::path::PathBuf;
use std::sync::Arc;

/// The caller's account, a region of it, and a session with it.
pub(crate) struct AccountRegion {
    pub(crate) identity: Identity,
    pub(crate) session: Session,
    pub(super) endpoints: Endpoints,
    pub(super) credentials: Arc<CredentialsServer>,
}

impl AccountRegion {
    /// Looks up the caller, in `region` or the region of the profile.
    ///
    /// # Errors
    /// No usable credentials or region; in a rehearsal, the emulators do not start.
    pub(crate) async fn open(
        region: Option<&Region>,
        global: &Global,
        report: &Report,
    ) -> Result<AccountRegion, Failure> {
        let region = region.map(Region::as_str);
        let (endpoints, session) = Endpoints::open(region, global, report).await?;
        let identity = session.identity().await?;
        let credentials = CredentialsServer::start(&session)
            .await
            .map_err(Failure::io("no port can be opened on 127.0.0.1".to_owned()))?;
        Ok(AccountRegion {
            identity,
            credentials: Arc::new(credentials),
            session,
            endpoints,
        })
    }

    /// The directory on this machine that holds one directory for each environment of the account
    /// and region.
    pub(crate) fn directory(&self) -> PathBuf {
        let (account, region) = (&self.identity.account, self.session.region());
        home()
            .join(self.endpoints.cloud().directory())
            .join(format!("{account}-{region}"))
    }
}
