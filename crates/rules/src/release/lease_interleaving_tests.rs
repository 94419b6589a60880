//! Several processes at one lease: requests, answers, killed processes and clocks in any order.

use super::tests::{NOW, holder};
use super::*;
use proptest::prelude::*;

/// The store: one object that is written only over a known version.
#[derive(Debug, Default)]
struct Cell {
    lease: Option<Lease>,
    version: u64,
}

/// What a claimant is doing. A request is sent, takes effect, and is answered; other steps may come between
/// these.
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
    /// The version that it last tried to replace with a lease of its own.
    tried: Option<u64>,
    doing: Doing,
    watch: Observer,
    /// The confirmed lease, its version, and when its last renewal was sent.
    holds: Option<(Lease, u64, Duration)>,
}

/// One step of a schedule: who acts, after how long, at which wall-clock time, and a number that selects
/// what happens.
#[derive(Debug, Clone)]
struct Step {
    who: usize,
    after: Duration,
    wall: Timestamp,
    choice: u8,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Mostly in quick succession, sometimes about as long as a lease; wall clocks show anything.
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
    /// Requests whose sender no longer waits; they may still take effect.
    under_way: Vec<(Lease, u64)>,
    /// The nonce and `renewed_at` of all leases that were ever written.
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
            // Killed, whatever it was doing.
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
                // It stops waiting for the answer.
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
                    // The answer was lost: what it held, it still holds.
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
        // An observer compares only these, and ETags are computed from the content.
        let content = (lease.nonce.clone(), lease.renewed_at);
        assert!(!self.written.contains(&content), "{content:?} came back");
        self.written.push(content);
        self.cell = Cell {
            lease: Some(lease),
            version: over + 1,
        };
        Some(over + 1)
    }

    /// A holder renews or releases; another claimant reads.
    fn begin(&mut self, step: &Step) -> Doing {
        let sent = self.clock;
        let me = &mut self.claimants[step.who];
        match &me.holds {
            Some((lease, version, _)) if step.choice < 80 => {
                let (lease, over) = (lease.released(step.wall), *version);
                // From now on it does not act.
                me.holds = None;
                Doing::Writing { sent, lease, over }
            }
            Some((lease, version, _)) if step.choice < 200 => Doing::Writing {
                sent,
                lease: lease.renewed(step.wall, "shift 10 %"),
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
                // A process that takes the lease again gets a new nonce. With the old one and a clock that
                // was set back, it would write what an observer read before the release.
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

/// The smallest case in which two processes once held it: bob watches; alice releases it and takes it
/// again between his reads, with a clock that shows the same time; 30 s after his first read bob takes
/// it over.
#[test]
fn a_lease_that_was_released_and_taken_again_is_not_stale() {
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
    let (proceed, release) = (220, 60);
    let (alice, bob) = (0, 1);
    // Alice reads, decides, writes, and gets the answer; bob reads and finds it held.
    let took: Vec<_> = (0..5).map(|_| go(alice, 0, proceed)).collect();
    assert_eq!(took.last(), Some(&1));
    for _ in 0..3 {
        let _ = go(bob, 0, proceed);
    }
    // Half a minute later she releases it, and takes it again.
    go(alice, 30, release);
    for _ in 0..2 {
        let _ = go(alice, 0, proceed);
    }
    let took: Vec<_> = (0..5).map(|_| go(alice, 0, proceed)).collect();
    assert_eq!(took.last(), Some(&1));
    for _ in 0..5 {
        let _ = go(bob, 0, proceed);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// However requests, answers, killed processes and wall clocks interleave.
    #[test]
    fn two_processes_never_hold_the_lease(steps in steps()) {
        let mut world = World::new();
        for step in &steps {
            world.step(step);
            let acting = world.may_act();
            prop_assert!(acting.len() <= 1, "{acting:?} at {:?}", world.clock);
        }
    }
}
