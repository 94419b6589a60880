//! The same app with plain Terraform: the root that landfall unpacks, with one service instead of
//! its slots.

use super::stage::{NAME, Stage};
use crate::client::Client;
use rules::app::manifest::{Draft, Facts, Overrides};
use rules::release::revision::{Image, Revision, Settings};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};
use testkit::PacedUsers;

/// The service.
const PLAIN: &str = include_str!("../../terraform/plain.tf");
/// The files of the root that it replaces.
const REPLACED: [&str; 3] = ["slots.tf", "outputs.tf", "landfall.tfplan"];

/// How long the new version may take to serve once it is applied.
const APPLIED: Duration = Duration::from_secs(120);

/// A deployment without landfall.
pub(crate) struct Plain {
    root: PathBuf,
    emulator: String,
    variables: Value,
    pub(crate) url: String,
}

/// How long an apply took.
pub(crate) struct Times {
    pub(crate) plan: Duration,
    pub(crate) apply: Duration,
}

impl Plain {
    /// Deploys `image` with everything around it.
    pub(crate) fn set(stage: &Stage, version: u32, image: &str) -> Result<Plain, String> {
        let home = stage
            .sandbox
            .home()
            .join("rehearsal/123456789012-us-east-1");
        let from = home.join(format!("{NAME}-prod/fargate"));
        let root = stage.sandbox.path().join("plain");
        let words = |error: std::io::Error| format!("no plain root: {error}");
        fs::create_dir_all(&root).map_err(words)?;
        for entry in fs::read_dir(&from).map_err(words)? {
            let entry = entry.map_err(words)?;
            let name = entry.file_name();
            let is_file = entry.file_type().map_err(words)?.is_file();
            if is_file && !REPLACED.iter().any(|replaced| name == *replaced) {
                fs::copy(entry.path(), root.join(&name)).map_err(words)?;
            }
        }
        // Reuses the providers of the rehearsal.
        let providers = Command::new("cp")
            .args(["-a", "--parents", ".terraform/providers"])
            .arg(&root)
            .current_dir(&from)
            .status()
            .map_err(words)?;
        if !providers.success() {
            return Err("the providers of the root can't be copied".to_owned());
        }
        let text = fs::read_to_string(from.join("terraform.tfvars.json")).map_err(words)?;
        let mut inputs: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        inputs["name"] = json!("plain");
        fs::write(root.join("terraform.tfvars.json"), inputs.to_string()).map_err(words)?;
        let backend = json!({ "terraform": { "backend": { "local": {} } } });
        fs::write(root.join("backend.tf.json"), backend.to_string()).map_err(words)?;
        fs::write(root.join("plain.tf"), PLAIN).map_err(words)?;
        let mut plain = Plain {
            root,
            emulator: stage.sandbox.emulators().0,
            variables: variables(image)?,
            url: String::new(),
        };
        plain.terraform(&["init", "-input=false", "-no-color"])?;
        plain.apply(image)?;
        let outputs = plain.terraform(&["output", "-raw", "load_balancer_arn"])?;
        plain.url = plain.address(outputs.trim())?;
        plain.wait_for(version)?;
        Ok(plain)
    }

    /// Plans and applies a change of the image.
    pub(crate) fn apply(&self, image: &str) -> Result<Times, String> {
        let inputs = json!({ "image": image, "variables": self.variables });
        fs::write(self.root.join("image.auto.tfvars.json"), inputs.to_string())
            .map_err(|error| error.to_string())?;
        let began = Instant::now();
        self.terraform(&["plan", "-input=false", "-no-color", "-out=changes"])?;
        let plan = began.elapsed();
        self.terraform(&["apply", "-input=false", "-no-color", "changes"])?;
        let apply = began.elapsed() - plan;
        Ok(Times { plan, apply })
    }

    /// Waits until only `version` answers, for a second.
    pub(crate) fn wait_for(&self, version: u32) -> Result<(), String> {
        let began = Instant::now();
        while began.elapsed() < APPLIED {
            let users = PacedUsers::ask(&self.url, 1, 20.0);
            std::thread::sleep(Duration::from_secs(1));
            let visits = users.stop();
            if visits.of(version).count() == visits.count() {
                return Ok(());
            }
        }
        Err(format!("version {version} never answered alone"))
    }

    fn terraform(&self, arguments: &[&str]) -> Result<String, String> {
        let output = Command::new("terraform")
            .args(arguments)
            .current_dir(&self.root)
            .envs([
                ("AWS_ACCESS_KEY_ID", "test"),
                ("AWS_SECRET_ACCESS_KEY", "test"),
                ("AWS_REGION", "us-east-1"),
                ("AWS_ENDPOINT_URL", &self.emulator),
            ])
            .output()
            .map_err(|error| format!("terraform: {error}"))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            return Ok(text);
        }
        let stderr = String::from_utf8_lossy(&output.stderr);
        Err(format!("terraform {arguments:?}: {text}\n{stderr}"))
    }

    /// The address of the emulated load balancer.
    fn address(&self, arn: &str) -> Result<String, String> {
        let unknown = || format!("the emulator does not report where {arn} listens");
        let address = self.emulator.trim_start_matches("http://");
        let address = address.parse().map_err(|_| unknown())?;
        let answer = Client::connect(address)
            .and_then(|mut client| client.get("/_fakecloud/elbv2/load-balancers"))
            .map_err(|error| error.to_string())?;
        let json: Value = serde_json::from_slice(&answer.body).map_err(|_| unknown())?;
        let all = json["loadBalancers"].as_array().or(json.as_array());
        let is_it = |one: &&Value| one["arn"] == arn || one["loadBalancerArn"] == arn;
        let port = all.into_iter().flatten().find(is_it);
        let port = port.and_then(|one| one["boundPort"].as_u64());
        Ok(format!("http://127.0.0.1:{}", port.ok_or_else(unknown)?))
    }
}

/// The environment that landfall gives to a container of this image.
fn variables(image: &str) -> Result<Value, String> {
    let image = Image::parse(image).ok_or_else(|| format!("'{image}' has no digest"))?;
    let facts = Facts {
        directory_name: NAME.to_owned(),
        ..Facts::default()
    };
    let overrides = Overrides {
        prebuilt_image: true,
        ..Overrides::default()
    };
    let manifest = Draft::read(None).resolve(&facts, &overrides);
    let manifest = manifest.map_err(|problems| format!("{problems:?}"))?;
    let settings = Settings::from_manifest(&manifest);
    Ok(json!(Revision { image, settings }.environment()))
}
