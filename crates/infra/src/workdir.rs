//! The working directory of a root: plain Terraform that can also be run by hand.

use crate::roots;
use rules::shape::contract::Root;
use rules::shape::state_lock::StateLock;
use rules::shape::toolchain::PROVIDER;
use rules::shape::toolchain::provider::FOR_REHEARSALS;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Where the state of a root is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Backend {
    /// In the environment's bucket, next to its lock.
    S3 { bucket: String, region: String },
    /// In the working directory.
    Local,
}

impl Backend {
    /// The backend's type, and its settings for a root.
    pub(crate) fn settings(
        &self,
        root: Root,
        emulators: Option<&Emulators>,
    ) -> (&'static str, serde_json::Value) {
        let Backend::S3 { bucket, region } = self else {
            return ("local", json!({}));
        };
        let mut s3 = json!({
            "bucket": bucket,
            "key": state_key(root),
            "region": region,
            "encrypt": true,
            "use_lockfile": true,
        });
        if let (Some(emulators), Some(settings)) = (emulators, s3.as_object_mut()) {
            settings.insert(
                "endpoints".into(),
                json!({ "s3": emulators.second, "sts": emulators.main }),
            );
            settings.insert("use_path_style".into(), json!(true));
            for check in [
                "skip_credentials_validation",
                "skip_metadata_api_check",
                "skip_region_validation",
                "skip_requesting_account_id",
            ] {
                settings.insert(check.into(), json!(true));
            }
        }
        ("s3", s3)
    }
}

fn state_key(root: Root) -> String {
    format!("{root}/terraform.tfstate")
}

/// Terraform's lock file of the provider.
pub const LOCK_FILE: &str = ".terraform.lock.hcl";

/// The file with which the provider of a rehearsal calls the emulators.
pub(crate) const OVERRIDE: &str = "rehearsal_override.tf";

/// The text of [`OVERRIDE`] for a root.
pub(crate) fn rehearsal_override(root: Root, emulators: &Emulators) -> String {
    let own = match root {
        Root::Lambda => FUNCTION_OVERRIDE,
        Root::Foundation | Root::Fargate | Root::LambdaDomain | Root::FargateDomain | Root::Ci => {
            ""
        }
    };
    provider_override(emulators) + own
}

/// URLs of a rehearsal's emulators, for the provider and the backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Emulators {
    /// For every service but those below.
    pub main: String,
    /// For services that the main emulator lacks or gets wrong: Budgets, CloudFront, and S3, whose
    /// deleted objects in a versioned bucket, such as a released lock, still exist there.
    pub second: String,
    /// Access key and secret for the provider block; without them the provider looks for credentials as it does for
    /// AWS.
    pub keys: Option<(String, String)>,
}

/// The services of the HCL that the main emulator serves, with their names in the `endpoints` block
/// of provider 3.39; newer versions accept the same names. Its `apigateway` is both generations of
/// API Gateway. Newer versions use `AWS_ENDPOINT_URL` for the second, because 3.39 would reject its
/// name.
const MAIN_SERVICES: [&str; 14] = [
    "acm",
    "apigateway",
    "cloudwatch",
    "cloudwatchlogs",
    "ec2",
    "ecr",
    "ecs",
    "elb",
    "iam",
    "lambda",
    "resourcegroupstaggingapi",
    "route53",
    "sns",
    "sts",
];

/// The working directory of one root.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct WorkDir {
    pub root: Root,
    pub path: PathBuf,
}

impl WorkDir {
    /// The directory of `root` in `environment`, the directory of one environment.
    pub fn new(environment: &Path, root: Root) -> WorkDir {
        WorkDir {
            root,
            path: environment.join(root.as_str()),
        }
    }

