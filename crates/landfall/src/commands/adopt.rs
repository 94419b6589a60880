//! `landfall adopt`: the way back from plain Terraform. With the state in the bucket it only
//! checks; a copied state replaces landfall's own.

use crate::cli::Global;
use crate::cli::eject::Adopt;
use crate::commands::eject::{self, Directory, invalid};
use crate::environment::Environment;
use crate::environment::app::App;
use crate::environment::planner::Planner;
use crate::failure::Failure;
use crate::lock::keepalive::Keepalive;
use crate::report::Report;
use crate::report::phases::Phases;
use infra::{BACKEND, Interrupt, VARIABLES};
use rules::app::manifest::{FILE, Manifest, StateBackend, Target};
use rules::event::{Event, Phase};
use rules::exit::Exit;
use rules::leave::eject::files::{Edit, Texts, edits, other_version};
use rules::leave::eject::settings::{Difference, Variables, differences};
use rules::leave::eject::state::{Stamp, Takeover, takeover};
use rules::leave::eject::{Ejected, same};
use rules::shape::contract::Root;
use serde_json::Value;
use std::collections::BTreeMap;

pub(crate) async fn run(
    arguments: &Adopt,
    global: &Global,
    report: &Report,
    interrupt: Interrupt,
) -> Result<(), Failure> {
    let phases = Phases::new(report);
    let (directory, record) = Directory::to_read(&arguments.from)?;
    let app = App::read_settings(&arguments.app.directory, global)?;
    let environment = phases
        .time(
            Phase::Preflight,
            Environment::open(&app.manifest, global, report),
        )
        .await?;
    same(&directory.name, &record.whose, &environment.whose()).map_err(invalid)?;
    if record.state != app.manifest.state {
        return Err(other_backend(&record));
    }
    let adoption = Adoption {
        manifest: Manifest {
            target: target(&record)?,
            budget: arguments.budget.or(app.manifest.budget),
            ..app.manifest.clone()
        },
        environment: &environment,
        directory: &directory,
        record: &record,
        report,
        interrupt: &interrupt,
    };
    adoption.run(arguments.yes, &phases).await
}

/// The target of the ejected roots.
fn target(record: &Ejected) -> Result<Target, Failure> {
    let there = |target: &Target| record.roots.contains_key(&Root::of(*target));
    Target::ALL.into_iter().find(there).ok_or_else(|| {
        Failure::new(
            Exit::BadInput,
            "the ejected directory has no root of a target",
        )
    })
}

fn other_backend(record: &Ejected) -> Failure {
    Failure::new(
        Exit::BadInput,
        "the state backend has changed since the eject",
    )
    .why(format!("`state` was \"{}\" at that time", record.state))
    .next(format!(
        "set `state = \"{}\"` in {FILE}; nothing was changed",
        record.state
    ))
}

struct Adoption<'a> {
    manifest: Manifest,
    environment: &'a Environment,
    directory: &'a Directory,
    record: &'a Ejected,
    report: &'a Report,
    interrupt: &'a Interrupt,
}

