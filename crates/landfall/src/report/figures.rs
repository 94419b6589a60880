//! Numbers for people: rates, times, bars and small charts, as text of a known width.

use rules::release::live_status::{Count, interval};

/// Eighths of a cell, from nothing to all of it.
const EIGHTHS: [&str; 9] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

/// `0:42`, `12:05`, `1:02:03`.
pub(crate) fn clock(seconds: f64) -> String {
    let seconds = whole(seconds);
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

/// `9.8%`: errors of requests; a dash without requests.
pub(crate) fn rate(errors: u64, requests: u64) -> String {
    match requests {
        0 => "–".to_owned(),
        _ => format!("{:.1}%", 100.0 * ratio(errors, requests)),
    }
}

/// `9.8% (8.1–11.7)`: the rate and its 95% interval, in whole percent if there is no room.
pub(super) fn rate_between(errors: u64, requests: u64, room: usize) -> String {
    if requests == 0 {
        return "–".to_owned();
    }
    let (low, high) = interval(errors, requests);
    let (rate, low, high) = (100.0 * ratio(errors, requests), 100.0 * low, 100.0 * high);
    let exact = format!("{rate:.1}% ({low:.1}–{high:.1})");
    if exact.chars().count() <= room {
        exact
    } else {
        format!("{rate:.0}% ({low:.0}–{high:.0})")
    }
}

/// `4.2 ms`, `480 ms`, `12.3 s`.
pub(super) fn millis(time: Option<f64>) -> String {
    match time {
        None => "–".to_owned(),
        Some(time) if time < 9.95 => format!("{time:.1} ms"),
        Some(time) if time < 9_999.5 => format!("{time:.0} ms"),
        Some(time) => format!("{:.1} s", time / 1_000.0),
    }
}

/// `0.3`; zero has no sign.
pub(crate) fn logarithm(value: f64) -> String {
    let text = format!("{value:.1}");
    match text.as_str() {
        "-0.0" => "0.0".to_owned(),
        _ => text,
    }
}

/// A bar over `width` cells: its full part, drawn to an eighth, and the number of cells left.
pub(super) fn bar(share: f64, width: usize) -> (String, usize) {
    // Written so that NaN fills nothing.
    let share = if share > 0.0 { share.min(1.0) } else { 0.0 };
    let eighths = usize::try_from(whole(share * scale(width) * 8.0 + 0.5)).unwrap_or(0);
    // Any share shows at least an eighth.
    let eighths = if share > 0.0 { eighths.max(1) } else { 0 };
    let partial = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8];
    let full = format!("{}{partial}", "█".repeat(eighths / 8));
    let used = eighths.div_ceil(8);
    (full, width.saturating_sub(used))
}

/// The last seconds as two rows of `width` cells, newest on the right: requests, and errors to the
/// same scale.
pub(super) fn charts(seconds: &[Count], width: usize) -> (String, String) {
    let shown = &seconds[seconds.len().saturating_sub(width)..];
    let most = shown.iter().map(|count| count.requests).max().unwrap_or(0);
    let draw = |of: fn(&Count) -> u64| -> String {
        let cells = shown.iter().map(|count| EIGHTHS[height(of(count), most)]);
        std::iter::repeat_n(" ", width - shown.len())
            .chain(cells)
            .collect()
    };
    (draw(|count| count.requests), draw(|count| count.errors))
}

/// Requests a second over the last `of` seconds.
pub(super) fn pace(seconds: &[Count], of: usize) -> Option<String> {
    let last = &seconds[seconds.len().saturating_sub(of)..];
    if last.is_empty() {
        return None;
    }
    let sum: u64 = last.iter().map(|count| count.requests).sum();
    let pace = ratio(sum, u64::try_from(last.len()).ok()?);
    Some(if sum > 0 && pace < 9.95 {
        format!("{pace:.1}/s")
    } else {
        format!("{pace:.0}/s")
    })
}

/// From 0 to 8; 0 only for a value of 0.
fn height(value: u64, most: u64) -> usize {
    if value == 0 || most == 0 {
        return 0;
    }
    let eighths = (value.min(most) * 8).div_ceil(most);
    usize::try_from(eighths).unwrap_or(8)
}

/// Counts are far below 2^53.
#[allow(clippy::cast_precision_loss)]
fn ratio(part: u64, of: u64) -> f64 {
    part as f64 / of as f64
}

/// A terminal has far fewer columns than 2^53.
#[allow(clippy::cast_precision_loss)]
fn scale(width: usize) -> f64 {
    width as f64
}

/// Rounded down; negative numbers and NaN are 0.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn whole(number: f64) -> u64 {
    number as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_no_more_digits_than_needed() {
        assert_eq!(clock(42.9), "0:42");
        assert_eq!(clock(725.0), "12:05");
        assert_eq!(clock(3_723.0), "1:02:03");
        assert_eq!(rate(40, 412), "9.7%");
        assert_eq!(rate(0, 0), "–");
        assert_eq!(rate_between(41, 412, 20), "10.0% (7.4–13.2)");
        assert_eq!(rate_between(41, 412, 12), "10% (7–13)");
        assert_eq!(millis(Some(4.21)), "4.2 ms");
        assert_eq!(millis(Some(9.96)), "10 ms");
        assert_eq!(millis(Some(480.2)), "480 ms");
        assert_eq!(millis(Some(12_345.0)), "12.3 s");
        assert_eq!(millis(None), "–");
        assert_eq!(logarithm(-0.04), "0.0");
        assert_eq!(logarithm(-0.06), "-0.1");
    }

    #[test]
    fn a_bar_fits_its_room_and_shows_the_smallest_share() {
        for (share, full, left) in [
            (0.0, "", 4),
            (0.001, "▏", 3),
            (0.5, "██", 2),
            (0.53, "██▏", 1),
            (1.0, "████", 0),
            (7.0, "████", 0),
            (-1.0, "", 4),
            (f64::NAN, "", 4),
        ] {
            assert_eq!(bar(share, 4), (full.to_owned(), left), "{share}");
        }
    }

    #[test]
    fn charts_have_one_scale_and_the_newest_second_on_the_right() {
        let seconds: Vec<Count> = [(0, 0), (8, 0), (80, 8), (80, 80)]
            .map(|(requests, errors)| Count { requests, errors })
            .into();
        let (requests, errors) = charts(&seconds, 6);
        assert_eq!(requests, "   ▁██");
        assert_eq!(errors, "    ▁█");
        assert_eq!(charts(&seconds, 2).0, "██");
        assert_eq!(charts(&[], 3).0, "   ");
        assert_eq!(pace(&seconds, 2).as_deref(), Some("80/s"));
        assert_eq!(pace(&seconds[..2], 5).as_deref(), Some("4.0/s"));
        assert_eq!(pace(&[], 5), None);
    }
}
