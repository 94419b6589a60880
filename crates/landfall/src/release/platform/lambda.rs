//! Releases on Lambda: a slot is an alias of the function, and the alias `live` splits the traffic between
//! their versions.

use super::fargate::new_secret;
use super::{Look, Probed, SlotLook};
use crate::failure::Failure;
use crate::release::http_probe::SlotRoute;
use crate::report::now;
use aws::{
    ErrorKind, Functions, Invoked, Placed, Publication, RequestCount, Session, VersionFacts,
};
use edge_contract::SECRET_VARIABLE;
use edge_contract::invocation_error::NOT_READY;
use rules::app::manifest::HealthPath;
use rules::app::names::{Slot, Slots};
use rules::exit::Exit;
use rules::release::alias_routing::{Routing, Staged};
use rules::release::evidence::{Evidence, StoppedTask};
use rules::release::failed_invocation;
use rules::release::published_versions::{KEPT, Stay};
use rules::release::revision::{Image, Revision, RevisionId};
use rules::release::{PreviewRoutes, SlotSeen};
use rules::shape::contract::{LambdaInputs, LambdaOutputs};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Failed invocations of a new version that are enough evidence.
const ATTEMPTS: usize = 2;
/// Pause before a version is invoked again whose failure may pass, times the number of failures.
const INVOKE_AGAIN: Duration = Duration::from_secs(3);
/// The call by which Lambda refuses an image.
const UPDATE_CODE: &str = "lambda:UpdateFunctionCode";
/// How long an active version is not read again. It can become inactive, or fail when its image is deleted.
const FACTS_LAST: Duration = Duration::from_secs(60);
/// How often a probe is sent again that Lambda did not pass on to the version.
const PROBE_AGAIN: u32 = 4;

/// The Lambda target of one environment.
pub(crate) struct Lambda {
    functions: Functions,
    pub(super) requests: RequestCount,
    path: String,
    known: Arc<Mutex<Known>>,
}

/// What is known from earlier looks.
#[derive(Default)]
struct Known {
    /// Versions that were active when they were read.
    active: BTreeMap<String, (VersionFacts, Instant)>,
    /// First invocations of staged versions that have not answered yet.
    first: BTreeMap<String, FirstInvocations>,
    /// A revision whose image Lambda refused, and why.
    refused: Option<(RevisionId, String)>,
}

/// The first invocations of a staged version.
#[derive(Default)]
struct FirstInvocations {
    is_running: bool,
    /// Failures that may pass.
    passing: u32,
    /// When it may be invoked again.
    again_at: Option<Instant>,
    failures: Vec<StoppedTask>,
    /// The last lines of the app.
    lines: Vec<String>,
}

