//! The decision about the next step of a release.

use super::{
    AtMaximum, Awaited, BAKE_SHARE, ENOUGH, FEW, FIRST_SHARE, HALF_SHARE, HoldReason,
    ManualOverride, Observation, Outcome, Proof, Purpose, Release, SlotSeen, Step, Strategy,
};
use crate::app::names::Slot;
use crate::release::diagnosis::Cause;
use crate::time::Timestamp;
use std::time::Duration;

/// How long landfall waits for tasks to stop after it asked them to.
const GONE_WITHIN: Duration = Duration::from_secs(180);
/// How long probes may take to show in the counts of the edges.
const COUNTED_WITHIN: Duration = Duration::from_secs(30);
/// Probes per look where there are few users. There is one look a second.
const PROBES_A_LOOK: u32 = 20;
/// Requests of users to the old version, counted since some minutes before the release, from which on an
/// app is not idle whatever the platform counted before.
const RECENT: u64 = 30;
/// With fewer of them the candidate gets half of the users after [`SPARSE_AFTER`], if probes show nothing
/// against it: what a worse version costs depends on the requests that it takes to notice, not on its share.
const SPARSE: u64 = 1_500;
/// See [`SPARSE`].
const SPARSE_AFTER: Duration = Duration::from_secs(60);
/// With fewer requests to the old version than this, half of the users move although none of their requests
/// to the candidate was counted yet. With more, the counts may be late, and a worse version would cost more.
const RARE: u64 = 100;
/// Requests of users to the candidate after which probes may prove it, where users are sparse: by then a
/// version that fails half of them has been rolled back.
const SPARSE_ENOUGH: u64 = 40;
/// Evidence against a candidate, as a factor, with which probes do not prove it.
const DOUBTFUL: f64 = 1.5;
/// Probes that a suspicious candidate gets before it gets users.
const PROBES_BEFORE_USERS: u64 = 60;
/// Probes that the candidate of an idle app gets at most: no user will show more.
const PROBES_OF_IDLE: u64 = 200;

/// The next step of `release`, given what is `seen` at `now`.
pub fn next(release: &Release, seen: &Observation, now: Timestamp) -> Step {
    if let Some(cause) = &release.progress.failed {
        return undo(release, cause, seen, now);
    }
    let slot = release.candidate;
    let new = seen.slots.of(slot);
    let share = *seen.shares.of(slot);
    let is_ours = new.revision.as_ref() == Some(&release.revision);
    if share == 100 && is_ours && new.desired > 0 {
        return conclude(release, seen, now);
    }
    match release.progress.order {
        Some(ManualOverride::Abort) => return roll_back(Cause::Aborted),
        Some(ManualOverride::Interrupt) if release.progress.promoted_at.is_none() => {
            return roll_back(Cause::Interrupted);
        }
        _ => {}
    }
    if share > 0 && !is_ours {
        // An earlier release left users there, or someone else moved them.
        return match share {
            100 => roll_back(Cause::Displaced),
            _ => Step::Shift { slot, share: 0 },
        };
    }
    if let Some(cause) = new.cause.as_ref().filter(|cause| cause.is_certain()) {
        // A platform may refuse a revision before the slot holds it.
        return roll_back(cause.clone());
    }
    if !is_ours || new.desired < release.count {
        return Step::Stage { slot };
    }
    if !seen.previews.reach_slots() {
        return Step::EnablePreview;
    }
    if let Some(cause) = crash(release, new) {
        return roll_back(cause);
    }
    if let Some(cause) = &seen.comparison.worse {
        return roll_back(cause.clone());
    }
    if share == 0 {
        return before_users(release, seen, now);
    }
    if new.healthy == 0 {
        return roll_back(new.cause.clone().unwrap_or(Cause::Stopped));
    }
    match release.progress.promoted_at {
        None => with_users(release, seen, share, now),
        Some(promoted_at) => bake(release, seen, share, promoted_at, now),
    }
}

fn roll_back(cause: Cause) -> Step {
    Step::RollBack { cause }
}

