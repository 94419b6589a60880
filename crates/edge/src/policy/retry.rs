//! Whether a request is tried again: the one table that decides it.
//!
//! | the try ended with | not repeatable (POST) | repeatable, body kept |
//! |---|---|---|
//! | 500, 502, 503, 504 | deliver | again at once, for a token |
//! | any other answer | deliver | deliver |
//! | connection refused: nothing was sent | wait for the app | wait for the app |
//! | a kept connection was closed before anything was sent | again | again |
//! | reset or closed before an answer | fail | again at once, for a token |
//! | no answer in time | fail | again, for a token |
//!
//! "Again" is bounded by the number of tries and by the deadline; without a token the request ends
//! as if it were not repeatable.

use http_status::{BAD_GATEWAY, GATEWAY_TIMEOUT, INTERNAL, UNAVAILABLE};

/// The statuses that may be an accident of one try.
mod http_status {
    pub(super) const INTERNAL: u16 = 500;
    pub(super) const BAD_GATEWAY: u16 = 502;
    pub(super) const UNAVAILABLE: u16 = 503;
    pub(super) const GATEWAY_TIMEOUT: u16 = 504;
}

/// How one try ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The app answered with this status.
    Answered(u16),
    /// No connection could be made.
    Refused,
    /// A kept connection turned out to be closed before a byte of the request had left.
    Unsent,
    /// The connection broke after the request was sent, before the answer's head was there.
    Reset,
    /// The answer's head did not come in time.
    Silent,
}

impl Ended {
    /// Whether releases and alarms count the try as an error of the app.
    pub fn is_error(self) -> bool {
        match self {
            Ended::Answered(status) => status >= INTERNAL,
            Ended::Refused | Ended::Reset | Ended::Silent => true,
            Ended::Unsent => false,
        }
    }

    /// Whether the app showed that it is alive: any answer does, an error as well.
    pub fn is_answer(self) -> bool {
        matches!(self, Ended::Answered(_))
    }
}

/// A try that ended, with everything that decides about the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// Which try of the request it was, from 1. Tries that sent nothing do not count.
    pub number: u32,
    /// How it ended.
    pub ended: Ended,
    /// Whether the request may reach the app twice: its method is idempotent, or it carries an
    /// `Idempotency-Key`; and nobody switched retries off for its path.
    pub repeatable: bool,
    /// Whether the body as sent so far is still there to be sent again.
    pub replayable: bool,
    /// Whether the deadline is over.
    pub late: bool,
}

/// What happens to the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The user gets this answer.
    Deliver,
    /// The app is asked again if the budget has a token; without one it is [`without_token`].
    Retry,
    /// The app is asked again at once, for free: it has not seen the request yet.
    Resend,
    /// The request waits until the app takes connections.
    AwaitApp,
    /// No answer of this try can be delivered.
    Fail(Failure),
}

/// Why a request ends without an answer of its last try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Failure {
    /// The app takes no connections.
    Unreachable,
    /// The connection to the app broke before an answer.
    Broken,
    /// The deadline is over.
    Late,
}

impl Failure {
    /// The status that the user gets, if the app never answered the request.
    pub fn status(self) -> u16 {
        match self {
            Failure::Unreachable => UNAVAILABLE,
            Failure::Broken => BAD_GATEWAY,
            Failure::Late => GATEWAY_TIMEOUT,
        }
    }
}

/// What to do after a try. `tries` is the largest number of them.
pub fn verdict(attempt: &Attempt, tries: u32) -> Verdict {
    let again = attempt.repeatable && attempt.replayable && attempt.number < tries && !attempt.late;
    match attempt.ended {
        Ended::Answered(status) if again && is_accident(status) => Verdict::Retry,
        Ended::Answered(_) => Verdict::Deliver,
        Ended::Refused if attempt.late => Verdict::Fail(Failure::Unreachable),
        Ended::Refused => Verdict::AwaitApp,
        Ended::Unsent if attempt.late => Verdict::Fail(Failure::Late),
        Ended::Unsent => Verdict::Resend,
        Ended::Reset | Ended::Silent if again => Verdict::Retry,
        Ended::Reset => Verdict::Fail(Failure::Broken),
        Ended::Silent => Verdict::Fail(Failure::Late),
    }
}

