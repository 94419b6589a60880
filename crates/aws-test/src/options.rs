//! The command line.

use crate::assumption::{Assumption, Id};
use rules::app::manifest::Target;
use std::path::PathBuf;
use std::time::Duration;

/// Help text.
pub(crate) const USAGE: &str = "\
Usage: aws-test [--target lambda|fargate] [--only ID,…] [--rest MINUTES] [--domain NAME] [--most USD] [--yes]
                [--region REGION] [--profile PROFILE] [--report DIRECTORY] [--rehearse [--break ID]]
       aws-test --clean [--region REGION] [--profile PROFILE] [--yes]
       aws-test assumptions [--markdown]

  --target TARGET     one target instead of both
  --only ID,…         only these assumptions, and the steps that they need
  --rest MINUTES      how long after the last release the rollback begins (0)
  --domain NAME       a domain in a hosted zone of the account: certificate, records, HTTPS
  --most USD          refuse to start if it may cost more (1)
  --yes               do not ask before anything is created
  --region REGION, --profile PROFILE
                      as landfall has them
  --report DIRECTORY  where report.json and report.html are written (aws-test-report)
  --rehearse          against emulators on this machine
  --break ID          with --rehearse: the front shows the opposite of this assumption
  --clean             remove what an earlier run has left, and end
  --landfall PATH, --front PATH
                      the programs; ./dev test-aws finds them";

/// The hours of the environment's time to live, after which `landfall reap` removes it.
pub(crate) const TTL_HOURS: u64 = 6;

/// What a run is to do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Options {
    pub(crate) landfall: PathBuf,
    pub(crate) front: PathBuf,
    /// One target, or both.
    target: Option<Target>,
    /// All, if it is empty.
    pub(crate) only: Vec<Id>,
    pub(crate) rest: Duration,
    pub(crate) domain: Option<String>,
    pub(crate) most_usd: f64,
    pub(crate) yes: bool,
    pub(crate) region: Option<String>,
    pub(crate) profile: Option<String>,
    pub(crate) report: PathBuf,
    pub(crate) rehearse: bool,
    pub(crate) turned: Option<Id>,
    pub(crate) clean: bool,
}

