//! What all listeners share.

use super::Settings;
use super::forward::{Body, client};
use super::record::Record;
use crate::clock::Moment;
use crate::front::Front;
use crate::options::Data;
use crate::state::requests::Counted;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

/// A request to open a listener for users while the server runs.
pub(super) struct Open {
    pub(super) data: Data,
    /// The emulator's load balancer that is the upstream.
    pub(super) balancer: Option<Counted>,
    pub(super) opened: oneshot::Sender<Result<SocketAddr, String>>,
}

/// The front, and how the emulators are reached.
pub(super) struct Shared {
    front: Mutex<Front>,
    settings: Settings,
    pub(super) client: Client<HttpConnector, Body>,
    pub(super) record: Option<Record>,
    /// URLs of the emulators.
    pub(super) upstreams: Vec<String>,
    /// URLs of proxies before the emulators, in the order of `upstreams`; none if it is shorter.
    gates: Mutex<Vec<String>>,
    /// Ports of the front's listeners before the emulator's load balancers, by their ports.
    pub(super) balancers: tokio::sync::Mutex<BTreeMap<u64, u16>>,
    open: UnboundedSender<Open>,
}

impl Shared {
    pub(super) fn new(
        front: Front,
        settings: Settings,
        record: Option<&Path>,
        upstreams: Vec<String>,
        open: UnboundedSender<Open>,
    ) -> Result<Shared, String> {
        Ok(Shared {
            front: Mutex::new(front),
            settings,
            client: client(),
            record: record.map(Record::open).transpose()?,
            upstreams,
            gates: Mutex::default(),
            balancers: tokio::sync::Mutex::default(),
            open,
        })
    }

    /// Opens a listener for users' requests, and returns its address.
    pub(super) async fn open(
        &self,
        data: Data,
        balancer: Option<Counted>,
    ) -> Result<SocketAddr, String> {
        let (opened, address) = oneshot::channel();
        let open = Open {
            data,
            balancer,
            opened,
        };
        let ended = || "the server ends".to_owned();
        self.open.send(open).map_err(|_| ended())?;
        address.await.map_err(|_| ended())?
    }

    /// From now on calls to the emulators pass these proxies, in the order of the listeners.
    pub(super) fn set_gates(&self, gates: Vec<String>) {
        *self.gates.lock().unwrap_or_else(PoisonError::into_inner) = gates;
    }

    /// Where calls to an emulator are sent: to its gate, if it has one.
    pub(super) fn gate(&self, upstream: &str) -> String {
        let gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        let index = self.upstreams.iter().position(|one| one == upstream);
        let gate = index.and_then(|index| gates.get(index));
        gate.map_or_else(|| upstream.to_owned(), Clone::clone)
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
