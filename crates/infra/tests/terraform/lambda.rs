//! The Lambda target, made and unmade in the emulators. Nothing is invoked: the image does not exist.

use infra::{Backend, Emulators, Failure, Terraform, WorkDir};
use rules::contract::{FoundationInputs, FoundationOutputs, LambdaInputs, LambdaOutputs, Root};
use rules::exit::Exit;
use rules::manifest::{Draft, Facts, Manifest, Overrides};
use rules::names::Names;
use rules::plan::{Action, Plan};
use rules::revision::Image;
use rules::versions::LIVE;
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::Path;
use testkit::Sandbox;

const REGION: &str = "us-east-1";

/// An environment in emulators of its own, as landfall lays it out.
struct Stage {
    emulators: Emulators,
    manifest: Manifest,
    names: Names,
    sandbox: Sandbox,
}

impl Stage {
    fn new() -> Stage {
        let sandbox = Sandbox::new();
        let _started = sandbox.run(&["rehearsal", "start"]).expect(Exit::Done);
        let (main, second) = sandbox.emulators();
        let facts = Facts {
            directory_name: "hello".to_owned(),
            dockerfile: Some("FROM scratch\nEXPOSE 3000\n".to_owned()),
            protected: Vec::new(),
        };
        let manifest = Draft::read(None)
            .resolve(&facts, &Overrides::default())
            .expect("a manifest without landfall.toml");
        Stage {
            emulators: Emulators {
                main,
                second,
                identity: None,
            },
            names: Names::new(manifest.name.clone(), manifest.environment.clone()),
            manifest,
            sandbox,
        }
    }

    /// Terraform in a root's directory, with these variables.
    async fn terraform(&self, root: Root, inputs: &Value) -> Terraform {
        let dir = WorkDir::new(&self.sandbox.path().join("infra"), root);
        dir.write(inputs, &Backend::Local, Some(&self.emulators))
            .expect("a working directory");
        let env = [
            ("AWS_EC2_METADATA_DISABLED", "true"),
            // Where newer providers find what the endpoints of 3.39 have no word for.
            ("AWS_ENDPOINT_URL", &self.emulators.main),
        ];
        let terraform = Terraform::new(
            crate::installed(),
            dir,
            Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugins"),
            env.map(|(name, value)| (name.into(), value.into()))
                .to_vec(),
            tokio::sync::watch::channel(false).1,
        );
        terraform.init().await.unwrap_or_else(told);
        terraform
    }

    fn lambda(&self, image: Option<&Image>, memory: u32, port: u16) -> Value {
        let inputs = LambdaInputs::of(&self.manifest, REGION, image, None);
        json!(LambdaInputs {
            memory,
            port,
            ..inputs
        })
    }
}

fn told<T>(failure: Failure) -> T {
    panic!("{failure}\n{}", failure.why.join("\n"))
}

async fn plan(terraform: &Terraform, destroy: bool) -> Plan {
    let plan = terraform.plan(destroy).await;
    plan.unwrap_or_else(told)
}

async fn apply(terraform: &Terraform) {
    let applied = terraform.apply(&mut |_| {}).await;
    applied.unwrap_or_else(told);
}

/// Plans, applies, and plans again: then there is nothing left to do.
async fn make(terraform: &Terraform) {
    let first = plan(terraform, false).await;
    assert!(!first.is_empty());
    assert_eq!(
        first.count(Action::Create),
        first.changes.len(),
        "{first:#?}"
    );
    apply(terraform).await;
    let second = plan(terraform, false).await;
    assert!(second.is_empty(), "{:#?}", second.changes);
}

async fn unmake(terraform: &Terraform) {
    plan(terraform, true).await;
    apply(terraform).await;
    let left = terraform.resources().await;
    assert_eq!(left.unwrap_or_else(told), 0);
}

#[tokio::test]
async fn the_target_is_made_as_planned_and_leaves_what_releases_own_alone() {
    let stage = Stage::new();
    let inputs = FoundationInputs::of(&stage.manifest, REGION);
    let foundation = stage.terraform(Root::Foundation, &json!(inputs)).await;
    make(&foundation).await;
    let made: Option<FoundationOutputs> = foundation.outputs().await.unwrap_or_else(told);
    let repository = made.expect("outputs").repository_url;

    let image = |digit: &str| {
        let reference = format!("{repository}@sha256:{}", digit.repeat(64));
        Image::parse(&reference).expect("an image by digest")
    };
    let inputs = stage.lambda(Some(&image("a")), 512, 3000);
    let lambda = stage.terraform(Root::Lambda, &inputs).await;
    make(&lambda).await;
    let outputs: Option<LambdaOutputs> = lambda.outputs().await.unwrap_or_else(told);
    let outputs = outputs.expect("outputs");
    assert_eq!(outputs.function, stage.names.function());
    assert_eq!(outputs.alias, LIVE);
    assert_eq!(outputs.log_group, stage.names.function_log_group());
    assert_eq!(outputs.access_log_group, stage.names.access_log_group());
    assert!(
        outputs
            .function_arn
            .ends_with(&format!(":function:{}", stage.names.function())),
        "{}",
        outputs.function_arn
    );
    assert!(outputs.url.contains(&outputs.api_id), "{}", outputs.url);

    // Another image, size and port: they go with the next release, not with Terraform.
    let inputs = stage.lambda(Some(&image("b")), 1024, 4000);
    let lambda = stage.terraform(Root::Lambda, &inputs).await;
    let later = plan(&lambda, false).await;
    assert!(later.is_empty(), "{:#?}", later.changes);

    unmake(&lambda).await;
    unmake(&foundation).await;
}

#[tokio::test]
async fn a_terraform_that_outlived_its_landfall_does_not_drown_what_the_next_one_says() {
    let stage = Stage::new();
    let mut inputs = stage.lambda(None, 512, 3000);
    inputs["port"] = json!(0.5);
    let lambda = stage.terraform(Root::Lambda, &inputs).await;
    // What it left: a handle on the log, well behind its beginning, that it goes on writing to.
    let mut left = std::fs::File::create(lambda.dir.path.join("landfall-plan.log")).expect("a log");
    left.write_all(&b"an earlier line\n".repeat(10_000))
        .expect("written");
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let writer = std::thread::spawn({
        let stop = std::sync::Arc::clone(&stop);
        move || {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                left.write_all(b"a late line\n").expect("written");
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
        }
    });
    let refused = lambda.plan(false).await.expect_err("half a port");
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    writer.join().expect("the writer");
    let why = refused.why.join("\n");
    assert!(why.contains("whole number from 1 to 65535"), "{why}");
    assert!(!why.contains("late line"), "{why}");
}

#[tokio::test]
async fn it_can_be_planned_before_there_is_an_image_but_not_by_tag() {
    let stage = Stage::new();
    let mut inputs = stage.lambda(None, 512, 3000);
    let lambda = stage.terraform(Root::Lambda, &inputs).await;
    let first = plan(&lambda, false).await;
    assert!(first.count(Action::Create) > 0, "{first:#?}");

    inputs["image"] = json!("hello-prod:latest");
    let lambda = stage.terraform(Root::Lambda, &inputs).await;
    let refused = lambda.plan(false).await.expect_err("a tag can move");
    let why = refused.why.join("\n");
    assert!(why.contains("named by digest"), "{why}");
}
