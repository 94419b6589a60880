//! An app of tests that behaves badly on demand. It uses the standard library only, so that `rustc` alone
//! compiles it into a static program that runs `FROM scratch`.
//!
//! `misbehave MODE`, or the environment variable `MODE`:
//!
//! | mode | behaviour |
//! |---|---|
//! | `good` | answers 200 on :8080 |
//! | `flaky` | answers 500 to every tenth request |
//! | `errors` | answers 500 to landfall, and 200 to the health check of a load balancer |
//! | `crash` | exits with code 3 after a line on standard error |
//! | `port` | listens on :9090 |
//! | `loopback` | listens on 127.0.0.1:8080 |
//! | `deaf` | never listens |
//! | `slow` | listens after 5 s |
//! | `errs:N` | answers 500 to N% of requests, at random |
//! | `takes:N` | answers after N ms |
//! | `long:N` | answers with N bytes |
//! | `writes:PATH` | writes a file, or exits with code 1 |
//! | `reads:PATH` | reads a file, or exits with code 1 |
//! | `binds:PORT` | listens on this port too, or exits with code 1 |
//! | `chowns:PATH` | changes the owner of a file, or exits with code 1 |
//! | `on:PORT` | listens on this port instead of 8080 |
//! | `prints` | prints what `tells` answers, and `VERSION`, and exits with code 0 |
//! | `shows:NAME` | answers with this variable, and with the names of all that begin with `LANDFALL`; exits with code 1 if it is not set |
//! | `tells` | answers with its user, its capabilities, and the paths that it can write to |
//! | `turns:N` | answers 200 to the first N requests of users, and 500 to all requests after that |
//!
//! Answers have the environment variable `VERSION` in the header `X-Version`. In every mode, `/missing/…` is answered
//! with 404 and a text that no other answer has.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

static REQUESTS: AtomicU64 = AtomicU64::new(0);
/// Requests that are neither from landfall, nor its edge, nor a load balancer.
static OF_USERS: AtomicU64 = AtomicU64::new(0);

fn main() {
    let mode = std::env::args()
        .nth(1)
        .or_else(|| std::env::var("MODE").ok())
        .unwrap_or_else(|| "good".to_owned());
    println!("misbehave: {mode}");
    if let Err(why) = check_requirement(&mode) {
        eprintln!("{why}");
        std::process::exit(1);
    }
    let address = match mode.as_str() {
        "crash" => {
            eprintln!("cannot find the settings file");
            std::process::exit(3);
        }
        "prints" => {
            println!("{}", report_rights());
            println!("version {}", std::env::var("VERSION").unwrap_or_default());
            return;
        }
        "deaf" => loop {
            std::thread::park();
        },
        "port" => "0.0.0.0:9090",
        "loopback" => "127.0.0.1:8080",
        _ => "0.0.0.0:8080",
    };
    let elsewhere = mode.strip_prefix("on:").map(|port| format!("0.0.0.0:{port}"));
    let address = elsewhere.as_deref().unwrap_or(address);
    if mode == "slow" {
        std::thread::sleep(Duration::from_secs(5));
    }
    let listener = TcpListener::bind(address).unwrap_or_else(|error| {
        eprintln!("bind() to {address}: {error}");
        std::process::exit(1)
    });
    let version = std::env::var("VERSION").unwrap_or_default();
    for stream in listener.incoming().flatten() {
        let (mode, version) = (mode.clone(), version.clone());
        std::thread::spawn(move || serve(stream, &mode, &version));
    }
}

/// Tries what the mode requires.
fn check_requirement(mode: &str) -> Result<(), String> {
    let Some((verb, what)) = mode.split_once(':') else {
        return Ok(());
    };
    match verb {
        "writes" => {
            let parent = std::path::Path::new(what).parent().unwrap_or(std::path::Path::new("/"));
            let written = std::fs::create_dir_all(parent).and_then(|()| std::fs::write(what, "x"));
            written.map_err(|error| format!("open {what}: {error}"))
        }
        "reads" => std::fs::read(what).map(drop).map_err(|error| format!("open {what}: {error}")),
        "shows" => std::env::var(what).map(drop).map_err(|error| format!("{what}: {error}")),
        "chowns" => std::os::unix::fs::chown(what, Some(4242), None).map_err(|error| format!("chown {what}: {error}")),
        "binds" => match TcpListener::bind(format!("0.0.0.0:{what}")) {
            Ok(listener) => {
                std::mem::forget(listener);
                Ok(())
            }
            Err(error) => Err(format!("bind() to 0.0.0.0:{what}: {error}")),
        },
        _ => Ok(()),
    }
}

/// The kernel's record of this process's rights, and the paths that it can write to.
fn report_rights() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let wanted = ["Uid:", "CapEff:", "CapBnd:", "NoNewPrivs:"];
    let mut lines: Vec<String> = status
        .lines()
        .filter(|line| wanted.iter().any(|name| line.starts_with(name)))
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    for path in ["/root-file", "/tmp/file", "/var/cache/app/file"] {
        let word = match std::fs::write(path, "x") {
            Ok(()) => "written".to_owned(),
            Err(error) => error.kind().to_string(),
        };
        lines.push(format!("{path} {word}"));
    }
    lines.join("\n")
}

/// A variable, and the names of all variables of landfall's own.
fn show(name: &str) -> String {
    let own = std::env::vars().map(|(name, _)| name).filter(|name| name.starts_with("LANDFALL"));
    let shown = std::env::var(name).unwrap_or_default();
    [shown].into_iter().chain(own).collect::<Vec<_>>().join("\n")
}

fn serve(stream: TcpStream, mode: &str, version: &str) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut is_landfall = false;
        let mut is_machine = false;
        let mut first = true;
        let mut is_missing = false;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() && !first {
                break;
            }
            is_missing |= first && line.starts_with("get /missing/");
            first = false;
            if let Some(agent) = line.strip_prefix("user-agent:") {
                is_landfall |= agent.contains("landfall");
                is_machine |= agent.contains("landfall") || agent.contains("health");
            }
        }
        let number = REQUESTS.fetch_add(1, Ordering::Relaxed);
        let fails = match mode {
            "flaky" => number % 10 == 7,
            "errors" => is_landfall,
            other => match (argument(other, "errs:"), argument(other, "turns:")) {
                (Some(percent), _) => random() % 100 < percent,
                (_, Some(good)) => OF_USERS.fetch_add(u64::from(!is_machine), Ordering::Relaxed) >= good,
                _ => false,
            },
        };
        if let Some(millis) = argument(mode, "takes:") {
            std::thread::sleep(Duration::from_millis(millis));
        }
        let text = match argument(mode, "long:") {
            _ if is_missing => format!("missing {:016x}", random()),
            Some(bytes) => "x".repeat(usize::try_from(bytes).unwrap_or(usize::MAX)),
            None if mode == "tells" => report_rights(),
            None if mode.starts_with("shows:") => show(&mode["shows:".len()..]),
            None => "up".to_owned(),
        };
        let (status, body) = match (is_missing, fails) {
            (true, _) => ("404 Not Found", text.as_str()),
            (_, true) => ("500 Internal Server Error", "down"),
            (_, false) => ("200 OK", text.as_str()),
        };
        let text = format!("HTTP/1.1 {status}\r\nX-Version: {version}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        if reader.get_mut().write_all(text.as_bytes()).is_err() {
            return;
        }
    }
}

/// The number after a mode's name.
fn argument(mode: &str, name: &str) -> Option<u64> {
    mode.strip_prefix(name)?.parse().ok()
}

/// A random number (<https://doc.rust-lang.org/std/hash/struct.RandomState.html>).
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
