//! Lines of a log that may be summaries; what is read survives being written.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rules::edge_contract::summary::{Collection, Summary};

fuzz_target!(|text: &str| {
    if let Ok(summary) = Summary::parse(text) {
        assert_eq!(Summary::parse(&summary.to_line()), Ok(summary.clone()));
        let (revision, seconds) = (summary.revision.clone(), summary.buckets.clone());
        let mut collection = Collection::default();
        collection.insert(summary.clone());
        collection.insert(summary);
        for second in seconds.into_keys() {
            let _ = (
                collection.second(&revision, second),
                collection.is_sealed(&revision, second),
            );
        }
    }
});
