//! What all listeners share.

use super::Settings;
use super::forward::{Body, client};
use super::record::Record;
use crate::clock::Moment;
use crate::front::Front;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The front, and how the emulators are reached.
pub(super) struct Shared {
    front: Mutex<Front>,
    settings: Settings,
    pub(super) client: Client<HttpConnector, Body>,
    pub(super) record: Option<Record>,
    /// URLs of the emulators.
    pub(super) upstreams: Vec<String>,
}

impl Shared {
    pub(super) fn new(
        front: Front,
        settings: Settings,
        record: Option<&Path>,
        upstreams: Vec<String>,
    ) -> Result<Shared, String> {
        Ok(Shared {
            front: Mutex::new(front),
            settings,
            client: client(),
            record: record.map(Record::open).transpose()?,
            upstreams,
        })
    }

    pub(super) fn front(&self) -> MutexGuard<'_, Front> {
        self.front.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now(&self) -> Moment {
        (self.settings.clock)()
    }

    pub(super) fn limit(&self, limit: Duration) -> Duration {
        (self.settings.limit)(limit)
    }
}