impl Adoption<'_> {
    async fn run(&self, yes: bool, phases: &Phases<'_>) -> Result<(), Failure> {
        let found = self.directory.texts()?;
        self.check_backends(&found)?;
        let verdicts = self.check_states().await?;
        self.check_target().await?;
        let scratch =
            tempfile::tempdir().map_err(Failure::io("cannot create a temporary directory"))?;
        let ours = self.ours(&found, scratch.path()).await?;
        self.compare(&found, &ours, yes)?;
        self.take_over(&verdicts).await?;
        let unchanged = phases.time(Phase::Plan, self.plan(&ours)).await?;
        self.report.emit(Event::Adopted { unchanged });
        Ok(())
    }

    fn planner<'a>(&'a self, environment: &'a Environment) -> Planner<'a> {
        Planner {
            manifest: &self.manifest,
            environment,
            report: self.report,
            interrupt: self.interrupt,
            is_read_only: true,
        }
    }

    fn roots(&self) -> impl Iterator<Item = Root> {
        self.record.roots.keys().copied()
    }

    /// Checks that the backends are unchanged: with another backend, landfall's state may be an old
    /// one.
    fn check_backends(&self, found: &Texts) -> Result<(), Failure> {
        for root in self.roots() {
            let path = format!("{root}/{BACKEND}");
            let wanted = self.environment.ejected(root, &Value::Null);
            if found.get(&path) == wanted.get(BACKEND) {
                continue;
            }
            let kept = match self.environment.bucket() {
                Some(bucket) => format!("landfall keeps it in the bucket {}", bucket.name()),
                None => "landfall keeps it on this machine".to_owned(),
            };
            return Err(Failure::new(
                Exit::Refused,
                format!("the state of the {root} root may be somewhere else: {path} was edited"),
            )
            .why(kept)
            .next(format!(
                "restore {path} (`landfall eject` into an empty directory shows it), then run \
                 `terraform -chdir={}/{root} init -migrate-state`",
                self.directory.name
            )));
        }
        Ok(())
    }

    /// Checks that the states belong to these roots. For copied states, decides which of the two is
    /// current.
    async fn check_states(&self) -> Result<BTreeMap<Root, Takeover>, Failure> {
        let mut verdicts = BTreeMap::new();
        for (root, parted) in &self.record.roots {
            let Some(ours) = self.environment.state(*root).await? else {
                if self.record.state == StateBackend::S3 {
                    return Err(self.environment.not_deployed());
                }
                verdicts.insert(*root, self.copy(*root, parted, None)?);
                continue;
            };
            let ours = Stamp::read(&ours);
            let verdict = match (self.record.state, &ours) {
                (StateBackend::Local, ours) => self.copy(*root, parted, ours.as_ref())?,
                (StateBackend::S3, Some(ours)) if ours.lineage == parted.lineage => Takeover::Same,
                (StateBackend::S3, _) => Takeover::Foreign,
            };
            if verdict == Takeover::Foreign {
                return Err(foreign(*root, parted, ours.as_ref()));
            }
            verdicts.insert(*root, verdict);
        }
        Ok(verdicts)
    }

    /// What to do with a copied state.
    fn copy(&self, root: Root, parted: &Stamp, ours: Option<&Stamp>) -> Result<Takeover, Failure> {
        let path = format!("{root}/terraform.tfstate");
        let lock = format!("{root}/.terraform.tfstate.lock.info");
        if self.directory.read(&lock)?.is_some() {
            return Err(Failure::new(
                Exit::Locked,
                format!("the state of the {root} root is locked"),
            )
            .why(format!("{}/{lock} exists", self.directory.name))
            .next("wait until that Terraform has finished, then run the same command again"));
        }
        let Some(text) = self.directory.read(&path)? else {
            return match ours {
                // An earlier adopt has taken it.
                Some(_) => Ok(Takeover::Same),
                None => Err(self.environment.not_deployed()),
            };
        };
        let Some(theirs) = Stamp::read(&text) else {
            return Ok(Takeover::Foreign);
        };
        match takeover(parted, &theirs, ours) {
            Takeover::Forked => Err(Failure::new(
                Exit::Refused,
                format!("landfall and plain Terraform have both changed the {root} root"),
            )
            .why(format!(
                "both started at serial {}; {}/{path} has {}, landfall's own has {}",
                parted.serial,
                self.directory.name,
                theirs.serial,
                ours.map_or(0, |ours| ours.serial)
            ))
            .next(
                "neither state is complete: `terraform plan` in both directories shows what each \
                   lacks; `terraform import` adds it, and `terraform state push` replaces the \
                   other state with the complete one",
            )),
            verdict => Ok(verdict),
        }
    }

    /// Checks that the ejected target is still the deployed one.
    async fn check_target(&self) -> Result<(), Failure> {
        let there = match self.environment.has_state().await? {
            true => self.environment.targets().await?,
            false => Vec::new(),
        };
        match there.as_slice() {
            [] if self.record.state == StateBackend::S3 => Err(self.environment.not_deployed()),
            [target] if *target != self.manifest.target => Err(Failure::new(
                Exit::Refused,
                format!(
                    "it runs on {target} now, and ran on {} when it was ejected",
                    self.manifest.target
                ),
            )
            .next("landfall manages it already: there is nothing to adopt")),
            [] | [_] => Ok(()),
            _ => Err(eject::moving()),
        }
    }

    /// The variables of each root as landfall would have them.
    async fn ours(
        &self,
        found: &Texts,
        scratch: &std::path::Path,
    ) -> Result<BTreeMap<Root, Value>, Failure> {
        let mut all = BTreeMap::new();
        for root in self.roots() {
            let variables = match root {
                Root::Ci if self.record.state == StateBackend::S3 => {
                    let aside = self.environment.aside(scratch).await?;
                    eject::of_ci(&aside, &self.manifest, self.interrupt).await?
                }
                // Its state is not landfall's yet; its variables are in the directory.
                // `up` reads the current domains from the state.
                Root::Ci | Root::LambdaDomain | Root::FargateDomain => {
                    self.there(root, found)?.into()
                }
                root => {
                    let environment = &self.environment;
                    environment.variables(root, &self.manifest, None).await?
                }
            };
            all.insert(root, variables);
        }
        Ok(all)
    }

    /// The variables of a root in the ejected directory.
    fn there(&self, root: Root, found: &Texts) -> Result<Variables, Failure> {
        let path = format!("{root}/{VARIABLES}");
        let text = found.get(&path).map_or("", String::as_str);
        serde_json::from_str(text).map_err(|error| {
            Failure::new(Exit::BadInput, format!("{path} cannot be read"))
                .why(error.to_string())
                .next("write it as JSON, one object with the variables; nothing was changed")
        })
    }

    /// Reports differences, and refuses to drop them without confirmation.
    fn compare(
        &self,
        found: &Texts,
        ours: &BTreeMap<Root, Value>,
        yes: bool,
    ) -> Result<(), Failure> {
        let mut changed: Vec<Difference> = Vec::new();
        let mut wanted = Texts::new();
        for (root, variables) in ours {
            let here = variables.as_object().cloned().unwrap_or_default();
            changed.extend(differences(*root, &self.there(*root, found)?, &here));
            for (name, text) in self.environment.ejected(*root, variables) {
                wanted.insert(format!("{root}/{name}"), text);
            }
        }
        // The variables have just been compared, by value.
        let is_text = |path: &String| !path.ends_with(VARIABLES);
        wanted.retain(|path, _| is_text(path));
        let written: BTreeMap<String, String> = self
            .record
            .files
            .iter()
            .filter(|(path, _)| is_text(path))
            .map(|(path, sum)| (path.clone(), sum.clone()))
            .collect();
        let found: Texts = found
            .iter()
            .filter(|(path, _)| is_text(path))
            .map(|(path, text)| (path.clone(), text.clone()))
            .collect();
        let edited = edits(&written, &wanted, &found);
        let others = other_version(&written, &wanted, &found);
        if others > 0 {
            self.report.note(format!(
                "{others} files were written by landfall {}, and this is {}: the plan shows \
                 whether that changes anything",
                self.record.landfall,
                env!("CARGO_PKG_VERSION")
            ));
        }
        self.report.emit(Event::Compared {
            differences: changed.clone(),
            edits: edited.clone(),
            accepted: yes,
        });
        match yes || (changed.is_empty() && edited.is_empty()) {
            true => Ok(()),
            false => Err(refusal(&changed, &edited)),
        }
    }

    /// Replaces landfall's states by the copied ones, where those are current.
    async fn take_over(&self, verdicts: &BTreeMap<Root, Takeover>) -> Result<(), Failure> {
        if self.record.state == StateBackend::S3 {
            return Ok(());
        }
        let store = self.environment.store();
        let keepalive =
            Keepalive::acquire(&store, "landfall adopt", self.report, self.interrupt).await?;
        let done = self.take_over_locked(verdicts).await;
        keepalive.release(done).await
    }

    async fn take_over_locked(&self, verdicts: &BTreeMap<Root, Takeover>) -> Result<(), Failure> {
        for (root, verdict) in verdicts {
            let own = self.environment.local_state(*root);
            let unwritable = format!("{} cannot be written", own.display());
            if let Some(lock) = self.environment.state_lock(*root).await {
                return Err(Failure::new(
                    Exit::Locked,
                    format!("the state of the {root} root is locked"),
                )
                .why(lock.describe())
                .next("wait until it has finished, then run the same command again"));
            }
            let theirs = self.directory.read(&format!("{root}/terraform.tfstate"))?;
            match (verdict, theirs) {
                (Takeover::Take, Some(text)) => {
                    if own.exists() {
                        std::fs::copy(&own, own.with_extension("tfstate.before-adopt"))
                            .map_err(Failure::io(unwritable.clone()))?;
                    }
                    eject::replace(&own, &text, Some(0o600)).map_err(Failure::io(unwritable))?;
                    self.report.note(format!(
                        "landfall manages the state of the {root} root again"
                    ));
                }
                (Takeover::Stale, _) => self.report.note(format!(
                    "landfall has changed the {root} root since the eject: its own state is kept"
                )),
                _ => {}
            }
            self.directory.put_away(*root)?;
        }
        Ok(())
    }

    /// Plans what `up` would change. Returns whether that is nothing.
    async fn plan(&self, ours: &BTreeMap<Root, Value>) -> Result<bool, Failure> {
        let scratch =
            tempfile::tempdir().map_err(Failure::io("cannot create a temporary directory"))?;
        let aside = self.environment.aside(scratch.path()).await?;
        let planner = self.planner(&aside);
        let mut unchanged = true;
        for (root, variables) in ours {
            let terraform = aside
                .terraform_with(*root, variables, self.interrupt)
                .await?;
            let ready = planner.plan_root(terraform).await?;
            unchanged &= ready.plan.is_empty();
            self.report.emit(Event::Planned {
                root: *root,
                summary: ready.plan.describe(),
                changes: ready.plan.changes.clone(),
            });
        }
        Ok(unchanged)
    }
}

