//! Secrets on both targets, in the emulators: the app gets their values, a new value is a new
//! release, and a value is only in its store and in the app's environment.

use rules::app::manifest::{AppName, EnvironmentName, Target};
use rules::app::names::Names;
use rules::event::Event;
use rules::exit::Exit;
use rules::operate::secrets::Row;
use rules::release::diagnosis::Cause;
use rules::release::{Outcome, Step};
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use testkit::{App, CommandOutput, Mode, Running, Sandbox};

/// Short enough for a test, with the same evidence.
const BRIEF: [&str; 6] = [
    "up",
    "--yes",
    // The canary analysis has nothing to do with secrets.
    "--strategy=all-at-once",
    "--minimum=1s",
    "--bake=2s",
    "--ready-timeout=60s",
];
/// These values are nowhere else on this machine.
const FIRST: &str = "canary-1f0c9a77-first";
const SECOND: &str = "canary-1f0c9a77-second";
const CANARY: &str = "canary-1f0c9a77";

/// The app's response.
fn body(url: &str) -> String {
    let address = url.strip_prefix("http://").expect("an http address");
    let host = address.trim_end_matches('/');
    // Names under `localhost` resolve to this machine.
    let (name, port) = host.rsplit_once(':').expect("a port");
    let reached = if name.ends_with("localhost") {
        "127.0.0.1"
    } else {
        name
    };
    let mut stream = TcpStream::connect(format!("{reached}:{port}")).expect("it is reached");
    let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("a request");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("an answer");
    let (head, body) = text.split_once("\r\n\r\n").expect("a body");
    assert!(head.starts_with("HTTP/1.1 200"), "{text}");
    body.trim().to_owned()
}

fn rows(ended: &CommandOutput) -> Vec<Row> {
    ended.one("list of secrets", |event| match event {
        Event::Secrets { secrets } => Some(secrets.clone()),
        _ => None,
    })
}

fn version(ended: &CommandOutput) -> String {
    let rows = rows(ended);
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows[0].stored.as_ref().expect("it is set").version.clone()
}

/// All output, and all command lines of landfall and its child processes.
struct LiveStatus {
    outputs: Vec<String>,
    stop: Arc<AtomicBool>,
    seen: JoinHandle<usize>,
    pids: Arc<std::sync::Mutex<Vec<u32>>>,
}

impl LiveStatus {
    fn begin() -> LiveStatus {
        let stop = Arc::new(AtomicBool::new(false));
        let pids = Arc::new(std::sync::Mutex::new(Vec::<u32>::new()));
        let (over, watched) = (Arc::clone(&stop), Arc::clone(&pids));
        let seen = std::thread::spawn(move || {
            let mut lines = 0;
            while !over.load(Ordering::Relaxed) {
                let roots = watched.lock().expect("pids").clone();
                for (pid, line) in command_lines(&roots) {
                    assert!(!line.contains(CANARY), "process {pid}: {line}");
                    lines += 1;
                }
            }
            lines
        });
        LiveStatus {
            outputs: Vec::new(),
            stop,
            seen,
            pids,
        }
    }

    fn run(
        &mut self,
        sandbox: &Sandbox,
        app: &App,
        arguments: &[&str],
        input: &str,
    ) -> CommandOutput {
        let mut command = sandbox.command(arguments);
        command
            .env("LANDFALL_REHEARSE", "true")
            .current_dir(app.path());
        let running = Running::start_with(command, input);
        self.pids.lock().expect("pids").push(running.id());
        let ended = running.end();
        self.pids.lock().expect("pids").clear();
        self.outputs
            .push(format!("{}\n{:?}", ended.words, ended.events));
        ended
    }

    fn end(self) -> Vec<String> {
        self.stop.store(true, Ordering::Relaxed);
        let lines = self.seen.join().expect("no command line holds a value");
        assert!(lines > 100, "command lines were looked at {lines} times");
        self.outputs
    }
}

/// Command lines of processes and their descendants.
fn command_lines(roots: &[u32]) -> Vec<(u32, String)> {
    let mut parents = BTreeMap::new();
    for entry in std::fs::read_dir("/proc").expect("/proc").flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<u32>().ok())
        else {
            continue;
        };
        // `pid (name) state parent …`; a name may contain anything.
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let parent = stat
            .rsplit_once(')')
            .and_then(|(_, rest)| rest.split_whitespace().nth(1)?.parse::<u32>().ok());
        parents.insert(pid, parent.unwrap_or(0));
    }
    let is_ours = |pid: u32| {
        let mut at = pid;
        // Deeper than the process tree gets.
        for _ in 0..50 {
            if roots.contains(&at) {
                return true;
            }
            match parents.get(&at) {
                Some(parent) => at = *parent,
                None => return false,
            }
        }
        false
    };
    let ours: Vec<u32> = parents
        .keys()
        .copied()
        .filter(|pid| is_ours(*pid))
        .collect();
    ours.into_iter()
        .map(|pid| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            (pid, String::from_utf8_lossy(&line).into_owned())
        })
        .collect()
}

