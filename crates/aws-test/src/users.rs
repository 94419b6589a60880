//! Users of a public address, over HTTPS too, and single requests to it.

use rules::time::Timestamp;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use testkit::now;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

/// Requests per second.
const PER_SECOND: u32 = 8;
/// An HTTP API waits 30 s for a function.
const PATIENCE: Duration = Duration::from_secs(35);

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) sent: Timestamp,
    /// [`None`] without an answer.
    pub(crate) status: Option<u16>,
    /// The version that answered, if it was the app.
    pub(crate) version: Option<u32>,
}

/// An answer in full.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) version: Option<u32>,
    pub(crate) age: Option<String>,
    pub(crate) cache: Option<String>,
    pub(crate) body: String,
}

/// Users who send requests until they are stopped.
pub(crate) struct Users {
    stop: Arc<AtomicBool>,
    task: JoinHandle<Vec<Request>>,
}

impl Users {
    pub(crate) fn start(runtime: &Handle, url: &str) -> Users {
        let stop = Arc::new(AtomicBool::new(false));
        let task = runtime.spawn(send(url.to_owned(), stop.clone()));
        Users { stop, task }
    }

    /// All requests, in the order in which they were sent.
    pub(crate) fn stop(self, runtime: &Handle) -> Vec<Request> {
        self.stop.store(true, Ordering::Relaxed);
        runtime.block_on(self.task).unwrap_or_default()
    }
}

/// How many were not answered by the app at all.
pub(crate) fn lost(requests: &[Request]) -> usize {
    let is_lost = |request: &&Request| request.version.is_none();
    requests.iter().filter(is_lost).count()
}

async fn send(url: String, stop: Arc<AtomicBool>) -> Vec<Request> {
    let client = client(&url);
    let mut due = tokio::time::interval(Duration::from_secs(1) / PER_SECOND);
    let mut tasks = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        due.tick().await;
        let (client, url) = (client.clone(), url.clone());
        tasks.push(tokio::spawn(async move {
            let sent = now();
            let answer = ask(&client, &url).await.ok();
            Request {
                sent,
                status: answer.as_ref().map(|answer| answer.status),
                version: answer.and_then(|answer| answer.version),
            }
        }));
    }
    let mut requests = Vec::new();
    for task in tasks {
        requests.extend(task.await);
    }
    requests
}

/// Sends one request, on a connection of its own.
///
/// # Errors
/// There is no answer.
pub(crate) async fn ask_once(url: &str) -> Result<Answer, String> {
    ask(&client(url), url).await
}

async fn ask(client: &reqwest::Client, url: &str) -> Result<Answer, String> {
    let answer = client
        .get(url)
        .send()
        .await
        .map_err(|error| error.to_string())?;
    let header = |name: &str| {
        let value = answer.headers().get(name)?.to_str().ok()?;
        Some(value.to_owned())
    };
    let (version, age, cache) = (header("x-version"), header("age"), header("x-cache"));
    let status = answer.status().as_u16();
    let body = answer.text().await.map_err(|error| error.to_string())?;
    Ok(Answer {
        status,
        version: version.and_then(|text| text.parse().ok()),
        age,
        cache,
        body,
    })
}

/// Every name below `localhost` is this machine (RFC 6761), but not every resolver knows that.
fn client(url: &str) -> reqwest::Client {
    let mut client = reqwest::Client::builder().timeout(PATIENCE);
    let host = url.split("://").nth(1).unwrap_or_default();
    let host = host.split('/').next().unwrap_or_default();
    if let Some((name, port)) = host.rsplit_once(':')
        && name.ends_with(".localhost")
    {
        let port = port.parse().unwrap_or_default();
        client = client.resolve(name, SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    }
    client.build().unwrap_or_default()
}
