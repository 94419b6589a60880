//! The emulators of a rehearsal: started here, or found running.
//!
//! fakecloud runs the deployment, with real containers and a real load balancer. ministack
//! answers for Budgets and CloudFront, which fakecloud lacks, and for S3, where fakecloud treats a
//! released lock as held. Both are used unmodified.
//!
//! Here lives how they are started, found and stopped. What a command does differently in a
//! rehearsal is decided in `environment::endpoints`.

mod container_cli;
mod emulator;
mod front;

use crate::failure::Failure;
use aws::EmulatorIdentity;
use emulator::{Emulator, docker, free_port, program};
use front::Front;
use rules::exit::Exit;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The account ID of every rehearsal.
pub(crate) const ACCOUNT: &str = "123456789012";
/// The region of a rehearsal unless another is named.
pub(crate) const REGION: &str = "us-east-1";
/// How long the emulators may take to be ready: a debug build of fakecloud loads its services for
/// some seconds.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// How often emulators are started whose port is in use by then.
const MOST_STARTS: usize = 3;
/// What the log of an emulator has then, in every language: the text of EADDRINUSE.
const PORT_IN_USE: &str = "ddress already in use";

/// Both emulators, as `emulators.json` records them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rehearsal {
    fakecloud: Emulator,
    ministack: Emulator,
    /// The proxy through which everything reaches both, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    front: Option<Front>,
    /// The credentials that they accept. Emulators started here accept any and permit everything; a
    /// proxy that checks permissions records its own here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    identity: Option<Credentials>,
}

/// Credentials of emulators, worth nothing in AWS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum Credentials {
    /// A key.
    Key {
        access_key_id: String,
        secret_access_key: String,
    },
    /// Temporary credentials, which a command prints.
    Process { credential_process: String },
}

impl Rehearsal {
    /// The emulators that run for `home`, or new ones. Also returns whether they are new.
    ///
    /// # Errors
    /// An emulator is missing, or does not start.
    pub(crate) async fn start_or_find(home: &Path) -> Result<(Rehearsal, bool), Failure> {
        if let Some(found) = Rehearsal::find(home).await {
            return Ok((found, false));
        }
        // If only one of the two runs, it is of no use.
        Rehearsal::stop(home)?;
        let dir = home.join("emulators");
        std::fs::create_dir_all(&dir)
            .map_err(Failure::io(format!("{} cannot be created", dir.display())))?;
        let mut tries = 1;
        loop {
            let rehearsal = Rehearsal::start(&dir)?;
            // Recorded before they are ready, so that the next command finds them even if this one is
            // killed.
            let text = serde_json::to_string_pretty(&rehearsal).unwrap_or_default();
            let file = file(home);
            std::fs::write(&file, text)
                .map_err(Failure::io(format!("{} cannot be written", file.display())))?;
            match rehearsal.wait_until_ready(&dir).await {
                Ok(()) => return Ok((rehearsal, true)),
                // Another process took a port after it was found free.
                Err(failure)
                    if tries < MOST_STARTS
                        && failure.why.iter().any(|line| line.contains(PORT_IN_USE)) =>
                {
                    tries += 1;
                    Rehearsal::stop(home)?;
                }
                Err(failure) => return Err(failure),
            }
        }
    }

