//! Releases and observations that several tests start from.

use crate::app::manifest::{Architecture, Target};
use crate::app::names::{Slot, Slots};
use crate::release::ledger::Record;
use crate::release::revision::{Digest, Image, Revision, RevisionId, Settings};
use crate::release::{
    AtMaximum, Comparison, Observation, PreviewRoutes, Probes, Progress, Purpose, Release,
    ReleaseTimings, SlotSeen, Strategy,
};
use crate::time::Timestamp;
use std::collections::BTreeMap;

/// When the release of [`release`] began.
pub(crate) const NOW: Timestamp = Timestamp(1_000_000);

/// A canary release of two tasks into green.
pub(crate) fn release(revision: &str) -> Release {
    Release {
        revision: RevisionId(revision.into()),
        count: 2,
        candidate: Slot::Green,
        strategy: Strategy::Canary,
        purpose: Purpose::Deploy,
        no_traffic: false,
        at_maximum: AtMaximum::Hold,
        is_idle: false,
        timings: ReleaseTimings::default(),
        started: NOW,
        progress: Progress::default(),
    }
}

/// The record of that release before its first step.
pub(crate) fn record(number: u64, revision: &str) -> Record {
    let image = Image {
        repository_url: "registry/uptime-prod".into(),
        digest: Digest::parse(&format!("sha256:{}", "ab".repeat(32))).expect("digest"),
    };
    let settings = Settings {
        secrets: BTreeMap::new(),
        target: Target::Fargate,
        port: 8080,
        cpu: 256,
        memory: 512,
        architecture: Architecture::X86_64,
        env: BTreeMap::new(),
        stop_timeout: 30,
        edge: None,
        container: None,
    };
    Record::begin(
        number,
        "ann@desk".into(),
        Revision { image, settings },
        None,
        release(revision),
    )
}

/// Nothing was ever released; all users are sent to blue.
pub(crate) fn empty() -> Observation {
    Observation {
        shares: Slots {
            blue: 100,
            green: 0,
        },
        previews: PreviewRoutes::Disabled,
        slots: Slots::default(),
        probes: Probes::default(),
        comparison: Comparison::default(),
    }
}

/// A slot with this many healthy tasks of a revision.
pub(crate) fn running(revision: &str, count: u32) -> SlotSeen {
    SlotSeen {
        revision: Some(RevisionId(revision.into())),
        desired: count,
        tasks: count,
        healthy: count,
        staged_at: Some(NOW),
        ..SlotSeen::default()
    }
}

/// The revision `old` serves, in blue.
pub(crate) fn serving() -> Observation {
    let mut seen = empty();
    seen.slots.blue = running("old", 2);
    seen
}