    /// Writes everything that Terraform reads: HCL, variables, backend and, in a rehearsal, the
    /// emulators' URLs.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn write(
        &self,
        inputs: &serde_json::Value,
        backend: &Backend,
        emulators: Option<&Emulators>,
    ) -> std::io::Result<()> {
        roots::unpack(self.root, &self.path, emulators.is_some())?;
        self.write_json("terraform.tfvars.json", inputs)?;
        self.write_json("backend.tf.json", &self.backend(backend, emulators))?;
        let rehearsal = self.path.join(OVERRIDE);
        match emulators {
            Some(emulators) => std::fs::write(rehearsal, rehearsal_override(self.root, emulators)),
            None => match std::fs::remove_file(rehearsal) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            },
        }
    }

    fn write_json(&self, name: &str, value: &serde_json::Value) -> std::io::Result<()> {
        std::fs::write(self.path.join(name), format!("{value:#}\n"))
    }

    fn backend(&self, backend: &Backend, emulators: Option<&Emulators>) -> serde_json::Value {
        let (kind, settings) = backend.settings(self.root, emulators);
        json!({ "terraform": { "backend": { kind: settings } } })
    }

    pub(crate) fn lock_path(&self) -> PathBuf {
        self.path.join(LOCK_FILE)
    }

    /// The text of Terraform's lock file of the provider, if there is one.
    pub fn lock_file(&self) -> Option<String> {
        std::fs::read_to_string(self.lock_path()).ok()
    }

    /// Replaces that file, for the next `init`.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn write_lock_file(&self, text: &str) -> std::io::Result<()> {
        std::fs::write(self.lock_path(), text)
    }

    pub(crate) fn remove_lock_file(&self) -> std::io::Result<()> {
        std::fs::remove_file(self.lock_path())
    }

    /// Key of the state in the bucket.
    pub fn state_key(&self) -> String {
        state_key(self.root)
    }

    /// Whether the text of a state contains managed resources. True if it cannot be parsed, because
    /// OpenTofu may encrypt it.
    pub fn holds_resources(state: &str) -> bool {
        let Ok(state) = serde_json::from_str::<serde_json::Value>(state) else {
            return true;
        };
        match state["resources"].as_array() {
            Some(all) => all.iter().any(|resource| resource["mode"] == "managed"),
            None => true,
        }
    }

    /// Key of the lock in the bucket: Terraform appends this suffix.
    pub fn lock_key(&self) -> String {
        format!("{}.tflock", self.state_key())
    }

    /// The lock of a local state, if it is held.
    pub fn local_lock(&self) -> Option<StateLock> {
        let text = std::fs::read_to_string(self.path.join(".terraform.tfstate.lock.info")).ok()?;
        StateLock::parse(&text).ok()
    }

    /// The saved plan.
    pub(crate) fn plan_file(&self) -> PathBuf {
        self.path.join("landfall.tfplan")
    }
}

/// The emulator stores a permission with the version that an alias points to and not with the
/// alias, so it would be lost at every release; in a rehearsal the permission is that of the whole
/// function. The emulator does not return a permission's source in the form that the provider
/// reads, either.
const FUNCTION_OVERRIDE: &str = r#"
resource "aws_lambda_permission" "api" {
  qualifier  = null
  source_arn = null
}
"#;

/// The provider block of a rehearsal. An override file is merged into the HCL's own block, so the
/// HCL itself does not mention emulators.
fn provider_override(emulators: &Emulators) -> String {
    let mut endpoints: Vec<(&str, &str)> = MAIN_SERVICES
        .iter()
        .map(|service| (*service, emulators.main.as_str()))
        .collect();
    endpoints.extend(
        ["budgets", "cloudfront", "s3"].map(|service| (service, emulators.second.as_str())),
    );
    endpoints.sort_unstable();
    let keys = match &emulators.keys {
        Some((key, secret)) => {
            format!(
                "  access_key                  = \"{key}\"\n  secret_key                  = \"{secret}\"\n"
            )
        }
        None => String::new(),
    };
    let endpoints: String = endpoints
        .iter()
        .map(|(service, url)| format!("    {service} = \"{url}\"\n"))
        .collect();
    format!(
        r#"# Written by a rehearsal; merges into the provider block. It is never part of a real deployment.
terraform {{
  required_providers {{
    aws = {{
      source  = "{PROVIDER}"
      version = "{FOR_REHEARSALS}"
    }}
  }}
}}

provider "aws" {{
{keys}  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true

  endpoints {{
{endpoints}  }}
}}
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_without_managed_resources_holds_nothing() {
        let empty = r#"{"version":4,"resources":[]}"#;
        assert!(!WorkDir::holds_resources(empty));
        let data = r#"{"version":4,"resources":[{"mode":"data"}]}"#;
        assert!(!WorkDir::holds_resources(data));
        let managed = r#"{"version":4,"resources":[{"mode":"data"},{"mode":"managed"}]}"#;
        assert!(WorkDir::holds_resources(managed));
        for unclear in ["", "encrypted", "{}", r#"{"encrypted_data":"x"}"#] {
            assert!(WorkDir::holds_resources(unclear), "{unclear}");
        }
    }

    #[test]
    fn a_real_deployment_does_not_mention_emulators() {
        let dir = tempfile::tempdir().expect("a directory");
        let work = WorkDir::new(dir.path(), Root::Foundation);
        let backend = Backend::S3 {
            bucket: "b".into(),
            region: "eu-west-2".into(),
        };
        let emulators = Emulators {
            main: "http://127.0.0.1:4566".into(),
            second: "http://127.0.0.1:4567".into(),
            keys: None,
        };
        work.write(&json!({}), &backend, Some(&emulators))
            .expect("a rehearsal");
        work.write(&json!({ "name": "uptime" }), &backend, None)
            .expect("the real thing");
        for entry in std::fs::read_dir(&work.path).expect("files") {
            let path = entry.expect("a file").path();
            let text = std::fs::read_to_string(&path).expect("text");
            assert!(!text.contains("127.0.0.1"), "{}", path.display());
            assert!(!text.contains(FOR_REHEARSALS), "{}", path.display());
        }
        let text = std::fs::read_to_string(work.path.join("backend.tf.json")).expect("backend");
        let written: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(
            written["terraform"]["backend"]["s3"],
            json!({
                "bucket": "b", "key": "foundation/terraform.tfstate", "region": "eu-west-2",
                "encrypt": true, "use_lockfile": true,
            })
        );
    }
}
