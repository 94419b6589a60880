//! From the counts of edges and one look at the platform to a [`LiveStatus`].

use super::{Arm, Count, Evidence, LiveStatus, Role, SAMPLES, Sample};
use crate::app::names::{Slot, Slots};
use crate::release::canary::{Judgement, Policy, Stratum};
use crate::release::ledger::AvailabilityCounts;
use crate::release::revision::RevisionId;
use crate::release::{ENOUGH, SlotSeen};
use crate::time::Timestamp;
use edge_contract::bucket::Bucket;
use edge_contract::summary::Collection;

/// What a [`LiveStatus`] is made from.
pub struct View<'a> {
    /// Both slots.
    pub slots: &'a Slots<SlotSeen>,
    /// Percent of users of each slot.
    pub shares: &'a Slots<u32>,
    /// Counts of the edges.
    pub collection: &'a Collection,
    /// Requests are counted from here on.
    pub since: Timestamp,
    /// The time of the look.
    pub now: Timestamp,
    /// The current step as text.
    pub doing: String,
    /// The slot of the new version while there is one.
    pub candidate: Option<Slot>,
    /// See [`LiveStatus::evidence`].
    pub evidence: Option<Evidence>,
    /// See [`LiveStatus::pings`].
    pub pings: Option<AvailabilityCounts>,
}

impl View<'_> {
    /// The state, the old version first. [`None`] if nothing serves.
    pub fn status(self) -> Option<LiveStatus> {
        let order = match self.candidate {
            Some(candidate) => [candidate.other(), candidate],
            None => Slot::ALL,
        };
        let serving: Vec<(Slot, RevisionId)> = order
            .into_iter()
            .filter(|slot| self.slots.of(*slot).desired > 0)
            .filter_map(|slot| Some((slot, self.slots.of(slot).revision.clone()?)))
            .collect();
        if serving.is_empty() {
            return None;
        }
        let compares = serving.len() > 1;
        let arms = serving.iter().map(|(slot, revision)| {
            let role = match self.candidate {
                Some(candidate) if candidate == *slot && compares => Role::New,
                Some(_) if compares => Role::Old,
                _ => Role::Only,
            };
            self.arm(*slot, revision, role)
        });
        Some(LiveStatus {
            elapsed: self.now.since(self.since).as_secs_f64(),
            doing: self.doing.clone(),
            arms: arms.collect(),
            evidence: self.evidence,
            pings: self.pings,
            seconds: self.samples(&serving),
        })
    }

    fn arm(&self, slot: Slot, revision: &RevisionId, role: Role) -> Arm {
        let mut sum = Bucket::default();
        let from = self.since.0 / 1_000;
        let all = self.collection.seconds(&revision.0);
        for second in all.range(from..) {
            sum.add(&self.collection.second(&revision.0, *second));
        }
        let seen = self.slots.of(slot);
        let millis = |q: f64| {
            let at = sum.first.latency.quantile(q)?;
            Some(at.as_secs_f64() * 1_000.0)
        };
        Arm {
            slot,
            revision: revision.clone(),
            role,
            share: *self.shares.of(slot),
            tasks: seen.desired,
            healthy: seen.healthy,
            requests: sum.first.total,
            errors: sum.first.errors,
            user_errors: sum.users.errors(),
            p50_ms: millis(0.5),
            p99_ms: millis(0.99),
        }
    }

    fn samples(&self, serving: &[(Slot, RevisionId)]) -> Vec<Sample> {
        // The current second is incomplete and would look like a drop.
        let end = self.now.0 / 1_000;
        let length = u64::try_from(SAMPLES).unwrap_or(0);
        let from = (self.since.0 / 1_000).max(end.saturating_sub(length));
        let count = |revision: &RevisionId, second: u64| {
            let first = self.collection.second(&revision.0, second).first;
            Count {
                requests: first.total,
                errors: first.errors,
            }
        };
        let sample = |second| Sample {
            arms: serving
                .iter()
                .map(|(_, revision)| count(revision, second))
                .collect(),
        };
        (from..end).map(sample).collect()
    }
}

/// Whether both slots have users: a release is under way.
pub fn is_split(shares: &Slots<u32>) -> bool {
    shares.blue > 0 && shares.green > 0
}

/// The value of [`LiveStatus::doing`] outside the process that drives a release.
pub fn traffic(shares: &Slots<u32>, candidate: Option<Slot>) -> String {
    match (is_split(shares), candidate) {
        (false, _) => "serving".to_owned(),
        (true, Some(candidate)) => {
            let share = shares.of(candidate);
            format!("a release is under way: {share}% of users on the new version")
        }
        (true, None) => {
            let Slots { blue, green } = shares;
            format!("a release is under way: {blue}% of users on blue, {green}% on green")
        }
    }
}