/// The evidence against the candidate apart from its answers.
fn crash(release: &Release, new: &SlotSeen) -> Option<Cause> {
    let often = new.stopped >= release.timings.stops;
    match &new.cause {
        Some(cause) if cause.is_certain() || often => Some(cause.clone()),
        _ => often.then_some(Cause::Stopped),
    }
}

/// The candidate is staged and has no users.
fn before_users(release: &Release, seen: &Observation, now: Timestamp) -> Step {
    let slot = release.candidate;
    let new = seen.slots.of(slot);
    let old = seen.slots.of(slot.other());
    let timings = &release.timings;
    let deadline = set_at(release, slot, new).plus(timings.ready);
    if new.healthy < release.count {
        if now >= deadline {
            let within = timings.ready;
            return roll_back(new.cause.clone().unwrap_or(Cause::NotReady { within }));
        }
        return Step::Wait {
            what: Awaited::Healthy,
            until: deadline,
        };
    }
    let probes = &seen.probes;
    if probes.lost > timings.probes && probes.lost > probes.lost_by_old {
        return roll_back(Cause::ProbesLost { lost: probes.lost });
    }
    // Without a healthy old version there is nothing to compare with, and no user to protect.
    let is_compared = release.purpose == Purpose::Deploy && old.healthy > 0;
    let asked = if is_compared {
        // Probes of an earlier process are in the counts.
        u64::from(probes.answered).max(seen.comparison.new_probes)
    } else {
        u64::from(probes.answered)
    };
    let wanted = u64::from(timings.probes);
    if asked < wanted {
        return Step::Probe {
            requests: u32::try_from(wanted - asked).unwrap_or(u32::MAX),
        };
    }
    if !is_compared {
        // An app that fails one request of ten has a good answer among six in 999,999 of a million releases.
        // One that has none gets no users.
        if probes.good == 0 {
            let answered = probes.answered;
            return roll_back(Cause::OnlyErrors { answered });
        }
        return Step::Shift { slot, share: 100 };
    }
    let counted = seen.comparison.new_probes;
    let counted_until = release
        .progress
        .probed_at
        .unwrap_or(release.started)
        .plus(COUNTED_WITHIN);
    let is_late = now >= counted_until;
    if counted < asked && !is_late {
        return Step::Wait {
            what: Awaited::Counted,
            until: counted_until,
        };
    }
    let is_idle = release.is_idle
        && release.strategy == Strategy::Canary
        && seen.comparison.old_users < RECENT;
    let is_all_at_once = release.strategy == Strategy::AllAtOnce || is_idle;
    if is_idle && !seen.comparison.proven_by_probes && counted < PROBES_OF_IDLE && !is_late {
        return Step::Probe {
            requests: PROBES_A_LOOK,
        };
    }
    if counted == 0 && !is_all_at_once {
        return held(release, seen, HoldReason::Unobserved);
    }
    if counted == 0 && probes.good == 0 {
        let answered = probes.answered;
        return roll_back(Cause::OnlyErrors { answered });
    }
    if seen.comparison.is_suspicious() && counted < PROBES_BEFORE_USERS && !is_late {
        return Step::Probe {
            requests: PROBES_A_LOOK,
        };
    }
    if release.no_traffic && release.progress.order.is_none() {
        return held(release, seen, HoldReason::NoTraffic);
    }
    let share = if is_all_at_once { 100 } else { FIRST_SHARE };
    Step::Shift { slot, share }
}

fn held(release: &Release, seen: &Observation, why: HoldReason) -> Step {
    Step::Finished {
        outcome: Outcome::Held {
            slot: release.candidate,
            share: *seen.shares.of(release.candidate),
            why,
        },
    }
}

