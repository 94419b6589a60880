//! Finding OpenTofu or Terraform.

use rules::shape::toolchain::{Program, Tool};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The oldest version that locks a state in S3 without a DynamoDB table.
const OLDEST: (u32, u32) = (1, 10);

/// An OpenTofu or Terraform that is new enough.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Binary {
    pub path: PathBuf,
    pub program: Program,
    pub version: String,
    /// The platform whose providers it installs: `linux_amd64`. Empty if it does not report one.
    pub platform: String,
}

/// Why there is no usable binary.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum BinaryError {
    /// Neither is on the `PATH`.
    #[error("neither `tofu` nor `terraform` is on the PATH")]
    Missing,
    /// It exists, but `version -json` fails.
    #[error("{} does not run: {why}", path.display())]
    Broken { path: PathBuf, why: String },
    /// Its version is too old.
    #[error("{} is {version}; landfall needs 1.10 or newer, for locking the state in S3", path.display())]
    TooOld { path: PathBuf, version: String },
}

impl BinaryError {
    /// How to solve the problem.
    pub fn next(&self) -> String {
        "install OpenTofu (https://opentofu.org/docs/intro/install, for example `brew install opentofu` \
         or `snap install --classic opentofu`) or Terraform \
         (https://developer.hashicorp.com/terraform/install), or name one with LANDFALL_TERRAFORM"
            .to_owned()
    }
}

#[derive(Deserialize)]
struct Version {
    terraform_version: String,
    #[serde(default)]
    platform: String,
}

impl Binary {
    /// The program with its version.
    pub fn tool(&self) -> Tool {
        Tool {
            program: self.program,
            version: self.version.clone(),
        }
    }

    /// The binary at `chosen`, or else the first of `tofu` and `terraform` in `path` (the value of
    /// `PATH`) that is new enough.
    ///
    /// # Errors
    /// There is none, or the chosen one cannot be used.
    pub fn find(chosen: Option<&Path>, path: &std::ffi::OsStr) -> Result<Binary, BinaryError> {
        if let Some(chosen) = chosen {
            return Binary::check(chosen);
        }
        let mut reason = BinaryError::Missing;
        for name in ["tofu", "terraform"] {
            let found = std::env::split_paths(path)
                .map(|dir| dir.join(name))
                .find(|file| file.is_file());
            match found.map(|file| Binary::check(&file)) {
                Some(Ok(binary)) => return Ok(binary),
                Some(Err(error)) => reason = error,
                None => {}
            }
        }
        Err(reason)
    }

    fn check(path: &Path) -> Result<Binary, BinaryError> {
        let broken = |why: String| BinaryError::Broken {
            path: path.to_owned(),
            why,
        };
        let command = |arguments: &[&str]| {
            let mut command = Command::new(path);
            command
                .args(arguments)
                .env("CHECKPOINT_DISABLE", "1")
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped());
            command
        };
        // Both at once: each takes a moment to start.
        let text = command(&["version"]).spawn();
        let output = command(&["version", "-json"])
            .output()
            .map_err(|error| broken(error.to_string()))?;
        let text = text.and_then(std::process::Child::wait_with_output);
        let answer: Version = serde_json::from_slice(&output.stdout)
            .map_err(|_| broken(String::from_utf8_lossy(&output.stderr).trim().to_owned()))?;
        let program = match text {
            Ok(text) => program(&String::from_utf8_lossy(&text.stdout)),
            Err(error) => return Err(broken(error.to_string())),
        };
        let version = answer.terraform_version;
        if is_new_enough(&version) {
            Ok(Binary {
                path: path.to_owned(),
                program,
                version,
                platform: answer.platform,
            })
        } else {
            Err(BinaryError::TooOld {
                path: path.to_owned(),
                version,
            })
        }
    }
}

/// The program that printed this for `version`. Its JSON does not name it, and a file may have any name.
fn program(text: &str) -> Program {
    match text.lines().any(|line| line.starts_with("OpenTofu v")) {
        true => Program::OpenTofu,
        false => Program::Terraform,
    }
}

fn is_new_enough(version: &str) -> bool {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().ok());
    match (parts.next().flatten(), parts.next().flatten()) {
        (Some(major), Some(minor)) => (major, minor) >= OLDEST,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn install(dir: &Path, name: &str, script: &str) {
        let path = dir.join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("write");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("chmod");
    }

    fn version(number: &str) -> String {
        format!(r#"echo '{{"terraform_version":"{number}"}}'"#)
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        for (version, enough) in [
            ("1.9.8", false),
            ("1.10.0", true),
            ("1.15.5", true),
            ("2.0.0-beta1", true),
            ("x", false),
        ] {
            assert_eq!(is_new_enough(version), enough, "{version}");
        }
    }

    #[test]
    fn the_program_is_known_by_what_it_prints_and_not_by_its_name() {
        let dir = tempfile::tempdir().expect("a directory");
        let both = |text: &str| {
            format!(
                r#"if [ "$2" = -json ]; then echo '{{"terraform_version":"1.12.6","platform":"linux_arm64"}}'; else echo '{text}'; fi"#
            )
        };
        install(
            dir.path(),
            "terraform",
            &both("OpenTofu v1.12.6\non linux_arm64"),
        );
        let binary = Binary::find(None, dir.path().as_os_str()).expect("OpenTofu");
        assert_eq!(binary.tool().describe(), "OpenTofu 1.12.6");
        assert_eq!(binary.platform, "linux_arm64");
        install(dir.path(), "terraform", &both("Terraform v1.12.6"));
        let binary = Binary::find(None, dir.path().as_os_str()).expect("Terraform");
        assert_eq!(binary.program, Program::Terraform);
    }

    #[test]
    fn an_old_binary_is_skipped_for_a_new_one() {
        let dir = tempfile::tempdir().expect("a directory");
        install(dir.path(), "tofu", &version("1.6.0"));
        install(dir.path(), "terraform", &version("1.11.4"));
        let binary = Binary::find(None, dir.path().as_os_str()).expect("terraform");
        assert_eq!(binary.version, "1.11.4");
    }

    #[test]
    fn an_error_states_what_is_wrong() {
        let dir = tempfile::tempdir().expect("a directory");
        let find = || Binary::find(None, dir.path().as_os_str()).expect_err("none");
        assert!(matches!(find(), BinaryError::Missing));
        install(dir.path(), "terraform", &version("1.5.7"));
        assert!(find().to_string().contains("is 1.5.7; landfall needs 1.10"));
        install(dir.path(), "terraform", "echo no such library >&2; exit 1");
        assert!(find().to_string().contains("no such library"));
        assert!(find().next().contains("opentofu.org"));
    }
}