/// Searches every file below a directory; returns their number. With grep, because a program without
/// optimizations takes minutes for the files of Terraform's provider.
fn search(directory: &Path) -> usize {
    let output = Command::new("grep")
        .args(["-r", "--text", "--fixed-strings", "--files-with-matches"])
        .arg(CANARY)
        .arg(directory)
        .output()
        .expect("grep runs");
    let found = String::from_utf8_lossy(&output.stdout);
    assert_eq!(found, "", "these files hold a value");
    // A file may vanish meanwhile.
    let errors = String::from_utf8_lossy(&output.stderr);
    let mut errors = errors.lines();
    assert!(
        errors.all(|line| line.ends_with("No such file or directory")),
        "{output:?}"
    );
    count(directory)
}

/// Number of files below a directory.
fn count(directory: &Path) -> usize {
    let entries = std::fs::read_dir(directory).expect("a directory").flatten();
    let of = |entry: std::fs::DirEntry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => count(&entry.path()),
        Ok(kind) => usize::from(kind.is_file()),
        Err(_) => 0,
    };
    entries.map(of).sum()
}

/// The engine's description of an app's images.
fn images(name: &str) -> String {
    let docker = |arguments: &[&str]| {
        let output = Command::new("docker")
            .args(arguments)
            .output()
            .expect("docker runs");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let mut inspected = String::new();
    for tag in [
        format!("landfall/{name}:prod"),
        format!("landfall/{name}:prod-edge"),
    ] {
        inspected += &docker(&["image", "inspect", &tag]);
        inspected += &docker(&["image", "history", "--no-trunc", &tag]);
    }
    assert!(
        inspected.contains("Entrypoint"),
        "no image of {name}: {inspected}"
    );
    inspected
}

/// One API call to fakecloud.
fn call(sandbox: &Sandbox, service: &str, line: &str, target: &str, body: &str) -> String {
    let (main, _) = sandbox.emulators();
    let address = main.strip_prefix("http://").expect("an address");
    let address = address.trim_end_matches('/').to_owned();
    let mut stream = TcpStream::connect(&address).expect("fakecloud");
    let target = match target {
        "" => String::new(),
        target => format!("Content-Type: application/x-amz-json-1.1\r\nX-Amz-Target: {target}\r\n"),
    };
    let request = format!(
        "{line} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{target}Content-Length: {}\r\nAuthorization: \
         AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host, \
         Signature=x\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).expect("a request");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("an answer");
    text
}

/// The newest task definition of an app.
fn task_definition(sandbox: &Sandbox, family: &str) -> String {
    let target = "AmazonEC2ContainerServiceV20141113.DescribeTaskDefinition";
    let body = format!("{{\"taskDefinition\":\"{family}\"}}");
    call(sandbox, "ecs", "POST /", target, &body)
}

/// The versions of the function, with their variables.
fn versions(sandbox: &Sandbox) -> String {
    call(
        sandbox,
        "lambda",
        "GET /2015-03-31/functions/fetches-prod/versions",
        "",
        "",
    )
}

/// State and ledger in the environment's bucket.
fn bucket(sandbox: &Sandbox, name: &str) -> String {
    let (main, second) = sandbox.emulators();
    let names = Names::new(
        AppName::parse(name).expect("a name"),
        EnvironmentName::parse("prod").expect("an environment"),
    );
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let endpoints = aws::Endpoints { main, second };
        let session = aws::Session::open(None, Some("us-east-1"), Some(endpoints))
            .await
            .expect("a session");
        let account = session.identity().await.expect("an account").account;
        let bucket = aws::StateBucket::new(&session, &names, &account);
        let keys = bucket.keys("").await.expect("keys");
        assert!(keys.len() > 2, "{keys:?}");
        let mut all = String::new();
        for key in keys {
            all += &bucket
                .read(&key)
                .await
                .expect("an object")
                .unwrap_or_default();
        }
        all
    })
}

fn set(watch: &mut LiveStatus, sandbox: &Sandbox, app: &App, value: &str) -> String {
    let set = watch.run(sandbox, app, &["secrets", "set", "DATABASE_URL"], value);
    version(&set.expect(Exit::Done))
}

