//! The emulators of a rehearsal: started here, or found running.
//!
//! fakecloud carries the deployment, with real containers and a real load balancer; ministack answers
//! for Budgets and CloudFront, which fakecloud lacks, and for S3, where fakecloud takes a released lock
//! for one that is still held. Neither is ours, neither is changed.

use crate::failure::Failure;
use rules::edge_contract::bridge;
use rules::exit::Exit;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// The account that every rehearsal happens in.
pub(crate) const ACCOUNT: &str = "123456789012";
/// The region of a rehearsal for which none is named.
pub(crate) const REGION: &str = "us-east-1";

/// Both emulators, as they stand in `emulators.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rehearsal {
    pub(crate) fakecloud: Emulator,
    pub(crate) ministack: Emulator,
    /// Whom they know. Those that are started here let anybody do everything; whoever puts something before them that
    /// asks for rights writes it in here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    identity: Option<Identity>,
}

/// Credentials that mean something to emulators alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Identity {
    access_key_id: String,
    secret_access_key: String,
}

/// A running emulator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Emulator {
    pub(crate) url: String,
    health: String,
    pid: i32,
}

impl Rehearsal {
    /// The emulators that run for `home`, or new ones. Says whether they are new.
    pub(crate) async fn start_or_find(home: &Path) -> Result<(Rehearsal, bool), Failure> {
        if let Some(found) = Rehearsal::find(home).await {
            return Ok((found, false));
        }
        // Half a pair is of no use: whatever is left of an earlier one goes first.
        Rehearsal::stop(home)?;
        let dir = home.join("emulators");
        std::fs::create_dir_all(&dir)
            .map_err(Failure::io(format!("{} cannot be made", dir.display())))?;
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
        containers_through(&mut command, &dir)?;
        let fakecloud = spawn(
            command,
            &dir.join("fakecloud.log"),
            main,
            "/_fakecloud/health",
        )?;

        let mut command = Command::new(&ministack);
        command.envs([
            ("GATEWAY_PORT", second.to_string().as_str()),
            ("BIND_HOST", "127.0.0.1"),
            ("MINISTACK_ACCOUNT_ID", ACCOUNT),
            // It answers for three services only; it needs neither containers nor these listeners.
            ("DOCKER_HOST", "unix:///nonexistent"),
            ("IOT_MTLS_ENABLED", "0"),
            ("SFTP_ENABLED", "0"),
        ]);
        let ministack = spawn(
            command,
            &dir.join("ministack.log"),
            second,
            "/_ministack/ready",
        )?;

        let rehearsal = Rehearsal {
            fakecloud,
            ministack,
            identity: None,
        };
        // Written before they are ready: a command that is killed meanwhile leaves them to be found.
        let text = serde_json::to_string_pretty(&rehearsal).unwrap_or_default();
        std::fs::write(file(home), text).map_err(Failure::io("the emulators cannot be noted"))?;
        rehearsal.wait_until_ready(&dir).await?;
        Ok((rehearsal, true))
    }

    /// Key and secret of whom they know, if they ask.
    pub(crate) fn identity(&self) -> Option<(String, String)> {
        let identity = self.identity.clone()?;
        Some((identity.access_key_id, identity.secret_access_key))
    }

    /// Where they are, for people.
    pub(crate) fn describe(&self, is_new: bool) -> String {
        format!(
            "emulators {} at {} and {}",
            if is_new { "started" } else { "found" },
            self.fakecloud.url,
            self.ministack.url
        )
    }

    /// The emulators that run for `home`.
    pub(crate) async fn find(home: &Path) -> Option<Rehearsal> {
        let text = std::fs::read_to_string(file(home)).ok()?;
        let noted: Rehearsal = serde_json::from_str(&text).ok()?;
        (noted.fakecloud.is_ready().await && noted.ministack.is_ready().await).then_some(noted)
    }

