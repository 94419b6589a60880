//! Eject and adopt in a rehearsal: an ejected directory plans "No changes" with plain Terraform,
//! and landfall adopts what plain Terraform changed.

use aws::{Endpoints, Functions, Session};
use infra::Binary;
use rules::app::manifest::Target;
use rules::event::{Event, Status};
use rules::exit::Exit;
use rules::leave::eject::FILE;
use rules::shape::contract::Root;
use std::path::{Path, PathBuf};
use std::process::Command;
use testkit::{App, CommandOutput, Mode, Sandbox};

const BRIEF: [&str; 5] = [
    "up",
    "--yes",
    "--minimum=1s",
    "--bake=2s",
    "--ready-timeout=60s",
];

/// A person with Terraform, without landfall and its environment variables.
struct Person {
    terraform: Binary,
    plugins: PathBuf,
}

impl Person {
    fn new(sandbox: &Sandbox) -> Person {
        let path = std::env::var_os("PATH").expect("PATH");
        let chosen = std::env::var_os("LANDFALL_TERRAFORM").map(PathBuf::from);
        let plugins = sandbox.path().join("plugins");
        std::fs::create_dir_all(&plugins).expect("a cache of providers");
        Person {
            terraform: Binary::find(chosen.as_deref(), &path).expect("Terraform"),
            plugins,
        }
    }

    /// Runs Terraform in a directory; returns its exit code and output.
    fn run(&self, directory: &Path, arguments: &[&str]) -> (i32, String) {
        let mut command = Command::new(&self.terraform.path);
        command
            .args(arguments)
            .current_dir(directory)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("TF_PLUGIN_CACHE_DIR", &self.plugins)
            .env("TF_IN_AUTOMATION", "1")
            .env("CHECKPOINT_DISABLE", "1")
            .env("AWS_EC2_METADATA_DISABLED", "true");
        // This machine's mirror of providers, and what a Terraform that is a script needs.
        for (name, value) in std::env::vars_os() {
            let kept = ["TF_CLI_CONFIG_FILE", "HOME", "LD_LIBRARY_PATH"];
            if kept.iter().any(|kept| name == *kept) {
                command.env(name, value);
            }
        }
        let output = command.output().expect("Terraform runs");
        let output_text = format!(
            "{}\n{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        (output.status.code().unwrap_or(-1), output_text)
    }

    #[track_caller]
    fn init(&self, directory: &Path) {
        let (code, output_text) = self.run(directory, &["init", "-input=false", "-no-color"]);
        assert_eq!(code, 0, "{output_text}");
    }

    /// The plan's exit code: 0 for no changes, 2 for changes.
    #[track_caller]
    fn plan(&self, directory: &Path) -> i32 {
        let plan = ["plan", "-input=false", "-no-color", "-detailed-exitcode"];
        let (code, output_text) = self.run(directory, &plan);
        assert!(matches!(code, 0 | 2), "{output_text}");
        assert_eq!(
            code == 0,
            output_text.contains("No changes."),
            "{output_text}"
        );
        code
    }

    #[track_caller]
    fn apply(&self, directory: &Path) {
        let apply = ["apply", "-input=false", "-no-color", "-auto-approve"];
        let (code, output_text) = self.run(directory, &apply);
        assert_eq!(code, 0, "{output_text}");
    }
}

fn status(sandbox: &Sandbox, app: &App) -> Status {
    let status = sandbox.rehearse(app, &["status"]).expect(Exit::Done);
    status.one("status", |event| match event {
        Event::Status(status) => Some(status.clone()),
        _ => None,
    })
}

/// Each root's plan, in a line.
fn plans(ended: &CommandOutput) -> Vec<String> {
    ended.all(|event| match event {
        Event::Planned { root, summary, .. } => Some(format!("{root}: {summary}")),
        _ => None,
    })
}

/// Changes a variable in `terraform.tfvars.json`, as a person would.
fn set(directory: &Path, variable: &str, value: u32) {
    let path = directory.join("terraform.tfvars.json");
    let text = std::fs::read_to_string(&path).expect("variables");
    let mut json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert!(json[variable].is_number(), "{text}");
    json[variable] = value.into();
    std::fs::write(&path, json.to_string()).expect("written");
}

/// All files of a directory, with their text.
fn everything(directory: &Path) -> Vec<(PathBuf, String)> {
    let mut all = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(next).expect("a directory") {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => open.push(path),
                false => {
                    let bytes = std::fs::read(&path).expect("a file");
                    all.push((path, String::from_utf8_lossy(&bytes).into_owned()));
                }
            }
        }
    }
    all.sort();
    all
}

