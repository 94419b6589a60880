//! The verdict after a release: which image runs and whether the public address answers, as observed.

use crate::release::revision::Digest;
use serde::{Deserialize, Serialize};

/// Answers of an address to landfall's own requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answers {
    /// Requests sent.
    pub asked: u32,
    /// Answers below 500.
    pub good: u32,
    /// 500, 501 and everything above 504: errors that can only be the app's own.
    pub errors: u32,
    /// No answer, or 502, 503 or 504, which load balancer and CDN send without an answer of the app.
    pub lost: u32,
}

impl Answers {
    /// Counts one answer by its status; [`None`] without an answer.
    pub fn count(&mut self, status: Option<u16>) {
        self.asked += 1;
        match status {
            None | Some(502..=504) => self.lost += 1,
            Some(500..) => self.errors += 1,
            Some(_) => self.good += 1,
        }
    }
}

/// What was observed after a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "verdict")]
pub enum Verdict {
    /// The digest runs and the public address answers.
    Serving {
        /// The image.
        digest: Digest,
        /// Answers of the public address.
        answers: Answers,
    },
    /// Another image than the released one runs, or none.
    OtherDigest {
        /// The released image.
        expected: Digest,
        /// Images of the running tasks.
        running: Vec<Digest>,
    },
    /// The digest runs, but the public address did not answer.
    Unreachable {
        /// Answers of the public address.
        answers: Answers,
    },
}

/// Compares `expected` with `running`, the digests of the live slot's running tasks.
pub fn verdict(expected: &Digest, running: &[Digest], answers: Answers) -> Verdict {
    if running.is_empty() || running.iter().any(|digest| digest != expected) {
        return Verdict::OtherDigest {
            expected: expected.clone(),
            running: running.to_vec(),
        };
    }
    if answers.good == 0 {
        return Verdict::Unreachable { answers };
    }
    Verdict::Serving {
        digest: expected.clone(),
        answers,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(byte: &str) -> Digest {
        Digest::parse(&format!("sha256:{}", byte.repeat(32))).expect("digest")
    }

    fn answers(statuses: &[Option<u16>]) -> Answers {
        let mut answers = Answers::default();
        statuses.iter().for_each(|status| answers.count(*status));
        answers
    }

    #[test]
    fn no_evidence_is_never_a_pass() {
        let good = answers(&[Some(200)]);
        assert!(matches!(
            verdict(&digest("aa"), &[], good),
            Verdict::OtherDigest { .. }
        ));
        let none = Answers::default();
        assert!(matches!(
            verdict(&digest("aa"), &[digest("aa")], none),
            Verdict::Unreachable { .. }
        ));
    }

    #[test]
    fn one_task_of_another_digest_is_enough_to_fail() {
        let running = [digest("aa"), digest("bb")];
        let seen = verdict(&digest("aa"), &running, answers(&[Some(200)]));
        assert!(matches!(seen, Verdict::OtherDigest { .. }));
    }

    #[test]
    fn errors_of_the_app_are_not_lost_requests() {
        let seen = answers(&[Some(200), Some(500), Some(404), Some(503), None]);
        assert_eq!(
            seen,
            Answers {
                asked: 5,
                good: 2,
                errors: 1,
                lost: 2
            }
        );
        assert!(matches!(
            verdict(&digest("aa"), &[digest("aa")], seen),
            Verdict::Serving { .. }
        ));
    }
}
