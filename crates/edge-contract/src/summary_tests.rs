use super::*;
use crate::bucket::{Attempts, Outcome, Outcomes};
use proptest::prelude::*;

fn attempts() -> impl Strategy<Value = Attempts> {
    (
        0..50_u64,
        0..50_u64,
        0..50_u64,
        prop::collection::vec(0..9_000_000_u64, 0..30),
    )
        .prop_map(|(errors, open, gone, latencies)| {
            let mut attempts = Attempts {
                errors,
                open,
                gone,
                ..Attempts::default()
            };
            attempts.total = errors + open + gone + latencies.len() as u64 + 1;
            for micros in latencies {
                attempts.latency.record(Duration::from_micros(micros));
            }
            attempts
        })
}

fn outcomes() -> impl Strategy<Value = Outcomes> {
    let outcome = prop::sample::select(vec![
        Outcome::Good,
        Outcome::Gone,
        Outcome::App,
        Outcome::Unanswered,
        Outcome::Circuit,
        Outcome::Shed,
        Outcome::Cut,
    ]);
    (1..20_u64, prop::collection::vec(outcome, 0..40)).prop_map(|(open, ended)| {
        let all = open + ended.len() as u64;
        let mut outcomes = Outcomes {
            total: all,
            open: all,
            ..Outcomes::default()
        };
        for outcome in ended {
            outcomes.end(outcome);
        }
        outcomes
    })
}

fn bucket() -> impl Strategy<Value = Bucket> {
    (attempts(), attempts(), outcomes(), 0..9_u64, 0..9_u64).prop_map(
        |(first, probes, users, retries, denied)| Bucket {
            first,
            probes,
            users,
            retries,
            denied,
        },
    )
}

fn summary() -> impl Strategy<Value = Summary> {
    (
        0..3_u8,
        0..2_u64,
        1_000..1_010_u64,
        0..4_u32,
        prop::collection::btree_map(100..105_u64, bucket(), 0..4),
    )
        .prop_map(|(task, started, taken, restarts, buckets)| Summary {
            landfall: Kind::Summary,
            v: VERSION,
            task: format!("task-{task}"),
            revision: format!("revision-{}", task % 2),
            started_at: Timestamp(started),
            taken_at: Timestamp(taken),
            deadline_ms: 30_000,
            restarts,
            buckets,
        })
}

/// Gives the summaries distinct times: two reports of a task at the same time must be equal.
fn consistent(mut summaries: Vec<Summary>) -> Vec<Summary> {
    for (number, summary) in summaries.iter_mut().enumerate() {
        summary.taken_at = Timestamp(summary.taken_at.0 * 1_000 + number as u64);
    }
    summaries
}

fn collected<'s>(summaries: impl IntoIterator<Item = &'s Summary>) -> Collection {
    let mut collection = Collection::default();
    for summary in summaries {
        collection.insert(summary.clone());
    }
    collection
}

proptest! {
    #[test]
    fn a_line_preserves_the_summary(summary in summary()) {
        let line = summary.to_line();
        prop_assert!(!line.contains('\n'));
        prop_assert_eq!(Summary::parse(&line).expect("summary"), summary);
    }

    #[test]
    fn neither_order_nor_repetition_matters(
        summaries in prop::collection::vec(summary(), 0..8).prop_map(consistent), split in 0..8_usize,
    ) {
        let all = collected(&summaries);
        prop_assert_eq!(&collected(summaries.iter().rev()), &all);
        prop_assert_eq!(&collected(summaries.iter().chain(&summaries)), &all);
        let (left, right) = summaries.split_at(split.min(summaries.len()));
        let mut merged = collected(right);
        merged.merge(collected(left));
        prop_assert_eq!(merged, all);
    }

    #[test]
    fn any_text_is_parsed_or_refused(text in ".*") {
        let _ = Summary::parse(&text);
    }

    #[test]
    fn any_damaged_line_is_parsed_or_refused(summary in summary(), at in any::<prop::sample::Index>(), with in any::<char>()) {
        let mut chars: Vec<char> = summary.to_line().chars().collect();
        let at = at.index(chars.len());
        chars[at] = with;
        let _ = Summary::parse(&chars.into_iter().collect::<String>());
    }
}