/// The secret of the live version's edge: it is in the function, and nowhere else.
fn secret(sandbox: &Sandbox, function: &str) -> String {
    let (main, second) = sandbox.emulators();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let facts = runtime.block_on(async {
        let session = Session::open(None, Some("us-east-1"), Some(Endpoints { main, second }));
        let functions = Functions::new(&session.await.expect("a session"), function);
        functions.version("$LATEST").await.expect("the function")
    });
    facts.secret.expect("a secret").reveal().to_owned()
}

fn no_changes(ended: &CommandOutput) {
    let plans = plans(ended);
    assert!(!plans.is_empty());
    assert!(
        plans.iter().all(|plan| plan.ends_with(": no changes")),
        "{plans:?}"
    );
}

fn adopted(ended: &CommandOutput) -> bool {
    ended.one("the end", |event| match event {
        Event::Adopted { unchanged } => Some(*unchanged),
        _ => None,
    })
}

#[test]
fn an_environment_is_ejected_and_adopted() {
    let sandbox = Sandbox::new().on(Target::Lambda);
    let person = Person::new(&sandbox);
    let app = sandbox.app("leaving", "leaving", Mode::Good, 1);
    let git = Command::new("git")
        .args(["init", "--quiet"])
        .current_dir(app.path())
        .status();
    assert!(git.expect("git runs").success());
    let directory = sandbox.path().join("plain");
    let into = directory.to_string_lossy().into_owned();
    let from = format!("--from={into}");
    let root = |root: Root| directory.join(root.as_str());

    // Without a deployment nothing is written.
    let early = sandbox
        .rehearse(&app, &["eject", &into])
        .expect(Exit::NothingServing);
    assert!(early.failure().contains("not deployed"));
    assert!(!directory.exists());

    // The roles of CI come with the boundary of the app's roles, which the next `up` sets.
    let ids = ["--owner-id=12", "--repository-id=345"];
    let ci = ["ci", "github", "--repository=octo/leaving", "--yes"];
    let _ci = sandbox
        .rehearse(&app, &[&ci as &[&str], &ids].concat())
        .expect(Exit::Done);
    let _up = sandbox.rehearse(&app, &BRIEF).expect(Exit::Done);
    // The options of `ci` are kept nowhere: they are read from its resources.
    std::fs::remove_dir_all(sandbox.home().join("rehearsal")).expect("forgotten");
    let serving = status(&sandbox, &app);
    let ejected = sandbox.rehearse(&app, &["eject", &into]).expect(Exit::Done);
    no_changes(&ejected);
    let roots = ejected.one("what was written", |event| match event {
        Event::Ejected { roots, .. } => Some(roots.clone()),
        _ => None,
    });
    let all = [Root::Foundation, Root::Lambda, Root::Ci];
    assert_eq!(roots, all);

    // Plain Terraform finds no changes, whatever releases did; and no secret was written.
    let secret = secret(&sandbox, "leaving-prod");
    for (path, text) in everything(&directory) {
        assert!(!text.contains(&secret), "{}", path.display());
    }
    for root in all.map(&root) {
        person.init(&root);
        assert_eq!(person.plan(&root), 0);
    }
    let readme = std::fs::read_to_string(directory.join("README.md")).expect("a README");
    let image = serving
        .slots
        .iter()
        .find_map(|slot| slot.image.clone().filter(|_| slot.live))
        .expect("an image");
    assert!(
        readme.contains(&format!("COPY --from={image} ")),
        "{readme}"
    );

    // Again: the same files are written, and edited ones are not overwritten.
    let before = everything(&directory);
    let _again = sandbox.rehearse(&app, &["eject", &into]).expect(Exit::Done);
    assert_eq!(everything(&directory), before);
    std::fs::write(directory.join("README.md"), "notes of mine\n").expect("a README");
    let kept = sandbox
        .rehearse(&app, &["eject", &into])
        .expect(Exit::Refused);
    assert!(kept.failure().contains("README.md"), "{}", kept.failure());

    // landfall still works.
    let as_before = sandbox.rehearse(&app, &BRIEF).expect(Exit::Done);
    no_changes(&as_before);

    // A person changes the infrastructure; landfall would undo it, and reports which keys to set.
    set(&root(Root::Lambda), "log_retention_days", 30);
    set(&root(Root::Lambda), "rate_limit", 70);
    assert_eq!(person.plan(&root(Root::Lambda)), 2);
    person.apply(&root(Root::Lambda));
    let refused = sandbox
        .rehearse(&app, &["adopt", &from])
        .expect(Exit::Refused);
    let failure = refused.failure();
    assert!(failure.contains("`log_retention_days = 30`"), "{failure}");
    assert!(failure.contains("rate_limit is 70 there"), "{failure}");
    // One key of the manifest covers both roots, so the other root has to follow; the rate has no
    // key.
    set(&root(Root::Lambda), "rate_limit", 50);
    set(&root(Root::Foundation), "log_retention_days", 30);
    person.apply(&root(Root::Lambda));
    person.apply(&root(Root::Foundation));
    let app = app.manifest("log_retention_days = 30\n");

    // landfall does not keep additional files.
    let own = root(Root::Lambda).join("mine.tf");
    std::fs::write(&own, "output \"mine\" {\n  value = 1\n}\n").expect("a file");
    let refused = sandbox
        .rehearse(&app, &["adopt", &from])
        .expect(Exit::Refused);
    let failure = refused.failure();
    assert!(failure.contains("lambda/mine.tf was added"), "{failure}");
    std::fs::remove_file(own).expect("removed");

    // It also works on another machine.
    std::fs::remove_dir_all(sandbox.home().join("rehearsal")).expect("forgotten");
    assert!(status(&sandbox, &app).answers);
    let back = sandbox.rehearse(&app, &["adopt", &from]).expect(Exit::Done);
    no_changes(&back);
    assert!(adopted(&back));
    let up = sandbox.rehearse(&app, &BRIEF).expect(Exit::Done);
    no_changes(&up);
    up.one("nothing to do", |event| {
        matches!(event, Event::Unchanged { .. }).then_some(())
    });

    // A directory of another environment is refused.
    let other = sandbox
        .rehearse(&app, &["adopt", &from, "--env=staging"])
        .expect(Exit::BadInput);
    let failure = other.failure();
    assert!(
        failure.contains("environment prod there, staging here"),
        "{failure}"
    );

    let _down = sandbox
        .rehearse(&app, &["down", "--yes"])
        .expect(Exit::Done);
    let gone = sandbox
        .rehearse(&app, &["adopt", &from])
        .expect(Exit::NothingServing);
    assert!(gone.failure().contains("not deployed"));
    let swept = sandbox
        .rehearse(&app, &["down", "--verify"])
        .expect(Exit::Done);
    let left = swept.one("the sweep", |event| match event {
        Event::Swept { left, unseen, .. } => Some((*left, unseen.clone())),
        _ => None,
    });
    assert_eq!(left, (0, Vec::new()));
}

