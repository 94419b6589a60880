use super::*;
use crate::app::names::{Slot, Slots};
use crate::release::diagnosis::Cause;
use crate::release::samples::{record, serving};
use crate::release::{PreviewRoutes, Proof, carry_out};

/// A whole release, written as a driver writes it.
fn played() -> Record {
    let mut record = record(7, "new");
    let mut seen = serving();
    let mut now = Timestamp(1_000);
    loop {
        let release = record.release();
        let step = next(&release, &seen, now);
        record.entries.push(Entry::Step {
            at: now,
            seen: Box::new(seen.clone()),
            step: step.clone(),
        });
        if let Step::Finished { outcome } = step {
            record.outcome = Some(outcome);
            return record;
        }
        now = carry_out(&record.release(), &mut seen, &step, now);
    }
}

#[test]
fn a_record_survives_its_text_and_every_step_follows() {
    let record = played();
    let text = serde_json::to_string(&record).expect("text");
    let again = Record::parse(&text).expect("a record");
    assert_eq!(again, record);
    assert_eq!(again.replay(), Ok(()));
    assert!(again.is_good());
}

#[test]
fn a_step_that_does_not_follow_is_found() {
    let mut record = played();
    let number = record.entries.len() - 3;
    let Entry::Step { seen, .. } = &mut record.entries[number] else {
        panic!("a step");
    };
    seen.comparison.worse = Some(Cause::Stopped);
    seen.previews = PreviewRoutes::Enabled;
    seen.shares = Slots {
        blue: 50,
        green: 50,
    };
    let mismatch = record.replay().expect_err("it does not follow");
    assert_eq!(mismatch.entry, number);
    assert!(matches!(mismatch.follows, Step::RollBack { .. }));
}

#[test]
fn wherever_the_record_ends_the_release_can_go_on() {
    let whole = played();
    for length in 0..whole.entries.len() {
        let mut cut = whole.clone();
        cut.entries.truncate(length);
        cut.outcome = None;
        assert!(cut.is_under_way());
        // What was written last may have been carried out, or not.
        if let Some(Entry::Step { at, seen, step }) = whole.entries.get(length) {
            assert_eq!(next(&cut.release(), seen, *at), *step, "after {length}");
        }
    }
}

#[test]
fn an_order_is_part_of_the_story() {
    let mut record = record(1, "new");
    record.entries.push(Entry::Order {
        at: Timestamp(5),
        by: "bob@desk".into(),
        order: ManualOverride::Abort,
    });
    assert_eq!(record.release().progress.order, Some(ManualOverride::Abort));
}

#[test]
fn a_record_of_another_version_is_refused() {
    let mut value = serde_json::to_value(record(1, "new")).expect("JSON");
    value["v"] = 2.into();
    let why = Record::parse(&value.to_string()).expect_err("refused");
    assert_eq!(why, "it has version 2, and this landfall reads version 1");
    assert!(Record::parse("{}").is_err());
}

#[test]
fn keys_sort_as_their_numbers() {
    assert_eq!(Record::key(17), "ledger/releases/000017.json");
    assert_eq!(Record::number_of(&Record::key(17)), Some(17));
    assert_eq!(Record::number_of("ledger/lease.json"), None);
    assert!(Record::key(99) < Record::key(100));
}

#[test]
fn the_way_back_leads_to_what_last_served_and_is_another() {
    let ended = |number, revision: &str, good: bool| {
        let outcome = if good {
            Outcome::Serving {
                slot: Slot::Blue,
                proof: Some(Proof::Users),
            }
        } else {
            Outcome::RolledBack {
                slot: Slot::Blue,
                cause: Cause::Stopped,
            }
        };
        Record {
            outcome: Some(outcome),
            ..record(number, revision)
        }
    };
    let records = [
        ended(1, "a", true),
        ended(2, "b", true),
        ended(3, "c", false),
        ended(4, "b", true),
    ];
    let number = |current: &str| {
        previous_good(&records, &RevisionId(current.into())).map(|record| record.number)
    };
    assert_eq!(number("b"), Some(1));
    assert_eq!(number("a"), Some(4));
    assert_eq!(previous_good(&[], &RevisionId("a".into())), None);
}
