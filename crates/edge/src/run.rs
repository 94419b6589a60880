//! Puts the parts together and runs them until both the edge and the app have ended.

use crate::edge::{Edge, SupervisorRequest};
use crate::error_pages::ErrorPages;
use crate::error_response::{ErrorResponse, error_response};
use crate::policy::accept::Page;
use crate::policy::settings::Settings;
use crate::process::AppCommand;
use crate::readiness::Backoff;
use crate::response_body::ResponseBody;
use crate::stdio::Stdio;
use crate::supervisor::Supervisor;
use crate::{endpoints, lambda, listener, prober, summary_log};
use edge_contract::runtime_api::Address;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket};

/// Most threads by default: with more, the app is slower than the edge.
const MAX_THREADS: usize = 4;
/// Connections that the kernel queues until they are accepted. The system may allow fewer
/// (`net.core.somaxconn`).
const BACKLOG: u32 = 4096;

/// Where requests come from.
#[derive(Debug)]
pub enum Ingress {
    /// TCP connections to the listener.
    Connections,
    /// Invocations from the Runtime API of AWS Lambda at this address.
    Invocations(Address),
}

/// Runs the edge in front of the app until both have ended; returns the exit code.
///
/// # Errors
/// What prevented the start. The app has not been started then.
pub fn run(
    settings: Settings,
    command: AppCommand,
    ingress: Ingress,
    stdio: &Stdio,
) -> Result<u8, String> {
    let error_pages = match &settings.error_pages {
        Some(directory) => ErrorPages::read(directory)?,
        None => ErrorPages::default(),
    };
    let task = settings.task.clone().unwrap_or_else(host_name);
    let runtime = runtime(settings.threads)?;
    let code = runtime.block_on(async {
        let edge = Arc::new(Edge::new(settings, error_pages, stdio.clone(), task));
        match ingress {
            Ingress::Connections => listen(&edge)?,
            Ingress::Invocations(api) => {
                drop(tokio::spawn(serve_invocations(Arc::clone(&edge), api)));
            }
        }
        let supervisor = Supervisor::new(Arc::clone(&edge), command);
        let code = supervisor
            .run()
            .await
            .map_err(|error| format!("can't handle signals: {error}"))?;
        let _ = summary_log::write(&edge);
        Ok::<u8, String>(code)
    })?;
    runtime.shutdown_timeout(Duration::from_millis(100));
    Ok(code)
}

/// Answers invocations of AWS Lambda with a 503 instead of starting an app; see `LANDFALL_EDGE_RELEASED`.
/// Returns when the Runtime API fails.
///
/// # Errors
/// What prevented the start.
pub fn run_unreleased(api: Address) -> Result<(), String> {
    runtime(Some(1))?.block_on(lambda::unreleased::serve(api));
    Ok(())
}

fn runtime(threads: Option<usize>) -> Result<tokio::runtime::Runtime, String> {
    let threads = threads.unwrap_or_else(|| {
        std::thread::available_parallelism()
            .map_or(1, usize::from)
            .min(MAX_THREADS)
    });
    let mut builder = match threads {
        1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    builder
        .worker_threads(threads)
        .thread_stack_size(512 * 1024)
        .enable_all()
        .build()
        .map_err(|error| format!("can't start threads: {error}"))
}

/// Serves invocations. If that panics, the supervisor has to know: nothing else would notice.
async fn serve_invocations(edge: Arc<Edge>, api: Address) {
    let served = tokio::spawn(lambda::serve(Arc::clone(&edge), api)).await;
    if let Err(error) = served {
        let why = format!("serving invocations failed: {error}");
        edge.supervisor_request
            .send_replace(SupervisorRequest::Shutdown(why));
    }
}

/// Binds the ports and starts every task that runs next to the supervisor.
fn listen(edge: &Arc<Edge>) -> Result<(), String> {
    let public = bind(edge.settings.listen)?;
    if let Some(address) = edge.settings.private_listen {
        tokio::spawn(serve_private(Arc::clone(edge), bind(address)?));
    }
    tokio::spawn(listener::run(Arc::clone(edge), public));
    tokio::spawn(prober::run(Arc::clone(edge)));
    tokio::spawn(summary_log::run(Arc::clone(edge)));
    let edge = Arc::clone(edge);
    tokio::spawn(async move {
        edge.readiness
            .watch(edge.settings.app, Backoff::DEFAULT)
            .await;
    });
    Ok(())
}

fn bind(address: SocketAddr) -> Result<TcpListener, String> {
    let bound = || -> std::io::Result<TcpListener> {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        // Connections in TIME_WAIT of an earlier edge must not prevent the start.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    bound().map_err(|error| format!("can't listen on {address}: {error}"))
}

fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    match name.trim() {
        "" => "unnamed".to_owned(),
        name => name.to_owned(),
    }
}

/// Serves the private port, where the edge's own endpoints need no secret.
async fn serve_private(edge: Arc<Edge>, listener: TcpListener) {
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
                async move { Ok::<_, Infallible>(private_response(&edge, request)) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(header)
                .serve_connection(TokioIo::new(stream), service);
            // An error here is the client's: it broke the connection off.
            let _ = connection.await;
        });
    }
}

fn private_response(edge: &Edge, request: Request<Incoming>) -> Response<ResponseBody> {
    let (parts, _) = request.into_parts();
    endpoints::respond(edge, &parts, true).unwrap_or_else(|| {
        let not_found = ErrorResponse {
            status: 404,
            why: "Only /.landfall/ is here",
            retry_after: None,
            page: Page::Json,
            request_id: None,
        };
        error_response(&edge.error_pages, &not_found)
    })
}