    fn start(dir: &Path) -> Result<Rehearsal, Failure> {
        let fakecloud = program(
            "LANDFALL_FAKECLOUD",
            "fakecloud",
            "cargo install fakecloud --version 0.51.0 --locked",
        )?;
        let ministack = program(
            "LANDFALL_MINISTACK",
            "ministack",
            "pip install ministack==1.5.33",
        )?;
        let (main, second) = (free_port()?, free_port()?);

        let mut command = Command::new(&fakecloud);
        command.args([
            "--addr",
            &format!("127.0.0.1:{main}"),
            "--account-id",
            ACCOUNT,
        ]);
        command.env("FAKECLOUD_LOG", "warn");
        trust_no_authority(&mut command, dir)?;
        container_cli::install(&mut command, dir)?;
        let health = "/_fakecloud/health";
        let fakecloud = Emulator::spawn(command, &dir.join("fakecloud.log"), main, health)?;

        let mut command = Command::new(&ministack);
        command.envs([
            ("GATEWAY_PORT", second.to_string().as_str()),
            ("BIND_HOST", "127.0.0.1"),
            ("MINISTACK_ACCOUNT_ID", ACCOUNT),
            // The three services that it answers for need neither containers nor these listeners.
            ("DOCKER_HOST", "unix:///nonexistent"),
            ("IOT_MTLS_ENABLED", "0"),
            ("SFTP_ENABLED", "0"),
        ]);
        let health = "/_ministack/ready";
        let ministack = Emulator::spawn(command, &dir.join("ministack.log"), second, health)?;

        let front = Front::start(dir, &fakecloud, &ministack)?;
        Ok(Rehearsal {
            fakecloud,
            ministack,
            front,
            identity: None,
        })
    }

    /// The address of all services but those of [`Rehearsal::second_url`].
    pub(crate) fn main_url(&self) -> &str {
        self.front
            .as_ref()
            .map_or(&self.fakecloud.url, |front| &front.main.url)
    }

    /// The address of Budgets, CloudFront and S3.
    pub(crate) fn second_url(&self) -> &str {
        self.front
            .as_ref()
            .map_or(&self.ministack.url, |front| &front.second)
    }

    fn processes(&self) -> impl Iterator<Item = (&'static str, &Emulator)> {
        let front = self.front.as_ref().map(|front| ("front", &front.main));
        [
            ("fakecloud", &self.fakecloud),
            ("ministack", &self.ministack),
        ]
        .into_iter()
        .chain(front)
    }

    /// Who calls the emulators, if they check credentials.
    pub(crate) fn identity(&self) -> Option<EmulatorIdentity> {
        Some(match self.identity.clone()? {
            Credentials::Key {
                access_key_id: id,
                secret_access_key: secret,
            } => EmulatorIdentity::Key { id, secret },
            Credentials::Process {
                credential_process: command,
            } => EmulatorIdentity::Process { command },
        })
    }

    /// `emulators started at http://127.0.0.1:4566 and http://127.0.0.1:4567`
    pub(crate) fn describe(&self, is_new: bool) -> String {
        format!(
            "emulators {} at {} and {}",
            if is_new { "started" } else { "found" },
            self.main_url(),
            self.second_url()
        )
    }

    /// The emulators that run for `home`; [`None`] unless all are ready.
    pub(crate) async fn find(home: &Path) -> Option<Rehearsal> {
        let recorded = read(home)?;
        for (_, process) in recorded.processes() {
            if !process.is_ready().await {
                return None;
            }
        }
        Some(recorded)
    }

