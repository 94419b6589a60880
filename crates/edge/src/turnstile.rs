//! Lets as many requests through to the app as the concurrency limit allows; the others wait in
//! line, for a while.

use crate::clock::Clock;
use crate::policy::limit::{Limit, LimitPolicy};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

/// Longest line. Behind it there is no waiting: it would last longer than anyone waits.
const LONGEST_LINE: usize = 4_096;

/// The turnstile; without a limit everyone passes.
#[derive(Debug)]
pub(crate) struct Turnstile {
    clock: Clock,
    line: Option<Mutex<Line>>,
}

#[derive(Debug)]
struct Line {
    limit: Limit,
    waiting: VecDeque<oneshot::Sender<()>>,
}

/// The app has enough to do.
#[derive(Debug)]
pub(crate) struct Full;

impl Turnstile {
    pub(crate) fn new(clock: Clock, most: Option<u32>) -> Turnstile {
        let line = most.map(|most| {
            let limit = Limit::new(LimitPolicy::up_to(most));
            Mutex::new(Line {
                limit,
                waiting: VecDeque::new(),
            })
        });
        Turnstile { clock, line }
    }

    /// Takes a place, after waiting in line if need be.
    pub(crate) async fn enter(&self, within: Duration) -> Result<Place<'_>, Full> {
        let turn = {
            let Some(mut line) = self.lock() else {
                return Ok(Place {
                    turnstile: self,
                    is_held: false,
                });
            };
            if line.waiting.is_empty() && line.limit.enter() {
                return Ok(Place {
                    turnstile: self,
                    is_held: true,
                });
            }
            // Those who left the line stay in it until their turn comes: they cost nothing there.
            if line.waiting.len() >= LONGEST_LINE {
                return Err(Full);
            }
            let (turn, my_turn) = oneshot::channel();
            line.waiting.push_back(turn);
            my_turn
        };
        let mut turn = Turn {
            turnstile: self,
            turn,
        };
        match tokio::time::timeout(within, &mut turn.turn).await {
            Ok(Ok(())) => {
                // The place is ours; the turn has nothing to give back any more.
                turn.turn.close();
                Ok(Place {
                    turnstile: self,
                    is_held: true,
                })
            }
            _ => Err(Full),
        }
    }

    /// Requests that the app works on, and how many it may.
    pub(crate) fn load(&self) -> Option<(u32, u32)> {
        self.lock()
            .map(|line| (line.limit.in_flight(), line.limit.current()))
    }

    fn lock(&self) -> Option<MutexGuard<'_, Line>> {
        self.line
            .as_ref()
            .map(|line| line.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn give_back(&self, how: impl FnOnce(&mut Limit)) {
        let Some(mut line) = self.lock() else { return };
        how(&mut line.limit);
        while !line.waiting.is_empty() && line.limit.enter() {
            let turn = line.waiting.pop_front();
            let left_the_line = turn.is_none_or(|turn| turn.send(()).is_err());
            if left_the_line {
                line.limit.leave();
            }
        }
    }
}

/// A wait in line. Whoever leaves at the very moment of their turn gives the place back.
struct Turn<'t> {
    turnstile: &'t Turnstile,
    turn: oneshot::Receiver<()>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.turn.close();
        if self.turn.try_recv().is_ok() {
            self.turnstile.give_back(Limit::leave);
        }
    }
}

/// A place at the app.
#[derive(Debug)]
pub(crate) struct Place<'t> {
    turnstile: &'t Turnstile,
    is_held: bool,
}

impl<'t> Place<'t> {
    /// For requests that are never turned away.
    pub(crate) fn of_nobody(turnstile: &'t Turnstile) -> Place<'t> {
        Place {
            turnstile,
            is_held: false,
        }
    }

    /// The app answered after `latency`, or, with [`None`], not in time.
    pub(crate) fn finish(mut self, latency: Option<Duration>) {
        if std::mem::take(&mut self.is_held) {
            let now = self.turnstile.clock.now();
            self.turnstile.give_back(|limit| limit.finish(latency, now));
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if std::mem::take(&mut self.is_held) {
            self.turnstile.give_back(Limit::leave);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(1);

    #[tokio::test]
    async fn those_in_line_get_the_places_of_those_who_leave() {
        let turnstile = Turnstile::new(Clock::start(), Some(1));
        let first = turnstile.enter(SOON).await.expect("place");
        assert!(turnstile.enter(SOON).await.is_err());
        let (second, ()) = tokio::join!(turnstile.enter(Duration::from_secs(60)), async {
            drop(first)
        });
        assert_eq!(turnstile.load(), Some((1, 1)));
        drop(second);
        assert_eq!(turnstile.load(), Some((0, 1)));
        turnstile
            .enter(SOON)
            .await
            .expect("place")
            .finish(Some(SOON));
        assert_eq!(turnstile.load(), Some((0, 1)));
    }

    #[tokio::test]
    async fn without_a_limit_everyone_passes() {
        let turnstile = Turnstile::new(Clock::start(), None);
        let places: Vec<_> = [turnstile.enter(SOON).await, turnstile.enter(SOON).await].into();
        assert!(places.iter().all(Result::is_ok));
    }
}
