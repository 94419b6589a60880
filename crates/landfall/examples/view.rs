//! Shows the view without a deployment: `cargo run -p landfall --example view`. The argument is
//! `release` (the default), `rollback`, `live`, `ask` or `panic`. All numbers are made up.

// The report is part of the binary, so this includes its source. Not all of it is used here.
#[allow(dead_code, unused_imports)]
#[path = "../src"]
mod source {
    pub(crate) mod documents;
    pub(crate) mod report;
}

use rules::app::names::Slot;
use rules::event::{Event, Phase, PhaseTime};
use rules::exit::Exit;
use rules::release::canary::Stratum;
use rules::release::ledger::AvailabilityCounts;
use rules::release::live_status::{Arm, Count, Evidence, LiveStatus, Role, SAMPLES, Sample};
use rules::release::revision::RevisionId;
use rules::release::{Awaited, Outcome, Step};
use rules::time::Timestamp;
use source::documents;
use source::report;
use source::report::{Report, Volume};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() {
    let what = std::env::args().nth(1).unwrap_or_default();
    let json = std::env::args().any(|argument| argument == "--json");
    // Before anything is printed: from then on Ctrl-C may come.
    let mut interrupts = signal(SignalKind::interrupt()).expect("signal handlers can be installed");
    let report = Report::new(json, Volume::Usual);
    report.animate();
    let exit = tokio::select! {
        () = show(&report, &what) => Exit::Done,
        _ = interrupts.recv() => {
            report.note("stopping gracefully …");
            Exit::Interrupted
        }
    };
    report.emit(Event::Ended {
        exit,
        code: exit.code(),
    });
    std::process::exit(exit.code().into());
}

async fn show(report: &Report, what: &str) {
    match what {
        "live" => live(report).await,
        "ask" => {
            report.emit(Event::PhaseStarted { phase: Phase::Plan });
            pause(1.0).await;
            let yes = report.ask("apply this plan?");
            report.note(format!("the answer was {yes}"));
            pause(1.0).await;
        }
        "panic" => {
            report.emit(Event::PhaseStarted { phase: Phase::Plan });
            pause(1.0).await;
            let _ = tokio::spawn(async { panic!("a panic for show") }).await;
            pause(1.0).await;
        }
        "rollback" => release(report, 0.55).await,
        _ => release(report, 0.1).await,
    }
}

async fn pause(seconds: f64) {
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
}

async fn phase(report: &Report, phase: Phase, seconds: f64) {
    report.emit(Event::PhaseStarted { phase });
    if phase == Phase::Build {
        for step in 1..=6 {
            report.emit(Event::Output {
                tool: "build".to_owned(),
                line: format!(
                    "#{step} [build {step}/6] RUN go build -trimpath -o /out/app ./cmd/app"
                ),
            });
            pause(seconds / 6.0).await;
        }
    } else {
        pause(seconds).await;
    }
    report.emit(Event::PhaseFinished {
        time: PhaseTime { phase, seconds },
    });
}

/// Pseudo-random numbers, the same in every run.
struct Dice(u64);

impl Dice {
    fn share(&mut self) -> f64 {
        // The multiplier and increment of Knuth's MMIX.
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        f64::from(u32::try_from(self.0 >> 32).unwrap_or(0)) / f64::from(u32::MAX)
    }

    fn among(&mut self, tries: u64, share: f64) -> u64 {
        let hits = (0..tries).filter(|_| self.share() < share).count();
        u64::try_from(hits).unwrap_or(0)
    }
}

/// Simulates users and versions with errors.
struct World {
    dice: Dice,
    watch: LiveStatus,
    error_rates: Vec<f64>,
}

impl World {
    fn new(arms: &[(Role, Slot, &str)], error_rates: &[f64]) -> World {
        let arm = |&(role, slot, revision): &(Role, Slot, &str)| Arm {
            slot,
            revision: RevisionId(revision.to_owned()),
            role,
            share: 0,
            tasks: 2,
            healthy: 2,
            requests: 0,
            errors: 0,
            user_errors: 0,
            p50_ms: None,
            p99_ms: None,
        };
        World {
            dice: Dice(7),
            watch: LiveStatus {
                elapsed: 0.0,
                doing: String::new(),
                arms: arms.iter().map(arm).collect(),
                evidence: None,
                pings: Some(AvailabilityCounts::default()),
                seconds: Vec::new(),
            },
            error_rates: error_rates.to_vec(),
        }
    }

