//! Running Terraform in one working directory.

use crate::binary::Binary;
use crate::stream::{Diagnostic, Message};
use crate::workdir::WorkDir;
use rules::shape::plan::{self, Plan, Resource};
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};
use std::ffi::OsString;
use std::fs::{File, TryLockError};
use std::io::Read as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

/// Becomes true when the user wants the command to stop.
pub type Interrupt = tokio::sync::watch::Receiver<bool>;

/// How often the output of a running Terraform is read.
const READ_EVERY: Duration = Duration::from_millis(100);

/// Terraform failed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{what}")]
pub struct Failure {
    /// Which command in which root.
    pub what: String,
    /// What it said, ready to be shown.
    pub why: Vec<String>,
    /// Whether it ended because it was interrupted.
    pub interrupted: bool,
}

/// Terraform in one working directory.
#[derive(Debug, Clone)]
pub struct Terraform {
    binary: Binary,
    /// Where it runs.
    pub dir: WorkDir,
    plugins: PathBuf,
    env: Vec<(OsString, OsString)>,
    interrupt: Interrupt,
}

impl Terraform {
    /// Terraform in `dir`, with providers cached in `plugins` and with `env` on top of the environment
    /// that landfall itself has.
    pub fn new(
        binary: Binary,
        dir: WorkDir,
        plugins: PathBuf,
        env: Vec<(OsString, OsString)>,
        interrupt: Interrupt,
    ) -> Terraform {
        Terraform {
            binary,
            dir,
            plugins,
            env,
            interrupt,
        }
    }

    /// Initializes the directory, unless nothing that `init` looks at has changed since the last time.
    ///
    /// # Errors
    /// The provider cannot be installed or the backend not be reached.
    pub async fn init(&self) -> Result<(), Failure> {
        let stamp = self.dir.path.join(".terraform").join("landfall-init");
        let wanted = self.init_stamp();
        if std::fs::read_to_string(&stamp).ok().as_deref() == Some(&wanted) {
            return Ok(());
        }
        // Terraform's cache bears one writer at a time, and another landfall may be writing.
        let _alone = self.lock_plugins().await?;
        // The written backend is the truth; state is never moved from one place to another here.
        self.run(
            &["init", "-input=false", "-no-color", "-reconfigure"],
            &mut |_| {},
        )
        .await?;
        // Without the stamp the next command initializes again: no harm.
        let _ = std::fs::write(stamp, wanted);
        Ok(())
    }

