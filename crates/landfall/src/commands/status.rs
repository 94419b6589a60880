//! `landfall status`, `url` and `open`: what runs now.

use crate::cli::{AppDir, Global, Status as Arguments};
use crate::environment::Environment;
use crate::environment::app::App;
use crate::environment::domain;
use crate::environment::ttl;
use crate::failure::Failure;
use crate::release::counts;
use crate::release::deployment::Deployment;
use crate::release::http_probe::SlotRoute;
use crate::release::ledger::Ledger;
use crate::report::{Report, now};
use infra::Interrupt;
use rules::app::manifest::Target;
use rules::app::names::Slot;
use rules::event::{Event, Past, SlotStatus, Status};
use rules::exit::Exit;
use rules::release::analysis::CanaryAnalysis;
use rules::release::canary::{Counts, Policy};
use rules::release::diagnosis::{Expectation, diagnose};
use rules::release::ledger::Record;
use rules::release::live_status::{View, is_split, traffic};
use std::time::Duration;

/// How often `--watch` refreshes.
const WATCH_EVERY: Duration = Duration::from_secs(1);
/// Requests to the public address before it counts as not answering.
const ASKED: u32 = 10;

pub(crate) async fn run(
    arguments: &Arguments,
    global: &Global,
    report: &Report,
    interrupt: Interrupt,
) -> Result<(), Failure> {
    if arguments.watch {
        return watch(&arguments.app, global, report, interrupt).await;
    }
    let (app, environment, deployment) =
        deployed(&arguments.app, global, report, &interrupt).await?;
    let driver = deployment.driver(
        &environment.session,
        &environment.names,
        &app.manifest,
        None,
        report,
        &interrupt,
    )?;
    let look = driver.look().await?;
    let expectation = Expectation {
        port: app.manifest.port.get(),
        memory: app.manifest.memory.mib(),
        architecture: Some(app.manifest.architecture),
        edge: app.manifest.edge,
        // The live version may be older than landfall.toml.
        settings: None,
    };
    let mut slots = Vec::new();
    for slot in Slot::ALL {
        let evidence = driver.platform.examine(slot, &look).await;
        let (share, of) = (*look.shares.of(slot), look.of(slot));
        // In an empty slot, stopped tasks mean nothing.
        let cause = diagnose(&evidence, &expectation).filter(|_| of.seen.desired > 0);
        slots.push(SlotStatus {
            slot,
            live: share > 0,
            share,
            revision: of.seen.revision.clone(),
            image: of.image.clone(),
            desired: of.seen.desired,
            running: u32::try_from(of.running.len()).unwrap_or(u32::MAX),
            healthy: of.seen.healthy,
            version: match deployment.target() {
                Target::Fargate => None,
                Target::Lambda => of.tasks.first().cloned(),
            },
            cause,
        });
    }
    let mut answers = false;
    for _ in 0..ASKED {
        answers = driver
            .prober
            .ask(&SlotRoute::default())
            .await
            .is_some_and(|status| status < 500);
        if answers {
            break;
        }
    }
    // The rest is shown even if the tag cannot be read.
    let lifetime = match ttl::read(&environment).await {
        Ok(lifetime) => Some(lifetime),
        Err(failure) => {
            report.note(format!("cannot read when it expires: {}", failure.what));
            None
        }
    };
    report.emit(Event::Status(Status {
        name: environment.names.app.to_string(),
        environment: environment.names.environment.to_string(),
        account: environment.account.clone(),
        region: environment.session.region().to_owned(),
        url: domain::public(&environment, &app.manifest, &deployment, report).await?,
        answers,
        slots,
        lifetime,
    }));
    let latest = Ledger::latest(&environment.store()).await?;
    let open = latest.filter(|l| l.record.is_held() || l.record.is_under_way());
    if let Some(ledger) = open {
        report.emit(Event::Past(Box::new(Past::from(&ledger.record))));
    }
    if answers {
        return Ok(());
    }
    Err(
        Failure::new(Exit::NothingServing, "the public address does not answer")
            .why(format!("it was tried {ASKED} times"))
            .next("`landfall logs` shows the app's log; `landfall up` releases again"),
    )
}

