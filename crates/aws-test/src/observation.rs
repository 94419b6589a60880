//! What was observed of an assumption, and what follows from it.

use crate::assumption::{Assumption, Emulated};
use serde::Serialize;

/// What was observed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Observation {
    /// The changes that a second `up` planned: addresses with their actions.
    Changes(Vec<String>),
    /// A call was permitted, or refused with this error.
    Call(Result<(), Refusal>),
    /// Sids of the statements in a policy, and whether each names our function alone.
    Statements(Vec<(String, bool)>),
    /// Whether the resource policies name our log group.
    Named(bool),
    /// Whether each read found what was written just before, in order.
    Reads(Vec<bool>),
    /// After how many seconds something worked; [`None`] if it did not within the limit.
    Worked { after: Option<f64>, limit: f64 },
    /// How late each line was, in seconds, and how many requests caused lines.
    Delays { seconds: Vec<f64>, requests: usize },
    /// A version without its image: its state, and whether an invocation failed.
    Version {
        state: String,
        failed: bool,
        after: f64,
    },
    /// Whether the version that needs something was released.
    Released(bool),
    /// Two answers to the same request: whether the second was the first one's copy.
    Repeated { status: u16, is_copy: bool },
    /// Answers of the public address: how many, and how many of them were not the app's.
    Answers { all: usize, foreign: usize },
    /// Seconds from the last shift to the last answer of the old version.
    Routed { after: f64, requests: usize },
    /// It could not be asked, for this reason.
    Unasked(String),
}

/// Why a call failed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Refusal {
    /// Whether permissions are the reason.
    pub(crate) is_denied: bool,
    pub(crate) message: String,
}

/// What follows for the assumption.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "outcome", content = "why")]
pub(crate) enum Outcome {
    Held(String),
    DidNotHold(String),
    NotTested(String),
}

impl Outcome {
    /// As the report words it.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Outcome::Held(_) => "held",
            Outcome::DidNotHold(_) => "did not hold",
            Outcome::NotTested(_) => "not tested",
        }
    }

    /// What it is concluded from.
    pub(crate) fn why(&self) -> &str {
        match self {
            Outcome::Held(why) | Outcome::DidNotHold(why) | Outcome::NotTested(why) => why,
        }
    }
}

/// Reads in a row after which landfall takes versioning for settled.
const SETTLED_AFTER: usize = 16;
/// Lines of which so many in a hundred may not be later than [`LATEST`] seconds.
const USUAL: f64 = 0.95;
pub(crate) const LATEST: f64 = 20.0;
/// Seconds that a release waits after a shift.
const SETTLE: f64 = 10.0;

/// What an observation means for an assumption. In a rehearsal, an answer as assumed proves nothing where the
/// emulators cannot answer otherwise.
pub(crate) fn judge(of: &Assumption, observed: &Observation, is_rehearsal: bool) -> Outcome {
    match (of.emulated, conclude(observed)) {
        (Emulated::Not(why), Outcome::Held(_)) if is_rehearsal => {
            Outcome::NotTested(why.to_owned())
        }
        (_, outcome) => outcome,
    }
}

fn either(holds: bool, why: String) -> Outcome {
    match holds {
        true => Outcome::Held(why),
        false => Outcome::DidNotHold(why),
    }
}

fn conclude(observed: &Observation) -> Outcome {
    match observed {
        Observation::Changes(changes) if changes.is_empty() => {
            Outcome::Held("the second `up` planned no change".to_owned())
        }
        Observation::Changes(changes) => {
            Outcome::DidNotHold(format!("the second `up` planned: {}", changes.join(", ")))
        }
        Observation::Call(Ok(())) => Outcome::Held("the call was permitted".to_owned()),
        Observation::Call(Err(refusal)) if refusal.is_denied => {
            Outcome::DidNotHold(refusal.message.clone())
        }
        Observation::Call(Err(refusal)) => Outcome::NotTested(format!(
            "the call failed for another reason: {}",
            refusal.message
        )),
        Observation::Statements(statements) => policy(statements),
        Observation::Named(false) => {
            Outcome::Held("no resource policy names the access log's group".to_owned())
        }
        Observation::Named(true) => {
            Outcome::DidNotHold("a resource policy names the access log's group".to_owned())
        }
        Observation::Reads(reads) => settled(reads),
        Observation::Worked { after, limit } => match after {
            Some(seconds) => Outcome::Held(format!("it worked after {seconds:.1} s")),
            None => Outcome::DidNotHold(format!("it did not work within {limit:.0} s")),
        },
        Observation::Delays { seconds, requests } => delays(seconds, *requests),
        Observation::Version {
            state,
            failed,
            after,
        } => version(state, *failed, *after),
        Observation::Released(was) => match was {
            false => Outcome::Held("the version did not start".to_owned()),
            true => Outcome::DidNotHold("the version was released".to_owned()),
        },
        Observation::Repeated { status, .. } if *status < 400 => {
            Outcome::NotTested(format!("the missing page was answered with {status}"))
        }
        Observation::Repeated { status, is_copy } => {
            let from = if *is_copy {
                "CloudFront's cache"
            } else {
                "the app again"
            };
            either(
                !is_copy,
                format!("the second answer, {status}, came from {from}"),
            )
        }
        Observation::Answers { all: 0, .. } => Outcome::NotTested("nothing answered".to_owned()),
        Observation::Answers { all, foreign } => either(
            *foreign == 0,
            format!("{foreign} of {all} answers were not the app's"),
        ),
        Observation::Routed { requests: 0, .. } => {
            Outcome::NotTested("there were no requests after the shift".to_owned())
        }
        Observation::Routed { after, requests } => either(
            *after <= SETTLE,
            format!(
                "the old version last answered {after:.1} s after the last shift, seen in {requests} requests"
            ),
        ),
        Observation::Unasked(why) => Outcome::NotTested(why.clone()),
    }
}