/// After `down` nothing is left, neither values nor anything else.
fn take_down(watch: &mut LiveStatus, sandbox: &Sandbox, app: &App) {
    let down = watch
        .run(sandbox, app, &["down", "--yes"], "")
        .expect(Exit::Done);
    let swept = down.one("the sweep", |event| match event {
        Event::Swept { left, unseen, .. } => Some((*left, unseen.clone())),
        _ => None,
    });
    assert_eq!(swept, (0, Vec::new()));
    let list = watch
        .run(sandbox, app, &["secrets", "list"], "")
        .expect(Exit::Done);
    assert!(
        rows(&list).iter().all(|row| row.stored.is_none()),
        "{list:?}"
    );
}

#[test]
fn only_the_app_on_fargate_has_its_secrets() {
    let sandbox = Sandbox::new();
    let _started = sandbox.run(&["rehearsal", "start"]).expect(Exit::Done);
    let mut watch = LiveStatus::begin();
    let wants = "state = \"local\"\nsecrets = [\"DATABASE_URL\"]\n";
    let app = sandbox
        .app("keeps", "keeps", Mode::Shows("DATABASE_URL"), 1)
        .manifest(wants);

    // Without the value nothing is created.
    let refused = watch.run(&sandbox, &app, &BRIEF, "").expect(Exit::BadInput);
    let words = refused.failure();
    assert!(
        words.contains("landfall secrets set DATABASE_URL"),
        "{words}"
    );
    assert!(
        refused
            .all(|event| matches!(event, Event::Planned { .. }).then_some(()))
            .is_empty()
    );
    for bad in [
        &["secrets", "set", "AWS_KEY"][..],
        &["secrets", "set", "A-B"],
    ] {
        let mut command = sandbox.command(bad);
        let output = command.current_dir(app.path()).output().expect("it runs");
        assert!(!output.status.success(), "{bad:?}");
    }
    let empty = watch.run(&sandbox, &app, &["secrets", "set", "DATABASE_URL"], "\n");
    let _empty = empty.expect(Exit::BadInput);

    assert_eq!(set(&mut watch, &sandbox, &app, &format!("{FIRST}\n")), "1");
    let up = watch.run(&sandbox, &app, &BRIEF, "").expect(Exit::Done);
    let url = up.address();
    assert_eq!(body(&url), FIRST);
    let definition = task_definition(&sandbox, "keeps-prod");
    assert!(
        definition.contains("\"valueFrom\":\"/landfall/keeps-prod/DATABASE_URL\""),
        "{definition}"
    );
    assert!(!definition.contains(CANARY), "{definition}");
    let again = watch.run(&sandbox, &app, &BRIEF, "").expect(Exit::Done);
    again.one("nothing to do", |event| {
        matches!(event, Event::Unchanged { .. }).then_some(())
    });

    // In the other store it is another secret, and a release.
    let app = app.manifest(&format!("{wants}secrets_store = \"secrets-manager\"\n"));
    let elsewhere = watch.run(&sandbox, &app, &BRIEF, "").expect(Exit::BadInput);
    assert!(
        elsewhere.failure().contains("Parameter Store"),
        "{}",
        elsewhere.failure()
    );
    let file = sandbox.path().join("value");
    std::fs::write(&file, SECOND).expect("a file");
    let path = file.to_string_lossy().into_owned();
    let from_file = ["secrets", "set", "DATABASE_URL", "--from-file", &path];
    let _set = watch.run(&sandbox, &app, &from_file, "").expect(Exit::Done);
    std::fs::remove_file(&file).expect("it is gone");
    let up = watch.run(&sandbox, &app, &BRIEF, "").expect(Exit::Done);
    let bill = up.one("price", |event| match event {
        Event::Priced { bill } => Some((**bill).clone()),
        _ => None,
    });
    assert!(
        bill.lines
            .iter()
            .any(|line| line.what == "1 secret in Secrets Manager"),
        "{bill:?}"
    );
    assert_eq!(body(&url), SECOND);
    let definition = task_definition(&sandbox, "keeps-prod");
    assert!(
        definition.contains(":secret:landfall/keeps-prod/DATABASE_URL-"),
        "{definition}"
    );
    assert!(!definition.contains(CANARY), "{definition}");

    // The live version needs it: removing it needs confirmation. An earlier version without its
    // secret does
    let unset = ["secrets", "unset", "DATABASE_URL"];
    let _refused = watch.run(&sandbox, &app, &unset, "").expect(Exit::Refused);
    let plain = sandbox
        .app("plain", "keeps", Mode::Good, 2)
        .manifest("state = \"local\"\n");
    let _up = watch.run(&sandbox, &plain, &BRIEF, "").expect(Exit::Done);
    let _unset = watch.run(&sandbox, &plain, &unset, "").expect(Exit::Done);
    let back = watch
        .run(&sandbox, &plain, &["rollback"], "")
        .expect(Exit::RolledBack);
    let outcome = back.one("outcome", |event| match event {
        Event::Step {
            step: Step::Finished { outcome },
        } => Some(outcome.clone()),
        _ => None,
    });
    let Outcome::RolledBack { cause, .. } = outcome else {
        panic!("{outcome:?}");
    };
    assert!(matches!(cause, Cause::SecretNotRead { .. }), "{cause:?}");
    assert_eq!(body(&url), "up");

    assert_eq!(
        set(&mut watch, &sandbox, &app, SECOND).len(),
        36,
        "an id of Secrets Manager"
    );
    let logs = watch.run(&sandbox, &app, &["logs"], "").expect(Exit::Done);
    assert!(
        !logs
            .all(|event| matches!(event, Event::Log { .. }).then_some(()))
            .is_empty()
    );
    let _history = watch
        .run(&sandbox, &app, &["history"], "")
        .expect(Exit::Done);
    // State, ledger, variables, plans, and the emulators' logs.
    assert!(search(&sandbox.home()) > 20);
    assert!(!images("keeps").contains(CANARY));
    take_down(&mut watch, &sandbox, &app);
    assert!(search(&sandbox.home()) > 0);
    for output in watch.end() {
        assert!(!output.contains(CANARY), "{output}");
    }
}

