//! Whether a request is retried: this table decides.
//!
//! | the attempt ended with | not repeatable (POST) | repeatable, body kept |
//! |---|---|---|
//! | 500, 502, 503, 504 | deliver | retry at once, for a token |
//! | any other answer | deliver | deliver |
//! | connection refused: nothing was sent | wait for the app | wait for the app |
//! | an idle connection was closed before anything was sent | resend | resend |
//! | reset or closed before an answer | fail | retry at once, for a token |
//! | no answer in time | fail | retry, for a token |
//!
//! Retries are limited by the number of attempts and by the deadline. Without a token the request
//! ends as if it were not repeatable.

use http_status::{BAD_GATEWAY, GATEWAY_TIMEOUT, INTERNAL, UNAVAILABLE};

/// The statuses that another attempt may not have.
mod http_status {
    pub(super) const INTERNAL: u16 = 500;
    pub(super) const BAD_GATEWAY: u16 = 502;
    pub(super) const UNAVAILABLE: u16 = 503;
    pub(super) const GATEWAY_TIMEOUT: u16 = 504;
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptEnd {
    /// With an answer of this status.
    Answered(u16),
    /// No connection could be made.
    Refused,
    /// An idle connection turned out to be closed before a byte of the request was sent.
    Unsent,
    /// The connection broke after the request was sent and before the answer's head arrived.
    Reset,
    /// The answer's head did not arrive in time.
    Silent,
}

impl AttemptEnd {
    /// Whether releases and alarms count the attempt as an error of the app.
    pub fn is_error(self) -> bool {
        match self {
            AttemptEnd::Answered(status) => status >= INTERNAL,
            AttemptEnd::Refused | AttemptEnd::Reset | AttemptEnd::Silent => true,
            AttemptEnd::Unsent => false,
        }
    }

    /// Whether the app showed that it is up: any answer does, even an error.
    pub fn is_answer(self) -> bool {
        matches!(self, AttemptEnd::Answered(_))
    }
}

/// An attempt that ended, with everything that decides about the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndedAttempt {
    /// Number of the attempt, from 1. Attempts that sent nothing do not count.
    pub number: u32,
    /// How it ended.
    pub end: AttemptEnd,
    /// Whether the app may see the request twice: its method is idempotent or it has an
    /// `Idempotency-Key`, and retries are on for its path.
    pub repeatable: bool,
    /// Whether the whole body can be sent again.
    pub replayable: bool,
    /// Whether the deadline has passed.
    pub late: bool,
}

/// What happens to the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The user gets this answer.
    Deliver,
    /// Another attempt if the budget has a token; otherwise [`without_token`] decides.
    Retry,
    /// Another attempt at once, without a token: the app has not seen the request yet.
    Resend,
    /// The request waits until the app accepts connections.
    AwaitApp,
    /// This attempt has no answer that could be delivered.
    Fail(Failure),
}

/// Why a request ends without an answer of its last attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Failure {
    /// The app accepts no connections.
    Unreachable,
    /// The connection to the app broke before an answer.
    Broken,
    /// The deadline has passed.
    Late,
}

impl Failure {
    /// The status for the user, if the app never answered the request.
    pub fn status(self) -> u16 {
        match self {
            Failure::Unreachable => UNAVAILABLE,
            Failure::Broken => BAD_GATEWAY,
            Failure::Late => GATEWAY_TIMEOUT,
        }
    }
}

/// What to do after an attempt. `tries` is the largest number of attempts.
pub fn verdict(attempt: &EndedAttempt, tries: u32) -> Verdict {
    let again = attempt.repeatable && attempt.replayable && attempt.number < tries && !attempt.late;
    match attempt.end {
        AttemptEnd::Answered(status) if again && is_transient(status) => Verdict::Retry,
        AttemptEnd::Answered(_) => Verdict::Deliver,
        AttemptEnd::Refused if attempt.late => Verdict::Fail(Failure::Unreachable),
        AttemptEnd::Refused => Verdict::AwaitApp,
        AttemptEnd::Unsent if attempt.late => Verdict::Fail(Failure::Late),
        AttemptEnd::Unsent => Verdict::Resend,
        AttemptEnd::Reset | AttemptEnd::Silent if again => Verdict::Retry,
        AttemptEnd::Reset => Verdict::Fail(Failure::Broken),
        AttemptEnd::Silent => Verdict::Fail(Failure::Late),
    }
}