/// The candidate has some users and is not promoted yet.
fn with_users(release: &Release, seen: &Observation, share: u32, now: Timestamp) -> Step {
    let slot = release.candidate;
    let comparison = &seen.comparison;
    let began = release.progress.shifted_at.unwrap_or(release.started);
    let promote = |proof| Step::Promote { proof };
    if release.progress.order == Some(ManualOverride::Promote) {
        return promote(Proof::Person);
    }
    if seen.slots.of(slot.other()).healthy == 0 {
        // The old version is not healthy: all users are better off on the candidate.
        return promote(Proof::Unproven);
    }
    if release.strategy == Strategy::Manual {
        return held(release, seen, HoldReason::Manual);
    }
    let has_users = comparison.new_users >= ENOUGH;
    let has_few = comparison.new_users >= FEW;
    let is_clean = !comparison.is_suspicious();
    // Probes ask for one path: they prove nothing while no user has shown what the other paths do.
    let proven_by_probes = comparison.proven_by_probes
        && comparison.new_probes >= ENOUGH
        && has_few
        && comparison.ln_m < DOUBTFUL.ln();
    // A proof by users takes hundreds of requests where no version fails.
    let is_slow_to_prove = comparison.old_users < SPARSE && comparison.new_users >= SPARSE_ENOUGH;
    if now >= began.plus(release.timings.minimum) {
        if comparison.proven_by_users && has_users {
            return promote(Proof::Users);
        }
        if proven_by_probes && is_slow_to_prove {
            return promote(Proof::Probes);
        }
    }
    let end = began.plus(release.timings.maximum);
    if now >= end {
        return match release.at_maximum {
            _ if proven_by_probes => promote(Proof::Probes),
            AtMaximum::Promote if is_clean && has_few => promote(Proof::Unproven),
            AtMaximum::RollBack => roll_back(Cause::Unproven),
            _ if !has_few => held(release, seen, HoldReason::Unobserved),
            _ => held(release, seen, HoldReason::Undecided),
        };
    }
    if share < HALF_SHARE && has_users && seen.slots.of(slot).healthy >= release.count {
        let share = HALF_SHARE;
        return Step::Shift { slot, share };
    }
    let is_sparse = comparison.old_users < SPARSE
        && !has_users
        && (comparison.new_users > 0 || comparison.old_users < RARE);
    if share < HALF_SHARE
        && is_sparse
        && is_clean
        && comparison.proven_by_probes
        && now >= began.plus(SPARSE_AFTER)
        && seen.slots.of(slot).healthy >= release.count
    {
        let share = HALF_SHARE;
        return Step::Shift { slot, share };
    }
    let needs_probes = !has_users && !comparison.proven_by_probes;
    Step::Watch {
        probes: if needs_probes { PROBES_A_LOOK } else { 0 },
        until: end,
    }
}

/// The candidate is promoted: the old version stays warm for a while, and the comparison continues.
fn bake(
    release: &Release,
    seen: &Observation,
    share: u32,
    promoted_at: Timestamp,
    now: Timestamp,
) -> Step {
    let slot = release.candidate;
    let until = promoted_at.plus(release.timings.bake);
    let is_over = now >= until || release.progress.order == Some(ManualOverride::Interrupt);
    if is_over || seen.slots.of(slot.other()).healthy == 0 {
        return Step::Shift { slot, share: 100 };
    }
    if share != BAKE_SHARE {
        let share = BAKE_SHARE;
        return Step::Shift { slot, share };
    }
    Step::Watch { probes: 0, until }
}

/// The revision has all users: the previews are disabled and the old slot is retired.
fn conclude(release: &Release, seen: &Observation, now: Timestamp) -> Step {
    let slot = release.candidate;
    let live = seen.slots.of(slot);
    let old_slot = slot.other();
    let old = seen.slots.of(old_slot);
    if live.desired != release.count {
        return Step::Scale {
            slot,
            count: release.count,
        };
    }
    let full_at = release.progress.full_at.unwrap_or(release.started);
    let warm = kept_warm(release, old, full_at).filter(|until| now < *until);
    if warm.is_some() && live.healthy == 0 {
        return roll_back(live.cause.clone().unwrap_or(Cause::Stopped));
    }
    if !seen.previews.are_disabled() {
        return Step::DisablePreview;
    }
    if old.desired > 0 {
        let settled = warm.unwrap_or(full_at.plus(release.timings.settle));
        if now < settled {
            let what = match warm {
                Some(_) => Awaited::Warm,
                None => Awaited::Settled,
            };
            return Step::Wait {
                what,
                until: settled,
            };
        }
        return Step::Retire { slot: old_slot };
    }
    if let Some(wait) = until_gone(release, old_slot, old, now) {
        return wait;
    }
    if live.healthy < release.count {
        let until = set_at(release, slot, live).plus(release.timings.ready);
        if now < until {
            return Step::Wait {
                what: Awaited::Healthy,
                until,
            };
        }
    }
    Step::Finished {
        outcome: Outcome::Serving {
            slot,
            proof: release.progress.proof,
        },
    }
}

