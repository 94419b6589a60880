//! What holds of a release whatever is seen.

use super::super::Strategy;
use super::*;
use crate::app::manifest::Architecture;
use crate::release::ledger::{Entry, Record};
use crate::release::revision::{Digest, Image, Revision, Settings};
use proptest::prelude::*;
use proptest::strategy::Strategy as _;
use std::collections::BTreeMap;

prop_compose! {
    fn slots()(
        revision in prop::option::of(prop::sample::select(vec!["new", "old"])),
        desired in 0u32..4, tasks in 0u32..4, healthy in 0u32..4, stopped in 0u32..4,
        cause in prop::option::of(Just(Cause::Crash { exit_code: 1 })),
        staged_at in prop::option::of((NOW.0 - 400_000..=NOW.0).prop_map(Timestamp)),
    ) -> SlotSeen {
        SlotSeen {
            revision: revision.map(|r| RevisionId(r.into())),
            desired, tasks, healthy, draining: 0, stopped, cause, staged_at,
        }
    }
}

prop_compose! {
    fn comparisons()(
        ln_m in -3.0..6.0_f64,
        worse in prop::option::weighted(0.2, Just(Cause::Stopped)),
        proven_by_users in any::<bool>(), proven_by_probes in any::<bool>(),
        new_users in 0u64..60, new_probes in 0u64..60, old_users in 0u64..60,
    ) -> Comparison {
        Comparison { ln_m, worse, proven_by_users, proven_by_probes, new_users, new_probes, old_users }
    }
}

prop_compose! {
    fn observations()(
        blue in slots(), green in slots(),
        share in prop::sample::select(vec![0, 10, 50, 95, 100]),
        previews in prop::sample::select(vec![PreviewRoutes::Disabled, PreviewRoutes::Partial, PreviewRoutes::Enabled, PreviewRoutes::NotNeeded]),
        answered in 0u32..8, good in 0u32..8, lost in 0u32..10, lost_by_old in 0u32..10,
        comparison in comparisons(),
    ) -> Observation {
        Observation {
            shares: Slots { blue: 100 - share, green: share },
            previews, slots: Slots { blue, green }, comparison,
            probes: Probes { answered, good: good.min(answered), lost, lost_by_old },
        }
    }
}

prop_compose! {
    fn releases()(
        candidate in prop::sample::select(Slot::ALL.to_vec()),
        strategy in prop::sample::select(vec![
            Strategy::Canary, Strategy::AllAtOnce, Strategy::Manual,
        ]),
        purpose in prop::sample::select(vec![Purpose::Deploy, Purpose::RollBack]),
        at_maximum in prop::sample::select(vec![
            AtMaximum::Hold, AtMaximum::Promote, AtMaximum::RollBack,
        ]),
        no_traffic in any::<bool>(), is_idle in any::<bool>(),
        order in prop::option::weighted(0.3, prop::sample::select(vec![
            ManualOverride::Start, ManualOverride::Promote, ManualOverride::Abort, ManualOverride::Interrupt,
        ])),
        times in prop::array::uniform7(prop::option::of(
            (NOW.0 - 700_000..=NOW.0).prop_map(Timestamp),
        )),
        failed in prop::option::weighted(0.2, Just(Cause::Stopped)),
    ) -> Release {
        let [probed_at, shifted_at, promoted_at, full_at, taken_back_at, blue, green] = times;
        Release {
            candidate, strategy, purpose, at_maximum, no_traffic, is_idle,
            progress: Progress {
                probed_at, shifted_at, promoted_at, full_at, taken_back_at, failed, order,
                set_at: Slots { blue, green },
                proof: None,
            },
            ..release()
        }
    }
}