/// What a [`Verdict::Retry`] becomes when the budget is spent.
pub fn without_token(attempt: &EndedAttempt) -> Verdict {
    verdict(
        &EndedAttempt {
            repeatable: false,
            ..*attempt
        },
        0,
    )
}

/// Whether another attempt may have another status. 501 and 505 depend on the request.
fn is_transient(status: u16) -> bool {
    matches!(
        status,
        INTERNAL | BAD_GATEWAY | UNAVAILABLE | GATEWAY_TIMEOUT
    )
}

/// Whether the app may see a request twice (RFC 9110, 9.2.2). Clients that send an
/// `Idempotency-Key` allow it for any method.
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

    fn end() -> impl Strategy<Value = AttemptEnd> {
        prop_oneof![
            (100..600_u16).prop_map(AttemptEnd::Answered),
            Just(AttemptEnd::Refused),
            Just(AttemptEnd::Unsent),
            Just(AttemptEnd::Reset),
            Just(AttemptEnd::Silent),
        ]
    }

    const FIRST: EndedAttempt = EndedAttempt {
        number: 1,
        end: AttemptEnd::Answered(500),
        repeatable: true,
        replayable: true,
        late: false,
    };

    #[test]
    fn the_table_is_implemented() {
        let of = |end, repeatable| {
            verdict(
                &EndedAttempt {
                    end,
                    repeatable,
                    ..FIRST
                },
                5,
            )
        };
        for status in [500, 502, 503, 504] {
            assert_eq!(of(AttemptEnd::Answered(status), true), Verdict::Retry);
            assert_eq!(of(AttemptEnd::Answered(status), false), Verdict::Deliver);
        }
        for status in [200, 304, 404, 429, 501, 505, 507] {
            assert_eq!(of(AttemptEnd::Answered(status), true), Verdict::Deliver);
        }
        for repeatable in [true, false] {
            assert_eq!(of(AttemptEnd::Refused, repeatable), Verdict::AwaitApp);
            assert_eq!(of(AttemptEnd::Unsent, repeatable), Verdict::Resend);
        }
        assert_eq!(of(AttemptEnd::Reset, true), Verdict::Retry);
        assert_eq!(of(AttemptEnd::Reset, false), Verdict::Fail(Failure::Broken));
        assert_eq!(of(AttemptEnd::Silent, true), Verdict::Retry);
        assert_eq!(of(AttemptEnd::Silent, false), Verdict::Fail(Failure::Late));
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
        /// What the app may have seen is sent again only if that is harmless and possible.
        #[test]
        fn nothing_is_repeated_unless_it_may_be(
            end in end(), number in 1..10_u32, repeatable: bool, replayable: bool, late: bool, tries in 0..10_u32,
        ) {
            let attempt = EndedAttempt { number, end, repeatable, replayable, late };
            let verdict = verdict(&attempt, tries);
            if verdict == Verdict::Retry {
                prop_assert!(repeatable && replayable && !late && number < tries);
            }
            if matches!(verdict, Verdict::Resend | Verdict::AwaitApp) {
                prop_assert!(matches!(end, AttemptEnd::Refused | AttemptEnd::Unsent) && !late);
            }
            prop_assert_eq!(verdict == Verdict::Deliver, end.is_answer() && verdict != Verdict::Retry);
        }

        #[test]
        fn without_a_token_the_request_ends(end in end(), number in 1..5_u32) {
            let attempt = EndedAttempt { number, end, ..FIRST };
            if verdict(&attempt, 5) == Verdict::Retry {
                prop_assert!(matches!(without_token(&attempt), Verdict::Deliver | Verdict::Fail(_)));
            }
        }
    }
}