#[test]
fn a_copied_state_is_adopted() {
    let sandbox = Sandbox::new().on(Target::Lambda);
    let person = Person::new(&sandbox);
    let app = sandbox
        .app("copied", "copied", Mode::Good, 1)
        .manifest("state = \"local\"\n");
    let directory = sandbox.path().join("plain");
    let into = directory.to_string_lossy().into_owned();
    let from = format!("--from={into}");
    let lambda = directory.join("lambda");
    let _up = sandbox.rehearse(&app, &BRIEF).expect(Exit::Done);
    let _ejected = sandbox.rehearse(&app, &["eject", &into]).expect(Exit::Done);
    let secret = secret(&sandbox, "copied-prod");
    for (path, text) in everything(&directory) {
        assert!(!text.contains(&secret), "{}", path.display());
    }
    for root in ["foundation", "lambda"] {
        person.init(&directory.join(root));
        assert_eq!(person.plan(&directory.join(root)), 0);
    }

    // After the first apply the copy is newer: an eject would lose it.
    for root in ["foundation", "lambda"] {
        set(&directory.join(root), "log_retention_days", 30);
        person.apply(&directory.join(root));
    }
    let app = app.manifest("state = \"local\"\nlog_retention_days = 30\n");
    let lost = sandbox
        .rehearse(&app, &["eject", "--yes", &into])
        .expect(Exit::Refused);
    assert!(
        lost.failure().contains("adopt --from"),
        "{}",
        lost.failure()
    );

    let back = sandbox.rehearse(&app, &["adopt", &from]).expect(Exit::Done);
    no_changes(&back);
    assert!(adopted(&back));
    assert!(!lambda.join("terraform.tfstate").exists());
    assert!(lambda.join("terraform.tfstate.adopted").exists());
    // It can be repeated.
    let _again = sandbox.rehearse(&app, &["adopt", &from]).expect(Exit::Done);
    let up = sandbox.rehearse(&app, &BRIEF).expect(Exit::Done);
    no_changes(&up);
    up.one("nothing to do", |event| {
        matches!(event, Event::Unchanged { .. }).then_some(())
    });

    // After another eject and a change, the directory can be moved to another machine.
    let record = std::fs::read_to_string(directory.join(FILE)).expect("a record");
    let _ejected = sandbox
        .rehearse(&app, &["eject", "--yes", &into])
        .expect(Exit::Done);
    let rewritten = std::fs::read_to_string(directory.join(FILE)).expect("a record");
    assert_ne!(rewritten, record, "the serials grew");
    std::fs::remove_dir_all(sandbox.home().join("rehearsal")).expect("forgotten");
    let moved = sandbox.rehearse(&app, &["adopt", &from]).expect(Exit::Done);
    assert!(adopted(&moved));
    assert!(status(&sandbox, &app).answers);
    let _down = sandbox
        .rehearse(&app, &["down", "--yes"])
        .expect(Exit::Done);
}

#[test]
fn an_ejected_load_balancer_plans_no_changes() {
    let sandbox = Sandbox::new();
    let person = Person::new(&sandbox);
    let app = sandbox.app("boxes", "boxes", Mode::Good, 1);
    let directory = sandbox.path().join("plain");
    let into = directory.to_string_lossy().into_owned();
    let up = [&BRIEF[..], &["--budget=100"]].concat();
    let _up = sandbox.rehearse(&app, &up).expect(Exit::Done);
    let ejected = sandbox
        .rehearse(&app, &["eject", "--budget=100", &into])
        .expect(Exit::Done);
    no_changes(&ejected);
    for root in ["foundation", "fargate"] {
        person.init(&directory.join(root));
        assert_eq!(person.plan(&directory.join(root)), 0);
    }
    let back = sandbox
        .rehearse(&app, &["adopt", &format!("--from={into}")])
        .expect(Exit::Refused);
    assert!(
        back.failure().contains("`budget = 100.0`"),
        "{}",
        back.failure()
    );
    let app = app.manifest("budget = 100.0\n");
    let back = sandbox
        .rehearse(&app, &["adopt", &format!("--from={into}")])
        .expect(Exit::Done);
    assert!(adopted(&back));
}
