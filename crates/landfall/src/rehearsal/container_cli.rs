//! The container command that fakecloud runs: a script that calls the engine, and leads requests
//! for Lambda functions to the bridge in their images.

use crate::failure::Failure;
use edge_contract::bridge;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

/// The variable by which fakecloud finds its container command.
const VARIABLE: &str = "FAKECLOUD_CONTAINER_CLI";

/// Writes the script into `dir` and has fakecloud use it.
///
/// # Errors
/// The script cannot be written.
pub(super) fn install(fakecloud: &mut Command, dir: &Path) -> Result<(), Failure> {
    let unwritable = "the emulators' container command cannot be written";
    // Renamed into place: a shell may still be reading the old script.
    let (script, temporary) = (dir.join("docker"), dir.join("docker.new"));
    std::fs::write(&temporary, include_str!("docker.sh")).map_err(Failure::io(unwritable))?;
    std::fs::set_permissions(&temporary, std::fs::Permissions::from_mode(0o755))
        .map_err(Failure::io(unwritable))?;
    std::fs::rename(&temporary, &script).map_err(Failure::io(unwritable))?;
    let engine = std::env::var(VARIABLE).unwrap_or_else(|_| "docker".to_owned());
    fakecloud
        .env(VARIABLE, script)
        .env("LANDFALL_CONTAINER_CLI", engine)
        .env("LANDFALL_BRIDGE_PORT", bridge::PORT.to_string())
        .env("LANDFALL_BRIDGE_PATH", bridge::PATH);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An engine that logs its arguments and knows one container with a bridge.
    const ENGINE: &str = "#!/bin/sh\necho \"$*\" >>\"$0.log\"\n\
        if [ \"$1 $2\" = 'port bridged' ] && [ \"$3\" = 8099 ]; then echo 127.0.0.1:40000; exit; fi\n\
        if [ \"$1 $3\" = 'port 8080' ]; then echo 0.0.0.0:50000; exit; fi\nexit 1\n";

    /// Calls the script as fakecloud does. Returns its output, and the arguments of each call of
    /// the engine.
    fn call(arguments: &[&str]) -> (String, Vec<String>) {
        let directory = tempfile::tempdir().expect("a directory");
        let engine = directory.path().join("engine");
        std::fs::write(&engine, ENGINE).expect("a script");
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&engine, executable).expect("permissions");
        let mut fakecloud = Command::new("unused");
        install(&mut fakecloud, directory.path()).expect("a script");
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
    fn a_function_is_reached_through_the_bridge_and_reaches_the_emulator() {
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
                "create --user 993:990 --read-only --tmpfs \
                 /tmp:rw,exec,nosuid,nodev,mode=1777,size=512m --ipc=none --cap-drop ALL --security-opt \
                 no-new-privileges --sysctl net.ipv4.ip_unprivileged_port_start=1024 -p \
                 127.0.0.1::8099 --label fakecloud-lambda=shop-prod --label \
                 fakecloud-instance=fakecloud-77 --add-host host.docker.internal:172.17.0.1 -e \
                 AWS_ENDPOINT_URL=http://host.docker.internal:4566 image@sha256:0",
            ]
        );
        assert_eq!(call(&["port", "bridged", "8080"]).0, "127.0.0.1:40000\n");
    }

    #[test]
    fn every_other_call_reaches_the_engine_unchanged() {
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
