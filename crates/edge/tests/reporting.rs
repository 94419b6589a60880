//! What the edge reports: health, summaries, metrics, access log.

mod stage;

use edge_contract::summary::{Collection, Summary};
use stage::{SECRET, setup};

#[test]
fn errors_do_not_make_a_task_unhealthy_but_silence_does() {
    let stage = setup()
        .set("STUCK_MS", "300")
        .set("DEADLINE_MS", "200")
        .ready();
    for _ in 0..50 {
        stage.get("/fail/500/1000/a");
        assert_eq!(stage.health(), Some(200));
    }
    stage.app("/hang-all");
    stage.until("the stuck app is reported", || stage.health() == Some(503));
    assert!(stage.private("/.landfall/health").body.contains("stuck"));
}

#[test]
fn summary_lines_have_the_counts_of_the_live_summary() {
    let stage = setup()
        .set("SUMMARY_MS", "50")
        .set("REVISION", "r1")
        .set("TASK", "t1")
        .ready();
    for n in 0..20 {
        stage.get(&format!("/fail/500/1/b{n}"));
    }
    let live = stage.totals();
    assert_eq!(
        (live.first.total, live.first.errors, live.users.total),
        (20, 20, 20)
    );
    stage.until("the lines have all counts", || {
        let mut collection = Collection::default();
        for line in stage.out().lines() {
            collection.insert(Summary::parse(line).expect("a summary"));
        }
        let mut sum = edge_contract::bucket::Bucket::default();
        collection
            .seconds("r1")
            .into_iter()
            .for_each(|s| sum.add(&collection.second("r1", s)));
        sum == live
    });
    assert_eq!(stage.summary().task, "t1");
}

#[test]
fn a_summary_can_start_at_a_second() {
    let stage = setup().ready();
    stage.get("/");
    assert_eq!(stage.summary().buckets.len(), 1);
    let later = stage.private("/.landfall/summary?since=99999999999");
    assert!(
        Summary::parse(&later.body)
            .expect("summary")
            .buckets
            .is_empty()
    );
}

#[test]
fn probes_are_counted_apart_and_only_with_the_secret() {
    let stage = setup().ready();
    let probe = |secret: &str| {
        let request = format!(
            "GET /fail/500/1/c HTTP/1.1\r\nhost: app\r\nx-landfall-probe: 1\r\nx-landfall-secret: {secret}\r\n\r\n"
        );
        assert_eq!(stage.connect().send(&request).status, 200);
    };
    probe(SECRET);
    probe("guess");
    let totals = stage.totals();
    assert_eq!((totals.probes.total, totals.probes.errors), (1, 1));
    assert_eq!((totals.first.total, totals.users.total), (1, 1));
}

#[test]
fn metrics_have_the_format_of_prometheus() {
    let stage = setup().ready();
    stage.get("/fail/500/2/d");
    let metrics = stage.private("/.landfall/metrics").body;
    for line in [
        "landfall_requests_total{outcome=\"good\"} 1",
        "landfall_first_attempts_total 1",
        "landfall_first_attempt_errors_total 1",
        "landfall_retries_total 2",
        "landfall_healthy 1",
        "landfall_request_seconds_count 1",
    ] {
        assert!(
            metrics.lines().any(|found| found == line),
            "{line}\n{metrics}"
        );
    }
    for line in metrics.lines().filter(|line| !line.starts_with('#')) {
        let (_, value) = line.rsplit_once(' ').expect("a sample");
        assert!(value.parse::<f64>().is_ok(), "{line}");
    }
}

#[test]
fn the_access_log_is_json_without_queries() {
    let stage = setup().set("ACCESS_LOG", "all").ready();
    stage.get("/fail/500/1/e?token=secret");
    stage.until("it is logged", || stage.out().ends_with('\n'));
    let entry: serde_json::Value = serde_json::from_str(&stage.out()).expect("JSON");
    assert_eq!(
        (&entry["landfall"], &entry["v"]),
        (&"access".into(), &1.into())
    );
    assert_eq!(
        (&entry["status"], &entry["tries"]),
        (&200.into(), &2.into())
    );
    assert_eq!(
        (&entry["path"], &entry["bytes"]),
        (&"/fail/500/1/e".into(), &4.into())
    );
    assert!(!stage.out().contains("secret"));
}

#[test]
fn the_access_log_of_errors_has_errors_only() {
    let stage = setup().set("ACCESS_LOG", "errors").ready();
    stage.get("/");
    stage.get("/reset/99/f");
    stage.get("/");
    stage.until("it is logged", || stage.out().ends_with('\n'));
    let entry: serde_json::Value = serde_json::from_str(&stage.out()).expect("one line of JSON");
    assert_eq!(
        (&entry["outcome"], &entry["status"]),
        (&"unanswered".into(), &502.into())
    );
}
