//! The server: reads requests, asks [`Front`] for decisions, and carries them out.

mod balancers;
mod control;
mod forward;
mod idle;
mod listener;
mod own_calls;
mod record;
mod shared;
mod traffic;
mod users;

use crate::clock::Moment;
use crate::front::Front;
use crate::options::{Kind, Serve};
use crate::rules::request_metrics;
use listener::Role;
use shared::{Open, Shared};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinSet;

/// What differs between the program and its tests.
#[derive(Clone)]
pub struct Settings {
    /// The clock.
    pub clock: Arc<dyn Fn() -> Moment + Send + Sync>,
    /// How much of the time limit of a response passes: zero in tests of limits.
    pub limit: fn(Duration) -> Duration,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            clock: Arc::new(|| {
                let since = SystemTime::now().duration_since(UNIX_EPOCH);
                let millis = since.map_or(0, |since| since.as_millis());
                Moment(u64::try_from(millis).unwrap_or(u64::MAX))
            }),
            limit: |limit| limit,
        }
    }
}

/// A running proxy. It stops when this value is dropped.
pub struct Running {
    /// Addresses of the listeners for calls of AWS's API.
    pub listeners: Vec<SocketAddr>,
    /// Addresses of the listeners for users' requests.
    pub data: Vec<(Kind, SocketAddr)>,
    /// Address of the control endpoint.
    pub control: Option<SocketAddr>,
    /// They end when this is dropped.
    _tasks: JoinSet<()>,
}

impl Running {
    /// The line that reports the addresses, in the order of the arguments.
    #[must_use]
    pub fn ready(&self) -> String {
        let mut line = String::from("ready");
        for address in &self.listeners {
            let _ = write!(line, " listen={address}");
        }
        for (kind, address) in &self.data {
            let _ = write!(line, " {}={address}", kind.name());
        }
        if let Some(address) = self.control {
            let _ = write!(line, " control={address}");
        }
        line
    }
}

/// Starts to listen.
///
/// # Errors
/// An unknown scenario, a file that cannot be opened, or an address that cannot be listened on.
pub async fn start(serve: Serve, settings: Settings) -> Result<Running, String> {
    let mut front = Front::new(serve.seed, serve.real_times);
    front.world.logs_delay = serve.logs_delay;
    for (name, value) in &serve.scenarios {
        front.select(name, value)?;
    }
    let upstreams = serve.listeners.iter().map(|(_, url)| url.clone()).collect();
    let (open, opens) = unbounded_channel();
    let record = serve.record.as_deref();
    let shared = Arc::new(Shared::new(front, settings, record, upstreams, open)?);
    let mut tasks = JoinSet::new();
    let mut listeners = Vec::new();
    for (address, upstream) in serve.listeners {
        let role = Role::Calls { upstream };
        let (address, task) = listener::open(&shared, &address, role).await?;
        listeners.push(address);
        tasks.spawn(task);
    }
    let mut data = Vec::new();
    for one in serve.data {
        let role = Role::users(one.kind, one.upstream, None);
        let (address, task) = listener::open(&shared, &one.listen, role).await?;
        data.push((one.kind, address));
        tasks.spawn(task);
    }
    let mut control = None;
    if let Some(address) = serve.control {
        let (address, task) = listener::open(&shared, &address, Role::Control).await?;
        control = Some(address);
        tasks.spawn(task);
    }
    tasks.spawn(publish_metrics(Arc::clone(&shared)));
    tasks.spawn(open_later(shared, opens));
    Ok(Running {
        listeners,
        data,
        control,
        _tasks: tasks,
    })
}

/// How often counts of requests are published.
const PUBLISH_EVERY: Duration = Duration::from_secs(2);

/// Publishes counts of requests to the emulator of CloudWatch, which is the first.
async fn publish_metrics(shared: Arc<Shared>) {
    let Some(upstream) = shared.upstreams.first().cloned() else {
        return;
    };
    loop {
        tokio::time::sleep(PUBLISH_EVERY).await;
        request_metrics::publish(&mut shared.front().world);
        own_calls::make(&shared, &upstream);
    }
}

/// Opens listeners while the server runs.
async fn open_later(shared: Arc<Shared>, mut opens: UnboundedReceiver<Open>) {
    let mut tasks = JoinSet::new();
    while let Some(open) = opens.recv().await {
        let role = Role::users(open.data.kind, open.data.upstream, open.balancer);
        let opened = listener::open(&shared, &open.data.listen, role).await;
        let address = opened.map(|(address, task)| {
            tasks.spawn(task);
            address
        });
        // The request that asked for it may have ended.
        let _ = open.opened.send(address);
    }
}
