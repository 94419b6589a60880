use super::machine::Toolchain;
use super::samples::*;
use super::*;
use crate::check::{Outcome, verdict};
use crate::exit::Exit;
use crate::shape::toolchain::{Program, Tool};

#[test]
fn text_for_a_good_machine() {
    let checks = examine(&good());
    assert_eq!(verdict(&checks), None);
    insta::assert_snapshot!("good", described(&checks));
}

#[test]
fn text_for_a_broken_machine() {
    let checks = examine(&broken());
    insta::assert_snapshot!("broken", described(&checks));
    let verdict = verdict(&checks).expect("blockers");
    assert_eq!(
        verdict.exit,
        Exit::Image,
        "the first blocker decides: the disk"
    );
    assert!(verdict.what.ends_with("problems block a deployment"));
}

#[test]
fn without_facts_each_check_gives_the_reason() {
    let skipped = || Unavailable::Skipped("AWS is not asked with --offline".to_owned());
    let facts = Facts {
        app: Ok(settings("prot = 1\ncpu = 300\n")),
        engine: Err(missing(
            Exit::MissingTool,
            "neither Docker nor Podman answers",
            "install Docker",
        )),
        disk: Err(Unavailable::Skipped("there is no container engine".into())),
        credentials: Err(skipped()),
        image: Err(Unavailable::Skipped(
            "the app's settings are not in order".into(),
        )),
        trial: Err(Unavailable::Unknown("it was not seen".into())),
        ..Facts::default()
    };
    let checks = examine(&facts);
    insta::assert_snapshot!("nothing", described(&checks));
    let verdict = verdict(&checks).expect("blockers");
    assert_eq!(verdict.exit, Exit::BadInput, "the settings come first");
    let text = format!("{}\n{}", verdict.why.join("\n"), verdict.next.join("\n"));
    for part in ["`prot`", "line 2", "Docker", "1. ", "3. install Docker"] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
}

#[test]
fn a_fact_that_was_not_asked_for_gives_no_check() {
    assert_eq!(examine(&Facts::default()), []);
}

#[test]
fn a_single_blocker_is_reported_as_it_is() {
    let facts = Facts {
        credentials: Err(missing(
            Exit::Access,
            "no usable AWS credentials or region",
            "sign in with `aws login`",
        )),
        ..good()
    };
    let verdict = verdict(&examine(&facts)).expect("a blocker");
    assert_eq!(verdict.exit, Exit::Access);
    assert_eq!(verdict.what, "no usable AWS credentials or region");
    assert_eq!(verdict.next, ["sign in with `aws login`"]);
}

#[test]
fn the_program_of_this_machine_is_that_of_the_environment() {
    let used = |program, version: &str, may_switch| Facts {
        toolchain: Ok(Toolchain {
            tool: Some(Tool {
                program,
                version: version.to_owned(),
            }),
            provider: Some("6.62.0".to_owned()),
            may_switch,
        }),
        ..good()
    };
    let of = |facts: &Facts| {
        let checks = examine(facts).into_iter();
        let mut found = checks.filter(|check| check.check == CheckId::Terraform);
        let one = found.next().expect("a check");
        assert_eq!(found.next(), None);
        one
    };
    let same = of(&used(Program::OpenTofu, "1.11.4", false));
    assert_eq!(
        (same.outcome, same.what.as_str()),
        (
            Outcome::Ok,
            "OpenTofu 1.11.4 (/usr/bin/tofu), hashicorp/aws 6.62.0"
        )
    );
    let older = of(&used(Program::OpenTofu, "1.12.6", false));
    assert_eq!(older.outcome, Outcome::Warning);
    assert_eq!(older.fix, ["install OpenTofu 1.12.6 or newer"]);
    let other = of(&used(Program::Terraform, "1.15.5", false));
    assert_eq!(other.exit(), Some(Exit::MissingTool));
    assert_eq!(
        other.what,
        "this environment uses Terraform, and this machine has OpenTofu 1.11.4"
    );
    assert!(other.fix.iter().any(|fix| fix.contains("--switch-tool")));
    // It is observed and not inferred: `--despite` does not help.
    assert!(!CheckId::Terraform.is_inferred());
    let switched = of(&used(Program::Terraform, "1.15.5", true));
    assert_eq!(switched.outcome, Outcome::Ok);
}

#[test]
fn a_record_that_cannot_be_read_blocks_a_deployment() {
    let facts = Facts {
        toolchain: Err(missing(
            Exit::BadInput,
            "it has format 2",
            "use that version",
        )),
        ..good()
    };
    let verdict = verdict(&examine(&facts)).expect("a blocker");
    assert_eq!(verdict.exit, Exit::BadInput);
}

#[test]
fn every_check_is_parsed_from_its_word() {
    for name in CheckId::ALL {
        assert_eq!(name.word().parse(), Ok(name));
    }
    assert_eq!("load-balancers".parse(), Ok(CheckId::LoadBalancers));
    let error = "nothing".parse::<CheckId>().expect_err("no check");
    assert!(error.contains("permissions"));
    let json = serde_json::to_value(&examine(&good())[0]).expect("JSON");
    assert_eq!(json["check"], "app");
    assert_eq!(json["outcome"], "ok");
}
