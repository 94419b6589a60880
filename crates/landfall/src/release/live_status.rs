//! What is to be seen at one moment of the versions that serve, from the counts of their edges.

use crate::release::canary_analysis::CanaryAnalysis;
use crate::release::platform::Look;
use rules::app::names::Slot;
use rules::edge_contract::bucket::Bucket;
use rules::edge_contract::summary::Collection;
use rules::release::canary::{Judgement, Policy, Stratum};
use rules::release::ledger::AvailabilityCounts;
use rules::release::live_status::{Arm, Count, Evidence, LiveStatus, Role, SAMPLES, Sample};
use rules::release::revision::RevisionId;
use rules::release::{ENOUGH, Release};
use rules::time::Timestamp;

/// What a release, or somebody who watches, wants to see.
pub(crate) struct View<'a> {
    pub(crate) look: &'a Look,
    pub(crate) collection: &'a Collection,
    /// From when on requests are counted.
    pub(crate) since: Timestamp,
    pub(crate) now: Timestamp,
    /// In words.
    pub(crate) doing: String,
    /// The slot of the new version, if there is one.
    pub(crate) candidate: Option<Slot>,
    pub(crate) evidence: Option<Evidence>,
    pub(crate) pings: Option<AvailabilityCounts>,
}

impl View<'_> {
    /// The moment, the old version first. [`None`] if nothing serves.
    pub(crate) fn watch(self) -> Option<LiveStatus> {
        let slots = self.look.slots();
        let order = match self.candidate {
            Some(candidate) => [candidate.other(), candidate],
            None => Slot::ALL,
        };
        let serving: Vec<(Slot, RevisionId)> = order
            .into_iter()
            .filter(|slot| slots.of(*slot).desired > 0)
            .filter_map(|slot| Some((slot, slots.of(slot).revision.clone()?)))
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
            seconds: self.moments(&serving),
        })
    }

    fn arm(&self, slot: Slot, revision: &RevisionId, role: Role) -> Arm {
        let mut sum = Bucket::default();
        let from = self.since.0 / 1_000;
        let all = self.collection.seconds(&revision.0);
        for second in all.range(from..) {
            sum.add(&self.collection.second(&revision.0, *second));
        }
        let seen = self.look.slots().of(slot).clone();
        let millis = |q: f64| {
            let at = sum.first.latency.quantile(q)?;
            Some(at.as_secs_f64() * 1_000.0)
        };
        Arm {
            slot,
            revision: revision.clone(),
            role,
            share: *self.look.shares.of(slot),
            tasks: seen.desired,
            healthy: seen.healthy,
            requests: sum.first.total,
            errors: sum.first.errors,
            user_errors: sum.users.errors(),
            p50_ms: millis(0.5),
            p99_ms: millis(0.99),
        }
    }

    fn moments(&self, serving: &[(Slot, RevisionId)]) -> Vec<Sample> {
        // The second that is not over yet would look like a drop.
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
        (from..end)
            .map(|second| Sample {
                arms: serving
                    .iter()
                    .map(|(_, revision)| count(revision, second))
                    .collect(),
            })
            .collect()
    }
}

/// How far the evidence is.
pub(crate) fn evidence(policy: &Policy, said: &Judgement) -> Evidence {
    let stratum = if said.totals.users.n_new >= ENOUGH {
        Stratum::Users
    } else {
        Stratum::Probes
    };
    let by = said.ln_p.of(stratum);
    let all = [by.errors, by.p50, by.p90, by.p99];
    let least = all.into_iter().flatten().fold(f64::INFINITY, f64::min);
    Evidence {
        roll_back: said.ln_m,
        roll_back_at: (1.0 / policy.alpha).ln(),
        promote: if least.is_finite() { least } else { 0.0 },
        promote_at: (1.0 / policy.beta).ln(),
        stratum,
        new_requests: said.totals.of(stratum).n_new,
    }
}

/// The moment of a release.
pub(crate) fn release(
    release: &Release,
    policy: &Policy,
    look: &Look,
    comparing: &CanaryAnalysis,
    doing: String,
    pings: Option<AvailabilityCounts>,
    now: Timestamp,
) -> Option<LiveStatus> {
    let said = comparing.judgement();
    let compares = said.windows > 0;
    View {
        look,
        collection: comparing.collection(),
        since: release.started,
        now,
        doing,
        candidate: Some(release.candidate),
        evidence: compares.then(|| evidence(policy, &said)),
        pings,
    }
    .watch()
}