    async fn wait_until_ready(&self, dir: &Path) -> Result<(), Failure> {
        // A debug build of fakecloud takes seconds to load its services.
        let end = tokio::time::Instant::now() + Duration::from_secs(60);
        for (name, emulator) in [
            ("fakecloud", &self.fakecloud),
            ("ministack", &self.ministack),
        ] {
            while !emulator.is_ready().await {
                let is_dead = !emulator.is_alive();
                if is_dead || tokio::time::Instant::now() > end {
                    let log = dir.join(format!("{name}.log"));
                    let text = std::fs::read_to_string(&log).unwrap_or_default();
                    let lines: Vec<&str> = text.lines().collect();
                    let mut failure = Failure::new(
                        Exit::MissingTool,
                        format!(
                            "{name} {}",
                            if is_dead {
                                "ended at once"
                            } else {
                                "is not ready after 60 s"
                            }
                        ),
                    );
                    failure.why.extend(
                        lines
                            .iter()
                            .rev()
                            .take(10)
                            .rev()
                            .map(|line| (*line).to_owned()),
                    );
                    return Err(failure.next(format!("its whole log: {}", log.display())));
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        Ok(())
    }

    /// Stops the emulators of `home` and removes the containers and networks that they started, which
    /// fakecloud itself leaves behind. Says whether there was anything to stop.
    pub(crate) fn stop(home: &Path) -> Result<bool, Failure> {
        let Ok(text) = std::fs::read_to_string(file(home)) else {
            return Ok(false);
        };
        let Ok(noted) = serde_json::from_str::<Rehearsal>(&text) else {
            return Ok(false);
        };
        for emulator in [&noted.fakecloud, &noted.ministack] {
            emulator.kill();
        }
        let label = format!("label=fakecloud-instance=fakecloud-{}", noted.fakecloud.pid);
        for (list, remove) in [
            (
                vec!["ps", "--all", "--quiet", "--filter", &label],
                vec!["rm", "--force"],
            ),
            (
                vec!["network", "ls", "--quiet", "--filter", &label],
                vec!["network", "rm"],
            ),
        ] {
            let listed = Command::new("docker")
                .args(&list)
                .stdin(Stdio::null())
                .output();
            let listed = listed.map_err(Failure::io("docker cannot be run"))?;
            let listed = String::from_utf8_lossy(&listed.stdout);
            let ids: Vec<&str> = listed.split_whitespace().collect();
            if !ids.is_empty() {
                let done = Command::new("docker").args(&remove).args(&ids).output();
                done.map_err(Failure::io("docker cannot be run"))?;
            }
        }
        noted.fakecloud.remove_images()?;
        std::fs::remove_file(file(home)).map_err(Failure::io("the note of the emulators stays"))?;
        Ok(true)
    }

    /// Where the emulator answers for an HTTP API: at its own port, by the name in the request.
    pub(crate) fn api_url(&self, api: &str) -> String {
        let port = self.fakecloud.url.rsplit(':').next().unwrap_or_default();
        format!("http://{api}.execute-api.localhost:{port}")
    }

    /// Where the emulated load balancer really listens.
    pub(crate) async fn load_balancer_url(&self, arn: &str) -> Result<String, Failure> {
        let unreadable = |why: String| {
            Failure::new(
                Exit::Infrastructure,
                "the emulator does not say where its load balancer listens",
            )
            .why(why)
        };
        let url = format!("{}/_fakecloud/elbv2/load-balancers", self.fakecloud.url);
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

impl Emulator {
    async fn is_ready(&self) -> bool {
        let answer = reqwest::Client::new()
            .get(format!("{}{}", self.url, self.health))
            .timeout(Duration::from_secs(2))
            .send()
            .await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    fn pid(&self) -> Option<rustix::process::Pid> {
        rustix::process::Pid::from_raw(self.pid)
    }

    fn is_alive(&self) -> bool {
        self.pid()
            .is_some_and(|pid| rustix::process::test_kill_process(pid).is_ok())
            && !self.is_zombie()
    }

    /// A child of ours that ended stays in the process table until we do.
    fn is_zombie(&self) -> bool {
        std::fs::read_to_string(format!("/proc/{}/stat", self.pid)).is_ok_and(|stat| {
            stat.rsplit(')')
                .next()
                .is_some_and(|rest| rest.trim().starts_with('Z'))
        })
    }

    /// Removes what Docker pulled from the emulated registry, whose address is never used again.
    fn remove_images(&self) -> Result<(), Failure> {
        let host = self.url.trim_start_matches("http://");
        let docker = |arguments: &[&str]| {
            let output = Command::new("docker")
                .args(arguments)
                .stdin(Stdio::null())
                .output();
            output.map_err(Failure::io("docker cannot be run"))
        };
        let listed = docker(&[
            "images",
            "--digests",
            "--format",
            "{{.Repository}}@{{.Digest}}",
        ])?;
        let listed = String::from_utf8_lossy(&listed.stdout);
        let of_host: Vec<&str> = listed
            .lines()
            .filter(|image| image.starts_with(&format!("{host}/")))
            .collect();
        if !of_host.is_empty() {
            docker(&[&["rmi", "--no-prune"], of_host.as_slice()].concat())?;
        }
        Ok(())
    }

    /// Stops the process, if it still is the emulator that was noted: pids are used again.
    fn kill(&self) {
        let port = self.url.rsplit(':').next().unwrap_or_default();
        let command = std::fs::read(format!("/proc/{}/cmdline", self.pid)).unwrap_or_default();
        let environment = std::fs::read(format!("/proc/{}/environ", self.pid)).unwrap_or_default();
        let is_it = [command, environment]
            .iter()
            .any(|text| String::from_utf8_lossy(text).contains(port));
        if let (true, Some(pid)) = (is_it, self.pid()) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    }
}

/// Has fakecloud call the container engine by a script that leads to the bridge in functions' images.
fn containers_through(fakecloud: &mut Command, dir: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::PermissionsExt as _;
    const CLI: &str = "FAKECLOUD_CONTAINER_CLI";
    let unwritable = "the emulators' container command cannot be written";
    // A script that is being run is replaced, not written over.
    let (script, fresh) = (dir.join("docker"), dir.join("docker.new"));
    std::fs::write(&fresh, include_str!("rehearsal/docker.sh")).map_err(Failure::io(unwritable))?;
    std::fs::set_permissions(&fresh, std::fs::Permissions::from_mode(0o755))
        .map_err(Failure::io(unwritable))?;
    std::fs::rename(&fresh, &script).map_err(Failure::io(unwritable))?;
    let engine = std::env::var(CLI).unwrap_or_else(|_| "docker".to_owned());
    fakecloud
        .env(CLI, script)
        .env("LANDFALL_CONTAINER_CLI", engine)
        .env("LANDFALL_BRIDGE_PORT", bridge::PORT.to_string())
        .env("LANDFALL_BRIDGE_PATH", bridge::PATH);
    Ok(())
}

fn file(home: &Path) -> PathBuf {
    home.join("emulators.json")
}

fn program(variable: &str, name: &str, install: &str) -> Result<PathBuf, Failure> {
    if let Some(path) = std::env::var_os(variable) {
        let path = PathBuf::from(path);
        return match path.is_file() {
            true => Ok(path),
            false => Err(
                Failure::new(Exit::MissingTool, format!("{variable} names no file"))
                    .why(path.display().to_string()),
            ),
        };
    }
    std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
        .map(|dir| dir.join(name))
        .find(|path| path.is_file())
        .ok_or_else(|| {
            Failure::new(
                Exit::MissingTool,
                format!("a rehearsal needs {name}, which is not on the PATH"),
            )
            .next(format!("`{install}`, or name it with {variable}"))
            .next("in a clone of landfall's repository `./dev setup` does it all")
        })
}

/// A port that nobody listens on. Another process might take it before the emulator does; then the
/// emulator ends at once and says so.
fn free_port() -> Result<u16, Failure> {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(Failure::io("no free port on 127.0.0.1"))
}

/// Starts an emulator that outlives this command.
fn spawn(mut command: Command, log: &Path, port: u16, health: &str) -> Result<Emulator, Failure> {
    use std::os::unix::process::CommandExt as _;
    let name = command.get_program().to_string_lossy().into_owned();
    let out = File::create(log).map_err(Failure::io("no log for an emulator"))?;
    let err = out
        .try_clone()
        .map_err(Failure::io("no log for an emulator"))?;
    let child = command
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(err)
        .process_group(0)
        .spawn()
        .map_err(Failure::io(format!("{name} cannot be started")))?;
    Ok(Emulator {
        url: format!("http://127.0.0.1:{port}"),
        health: health.to_owned(),
        pid: child.id().cast_signed(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    /// An engine that writes down how it is called, and knows one container with a bridge.
    const ENGINE: &str = "#!/bin/sh\necho \"$*\" >>\"$0.log\"\n\
        if [ \"$1 $2\" = 'port bridged' ] && [ \"$3\" = 8099 ]; then echo 127.0.0.1:40000; exit; fi\n\
        if [ \"$1 $3\" = 'port 8080' ]; then echo 0.0.0.0:50000; exit; fi\nexit 1\n";

    /// Calls the script as fakecloud does; gives what it printed and how the engine was called.
    fn call(arguments: &[&str]) -> (String, Vec<String>) {
        let directory = tempfile::tempdir().expect("a directory");
        let engine = directory.path().join("engine");
        std::fs::write(&engine, ENGINE).expect("a script");
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&engine, executable).expect("permissions");
        let mut fakecloud = Command::new("unused");
        containers_through(&mut fakecloud, directory.path()).expect("a script");
        let output = Command::new("sh")
            .arg(directory.path().join("docker"))
            .args(arguments)
            .envs(
                fakecloud
                    .get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            )
            .env("LANDFALL_CONTAINER_CLI", &engine)
            .output()
            .expect("the script runs");
        let log = std::fs::read_to_string(directory.path().join("engine.log"));
        let calls = log.expect("calls").lines().map(str::to_owned).collect();
        (String::from_utf8_lossy(&output.stdout).into_owned(), calls)
    }

    #[test]
    fn a_function_is_reached_at_the_bridge_and_reaches_the_emulator() {
        let (_, calls) = call(&[
            "create",
            "-p",
            ":8080",
            "--label",
            "fakecloud-lambda=shop-prod",
            "--label",
            "fakecloud-instance=fakecloud-77",
            "--add-host",
            "host.docker.internal:172.17.0.1",
            "-e",
            "AWS_ENDPOINT_URL=http://host.docker.internal:4566",
            "image@sha256:0",
        ]);
        assert_eq!(
            calls,
            [
                "run --detach --rm --network host --label fakecloud-instance=fakecloud-77 --name \
                 landfall-relay-fakecloud-77-4566 --entrypoint /.landfall/bridge image@sha256:0 \
                 --relay 172.17.0.1:4566 127.0.0.1:4566",
                "create -p 127.0.0.1::8099 --label fakecloud-lambda=shop-prod --label \
                 fakecloud-instance=fakecloud-77 --add-host host.docker.internal:172.17.0.1 -e \
                 AWS_ENDPOINT_URL=http://host.docker.internal:4566 image@sha256:0",
            ]
        );
        assert_eq!(call(&["port", "bridged", "8080"]).0, "127.0.0.1:40000\n");
    }

    #[test]
    fn all_else_reaches_the_engine_word_for_word() {
        let task = [
            "create",
            "-p",
            ":8080",
            "--label",
            "fakecloud-ecs=task",
            "image",
            "two  words",
        ];
        assert_eq!(call(&task).1, [task.join(" ")]);
        assert_eq!(
            call(&["info", "--format", "{{.}}"]).1,
            ["info --format {{.}}"]
        );
        assert_eq!(call(&["port", "task", "8080"]).0, "0.0.0.0:50000\n");
    }
}
