//! Second step: settings, facts and command line become one manifest.

use super::problem::{Invalid, Problem, listed, quoted};
use super::target_choice::Asked;
use super::{
    AppName, Choice, Domain, Draft, EnvironmentName, Facts, Manifest, Overrides, Port, Problems,
    ProtectedState, RelativePath, Target,
};
use crate::app::dockerfile::{self, Exposed};

/// Hexadecimal digits of a hash that are shown: enough to distinguish two files.
const HASH_SHOWN: usize = 12;

/// Ports that are listed one by one in a message.
const PORTS_SHOWN: usize = 5;

impl Draft {
    /// Joins everything, or returns all problems: those that [`Draft::read`] found and those that
    /// follow from the facts.
    pub fn resolve(&self, facts: &Facts, overrides: &Overrides) -> Result<Manifest, Problems> {
        let mut problems = self.problems.clone();
        let environment = overrides.environment.clone();
        let environment = environment.or_else(|| self.environment.clone());
        let environment = environment.unwrap_or_default();
        // After a problem, name and port hold a stand-in: no manifest is made of it.
        let mut name = AppName::stand_in();
        let mut port = None;
        // A key on a line that is no TOML seems absent. Complaints that rest on its absence would
        // mislead; they wait until the text can be read.
        if self.readable {
            match self.resolve_name(facts, overrides, &environment) {
                Ok(resolved) => name = resolved,
                Err(problem) => problems.extend(problem),
            }
            match self.resolve_port(facts) {
                Ok(resolved) => port = Some(resolved),
                Err(problem) => problems.push(problem),
            }
            if !overrides.prebuilt_image && !overrides.settings_only {
                problems.extend(self.missing_dockerfile(facts, overrides));
            }
            if !overrides.settings_only {
                problems.extend(self.unprotected(facts));
            }
        }
        problems.extend(self.plain_secrets());
        let asked = Asked {
            needs: &self.needs,
            edge: self.edge,
            container: &self.container,
            count: self.count,
            memory: self.memory,
            start_seconds: self.start_seconds,
            request_seconds: self.request_seconds,
            idle_seconds: self.idle_seconds,
            port,
            env: &self.env,
            secrets: &self.secrets,
        };
        let mut choice = (Target::default(), Choice::Asked);
        match asked.choose(overrides.target.or(self.target)) {
            Ok(chosen) => choice = chosen,
            Err(invalid) => {
                let line = self.line_unless("target", overrides.target.is_some());
                problems.push(Problem::at(line, "target", invalid));
            }
        }
        let (target, choice) = choice;
        let domain = self.domain_of(&environment);
        if let Some(problems) = Problems::collect(problems) {
            return Err(problems);
        }
        Ok(Manifest {
            name,
            environment,
            target,
            choice,
            needs: self.needs.clone(),
            region: overrides.region.clone().or_else(|| self.region.clone()),
            domain,
            port: port.unwrap_or_default(),
            cpu: self.cpu,
            memory: self.memory,
            count: self.count,
            architecture: self.architecture,
            strategy: self.strategy,
            env: self.env.clone(),
            secrets: self.secrets.clone(),
            secrets_store: self.secrets_store,
            container: self.container.clone(),
            edge: self.edge,
            health: self.health.clone(),
            protected: self.protected.clone(),
            budget: self.budget,
            allow: self.allow.clone(),
            alarm_emails: self.alarm_emails.clone(),
            state: self.state,
            dockerfile: self.dockerfile(overrides).clone(),
            drain_seconds: self.drain_seconds,
            start_seconds: self.start_seconds,
            request_seconds: self.request_seconds,
            idle_seconds: self.idle_seconds,
            log_retention_days: self.log_retention_days,
            tags: self.tags.clone(),
            permissions_boundary: self.permissions_boundary.clone(),
            role_path: self.role_path.clone(),
        })
    }

    /// The domain belongs to the file's own environment: any other, such as that of a pull request, would take it
    /// away from there.
    fn domain_of(&self, environment: &EnvironmentName) -> Option<Domain> {
        let own = self.environment.clone().unwrap_or_default();
        self.domain.clone().filter(|_| own == *environment)
    }

