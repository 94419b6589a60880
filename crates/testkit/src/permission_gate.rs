//! A proxy between the front and the emulators that denies what IAM would deny: `programs/permission_gate.py`.

use crate::sandbox::{Sandbox, set_identity};
use rules::exit::Exit;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// A call, and whether it was allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessDecision {
    /// The identity that made it.
    pub who: String,
    /// `service:Action`.
    pub action: String,
    /// The ARN of its resource. [`None`] if the gate does not know it; such a call is denied.
    pub resource: Option<String>,
    /// Whether a policy allowed it.
    pub allowed: bool,
}

/// The gate of one sandbox. Dropping it restores the sandbox.
pub struct PermissionGate {
    process: Child,
    note: PathBuf,
    before: String,
    log: PathBuf,
}

impl PermissionGate {
    /// Starts the sandbox's emulators and a gate between them and their front. `identities` has the policy documents
    /// of each identity by its name. Until [`PermissionGate::use_identity`] every call is allowed.
    ///
    /// # Panics
    /// The emulators or the gate do not start.
    pub fn start(sandbox: &Sandbox, identities: &BTreeMap<String, Vec<String>>) -> PermissionGate {
        let _ = sandbox.run(&["rehearsal", "start"]).expect(Exit::Done);
        let (main, second) = sandbox.behind_front();
        let known = sandbox.path().join("identities.json");
        let log = sandbox.path().join("judged.jsonl");
        std::fs::write(&known, json!(identities).to_string()).expect("written");
        std::fs::write(&log, "").expect("written");
        let crates = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
        let mut process = Command::new(python())
            .arg(format!("{crates}/testkit/programs/permission_gate.py"))
            .args([&main, &second])
            .args([&known, &log])
            .arg(format!(
                "{crates}/rules/src/shape/permissions/authorization.json"
            ))
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
        let url = |name: &str| urls[name].as_str().expect("an address");
        sandbox.ask_front("/gates", &format!("{} {}", url("main"), url("second")));
        PermissionGate {
            process,
            note,
            before,
            log,
        }
    }

    /// Runs the following landfall commands as this identity.
    ///
    /// # Panics
    /// `emulators.json` cannot be written.
    pub fn use_identity(&self, name: &str) {
        let identity = json!({ "access_key_id": name, "secret_access_key": "secret" });
        set_identity(&self.note, &identity);
    }

    /// Every decision so far.
    ///
    /// # Panics
    /// The gate's log cannot be read.
    pub fn decisions(&self) -> Vec<AccessDecision> {
        let text = std::fs::read_to_string(&self.log).expect("a log");
        let read = |line: &str| {
            let one: Value = serde_json::from_str(line).expect("JSON");
            AccessDecision {
                who: one["key"].as_str().expect("a name").to_owned(),
                action: one["action"].as_str().expect("an action").to_owned(),
                resource: one["resource"].as_str().map(str::to_owned),
                allowed: one["allowed"].as_bool().expect("a decision"),
            }
        };
        text.lines().map(read).collect()
    }
}

impl Drop for PermissionGate {
    fn drop(&mut self) {
        // The sandbox must find its emulators to stop them. It may be gone already.
        let _ = std::fs::write(&self.note, &self.before);
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The Python that ministack runs with.
pub(crate) fn python() -> PathBuf {
    let ministack = std::env::var_os("LANDFALL_MINISTACK").expect("LANDFALL_MINISTACK");
    let bin = PathBuf::from(ministack);
    bin.parent().expect("its directory").join("python")
}
