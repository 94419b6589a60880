//! Lines of a log that may be summaries; what is parsed can be written again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use edge_contract::summary::{Collection, Summary};
use edge_contract::time::Timestamp;

fuzz_target!(|text: &str| {
    if let Ok(summary) = Summary::parse(text) {
        assert_eq!(Summary::parse(&summary.to_line()), Ok(summary.clone()));
        let (revision, seconds) = (summary.revision.clone(), summary.buckets.clone());
        let mut collection = Collection::default();
        collection.insert(summary.clone());
        collection.insert(summary);
        for second in seconds.into_keys() {
            let tasks = collection.tasks().cloned().collect();
            let until = collection.sealed_until(&revision, second, &tasks, Timestamp(u64::MAX));
            assert!(until >= second);
            let _ = collection.second(&revision, second);
        }
    }
});