proptest! {
    /// Whatever a driver finds when it starts, a platform that obeys brings it to an end.
    #[test]
    fn every_run_ends(release in releases(), mut seen in observations()) {
        let steps = play(release, &mut seen);
        let is_over = matches!(steps.last(), Some(Step::Finished { .. }));
        prop_assert!(is_over, "{:?}", steps);
    }

    /// Users are sent only to a slot that holds the release, with tasks that are healthy, and the first
    /// of them only after probes.
    #[test]
    fn traffic_never_goes_to_a_version_that_was_not_observed_to_work(
        release in releases(), seen in observations(),
    ) {
        if let Step::Shift { slot, share } = next(&release, &seen, NOW) {
            let had = *seen.shares.of(slot);
            let (to, gets_more) = if share > had { (slot, true) } else { (slot.other(), false) };
            let to = seen.slots.of(to);
            if gets_more {
                prop_assert_eq!(to.revision.as_ref(), Some(&RevisionId("new".into())));
                prop_assert!(to.healthy > 0 && to.desired >= 2);
                if had == 0 {
                    prop_assert!(to.healthy >= 2);
                    let counted = u64::from(seen.probes.answered).max(seen.comparison.new_probes);
                    prop_assert!(counted >= 6);
                }
            } else if seen.slots.of(slot).revision.as_ref() == Some(&RevisionId("new".into())) {
                prop_assert!(to.healthy > 0, "taken from what works to what does not");
            }
        }
    }

    /// No samples never pass: without a request counted on the candidate, a canary never gets more than
    /// its first share, unless a person promotes it or the old version is dead.
    #[test]
    fn without_samples_nothing_is_proven(release in releases(), mut seen in observations(), late in 0u64..2_000) {
        seen.comparison = Comparison {
            proven_by_users: seen.comparison.proven_by_users,
            ..Comparison::default()
        };
        seen.slots.of_mut(release.candidate.other()).healthy = 2;
        let release = Release {
            strategy: Strategy::Canary,
            purpose: Purpose::Deploy,
            is_idle: false,
            progress: Progress { promoted_at: None, order: None, failed: None, ..release.progress },
            ..release
        };
        let share = *seen.shares.of(release.candidate);
        match next(&release, &seen, after(late)) {
            Step::Promote { proof } => prop_assert!(false, "{:?}", proof),
            Step::Shift { share: to, .. } => prop_assert!(to <= share, "{} to {}", share, to),
            _ => {}
        }
    }

    /// A slot that users are sent to is never emptied, whatever happens.
    #[test]
    fn a_slot_with_users_is_never_retired(release in releases(), seen in observations()) {
        let step = next(&release, &seen, NOW);
        for slot in Slot::ALL {
            if *seen.shares.of(slot) > 0 {
                prop_assert!(step != Step::Retire { slot }, "{:?}", step);
                prop_assert!(step != Step::Stage { slot } || seen.slots.of(slot).desired < 2
                    && seen.slots.of(slot).revision.as_ref() == Some(&RevisionId("new".into())), "{:?}", step);
            }
        }
    }

    /// After a rollback began no step gives the candidate anything any more, whatever is seen from then on.
    #[test]
    fn weight_never_rises_after_a_rollback(
        release in releases(),
        all_seen in prop::collection::vec(observations(), 1..20),
    ) {
        let mut release = release;
        release.progress.failed.get_or_insert(Cause::Stopped);
        let mut now = NOW;
        for seen in all_seen {
            let step = next(&release, &seen, now);
            let gives = match &step {
                Step::Shift { share, .. } => *share > 0,
                Step::Stage { .. } | Step::EnablePreview | Step::Probe { .. } | Step::Promote { .. } => true,
                Step::Scale { slot, .. } => *slot == release.candidate,
                _ => false,
            };
            prop_assert!(!gives, "{:?}", step);
            release.apply(&step, now);
            now = now.plus(Duration::from_secs(7));
        }
    }

    /// The same input gives the same step, also through the ledger's text.
    #[test]
    fn deciding_is_idempotent(release in releases(), seen in observations()) {
        let step = next(&release, &seen, NOW);
        prop_assert_eq!(&step, &next(&release, &seen, NOW));
        let read = |text: &str| serde_json::from_str::<Release>(text).expect("a release");
        let again = read(&serde_json::to_string(&release).expect("text"));
        prop_assert_eq!(&again, &release);
        let text = serde_json::to_string(&seen).expect("text");
        let seen = serde_json::from_str::<Observation>(&text).expect("an observation");
        prop_assert_eq!(step, next(&again, &seen, NOW));
    }

    /// Whatever is seen one after the other: what the ledger keeps of it survives its text, and leads to the
    /// same decisions again.
    #[test]
    fn the_ledger_replays(
        release in releases(),
        all_seen in prop::collection::vec(observations(), 1..20),
    ) {
        let mut record = record(Release { progress: Progress::default(), ..release });
        let mut now = NOW;
        for seen in all_seen {
            let step = next(&record.release(), &seen, now);
            let is_over = matches!(step, Step::Finished { .. });
            record.entries.push(Entry::Step { at: now, seen: Box::new(seen), step });
            if is_over {
                break;
            }
            now = now.plus(Duration::from_secs(7));
        }
        let text = serde_json::to_string(&record).expect("text");
        let again = Record::parse(&text).expect("a record");
        prop_assert_eq!(&again, &record);
        prop_assert_eq!(again.replay(), Ok(()));
    }
}

fn record(begun: Release) -> Record {
    let revision = Revision {
        image: Image {
            repository_url: "registry/uptime-prod".into(),
            digest: Digest::parse(&format!("sha256:{}", "ab".repeat(32))).expect("digest"),
        },
        settings: Settings {
            secrets: Default::default(),
            target: crate::app::manifest::Target::Fargate,
            port: 8080,
            cpu: 256,
            memory: 512,
            architecture: Architecture::X86_64,
            env: BTreeMap::new(),
            stop_timeout: 30,
            edge: None,
            container: None,
        },
    };
    Record::begin(1, "ann@desk".into(), revision, None, begun)
}