/// Until when the old version of an idle app stays: its users moved at once, so the candidate meets them only
/// now. [`None`] where it does not run, or was kept before.
fn kept_warm(release: &Release, old: &SlotSeen, full_at: Timestamp) -> Option<Timestamp> {
    let is_moved_at_once = release.is_idle
        && release.strategy == Strategy::Canary
        && release.purpose == Purpose::Deploy
        && release.progress.promoted_at.is_none()
        && release.progress.order != Some(ManualOverride::Interrupt);
    (is_moved_at_once && old.healthy > 0)
        .then(|| full_at.plus(release.timings.bake.max(release.timings.settle)))
}

/// The candidate was given up: users move back, the previews are disabled and its slot is retired.
fn undo(release: &Release, cause: &Cause, seen: &Observation, now: Timestamp) -> Step {
    let slot = release.candidate;
    let new = seen.slots.of(slot);
    let base_slot = slot.other();
    let base = seen.slots.of(base_slot);
    let finished = |outcome| Step::Finished { outcome };
    let cause = cause.clone();
    if *seen.shares.of(slot) > 0 {
        if base.healthy > 0 {
            return Step::Shift { slot, share: 0 };
        }
        if let Some(step) = revive(release, base, base_slot, now) {
            return step;
        }
        return finished(Outcome::AtRisk { slot, cause });
    }
    if !seen.previews.are_disabled() {
        return Step::DisablePreview;
    }
    if new.desired > 0 {
        let settled = release
            .progress
            .taken_back_at
            .map(|at| at.plus(release.timings.settle));
        return match settled {
            Some(until) if now < until => Step::Wait {
                what: Awaited::Settled,
                until,
            },
            _ => Step::Retire { slot },
        };
    }
    if let Some(wait) = until_gone(release, slot, new, now) {
        return wait;
    }
    finished(if base.desired > 0 {
        Outcome::RolledBack {
            slot: base_slot,
            cause,
        }
    } else {
        Outcome::NothingServing { cause }
    })
}

/// Restarts an old version without a healthy task, if there is one and it has not failed itself.
fn revive(release: &Release, base: &SlotSeen, slot: Slot, now: Timestamp) -> Option<Step> {
    base.revision.as_ref()?;
    if base.desired == 0 {
        return Some(Step::Scale {
            slot,
            count: release.count,
        });
    }
    let until = set_at(release, slot, base).plus(release.timings.ready);
    let may_come = now < until && base.stopped < release.timings.stops;
    may_come.then_some(Step::Wait {
        what: Awaited::Healthy,
        until,
    })
}

/// When the slot was last set to its revision and number of tasks. The ledger knows it of this release.
/// What the platform reports can be older: ECS creates no new deployment, with a time of its own, for a
/// change of the number of tasks.
fn set_at(release: &Release, slot: Slot, seen: &SlotSeen) -> Timestamp {
    let recorded = *release.progress.set_at.of(slot);
    let reported = seen.staged_at;
    recorded.max(reported).unwrap_or(release.started)
}

fn until_gone(release: &Release, slot: Slot, seen: &SlotSeen, now: Timestamp) -> Option<Step> {
    let until = set_at(release, slot, seen).plus(GONE_WITHIN);
    (seen.tasks > 0 && now < until).then_some(Step::Wait {
        what: Awaited::Gone,
        until,
    })
}
