//! The measurements. Each starts the proxies one at a time, in an order that changes with every
//! round.

use crate::app::{self, EVENTS};
use crate::client::Client;
use crate::drain;
use crate::figures::{Figures, HalfOpen};
use crate::load::{self, Paced};
use crate::plan::{APP_START, CONNECTIONS, KILLS, LEAD, MANY, PERCENT, Plan, RATE};
use crate::proxies::{BASE, Programs, Proxy, Scope};
use crate::stage::{App, Stage};
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

/// Longest wait for half-open connections.
const HALF_OPEN: Duration = Duration::from_secs(20);
/// Requests before the ones that count.
const WARM_UP: u64 = 500;

/// What the measurements need, and their results.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) plan: Plan,
    pub(crate) programs: Programs,
    /// The app behind the proxies, where no counting app is needed.
    pub(crate) app: App,
    pub(crate) random: fastrand::Rng,
    pub(crate) rows: Vec<(Proxy, Figures)>,
}

impl Bench {
    /// Runs all measurements.
    pub(crate) fn run(&mut self) -> Result<(), String> {
        for (proxy, figures) in self
            .rows
            .iter_mut()
            .filter(|(proxy, _)| proxy.scope == Scope::All)
        {
            let path = self.programs.path(proxy.program);
            let data = std::fs::metadata(path);
            let data = data.map_err(|error| format!("{}: {error}", path.display()))?;
            figures.binary = Some(data.len());
        }
        let plan = self.plan;
        // Spread over the whole run, so that a busy minute of the machine does not affect one proxy
        // only.
        let half = plan.rounds.div_ceil(2);
        (0..half).try_for_each(|round| self.users(round))?;
        (0..plan.latency_rounds).try_for_each(|round| self.latency(round))?;
        self.each("attempts", Scope::All, Bench::attempts)?;
        self.each("outage", Scope::Waits, Bench::outage)?;
        self.each("kills", Scope::Waits, Bench::kills)?;
        self.drains()?;
        self.each("memory", Scope::All, Bench::memory)?;
        self.each("events", Scope::All, Bench::events)?;
        self.half_open()?;
        (half..plan.rounds).try_for_each(|round| self.users(round))
    }

