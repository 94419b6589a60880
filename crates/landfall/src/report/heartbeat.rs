//! Without a view, samples are printed as lines, rarely enough to be readable.

use super::words::watched;
use rules::event::{Event, Phase};
use rules::release::live_status::LiveStatus;
use rules::time::Timestamp;
use std::time::Duration;

/// Minimum time between two lines.
const EVERY: Duration = Duration::from_secs(10);

/// Picks the samples that become lines.
#[derive(Debug)]
pub(super) struct Heartbeat {
    /// Whether the view shows the samples: then only the last one becomes a line.
    pub(super) only_last: bool,
    /// The last sample, until it is printed.
    pending: Option<LiveStatus>,
    /// When a line was printed.
    printed_at: Option<Timestamp>,
}

impl Heartbeat {
    pub(super) fn new(only_last: bool) -> Heartbeat {
        Heartbeat {
            only_last,
            pending: None,
            printed_at: None,
        }
    }

    /// Applies an event, and returns the line that has to be printed before it, if any.
    pub(super) fn fold(&mut self, event: &Event, at: Timestamp) -> Option<String> {
        match event {
            Event::Watch(watch) => {
                let is_due = self.printed_at.is_none_or(|last| at.since(last) >= EVERY);
                if self.only_last || !is_due {
                    self.pending = Some(watch.clone());
                    return None;
                }
                self.pending = None;
                self.printed_at = Some(at);
                Some(watched(watch))
            }
            event if ends_watch(event) => {
                self.printed_at = None;
                self.pending.take().as_ref().map(watched)
            }
            _ => None,
        }
    }
}

/// Whether this event ends the samples.
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

    fn sample(elapsed: f64, doing: &str) -> Event {
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
                sample(f64::from(second), doing)
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
    fn under_the_view_only_the_last_sample_is_printed() {
        let mut heartbeat = Heartbeat::new(true);
        assert_eq!(lines(&mut heartbeat), ["release  0:24  50%"]);
    }

    #[test]
    fn a_sample_reads_like_this() {
        let line = Heartbeat::new(false).fold(&Event::Watch(canary()), Timestamp(0));
        insta::assert_snapshot!(line.expect("the first is due"), @"release  0:42  10% on the new version · old 412 requests, 9.7% errors · new 45, 11.1% · rollback 0.3/4.6 · promotion 1.2/3.0 · pings 210, 0 failed");
    }
}
