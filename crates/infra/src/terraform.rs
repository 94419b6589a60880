//! Running Terraform in one working directory.

mod init;

use crate::binary::Binary;
use crate::provider_cache::ProviderCache;
use crate::state_file;
use crate::stream::{Diagnostic, Message};
use crate::workdir::WorkDir;
use rules::shape::plan::{self, Plan, Resource};
use rules::shape::toolchain::Program;
use serde::de::DeserializeOwned;
use std::ffi::OsString;
use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

/// True once the user has interrupted the command.
pub type Interrupt = tokio::sync::watch::Receiver<bool>;

/// How often the output of a running Terraform is read.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Terraform failed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{what}")]
pub struct Failure {
    /// The command and the root.
    pub what: String,
    /// Terraform's errors, as lines for people.
    pub why: Vec<String>,
    /// Whether the user interrupted it.
    pub interrupted: bool,
}

/// Terraform in one working directory.
#[derive(Debug, Clone)]
pub struct Terraform {
    binary: Binary,
    /// The working directory.
    pub dir: WorkDir,
    cache: ProviderCache,
    env: Vec<(OsString, OsString)>,
    interrupt: Interrupt,
    /// Whether plans read what exists, instead of believing the state.
    refreshes: bool,
}

impl Terraform {
    /// Terraform in `dir`, with providers cached in `plugins` and with `env` added to landfall's
    /// own environment.
    pub fn new(
        binary: Binary,
        dir: WorkDir,
        plugins: PathBuf,
        env: Vec<(OsString, OsString)>,
        interrupt: Interrupt,
    ) -> Terraform {
        Terraform {
            cache: ProviderCache::new(plugins, binary.program),
            binary,
            dir,
            env,
            interrupt,
            refreshes: true,
        }
    }

    /// The same with plans that believe the state and do not read what exists, because AWS does not let some
    /// of it be read.
    #[must_use]
    pub fn without_refresh(mut self) -> Terraform {
        self.refreshes = false;
        self
    }

    /// Plans creating or, with `destroy`, destroying the root. The plan is kept for
    /// [`Self::apply`].
    ///
    /// # Errors
    /// Terraform fails, or its JSON cannot be read.
    pub async fn plan(&self, destroy: bool) -> Result<Plan, Failure> {
        let more: &[&str] = if destroy { &["-destroy"] } else { &[] };
        self.plan_with(more).await
    }

    /// The result of [`Self::plan`] without the lock of the state, for a plan that will not be
    /// applied.
    ///
    /// # Errors
    /// As for [`Self::plan`].
    pub async fn plan_without_lock(&self) -> Result<Plan, Failure> {
        self.plan_with(&["-lock=false"]).await
    }

    async fn plan_with(&self, more: &[&str]) -> Result<Plan, Failure> {
        let file = self.dir.plan_file();
        let out = format!("-out={}", file.display());
        let mut args = vec!["plan", "-input=false", "-json", &out];
        if !self.refreshes {
            args.push("-refresh=false");
        }
        args.extend(more);
        self.run(&args, &mut |_| {}).await?;
        let json = self
            .answer(&["show", "-json", &file.to_string_lossy()])
            .await?;
        Plan::parse(&json).map_err(|error| self.failure("show -json", vec![error.to_string()]))
    }

    /// Applies the plan of [`Self::plan`] and calls `on` with Terraform's messages.
    ///
    /// # Errors
    /// Terraform fails or is interrupted. The state contains what it did until then.
    pub async fn apply(&self, on: &mut (dyn FnMut(Message) + Send)) -> Result<(), Failure> {
        let file = self.dir.plan_file();
        let answer = self
            .run(
                &["apply", "-input=false", "-json", &file.to_string_lossy()],
                on,
            )
            .await;
        // A plan can be applied only once, and may contain sensitive values.
        let _ = std::fs::remove_file(file);
        answer
    }

    /// The root's outputs; [`None`] if it has none, as before the first apply.
    ///
    /// # Errors
    /// Terraform fails, or an output is not of the type in the contract.
    pub async fn outputs<T: DeserializeOwned>(&self) -> Result<Option<T>, Failure> {
        let json = self.answer(&["output", "-json", "-no-color"]).await?;
        let unreadable =
            |error: serde_json::Error| self.failure("output -json", vec![error.to_string()]);
        let outputs = serde_json::from_str(&json).map_err(unreadable)?;
        state_file::values(outputs).map_err(unreadable)
    }

    /// The number of managed resources in the state.
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

    /// The resources in the state.
    ///
    /// # Errors
    /// Terraform fails, or its JSON cannot be read.
    pub async fn state(&self) -> Result<Vec<Resource>, Failure> {
        let json = self.answer(&["show", "-json", "-no-color"]).await?;
        plan::of_state(&json).map_err(|error| self.failure("show -json", vec![error.to_string()]))
    }

