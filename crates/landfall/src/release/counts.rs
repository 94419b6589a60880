//! Fetches the counts that the analysis of a canary asks for: from edges, the log and the load balancer.

use crate::release::http_probe::{Prober, SlotRoute};
use crate::report::now;
use aws::{Logs, Metrics};
use futures_util::future::join_all;
use rules::app::names::{Slot, Slots};
use rules::release::Release;
use rules::release::analysis::{CanaryAnalysis, ROUNDS, Round, SlotEdges};
use rules::release::failed_invocation::Failures;
use rules::release::revision::RevisionId;

/// One slot whose edges are asked.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    pub(crate) route: SlotRoute,
    pub(crate) revision: Option<RevisionId>,
    /// Tasks that take requests.
    pub(crate) healthy: u32,
    /// The version of a function, where the slot holds one.
    pub(crate) version: Option<String>,
}

impl Subject {
    fn edges(&self) -> SlotEdges {
        SlotEdges {
            revision: self.revision.clone(),
            healthy: self.healthy,
            has_edge: self.route.secret.is_some(),
            is_reachable: self.route.token.is_some(),
        }
    }
}

/// Both slots as the analysis sees them.
pub(crate) fn edges(subjects: &Slots<Subject>) -> Slots<SlotEdges> {
    Slots {
        blue: subjects.blue.edges(),
        green: subjects.green.edges(),
    }
}

/// Asks the edges of both slots for their counts, and reads the log where they do not answer.
pub(crate) async fn fetch(
    analysis: &mut CanaryAnalysis,
    prober: &Prober,
    subjects: &Slots<Subject>,
    logs: &Logs,
) {
    let edges = edges(subjects);
    let mut rounds: Slots<Option<Round>> = Slots::default();
    for slot in CanaryAnalysis::slots_to_ask(&edges) {
        let round = ask(analysis, prober, subjects.of(slot)).await;
        *rounds.of_mut(slot) = Some(round);
    }
    analysis.end_round(rounds, now());
    // What cannot be read now may be at the next look; the release waits or is held meanwhile.
    let Some(since) = analysis.log_query(&edges, now()) else {
        return;
    };
    let versions: Vec<_> = Slot::ALL
        .into_iter()
        .filter_map(|slot| {
            let of = subjects.of(slot);
            Some((of.version.as_deref()?, of.revision.as_ref()?))
        })
        .collect();
    if !versions.is_empty() {
        let Ok(lines) = logs.failed_invocations(since).await else {
            return;
        };
        for (version, revision) in versions {
            let mut failures = Failures::default();
            for line in lines.iter().filter(|line| line.is_of_version(version)) {
                failures.insert(&line.message, line.time);
            }
            analysis.insert_failures(revision, failures);
        }
    }
    if let Ok((found, _)) = logs.summaries(since).await {
        analysis.insert_log(found, now());
    }
}

/// Asks until every task of a slot has answered, a few times.
async fn ask(analysis: &mut CanaryAnalysis, prober: &Prober, subject: &Subject) -> Round {
    let mut round = Round::new(subject.healthy);
    for _ in 0..ROUNDS {
        let since = analysis.since();
        let all = (0..round.wanted()).map(|_| prober.counts(&subject.route, since));
        for summary in join_all(all).await.into_iter().flatten() {
            analysis.insert(&mut round, summary);
        }
        if round.is_complete() {
            break;
        }
    }
    round
}

/// Reads the load balancer's counts of both slots, if they are due.
pub(crate) async fn fetch_metrics(
    analysis: &mut CanaryAnalysis,
    release: &Release,
    metrics: &Metrics,
) {
    // What cannot be read now may be a minute later; the release waits or is held meanwhile.
    if let Some(since) = analysis.metrics_query(release, now())
        && let Ok(minutes) = metrics.minutes(since, now()).await
    {
        analysis.insert_metrics(release, &minutes, now());
    }
}
