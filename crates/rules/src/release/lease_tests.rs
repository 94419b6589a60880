use super::*;
use proptest::prelude::*;

/// 2026-11-23 14:06:10 UTC.
pub(super) const NOW: Timestamp = Timestamp(1_795_442_770_000);

pub(super) fn holder(who: &str) -> Holder {
    Holder {
        who: who.to_owned(),
        pid: 4711,
        command: "landfall up".to_owned(),
        machine: None,
    }
}

/// Taken three minutes ago, renewed `silent` seconds ago.
fn lease(silent: u64) -> Lease {
    let before = |seconds: u64| Timestamp(NOW.0 - seconds * 1_000);
    Lease::new("a1", holder("alice@laptop"), before(180), None, "begin")
        .renewed(before(silent), "shift 10 %")
}

const FIRST_READ: Around = Around {
    now: NOW,
    quiet: Staleness::Unknown,
    holder_is_dead: false,
};

const ALICE: &str = "alice@laptop (pid 4711, landfall up) since 14:03:10 UTC, 3 min ago, at step: \
                     shift 10 %; last renewed";

#[test]
fn a_free_lease_may_be_taken() {
    assert_eq!(decide(None, "me", &FIRST_READ), AcquireDecision::Take);
    let released = lease(1).released(NOW);
    assert_eq!(
        decide(Some(&released), "me", &FIRST_READ),
        AcquireDecision::Take
    );
    assert_eq!(
        decide(Some(&released), "a1", &FIRST_READ),
        AcquireDecision::Take
    );
}

#[test]
fn a_valid_lease_is_held_and_its_holder_is_named() {
    let why = format!("{ALICE} 4 s ago");
    assert_eq!(
        decide(Some(&lease(4)), "me", &FIRST_READ),
        AcquireDecision::Held { why }
    );
    assert_eq!(
        decide(Some(&lease(4)), "a1", &FIRST_READ),
        AcquireDecision::Mine
    );
}

#[test]
fn an_expired_lease_is_watched_for_its_whole_duration() {
    let with = |quiet| {
        decide(
            Some(&lease(31)),
            "me",
            &Around {
                quiet,
                ..FIRST_READ
            },
        )
    };
    let look_first = AcquireDecision::LookFirst {
        quiet_for: TTL,
        why: format!("{ALICE} 31 s ago"),
    };
    assert_eq!(with(Staleness::Unknown), look_first);
    let of = |lasted| with(Staleness::Yes { lasted });
    assert_eq!(of(TTL - Duration::from_millis(1)), look_first);
    assert_eq!(
        of(TTL),
        AcquireDecision::TakeOver {
            why: format!("{ALICE} 31 s ago: no renewal for 30 s")
        }
    );
    // The holder's clock is behind, but it renews.
    assert!(matches!(with(Staleness::No), AcquireDecision::Held { .. }));
}

#[test]
fn a_lease_renewed_in_the_future_is_watched_too() {
    let ahead = lease(0).renewed(NOW.plus(Duration::from_secs(3_600)), "probe");
    let found = decide(Some(&ahead), "me", &FIRST_READ);
    assert!(
        matches!(found, AcquireDecision::LookFirst { .. }),
        "{found:?}"
    );
    // Clocks differ a little.
    let ahead = lease(0).renewed(NOW.plus(Duration::from_secs(10)), "probe");
    let found = decide(Some(&ahead), "me", &FIRST_READ);
    assert!(matches!(found, AcquireDecision::Held { .. }), "{found:?}");
}

#[test]
fn the_lease_of_a_dead_process_is_taken_at_once() {
    let around = Around {
        holder_is_dead: true,
        ..FIRST_READ
    };
    assert_eq!(
        decide(Some(&lease(1)), "me", &around),
        AcquireDecision::TakeOver {
            why: format!("{ALICE} 1 s ago: this process no longer exists")
        }
    );
}

