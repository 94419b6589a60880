//! How an account pays: AWS's free plan, credits, or neither of them known.
//!
//! Accounts that signed up from 15 July 2025 get credits and choose between a free plan, which ends after
//! six months or with the credits, and a paid one: <https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/billing-free-tier.html>.
//! The twelve free months of older accounts have all lapsed since.

use super::money::{cents, whole_cents};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// 15 July 2025, 00:00 UTC: since then accounts have plans.
pub const PLANS_SINCE: Timestamp = Timestamp(1_752_537_600_000);

const DAY_MS: u64 = 86_400_000;

/// Days after which a free plan has surely ended: six months have at most 184.
const FREE_PLAN_DAYS: u64 = 184;

/// Days that the free tier of an older account lasted.
const LEGACY_DAYS: u64 = 366;

/// How an account pays.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "plan", rename_all = "snake_case")]
pub enum AccountPlan {
    /// Nothing is charged; with the credits or the plan's end the account closes.
    Free {
        /// USD of credits that remain, if AWS reports them.
        credits_usd: Option<f64>,
        /// When the plan ends, if AWS reports it.
        expires: Option<Timestamp>,
    },
    /// What credits do not cover is charged.
    Paid {
        /// USD of credits that remain, if AWS reports them.
        credits_usd: Option<f64>,
    },
    /// The plan could not be determined.
    Unknown {
        /// Why not.
        why: String,
    },
}

/// What `freetier:GetAccountPlanState` answers
/// (<https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_freetier_GetAccountPlanState.html>),
/// in AWS's words.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PlanState {
    /// `FREE` or `PAID`.
    pub plan_type: String,
    /// `NOT_STARTED`, `ACTIVE` or `EXPIRED`.
    pub status: String,
    /// Amount and unit of the credits that remain.
    pub credits: Option<(f64, String)>,
    /// When the plan ends.
    pub expires: Option<Timestamp>,
}

impl AccountPlan {
    /// Reads AWS's answer. Words that AWS does not document are unknown, not guessed.
    pub fn of_state(state: &PlanState) -> AccountPlan {
        let usd = |(amount, unit): &(f64, String)| {
            (unit == "USD" && amount.is_finite()).then_some(amount.max(0.0))
        };
        let credits_usd = state.credits.as_ref().and_then(usd);
        let unknown = |why: String| AccountPlan::Unknown { why };
        match (state.plan_type.as_str(), state.status.as_str()) {
            ("FREE", "EXPIRED") => {
                unknown("its free plan has expired, and AWS closes such accounts".into())
            }
            ("FREE", "ACTIVE" | "NOT_STARTED") => AccountPlan::Free {
                credits_usd,
                expires: state.expires,
            },
            ("PAID", _) => AccountPlan::Paid { credits_usd },
            (plan, status) => unknown(format!("AWS calls it {plan:?}, {status:?}")),
        }
    }

    /// What follows from an account's age alone, when AWS did not answer for the reason `why`. `created` is the
    /// moment of sign-up, if known.
    pub fn of_age(created: Option<Timestamp>, now: Timestamp, why: &str) -> AccountPlan {
        let unknown = |more: &str| AccountPlan::Unknown {
            why: format!("{why}{more}"),
        };
        let Some(created) = created else {
            return unknown("");
        };
        let days = now.0.saturating_sub(created.0) / DAY_MS;
        if created < PLANS_SINCE {
            if days > LEGACY_DAYS {
                return AccountPlan::Paid { credits_usd: None };
            }
            return unknown("; its twelve free months may not be over");
        }
        if days > FREE_PLAN_DAYS {
            // It answers after the end of any free plan, so it is on the paid one.
            return AccountPlan::Paid { credits_usd: None };
        }
        unknown("; by its age it may be on the free plan or on the paid one")
    }

    /// What it means for a bill of `monthly` USD, in a sentence without a full stop.
    pub fn words(&self, monthly: f64, now: Timestamp) -> String {
        match self {
            AccountPlan::Free {
                credits_usd,
                expires,
            } => free_words(*credits_usd, *expires, monthly, now),
            AccountPlan::Paid { credits_usd } => match credits_usd {
                Some(credits) if whole_cents(*credits) > 0.0 => format!(
                    "paid plan; {} are used up first, the rest is charged",
                    credits_words(*credits, monthly)
                ),
                Some(_) => "paid plan without credits; all of it is charged".to_owned(),
                None => "paid plan; whether credits are left is unknown".to_owned(),
            },
            AccountPlan::Unknown { why } => format!(
                "unknown whether a free plan or credits cover any of it ({why}); reckon with all of it"
            ),
        }
    }
}

fn free_words(
    credits: Option<f64>,
    expires: Option<Timestamp>,
    monthly: f64,
    now: Timestamp,
) -> String {
    let credits = match credits {
        Some(credits) => credits_words(credits, monthly),
        None => "credits of an unknown amount".to_owned(),
    };
    let end = match expires {
        Some(end) if end > now => {
            let days = end.0.saturating_sub(now.0) / DAY_MS;
            format!("in {days} days")
        }
        Some(_) => "any moment now".to_owned(),
        None => "six months after it began".to_owned(),
    };
    format!(
        "free plan with {credits}; nothing is charged, but when they are used up, or {end}, AWS closes the account"
    )
}

