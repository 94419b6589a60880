//! The totals as Prometheus reads them
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/>).

use crate::edge::Edge;
use rules::edge_contract::histogram::Sketch;
use std::fmt::Write as _;
use std::time::Duration;

/// Bounds of the histograms in milliseconds.
const BOUNDS: [u64; 12] = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 5_000, 30_000];

pub(crate) fn render(edge: &Edge) -> String {
    let totals = edge.ledger.totals();
    let bucket = &totals.bucket;
    let users = &bucket.users;
    let mut out = String::with_capacity(4_096);
    let mut family = |name: &str, kind: &str, help: &str, samples: &[(&str, u64)]| {
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in samples {
            let _ = writeln!(out, "{name}{labels} {value}");
        }
    };
    let ended = users.total.saturating_sub(users.open);
    let good = ended
        .saturating_sub(users.errors())
        .saturating_sub(users.gone);
    family(
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
    let first = &bucket.first;
    family(
        "landfall_first_attempts_total",
        "counter",
        "First attempts.",
        &[("", first.total)],
    );
    let errors = &[("", first.errors)];
    family(
        "landfall_first_attempt_errors_total",
        "counter",
        "First attempts that failed.",
        errors,
    );
    family(
        "landfall_retries_total",
        "counter",
        "Attempts after the first.",
        &[("", bucket.retries)],
    );
    let denied = &[("", bucket.denied)];
    family(
        "landfall_retries_denied_total",
        "counter",
        "Retries without a token.",
        denied,
    );
    let restarts = &[("", u64::from(edge.ledger.restarts()))];
    family(
        "landfall_app_restarts_total",
        "counter",
        "Restarts of the app.",
        restarts,
    );
    let open = &[("", edge.connections.open() as u64)];
    family(
        "landfall_connections",
        "gauge",
        "Open connections of users.",
        open,
    );
    family(
        "landfall_requests_open",
        "gauge",
        "Requests that have not ended.",
        &[("", users.open)],
    );
    let (budget, circuit) = {
        let guard = edge.guard();
        (guard.budget.tokens(), guard.circuit.is_open())
    };
    family(
        "landfall_retry_tokens",
        "gauge",
        "Retries that may come at once.",
        &[("", budget)],
    );
    let is_open = &[("", u64::from(circuit))];
    family(
        "landfall_circuit_open",
        "gauge",
        "1 while requests fail fast.",
        is_open,
    );
    if let Some((in_flight, limit)) = edge.turnstile.load() {
        let name = "landfall_app_requests";
        family(
            name,
            "gauge",
            "Requests that the app works on.",
            &[("", u64::from(in_flight))],
        );
        family(
            "landfall_app_limit",
            "gauge",
            "How many it may.",
            &[("", u64::from(limit))],
        );
    }
    let health = edge.health();
    let is_well = &[("", u64::from(health.status() == 200))];
    family(
        "landfall_healthy",
        "gauge",
        "1 while the load balancer is told so.",
        is_well,
    );
    histogram(
        &mut out,
        "landfall_request_seconds",
        "Time to the end of the answer, for users.",
        &totals.user_latency,
    );
    histogram(
        &mut out,
        "landfall_first_attempt_seconds",
        "Time to the head of the app's answer, first attempts.",
        &first.latency,
    );
    out
}

fn histogram(out: &mut String, name: &str, help: &str, sketch: &Sketch) {
    let all = sketch.count();
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} histogram");
    for millis in BOUNDS {
        let below = all.saturating_sub(sketch.slower_than(Duration::from_millis(millis)));
        let bound = millis as f64 / 1_000.0;
        let _ = writeln!(out, "{name}_bucket{{le=\"{bound}\"}} {below}");
    }
    let sum = sketch.sum().as_secs_f64();
    let _ = writeln!(
        out,
        "{name}_bucket{{le=\"+Inf\"}} {all}\n{name}_sum {sum}\n{name}_count {all}"
    );
}