    /// The versions of Terraform and its providers, for people: `Terraform 1.15.5, hashicorp/aws
    /// 6.62.0`. The directory has to be initialized.
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
        let name = self.binary.program.name();
        let mut tools = format!("{name} {}", version.terraform_version);
        for (provider, version) in version.provider_selections {
            // The registry's host is left out.
            let provider = provider
                .split_once('/')
                .map_or(provider.as_str(), |(_, name)| name);
            tools.push_str(&format!(", {provider} {version}"));
        }
        Ok(tools)
    }

    /// Removes resources, such as `aws_route53_record.alias` with all its instances, from the state
    /// without destroying them, because another root owns them by now. Returns how many there were.
    ///
    /// # Errors
    /// Terraform fails, or its JSON cannot be read.
    pub async fn forget(&self, resources: &[&str]) -> Result<usize, Failure> {
        let state = self.state().await?;
        let addresses: Vec<&str> = state
            .iter()
            .map(|resource| resource.address.as_str())
            .filter(|address| {
                let name = address.split('[').next().unwrap_or_default();
                resources.contains(&name)
            })
            .collect();
        if !addresses.is_empty() {
            let command = ["state", "rm", "-lock-timeout=10s"];
            self.answer(&[&command[..], &addresses[..]].concat())
                .await?;
        }
        Ok(addresses.len())
    }

    /// The binary that runs.
    pub fn binary(&self) -> &Binary {
        &self.binary
    }

    /// Gives the resources in the state, which the other program wrote, to the AWS provider of this one.
    ///
    /// # Errors
    /// Terraform fails.
    pub async fn replace_provider(&self, from: Program) -> Result<(), Failure> {
        let to = self.binary.program.provider();
        let command = [
            "state",
            "replace-provider",
            "-lock-timeout=10s",
            "-auto-approve",
        ];
        self.answer(&[&command[..], &[from.provider(), to]].concat())
            .await
            .map(drop)
    }

    /// The command with which a person releases the lock of the state.
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
            // With it, lock files would lack the checksums of other platforms.
            .env_remove("TF_PLUGIN_CACHE_MAY_BREAK_DEPENDENCY_LOCK_FILE")
            .env("TF_IN_AUTOMATION", "1")
            .env("TF_INPUT", "0")
            .env("CHECKPOINT_DISABLE", "1")
            .stdin(Stdio::null());
        command
    }

    /// Runs a short command; returns its standard output.
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

    /// Runs a long command, in a process group of its own and with its output in a file that is
    /// read while it grows. So Ctrl-C reaches Terraform once, through landfall, and if landfall is
    /// killed, Terraform neither fails at a closed pipe during an apply nor loses what it has just
    /// created.
    async fn run(
        &self,
        args: &[&str],
        on: &mut (dyn FnMut(Message) + Send),
    ) -> Result<(), Failure> {
        self.run_command(self.command(args), args[0], on).await
    }

    async fn run_command(
        &self,
        mut command: Command,
        name: &str,
        on: &mut (dyn FnMut(Message) + Send),
    ) -> Result<(), Failure> {
        let failed = |error: std::io::Error| self.failure(name, vec![error.to_string()]);
        let log = self.dir.path.join(format!("landfall-{name}.log"));
        // A new file instead of the truncated old one: a Terraform that outlived its landfall may
        // still write to the old one, far behind its beginning.
        match std::fs::remove_file(&log) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(failed(error));
            }
            _ => {}
        }
        let out = File::create(&log).map_err(failed)?;
        let err = out.try_clone().map_err(failed)?;
        let mut reader = Lines::new(File::open(&log).map_err(failed)?);
        let mut child = command
            .stdout(Stdio::from(out))
            .stderr(Stdio::from(err))
            .process_group(0)
            .spawn()
            .map_err(failed)?;
        let mut interrupt = self.interrupt.clone();
        let mut is_signalled = false;
        let mut output = CommandOutput::default();
        let status = loop {
            tokio::select! {
                status = child.wait() => break status.map_err(failed)?,
                () = tokio::time::sleep(POLL_INTERVAL) => {
                    for line in reader.read().map_err(failed)? {
                        output.add(&line, on);
                    }
                }
                true = is_interrupted(&mut interrupt), if !is_signalled => {
                    // Only once: at a second interrupt Terraform discards what it has not written
                    // yet.
                    is_signalled = true;
                    if let Some(pid) = child.id().and_then(|id| rustix::process::Pid::from_raw(id.cast_signed())) {
                        let _ = rustix::process::kill_process(pid, rustix::process::Signal::INT);
                    }
                }
            }
        };
        for line in reader.read().map_err(failed)? {
            output.add(&line, on);
        }
        if status.success() {
            return Ok(());
        }
        Err(self.failure(name, output.why(status.code())))
    }
}

/// Returns once the user interrupts the command; never, if the sender is gone.
async fn is_interrupted(interrupt: &mut Interrupt) -> bool {
    if interrupt.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
    true
}

/// The part of Terraform's output that explains a failure.
#[derive(Default)]
struct CommandOutput {
    errors: Vec<Diagnostic>,
    text: Vec<String>,
}

impl CommandOutput {
    fn add(&mut self, line: &str, on: &mut (dyn FnMut(Message) + Send)) {
        match Message::parse(line) {
            Some(Message::Diagnostic(diagnostic)) if diagnostic.severity == "error" => {
                self.errors.push(diagnostic.clone());
                on(Message::Diagnostic(diagnostic));
            }
            Some(message) => on(message),
            None if line.trim().is_empty() => {}
            None => self.text.push(line.to_owned()),
        }
    }

    fn why(self, code: Option<i32>) -> Vec<String> {
        if !self.errors.is_empty() {
            return self.errors.iter().flat_map(Diagnostic::lines).collect();
        }
        let mut why = self.text;
        if why.is_empty() {
            why.push(match code {
                Some(code) => format!("it ended with exit code {code} and gave no reason"),
                None => "it was killed".to_owned(),
            });
        }
        why.split_off(why.len().saturating_sub(30))
    }
}

/// Complete lines of a file that is still being written.
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
        // The text after the last line break is no complete line yet.
        let complete = self
            .rest
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        let rest = self.rest.split_off(complete);
        let text = std::mem::replace(&mut self.rest, rest);
        Ok(String::from_utf8_lossy(&text)
            .lines()
            .map(str::to_owned)
            .collect())
    }
}