/// Opens the public address in a browser.
pub(crate) async fn open(
    arguments: &AppDir,
    global: &Global,
    report: &Report,
    interrupt: Interrupt,
) -> Result<(), Failure> {
    let (app, environment, deployment) = deployed(arguments, global, report, &interrupt).await?;
    let url = domain::public(&environment, &app.manifest, &deployment, report).await?;
    report.emit(Event::Url { url: url.clone() });
    let opener = std::env::var_os("BROWSER").unwrap_or_else(|| {
        let usual = match cfg!(target_os = "macos") {
            true => "open",
            false => "xdg-open",
        };
        usual.into()
    });
    let no_browser = |why: String| {
        Failure::new(Exit::MissingTool, "the address cannot be opened here")
            .why(format!("{}: {why}", opener.display()))
            .next(format!("open {url} yourself, or set BROWSER to a program"))
    };
    let opened = tokio::process::Command::new(&opener)
        .arg(&url)
        .stdin(std::process::Stdio::null())
        .output()
        .await
        .map_err(|error| no_browser(error.to_string()))?;
    match opened.status.success() {
        true => Ok(()),
        false => Err(no_browser(
            String::from_utf8_lossy(&opened.stderr).trim().to_owned(),
        )),
    }
}

/// Shows the live versions every second, until Ctrl-C.
async fn watch(
    arguments: &AppDir,
    global: &Global,
    report: &Report,
    mut interrupt: Interrupt,
) -> Result<(), Failure> {
    let (app, environment, deployment) = deployed(arguments, global, report, &interrupt).await?;
    let driver = deployment.driver(
        &environment.session,
        &environment.names,
        &app.manifest,
        None,
        report,
        &interrupt,
    )?;
    let counter = driver.platform.probe_counter();
    let mut analysis = CanaryAnalysis::new(&Policy::default(), Counts::default(), counter, now());
    let store = environment.store();
    let mut open: Option<Record> = None;
    let since = now();
    while !*interrupt.borrow() {
        let look = driver.look().await?;
        let mut subjects = look.subjects();
        for slot in Slot::ALL {
            // Outside a release, requests of users reach the one slot that serves.
            if *look.shares.of(slot) == 100 {
                let subject = subjects.of_mut(slot);
                subject.route.token.get_or_insert_default();
            }
        }
        counts::fetch(&mut analysis, &driver.prober, &subjects, &driver.logs).await;
        if !is_split(&look.shares) {
            open = None;
        } else if open.is_none() {
            // Without the record the versions are shown by their slots.
            let latest = Ledger::latest(&store).await.ok().flatten();
            let latest = latest.map(|ledger| ledger.record);
            open = latest.filter(|record| record.is_held() || record.is_under_way());
        }
        let candidate = open.as_ref().map(|record| record.begun.candidate);
        let view = View {
            slots: &look.slots(),
            shares: &look.shares,
            collection: analysis.collection(),
            since,
            now: now(),
            doing: traffic(&look.shares, candidate),
            candidate,
            evidence: None,
            pings: None,
        };
        match view.status() {
            Some(status) => report.emit(Event::Watch(status)),
            None => report.note("nothing serves"),
        }
        let stopped = interrupt.wait_for(|stop| *stop);
        let _ = tokio::time::timeout(WATCH_EVERY, stopped).await;
    }
    Ok(())
}

pub(crate) async fn url(
    arguments: &AppDir,
    global: &Global,
    report: &Report,
    interrupt: Interrupt,
) -> Result<(), Failure> {
    let (app, environment, deployment) = deployed(arguments, global, report, &interrupt).await?;
    let url = domain::public(&environment, &app.manifest, &deployment, report).await?;
    report.emit(Event::Url { url });
    Ok(())
}

/// The environment of an app directory, if it is deployed.
async fn deployed(
    arguments: &AppDir,
    global: &Global,
    report: &Report,
    interrupt: &Interrupt,
) -> Result<(App, Environment, Deployment), Failure> {
    let app = App::read_settings(&arguments.directory, global)?;
    let environment = Environment::open(&app.manifest, global, report).await?;
    match environment.deployment(&app.manifest, interrupt).await? {
        Some(deployment) => Ok((app, environment, deployment)),
        None => Err(environment.not_deployed()),
    }
}