#[test]
fn only_the_app_on_lambda_has_its_secrets() {
    let sandbox = Sandbox::new().on(Target::Lambda);
    let _started = sandbox.run(&["rehearsal", "start"]).expect(Exit::Done);
    let mut watch = LiveStatus::begin();
    let wants = "secrets = [\"DATABASE_URL\"]\n";
    let app = sandbox
        .app("fetches", "fetches", Mode::Shows("DATABASE_URL"), 1)
        .manifest(wants);
    assert_eq!(set(&mut watch, &sandbox, &app, FIRST), "1");
    let up = watch.run(&sandbox, &app, &BRIEF, "").expect(Exit::Done);
    let url = up.address();
    // The app gets only the value, not its reference.
    assert_eq!(body(&url), FIRST);
    let again = watch.run(&sandbox, &app, &BRIEF, "").expect(Exit::Done);
    again.one("nothing to do", |event| {
        matches!(event, Event::Unchanged { .. }).then_some(())
    });

    // A new value does not change the live version, however often it restarts; the next `up`
    // releases it.
    assert_eq!(set(&mut watch, &sandbox, &app, SECOND), "2");
    assert_eq!(body(&url), FIRST);
    let _up = watch.run(&sandbox, &app, &BRIEF, "").expect(Exit::Done);
    assert_eq!(body(&url), SECOND);
    // A rollback also returns to the earlier value.
    let _back = watch
        .run(&sandbox, &app, &["rollback"], "")
        .expect(Exit::Done);
    assert_eq!(body(&url), FIRST);

    let app = app.manifest(&format!("{wants}secrets_store = \"secrets-manager\"\n"));
    let _set = set(&mut watch, &sandbox, &app, SECOND);
    let _up = watch.run(&sandbox, &app, &BRIEF, "").expect(Exit::Done);
    assert_eq!(body(&url), SECOND);

    let listed = versions(&sandbox);
    assert!(
        listed.contains("DATABASE_URL=parameter-store:/landfall/fetches-prod/DATABASE_URL#2"),
        "{listed}"
    );
    assert!(
        listed.contains("DATABASE_URL=secrets-manager:arn:"),
        "{listed}"
    );
    assert!(!listed.contains(CANARY), "{listed}");
    let logs = watch.run(&sandbox, &app, &["logs"], "").expect(Exit::Done);
    assert!(
        !logs
            .all(|event| matches!(event, Event::Log { .. }).then_some(()))
            .is_empty()
    );
    assert!(
        !bucket(&sandbox, "fetches").contains(CANARY),
        "state or ledger holds a value"
    );
    assert!(search(&sandbox.home()) > 20);
    assert!(!images("fetches").contains(CANARY));
    take_down(&mut watch, &sandbox, &app);
    for output in watch.end() {
        assert!(!output.contains(CANARY), "{output}");
    }
}
