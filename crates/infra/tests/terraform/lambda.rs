//! The Lambda target is created and destroyed in the emulators. Its image does not exist, so
//! nothing is invoked.

use crate::stage::{REGION, Stage, create, destroy, fail, plan};
use rules::release::published_versions::LIVE;
use rules::release::revision::Image;
use rules::shape::contract::{
    FoundationInputs, FoundationOutputs, LambdaInputs, LambdaOutputs, Root,
};
use rules::shape::plan::Action;
use serde_json::{Value, json};
use std::io::Write as _;
use testkit::Sandbox;

impl Stage {
    fn lambda(&self, image: Option<&Image>, memory: u32, port: u16) -> Value {
        let inputs = LambdaInputs::of(&self.manifest, REGION, image);
        json!(LambdaInputs {
            memory,
            port,
            ..inputs
        })
    }
}

#[tokio::test]
async fn the_target_is_created_as_planned_and_does_not_change_what_releases_own() {
    let stage = Stage::new(Sandbox::shared());
    let inputs = FoundationInputs::of(&stage.manifest, REGION);
    let foundation = stage.terraform(Root::Foundation, &json!(inputs)).await;
    create(&foundation).await;
    let made: Option<FoundationOutputs> = foundation.outputs().await.unwrap_or_else(fail);
    let repository = made.expect("outputs").repository_url;

    let image = |digit: &str| {
        let reference = format!("{repository}@sha256:{}", digit.repeat(64));
        Image::parse(&reference).expect("an image by digest")
    };
    let inputs = stage.lambda(Some(&image("a")), 512, 3000);
    let lambda = stage.terraform(Root::Lambda, &inputs).await;
    create(&lambda).await;
    let outputs: Option<LambdaOutputs> = lambda.outputs().await.unwrap_or_else(fail);
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

    // Another image, size and port: the next release deploys them, not Terraform.
    let inputs = stage.lambda(Some(&image("b")), 1024, 4000);
    let lambda = stage.terraform(Root::Lambda, &inputs).await;
    let later = plan(&lambda, false).await;
    assert!(later.is_empty(), "{:#?}", later.changes);

    destroy(&lambda).await;
    destroy(&foundation).await;
}

#[tokio::test]
async fn output_of_a_terraform_that_outlived_its_landfall_is_ignored() {
    let stage = Stage::new(Sandbox::shared());
    let mut inputs = stage.lambda(None, 512, 3000);
    inputs["port"] = json!(0.5);
    let lambda = stage.terraform(Root::Lambda, &inputs).await;
    // That process still has the log open, far behind its beginning, and keeps writing to it.
    let mut log = std::fs::File::create(lambda.dir.path.join("landfall-plan.log")).expect("a log");
    log.write_all(&b"an earlier line\n".repeat(10_000))
        .expect("written");
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let writer = std::thread::spawn({
        let stop = std::sync::Arc::clone(&stop);
        move || {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                log.write_all(b"a late line\n").expect("written");
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
        }
    });
    let failure = lambda.plan(false).await.expect_err("half a port");
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    writer.join().expect("the writer");
    let why = failure.why.join("\n");
    assert!(why.contains("whole number from 1 to 65535"), "{why}");
    assert!(!why.contains("late line"), "{why}");
}

#[tokio::test]
async fn the_target_can_be_planned_without_an_image_but_not_with_a_tag() {
    let stage = Stage::new(Sandbox::shared());
    let mut inputs = stage.lambda(None, 512, 3000);
    let lambda = stage.terraform(Root::Lambda, &inputs).await;
    let first = plan(&lambda, false).await;
    assert!(first.count(Action::Create) > 0, "{first:#?}");

    inputs["image"] = json!("hello-prod:latest");
    let lambda = stage.terraform(Root::Lambda, &inputs).await;
    let failure = lambda.plan(false).await.expect_err("a tag can move");
    let why = failure.why.join("\n");
    assert!(why.contains("named by digest"), "{why}");
}
