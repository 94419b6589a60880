//! Pictures of the view.

use super::samples::{bake, canary, rollback, single};
use super::*;
use edge_contract::totals::Totals;
use proptest::prelude::*;
use ratatui_core::backend::TestBackend;
use ratatui_core::terminal::Terminal;
use rules::event::{Phase, Progress};
use rules::release::live_status::LiveStatus;
use rules::shape::contract::Root;

fn state(events: &[(u64, Event)]) -> State {
    let mut state = State::default();
    for (seconds, event) in events {
        state.fold(event, Timestamp(seconds * 1_000));
    }
    state
}

fn watching(watch: LiveStatus) -> State {
    let phase = Phase::Release;
    let began = Event::PhaseStarted { phase };
    state(&[(0, began), (42, Event::Watch(watch))])
}

fn picture(state: &State, seconds: u64, columns: u16, lines: u16) -> String {
    let backend = TestBackend::new(columns, lines);
    let mut terminal = Terminal::new(backend).expect("a terminal");
    let mut height = 0;
    let now = Timestamp(seconds * 1_000);
    terminal
        .draw(|frame| height = draw(state, now, frame.area(), frame.buffer_mut()))
        .expect("a picture");
    let text = terminal.backend().to_string();
    let lines = text.lines().take(usize::from(height));
    lines
        .map(|line| line.trim_matches('"').trim_end())
        .collect::<Vec<_>>()
        .join("\n")
}

/// At common widths.
fn pictures(state: &State, seconds: u64) -> String {
    [40, 60, 80, 120]
        .map(|columns| {
            let ruler = "─".repeat(usize::from(columns));
            format!("{ruler}\n{}", picture(state, seconds, columns, 24))
        })
        .join("\n")
}

fn resource(address: &str, progress: Progress, seconds: f64) -> Event {
    Event::Resource {
        root: Root::Fargate,
        address: address.to_owned(),
        action: "create".to_owned(),
        progress,
        seconds,
    }
}

#[test]
fn phases_that_run() {
    let started = |phase| Event::PhaseStarted { phase };
    let state = state(&[
        (0, started(Phase::Build)),
        (2, started(Phase::Foundation)),
        (3, started(Phase::Fargate)),
        (
            4,
            Event::Output {
                tool: "build".to_owned(),
                line: "#9 [build 4/6] RUN go build -trimpath -ldflags=-s -o /out/app ./cmd/app"
                    .to_owned(),
            },
        ),
        (5, resource("aws_vpc.main", Progress::Finished, 2.0)),
        (6, resource("aws_lb.main", Progress::Started, 0.0)),
        (
            7,
            resource("aws_ecs_service.slot[\"blue\"]", Progress::Started, 0.0),
        ),
    ]);
    insta::assert_snapshot!(pictures(&state, 65));
}

#[test]
fn a_canary() {
    insta::assert_snapshot!(pictures(&watching(canary()), 42));
}

#[test]
fn a_rollback() {
    insta::assert_snapshot!(pictures(&watching(rollback()), 73));
}

#[test]
fn a_bake() {
    insta::assert_snapshot!(pictures(&watching(bake()), 43));
}

#[test]
fn what_serves_alone_last_seen_a_while_ago() {
    let state = state(&[(5, Event::Watch(single()))]);
    insta::assert_snapshot!(pictures(&state, 12));
}

#[test]
fn where_there_is_no_room_what_matters_least_goes_first() {
    let state = watching(canary());
    let all = [24, 16, 12, 9, 3]
        .map(|lines| format!("── {lines} lines\n{}", picture(&state, 42, 80, lines)));
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn numbers_of_an_app_on_this_machine() {
    let totals = Totals {
        requests: 100,
        first_errors: 9,
        user_errors: 0,
        retries: 9,
        restarts: 1,
        p50_ms: 2.0,
        p99_ms: 20.0,
    };
    let state = state(&[(0, Event::Traffic { totals })]);
    assert!(picture(&state, 1, 118, 24).contains("100 requests: 9 first attempts failed"));
}

proptest! {
    /// Any size and any numbers give a picture that fits.
    #[test]
    fn every_size_has_a_picture(columns in 1_u16..220, lines in 0_u16..40, value in prop::num::f64::ANY, at in prop::num::f64::ANY, count in any::<u64>()) {
        let mut watch = canary();
        if let Some(evidence) = &mut watch.evidence {
            (evidence.roll_back, evidence.promote_at) = (value, at);
        }
        watch.arms[0].requests = count;
        watch.arms[1].share = u32::MAX;
        watch.arms[1].p50_ms = Some(value);
        for watch in [watch, single()] {
            let state = watching(watch);
            let area = Rect::new(0, 0, columns, lines);
            let mut buffer = Buffer::empty(area);
            let height = draw(&state, Timestamp(50_000), area, &mut buffer);
            prop_assert!(height <= lines);
        }
    }
}