fn small() -> Summary {
    let mut bucket = Bucket {
        retries: 1,
        ..Bucket::default()
    };
    bucket.users = Outcomes {
        total: 10,
        open: 10,
        ..Outcomes::default()
    };
    (0..10).for_each(|_| bucket.users.end(Outcome::Good));
    bucket.first = Attempts {
        total: 10,
        errors: 1,
        ..Attempts::default()
    };
    (0..10).for_each(|_| bucket.first.latency.record(Duration::from_micros(900)));
    Summary {
        landfall: Kind::Summary,
        v: 1,
        task: "0a1b".into(),
        revision: "3f2e".into(),
        started_at: Timestamp(1_700_000_000_000),
        taken_at: Timestamp(1_700_000_012_345),
        deadline_ms: 30_000,
        restarts: 0,
        buckets: BTreeMap::from([(1_700_000_010, bucket)]),
    }
}

#[test]
fn the_format_is_the_documented_one() {
    assert_eq!(
        small().to_line(),
        "{\"landfall\":\"summary\",\"v\":1,\"task\":\"0a1b\",\"revision\":\"3f2e\",\
         \"started_at\":1700000000000,\"taken_at\":1700000012345,\"deadline_ms\":30000,\"restarts\":0,\
         \"buckets\":{\"1700000010\":{\"first\":{\"total\":10,\"errors\":1,\"latency\":[108,10]},\
         \"users\":{\"total\":10},\"retries\":1}}}"
    );
}

#[test]
fn lines_of_the_app_are_not_summaries() {
    for line in [
        "",
        "started",
        "{\"level\":\"info\"}",
        "{\"landfall\":\"access\",\"v\":1}",
        "{\"landfall\"",
    ] {
        assert_eq!(Summary::parse(line), Err(Unreadable::Foreign), "{line}");
    }
    let newer = small().to_line().replace("\"v\":1", "\"v\":2");
    assert_eq!(Summary::parse(&newer), Err(Unreadable::Version(2)));
    let broken = small().to_line().replace("\"task\"", "\"tusk\"");
    assert!(matches!(
        Summary::parse(&broken),
        Err(Unreadable::Broken(_))
    ));
}

#[test]
fn tasks_add_up_and_reports_replace_each_other() {
    let mut collection = collected([&small()]);
    let mut later = small();
    later.taken_at = Timestamp(1_700_000_013_000);
    if let Some(bucket) = later.buckets.get_mut(&1_700_000_010) {
        bucket.first.total = 11;
        bucket.first.open = 1;
    }
    collection.insert(later);
    collection.insert(small());
    assert_eq!(collection.second("3f2e", 1_700_000_010).first.total, 11);
    let mut other = small();
    other.task = "other".into();
    collection.insert(other);
    assert_eq!(collection.second("3f2e", 1_700_000_010).first.total, 21);
    assert_eq!(collection.second("none", 1_700_000_010), Bucket::default());
}

#[test]
fn a_second_is_sealed_when_nothing_is_open_or_after_its_deadline() {
    let second = 1_700_000_010;
    let sealed = |taken_at: u64, open: u64| {
        let mut summary = small();
        summary.taken_at = Timestamp(taken_at);
        if let Some(bucket) = summary.buckets.get_mut(&second) {
            bucket.first.open = open;
        }
        let collection = collected([&summary]);
        let alive = collection.tasks().cloned().collect();
        collection.sealed_until("3f2e", second, &alive, Timestamp(u64::MAX)) > second
    };
    assert!(!sealed(1_700_000_010_999, 0));
    assert!(sealed(1_700_000_011_000, 0));
    assert!(!sealed(1_700_000_040_999, 1));
    assert!(sealed(1_700_000_041_000, 1));
}

#[test]
fn living_tasks_have_to_report_and_others_get_their_deadline() {
    let second = 1_700_000_010;
    let mut first = small();
    first.taken_at = Timestamp(1_700_000_015_500);
    let mut other = first.clone();
    other.task = "other".into();
    other.taken_at = Timestamp(1_700_000_010_200);
    if let Some(bucket) = other.buckets.get_mut(&second) {
        bucket.first.open = 1;
    }
    let collection = collected([&first, &other]);
    let all: BTreeSet<TaskRun> = collection.tasks().cloned().collect();
    let until = |alive: &BTreeSet<TaskRun>, now: u64| {
        collection.sealed_until("3f2e", second, alive, Timestamp(now))
    };
    assert_eq!(
        until(&all, 1_700_000_099_000),
        second,
        "the other may still report more"
    );
    let mut one = all.clone();
    one.retain(|run| run.task != "other");
    assert_eq!(
        until(&one, 1_700_000_040_999),
        second,
        "what it left open may yet be answered"
    );
    assert_eq!(until(&one, 1_700_000_041_000), 1_700_000_015);
    assert_eq!(
        collection.sealed_until("none", second, &all, Timestamp(u64::MAX)),
        second
    );
}
