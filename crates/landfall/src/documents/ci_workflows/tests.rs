//! The files that landfall writes for CI. `scripts/workflows.sh` passes these snapshots to the linters
//! of both forges.

use super::samples::{deployment, github_setup, gitlab_setup, opentofu, terraform};
use super::{github, gitlab};
use rules::leave::ci::{Deployment, Setup};

fn everything() -> Setup {
    Setup {
        github_environment: "production".parse().ok(),
        ..github_setup()
    }
}

fn least() -> Setup {
    Setup {
        previews: false,
        ids: None,
        ..github_setup()
    }
}

#[test]
fn a_workflow_with_everything() {
    insta::assert_snapshot!(
        "github_everything",
        github::workflow(&everything(), &deployment(), &opentofu())
    );
}

#[test]
fn a_workflow_with_the_least() {
    let deployment = Deployment {
        directory: "services/shop".to_owned(),
        archive: None,
        ..deployment()
    };
    assert_eq!(
        github::path(&deployment),
        ".github/workflows/landfall-shop.yml"
    );
    insta::assert_snapshot!(
        "github_least",
        github::workflow(&least(), &deployment, &terraform())
    );
}

#[test]
fn a_pipeline_with_previews() {
    insta::assert_snapshot!(
        "gitlab_previews",
        gitlab::pipeline(&gitlab_setup(), &deployment(), &opentofu())
    );
}

#[test]
fn a_pipeline_without() {
    let setup = Setup {
        previews: false,
        ..gitlab_setup()
    };
    insta::assert_snapshot!(
        "gitlab_least",
        gitlab::pipeline(&setup, &deployment(), &terraform())
    );
}

#[test]
fn nothing_is_left_to_fill_in() {
    for text in [
        github::workflow(&everything(), &deployment(), &opentofu()),
        github::workflow(&least(), &deployment(), &terraform()),
        gitlab::pipeline(&gitlab_setup(), &deployment(), &opentofu()),
    ] {
        for line in text.lines() {
            assert!(!line.starts_with("#if") && line != "#end", "{line}");
            let marked = line.split('@').skip(1).step_by(2);
            for word in marked {
                let is_name =
                    !word.is_empty() && word.chars().all(|c| c.is_ascii_uppercase() || c == '_');
                assert!(!is_name, "{line}");
            }
        }
    }
}

/// Rules that hold for every workflow.
#[test]
fn a_workflow_gives_nothing_away() {
    for setup in [everything(), least()] {
        let text = github::workflow(&setup, &deployment(), &opentofu());
        assert!(!text.contains("pull_request_target"));
        assert!(!text.contains("secrets."), "no secret is needed");
        assert!(text.contains("\npermissions: {}\n"));
        for line in text.lines().filter(|line| line.contains("uses:")) {
            let (_, pin) = line.split_once('@').expect("an action by commit");
            let (commit, version) = pin.split_once(" # v").expect("its version next to it");
            assert!(
                commit.len() == 40 && commit.chars().all(|c| c.is_ascii_hexdigit()),
                "{line}"
            );
            assert!(version.starts_with(|c: char| c.is_ascii_digit()), "{line}");
        }
        // A value of the event in a script would be run as a part of it.
        let mut in_script = None;
        for line in text.lines() {
            let indent = line.len() - line.trim_start().len();
            if in_script.is_some_and(|outer| indent <= outer && !line.trim().is_empty()) {
                in_script = None;
            }
            if line.trim_start().starts_with("run:") {
                in_script = Some(indent);
            }
            assert!(in_script.is_none() || !line.contains("${{"), "{line}");
        }
        // A deployment is not cancelled by the next one.
        let deploy = text.split("\n  deploy:\n").nth(1).expect("the job");
        let deploy = deploy.split("\n  preview:\n").next().expect("its text");
        assert!(deploy.contains("cancel-in-progress: false"));
        assert!(deploy.contains("landfall abort"));
        assert!(!deploy.contains("pull-requests: write"));
    }
}