fn policy(statements: &[(String, bool)]) -> Outcome {
    let sids: Vec<&str> = statements.iter().map(|(sid, _)| sid.as_str()).collect();
    let why = format!("the statements are: {}", sids.join(", "));
    match statements {
        [] => Outcome::NotTested("the repository has no policy".to_owned()),
        [(_, true)] => Outcome::Held(why),
        _ => Outcome::DidNotHold(why),
    }
}

fn settled(reads: &[bool]) -> Outcome {
    let missing = |reads: &[bool]| reads.iter().filter(|found| !**found).count();
    let mut in_a_row = 0;
    let end = reads.iter().position(|found| {
        in_a_row = if *found { in_a_row + 1 } else { 0 };
        in_a_row == SETTLED_AFTER
    });
    let Some(end) = end else {
        let why = format!(
            "{} of {} reads missed, never {SETTLED_AFTER} in a row did not",
            missing(reads),
            reads.len()
        );
        return Outcome::DidNotHold(why);
    };
    let (before, after) = reads.split_at(end + 1);
    if after.is_empty() {
        return Outcome::NotTested("the bucket settled with the last read".to_owned());
    }
    let why = format!(
        "{} of {} reads missed until {SETTLED_AFTER} in a row did not, {} of {} after that",
        missing(before),
        before.len(),
        missing(after),
        after.len()
    );
    either(missing(after) == 0, why)
}

fn delays(seconds: &[f64], requests: usize) -> Outcome {
    if requests == 0 {
        return Outcome::NotTested("the function got no requests".to_owned());
    }
    let late = seconds.iter().filter(|delay| **delay > LATEST).count();
    let latest = seconds.iter().copied().fold(0.0, f64::max);
    let why = format!(
        "{} lines of {requests} requests, {late} of them later than {LATEST:.0} s; the latest after {latest:.1} s",
        seconds.len()
    );
    let allowed = (1.0 - USUAL) * seconds.len() as f64;
    either(!seconds.is_empty() && late as f64 <= allowed, why)
}