/// The evidence of a trial so far; [`None`] before its first window. It comes from users once there are
/// enough of them on the new version.
pub fn evidence(policy: &Policy, judgement: &Judgement) -> Option<Evidence> {
    if judgement.windows == 0 {
        return None;
    }
    let stratum = if judgement.totals.users.n_new >= ENOUGH {
        Stratum::Users
    } else {
        Stratum::Probes
    };
    let by = judgement.ln_p.of(stratum);
    let all = [by.errors, by.p50, by.p90, by.p99];
    let least = all.into_iter().flatten().fold(f64::INFINITY, f64::min);
    Some(Evidence {
        roll_back: judgement.ln_m,
        roll_back_at: (1.0 / policy.alpha).ln(),
        promote: if least.is_finite() { least } else { 0.0 },
        promote_at: (1.0 / policy.beta).ln(),
        stratum,
        new_requests: judgement.totals.of(stratum).n_new,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::canary::{Arm as Counted, Counts, SealedWindow, judge};
    use crate::release::samples::{running, serving};
    use edge_contract::bucket::Attempts;
    use edge_contract::summary::{Kind, Summary, VERSION};

    fn collection(revision: &str, seconds: &[(u64, u64, u64)]) -> Collection {
        let buckets = seconds.iter().map(|(second, total, errors)| {
            let first = Attempts {
                total: *total,
                errors: *errors,
                ..Attempts::default()
            };
            let bucket = Bucket {
                first,
                ..Bucket::default()
            };
            (*second, bucket)
        });
        let mut collection = Collection::default();
        collection.insert(Summary {
            landfall: Kind::Summary,
            v: VERSION,
            task: revision.into(),
            revision: revision.into(),
            started_at: Timestamp(0),
            taken_at: Timestamp(2_000_000),
            deadline_ms: 30_000,
            restarts: 0,
            buckets: buckets.collect(),
        });
        collection
    }

    fn view<'a>(
        slots: &'a Slots<SlotSeen>,
        shares: &'a Slots<u32>,
        collection: &'a Collection,
        candidate: Option<Slot>,
    ) -> View<'a> {
        View {
            slots,
            shares,
            collection,
            since: Timestamp(1_000_000),
            now: Timestamp(1_003_500),
            doing: "waits".into(),
            candidate,
            evidence: None,
            pings: None,
        }
    }

    #[test]
    fn the_old_version_comes_first_whatever_its_slot() {
        let mut seen = serving();
        seen.slots.green = running("new", 2);
        let none = Collection::default();
        for candidate in Slot::ALL {
            let view = view(&seen.slots, &seen.shares, &none, Some(candidate));
            let arms = view.status().expect("both serve").arms;
            let roles: Vec<(Slot, Role)> = arms.iter().map(|arm| (arm.slot, arm.role)).collect();
            assert_eq!(
                roles,
                [(candidate.other(), Role::Old), (candidate, Role::New)]
            );
        }
    }

    #[test]
    fn a_version_that_serves_alone_is_neither_old_nor_new() {
        let seen = serving();
        let none = Collection::default();
        for candidate in [None, Some(Slot::Green), Some(Slot::Blue)] {
            let view = view(&seen.slots, &seen.shares, &none, candidate);
            let arms = view.status().expect("it serves").arms;
            assert_eq!((arms.len(), arms[0].role), (1, Role::Only));
        }
        let nothing = Slots::default();
        assert_eq!(view(&nothing, &seen.shares, &none, None).status(), None);
    }

    #[test]
    fn status_watch_shows_the_progress_of_a_release() {
        let half = Slots {
            blue: 50,
            green: 50,
        };
        let new = traffic(&half, Some(Slot::Green));
        assert!(new.ends_with("50% of users on the new version"), "{new}");
        let unknown = traffic(&half, None);
        assert!(unknown.ends_with("50% of users on blue, 50% on green"));
        let seen = serving();
        assert_eq!(traffic(&seen.shares, Some(Slot::Green)), "serving");
    }

    #[test]
    fn requests_count_from_the_beginning_and_samples_end_before_the_current_second() {
        let seen = serving();
        let counts = collection(
            "old",
            &[(999, 50, 9), (1_000, 4, 1), (1_002, 6, 0), (1_003, 3, 0)],
        );
        let status = view(&seen.slots, &seen.shares, &counts, None).status();
        let status = status.expect("it serves");
        assert_eq!((status.arms[0].requests, status.arms[0].errors), (13, 1));
        let samples: Vec<u64> = status.seconds.iter().map(|s| s.arms[0].requests).collect();
        assert_eq!(samples, [4, 0, 6]);
        assert!((status.elapsed - 3.5).abs() < 1e-9);
    }

    #[test]
    fn evidence_comes_from_users_once_there_are_enough() {
        let policy = Policy::default();
        let window = |stratum, from_second, total| {
            let arm = Counted {
                total,
                ..Counted::default()
            };
            SealedWindow {
                stratum,
                from_second,
                seconds: 1,
                old: arm.clone(),
                new: arm,
            }
        };
        let of = |windows: Vec<SealedWindow>| {
            let counts = Counts {
                windows,
                ..Counts::default()
            };
            evidence(&policy, &judge(&policy, &counts))
        };
        assert_eq!(of(Vec::new()), None, "nothing was compared");
        let few = [window(Stratum::Probes, 1, 6), window(Stratum::Users, 1, 19)];
        let by_probes = of(few.to_vec()).expect("evidence");
        assert_eq!(
            (by_probes.stratum, by_probes.new_requests),
            (Stratum::Probes, 6)
        );
        let many = [window(Stratum::Probes, 1, 6), window(Stratum::Users, 1, 20)];
        let by_users = of(many.to_vec()).expect("evidence");
        assert_eq!(
            (by_users.stratum, by_users.new_requests),
            (Stratum::Users, 20)
        );
    }
}
