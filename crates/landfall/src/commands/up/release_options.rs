//! What the command line asks of a release.

use crate::cli::{AtMaximum, Strategy, Up};
use rules::app::manifest::Manifest;
use rules::release::{self, Purpose, ReleaseOptions, ReleaseTimings};

pub(super) fn release_options(arguments: &Up, manifest: &Manifest) -> ReleaseOptions {
    let pace = &arguments.pace;
    let usual = ReleaseTimings::default_for(manifest.target, manifest.edge, manifest.start_seconds);
    ReleaseOptions {
        count: manifest.count.get(),
        strategy: match pace.strategy {
            None => manifest.strategy,
            Some(Strategy::Canary) => release::Strategy::Canary,
            Some(Strategy::AllAtOnce) => release::Strategy::AllAtOnce,
            Some(Strategy::Manual) => release::Strategy::Manual,
        },
        purpose: Purpose::Deploy,
        no_traffic: pace.no_traffic,
        at_maximum: match pace.at_maximum {
            AtMaximum::Hold => release::AtMaximum::Hold,
            AtMaximum::Promote => release::AtMaximum::Promote,
            AtMaximum::RollBack => release::AtMaximum::RollBack,
        },
        timings: ReleaseTimings {
            ready: arguments.start.ready_timeout.unwrap_or(usual.ready),
            minimum: pace.minimum.unwrap_or(usual.minimum),
            maximum: pace.maximum,
            bake: pace.bake.unwrap_or(usual.bake),
            ..usual
        },
    }
}
