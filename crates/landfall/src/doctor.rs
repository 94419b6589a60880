//! Gathers the facts that `rules::operate::doctor` judges, all at once, each part with a time
//! limit. A part that fails does not stop the others.

mod account;
mod machine;

use crate::cli::Global;
use crate::environment::Environment;
use crate::environment::app::App;
use crate::environment::endpoints::Cloud;
use crate::failure::Failure;
use crate::image::engine::Engine;
use crate::report::Report;
use rules::app::manifest::{Manifest, Overrides, Target};
use rules::check::{Seen, Unavailable};
use rules::operate::doctor::Facts;
use std::path::Path;
use std::time::Duration;

/// What is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Before a deployment: quotas, names and permissions only for roots that will be created.
    Deployment,
    /// Everything but AWS.
    Machine,
    /// Everything.
    Full,
}

impl Extent {
    /// Time limit of each part that calls AWS.
    fn timings(self) -> Duration {
        match self {
            Extent::Deployment => Duration::from_secs(5),
            Extent::Machine | Extent::Full => Duration::from_secs(15),
        }
    }
}

/// The facts, and what a deployment continues with.
pub(crate) struct Examined {
    pub(crate) facts: Facts,
    pub(crate) app: Option<App>,
    pub(crate) engine: Option<Engine>,
    pub(crate) environment: Option<Environment>,
    /// The targets that the environment runs on.
    pub(crate) deployed: Vec<Target>,
}

/// Examines the app directory, this machine and the account.
pub(crate) async fn examine(
    directory: &Path,
    overrides: &Overrides,
    extent: Extent,
    global: &Global,
    report: &Report,
) -> Examined {
    let mut examined = Examined {
        facts: Facts::default(),
        app: None,
        engine: None,
        environment: None,
        deployed: Vec::new(),
    };
    let facts = &mut examined.facts;
    match App::check(directory, overrides) {
        Ok(Ok(app)) => {
            facts.app = Ok(Ok(app.manifest.clone()));
            examined.app = Some(app);
        }
        Ok(Err(problems)) => facts.app = Ok(Err(problems.as_slice().to_vec())),
        Err(failure) => facts.app = Err(trouble(failure)),
    }
    let manifest = examined.app.as_ref().map(|app| &app.manifest);
    examined.engine = machine::gather(facts, manifest, Cloud::chosen(global)).await;
    // On the heap: with every service's call in it, it is more than a stack holds.
    Box::pin(account::gather(&mut examined, extent, global, report)).await;
    examined
}

impl Examined {
    /// The effective target is known only after a look at where the app runs.
    fn settle_target(&mut self) {
        if let Some(app) = &mut self.app {
            app.manifest.target = Environment::target(&app.manifest, &self.deployed);
            self.facts.app = Ok(Ok(app.manifest.clone()));
        }
    }

    fn manifest(&self) -> Option<&Manifest> {
        self.app.as_ref().map(|app| &app.manifest)
    }
}

/// A failure as the reason for a missing fact.
pub(crate) fn trouble(failure: Failure) -> Unavailable {
    Unavailable::Failed(failure.into())
}

/// Runs a part within its time limit.
async fn within<T>(limit: Duration, look: impl Future<Output = Seen<T>>) -> Seen<T> {
    let silent = || {
        let seconds = limit.as_secs();
        Err(Unavailable::Unknown(format!(
            "no response within {seconds} s"
        )))
    };
    tokio::time::timeout(limit, look)
        .await
        .unwrap_or_else(|_| silent())
}