/// What becomes of a [`Verdict::Retry`] when the budget is spent.
pub fn without_token(attempt: &Attempt) -> Verdict {
    verdict(
        &Attempt {
            repeatable: false,
            ..*attempt
        },
        0,
    )
}

/// Whether the next try may well get another answer. 501 and 505 say something about the request.
fn is_accident(status: u16) -> bool {
    matches!(
        status,
        INTERNAL | BAD_GATEWAY | UNAVAILABLE | GATEWAY_TIMEOUT
    )
}

/// Whether a request may reach the app twice (RFC 9110, 9.2.2). Clients that send an
/// `Idempotency-Key` promise it for any method.
pub fn is_repeatable(method: &str, has_idempotency_key: bool) -> bool {
    has_idempotency_key
        || matches!(
            method,
            "GET" | "HEAD" | "OPTIONS" | "PUT" | "DELETE" | "TRACE"
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ended() -> impl Strategy<Value = Ended> {
        prop_oneof![
            (100..600_u16).prop_map(Ended::Answered),
            Just(Ended::Refused),
            Just(Ended::Unsent),
            Just(Ended::Reset),
            Just(Ended::Silent),
        ]
    }

    const FIRST: Attempt = Attempt {
        number: 1,
        ended: Ended::Answered(500),
        repeatable: true,
        replayable: true,
        late: false,
    };

    #[test]
    fn the_table() {
        let of = |ended, repeatable| {
            verdict(
                &Attempt {
                    ended,
                    repeatable,
                    ..FIRST
                },
                5,
            )
        };
        for status in [500, 502, 503, 504] {
            assert_eq!(of(Ended::Answered(status), true), Verdict::Retry);
            assert_eq!(of(Ended::Answered(status), false), Verdict::Deliver);
        }
        for status in [200, 304, 404, 429, 501, 505, 507] {
            assert_eq!(of(Ended::Answered(status), true), Verdict::Deliver);
        }
        for repeatable in [true, false] {
            assert_eq!(of(Ended::Refused, repeatable), Verdict::AwaitApp);
            assert_eq!(of(Ended::Unsent, repeatable), Verdict::Resend);
        }
        assert_eq!(of(Ended::Reset, true), Verdict::Retry);
        assert_eq!(of(Ended::Reset, false), Verdict::Fail(Failure::Broken));
        assert_eq!(of(Ended::Silent, true), Verdict::Retry);
        assert_eq!(of(Ended::Silent, false), Verdict::Fail(Failure::Late));
    }

    #[test]
    fn a_post_is_repeatable_only_with_a_key() {
        assert!(!is_repeatable("POST", false));
        assert!(!is_repeatable("PATCH", false));
        assert!(is_repeatable("POST", true));
        assert!(is_repeatable("PUT", false));
        assert!(!is_repeatable("get", false));
    }

    proptest! {
        /// What the app may have seen is sent a second time only if that is harmless and possible.
        #[test]
        fn nothing_is_repeated_that_must_not_be(
            ended in ended(), number in 1..10_u32, repeatable: bool, replayable: bool, late: bool, tries in 0..10_u32,
        ) {
            let attempt = Attempt { number, ended, repeatable, replayable, late };
            let verdict = verdict(&attempt, tries);
            if verdict == Verdict::Retry {
                prop_assert!(repeatable && replayable && !late && number < tries);
            }
            if matches!(verdict, Verdict::Resend | Verdict::AwaitApp) {
                prop_assert!(matches!(ended, Ended::Refused | Ended::Unsent) && !late);
            }
            prop_assert_eq!(verdict == Verdict::Deliver, ended.is_answer() && verdict != Verdict::Retry);
        }

        #[test]
        fn without_a_token_it_ends(ended in ended(), number in 1..5_u32) {
            let attempt = Attempt { number, ended, ..FIRST };
            if verdict(&attempt, 5) == Verdict::Retry {
                prop_assert!(matches!(without_token(&attempt), Verdict::Deliver | Verdict::Fail(_)));
            }
        }
    }
}