    /// The name that was written, else the directory's. The error is empty if a wrong key already
    /// has its problem.
    fn resolve_name(
        &self,
        facts: &Facts,
        overrides: &Overrides,
        environment: &EnvironmentName,
    ) -> Result<AppName, Option<Problem>> {
        let environment_is_wrong = overrides.environment.is_none() && self.is_wrong("environment");
        if let Some(name) = overrides.name.as_ref().or(self.name.as_ref()) {
            if environment_is_wrong {
                return Err(None);
            }
            // The line of the part that can be changed: one from the command line has none.
            let name_line = self.line_unless("name", overrides.name.is_some());
            let environment_line = self.line_unless("environment", overrides.environment.is_some());
            // What was deployed under such a name can still be read and removed.
            let reserved = match overrides.settings_only {
                true => Ok(()),
                false => name.check_previews(environment),
            };
            return name
                .check_with(environment)
                .and(reserved)
                .map(|()| name.clone())
                .map_err(|invalid| {
                    Some(Problem::at(name_line.or(environment_line), "name", invalid))
                });
        }
        if self.is_wrong("name") {
            return Err(None);
        }
        let found = AppName::from_directory(&facts.directory_name, environment);
        if let Some(name) = found.as_ref().filter(|_| !overrides.settings_only) {
            let reserved = name.check_previews(environment);
            reserved.map_err(|invalid| Some(Problem::at(None, "name", invalid)))?;
        }
        found.ok_or_else(|| {
            Some(Problem::at(
                None,
                "name",
                Invalid::new(
                    "the app has no name",
                    format!(
                        "the directory's name {} gives none: it must hold letters a-z or digits",
                        quoted(&facts.directory_name)
                    ),
                    format!(
                        "set `name`, such as `name = \"my-app\"`, in {}",
                        super::FILE
                    ),
                ),
            ))
        })
    }

    /// The port that was written, else the only one that the Dockerfile exposes, else the default.
    fn resolve_port(&self, facts: &Facts) -> Result<Port, Problem> {
        if self.lines.contains_key("port") {
            return Ok(self.port.unwrap_or_default());
        }
        let Some(text) = &facts.dockerfile else {
            return Ok(Port::default());
        };
        let (what, why, example) = match dockerfile::exposed_ports(text) {
            Exposed::Ports(ports) => match ports.as_slice() {
                [] => return Ok(Port::default()),
                [port] => return Ok(Port::exposed(*port)),
                [first, ..] => (
                    format!("Dockerfile exposes {}", counted(&ports)),
                    "only one port can get the requests".to_owned(),
                    Port::exposed(*first),
                ),
            },
            Exposed::Unclear { line, instruction } => (
                "the Dockerfile does not state which port the app listens on".to_owned(),
                format!("its line {line} is {}", quoted(&instruction)),
                Port::default(),
            ),
        };
        let fix = format!("set `port`, such as `port = {example}`, in {}", super::FILE);
        Err(Problem::at(None, "port", Invalid::new(what, why, fix)))
    }

    fn missing_dockerfile(&self, facts: &Facts, overrides: &Overrides) -> Option<Problem> {
        let key_is_wrong = overrides.dockerfile.is_none() && self.is_wrong("dockerfile");
        if facts.dockerfile.is_some() || key_is_wrong {
            return None;
        }
        let path = self.dockerfile(overrides);
        let invalid = Invalid::new(
            format!("there is no Dockerfile `{path}`"),
            "the app's image is built from it",
            format!(
                "write one, name another with `dockerfile` in {}, or give an image that is already built",
                super::FILE
            ),
        );
        let line = self.line_unless("dockerfile", overrides.dockerfile.is_some());
        Some(Problem::at(line, "dockerfile", invalid))
    }

