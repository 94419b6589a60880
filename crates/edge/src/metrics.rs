//! The totals in Prometheus's text format
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/>).

use crate::edge::Edge;
use edge_contract::bucket::Bucket;
use edge_contract::histogram::Histogram;
use std::fmt::Write as _;
use std::time::Duration;

/// Bounds of the histograms in milliseconds.
const BOUNDS: [u64; 12] = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 5_000, 30_000];

pub(crate) fn render(edge: &Edge) -> String {
    let totals = edge.counters.totals();
    let mut text = Text(String::with_capacity(4_096));
    counters(&mut text, edge, &totals.bucket);
    gauges(&mut text, edge, &totals.bucket);
    text.histogram(
        "landfall_request_seconds",
        "Time to the end of the answer, for users.",
        &totals.user_latency,
    );
    text.histogram(
        "landfall_first_attempt_seconds",
        "Time to the head of the app's answer, first attempts.",
        &totals.bucket.first.latency,
    );
    text.0
}

fn counters(text: &mut Text, edge: &Edge, bucket: &Bucket) {
    let (users, first) = (&bucket.users, &bucket.first);
    let ended = users.total.saturating_sub(users.open);
    let good = ended
        .saturating_sub(users.errors())
        .saturating_sub(users.gone);
    text.family(
        "landfall_requests_total",
        "counter",
        "Requests of users by how they ended.",
        &[
            ("{outcome=\"good\"}", good),
            ("{outcome=\"gone\"}", users.gone),
            ("{outcome=\"app\"}", users.app),
            ("{outcome=\"unanswered\"}", users.unanswered),
            ("{outcome=\"circuit\"}", users.circuit),
            ("{outcome=\"shed\"}", users.shed),
            ("{outcome=\"cut\"}", users.cut),
        ],
    );
    let restarts = u64::from(edge.counters.restarts());
    for (name, help, value) in [
        (
            "landfall_first_attempts_total",
            "First attempts.",
            first.total,
        ),
        (
            "landfall_first_attempt_errors_total",
            "First attempts that failed.",
            first.errors,
        ),
        (
            "landfall_retries_total",
            "Attempts after the first.",
            bucket.retries,
        ),
        (
            "landfall_retries_denied_total",
            "Retries without a token.",
            bucket.denied,
        ),
        (
            "landfall_app_restarts_total",
            "Restarts of the app.",
            restarts,
        ),
    ] {
        text.family(name, "counter", help, &[("", value)]);
    }
}

fn gauges(text: &mut Text, edge: &Edge, bucket: &Bucket) {
    let (tokens, is_open) = {
        let state = edge.retry_state();
        (state.budget.tokens(), state.circuit.is_open())
    };
    let mut gauge = |name: &str, help: &str, value: u64| {
        text.family(name, "gauge", help, &[("", value)]);
    };
    gauge(
        "landfall_connections",
        "Open connections of users.",
        edge.connections.count() as u64,
    );
    gauge(
        "landfall_requests_open",
        "Requests that have not ended.",
        bucket.users.open,
    );
    gauge(
        "landfall_retry_tokens",
        "Retries that the budget allows now.",
        tokens,
    );
    gauge(
        "landfall_circuit_open",
        "1 while requests fail fast.",
        u64::from(is_open),
    );
    if let Some((in_flight, limit)) = edge.concurrency_limit.load() {
        gauge(
            "landfall_app_requests",
            "Requests at the app.",
            u64::from(in_flight),
        );
        gauge(
            "landfall_app_limit",
            "Most requests at the app.",
            u64::from(limit),
        );
    }
    gauge(
        "landfall_healthy",
        "1 while the health endpoint answers 200.",
        u64::from(edge.health().status() == 200),
    );
}

struct Text(String);

impl Text {
    fn family(&mut self, name: &str, kind: &str, help: &str, samples: &[(&str, u64)]) {
        let Text(out) = self;
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in samples {
            let _ = writeln!(out, "{name}{labels} {value}");
        }
    }

    fn histogram(&mut self, name: &str, help: &str, histogram: &Histogram) {
        let Text(out) = self;
        let all = histogram.count();
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} histogram");
        for millis in BOUNDS {
            let below = all.saturating_sub(histogram.slower_than(Duration::from_millis(millis)));
            let bound = millis as f64 / 1_000.0;
            let _ = writeln!(out, "{name}_bucket{{le=\"{bound}\"}} {below}");
        }
        let sum = histogram.sum().as_secs_f64();
        let _ = writeln!(
            out,
            "{name}_bucket{{le=\"+Inf\"}} {all}\n{name}_sum {sum}\n{name}_count {all}"
        );
    }
}
