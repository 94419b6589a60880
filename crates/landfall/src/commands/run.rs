//! `landfall run`: the app behind its edge on this machine, as it will run on AWS.

use crate::cli::{Global, Run};
use crate::environment::app::{App, overrides};
use crate::failure::Failure;
use crate::image::app_image;
use crate::image::container::{Container, hardening_arguments, local_env};
use crate::image::engine::Engine;
use crate::report::Report;
use edge_contract::PORT;
use edge_contract::env_vars::PREFIX;
use edge_contract::summary::Summary;
use edge_contract::totals::Totals;
use infra::Interrupt;
use rules::app::manifest::{Architecture, Manifest, Overrides, Target};
use rules::event::Event;
use rules::exit::Exit;
use rules::release::diagnosis::{Cause, Expectation, Explanation, diagnose};
use rules::release::evidence::{Evidence, StoppedTask};
use rules::release::revision::{RevisionId, Settings};
use std::net::TcpListener;
use std::time::Duration;

/// Port of the edge's own endpoints, inside the container.
const PRIVATE_PORT: u16 = 8182;
/// How often the numbers are printed.
const SHOW_EVERY: Duration = Duration::from_secs(1);

pub(crate) async fn run(
    arguments: &Run,
    global: &Global,
    report: &Report,
    mut interrupt: Interrupt,
) -> Result<(), Failure> {
    let engine = Engine::find().await?;
    let (app, image) = subject(arguments, global, &engine).await?;
    let manifest = &app.manifest;
    if !manifest.edge {
        return Err(
            Failure::new(Exit::BadInput, "this app runs without the edge")
                .why("landfall.toml sets `edge = false`")
                .next("`docker run` runs it"),
        );
    }
    let built = app_image::prepare(
        image.as_deref(),
        &app.directory,
        manifest,
        false,
        &engine,
        report,
    )
    .await?;

    let mut env = local_env(manifest);
    for name in &manifest.secrets {
        if !env.contains_key(name.as_str()) {
            report.note(format!(
                "the app runs without the secret {name}: set {name} in your environment to pass it \
                 on"
            ));
        }
    }
    // On this machine the edge accepts connections, for either target.
    let here = Manifest {
        target: Target::Fargate,
        ..manifest.clone()
    };
    let settings = Settings::for_image(&here, &built.own.user);
    let protection = hardening_arguments(&built.own, manifest);
    env.extend(settings.edge_variables(&RevisionId("local".to_owned())));
    let mut set = |name: &str, value: String| env.insert(format!("{PREFIX}{name}"), value);
    set("PRIVATE_LISTEN", format!("0.0.0.0:{PRIVATE_PORT}"));
    // There is no proxy in front, and a developer should not have to wait for a stop.
    set("TRUSTED_HOPS", "0".to_owned());
    set("FORWARDED_PROTO", String::new());
    set("LEAD_MS", "0".to_owned());
    set("SUMMARY_MS", "0".to_owned());
    set("FAIL_SHARE", arguments.fail.to_string());
    let kill_every = arguments.kill_every.unwrap_or_default();
    set("KILL_EVERY_MS", kill_every.as_millis().to_string());

    let mut port = arguments.port.unwrap_or_else(|| free(manifest.port.get()));
    let name = format!("landfall-run-{}", manifest.name);
    let ports = |port| [(port, PORT), (0, PRIVATE_PORT)];
    let mut started = engine
        .start(&built.shipped, &name, &env, &ports(port), &protection)
        .await;
    if started.is_err() && arguments.port.is_none() && port != 0 {
        // Another process has taken the port in the meantime.
        port = 0;
        started = engine
            .start(&built.shipped, &name, &env, &ports(port), &protection)
            .await;
    }
    let container = started?;
    let subject = Subject {
        engine: &engine,
        container: &container,
        settings: &settings,
    };
    let watched = watch(&subject, port, report, &mut interrupt).await;
    let stopped = engine.stop(&container).await;
    watched?;
    stopped
}