/// `credits of $87.12, 2.4 months of this bill`.
fn credits_words(credits: f64, monthly: f64) -> String {
    let amount = cents(credits);
    if whole_cents(monthly) < 1.0 || whole_cents(credits) < 1.0 {
        return format!("credits of ${amount}");
    }
    format!(
        "credits of ${amount}, {:.1} months of this bill",
        credits / monthly
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 23 November 2026.
    const NOW: Timestamp = Timestamp(1_795_392_000_000);

    fn days_before(now: Timestamp, days: u64) -> Timestamp {
        Timestamp(now.0 - days * DAY_MS)
    }

    fn state(plan: &str, status: &str) -> PlanState {
        PlanState {
            plan_type: plan.into(),
            status: status.into(),
            credits: Some((87.12, "USD".into())),
            expires: Some(NOW),
        }
    }

    #[test]
    fn the_first_day_of_plans_is_a_day() {
        assert_eq!(PLANS_SINCE.readable(NOW), "2025-07-15 00:00:00 UTC");
    }

    #[test]
    fn what_aws_documents_is_read_and_the_rest_is_unknown() {
        let credits_usd = Some(87.12);
        let expires = Some(NOW);
        let free = AccountPlan::Free {
            credits_usd,
            expires,
        };
        assert_eq!(AccountPlan::of_state(&state("FREE", "ACTIVE")), free);
        assert_eq!(AccountPlan::of_state(&state("FREE", "NOT_STARTED")), free);
        let paid = AccountPlan::Paid { credits_usd };
        assert_eq!(AccountPlan::of_state(&state("PAID", "ACTIVE")), paid);
        for (plan, status) in [("FREE", "EXPIRED"), ("GOLD", "ACTIVE"), ("", "")] {
            let read = AccountPlan::of_state(&state(plan, status));
            assert!(
                matches!(read, AccountPlan::Unknown { .. }),
                "{plan} {status}"
            );
        }
    }

    #[test]
    fn credits_in_another_currency_are_not_taken_for_dollars() {
        for credits in [(87.12, "EUR".to_owned()), (f64::NAN, "USD".to_owned())] {
            let read = AccountPlan::of_state(&PlanState {
                credits: Some(credits),
                ..state("PAID", "ACTIVE")
            });
            assert_eq!(read, AccountPlan::Paid { credits_usd: None });
        }
    }

    #[test]
    fn age_alone_determines_some_plans() {
        let of = |created| AccountPlan::of_age(created, NOW, "access denied");
        let paid = AccountPlan::Paid { credits_usd: None };
        assert_eq!(of(Some(Timestamp(0))), paid, "legacy, lapsed");
        assert_eq!(
            of(Some(Timestamp(PLANS_SINCE.0 - 1))),
            paid,
            "the last legacy one"
        );
        assert_eq!(
            of(Some(PLANS_SINCE)),
            paid,
            "its free plan would have ended"
        );
        assert_eq!(of(Some(days_before(NOW, FREE_PLAN_DAYS + 1))), paid);
        for created in [Some(days_before(NOW, FREE_PLAN_DAYS)), Some(NOW), None] {
            assert!(
                matches!(of(created), AccountPlan::Unknown { .. }),
                "{created:?}"
            );
        }
        let early = Timestamp(PLANS_SINCE.0 + DAY_MS);
        let legacy = AccountPlan::of_age(Some(Timestamp(PLANS_SINCE.0 - 1)), early, "no answer");
        assert!(
            matches!(legacy, AccountPlan::Unknown { .. }),
            "not lapsed at that time"
        );
    }

    #[test]
    fn each_case_has_a_plain_sentence() {
        let free = |credits_usd, expires| AccountPlan::Free {
            credits_usd,
            expires,
        };
        let in_40_days = Some(Timestamp(NOW.0 + 40 * DAY_MS));
        let texts: Vec<String> = [
            free(Some(87.12), in_40_days),
            free(None, None),
            free(Some(0.0), Some(NOW)),
            AccountPlan::Paid {
                credits_usd: Some(100.0),
            },
            AccountPlan::Paid {
                credits_usd: Some(0.0),
            },
            AccountPlan::Paid { credits_usd: None },
            AccountPlan::of_age(Some(NOW), NOW, "access denied"),
            AccountPlan::of_age(None, NOW, "AWS did not answer"),
        ]
        .iter()
        .map(|plan| plan.words(36.385, NOW))
        .collect();
        insta::assert_snapshot!(texts.join("\n"));
        let nothing_to_cover = AccountPlan::Paid {
            credits_usd: Some(5.0),
        }
        .words(0.0, NOW);
        assert!(!nothing_to_cover.contains("months"), "{nothing_to_cover}");
    }
}
