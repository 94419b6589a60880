use super::*;
use proptest::prelude::*;

/// 2026-11-23 14:06:10 UTC.
const NOW: Timestamp = Timestamp(1_795_442_770_000);

fn holder(who: &str) -> Holder {
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

const ONE_LOOK: Around = Around {
    now: NOW,
    quiet: Staleness::Unknown,
    holder_is_dead: false,
};

const ALICE: &str = "alice@laptop (pid 4711, landfall up) since 14:03:10 UTC, 3 min ago, at step: \
                     shift 10 %; last renewed";

#[test]
fn what_nobody_holds_may_be_taken() {
    assert_eq!(decide(None, "me", &ONE_LOOK), AcquireDecision::Take);
    let given_back = lease(1).released(NOW);
    assert_eq!(
        decide(Some(&given_back), "me", &ONE_LOOK),
        AcquireDecision::Take
    );
    assert_eq!(
        decide(Some(&given_back), "a1", &ONE_LOOK),
        AcquireDecision::Take
    );
}

#[test]
fn a_live_one_is_held_and_its_holder_named() {
    let why = format!("{ALICE} 4 s ago");
    assert_eq!(
        decide(Some(&lease(4)), "me", &ONE_LOOK),
        AcquireDecision::Held { why }
    );
    assert_eq!(
        decide(Some(&lease(4)), "a1", &ONE_LOOK),
        AcquireDecision::Mine
    );
}

#[test]
fn one_that_ran_out_is_watched_for_as_long_as_it_lasts() {
    let with = |quiet| decide(Some(&lease(31)), "me", &Around { quiet, ..ONE_LOOK });
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
    // Its holder's clock is behind, but it moves.
    assert!(matches!(with(Staleness::No), AcquireDecision::Held { .. }));
}

#[test]
fn one_from_the_future_is_watched_too() {
    let ahead = lease(0).renewed(NOW.plus(Duration::from_secs(3_600)), "probe");
    let found = decide(Some(&ahead), "me", &ONE_LOOK);
    assert!(
        matches!(found, AcquireDecision::LookFirst { .. }),
        "{found:?}"
    );
    // A little ahead is how clocks are.
    let ahead = lease(0).renewed(NOW.plus(Duration::from_secs(10)), "probe");
    let found = decide(Some(&ahead), "me", &ONE_LOOK);
    assert!(matches!(found, AcquireDecision::Held { .. }), "{found:?}");
}

#[test]
fn a_dead_holder_is_not_waited_for() {
    let around = Around {
        holder_is_dead: true,
        ..ONE_LOOK
    };
    assert_eq!(
        decide(Some(&lease(1)), "me", &around),
        AcquireDecision::TakeOver {
            why: format!("{ALICE} 1 s ago: this process no longer exists")
        }
    );
}

#[test]
fn a_watch_counts_only_what_lies_between_two_looks() {
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

/// The least case in which two once held it: bob watches, alice gives it back and takes it again
/// unseen, with a clock that shows the same moment, and 30 s after his first look bob takes it over.
#[test]
fn what_was_given_back_and_taken_again_is_not_quiet() {
    let at = Duration::from_secs;
    let mut world = World::new();
    let mut go = |who, after: u64, choice| {
        world.step(&Step {
            who,
            after: at(after),
            wall: NOW,
            choice,
        });
        let acting = world.may_act();
        assert!(acting.len() <= 1, "{acting:?} at {:?}", world.clock);
        acting.len()
    };
    let (on, give_back) = (220, 60);
    let (alice, bob) = (0, 1);
    // She reads, decides, writes, and hears that it was written; bob looks and finds it held.
    let took: Vec<_> = (0..5).map(|_| go(alice, 0, on)).collect();
    assert_eq!(took.last(), Some(&1));
    for _ in 0..3 {
        let _ = go(bob, 0, on);
    }
    // Half a minute later she gives it back, and takes it again.
    go(alice, 30, give_back);
    for _ in 0..2 {
        let _ = go(alice, 0, on);
    }
    let took: Vec<_> = (0..5).map(|_| go(alice, 0, on)).collect();
    assert_eq!(took.last(), Some(&1));
    for _ in 0..5 {
        let _ = go(bob, 0, on);
    }
}

#[test]
fn a_nonce_is_kept_only_while_its_write_may_take_effect() {
    assert!(!is_used_up(None, &1));
    assert!(!is_used_up(Some(&1), &1));
    assert!(is_used_up(Some(&1), &2));
}

#[test]
fn a_holder_stops_before_its_lease_runs_out() {
    let at = Duration::from_secs;
    assert_eq!(lease(0).left(at(0)), at(20));
    assert_eq!(lease(0).left(at(19)), at(1));
    assert_eq!(lease(0).left(at(20)), at(0));
    assert!(!lease(0).is_due(at(4)));
    assert!(lease(0).is_due(at(5)));
}

#[test]
fn its_text_is_read_back_and_nothing_else_is() {
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

/// The store: one object that can be compared and swapped, and the number of its version.
#[derive(Debug, Default)]
struct Cell {
    lease: Option<Lease>,
    version: u64,
}

/// What a claimant is about. Every request has three moments: it is sent, it takes effect, its answer
/// arrives; anything may happen between them.
#[derive(Debug, Clone)]
enum Doing {
    Nothing,
    Reading {
        began: Duration,
    },
    HasRead {
        began: Duration,
        found: Option<Lease>,
        version: u64,
    },
    Writing {
        sent: Duration,
        lease: Lease,
        over: u64,
    },
    Written {
        sent: Duration,
        lease: Lease,
        version: Option<u64>,
    },
}

#[derive(Debug)]
struct Claimant {
    nonce: String,
    /// Over which version it last tried to write a lease of its own.
    tried: Option<u64>,
    doing: Doing,
    watch: Observer,
    /// The confirmed lease, its version, and when its last renewal was sent.
    holds: Option<(Lease, u64, Duration)>,
}

/// One step of the schedule: who goes on, after how long, with which wall clock, and choices.
#[derive(Debug, Clone)]
struct Step {
    who: usize,
    after: Duration,
    wall: Timestamp,
    choice: u8,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Mostly near each other, sometimes for about as long as a lease lasts; clocks say anything.
    let after = prop_oneof![4 => 0..300_u64, 2 => 300..8_000_u64, 1 => 8_000..35_000_u64];
    let wall =
        prop_oneof![3 => NOW.0..NOW.0 + 60_000, 1 => any::<u64>(), 1 => Just(NOW.0 - 3_600_000)];
    let step = (0..3_usize, after, wall, any::<u8>()).prop_map(|(who, after, wall, choice)| Step {
        who,
        after: Duration::from_millis(after),
        wall: Timestamp(wall),
        choice,
    });
    prop::collection::vec(step, 0..250)
}

struct World {
    cell: Cell,
    claimants: Vec<Claimant>,
    /// Nonces of processes that ended.
    dead: Vec<String>,
    /// Requests whose sender does not wait for them any more; they may still take effect.
    under_way: Vec<(Lease, u64)>,
    /// The nonce and `renewed_at` of everything that ever was in the cell.
    written: Vec<(String, Timestamp)>,
    clock: Duration,
    born: usize,
}

impl World {
    fn new() -> World {
        let mut world = World {
            cell: Cell::default(),
            claimants: Vec::new(),
            dead: Vec::new(),
            under_way: Vec::new(),
            written: Vec::new(),
            clock: Duration::ZERO,
            born: 0,
        };
        world.claimants = (0..3).map(|_| world.newborn()).collect();
        world
    }

    fn newborn(&mut self) -> Claimant {
        self.born += 1;
        Claimant {
            nonce: format!("n{}", self.born),
            tried: None,
            doing: Doing::Nothing,
            watch: Observer::default(),
            holds: None,
        }
    }

    fn may_act(&self) -> Vec<&str> {
        let acting = self.claimants.iter().filter(|one| {
            one.holds
                .as_ref()
                .is_some_and(|(lease, _, sent)| !lease.left(self.clock - *sent).is_zero())
        });
        acting.map(|one| one.nonce.as_str()).collect()
    }

    fn step(&mut self, step: &Step) {
        self.clock += step.after;
        if step.choice < 4 {
            // Killed, whatever it was about.
            let newborn = self.newborn();
            let gone = std::mem::replace(&mut self.claimants[step.who], newborn);
            if let Doing::Writing { lease, over, .. } = gone.doing {
                self.under_way.push((lease, over));
            }
            self.dead.push(gone.nonce);
            return;
        }
        if step.choice > 245
            && let Some((lease, over)) = self.under_way.pop()
        {
            self.swap(lease, over);
            return;
        }
        let doing = std::mem::replace(&mut self.claimants[step.who].doing, Doing::Nothing);
        let next = match doing {
            Doing::Nothing => self.begin(step),
            Doing::Reading { began } => Doing::HasRead {
                began,
                found: self.cell.lease.clone(),
                version: self.cell.version,
            },
            Doing::HasRead {
                began,
                found,
                version,
            } => self.decide(step, began, found.as_ref(), version),
            Doing::Writing { lease, over, .. } if step.choice < 12 => {
                // It waits no longer.
                self.under_way.push((lease, over));
                Doing::Nothing
            }
            Doing::Writing { sent, lease, over } => {
                let version = self.swap(lease.clone(), over);
                Doing::Written {
                    sent,
                    lease,
                    version,
                }
            }
            Doing::Written {
                sent,
                lease,
                version,
            } => {
                let me = &mut self.claimants[step.who];
                me.holds = match version {
                    // The answer got lost: what is known is what was known before.
                    _ if step.choice < 40 => me.holds.take(),
                    Some(_) if lease.released => None,
                    Some(version) => Some((lease, version, sent)),
                    None => None,
                };
                Doing::Nothing
            }
        };
        self.claimants[step.who].doing = next;
    }

    fn swap(&mut self, lease: Lease, over: u64) -> Option<u64> {
        if self.cell.version != over {
            return None;
        }
        // A watch compares only these, and the tags of a bucket are made from the content.
        let content = (lease.nonce.clone(), lease.renewed_at);
        assert!(!self.written.contains(&content), "{content:?} came back");
        self.written.push(content);
        self.cell = Cell {
            lease: Some(lease),
            version: over + 1,
        };
        Some(over + 1)
    }

    /// A holder renews or gives back; anybody else looks.
    fn begin(&mut self, step: &Step) -> Doing {
        let sent = self.clock;
        let me = &mut self.claimants[step.who];
        match &me.holds {
            Some((lease, version, _)) if step.choice < 80 => {
                let (lease, over) = (lease.released(step.wall), *version);
                // From here on it does not act any more.
                me.holds = None;
                Doing::Writing { sent, lease, over }
            }
            Some((lease, version, _)) if step.choice < 200 => Doing::Writing {
                sent,
                lease: lease.renewed(step.wall, "on and on"),
                over: *version,
            },
            Some(_) => Doing::Nothing,
            None => Doing::Reading { began: self.clock },
        }
    }

    fn decide(&mut self, step: &Step, began: Duration, found: Option<&Lease>, over: u64) -> Doing {
        let (now, sent) = (step.wall, self.clock);
        let me = &mut self.claimants[step.who];
        let around = Around {
            now,
            quiet: me.watch.look(found, began, self.clock),
            holder_is_dead: found.is_some_and(|lease| self.dead.contains(&lease.nonce)),
        };
        let lease = match (decide(found, &me.nonce, &around), found) {
            (AcquireDecision::Take | AcquireDecision::TakeOver { .. }, _) => {
                // A claimant goes on after it gave a lease back, or lost it. A process that takes it
                // again draws a nonce for that; with the old one and a clock that was set back, it
                // would write what a watcher saw before it was given back.
                if is_used_up(me.tried.as_ref(), &over) {
                    self.born += 1;
                    me.nonce = format!("n{}", self.born);
                }
                me.tried = Some(over);
                Lease::new(&me.nonce, holder("someone"), now, None, "begin")
            }
            (AcquireDecision::Mine, Some(lease)) => lease.renewed(now, "found again"),
            _ => return Doing::Nothing,
        };
        Doing::Writing { sent, lease, over }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// However requests, answers, deaths and wall clocks interleave.
    #[test]
    fn never_do_two_hold_it(steps in steps()) {
        let mut world = World::new();
        for step in &steps {
            world.step(step);
            let acting = world.may_act();
            prop_assert!(acting.len() <= 1, "{acting:?} at {:?}", world.clock);
        }
    }
}

proptest! {
    /// Wherever the clocks stand: a holder that ended unseen is in nobody's way for longer than one
    /// lease and the time for which clocks make it look alive.
    #[test]
    fn a_silent_one_is_taken_over(now in any::<u64>(), renewed_at in any::<u64>(), extra in 0..90_000_u64) {
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
    fn every_renewal_shows(clocks in prop::collection::vec(any::<u64>(), 1..20)) {
        let mut lease = Lease::new("a1", holder("alice@laptop"), NOW, None, "begin");
        for clock in clocks.into_iter().map(|clock| clock >> 1) {
            let next = lease.renewed(Timestamp(clock), "probe");
            prop_assert!(next.renewed_at > lease.renewed_at);
            prop_assert!(next.released(Timestamp(0)).renewed_at > next.renewed_at);
            lease = next;
        }
    }

    /// Any numbers in the object, any clock: an answer, and its own text read back.
    #[test]
    fn nothing_in_the_object_panics(
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