impl Options {
    /// Reads the arguments after the program's name.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(crate) fn read(words: &[&str]) -> Result<Options, String> {
        let mut options = Options {
            landfall: PathBuf::from("target/debug/landfall"),
            front: PathBuf::from("target/debug/landfall-front"),
            target: None,
            only: Vec::new(),
            rest: Duration::ZERO,
            domain: None,
            most_usd: 1.0,
            yes: false,
            region: None,
            profile: None,
            report: PathBuf::from("aws-test-report"),
            rehearse: false,
            turned: None,
            clean: false,
        };
        let mut words = words.iter();
        while let Some(name) = words.next() {
            match *name {
                "--yes" => options.yes = true,
                "--rehearse" => options.rehearse = true,
                "--clean" => options.clean = true,
                _ => {
                    let value = words
                        .next()
                        .ok_or_else(|| format!("'{name}' needs a value, or is unknown\n{USAGE}"))?;
                    options.set(name, value)?;
                }
            }
        }
        options.check().map(|()| options)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let wrong = |why: String| format!("'{value}' does not fit {name}: {why}");
        let number = || {
            let number = value.parse::<f64>().ok();
            let number = number.filter(|number| number.is_finite() && *number >= 0.0);
            number.ok_or_else(|| wrong("it takes a number".to_owned()))
        };
        match name {
            "--landfall" => self.landfall = value.into(),
            "--front" => self.front = value.into(),
            "--target" => self.target = Some(value.parse().map_err(wrong_target(name, value))?),
            "--only" => {
                let ids: Result<Vec<Id>, String> = value.split(',').map(str::parse).collect();
                self.only = ids.map_err(wrong)?;
            }
            "--rest" => {
                let rest = Duration::try_from_secs_f64(number()? * 60.0);
                self.rest = rest.map_err(|error| wrong(error.to_string()))?;
            }
            "--domain" => self.domain = Some(value.to_owned()),
            "--most" => self.most_usd = number()?,
            "--region" => self.region = Some(value.to_owned()),
            "--profile" => self.profile = Some(value.to_owned()),
            "--report" => self.report = value.into(),
            "--break" => self.turned = Some(value.parse().map_err(wrong)?),
            _ => return Err(format!("'{name}' is unknown\n{USAGE}")),
        }
        Ok(())
    }

    fn check(&self) -> Result<(), String> {
        if self.turned.is_some() && !self.rehearse {
            return Err(
                "--break needs --rehearse: AWS cannot be made to behave otherwise".to_owned(),
            );
        }
        if let Some(id) = self.turned {
            let word = id.as_str();
            if Assumption::of(id).turned.is_none() {
                return Err(format!(
                    "no rehearsal can break '{word}': the emulators have nothing of it"
                ));
            }
            if !self.only.is_empty() && !self.only.contains(&id) {
                return Err(format!("--break {word} is not among --only"));
            }
            if !Assumption::of(id)
                .targets
                .iter()
                .any(|target| self.has(*target))
            {
                return Err(format!("--break {word} is not asked on this target"));
            }
        }
        if self.rehearse
            && (self.domain.is_some() || self.region.is_some() || self.profile.is_some())
        {
            let why = "--rehearse uses emulators: it has no --domain, --region or --profile";
            return Err(why.to_owned());
        }
        // The environment must outlive the run, or another one reaps it meanwhile.
        if self.rest > Duration::from_secs((TTL_HOURS - 3) * 3_600) {
            return Err(format!(
                "--rest is at most {} minutes",
                (TTL_HOURS - 3) * 60
            ));
        }
        Ok(())
    }

    /// Whether a target is among those of the run.
    pub(crate) fn has(&self, target: Target) -> bool {
        self.target.is_none_or(|one| one == target)
    }
}

fn wrong_target<E>(name: &str, value: &str) -> impl Fn(E) -> String {
    let text = format!("'{value}' does not fit {name}: it takes lambda or fargate");
    move |_| text.clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read() {
        let words = [
            "--target",
            "lambda",
            "--only",
            "new-role,second-up",
            "--rest",
            "60",
            "--yes",
        ];
        let options = Options::read(&words).expect("options");
        assert!(options.has(Target::Lambda) && !options.has(Target::Fargate));
        assert_eq!(options.only, [Id::NewRole, Id::SecondUp]);
        assert_eq!(options.rest, Duration::from_secs(3_600));
        assert!(options.yes && !options.rehearse);
        assert_eq!(Options::read(&[]).expect("options").most_usd, 1.0);
    }

    #[test]
    fn wrong_arguments_are_refused_with_the_reason() {
        for (words, why) in [
            (&["--target", "ec2"][..], "lambda or fargate"),
            (&["--only", "nothing"], "no assumption is called"),
            (&["--break", "new-role"], "needs --rehearse"),
            (
                &["--rehearse", "--break", "low-port"],
                "no rehearsal can break",
            ),
            (
                &["--rehearse", "--break", "new-role", "--only", "second-up"],
                "not among --only",
            ),
            (
                &[
                    "--rehearse",
                    "--break",
                    "routing-delay",
                    "--target",
                    "lambda",
                ],
                "not asked on this target",
            ),
            (
                &["--rehearse", "--domain", "a.example.com"],
                "uses emulators",
            ),
            (&["--rest", "600"], "at most 180"),
            (&["--rest", "-1"], "takes a number"),
            (&["--rest"], "needs a value"),
            (&["--what", "1"], "is unknown"),
        ] {
            let error = Options::read(words).expect_err("an error");
            assert!(error.contains(why), "{words:?}: {error}");
        }
    }
}
