//! The server: reads requests, asks [`Front`] for decisions, and carries them out.

mod control;
mod forward;
mod listener;
mod own_calls;
mod record;
mod shared;
mod traffic;
mod users;

use crate::clock::Moment;
use crate::front::Front;
use crate::options::{Kind, Serve};
use listener::Role;
use shared::Shared;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::task::JoinHandle;

/// What differs between the program and its tests.
#[derive(Clone)]
pub struct Settings {
    /// The clock.
    pub clock: Arc<dyn Fn() -> Moment + Send + Sync>,
    /// How much of a time limit passes: zero in tests of limits.
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
    tasks: Vec<JoinHandle<()>>,
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

impl Drop for Running {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
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
    let shared = Arc::new(Shared::new(
        front,
        settings,
        serve.record.as_deref(),
        upstreams,
    )?);
    let mut running = Running {
        listeners: Vec::new(),
        data: Vec::new(),
        control: None,
        tasks: Vec::new(),
    };
    for (address, upstream) in serve.listeners {
        let role = Role::Calls { upstream };
        let (address, task) = listener::open(&shared, &address, role).await?;
        running.listeners.push(address);
        running.tasks.push(task);
    }
    for data in serve.data {
        let role = Role::users(data.kind, data.upstream);
        let (address, task) = listener::open(&shared, &data.listen, role).await?;
        running.data.push((data.kind, address));
        running.tasks.push(task);
    }
    if let Some(address) = serve.control {
        let (address, task) = listener::open(&shared, &address, Role::Control).await?;
        running.control = Some(address);
        running.tasks.push(task);
    }
    Ok(running)
}