    async fn lock_plugins(&self) -> Result<File, Failure> {
        let failed = |error: std::io::Error| self.failure("init", vec![error.to_string()]);
        std::fs::create_dir_all(&self.plugins).map_err(failed)?;
        let file = File::create(self.plugins.join("landfall.lock")).map_err(failed)?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) => tokio::time::sleep(READ_EVERY).await,
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
        }
    }

    fn init_stamp(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(&self.binary.version);
        for name in ["versions.tf", "backend.tf.json", ".terraform.lock.hcl"] {
            hash.update(std::fs::read(self.dir.path.join(name)).unwrap_or_default());
        }
        hash.finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    /// Plans making (or, with `destroy`, removing) the root; the plan is kept for [`Self::apply`].
    ///
    /// # Errors
    /// Terraform fails, or its JSON cannot be read.
    pub async fn plan(&self, destroy: bool) -> Result<Plan, Failure> {
        let more: &[&str] = if destroy { &["-destroy"] } else { &[] };
        self.plan_with(more).await
    }

    /// What [`Self::plan`] would say, without taking the lock of the state: for who only looks.
    ///
    /// # Errors
    /// As of [`Self::plan`].
    pub async fn foresee(&self) -> Result<Plan, Failure> {
        self.plan_with(&["-lock=false"]).await
    }

    async fn plan_with(&self, more: &[&str]) -> Result<Plan, Failure> {
        let file = self.dir.plan_file();
        let out = format!("-out={}", file.display());
        let mut args = vec!["plan", "-input=false", "-json", &out];
        args.extend(more);
        self.run(&args, &mut |_| {}).await?;
        let json = self
            .answer(&["show", "-json", &file.to_string_lossy()])
            .await?;
        Plan::parse(&json).map_err(|error| self.failure("show -json", vec![error.to_string()]))
    }

    /// Carries out the plan of [`Self::plan`] and tells `on` what Terraform says meanwhile.
    ///
    /// # Errors
    /// Terraform fails or is interrupted. What it did until then stands in the state.
    pub async fn apply(&self, on: &mut (dyn FnMut(Message) + Send)) -> Result<(), Failure> {
        let file = self.dir.plan_file();
        let answer = self
            .run(
                &["apply", "-input=false", "-json", &file.to_string_lossy()],
                on,
            )
            .await;
        // A plan is good for once; it may also hold sensitive values.
        let _ = std::fs::remove_file(file);
        answer
    }

    /// The root's outputs; [`None`] if it has none, as before the first apply.
    ///
    /// # Errors
    /// Terraform fails, or an output is not of the type that the contract says.
    pub async fn outputs<T: DeserializeOwned>(&self) -> Result<Option<T>, Failure> {
        #[derive(serde::Deserialize)]
        struct Output {
            value: serde_json::Value,
        }
        let json = self.answer(&["output", "-json", "-no-color"]).await?;
        let unreadable =
            |error: serde_json::Error| self.failure("output -json", vec![error.to_string()]);
        let outputs: std::collections::BTreeMap<String, Output> =
            serde_json::from_str(&json).map_err(unreadable)?;
        if outputs.is_empty() {
            return Ok(None);
        }
        let values: serde_json::Map<String, serde_json::Value> = outputs
            .into_iter()
            .map(|(name, output)| (name, output.value))
            .collect();
        serde_json::from_value(values.into())
            .map(Some)
            .map_err(unreadable)
    }

    /// How many resources the state holds.
    ///
    /// # Errors
    /// Terraform fails.
    pub async fn resources(&self) -> Result<usize, Failure> {
        let json = self.answer(&["show", "-json", "-no-color"]).await?;
        let state: serde_json::Value = serde_json::from_str(&json)
            .map_err(|error| self.failure("show -json", vec![error.to_string()]))?;
        let resources = state["values"]["root_module"]["resources"].as_array();
        Ok(resources.map_or(0, |all| {
            all.iter().filter(|one| one["mode"] == "managed").count()
        }))
    }

    /// What is there, as the state has it.
    ///
    /// # Errors
    /// Terraform fails, or its JSON cannot be read.
    pub async fn state(&self) -> Result<Vec<Resource>, Failure> {
        let json = self.answer(&["show", "-json", "-no-color"]).await?;
        plan::of_state(&json).map_err(|error| self.failure("show -json", vec![error.to_string()]))
    }

    /// Itself and its providers with their versions, for people: `Terraform 1.15.5, hashicorp/aws 6.62.0`. The directory
    /// has to be initialized.
    ///
    /// # Errors
    /// Terraform fails, or its JSON cannot be read.
    pub async fn tools(&self) -> Result<String, Failure> {
        #[derive(serde::Deserialize)]
        struct Version {
            terraform_version: String,
            #[serde(default)]
            provider_selections: std::collections::BTreeMap<String, String>,
        }
        let json = self.answer(&["version", "-json"]).await?;
        let version: Version = serde_json::from_str(&json)
            .map_err(|error| self.failure("version -json", vec![error.to_string()]))?;
        let is_tofu = self
            .binary
            .path
            .file_name()
            .is_some_and(|name| name == "tofu");
        let name = if is_tofu { "OpenTofu" } else { "Terraform" };
        let mut tools = format!("{name} {}", version.terraform_version);
        for (provider, version) in version.provider_selections {
            // The registry's host says nothing that the name does not.
            let provider = provider
                .split_once('/')
                .map_or(provider.as_str(), |(_, name)| name);
            tools.push_str(&format!(", {provider} {version}"));
        }
        Ok(tools)
    }

    /// Makes the state forget every resource of a kind, which stays as it is: it is another root's by now. Says how
    /// many there were.
    ///
    /// # Errors
    /// Terraform fails, or its JSON cannot be read.
    pub async fn forget(&self, kind: &str) -> Result<usize, Failure> {
        let state = self.state().await?;
        let addresses: Vec<&str> = state
            .iter()
            .filter(|resource| resource.kind == kind)
            .map(|resource| resource.address.as_str())
            .collect();
        if !addresses.is_empty() {
            let command = ["state", "rm", "-lock-timeout=10s"];
            self.answer(&[&command[..], &addresses[..]].concat())
                .await?;
        }
        Ok(addresses.len())
    }

    /// The command a person types to release a lock by hand.
    pub fn unlock_command(&self, id: &str) -> String {
        format!(
            "{} -chdir={} force-unlock {id}",
            self.binary.path.display(),
            self.dir.path.display()
        )
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.binary.path);
        command
            .args(args)
            .current_dir(&self.dir.path)
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .env("TF_PLUGIN_CACHE_DIR", &self.plugins)
            // The directory is unpacked anew on every machine, so there is no lock file to be kept
            // complete for others; without this each init would write over the cache.
            .env("TF_PLUGIN_CACHE_MAY_BREAK_DEPENDENCY_LOCK_FILE", "true")
            .env("TF_IN_AUTOMATION", "1")
            .env("TF_INPUT", "0")
            .env("CHECKPOINT_DISABLE", "1")
            .stdin(Stdio::null());
        command
    }

    /// A short command whose standard output is its answer.
    async fn answer(&self, args: &[&str]) -> Result<String, Failure> {
        let output = self
            .command(args)
            .output()
            .await
            .map_err(|error| self.failure(args[0], vec![error.to_string()]))?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            let text = String::from_utf8_lossy(&output.stderr);
            Err(self.failure(args[0], text.lines().map(str::to_owned).collect()))
        }
    }

    fn failure(&self, command: &str, why: Vec<String>) -> Failure {
        let interrupted = *self.interrupt.borrow();
        Failure {
            what: format!("terraform {command} of the {} root failed", self.dir.root),
            why,
            interrupted,
        }
    }

    /// A long command. It runs in a process group of its own and writes to a file that is read along:
    /// so a Ctrl-C reaches it once and through us, and when landfall itself is killed Terraform
    /// neither dies of a closed pipe in the middle of an apply nor loses what it just made.
    async fn run(
        &self,
        args: &[&str],
        on: &mut (dyn FnMut(Message) + Send),
    ) -> Result<(), Failure> {
        let failed = |error: std::io::Error| self.failure(args[0], vec![error.to_string()]);
        let log = self.dir.path.join(format!("landfall-{}.log", args[0]));
        // A new file, not the old one emptied: a Terraform that outlived its landfall may still write there,
        // far behind where this one begins.
        match std::fs::remove_file(&log) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(failed(error));
            }
            _ => {}
        }
        let out = File::create(&log).map_err(failed)?;
        let err = out.try_clone().map_err(failed)?;
        let mut reader = Lines::new(File::open(&log).map_err(failed)?);
        let mut child = self
            .command(args)
            .stdout(Stdio::from(out))
            .stderr(Stdio::from(err))
            .process_group(0)
            .spawn()
            .map_err(failed)?;
        let mut interrupt = self.interrupt.clone();
        let mut told = false;
        let mut said = Said::default();
        let status = loop {
            tokio::select! {
                status = child.wait() => break status.map_err(failed)?,
                () = tokio::time::sleep(READ_EVERY) => {
                    for line in reader.read().map_err(failed)? {
                        said.hear(&line, on);
                    }
                }
                true = wants_to_stop(&mut interrupt), if !told => {
                    // Once: a second interrupt makes Terraform drop what it has not yet written.
                    told = true;
                    if let Some(pid) = child.id().and_then(|id| rustix::process::Pid::from_raw(id.cast_signed())) {
                        let _ = rustix::process::kill_process(pid, rustix::process::Signal::INT);
                    }
                }
            }
        };
        for line in reader.read().map_err(failed)? {
            said.hear(&line, on);
        }
        if status.success() {
            return Ok(());
        }
        Err(self.failure(args[0], said.why(status.code())))
    }
}

