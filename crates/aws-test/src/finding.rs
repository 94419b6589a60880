//! What was asked about an assumption, and what came of it.

use crate::assumption::{Assumption, Id};
use crate::observation::{Observation, Outcome, Refusal, judge};
use aws::{Error, ErrorKind};
use serde::Serialize;
use testkit::now;

/// One question to AWS, and its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Evidence {
    /// When the answer came.
    pub(crate) at: String,
    pub(crate) asked: String,
    pub(crate) answered: String,
}

impl Evidence {
    pub(crate) fn new(asked: impl Into<String>, answered: impl Into<String>) -> Evidence {
        Evidence {
            at: now().rfc3339(),
            asked: asked.into(),
            answered: answered.into(),
        }
    }

    /// The answer of a call.
    pub(crate) fn of<T>(asked: impl Into<String>, answer: &Result<T, Error>) -> Evidence {
        let answered = match answer {
            Ok(_) => "success".to_owned(),
            Err(error) => error.to_string(),
        };
        Evidence::new(asked, answered)
    }
}

/// What was observed of an assumption.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Finding {
    pub(crate) id: Id,
    pub(crate) observed: Observation,
    pub(crate) evidence: Vec<Evidence>,
}

impl Finding {
    pub(crate) fn new(id: Id, observed: Observation, evidence: Vec<Evidence>) -> Finding {
        Finding {
            id,
            observed,
            evidence,
        }
    }

    /// It could not be asked.
    pub(crate) fn unasked(id: Id, why: impl Into<String>) -> Finding {
        Finding::new(id, Observation::Unasked(why.into()), Vec::new())
    }

    /// A call that permissions decide on.
    pub(crate) fn call<T>(id: Id, asked: impl Into<String>, answer: &Result<T, Error>) -> Finding {
        let evidence = vec![Evidence::of(asked, answer)];
        let observed = match answer {
            Ok(_) => Ok(()),
            Err(error) => Err(Refusal {
                is_denied: error.kind == ErrorKind::Denied,
                message: error.to_string(),
            }),
        };
        Finding::new(id, Observation::Call(observed), evidence)
    }

    /// What follows from it.
    pub(crate) fn outcome(&self, is_rehearsal: bool) -> Outcome {
        judge(Assumption::of(self.id), &self.observed, is_rehearsal)
    }
}
