//! A dry run: the steps of a release if everything goes well.

use super::{Observation, Outcome, PreviewRoutes, Probes, Release, SlotSeen, Step, next};
use crate::time::Timestamp;

/// An upper limit for the steps of a release.
const STEPS: usize = 60;

/// The steps of `release` from what is `seen` at `now`, if every call succeeds and the candidate is as good
/// as the old version. The last one is [`Step::Finished`].
pub fn dry_run(release: &Release, seen: &Observation, now: Timestamp) -> Vec<Step> {
    let (mut release, mut seen, mut now) = (release.clone(), seen.clone(), now);
    let mut steps: Vec<Step> = Vec::new();
    for _ in 0..STEPS {
        let step = next(&release, &seen, now);
        release.apply(&step, now);
        now = carry_out(&release, &mut seen, &step, now);
        if steps.last() != Some(&step) {
            steps.push(step.clone());
        }
        if matches!(step, Step::Finished { .. }) {
            break;
        }
    }
    steps
}

/// Simulates `step` on a platform where every call takes effect at once and both versions are equally good.
/// Changes `seen` accordingly and returns the time afterwards.
pub fn carry_out(
    release: &Release,
    seen: &mut Observation,
    step: &Step,
    now: Timestamp,
) -> Timestamp {
    match step {
        Step::Stage { slot } => {
            *seen.slots.of_mut(*slot) = SlotSeen {
                revision: Some(release.revision.clone()),
                staged_at: Some(now),
                ..running(release.count)
            };
        }
        Step::EnablePreview => seen.previews = PreviewRoutes::Enabled,
        Step::DisablePreview => seen.previews = PreviewRoutes::Disabled,
        Step::Probe { requests } => {
            let Probes { answered, good, .. } = &mut seen.probes;
            *answered = answered.saturating_add(*requests);
            *good = good.saturating_add(*requests);
            let counted = &mut seen.comparison.new_probes;
            *counted = (*counted)
                .saturating_add(u64::from(*requests))
                .max(u64::from(*answered));
        }
        Step::Shift { slot, share } => {
            *seen.shares.of_mut(*slot) = *share;
            *seen.shares.of_mut(slot.other()) = 100_u32.saturating_sub(*share);
        }
        Step::Scale { slot, count } => {
            let revision = seen.slots.of(*slot).revision.clone();
            *seen.slots.of_mut(*slot) = SlotSeen {
                revision,
                staged_at: Some(now),
                ..running(*count)
            };
        }
        Step::Retire { slot } => {
            let slot = seen.slots.of_mut(*slot);
            *slot = SlotSeen {
                revision: slot.revision.clone(),
                staged_at: Some(now),
                ..SlotSeen::default()
            };
        }
        Step::Watch { until, .. } => {
            let comparison = &mut seen.comparison;
            if comparison.new_users < super::ENOUGH {
                comparison.new_users = super::ENOUGH;
                return now;
            }
            let began = release.progress.shifted_at.unwrap_or(now);
            if !comparison.proven_by_users && release.progress.promoted_at.is_none() {
                comparison.proven_by_users = true;
                return now.max(began.plus(release.timings.minimum));
            }
            return *until;
        }
        Step::Wait { until, .. } => return *until,
        Step::Promote { .. }
        | Step::RollBack { .. }
        | Step::Finished {
            outcome:
                Outcome::Serving { .. }
                | Outcome::RolledBack { .. }
                | Outcome::NothingServing { .. }
                | Outcome::AtRisk { .. }
                | Outcome::Held { .. },
        } => {}
    }
    now
}

fn running(count: u32) -> SlotSeen {
    SlotSeen {
        desired: count,
        tasks: count,
        healthy: count,
        ..SlotSeen::default()
    }
}
