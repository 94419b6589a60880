//! What watches over the app: budget, alarms, logs.

use super::problem::{Invalid, listed, quoted};

/// Days that log lines can be kept: those periods of CloudWatch Logs that every provider in the version
/// range of the HCL knows. The oldest lacks 1096, 2192, 2557, 2922 and 3288.
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html>
pub const LOG_RETENTION_DAYS: [u32; 17] = [
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1827, 3653,
];

/// Days that log lines are kept by default.
pub(super) const DEFAULT_LOG_RETENTION_DAYS: u32 = 14;

/// Most USD a month. More is a typing error.
pub(super) const MAX_BUDGET: f64 = 1_000_000.0;

/// Longest address that mail can be sent to (RFC 5321, path without its angle brackets).
const EMAIL_LENGTH: usize = 254;

/// Checks a number of days.
pub(super) fn log_retention_days(days: i64) -> Result<u32, Invalid> {
    let allowed = LOG_RETENTION_DAYS.iter().find(|d| i64::from(**d) == days);
    if let Some(days) = allowed {
        return Ok(*days);
    }
    // Rounding up keeps every log line for at least the requested days.
    let longer = LOG_RETENTION_DAYS.iter().find(|d| i64::from(**d) > days);
    Err(Invalid::new(
        format!("log_retention_days {days}"),
        format!(
            "landfall can ask CloudWatch Logs for {}",
            listed(&LOG_RETENTION_DAYS, "or")
        ),
        format!("write `log_retention_days = {}`", longer.unwrap_or(&3653)),
    ))
}

/// Checks an amount of USD a month.
pub(super) fn budget(usd: f64) -> Result<f64, Invalid> {
    let cents = usd * 100.0;
    let why = if !(0.0..=MAX_BUDGET).contains(&usd) {
        format!("it must be between 0 and {MAX_BUDGET} USD a month")
    } else if (cents - cents.round()).abs() > 1e-6 {
        "a cent is the smallest part of a dollar".to_owned()
    } else {
        // Adding zero turns -0.0 into 0.0, so that no message contains a budget of -0.
        return Ok(usd + 0.0);
    };
    Err(Invalid::new(
        format!("budget {usd}"),
        why,
        "write USD a month, such as `budget = 20`",
    ))
}

/// Checks an address for alarms. AWS asks the owner to confirm it, so that only
/// what cannot be an address is refused here.
pub(super) fn alarm_email(text: &str) -> Result<String, Invalid> {
    let plausible = match text.split_once('@') {
        Some((user, host)) => {
            let graphic = text
                .bytes()
                .all(|b| b.is_ascii_graphic() && !b"<>,;\"".contains(&b));
            let host_ok = host.contains('.') && !host.split('.').any(str::is_empty);
            graphic && host_ok && !user.is_empty() && !host.contains('@')
        }
        None => false,
    };
    if plausible && text.len() <= EMAIL_LENGTH {
        return Ok(text.to_owned());
    }
    Err(Invalid::new(
        format!("{} is no e-mail address", quoted(text)),
        "alarms are sent there",
        "write an address such as `me@example.com`",
    ))
}
