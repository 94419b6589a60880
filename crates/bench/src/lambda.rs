//! `./dev bench lambda`: the edge and aws-lambda-web-adapter as runtimes of the same app, and the
//! app alone.

mod api;

use crate::load::percentile;
use crate::{machine, process};
use api::Api;
use rustix::process::{Pid, Signal};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

pub(crate) const USAGE: &str = "\
Usage: bench lambda --edge PATH --adapter PATH [--quick] [--seed N]

  --edge PATH      landfall-edge
  --adapter PATH   lambda-adapter of the crate lambda_web_adapter
  --quick          a smoke run: too little to conclude anything from
  --seed N         the order in each round, and how long the app takes to start

./dev bench lambda finds both.";

/// Timeout of the app's start.
const PATIENCE: Duration = Duration::from_secs(15);
/// Requests before those that count.
const WARM_UP: usize = 50;
/// Interval in which the app is probed.
const LOOK: Duration = Duration::from_micros(200);

/// The rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Row {
    App,
    Edge,
    Adapter,
}

const ROWS: [Row; 3] = [Row::App, Row::Edge, Row::Adapter];

/// Milliseconds, one value for each round.
#[derive(Debug, Default)]
struct Figures {
    /// From the start of the process to its request for the first invocation; of the app alone, to
    /// its first answer.
    asked: Vec<f64>,
    /// To the answer to the first invocation.
    answered: Vec<f64>,
    /// Difference to the app alone in the same round.
    asked_more: Vec<f64>,
    answered_more: Vec<f64>,
    /// Medians of warm invocations.
    warm: Vec<f64>,
    warm_more: Vec<f64>,
    /// Their 99th percentiles.
    warm_p99: Vec<f64>,
}

struct Arguments {
    edge: PathBuf,
    adapter: PathBuf,
    rounds: usize,
    requests: usize,
    seed: u64,
}

/// One measurement.
struct One {
    asked: f64,
    answered: f64,
    warm: Vec<f64>,
}

pub(crate) fn run(words: &[&str]) -> Result<(), String> {
    let arguments = read(words)?;
    let mut random = fastrand::Rng::with_seed(arguments.seed);
    let mut figures: [Figures; 3] = Default::default();
    let load_before = machine::load();
    for round in 0..arguments.rounds {
        // The same for all rows of the round.
        let start = Duration::from_millis(random.u64(20..60));
        let mut order = [0, 1, 2];
        random.shuffle(&mut order);
        let mut measured: [Option<One>; 3] = Default::default();
        for at in order {
            eprintln!("bench: round {}: {}", round + 1, name(ROWS[at]));
            measured[at] = Some(measure(ROWS[at], &arguments, start)?);
        }
        let [Some(app), ..] = &measured else { continue };
        let (asked, answered) = (app.asked, app.answered);
        let warm = percentile(&mut app.warm.clone(), 0.5).unwrap_or_default();
        for (figures, one) in figures.iter_mut().zip(&measured) {
            let Some(one) = one else { continue };
            figures.asked.push(one.asked);
            figures.answered.push(one.answered);
            figures.asked_more.push(one.asked - asked);
            figures.answered_more.push(one.answered - answered);
            let mut all = one.warm.clone();
            let median = percentile(&mut all, 0.5).unwrap_or_default();
            figures.warm.push(median);
            figures.warm_more.push(median - warm);
            figures.warm_p99.extend(percentile(&mut all, 0.99));
        }
    }
    print!("{}", machine::describe_machine());
    println!(
        "- load average {load_before} before and {} after; {} rounds of {} requests; seed {}\n",
        machine::load(),
        arguments.rounds,
        arguments.requests,
        arguments.seed
    );
    println!("{}", table(&figures, &arguments));
    Ok(())
}

fn read(words: &[&str]) -> Result<Arguments, String> {
    let mut arguments = Arguments {
        edge: PathBuf::new(),
        adapter: PathBuf::new(),
        rounds: 25,
        requests: 1_000,
        seed: fastrand::u64(..1_000_000),
    };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if *word == "--quick" {
            (arguments.rounds, arguments.requests) = (2, 100);
            continue;
        }
        let value = words
            .next()
            .ok_or_else(|| format!("'{word}' needs a value\n{USAGE}"))?;
        match *word {
            "--edge" => arguments.edge = value.into(),
            "--adapter" => arguments.adapter = value.into(),
            "--seed" => {
                let seed = value.parse();
                arguments.seed = seed.map_err(|_| format!("'{value}' is not a seed\n{USAGE}"))?;
            }
            _ => return Err(format!("'{word}' is unknown\n{USAGE}")),
        }
    }
    Ok(arguments)
}

fn name(row: Row) -> &'static str {
    match row {
        Row::App => "the app alone",
        Row::Edge => "landfall-edge",
        Row::Adapter => "aws-lambda-web-adapter",
    }
}

/// Processes that are killed with all their children when this is dropped.
#[derive(Debug, Default)]
struct Family(Vec<Child>);

impl Drop for Family {
    fn drop(&mut self) {
        for child in &mut self.0 {
            for pid in process::family(child.id()).into_iter().rev() {
                let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
                // It may have ended with its parent.
                let _ = pid.map(|pid| rustix::process::kill_process(pid, Signal::KILL));
            }
            let _ = child.wait();
        }
    }
}