    async fn wait_until_ready(&self, dir: &Path) -> Result<(), Failure> {
        let end = tokio::time::Instant::now() + READY_WITHIN;
        for (name, emulator) in self.processes() {
            while !emulator.is_ready().await {
                if !emulator.is_alive() {
                    return Err(not_ready(dir, name, "ended right after its start"));
                }
                if tokio::time::Instant::now() > end {
                    let seconds = READY_WITHIN.as_secs();
                    return Err(not_ready(
                        dir,
                        name,
                        &format!("is not ready after {seconds} s"),
                    ));
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        Ok(())
    }

    /// Stops the emulators of `home`, and removes the containers, networks and images that
    /// fakecloud leaves behind. Returns whether there were any emulators.
    ///
    /// # Errors
    /// Docker cannot be run, or the record cannot be removed.
    pub(crate) fn stop(home: &Path) -> Result<bool, Failure> {
        let Some(recorded) = read(home) else {
            return Ok(false);
        };
        for (_, process) in recorded.processes() {
            process.kill();
        }
        let pid = recorded.fakecloud.pid;
        let label = format!("label=fakecloud-instance=fakecloud-{pid}");
        let removals: [(&[&str], &[&str]); 2] = [
            (&["ps", "--all"], &["rm", "--force"]),
            (&["network", "ls"], &["network", "rm"]),
        ];
        for (list, remove) in removals {
            let listed = docker(&[list, &["--quiet", "--filter", &label]].concat())?;
            let ids: Vec<&str> = listed.split_whitespace().collect();
            if !ids.is_empty() {
                docker(&[remove, &ids].concat())?;
            }
        }
        recorded.fakecloud.remove_images()?;
        let file = file(home);
        std::fs::remove_file(&file)
            .map_err(Failure::io(format!("{} cannot be removed", file.display())))?;
        Ok(true)
    }

    /// The address of an HTTP API: the emulator distinguishes APIs by the host name of the request.
    pub(crate) fn api_url(&self, api: &str) -> String {
        let port = self.main_url().rsplit(':').next().unwrap_or_default();
        format!("http://{api}.execute-api.localhost:{port}")
    }

    /// The address of an emulated load balancer.
    ///
    /// # Errors
    /// fakecloud does not answer, or does not know the load balancer.
    pub(crate) async fn load_balancer_url(&self, arn: &str) -> Result<String, Failure> {
        let unreadable = |why: String| {
            Failure::new(
                Exit::Infrastructure,
                "the emulator does not report the port of its load balancer",
            )
            .why(why)
        };
        let url = format!("{}/_fakecloud/elbv2/load-balancers", self.main_url());
        let answer = reqwest::get(url)
            .await
            .map_err(|error| unreadable(error.to_string()))?;
        let text = answer
            .text()
            .await
            .map_err(|error| unreadable(error.to_string()))?;
        let json: serde_json::Value =
            serde_json::from_str(&text).map_err(|error| unreadable(error.to_string()))?;
        let all = json["loadBalancers"].as_array().or(json.as_array());
        let ours = all.into_iter().flatten().find(|one| {
            ["arn", "loadBalancerArn"]
                .iter()
                .any(|key| one[*key] == arn)
        });
        let port = ours.and_then(|one| one["boundPort"].as_u64());
        port.map(|port| format!("http://127.0.0.1:{port}"))
            .ok_or_else(|| unreadable(text))
    }
}

/// The failure of an emulator that does not start, with the end of its log.
fn not_ready(dir: &Path, name: &str, why: &str) -> Failure {
    let log = dir.join(format!("{name}.log"));
    let text = std::fs::read_to_string(&log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let tail = &lines[lines.len().saturating_sub(10)..];
    tail.iter()
        .fold(
            Failure::new(Exit::MissingTool, format!("{name} {why}")),
            |failure, line| failure.why(*line),
        )
        .next(format!("its log: {}", log.display()))
}

/// fakecloud 0.51 reads every certificate of this machine at each call of a function, which takes a fifth
/// of a second. It sends no request over TLS, so it gets one certificate whose key no longer exists.
fn trust_no_authority(fakecloud: &mut Command, dir: &Path) -> Result<(), Failure> {
    let certificates = dir.join("certificates");
    let file = certificates.join("none.pem");
    let text = include_str!("rehearsal/no-authority.pem");
    std::fs::create_dir_all(&certificates)
        .and_then(|()| std::fs::write(&file, text))
        .map_err(Failure::io(format!("{} cannot be written", file.display())))?;
    fakecloud
        .env("SSL_CERT_FILE", file)
        .env("SSL_CERT_DIR", certificates);
    Ok(())
}

/// The record of the emulators of `home`.
fn file(home: &Path) -> PathBuf {
    home.join("emulators.json")
}

fn read(home: &Path) -> Option<Rehearsal> {
    let text = std::fs::read_to_string(file(home)).ok()?;
    serde_json::from_str(&text).ok()
}
