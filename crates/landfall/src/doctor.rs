//! Gathering what `rules::operate::doctor` judges: everything at once, each part with a time limit, none of them
//! failing the rest.

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

/// How much is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Before a deployment: quotas, names and permissions only where something is to be made.
    Deployment,
    /// Everything but AWS.
    Machine,
    /// Everything.
    Full,
}

impl Extent {
    /// How long AWS may take for each part.
    fn timings(self) -> Duration {
        match self {
            Extent::Deployment => Duration::from_secs(5),
            Extent::Machine | Extent::Full => Duration::from_secs(15),
        }
    }
}

/// What was found, and what a deployment goes on with.
pub(crate) struct Examined {
    pub(crate) facts: Facts,
    pub(crate) app: Option<App>,
    pub(crate) engine: Option<Engine>,
    pub(crate) environment: Option<Environment>,
    /// What the environment runs on.
    pub(crate) deployed: Vec<Target>,
}

/// Looks at the app directory, this machine and the account.
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
    /// The target that is meant is known once one has looked where the app runs already.
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

/// A failure as the reason why there is no fact.
pub(crate) fn trouble(failure: Failure) -> Unavailable {
    Unavailable::Failed(failure.into())
}

/// A look that may take so long and no longer.
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
