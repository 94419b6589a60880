//! Parts of the report that are sentences by themselves.

use super::view::{clock, logarithm, rate};
use rules::edge_contract::totals::Totals;
use rules::release::canary::Stratum;
use rules::release::evidence::Listening;
use rules::release::ledger::AvailabilityCounts;
use rules::release::live_status::{Evidence, LiveStatus, Role};
use rules::release::{Awaited, Outcome, Proof, Step};

/// One line of numbers.
pub(super) fn traffic(totals: &Totals) -> String {
    format!(
        "  {} requests: {} first tries failed, users saw {} errors; {} retries, {} restarts; p50 {:.1} ms, p99 {:.1} ms",
        totals.requests,
        totals.first_errors,
        totals.user_errors,
        totals.retries,
        totals.restarts,
        totals.p50_ms,
        totals.p99_ms
    )
}

/// `listens on 9090`, `listens on no port`.
pub(super) fn ports(listening: &Listening) -> String {
    let reachable = listening.reachable.iter().map(u16::to_string);
    let loopback = listening
        .loopback
        .iter()
        .map(|port| format!("127.0.0.1:{port}"));
    let all: Vec<String> = reachable.chain(loopback).collect();
    if all.is_empty() {
        "listens on no port".to_owned()
    } else {
        format!("listens on {}", all.join(", "))
    }
}

/// A release's step; [`None`] for one that says nothing to people.
pub(super) fn step_text(step: &Step) -> Option<String> {
    match step {
        Step::EnablePreview | Step::DisablePreview | Step::Watch { .. } => None,
        Step::Wait {
            what: Awaited::Counted,
            ..
        } => None,
        step => Some(step_words(step)),
    }
}

/// A release's step in a few words: what a person reads of it, also whoever waits for the lock.
pub(crate) fn step_words(step: &Step) -> String {
    match step {
        Step::Stage { slot } => format!("stage the new revision in {slot}"),
        Step::EnablePreview => "open a way to each slot".to_owned(),
        Step::DisablePreview => "close the ways to the slots".to_owned(),
        Step::Probe { requests } => format!("probe it with {requests} requests of our own"),
        Step::Shift { slot, share: 100 } => format!("send all users to {slot}"),
        Step::Shift { slot, share: 0 } => format!("take all users back from {slot}"),
        Step::Shift { slot, share } => format!("send {share}% of users to {slot}"),
        Step::Watch { probes: 0, .. } => "compare it with the old version".to_owned(),
        Step::Watch { .. } => {
            "compare it with the old version, by users and by requests of our own".to_owned()
        }
        Step::Promote { proof } => format!("it stays: {}", proof_words(*proof)),
        Step::Scale { slot, count } => format!("scale {slot} to {count}"),
        Step::Retire { slot } => format!("stop {slot}"),
        Step::Wait { what, .. } => match what {
            Awaited::Healthy => "wait until its targets are healthy".to_owned(),
            Awaited::Counted => "wait until the probes are counted".to_owned(),
            Awaited::Settled => "let requests in flight end".to_owned(),
            Awaited::Gone => "wait until its tasks are gone".to_owned(),
        },
        Step::RollBack { cause } => format!("give it up: {}", cause.explain().what),
        Step::Finished { outcome } => outcome_words(outcome),
    }
}

/// Why a candidate stays.
pub(super) fn proof_words(proof: Proof) -> &'static str {
    match proof {
        Proof::Users => "users' requests show that it is not worse",
        Proof::Probes => "our own requests show that it is not worse; users sent too few",
        Proof::Person => "a person said so",
        Proof::Unproven => "unproven, but nothing speaks against it",
    }
}

/// How a release ended.
pub(super) fn outcome_words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Serving { slot, .. } => format!("it serves, in {slot}"),
        Outcome::RolledBack { slot, .. } => {
            format!("the old revision serves as before, in {slot}")
        }
        Outcome::NothingServing { .. } => "nothing serves".to_owned(),
        Outcome::AtRisk { slot, .. } => {
            format!("users are still sent to {slot}: nothing else could take them")
        }
        Outcome::Held { share, why, .. } => {
            format!("held with {share}% of users on it: {}", why.explain())
        }
    }
}

/// What landfall's own requests to the public address saw.
pub(super) fn pings(pings: &AvailabilityCounts) -> String {
    let own = match pings.errors {
        0 => String::new(),
        errors => format!(" ({errors} answered with an error of the app's own)"),
    };
    format!(
        "{} requests, {} failed, longest gap {} ms{own}",
        pings.requests, pings.failed, pings.longest_gap_ms
    )
}

/// What is watched, in one word.
pub(super) fn prefix(watch: &LiveStatus) -> &'static str {
    let compares = watch.arms.iter().any(|arm| arm.role != Role::Only);
    if compares { "release" } else { "live" }
}

/// `45 requests of users`
pub(super) fn origin(evidence: &Evidence) -> String {
    let of = match evidence.stratum {
        Stratum::Users => "of users",
        Stratum::Probes => "of our own",
    };
    let requests = evidence.new_requests;
    let word = if requests == 1 { "request" } else { "requests" };
    format!("{requests} {word} {of}")
}

/// A moment as one line of a log.
pub(super) fn watched(watch: &LiveStatus) -> String {
    let mut text = format!(
        "{}  {}  {}",
        prefix(watch),
        clock(watch.elapsed),
        watch.doing
    );
    for (index, arm) in watch.arms.iter().enumerate() {
        // Said once, the words are understood.
        let (requests, errors) = if index == 0 {
            (" requests", " errors")
        } else {
            ("", "")
        };
        text.push_str(&format!(
            " · {} {}{requests}, {}{errors}",
            arm.role.as_str(),
            arm.requests,
            rate(arm.errors, arm.requests)
        ));
        if arm.user_errors > 0 {
            text.push_str(&format!(", users saw {}", arm.user_errors));
        }
    }
    if let Some(evidence) = &watch.evidence {
        text.push_str(&format!(
            " · rollback {}/{} · promotion {}/{}",
            logarithm(evidence.roll_back),
            logarithm(evidence.roll_back_at),
            logarithm(evidence.promote),
            logarithm(evidence.promote_at)
        ));
    }
    if let Some(pings) = &watch.pings {
        text.push_str(&format!(
            " · pings {}, {} failed",
            pings.requests, pings.failed
        ));
    }
    text
}

/// What `reap` came to.
pub(super) fn reaped(removed: &[String], failed: &[String]) -> String {
    let mut lines = match removed {
        [] if failed.is_empty() => vec!["nothing was taken down".to_owned()],
        [] => Vec::new(),
        removed => vec![format!("taken down: {}", removed.join(", "))],
    };
    lines.extend(failed.iter().map(|one| format!("not taken down: {one}")));
    lines.join("\n")
}
