//! Phrases that several reports share.

use super::figures::{clock, logarithm, rate};
use edge_contract::totals::Totals;
use rules::app::manifest::Target;
use rules::app::names::Slot;
use rules::release::canary::Stratum;
use rules::release::evidence::Listening;
use rules::release::ledger::AvailabilityCounts;
use rules::release::live_status::{Evidence, LiveStatus, Role};
use rules::release::{Awaited, Outcome, Proof, Step};

/// The numbers of `landfall run`, on one line.
pub(super) fn traffic(totals: &Totals) -> String {
    format!(
        "{} requests: {} first attempts failed, users saw {} errors; {} retries, {} restarts; p50 \
         {:.1} ms, p99 {:.1} ms",
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

/// A step of a release; [`None`] for one that is too small to report.
pub(super) fn step_text(step: &Step, target: Target) -> Option<String> {
    match step {
        Step::EnablePreview | Step::DisablePreview | Step::Watch { .. } => None,
        Step::Wait {
            what: Awaited::Counted,
            ..
        } => None,
        step => Some(step_words(step, target)),
    }
}

/// A step of a release in a few words, in the terms of its target.
pub(crate) fn step_words(step: &Step, target: Target) -> String {
    let at = |slot: &Slot| slot_words(*slot, target);
    match step {
        Step::Stage { slot } => match target {
            Target::Fargate => format!("start the new version in {slot}"),
            Target::Lambda => format!("publish a version, and point the alias {slot} to it"),
        },
        Step::EnablePreview => "enable preview routes".to_owned(),
        Step::DisablePreview => "disable preview routes".to_owned(),
        Step::Probe { requests } => format!("send {requests} probes to the new version"),
        Step::Shift { slot, share: 100 } => format!("send all traffic to {}", at(slot)),
        Step::Shift { slot, share: 0 } => format!("send no traffic to {}", at(slot)),
        Step::Shift { slot, share } => format!("send {share}% of the traffic to {}", at(slot)),
        Step::Watch { probes: 0, .. } => {
            "compare it with the old version, by users' requests".to_owned()
        }
        Step::Watch { .. } => {
            "compare it with the old version, by users' requests and by probes".to_owned()
        }
        Step::Promote { proof } => format!("promote it: {}", proof_words(*proof)),
        Step::Scale { slot, count } => match target {
            Target::Fargate => format!("scale {slot} to {count}"),
            Target::Lambda => format!("keep {}", at(slot)),
        },
        Step::Retire { slot } => match target {
            Target::Fargate => format!("stop {slot}"),
            Target::Lambda => format!("remove the alias {slot}"),
        },
        Step::Wait { what, .. } => awaited_words(*what, target).to_owned(),
        Step::RollBack { cause } => format!("roll back: {}", cause.explain(target).what),
        Step::Finished { outcome } => outcome_words(outcome, target),
    }
}

/// What a slot is on the target: `green`, or on Lambda the version that an alias points to.
fn slot_words(slot: Slot, target: Target) -> String {
    match target {
        Target::Fargate => slot.to_string(),
        Target::Lambda => format!("the version of the alias {slot}"),
    }
}

fn awaited_words(what: Awaited, target: Target) -> &'static str {
    match (what, target) {
        (Awaited::Healthy, Target::Fargate) => "wait until its targets are healthy",
        (Awaited::Healthy, Target::Lambda) => "wait until the version is active and answers",
        (Awaited::Counted, _) => "wait for the counts of the probes",
        (Awaited::Settled, _) => "wait for requests in flight",
        (Awaited::Warm, _) => "keep the old version while users come",
        (Awaited::Gone, Target::Fargate) => "wait until its tasks have stopped",
        (Awaited::Gone, Target::Lambda) => "wait until the alias is gone",
    }
}

/// Why a new version is promoted.
pub(super) fn proof_words(proof: Proof) -> &'static str {
    match proof {
        Proof::Users => "users' requests show that it is not worse",
        Proof::Probes => "probes show that it is not worse; users sent too few requests",
        Proof::Person => "ordered with `landfall promote`",
        Proof::Unproven => "unproven, but no evidence against it",
    }
}

/// How a release ended.
pub(super) fn outcome_words(outcome: &Outcome, target: Target) -> String {
    let at = |slot: &Slot| slot_words(*slot, target);
    match outcome {
        Outcome::Serving { slot, .. } => match target {
            Target::Fargate => format!("live in {slot}"),
            Target::Lambda => format!("live: {}", at(slot)),
        },
        Outcome::RolledBack { slot, .. } => match target {
            Target::Fargate => format!("the old version serves as before, in {slot}"),
            Target::Lambda => "the old version serves as before".to_owned(),
        },
        Outcome::NothingServing { .. } => "nothing serves".to_owned(),
        Outcome::AtRisk { slot, .. } => {
            format!("{} still gets traffic: nothing else can take it", at(slot))
        }
        Outcome::Held { share, why, .. } => {
            format!("held with {share}% of the traffic: {}", why.explain())
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
    let (one, many) = match evidence.stratum {
        Stratum::Users => ("request of users", "requests of users"),
        Stratum::Probes => ("probe", "probes"),
    };
    match evidence.new_requests {
        1 => format!("1 {one}"),
        requests => format!("{requests} {many}"),
    }
}

/// A sample as one line of a log.
pub(super) fn watched(watch: &LiveStatus) -> String {
    let mut text = format!(
        "{}  {}  {}",
        prefix(watch),
        clock(watch.elapsed),
        watch.doing
    );
    for (index, arm) in watch.arms.iter().enumerate() {
        // The first column names the units.
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