fn measure(row: Row, arguments: &Arguments, start: Duration) -> Result<One, String> {
    let port = free_port()?;
    let own = std::fs::canonicalize("/proc/self/exe").map_err(|error| error.to_string())?;
    let words = [
        "app",
        &port.to_string(),
        "0",
        &start.as_millis().to_string(),
    ]
    .map(str::to_owned);
    let mut app = Command::new(&own);
    app.args(&words);
    if row == Row::App {
        return alone(app, port, arguments.requests);
    }
    let api = Api::start()?;
    let mut family = Family::default();
    let began = Instant::now();
    let mut command = match row {
        Row::Edge => {
            let mut edge = Command::new(&arguments.edge);
            edge.arg("--").arg(&own).args(&words);
            edge.env("LANDFALL_EDGE_APP", port.to_string());
            edge
        }
        // Lambda starts it as an extension, next to the app as the image's command.
        _ => {
            family.0.push(spawn(&mut app)?);
            let mut adapter = Command::new(&arguments.adapter);
            adapter.env("AWS_LWA_PORT", port.to_string());
            adapter
        }
    };
    // The variables of Lambda.
    command
        .env("AWS_LAMBDA_RUNTIME_API", api.address.to_string())
        .env("AWS_LAMBDA_FUNCTION_NAME", "f")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1769")
        .env("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/f")
        .env(
            "AWS_LAMBDA_LOG_STREAM_NAME",
            "2026/01/31/[1]0123456789abcdef",
        );
    family.0.push(spawn(&mut command)?);
    let asked = since(began, api.asked()?);
    let answered = since(began, api.invoke()?.1);
    let mut warm = Vec::new();
    for number in 0..WARM_UP + arguments.requests {
        let (handed, answered) = api.invoke()?;
        if number >= WARM_UP {
            warm.push(since(handed, answered));
        }
    }
    Ok(One {
        asked,
        answered,
        warm,
    })
}

/// Measures the app with nothing in front of it.
fn alone(mut app: Command, port: u16, requests: usize) -> Result<One, String> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let began = Instant::now();
    let _family = Family(vec![spawn(&mut app)?]);
    let mut line = loop {
        if let Ok(stream) = TcpStream::connect(address)
            && let Ok(line) = Line::new(stream)
        {
            break line;
        }
        if began.elapsed() > PATIENCE {
            return Err("the app does not start".to_owned());
        }
        thread::sleep(LOOK);
    };
    line.get().map_err(|error| error.to_string())?;
    let answered = since(began, Instant::now());
    let mut warm = Vec::new();
    for number in 0..WARM_UP + requests {
        let asked = Instant::now();
        line.get().map_err(|error| error.to_string())?;
        if number >= WARM_UP {
            warm.push(since(asked, Instant::now()));
        }
    }
    Ok(One {
        asked: answered,
        answered,
        warm,
    })
}

/// A kept connection to the app.
struct Line {
    stream: TcpStream,
    reader: BufReader<TcpStream>,
}

impl Line {
    fn new(stream: TcpStream) -> std::io::Result<Line> {
        stream.set_nodelay(true)?;
        let reader = BufReader::new(stream.try_clone()?);
        Ok(Line { stream, reader })
    }

    fn get(&mut self) -> std::io::Result<()> {
        self.stream
            .write_all(b"GET / HTTP/1.1\r\nhost: app\r\n\r\n")?;
        let mut length = 0;
        let mut line = String::new();
        loop {
            line.clear();
            if self.reader.read_line(&mut line)? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            let lower = line.to_ascii_lowercase();
            if let Some(value) = lower.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
            if line.trim_end().is_empty() {
                return self.reader.read_exact(&mut vec![0; length]);
            }
        }
    }
}

fn spawn(command: &mut Command) -> Result<Child, String> {
    let program = command.get_program().to_owned();
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("can't start {}: {error}", program.display()))
}

fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    Ok(address.port())
}

fn since(began: Instant, ended: Instant) -> f64 {
    ended.saturating_duration_since(began).as_secs_f64() * 1e3
}

fn table(figures: &[Figures], arguments: &Arguments) -> String {
    let mut out = String::from(
        "|  | start to first question, ms | more than the app (range) | start to first answer, ms | more than the app \
         | warm, ms | more than the app (range) | p99, ms | binary, MB |\n|---|---|---|---|---|---|---|---|---|\n",
    );
    for (row, figures) in ROWS.into_iter().zip(figures) {
        let median = |values: &[f64]| percentile(&mut values.to_vec(), 0.5).unwrap_or_default();
        let range = |values: &[f64]| {
            let low = values.iter().copied().fold(f64::INFINITY, f64::min);
            let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            format!("{low:.2} to {high:.2}")
        };
        let size = match row {
            Row::App => None,
            Row::Edge => std::fs::metadata(&arguments.edge).ok(),
            Row::Adapter => std::fs::metadata(&arguments.adapter).ok(),
        };
        let size = size.map_or_else(String::new, |data| {
            format!("{:.1}", data.len() as f64 / 1e6)
        });
        let more = |values: &[f64]| match row {
            Row::App => String::new(),
            _ => format!("{:.2} ({})", median(values), range(values)),
        };
        let plain_more = match row {
            Row::App => String::new(),
            _ => format!("{:.2}", median(&figures.answered_more)),
        };
        out.push_str(&format!(
            "| {} | {:.1} | {} | {:.1} | {} | {:.3} | {} | {:.2} | {} |\n",
            name(row),
            median(&figures.asked),
            more(&figures.asked_more),
            median(&figures.answered),
            plain_more,
            median(&figures.warm),
            more(&figures.warm_more),
            median(&figures.warm_p99),
            size,
        ));
    }
    out
}