    /// The rows to be measured, shuffled: those of scope `All` and of `scope`.
    fn order(&mut self, scope: Scope) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.rows.len()).collect();
        order.retain(|row| [Scope::All, scope].contains(&self.proxy(*row).scope));
        self.random.shuffle(&mut order);
        order
    }

    fn proxy(&self, row: usize) -> Proxy {
        self.rows[row].0
    }

    fn figures(&mut self, row: usize) -> &mut Figures {
        &mut self.rows[row].1
    }

    fn stage(&self, row: usize, app: &App, lead: Duration) -> Result<Stage, String> {
        Stage::start(&self.proxy(row), &self.programs, app, lead)
    }

    /// Runs one measurement for every row.
    fn each(
        &mut self,
        what: &str,
        scope: Scope,
        measure: impl Fn(&mut Bench, usize) -> Result<(), String>,
    ) -> Result<(), String> {
        for row in self.order(scope) {
            self.progress(row, what);
            measure(self, row)?;
        }
        Ok(())
    }

    fn progress(&self, row: usize, what: &str) {
        eprintln!("bench: {what}: {}", self.proxy(row).name);
    }

    /// The main load: errors that users see, and CPU.
    fn users(&mut self, round: usize) -> Result<(), String> {
        let (app, gets) = (self.app.clone(), self.plan.gets);
        self.each(
            &format!("users, round {}", round + 1),
            Scope::Load,
            |bench, row| {
                let stage = bench.stage(row, &app, LEAD)?;
                load::closed(stage.address, CONNECTIONS, WARM_UP)?;
                let before = stage.cpu();
                let tally = load::closed(stage.address, CONNECTIONS, gets)?;
                let cpu = stage.cpu().saturating_sub(before).as_secs_f64() / tally.requests as f64;
                let figures = bench.figures(row);
                figures.users.add(tally);
                figures.cpu.push(cpu);
                Ok(())
            },
        )?;
        let base = self.rows.iter().find(|(proxy, _)| proxy.name == BASE);
        let Some(base) = base.and_then(|(_, figures)| figures.cpu.last().copied()) else {
            return Ok(());
        };
        for (_, figures) in &mut self.rows {
            if let Some(own) = figures.cpu.last() {
                figures.cpu_ratios.push(own / base);
            }
        }
        Ok(())
    }

    /// Latency at a fixed rate, with an app that fails one request in ten.
    fn latency(&mut self, round: usize) -> Result<(), String> {
        let (app, requests) = (self.app.clone(), self.plan.latency);
        self.each(
            &format!("latency, round {}", round + 1),
            Scope::Waits,
            |bench, row| {
                let stage = bench.stage(row, &app, LEAD)?;
                load::closed(stage.address, CONNECTIONS, WARM_UP)?;
                let paced = Paced {
                    address: stage.address,
                    connections: CONNECTIONS,
                    per_second: RATE,
                    requests,
                    begins: Instant::now() + Duration::from_millis(50),
                };
                let (_, latencies) = paced.run()?;
                let mut latencies: Vec<f64> =
                    latencies.iter().map(|l| l.as_secs_f64() * 1e3).collect();
                bench
                    .figures(row)
                    .p99
                    .extend(load::percentile(&mut latencies, 0.99));
                Ok(())
            },
        )
    }

    fn attempts(&mut self, row: usize) -> Result<(), String> {
        let app = App::counting(PERCENT, Duration::ZERO)?;
        let counted = self.counted(row, &app, self.plan.counted)?;
        self.figures(row).attempts = Some(counted);
        Ok(())
    }

    fn outage(&mut self, row: usize) -> Result<(), String> {
        let app = App::counting(100, Duration::ZERO)?;
        let counted = self.counted(row, &app, self.plan.outage)?;
        self.figures(row).outage = Some(counted);
        Ok(())
    }

    /// Attempts per request, from the app's count.
    fn counted(&self, row: usize, app: &App, requests: u64) -> Result<f64, String> {
        let stage = self.stage(row, app, LEAD)?;
        let before = stage.count()?;
        // A proxy that waits between attempts answers only a few requests in this time.
        let within = self.plan.counting;
        let tally = load::closed_within(stage.address, CONNECTIONS, requests, within)?;
        Ok((stage.count()? - before) as f64 / tally.requests as f64)
    }

    /// Kills an app that never fails, under load.
    fn kills(&mut self, row: usize) -> Result<(), String> {
        let app = App::counting(0, APP_START)?;
        let mut stage = self.stage(row, &app, LEAD)?;
        let paced = Paced {
            address: stage.address,
            connections: CONNECTIONS,
            per_second: self.plan.kill_rate,
            requests: self.plan.kill,
            begins: Instant::now() + Duration::from_millis(50),
        };
        let failed = thread::scope(|scope| {
            let load = load::spawn(scope, || paced.run())?;
            for kill in 1..=u64::from(KILLS) {
                let at = paced.due(kill * paced.requests / u64::from(KILLS + 1));
                thread::sleep(at.saturating_duration_since(Instant::now()));
                stage.kill_app()?;
            }
            let (tally, _) = load.join().map_err(|_| "a load thread panicked")??;
            Ok::<_, String>(tally.failed)
        })?;
        self.figures(row).kill_failed = Some(failed);
        Ok(())
    }

    fn drains(&mut self) -> Result<(), String> {
        let load = self.plan.drain_load;
        for drain in 1..=self.plan.drains {
            self.each(&format!("drain {drain}"), Scope::All, |bench, row| {
                let app = App::counting(0, Duration::ZERO)?;
                let mut stage = bench.stage(row, &app, LEAD)?;
                let drained = drain::under_load(&mut stage, LEAD, load)?;
                let figures = bench.figures(row);
                figures.drain_requests += drained.requests;
                *figures.drain_lost.get_or_insert(0) += drained.lost;
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Memory: idle, with 64 connections, with 1000, all sending at the same time.
    fn memory(&mut self, row: usize) -> Result<(), String> {
        let app = self.app.clone();
        let Plan { passes, settle, .. } = self.plan;
        let stage = self.stage(row, &app, LEAD)?;
        thread::sleep(settle);
        let idle = stage.memory();
        let mut clients = Vec::new();
        let mut with = |count: usize| -> Result<u64, String> {
            while clients.len() < count {
                clients.push(connect(stage.address)?);
            }
            for _ in 0..passes {
                for client in &mut clients {
                    client.send("/").map_err(|error| error.to_string())?;
                }
                for client in &mut clients {
                    client.answer().map_err(|error| error.to_string())?;
                }
            }
            Ok(stage.memory())
        };
        let some = with(CONNECTIONS)?;
        let many = with(MANY)?;
        self.figures(row).memory = Some([idle, some, many]);
        Ok(())
    }

    /// The time from the app's sending an event until its user has it.
    fn events(&mut self, row: usize) -> Result<(), String> {
        let app = App::counting(0, Duration::ZERO)?;
        let stage = self.stage(row, &app, LEAD)?;
        let mut client = connect(stage.address)?;
        let mut delays = Vec::new();
        let broke = |error: std::io::Error| format!("the event stream broke: {error}");
        client.send("/events").map_err(broke)?;
        while delays.len() < EVENTS {
            let line = client.line().map_err(broke)?;
            let sent = line
                .strip_prefix("data: ")
                .and_then(|sent| sent.parse::<u64>().ok());
            if let Some(sent) = sent {
                delays.push(app::now().saturating_sub(sent) as f64 / 1e3);
            }
        }
        let middle = load::percentile(&mut delays, 0.5);
        let longest = load::percentile(&mut delays, 1.0);
        self.figures(row).event_delay = middle.zip(longest);
        Ok(())
    }

    /// Connections whose head never ends; all proxies at the same time, as this is mostly waiting.
    fn half_open(&mut self) -> Result<(), String> {
        eprintln!("bench: half open: all");
        let rows = self.order(Scope::All);
        let mut stages = Vec::new();
        for row in &rows {
            let app = App::counting(0, Duration::ZERO)?;
            stages.push(self.stage(*row, &app, LEAD)?);
        }
        let waited = thread::scope(|scope| {
            let mut threads = Vec::new();
            for stage in &stages {
                threads.push(load::spawn(scope, || closed_after(stage.address))?);
            }
            let join = |thread: thread::ScopedJoinHandle<'_, _>| {
                thread.join().map_err(|_| "a thread panicked".to_owned())?
            };
            threads
                .into_iter()
                .map(join)
                .collect::<Result<Vec<_>, String>>()
        })?;
        for (row, half_open) in rows.into_iter().zip(waited) {
            self.figures(row).half_open = Some(half_open);
        }
        Ok(())
    }
}

fn connect(address: SocketAddr) -> Result<Client, String> {
    Client::connect(address).map_err(|error| format!("no connection to the proxy: {error}"))
}

/// How long all connections take to be made, and how long the proxy keeps the last one.
fn closed_after(address: SocketAddr) -> Result<HalfOpen, String> {
    let began = Instant::now();
    let mut clients = Vec::new();
    for _ in 0..MANY {
        let mut client = connect(address)?;
        let part = b"GET / HTTP/1.1\r\nhost: app\r\nx-unfinished: ";
        client.write(part).map_err(|error| error.to_string())?;
        clients.push((client, Instant::now()));
    }
    let connecting = began.elapsed();
    let mut longest = Duration::ZERO;
    for (mut client, opened) in clients {
        if !client.is_closed_within(HALF_OPEN.saturating_sub(opened.elapsed())) {
            return Ok(HalfOpen {
                connecting,
                closed: None,
            });
        }
        longest = longest.max(opened.elapsed());
    }
    Ok(HalfOpen {
        connecting,
        closed: Some(longest),
    })
}
