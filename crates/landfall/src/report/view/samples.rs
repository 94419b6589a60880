//! Made-up samples.

use rules::app::names::Slot;
use rules::release::canary::Stratum;
use rules::release::ledger::AvailabilityCounts;
use rules::release::live_status::{Arm, Count, Evidence, LiveStatus, Role, Sample};
use rules::release::revision::RevisionId;

fn arm(role: Role, share: u32, requests: u64, errors: u64) -> Arm {
    let (slot, revision) = match role {
        Role::New => (Slot::Green, "9b1c44e70a12"),
        Role::Old | Role::Only => (Slot::Blue, "3f2a91c04d77"),
    };
    Arm {
        slot,
        revision: RevisionId(revision.to_owned()),
        role,
        share,
        tasks: 2,
        healthy: 2,
        requests,
        errors,
        user_errors: 0,
        p50_ms: Some(12.3),
        p99_ms: Some(480.0),
    }
}

/// Seconds with at most so many requests for each arm, and some errors.
fn seconds(arms: &[u64], of: u64) -> Vec<Sample> {
    let moment = |second: u64| Sample {
        arms: arms
            .iter()
            .map(|&most| {
                let requests = most * (second * 7 % 5 + 4) / 8;
                let errors = if second % 6 == 2 { requests / 4 } else { 0 };
                Count { requests, errors }
            })
            .collect(),
    };
    (0..of).map(moment).collect()
}

fn evidence(roll_back: f64, promote: f64) -> Evidence {
    Evidence {
        roll_back,
        roll_back_at: 100_f64.ln(),
        promote,
        promote_at: 20_f64.ln(),
        stratum: Stratum::Users,
        new_requests: 45,
    }
}

/// The new version has 10% of the traffic, and no more errors than the old one.
pub(crate) fn canary() -> LiveStatus {
    LiveStatus {
        elapsed: 42.0,
        doing: "10% on the new version".to_owned(),
        arms: vec![arm(Role::Old, 90, 412, 40), arm(Role::New, 10, 45, 5)],
        evidence: Some(evidence(0.3, 1.2)),
        pings: Some(AvailabilityCounts {
            requests: 210,
            failed: 0,
            errors: 21,
            longest_gap_ms: 320,
        }),
        seconds: seconds(&[24, 8], 100),
    }
}

/// The new version has so many errors that the old one gets all traffic back.
pub(crate) fn rollback() -> LiveStatus {
    let mut new = arm(Role::New, 0, 88, 61);
    new.healthy = 1;
    new.user_errors = 14;
    LiveStatus {
        elapsed: 73.0,
        doing: "all users back on the old version".to_owned(),
        arms: vec![arm(Role::Old, 100, 655, 64), new],
        evidence: Some(evidence(5.1, -3.4)),
        pings: Some(AvailabilityCounts {
            requests: 365,
            failed: 2,
            errors: 51,
            longest_gap_ms: 1_420,
        }),
        seconds: seconds(&[24, 3], 20),
    }
}

/// The new version has all traffic; the old one is kept warm.
pub(crate) fn bake() -> LiveStatus {
    let mut old = arm(Role::Old, 0, 2_412, 240);
    (old.p50_ms, old.p99_ms) = (None, None);
    LiveStatus {
        elapsed: 3_661.0,
        doing: "all on the new version; the old one stands by".to_owned(),
        arms: vec![old, arm(Role::New, 100, 10_045, 950)],
        evidence: Some(evidence(-0.2, 8.25)),
        pings: None,
        seconds: seconds(&[0, 400], 120),
    }
}

/// One version: `landfall status --watch`.
pub(crate) fn single() -> LiveStatus {
    LiveStatus {
        elapsed: 5.0,
        doing: "serves".to_owned(),
        arms: vec![arm(Role::Only, 100, 52, 5)],
        evidence: None,
        pings: None,
        seconds: seconds(&[12], 5),
    }
}
