//! Which assumptions a run asks about, and which steps it needs for that.

use crate::assumption::{ALL, Assumption, Id};
use crate::options::Options;
use crate::step::Step;
use rules::app::manifest::Target;

/// The assumptions that are asked about.
pub(crate) fn selected(options: &Options) -> Vec<&'static Assumption> {
    let is_on_target = |one: &&Assumption| one.targets.iter().any(|target| options.has(*target));
    let is_wanted = |one: &&Assumption| options.only.is_empty() || options.only.contains(&one.id);
    ALL.iter().filter(is_on_target).filter(is_wanted).collect()
}

/// The steps of a run. Without `--only` they are all; with it, those that the assumptions need. The target is
/// that on which the step is taken.
pub(crate) fn plan(options: &Options) -> Vec<(Target, Step)> {
    let asked = selected(options);
    let wants = |step: Step, target: Target| {
        asked.iter().any(|one| {
            let at = one.at.filter(|at| !at.is_experiment() || *at == step);
            at == Some(step) && one.targets.contains(&target)
        })
    };
    let is_whole = options.only.is_empty();
    let targets: Vec<Target> = [Target::Lambda, Target::Fargate]
        .into_iter()
        .filter(|target| options.has(*target))
        .collect();
    let mut steps = Vec::new();
    let first = targets.first().copied().unwrap_or(Target::Lambda);
    if targets.iter().any(|target| wants(Step::Account, *target)) {
        steps.push((first, Step::Account));
    }
    let account = steps.len();
    let mut is_up = false;
    for target in targets {
        let mut own: Vec<Step> = [Step::Deployed(target), Step::Again]
            .into_iter()
            .filter(|step| is_whole || wants(*step, target))
            .collect();
        if is_whole {
            own.extend([Step::Preview, Step::Release, Step::Bad, Step::Rollback]);
            if !is_up {
                own.push(Step::Secrets);
            }
            if options.domain.is_some() {
                own.push(Step::Domain);
            }
        } else {
            // The image of a version without users is deleted, so there has to be a release before.
            let needs_two = asked
                .iter()
                .any(|one| one.id == Id::FailedVersion && one.targets.contains(&target));
            let release = Some(Step::Release).filter(|step| needs_two || wants(*step, target));
            own.extend(release);
        }
        let later = [Step::LowPort, Step::Last(target)];
        own.extend(later.into_iter().filter(|step| wants(*step, target)));
        if own.is_empty() && (is_up || !wants(Step::Up, target)) {
            continue;
        }
        let up = if is_up { Step::Move(target) } else { Step::Up };
        is_up = true;
        steps.push((target, up));
        steps.extend(own.into_iter().map(|step| (target, step)));
    }
    if steps.len() > account {
        let last = steps.last().map_or(first, |(target, _)| *target);
        steps.push((last, Step::Down));
    }
    steps
}

/// The assumptions that are asked about at a step.
pub(crate) fn asked_at(options: &Options, target: Target, step: Step) -> Vec<Id> {
    let at = |one: &&&Assumption| {
        let is_here = match step {
            Step::Account => true,
            _ => one.targets.contains(&target),
        };
        one.at == Some(step) && is_here
    };
    selected(options)
        .iter()
        .filter(at)
        .map(|one| one.id)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(words: &[&str]) -> Options {
        Options::read(words).expect("options")
    }

    fn steps(words: &[&str]) -> Vec<&'static str> {
        plan(&options(words))
            .iter()
            .map(|(_, step)| step.as_str())
            .collect()
    }

    #[test]
    fn a_whole_run_has_every_scenario_and_ends_with_down() {
        let all = steps(&["--rehearse"]);
        for wanted in [
            "account",
            "up",
            "up again",
            "plan and ci",
            "good release",
            "bad release",
            "rollback",
            "secrets",
            "move",
        ] {
            assert!(all.contains(&wanted), "{wanted} in {all:?}");
        }
        assert_eq!(all.last(), Some(&"down"));
        assert_eq!(all.iter().filter(|step| **step == "up").count(), 1);
        assert!(!all.contains(&"domain"));
        assert!(steps(&["--domain", "a.example.com"]).contains(&"domain"));
    }

    #[test]
    fn one_target_is_not_moved() {
        for target in ["lambda", "fargate"] {
            let all = steps(&["--target", target]);
            assert!(!all.contains(&"move"), "{all:?}");
            assert!(all.contains(&"secrets"), "{all:?}");
        }
    }

    #[test]
    fn a_selection_takes_only_the_steps_that_it_needs() {
        assert_eq!(steps(&["--only", "new-role,bucket-name"]), ["account"]);
        assert_eq!(
            steps(&["--target", "lambda", "--only", "second-up"]),
            ["up", "up again", "down"]
        );
        assert_eq!(
            steps(&["--target", "lambda", "--only", "repository-policy"]),
            ["up", "deployed", "down"]
        );
        let after_a_release = steps(&["--target", "lambda", "--only", "failed-version"]);
        let position = |name: &str| after_a_release.iter().position(|step| *step == name);
        assert!(
            position("up") < position("good release"),
            "{after_a_release:?}"
        );
        assert!(position("good release").is_some(), "{after_a_release:?}");
        assert_eq!(
            steps(&["--only", "routing-delay"]),
            ["up", "good release", "down"]
        );
        assert_eq!(
            steps(&["--only", "second-up"]),
            ["up", "up again", "move", "up again", "down"]
        );
        assert_eq!(steps(&["--only", "arm64-function"]), [""; 0]);
    }

    #[test]
    fn every_assumption_is_asked_at_a_step_of_a_whole_run() {
        let options = options(&["--rehearse"]);
        let taken: Vec<Id> = plan(&options)
            .into_iter()
            .flat_map(|(target, step)| asked_at(&options, target, step))
            .collect();
        for one in ALL {
            assert_eq!(one.at.is_some(), taken.contains(&one.id), "{:?}", one.id);
        }
    }
}