fn version(state: &str, failed: bool, after: f64) -> Outcome {
    let why = format!("{after:.0} s after its image was deleted the version is {state}");
    match (state == "Failed", failed) {
        (true, _) => Outcome::Held(why),
        (false, true) => Outcome::DidNotHold(format!("{why}, and its invocation fails")),
        (false, false) => {
            Outcome::NotTested(format!("{why} and answers: Lambda may take a day to look"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assumption::Id;

    fn word(id: Id, observed: &Observation, is_rehearsal: bool) -> &'static str {
        judge(Assumption::of(id), observed, is_rehearsal).word()
    }

    fn call(is_denied: bool) -> Observation {
        Observation::Call(Err(Refusal {
            is_denied,
            message: "no".to_owned(),
        }))
    }

    #[test]
    fn a_denied_call_contradicts_and_another_failure_shows_nothing() {
        for is_rehearsal in [false, true] {
            assert_eq!(
                word(Id::ApiCreate, &call(true), is_rehearsal),
                "did not hold"
            );
            assert_eq!(
                word(Id::ApiCreate, &call(false), is_rehearsal),
                "not tested"
            );
        }
        assert_eq!(
            word(Id::ApiCreate, &Observation::Call(Ok(())), false),
            "held"
        );
    }

    #[test]
    fn what_emulators_cannot_refuse_is_not_proved_by_them() {
        let permitted = Observation::Call(Ok(()));
        let outcome = judge(Assumption::of(Id::ApiCreate), &permitted, true);
        assert_eq!(outcome.word(), "not tested");
        assert!(outcome.why().contains("permit everything"), "{outcome:?}");
        let none = Observation::Changes(Vec::new());
        assert_eq!(word(Id::SecondUp, &none, true), "held");
    }

    #[test]
    fn a_planned_change_is_named() {
        let changed = Observation::Changes(vec!["update aws_x.y".to_owned()]);
        let outcome = judge(Assumption::of(Id::SecondUp), &changed, false);
        assert_eq!(outcome.word(), "did not hold");
        assert!(outcome.why().contains("aws_x.y"));
    }

    #[test]
    fn one_statement_about_our_function_is_the_policy_that_was_set() {
        let one = |is_ours| ("A".to_owned(), is_ours);
        let judged = |all: &[(String, bool)]| {
            word(
                Id::RepositoryPolicy,
                &Observation::Statements(all.to_vec()),
                false,
            )
        };
        assert_eq!(judged(&[one(true)]), "held");
        assert_eq!(judged(&[one(false)]), "did not hold");
        assert_eq!(judged(&[one(true), one(false)]), "did not hold");
        assert_eq!(judged(&[]), "not tested");
    }

    #[test]
    fn misses_count_only_after_the_bucket_looked_settled() {
        let reads = |text: &str| Observation::Reads(text.chars().map(|c| c == '+').collect());
        let row = "+".repeat(SETTLED_AFTER);
        let judged = |text: &str| word(Id::SettledBucket, &reads(text), false);
        assert_eq!(judged(&format!("+--+{row}++")), "held");
        assert_eq!(judged(&format!("+-{row}+-+")), "did not hold");
        assert_eq!(judged(&format!("{row}-")), "did not hold");
        assert_eq!(judged("+-+-+-"), "did not hold");
        assert_eq!(judged(&row), "not tested");
    }

    #[test]
    fn lines_may_be_late_in_few_cases() {
        let judged = |late: usize, all: usize, requests| {
            let mut seconds = vec![1.0; all - late];
            seconds.extend(vec![30.0; late]);
            word(
                Id::LogDelay,
                &Observation::Delays { seconds, requests },
                true,
            )
        };
        assert_eq!(judged(5, 100, 10), "held");
        assert_eq!(judged(6, 100, 10), "did not hold");
        assert_eq!(judged(0, 0, 10), "did not hold", "no line of ten requests");
        assert_eq!(judged(0, 0, 0), "not tested");
    }

    #[test]
    fn a_version_that_fails_unseen_contradicts() {
        let judged = |state: &str, failed| {
            let observed = Observation::Version {
                state: state.to_owned(),
                failed,
                after: 3.0,
            };
            word(Id::FailedVersion, &observed, false)
        };
        assert_eq!(judged("Failed", true), "held");
        assert_eq!(judged("Active", true), "did not hold");
        assert_eq!(judged("Active", false), "not tested");
    }

    #[test]
    fn answers_of_the_public_address_are_weighed() {
        let repeated = |status, is_copy| {
            word(
                Id::ErrorCaching,
                &Observation::Repeated { status, is_copy },
                false,
            )
        };
        assert_eq!(repeated(404, false), "held");
        assert_eq!(repeated(404, true), "did not hold");
        assert_eq!(repeated(200, true), "not tested");
        let answers = |all, foreign| {
            word(
                Id::KnownDistribution,
                &Observation::Answers { all, foreign },
                false,
            )
        };
        assert_eq!((answers(20, 0), answers(20, 1)), ("held", "did not hold"));
        assert_eq!(answers(0, 0), "not tested");
        let routed = |after, requests| {
            word(
                Id::RoutingDelay,
                &Observation::Routed { after, requests },
                true,
            )
        };
        assert_eq!(
            (routed(9.0, 50), routed(11.0, 50)),
            ("held", "did not hold")
        );
        assert_eq!(routed(0.0, 0), "not tested");
    }

    #[test]
    fn waiting_and_releasing_are_weighed() {
        let worked = |after| {
            word(
                Id::BucketName,
                &Observation::Worked { after, limit: 20.0 },
                true,
            )
        };
        assert_eq!((worked(Some(3.0)), worked(None)), ("held", "did not hold"));
        let released = |was| word(Id::LowPort, &Observation::Released(was), false);
        assert_eq!((released(false), released(true)), ("held", "did not hold"));
        let unasked = Observation::Unasked("no role".to_owned());
        assert_eq!(word(Id::ApiStage, &unasked, false), "not tested");
    }
}