fn foreign(root: Root, parted: &Stamp, found: Option<&Stamp>) -> Failure {
    let found = found.map_or("unreadable", |found| found.lineage.as_str());
    Failure::new(
        Exit::Refused,
        format!("the state of the {root} root is not the one that was ejected"),
    )
    .why(format!(
        "its lineage was {}; it is now {found}",
        parted.lineage
    ))
    .next(
        "it was created again, or belongs to another environment: `landfall status` shows what \
           is deployed; nothing was changed",
    )
}

fn refusal(changed: &[Difference], edited: &[Edit]) -> Failure {
    let mut failure = Failure::new(
        Exit::Refused,
        "landfall would undo changes in the ejected directory",
    );
    failure.why = changed
        .iter()
        .map(ToString::to_string)
        .chain(
            edited
                .iter()
                .map(|edit| format!("{edit}: landfall uses only its own files")),
        )
        .collect();
    let mut how: Vec<String> = changed
        .iter()
        .map(|difference| format!("{}: {}", difference.variable, difference.how))
        .collect();
    // Two roots may have the same setting.
    how.dedup();
    failure.next = how;
    if !edited.is_empty() {
        failure =
            failure.next("restore the files, or continue without landfall: it cannot keep them");
    }
    failure.next(
        "or drop the changes with --yes: the next `landfall up` undoes them; nothing was \
                  changed yet",
    )
}
