//! Reads and writes the ledger in its store.

use crate::failure::Failure;
use crate::store::Store;
use crate::store::random::token;
use aws::{ETag, Written};
use rules::exit::Exit;
use rules::release::idle;
use rules::release::ledger::{RELEASES_PREFIX, Record};
use rules::time::Timestamp;

/// One record, as this process writes it.
pub(crate) struct Ledger {
    store: Store,
    pub(crate) record: Record,
    /// [`None`] before it was first written.
    tag: Option<ETag>,
}

impl Ledger {
    /// A new record; nothing is written yet.
    pub(crate) fn begin(store: &Store, record: Record) -> Ledger {
        Ledger {
            store: store.clone(),
            record,
            tag: None,
        }
    }

    /// The latest release; [`None`] before the first.
    ///
    /// # Errors
    /// The store cannot be read, or the record has an unknown format.
    pub(crate) async fn latest(store: &Store) -> Result<Option<Ledger>, Failure> {
        let keys = store.keys(RELEASES_PREFIX).await?;
        let Some(number) = keys.iter().filter_map(|key| Record::number_of(key)).max() else {
            return Ok(None);
        };
        Ledger::read(store, number).await
    }

    /// One release; [`None`] if the number does not exist.
    ///
    /// # Errors
    /// As of [`Ledger::latest`].
    pub(crate) async fn read(store: &Store, number: u64) -> Result<Option<Ledger>, Failure> {
        let Some(object) = store.read(&Record::key(number)).await? else {
            return Ok(None);
        };
        let record = Record::parse(&object.text).map_err(|why| {
            Failure::new(
                Exit::BadInput,
                format!("the record of release {number} cannot be read"),
            )
            .why(why)
            .next("a newer version of landfall may have written it: use that version")
        })?;
        Ok(Some(Ledger {
            store: store.clone(),
            record,
            tag: Some(object.tag),
        }))
    }

    /// All releases, by number.
    ///
    /// # Errors
    /// As of [`Ledger::latest`].
    pub(crate) async fn all(store: &Store) -> Result<Vec<Record>, Failure> {
        let keys = store.keys(RELEASES_PREFIX).await?;
        let mut numbers: Vec<u64> = keys
            .iter()
            .filter_map(|key| Record::number_of(key))
            .collect();
        numbers.sort_unstable();
        let mut records = Vec::new();
        for number in numbers {
            if let Some(ledger) = Ledger::read(store, number).await? {
                records.push(ledger.record);
            }
        }
        Ok(records)
    }

    /// The latest releases that ended in the time before `now` in which requests are counted.
    ///
    /// # Errors
    /// As of [`Ledger::latest`].
    pub(crate) async fn recent(
        store: &Store,
        latest: u64,
        now: Timestamp,
    ) -> Result<Vec<Record>, Failure> {
        let mut records = Vec::new();
        for number in (1..=latest).rev() {
            let Some(ledger) = Ledger::read(store, number).await? else {
                continue;
            };
            if !idle::is_recent(&ledger.record, now) {
                break;
            }
            records.push(ledger.record);
        }
        Ok(records)
    }

    /// Writes the record as it is now.
    ///
    /// # Errors
    /// Another process wrote it meanwhile, which the release lock should prevent; or the store does not
    /// answer.
    pub(crate) async fn write(&mut self) -> Result<(), Failure> {
        self.record.nonce = token()?;
        let key = Record::key(self.record.number);
        let text = serde_json::to_string(&self.record)
            .map_err(|error| Failure::new(Exit::Bug, error.to_string()))?;
        let written = match &self.tag {
            None => self.store.create(&key, &text).await?,
            Some(tag) => self.store.replace(&key, &text, tag).await?,
        };
        match written {
            Written::Won(tag) => {
                self.tag = Some(tag);
                Ok(())
            }
            Written::Lost => Err(Failure::new(
                Exit::Locked,
                format!("another command is working on release {}", self.record.number),
            )
            .why(format!("{key} has changed"))
            .next("`landfall history` shows its progress; `landfall resume` resumes it when no command is working on it")),
        }
    }
}
