//! A gate before the emulators that lets through what IAM would let through: `programs/gate.py`.

use crate::sandbox::Sandbox;
use rules::exit::Exit;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// What was asked for, and whether it was allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// By whom.
    pub who: String,
    /// `service:Action`.
    pub action: String,
    /// On what; [`None`] if the gate could not tell, which it denies.
    pub resource: Option<String>,
    /// Whether a policy allowed it.
    pub allowed: bool,
}

/// The gate of one sandbox. With it gone, everything is as before.
pub struct Gate {
    process: Child,
    note: PathBuf,
    before: String,
    log: PathBuf,
}

impl Gate {
    /// Starts the sandbox's emulators and a gate before them, for identities by their names with the texts of their
    /// policies. Until [`Gate::admit`] everybody may do everything.
    ///
    /// # Panics
    /// Something does not start.
    pub fn before(sandbox: &Sandbox, identities: &BTreeMap<String, Vec<String>>) -> Gate {
        let _ = sandbox.run(&["rehearsal", "start"]).expect(Exit::Done);
        let (main, second) = sandbox.emulators();
        let known = sandbox.path().join("identities.json");
        let log = sandbox.path().join("judged.jsonl");
        std::fs::write(&known, json!(identities).to_string()).expect("written");
        std::fs::write(&log, "").expect("written");
        let crates = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
        let mut process = Command::new(python())
            .arg(format!("{crates}/testkit/programs/gate.py"))
            .args([&main, &second])
            .args([&known, &log])
            .arg(format!("{crates}/rules/src/shape/permissions/authorization.json"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the gate starts");
        let mut line = String::new();
        let out = process.stdout.take().expect("piped");
        let _ = BufReader::new(out)
            .read_line(&mut line)
            .expect("its addresses");
        let urls: Value = serde_json::from_str(&line).expect("its addresses");
        let note = sandbox.home().join("emulators.json");
        let before = std::fs::read_to_string(&note).expect("emulators run");
        let mut noted: Value = serde_json::from_str(&before).expect("JSON");
        noted["fakecloud"]["url"] = urls["main"].clone();
        noted["ministack"]["url"] = urls["second"].clone();
        std::fs::write(&note, noted.to_string()).expect("written");
        Gate {
            process,
            note,
            before,
            log,
        }
    }

    /// From now on landfall has this identity.
    ///
    /// # Panics
    /// The note of the emulators cannot be written.
    pub fn admit(&self, name: &str) {
        let text = std::fs::read_to_string(&self.note).expect("emulators run");
        let mut noted: Value = serde_json::from_str(&text).expect("JSON");
        noted["identity"] = json!({ "access_key_id": name, "secret_access_key": "secret" });
        std::fs::write(&self.note, noted.to_string()).expect("written");
    }

    /// Everything that was judged so far.
    ///
    /// # Panics
    /// The gate wrote something else.
    pub fn judged(&self) -> Vec<Judged> {
        let text = std::fs::read_to_string(&self.log).expect("a log");
        let read = |line: &str| {
            let one: Value = serde_json::from_str(line).expect("JSON");
            Judged {
                who: one["key"].as_str().expect("a name").to_owned(),
                action: one["action"].as_str().expect("an action").to_owned(),
                resource: one["resource"].as_str().map(str::to_owned),
                allowed: one["allowed"].as_bool().expect("a decision"),
            }
        };
        text.lines().map(read).collect()
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        // So that the sandbox finds its emulators, and stops them. What is gone already need not be.
        let _ = std::fs::write(&self.note, &self.before);
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The Python that ministack runs with.
fn python() -> PathBuf {
    let ministack = std::env::var_os("LANDFALL_MINISTACK").expect("LANDFALL_MINISTACK");
    let bin = PathBuf::from(ministack);
    bin.parent().expect("its directory").join("python")
}