/// What to run: a directory, a directory with a prebuilt image, or only an image.
async fn subject(
    arguments: &Run,
    global: &Global,
    engine: &Engine,
) -> Result<(App, Option<String>), Failure> {
    let directory = &arguments.app.directory;
    let of = overrides(global);
    if directory.is_dir() || arguments.source.image.is_some() {
        let settings = Overrides {
            dockerfile: arguments.source.dockerfile.clone(),
            prebuilt_image: arguments.source.image.is_some(),
            ..of
        };
        let app = App::read(directory, &settings)?;
        return Ok((app, arguments.source.image.clone()));
    }
    let reference = directory.to_string_lossy().into_owned();
    let image = engine.pull(&reference, Architecture::default()).await?;
    let app = App::of_image(&reference, &image.exposed, &of)?;
    Ok((app, Some(reference)))
}

/// The port if it is free, otherwise 0 for any free port.
fn free(port: u16) -> u16 {
    match TcpListener::bind(("127.0.0.1", port)) {
        Ok(_) => port,
        Err(_) => 0,
    }
}

/// The running container.
struct Subject<'a> {
    engine: &'a Engine,
    container: &'a Container,
    settings: &'a Settings,
}

impl Subject<'_> {
    /// Why the app exited, by its last lines and its restrictions.
    async fn ended(&self) -> Result<Failure, Failure> {
        let log = self.engine.last_lines(self.container).await?;
        let evidence = Evidence {
            stopped: vec![StoppedTask {
                stop_code: "EssentialContainerExited".to_owned(),
                exit_code: self.engine.exit_code(self.container).await,
                ..StoppedTask::default()
            }],
            log: log.clone(),
            ..Evidence::default()
        };
        let denied = diagnose(&evidence, &Expectation::from_settings(self.settings))
            .filter(|cause| matches!(cause, Cause::Denied(_)))
            .map(|cause| cause.explain(self.settings.target));
        let ended = "the app exited, and the edge with it";
        let (what, next) = match denied {
            Some(Explanation { what, next }) => (format!("{ended}: {what}"), next),
            None => (
                ended.to_owned(),
                "fix the error in its output, then run it again".to_owned(),
            ),
        };
        let mut failure = Failure::new(Exit::NothingServing, what);
        failure.why = log;
        Ok(failure.next(next))
    }
}

/// Prints the address, then the numbers until Ctrl-C or the app's exit.
async fn watch(
    subject: &Subject<'_>,
    port: u16,
    report: &Report,
    interrupt: &mut Interrupt,
) -> Result<(), Failure> {
    let Subject {
        engine, container, ..
    } = subject;
    let published = async {
        let private = engine.published_port(container, PRIVATE_PORT).await?;
        let port = match port {
            0 => engine.published_port(container, PORT).await?,
            port => port,
        };
        Ok::<_, Failure>((private, port))
    };
    let (private, port) = match published.await {
        Ok(both) => both,
        Err(failure) if engine.is_running(container).await? => return Err(failure),
        // A stopped container publishes no ports.
        Err(_) => return Err(subject.ended().await?),
    };
    let summary = format!("http://127.0.0.1:{private}/.landfall/summary");
    report.emit(Event::Url {
        url: format!("http://127.0.0.1:{port}"),
    });
    report.note("Ctrl-C stops it");
    let mut last = None;
    loop {
        tokio::select! {
            () = tokio::time::sleep(SHOW_EVERY) => {}
            _ = interrupt.wait_for(|stop| *stop) => return Ok(()),
        }
        if !engine.is_running(container).await? {
            return Err(subject.ended().await?);
        }
        let Some(totals) = ask(&summary).await else {
            continue;
        };
        if last != Some(totals) {
            report.emit(Event::Traffic { totals });
            last = Some(totals);
        }
    }
}

/// The edge's numbers; [`None`] while it does not answer.
async fn ask(url: &str) -> Option<Totals> {
    let text = reqwest::get(url).await.ok()?.text().await.ok()?;
    Summary::parse(&text)
        .ok()
        .map(|summary| Totals::of(&summary))
}