impl Lambda {
    pub(crate) fn new(session: &Session, outputs: &LambdaOutputs, path: &HealthPath) -> Lambda {
        Lambda {
            functions: Functions::new(session, &outputs.function),
            requests: RequestCount::of_function(session, &outputs.function),
            path: path.as_str().to_owned(),
            known: Arc::default(),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn look(&self) -> Result<Look, Failure> {
        let (routing, placed) =
            tokio::try_join!(self.functions.routing(), self.functions.placed())?;
        let staged = Slots {
            blue: placed.blue.as_ref().map(|placed| placed.version.clone()),
            green: placed.green.as_ref().map(|placed| placed.version.clone()),
        };
        let (blue, green) = tokio::try_join!(
            self.slot(Slot::Blue, placed.blue),
            self.slot(Slot::Green, placed.green)
        )?;
        Ok(Look {
            shares: routing.shares(&staged),
            previews: PreviewRoutes::NotNeeded,
            slots: Slots { blue, green },
        })
    }

    async fn slot(&self, slot: Slot, placed: Option<Placed>) -> Result<SlotLook, Failure> {
        let Some(placed) = placed else {
            return Ok(SlotLook::default());
        };
        let facts = self.version(&placed.version).await?;
        let is_active = facts.state == "Active";
        // A version without invocations for weeks becomes inactive, and the next invocation wakes it.
        // https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
        let is_asleep = facts.state == "Inactive";
        if is_asleep || is_active && !placed.stay.answered {
            self.invoke_first(slot, &placed);
        }
        // A version that answered before is compared with, also while it sleeps or wakes up.
        let is_healthy = placed.stay.answered && facts.state != "Failed";
        let known = self.known();
        let first = known.first.get(&placed.version);
        let mut stopped = first.map_or_else(Vec::new, |first| first.failures.clone());
        if facts.state == "Failed" {
            stopped.push(failed_invocation::stopped(
                &placed.version,
                facts.reason_code.as_deref().unwrap_or("Failed"),
                facts.reason.as_deref().unwrap_or_default(),
            ));
        }
        let image = facts.image.as_deref().and_then(Image::parse);
        Ok(SlotLook {
            seen: SlotSeen {
                revision: facts.revision,
                desired: 1,
                tasks: 1,
                healthy: u32::from(is_healthy),
                draining: 0,
                stopped: u32::try_from(stopped.len()).unwrap_or(u32::MAX),
                cause: None,
                staged_at: placed.stay.staged_at,
            },
            route: SlotRoute {
                token: None,
                secret: facts.secret,
            },
            running: image
                .filter(|_| is_active)
                .map(|image| image.digest)
                .into_iter()
                .collect(),
            image: facts.image,
            evidence: Evidence {
                stopped,
                log: first.map_or_else(Vec::new, |first| first.lines.clone()),
                ..Evidence::default()
            },
            tasks: vec![placed.version],
        })
    }

    async fn version(&self, version: &str) -> Result<VersionFacts, Failure> {
        let found = self.known().active.get(version).cloned();
        if let Some((facts, _)) = found.filter(|(_, at)| at.elapsed() < FACTS_LAST) {
            return Ok(facts);
        }
        let facts = self.functions.version(version).await?;
        if facts.state == "Active" {
            let read = (facts.clone(), Instant::now());
            self.known().active.insert(version.to_owned(), read);
        }
        Ok(facts)
    }

    /// Invokes a staged version in the background, as its start may take long. A first answer is noted in the
    /// description of its alias, where the next command finds it.
    fn invoke_first(&self, slot: Slot, placed: &Placed) {
        let mut known = self.known();
        let first = known.first.entry(placed.version.clone()).or_default();
        let is_early = first.again_at.is_some_and(|at| Instant::now() < at);
        if first.is_running || is_early || first.failures.len() >= ATTEMPTS {
            return;
        }
        first.is_running = true;
        let (functions, shared) = (self.functions.clone(), Arc::clone(&self.known));
        let (placed, path) = (placed.clone(), self.path.clone());
        tokio::spawn(async move {
            let invoked = functions.probe(&placed.version, &path).await;
            if let Ok(Invoked::Answered(_)) = invoked {
                // If it cannot be noted now, the version is invoked again.
                let stay = Stay {
                    answered: true,
                    ..placed.stay
                };
                let _ = functions.place(slot, &placed.version, stay).await;
            }
            let mut known = shared.lock().unwrap_or_else(PoisonError::into_inner);
            let first = known.first.entry(placed.version.clone()).or_default();
            first.is_running = false;
            if let Ok(Invoked::Failed {
                kind,
                message,
                lines,
                ..
            }) = invoked
                // It waits and has not failed: it is invoked again until its time is over.
                && kind != NOT_READY
            {
                let stopped = failed_invocation::stopped(&placed.version, &kind, &message);
                if failed_invocation::may_pass(&kind) {
                    // It is shown if the time is over, and is no crash of the app meanwhile.
                    first.failures.clear();
                    first.passing += 1;
                    first.again_at = Some(Instant::now() + INVOKE_AGAIN * first.passing);
                }
                first.failures.push(stopped);
                first.lines = lines;
            }
        });
    }

    /// Publishes the revision as a version, and points the slot's alias to it.
    pub(super) async fn stage(
        &self,
        slot: Slot,
        revision: &Revision,
        look: &Look,
    ) -> Result<(), Failure> {
        // Both versions share one secret: a request to the public address may reach either.
        let secret = match look.route(slot.other()).secret {
            Some(secret) => secret,
            None => new_secret()?,
        };
        let mut environment = revision.environment();
        environment.insert(SECRET_VARIABLE.to_owned(), secret.reveal().to_owned());
        let publication = Publication {
            image: &revision.image,
            revision: revision.id(),
            memory: LambdaInputs::memory(revision.settings.memory),
            architecture: revision.settings.architecture,
            environment,
        };
        let version = match self.functions.publish(&publication).await {
            // A retry would not change the image.
            Err(error) if is_refusal(&error) => {
                self.known().refused = Some((revision.id(), error.message));
                return Ok(());
            }
            other => other?,
        };
        let stay = Stay {
            staged_at: Some(now()),
            answered: false,
        };
        Ok(self.functions.place(slot, &version, stay).await?)
    }

    /// Why Lambda refused a revision, if it did.
    pub(crate) fn refusal(&self, revision: &RevisionId) -> Option<String> {
        let known = self.known();
        let (_, why) = known.refused.as_ref().filter(|(id, _)| id == revision)?;
        Some(why.clone())
    }

    pub(super) async fn shift(&self, slot: Slot, share: u32, look: &Look) -> Result<(), Failure> {
        let version = |slot: Slot| look.of(slot).tasks.first().cloned();
        let staged: Staged = Slots {
            blue: version(Slot::Blue),
            green: version(Slot::Green),
        };
        let Some(routing) = Routing::shifted(slot, share, &staged) else {
            return Err(Failure::new(
                Exit::Bug,
                format!(
                    "{share}% of users cannot be sent to the alias {slot}: an alias has no version"
                ),
            ));
        };
        let other = routing.other.as_ref();
        let other = other.map(|(version, share)| (version.as_str(), *share));
        Ok(self.functions.shift(&routing.version, other).await?)
    }

    pub(super) async fn scale(&self, slot: Slot, count: u32) -> Result<(), Failure> {
        match count {
            0 => Ok(self.functions.withdraw(slot).await?),
            // A staged version scales with the requests.
            _ => Ok(()),
        }
    }

    /// Invokes the version of a slot once.
    pub(super) async fn probe(&self, slot: Slot, look: &Look) -> Probed {
        let Some(version) = look.of(slot).tasks.first() else {
            return Probed::NotSent;
        };
        for attempt in 1..=PROBE_AGAIN {
            match self.functions.probe(version, &self.path).await {
                Ok(Invoked::Answered(answer)) => return Probed::Answered(answer.status),
                Err(error) if was_not_sent(&error) => {
                    tokio::time::sleep(Duration::from_millis(250) * attempt).await;
                }
                Ok(Invoked::Failed { .. }) | Err(_) => return Probed::Lost,
            }
        }
        Probed::NotSent
    }

    /// The failure of one invocation of the version in a slot; [`None`] if it answers, or cannot be invoked.
    pub(super) async fn examine(&self, slot: Slot, look: &Look) -> Option<Evidence> {
        let version = look.of(slot).tasks.first()?;
        let invoked = self.functions.probe(version, &self.path).await.ok()?;
        let Invoked::Failed {
            kind,
            message,
            lines,
            ..
        } = invoked
        else {
            return None;
        };
        Some(Evidence {
            stopped: vec![failed_invocation::stopped(version, &kind, &message)],
            log: lines,
            ..Evidence::default()
        })
    }

    /// Deletes versions that no alias or rollback needs.
    pub(super) async fn prune(&self) -> Result<(), Failure> {
        self.functions.prune(KEPT).await?;
        Ok(())
    }
}

/// Whether Lambda does not accept the image, so that another attempt would not help: it is not an image
/// that Lambda can run, or is for another processor.
fn is_refusal(error: &aws::Error) -> bool {
    let code = error.code.as_deref();
    error.operation == UPDATE_CODE
        && error.kind == ErrorKind::Other
        && code.is_some_and(|code| code.starts_with("Invalid") || code.starts_with("Unsupported"))
}

/// Whether Lambda did not pass an invocation on to the version: it throttles, or wakes the version up.
fn was_not_sent(error: &aws::Error) -> bool {
    matches!(error.kind, ErrorKind::Busy | ErrorKind::Conflict)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(operation: &'static str, kind: ErrorKind, code: &str) -> aws::Error {
        aws::Error {
            kind,
            operation,
            code: Some(code.to_owned()),
            message: code.to_owned(),
        }
    }

    #[test]
    fn only_a_refused_image_ends_a_release() {
        let of = |kind, code| is_refusal(&error(UPDATE_CODE, kind, code));
        assert!(of(ErrorKind::Other, "InvalidParameterValueException"));
        assert!(of(ErrorKind::Other, "UnsupportedImageLayerDetected"));
        assert!(!of(ErrorKind::Busy, "TooManyRequestsException"));
        assert!(!of(ErrorKind::Busy, "ServiceException"));
        assert!(!of(ErrorKind::Other, "CodeStorageExceededException"));
        let other = error(
            "lambda:PublishVersion",
            ErrorKind::Other,
            "InvalidParameter",
        );
        assert!(!is_refusal(&other));
    }

    #[test]
    fn an_invocation_that_lambda_did_not_pass_on_is_no_answer_of_the_version() {
        let of = |kind, code| was_not_sent(&error("lambda:InvokeFunction", kind, code));
        assert!(of(ErrorKind::Busy, "TooManyRequestsException"));
        assert!(of(ErrorKind::Busy, "CodeArtifactUserPendingException"));
        assert!(of(ErrorKind::Conflict, "ResourceConflictException"));
        assert!(!of(ErrorKind::Unreachable, "timeout"));
    }
}
