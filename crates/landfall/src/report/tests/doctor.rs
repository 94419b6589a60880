//! The table of `landfall doctor`.

use super::read;
use crate::report::style::{Style, Text};
use crate::report::text::text;
use rules::check::{self, Check, CheckId, Summary};
use rules::event::Event;
use rules::exit::Exit;

#[test]
fn a_doctors_findings_read_like_this() {
    let check = |check, outcome, what: &str| Check {
        check,
        outcome,
        what: what.into(),
        why: vec![],
        fix: vec![],
    };
    let exit = Exit::BadInput;
    let checks = [
        check(
            CheckId::Engine,
            check::Outcome::Ok,
            "docker 29.1.0 on x86_64",
        ),
        Check {
            why: vec!["on 127.0.0.1 only: 9091".into()],
            fix: vec!["set `port = 9090` in landfall.toml".into()],
            ..check(
                CheckId::Port,
                check::Outcome::Blocker { exit },
                "the app is expected on 8080, but listens on 9090",
            )
        },
        check(
            CheckId::Image,
            check::Outcome::Warning,
            "the container runs as root",
        ),
        check(
            CheckId::Permissions,
            check::Outcome::Unknown,
            "iam:SimulatePrincipalPolicy: not allowed",
        ),
        check(
            CheckId::Names,
            check::Outcome::Skipped,
            "--offline calls nothing in AWS",
        ),
    ];
    let mut events: Vec<Event> = checks
        .iter()
        .map(|check| Event::Checked {
            check: check.clone(),
        })
        .collect();
    events.push(Event::Examined {
        summary: Summary::of(&checks),
        problems: checks[1..3].to_vec(),
    });
    insta::assert_snapshot!("doctor", read(&events, false));
    let style = Style {
        color: true,
        ..Style::plain()
    };
    let Text::Result(line) = text(&events[0], &style) else {
        panic!("a line of the table is a result");
    };
    assert!(line.starts_with("\x1b[32m✓\x1b[0m container engine"));
}