#[test]
fn a_watch_counts_only_the_time_between_two_reads() {
    let at = Duration::from_secs;
    let mut watch = Observer::default();
    let (first, second) = (lease(40), lease(40).renewed(NOW, "probe"));
    assert_eq!(watch.look(Some(&first), at(0), at(2)), Staleness::Unknown);
    let lasted = at(5);
    assert_eq!(
        watch.look(Some(&first), at(7), at(9)),
        Staleness::Yes { lasted }
    );
    assert_eq!(watch.look(Some(&second), at(9), at(10)), Staleness::No);
    let lasted = at(1);
    assert_eq!(
        watch.look(Some(&second), at(11), at(12)),
        Staleness::Yes { lasted }
    );
    assert_eq!(
        watch.look(Some(&second.released(NOW)), at(20), at(21)),
        Staleness::Unknown
    );
    assert_eq!(
        watch.look(Some(&second), at(30), at(31)),
        Staleness::Unknown
    );
}

#[test]
fn a_nonce_is_kept_only_while_its_write_may_still_take_effect() {
    assert!(!is_used_up(None, &1));
    assert!(!is_used_up(Some(&1), &1));
    assert!(is_used_up(Some(&1), &2));
}

#[test]
fn a_holder_stops_before_its_lease_expires() {
    let at = Duration::from_secs;
    assert_eq!(lease(0).left(at(0)), at(20));
    assert_eq!(lease(0).left(at(19)), at(1));
    assert_eq!(lease(0).left(at(20)), at(0));
    assert!(!lease(0).is_due(at(4)));
    assert!(lease(0).is_due(at(5)));
}

#[test]
fn a_lease_is_read_back_and_other_text_is_rejected() {
    let mut written = lease(0);
    written.release = Some(42);
    let text = written.to_text().expect("JSON");
    assert_eq!(Lease::parse(&text), Ok(written));
    insta::assert_snapshot!("lease", text);
    let complaint = |text: &str| Lease::parse(text).expect_err(text).to_string();
    assert_eq!(
        complaint(&text.replace("\"v\": 1", "\"v\": 2")),
        "a lease of version 2, which this landfall does not know"
    );
    let more = text.replace("\"v\": 1", "\"v\": 1, \"color\": \"red\"");
    assert!(complaint(&more).contains("unknown field `color`"));
    for bad in ["", "locked!", "{}", "[]", "{\"v\":1}"] {
        assert!(complaint(bad).starts_with("not a lease: "), "{bad}");
    }
}

proptest! {
    /// Whatever the clocks show, a lease without renewals is taken over once it was watched for its duration.
    #[test]
    fn the_lease_of_a_silent_holder_is_taken_over(now in any::<u64>(), renewed_at in any::<u64>(), extra in 0..90_000_u64) {
        let lease = Lease::new("a1", holder("alice@laptop"), Timestamp(renewed_at), None, "begin");
        let lasted = TTL + Duration::from_millis(extra);
        let around = Around {
            now: Timestamp(now),
            quiet: Staleness::Yes { lasted },
            holder_is_dead: false,
        };
        let taken = matches!(decide(Some(&lease), "me", &around), AcquireDecision::TakeOver { .. });
        prop_assert!(taken);
    }

    #[test]
    fn every_renewal_changes_the_lease(clocks in prop::collection::vec(any::<u64>(), 1..20)) {
        let mut lease = Lease::new("a1", holder("alice@laptop"), NOW, None, "begin");
        for clock in clocks.into_iter().map(|clock| clock >> 1) {
            let next = lease.renewed(Timestamp(clock), "probe");
            prop_assert!(next.renewed_at > lease.renewed_at);
            prop_assert!(next.released(Timestamp(0)).renewed_at > next.renewed_at);
            lease = next;
        }
    }

    /// With any numbers and any clock there is an answer, and the text is read back.
    #[test]
    fn no_content_of_a_lease_causes_a_panic(
        (since, renewed_at, now, ttl) in any::<(u64, u64, u64, u64)>(),
        silent in any::<u64>(),
        step in ".*",
    ) {
        let mut lease = Lease::new("a1", holder("alice@laptop"), Timestamp(since), None, step);
        lease.renewed_at = Timestamp(renewed_at);
        lease.ttl = Duration::from_secs(ttl);
        let around = Around {
            now: Timestamp(now),
            quiet: Staleness::Yes { lasted: Duration::from_millis(silent) },
            holder_is_dead: false,
        };
        decide(Some(&lease), "me", &around);
        lease.left(Duration::from_millis(silent));
        lease.released(Timestamp(now)).describe(Timestamp(now));
        prop_assert_eq!(Lease::parse(&lease.to_text().expect("JSON")), Ok(lease));
    }
}