    fn second(&mut self, doing: &str, shares: &[u32]) -> Event {
        let users = 30 + self.dice.among(20, 0.5);
        let mut moment = Sample::default();
        let World {
            dice,
            watch,
            error_rates,
        } = self;
        for ((arm, &share), &rate) in watch.arms.iter_mut().zip(shares).zip(error_rates.iter()) {
            let requests = dice.among(users, f64::from(share) / 100.0);
            let errors = dice.among(requests, rate);
            arm.share = share;
            arm.requests += requests;
            arm.errors += errors;
            // Errors that remain after the edge's retries.
            arm.user_errors += dice.among(errors, if rate > 0.3 { 0.2 } else { 0.0 });
            if requests > 0 {
                arm.p50_ms = Some(11.0 + 3.0 * dice.share());
                arm.p99_ms = Some(430.0 + 90.0 * dice.share());
            }
            moment.arms.push(Count { requests, errors });
        }
        if watch.seconds.len() == SAMPLES {
            watch.seconds.remove(0);
        }
        if let (Some(pings), Some(last)) = (&mut watch.pings, error_rates.last()) {
            pings.requests += 5;
            pings.errors += dice.among(5, *last);
            pings.longest_gap_ms = pings.longest_gap_ms.max(200 + dice.among(200, 0.5));
        }
        watch.seconds.push(moment);
        watch.elapsed += 1.0;
        watch.doing = doing.to_owned();
        Event::Watch(watch.clone())
    }
}

async fn live(report: &Report) {
    let mut world = World::new(&[(Role::Only, Slot::Blue, "3f2a91c04d77")], &[0.1]);
    loop {
        report.emit(world.second("serves", &[100]));
        pause(1.0).await;
    }
}

async fn release(report: &Report, new_errors: f64) {
    report.emit(Event::Place {
        name: "uptime".to_owned(),
        environment: "prod".to_owned(),
        account: "123456789012".to_owned(),
        region: "eu-west-2".to_owned(),
        rehearsal: false,
    });
    tokio::join!(
        phase(report, Phase::Build, 4.0),
        phase(report, Phase::Foundation, 2.5),
        phase(report, Phase::Fargate, 3.2),
    );
    let phase = Phase::Release;
    report.emit(Event::PhaseStarted { phase });
    let step = |step| report.emit(Event::Step { step });
    let slot = Slot::Green;
    step(Step::Stage { slot });
    step(Step::Wait {
        what: Awaited::Healthy,
        until: Timestamp(0),
    });
    pause(2.0).await;
    step(Step::Probe { requests: 6 });
    let arms = [
        (Role::Old, Slot::Blue, "3f2a91c04d77"),
        (Role::New, slot, "9b1c44e70a12"),
    ];
    let mut world = World::new(&arms, &[0.1, new_errors]);
    let (mut roll_back, mut promote) = (0.0_f64, 0.0_f64);
    for (share, doing) in [
        (10, "10% on the new version"),
        (50, "50% on the new version"),
        (95, "95% on the new version"),
        (100, "all on the new version; the old one stands by"),
    ] {
        for _ in 0..15 {
            let is_bad = new_errors > 0.3;
            roll_back += if is_bad {
                0.4
            } else {
                0.1 * world.dice.share() - 0.05
            };
            promote += if is_bad {
                -0.2
            } else {
                0.22 * world.dice.share()
            };
            world.watch.evidence = Some(Evidence {
                roll_back,
                roll_back_at: 100_f64.ln(),
                promote,
                promote_at: 20_f64.ln(),
                stratum: Stratum::Users,
                new_requests: world.watch.arms[1].requests,
            });
            if roll_back >= 100_f64.ln() {
                report.note("the new version has too many errors: rolling back");
                for _ in 0..4 {
                    report.emit(world.second("all traffic is back on the old version", &[100, 0]));
                    pause(1.0).await;
                }
                report.emit(Event::Failed {
                    what: "the new version failed".to_owned(),
                    why: vec![
                        "55% of its requests failed, and 10% of the old version's".to_owned(),
                    ],
                    next: vec!["`landfall logs` shows its log".to_owned()],
                });
                return;
            }
            report.emit(world.second(doing, &[100 - share, share]));
            pause(1.0).await;
        }
    }
    step(Step::Finished {
        outcome: Outcome::Serving { slot, proof: None },
    });
    let seconds = 62.0;
    report.emit(Event::PhaseFinished {
        time: PhaseTime { phase, seconds },
    });
    report.emit(Event::Url {
        url: "https://d111111abcdef8.cloudfront.net".to_owned(),
    });
}
