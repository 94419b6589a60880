//! The decisions: which rules a call meets, and what becomes of it and of its response.

use crate::answer::Answer;
use crate::clock::Moment;
use crate::request::Call;
use crate::rule::{Apply, Before, Rule};
use crate::rules;
use crate::world::{Outgoing, World};
use bytes::Bytes;
use std::collections::BTreeMap;

/// What becomes of a call.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// It is not forwarded; this is the response.
    Answer(Answer),
    /// It is forwarded.
    Forward {
        /// The body, where it is not the call's own.
        body: Option<Bytes>,
    },
}

/// The rules and what they remember.
#[derive(Debug)]
pub struct Front {
    /// What they remember.
    pub world: World,
}

impl Front {
    /// The front of a rehearsal in which nothing has happened.
    #[must_use]
    pub fn new(seed: u64, real_times: bool) -> Front {
        Front {
            world: World::new(seed, real_times),
        }
    }

    /// Decides on a call at the time `now`.
    pub fn decide(&mut self, call: &Call, now: Moment) -> Decision {
        self.world.now = self.world.now.max(now);
        let mut seen = call.clone();
        let mut body = None;
        for rule in rules::all() {
            if !self.applies(rule, call) {
                continue;
            }
            let (Apply::Request(before) | Apply::Both(before, _)) = rule.apply else {
                continue;
            };
            match before(&mut self.world, &seen) {
                Before::Pass => {}
                Before::Answer(answer) => return Decision::Answer(answer),
                Before::Body(changed) => {
                    seen.body = changed.clone();
                    body = Some(changed);
                }
            }
        }
        rules::forwarded(&mut self.world, call);
        Decision::Forward { body }
    }

    /// Whether [`Front::answered`] reads the response to a call.
    #[must_use]
    pub fn reads_response(&self, call: &Call) -> bool {
        let mut rules = rules::all();
        rules::is_observed(call)
            || rules.any(|rule| rule.reads_response() && self.applies(rule, call))
    }

    /// Remembers a response, and changes it as the rules have it.
    pub fn answered(&mut self, call: &Call, mut answer: Answer, now: Moment) -> Answer {
        self.world.now = self.world.now.max(now);
        rules::observe(&mut self.world, call, &answer);
        for rule in rules::all() {
            if let Apply::Response(after) | Apply::Both(_, after) = rule.apply
                && self.applies(rule, call)
            {
                after(&mut self.world, call, &mut answer);
            }
        }
        answer
    }

    /// The calls that the rules want the front to make itself, since they were last taken.
    pub fn own_calls(&mut self) -> Vec<Outgoing> {
        std::mem::take(&mut self.world.outbox)
    }

    /// A call that was forwarded has ended, with or without a response.
    pub fn ended(&mut self, call: &Call) {
        rules::ended(&mut self.world, call);
    }

    /// Selects a scenario. `value` is what it is about, where the scenario has a parameter.
    ///
    /// # Errors
    /// No rule belongs to this scenario.
    pub fn select(&mut self, scenario: &str, value: &str) -> Result<(), String> {
        if !rules::scenarios().contains(&scenario) {
            let known = rules::scenarios().join(", ");
            return Err(format!(
                "no scenario is called {scenario}; known are {known}"
            ));
        }
        let scenarios = &mut self.world.scenarios;
        scenarios.insert(scenario.to_owned(), value.to_owned());
        rules::selected(&mut self.world, scenario);
        Ok(())
    }

    /// Ends a scenario. Returns whether it was on.
    pub fn deselect(&mut self, scenario: &str) -> bool {
        self.world.scenarios.remove(scenario).is_some()
    }

    /// Whether each rule is on, by ID.
    #[must_use]
    pub fn rules(&self) -> BTreeMap<&'static str, bool> {
        let all = rules::all();
        all.map(|rule| (rule.id, rule.is_on(&self.world))).collect()
    }

    fn applies(&self, rule: &Rule, call: &Call) -> bool {
        rule.is_on(&self.world) && rule.concerns(call)
    }
}
