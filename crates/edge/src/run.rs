//! Puts the parts together and runs them to the end.

use crate::answer::UserBody;
use crate::console::Console;
use crate::edge::{Edge, Wish};
use crate::gate::KnockPace;
use crate::pages::Pages;
use crate::policy::settings::Settings;
use crate::process::AppCommand;
use crate::supervisor::Supervisor;
use crate::{door, endpoints, lambda, prober};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rules::edge_contract::runtime_api::Address;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket};

/// More threads than this move no more bytes than the app can produce.
const MOST_THREADS: usize = 4;

/// How users come in.
#[derive(Debug)]
pub enum Users {
    /// Over connections.
    Connect,
    /// As invocations of AWS Lambda.
    Invoke(Address),
}

/// Runs the edge in front of the app until both have ended; returns the exit code.
///
/// # Errors
/// What kept it from starting: nothing of the app has run then.
pub fn run(
    settings: Settings,
    command: AppCommand,
    users: Users,
    console: &Console,
) -> Result<u8, String> {
    let pages = match &settings.error_pages {
        Some(directory) => Pages::read(directory)?,
        None => Pages::default(),
    };
    let task = settings.task.clone().unwrap_or_else(host_name);
    let threads = settings.threads.unwrap_or_else(|| {
        std::thread::available_parallelism()
            .map_or(1, usize::from)
            .min(MOST_THREADS)
    });
    let mut builder = match threads {
        1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    let runtime = builder
        .worker_threads(threads)
        .thread_stack_size(512 * 1024)
        .enable_all()
        .build()
        .map_err(|error| format!("can't start threads: {error}"))?;
    let code = runtime.block_on(async {
        let edge = Arc::new(Edge::new(settings, pages, console.clone(), task));
        match users {
            Users::Connect => open(&edge)?,
            Users::Invoke(api) => drop(tokio::spawn(invoke(Arc::clone(&edge), api))),
        }
        let supervisor = Supervisor::new(Arc::clone(&edge), command);
        let code = supervisor
            .run()
            .await
            .map_err(|error| format!("can't watch signals: {error}"))?;
        let _ = tell_once(&edge);
        Ok::<u8, String>(code)
    })?;
    runtime.shutdown_timeout(Duration::from_millis(100));
    Ok(code)
}

/// Serves invocations. Nobody else would notice if that broke down.
async fn invoke(edge: Arc<Edge>, api: Address) {
    let served = tokio::spawn(lambda::serve(Arc::clone(&edge), api)).await;
    if let Err(error) = served {
        let why = format!("serving invocations broke down: {error}");
        edge.wish.send_replace(Wish::End(why));
    }
}

/// Opens the door, and starts all that happens beside it.
fn open(edge: &Arc<Edge>) -> Result<(), String> {
    let door = bind(edge.settings.listen)?;
    if let Some(address) = edge.settings.private_listen {
        tokio::spawn(answer_privately(Arc::clone(edge), bind(address)?));
    }
    tokio::spawn(door::keep(Arc::clone(edge), door));
    tokio::spawn(prober::run(Arc::clone(edge)));
    tokio::spawn(tell(Arc::clone(edge)));
    let edge = Arc::clone(edge);
    tokio::spawn(async move { edge.gate.knock(edge.settings.app, KnockPace::USUAL).await });
    Ok(())
}

/// Connections that the kernel holds until they are taken: a crowd that arrives at once finds room, as
/// far as the system allows (`net.core.somaxconn`).
const BACKLOG: u32 = 4096;

fn bind(address: SocketAddr) -> Result<TcpListener, String> {
    listen(address).map_err(|error| format!("can't listen on {address}: {error}"))
}

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // What an edge before this one left in TIME_WAIT is in nobody's way.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() {
        "unnamed".to_owned()
    } else {
        name.to_owned()
    }
}

/// Writes summary lines and lets go of connections that nobody needs, for ever.
async fn tell(edge: Arc<Edge>) {
    let every = edge.settings.summary;
    let mut beat = tokio::time::interval(every.unwrap_or(Duration::from_secs(10)));
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        beat.tick().await;
        edge.app.tidy();
        if every.is_some() {
            let _ = tell_once(&edge);
        }
    }
}

/// Writes a summary line if there is anything new; returns whether there was.
pub(crate) fn tell_once(edge: &Edge) -> bool {
    let news = edge.settings.summary.and_then(|_| edge.ledger.news());
    let is_new = news.is_some();
    if let Some(news) = news {
        edge.console.record(news.to_line());
    }
    is_new
}

/// The port where private endpoints answer to everyone who reaches it.
async fn answer_privately(edge: Arc<Edge>, listener: TcpListener) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let edge = Arc::clone(&edge);
        tokio::spawn(async move {
            let header = edge.settings.clients.header;
            let service = service_fn(move |request| {
                let edge = Arc::clone(&edge);
                async move { Ok::<_, Infallible>(private(&edge, request)) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(header)
                .serve_connection(TokioIo::new(stream), service);
            // Whoever broke off knows it.
            let _ = connection.await;
        });
    }
}

fn private(edge: &Edge, request: Request<Incoming>) -> Response<UserBody> {
    let (parts, _) = request.into_parts();
    endpoints::answer(edge, &parts, true).unwrap_or_else(|| {
        let kind = crate::policy::accept::Page::Json;
        edge.pages
            .answer(404, "Only /.landfall/ is here", None, kind, None)
    })
}