    /// Secrets that `env` sets as well: one variable has one value.
    fn plain_secrets(&self) -> Vec<Problem> {
        let line = self.lines.get("secrets").copied();
        let twice = self
            .secrets
            .iter()
            .filter(|name| self.env.contains_key(name.as_str()));
        twice
            .map(|name| {
                let invalid = Invalid::new(
                    format!("`{name}` stands in `secrets` and in `env`"),
                    "a variable has one value, and what stands in `env` is no secret",
                    "remove it from one of the two",
                );
                Problem::at(line, "secrets", invalid)
            })
            .collect()
    }

    /// Protected files that are not proven to equal git HEAD, or to have their sum. One without a fact is among
    /// them: a check that was not made must not pass.
    fn unprotected(&self, facts: &Facts) -> Vec<Problem> {
        let line = self.lines.get("protected").copied();
        self.protected
            .iter()
            .filter_map(|path| {
                let fact = facts.protected.iter().find(|fact| fact.path == *path);
                let invalid = complaint(path, fact.map(|fact| &fact.state))?;
                Some(Problem::at(line, "protected", invalid))
            })
            .collect()
    }

    /// The line of a key, unless the command line has replaced it.
    fn line_unless(&self, key: &str, replaced: bool) -> Option<usize> {
        self.lines.get(key).copied().filter(|_| !replaced)
    }
}

/// The problem of one protected file; `None` if it has none.
fn complaint(path: &RelativePath, state: Option<&ProtectedState>) -> Option<Invalid> {
    let argument = shell_argument(path.as_str());
    let (what, why, fix) = match state {
        Some(ProtectedState::Unchanged) => return None,
        Some(ProtectedState::Changed { head, working }) => (
            format!("protected file `{path}` has been changed"),
            format!(
                "git HEAD holds {}, the directory {}",
                hash_shown(head),
                hash_shown(working)
            ),
            format!(
                "undo it with `git checkout HEAD -- {argument}`, or commit it if it is intended"
            ),
        ),
        Some(ProtectedState::SumDiffers { expected, found }) => (
            format!("protected file `{path}` has been changed"),
            format!("its SHA-256 is {found}, `protected` requires {expected}"),
            "restore it, or set the new sum if the change is intended".to_owned(),
        ),
        Some(ProtectedState::Absent) => (
            format!("protected file `{path}` is missing"),
            "`protected` gives a sum for it".to_owned(),
            "bring it back, or take it off `protected`".to_owned(),
        ),
        Some(ProtectedState::MissingInTree) => (
            format!("protected file `{path}` is missing"),
            "git HEAD has it, the directory has not".to_owned(),
            format!("bring it back with `git checkout HEAD -- {argument}`"),
        ),
        Some(ProtectedState::NotInHead) => (
            format!("protected file `{path}` is not in git HEAD"),
            "there is nothing to compare it with".to_owned(),
            format!(
                "commit it (`git add -- {argument}`, `git commit`), or take it off `protected`"
            ),
        ),
        Some(ProtectedState::NotARepository) => (
            format!("protected file `{path}` cannot be checked"),
            "the directory does not belong to a git repository".to_owned(),
            "deploy from a clone, or remove `protected`".to_owned(),
        ),
        None => (
            format!("protected file `{path}` has not been checked"),
            "nothing is known about it".to_owned(),
            "run the command again; if that does not help, report it as a defect".to_owned(),
        ),
    };
    Some(Invalid::new(what, why, fix))
}

/// A path the way it can be pasted into a shell: it comes from a file that others may have written.
fn shell_argument(path: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/._-+@".contains(&b);
    if path.bytes().all(plain) {
        return path.to_owned();
    }
    format!("'{}'", path.replace('\'', r"'\''"))
}

/// The beginning of a hash. Characters, not bytes: the text comes from outside.
fn hash_shown(hash: &str) -> String {
    hash.chars().take(HASH_SHOWN).collect()
}

/// Some ports in full, many by their number.
fn counted(ports: &[u16]) -> String {
    if ports.len() <= PORTS_SHOWN {
        return listed(ports, "and");
    }
    let shown: Vec<String> = ports.iter().take(PORTS_SHOWN).map(u16::to_string).collect();
    format!("{} ports ({}, …)", ports.len(), shown.join(", "))
}
