//! The verdict after a release: what was seen to run and what the public address was seen to answer.

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
    /// No answer, or 502, 503 or 504: what load balancer and CDN say when they get none.
    pub lost: u32,
}

impl Answers {
    /// Counts one answer: its status, or [`None`] where there was none.
    pub fn count(&mut self, status: Option<u16>) {
        self.asked += 1;
        match status {
            None | Some(502..=504) => self.lost += 1,
            Some(500..) => self.errors += 1,
            Some(_) => self.good += 1,
        }
    }
}

/// Whether the release did what it reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "verdict")]
pub enum Verdict {
    /// The digest runs and the public address answers.
    Serving {
        /// What runs.
        digest: Digest,
        /// What the address answered.
        answers: Answers,
    },
    /// Something else than the release's digest runs, or nothing.
    OtherDigest {
        /// What was to run.
        expected: Digest,
        /// What runs.
        running: Vec<Digest>,
    },
    /// The digest runs, but the public address did not answer.
    Unreachable {
        /// What the address answered.
        answers: Answers,
    },
}

/// Judges by what was observed: `running` are the digests of the live slot's running tasks.
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
    fn the_apps_own_errors_are_told_from_lost_requests() {
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
