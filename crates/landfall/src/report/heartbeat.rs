//! When a log says what is watched: often enough that it is seen to be alive, rarely enough to be read.

use super::words::watched;
use rules::event::{Event, Phase};
use rules::release::live_status::LiveStatus;
use rules::time::Timestamp;
use std::time::Duration;

/// At most this often: what is done stands in lines of its own.
const EVERY: Duration = Duration::from_secs(10);

/// Picks the moments that become lines.
#[derive(Debug)]
pub(super) struct Heartbeat {
    /// Whether somebody else shows the moments: then only the last one stays as a line.
    pub(super) only_last: bool,
    /// The last moment, until it was said.
    unsaid: Option<LiveStatus>,
    /// When something was said.
    said: Option<Timestamp>,
}

impl Heartbeat {
    pub(super) fn new(only_last: bool) -> Heartbeat {
        Heartbeat {
            only_last,
            unsaid: None,
            said: None,
        }
    }

    /// Takes an event in, and gives the line that is due before it, if any.
    pub(super) fn fold(&mut self, event: &Event, at: Timestamp) -> Option<String> {
        match event {
            Event::Watch(watch) => {
                let is_due = self.said.is_none_or(|said| at.since(said) >= EVERY);
                if self.only_last || !is_due {
                    self.unsaid = Some(watch.clone());
                    return None;
                }
                self.unsaid = None;
                self.said = Some(at);
                Some(watched(watch))
            }
            event if ends_watch(event) => {
                self.said = None;
                self.unsaid.take().as_ref().map(watched)
            }
            _ => None,
        }
    }
}

/// Whether nothing is watched any more after this event.
pub(super) fn ends_watch(event: &Event) -> bool {
    match event {
        Event::PhaseFinished { time } => time.phase == Phase::Release,
        Event::Failed { .. } | Event::Ended { .. } => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::view::samples::canary;
    use rules::exit::Exit;

    fn moment(elapsed: f64, doing: &str) -> Event {
        Event::Watch(LiveStatus {
            elapsed,
            doing: doing.to_owned(),
            ..canary()
        })
    }

    fn lines(heartbeat: &mut Heartbeat) -> Vec<String> {
        let mut events: Vec<Event> = (0..25)
            .map(|second| {
                let doing = if second < 12 { "10%" } else { "50%" };
                moment(f64::from(second), doing)
            })
            .collect();
        events.push(Event::Ended {
            exit: Exit::Done,
            code: 0,
        });
        let lines = events.iter().zip(0..);
        lines
            .filter_map(|(event, second)| heartbeat.fold(event, Timestamp(second * 1_000)))
            .map(|line| line.chars().take("release  0:00  10%".len()).collect())
            .collect()
    }

    #[test]
    fn a_line_every_ten_seconds_and_at_the_end() {
        assert_eq!(
            lines(&mut Heartbeat::new(false)),
            [
                "release  0:00  10%",
                "release  0:10  10%",
                "release  0:20  50%",
                "release  0:24  50%",
            ]
        );
    }

    #[test]
    fn under_the_view_only_the_last_moment_stays() {
        let mut heartbeat = Heartbeat::new(true);
        assert_eq!(lines(&mut heartbeat), ["release  0:24  50%"]);
    }

    #[test]
    fn a_moment_reads_like_this() {
        let line = Heartbeat::new(false).fold(&Event::Watch(canary()), Timestamp(0));
        insta::assert_snapshot!(line.expect("the first is due"), @"release  0:42  10% on the new version · old 412 requests, 9.7% errors · new 45, 11.1% · rollback 0.3/4.6 · promotion 1.2/3.0 · pings 210, 0 failed");
    }
}
