use super::*;
use proptest::prelude::*;

#[test]
fn durations_read_like_prose() {
    let of = |ms| readable(Duration::from_millis(ms));
    assert_eq!(of(850), "850 ms");
    assert_eq!(of(4_240), "4.2 s");
    assert_eq!(of(185_000), "3 min 05 s");
}

#[test]
fn an_age_has_one_unit() {
    let of = |seconds| roughly(Duration::from_secs(seconds));
    assert_eq!(of(0), "0 s");
    assert_eq!(of(185), "3 min");
    assert_eq!(of(172_799), "47 h");
    assert_eq!(of(172_800), "2 days");
}

#[test]
fn a_time_of_another_day_has_its_date() {
    let noon = Timestamp(1_795_435_390_250);
    assert_eq!(noon.readable(noon), "12:03:10 UTC");
    let of = |seconds: u64| Timestamp(seconds * 1_000).readable(Timestamp(u64::MAX));
    assert_eq!(of(1_795_435_390), "2026-11-23 12:03:10 UTC");
    assert_eq!(of(0), "1970-01-01 00:00:00 UTC");
    assert_eq!(of(951_782_399), "2000-02-28 23:59:59 UTC");
    assert_eq!(of(951_782_400), "2000-02-29 00:00:00 UTC");
    assert_eq!(of(4_107_542_399), "2100-02-28 23:59:59 UTC");
    assert_eq!(of(4_107_542_400), "2100-03-01 00:00:00 UTC");
    // A broken file must not cause a panic.
    Timestamp(u64::MAX).readable(Timestamp(0));
}

#[test]
fn durations_are_parsed_with_their_unit() {
    let parsed = |text| parse_duration(text).map(|duration| duration.as_secs());
    for (text, seconds) in [
        ("10m", 600),
        ("45", 45),
        ("90s", 90),
        ("2h", 7_200),
        ("1d", 86_400),
        ("1h 30m", 5_400),
        ("10 m", 600),
        ("1.5h", 5_400),
    ] {
        assert_eq!(parsed(text), Ok(seconds), "{text}");
    }
    for bad in [
        "",
        "m",
        "-1s",
        "+45",
        "10M",
        "10x",
        "99999999999999999999d",
        "99999999999999999999",
    ] {
        assert!(parsed(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_clock_that_ran_backwards_counts_as_no_time() {
    assert_eq!(Timestamp(5).since(Timestamp(9)), Duration::ZERO);
}

#[test]
fn a_time_is_parsed_as_it_is_written() {
    let table = [
        (0, "1970-01-01T00:00:00Z"),
        (951_782_400, "2000-02-29T00:00:00Z"),
        (1_795_435_390, "2026-11-23T12:03:10Z"),
        (4_107_542_399, "2100-02-28T23:59:59Z"),
        (253_402_300_799, "9999-12-31T23:59:59Z"),
    ];
    for (seconds, text) in table {
        assert_eq!(Timestamp(seconds * 1_000 + 999).rfc3339(), text);
        let parsed = Timestamp::parse_rfc3339(text);
        assert_eq!(parsed, Some(Timestamp(seconds * 1_000)));
    }
    assert_eq!(Timestamp(u64::MAX).rfc3339(), "9999-12-31T23:59:59Z");
}

#[test]
fn other_texts_are_no_time() {
    for bad in [
        "",
        "never",
        "2026-11-23",
        "2026-11-23 12:03:10Z",
        "2026-11-23T12:03:10+00:00",
        "2026-11-23T12:03:10z",
        "2026-11-23T12:03:10.5Z",
        "2026-02-29T00:00:00Z",
        "2026-00-10T00:00:00Z",
        "2026-13-10T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-11-23T24:00:00Z",
        "2026-11-23T23:60:00Z",
        "1969-12-31T23:59:59Z",
        "2026-11-2éT12:03:1Z",
        "+026-11-23T12:03:10Z",
    ] {
        assert_eq!(Timestamp::parse_rfc3339(bad), None, "{bad}");
    }
}

#[test]
fn the_date_of_an_http_answer_is_parsed() {
    let parsed = Timestamp::from_http_date("Sun, 06 Nov 1994 08:49:37 GMT");
    assert_eq!(parsed, Some(Timestamp(784_111_777_000)));
    for other in [
        "",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 CET",
    ] {
        assert_eq!(Timestamp::from_http_date(other), None, "{other}");
    }
}

proptest! {
    #[test]
    fn any_second_survives(seconds in 0..253_402_300_800u64) {
        let at = Timestamp(seconds * 1_000);
        prop_assert_eq!(Timestamp::parse_rfc3339(&at.rfc3339()), Some(at));
    }

    #[test]
    fn no_text_causes_a_panic(
        text in "\\PC{0,24}",
        digits in "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z",
    ) {
        for text in [text, digits] {
            if let Some(at) = Timestamp::parse_rfc3339(&text) {
                prop_assert_eq!(at.rfc3339(), text.clone());
            }
            let _ = (Timestamp::from_http_date(&text), parse_duration(&text));
        }
    }
}