/// Resolves once the user wants to stop; never, if nobody can say so any more.
async fn wants_to_stop(interrupt: &mut Interrupt) -> bool {
    if interrupt.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
    true
}

/// What Terraform said, as far as it explains a failure.
#[derive(Default)]
struct Said {
    errors: Vec<Diagnostic>,
    prose: Vec<String>,
}

impl Said {
    fn hear(&mut self, line: &str, on: &mut (dyn FnMut(Message) + Send)) {
        match Message::parse(line) {
            Some(Message::Diagnostic(diagnostic)) if diagnostic.severity == "error" => {
                self.errors.push(diagnostic.clone());
                on(Message::Diagnostic(diagnostic));
            }
            Some(message) => on(message),
            None if line.trim().is_empty() => {}
            None => self.prose.push(line.to_owned()),
        }
    }

    fn why(self, code: Option<i32>) -> Vec<String> {
        if !self.errors.is_empty() {
            return self.errors.iter().flat_map(Diagnostic::lines).collect();
        }
        let mut why = self.prose;
        if why.is_empty() {
            why.push(match code {
                Some(code) => format!("it ended with exit code {code} and gave no reason"),
                None => "it was killed".to_owned(),
            });
        }
        why.split_off(why.len().saturating_sub(30))
    }
}

/// Whole lines of a file that still grows.
struct Lines {
    file: File,
    rest: Vec<u8>,
}

impl Lines {
    fn new(file: File) -> Lines {
        Lines {
            file,
            rest: Vec::new(),
        }
    }

    fn read(&mut self) -> std::io::Result<Vec<String>> {
        self.file.read_to_end(&mut self.rest)?;
        // What follows the last line break is not yet a line.
        let whole = self
            .rest
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        let rest = self.rest.split_off(whole);
        let text = std::mem::replace(&mut self.rest, rest);
        Ok(String::from_utf8_lossy(&text)
            .lines()
            .map(str::to_owned)
            .collect())
    }
}
