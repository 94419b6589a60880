//! The result of a run.

use crate::assumption::Assumption;
use crate::cost::Share;
use crate::finding::{Evidence, Finding};
use crate::observation::Outcome;
use crate::scenarios::Seen;
use crate::step::Step;
use rules::app::manifest::Target;
use serde::Serialize;

/// Version of the report's format.
pub(crate) const VERSION: u32 = 1;

/// Everything that a run found.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Report {
    pub(crate) version: u32,
    pub(crate) began: String,
    pub(crate) ended: String,
    pub(crate) account: String,
    pub(crate) region: String,
    /// Whether emulators stood in for AWS.
    pub(crate) rehearsal: bool,
    pub(crate) environment: String,
    /// The assumption that the front turned around.
    pub(crate) broken: Option<String>,
    pub(crate) interrupted: bool,
    /// What the run could cost at most, by target.
    pub(crate) cost: Vec<Share>,
    pub(crate) at_most_usd: f64,
    pub(crate) scenarios: Vec<Scenario>,
    pub(crate) assumptions: Vec<Row>,
    /// What is left in the account.
    pub(crate) left: Vec<String>,
}

/// One step of a user.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Scenario {
    pub(crate) scenario: String,
    pub(crate) target: String,
    pub(crate) ok: bool,
    /// What was seen, or why it failed.
    pub(crate) seen: String,
    pub(crate) seconds: f64,
}

impl Scenario {
    pub(crate) fn new(step: Step, target: Target, seen: Seen, seconds: f64) -> Scenario {
        let ok = seen.is_ok();
        Scenario {
            scenario: step.as_str().to_owned(),
            target: target.to_string(),
            ok,
            seen: seen.unwrap_or_else(|why| why),
            seconds: (seconds * 10.0).round() / 10.0,
        }
    }
}

/// One assumption, and what was found about it on one or both targets.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) assumes: String,
    pub(crate) source: String,
    pub(crate) asked: String,
    #[serde(flatten)]
    pub(crate) outcome: Outcome,
    pub(crate) evidence: Vec<Evidence>,
}

/// The rows of all assumptions that were selected. Where one was asked several times, what contradicts it wins,
/// then what confirms it.
pub(crate) fn rows(
    selected: &[&'static Assumption],
    found: &[Finding],
    is_rehearsal: bool,
) -> Vec<Row> {
    let row = |one: &&'static Assumption| {
        let own: Vec<&Finding> = found
            .iter()
            .filter(|finding| finding.id == one.id)
            .collect();
        let outcomes = own.iter().map(|finding| finding.outcome(is_rehearsal));
        let outcome = outcomes.max_by_key(weight).unwrap_or_else(|| unasked(one));
        Row {
            id: one.id.as_str().to_owned(),
            assumes: one.assumes.to_owned(),
            source: one.source.to_owned(),
            asked: one.asked.to_owned(),
            outcome,
            evidence: own
                .iter()
                .flat_map(|finding| finding.evidence.clone())
                .collect(),
        }
    };
    selected.iter().map(row).collect()
}

fn weight(outcome: &Outcome) -> u8 {
    match outcome {
        Outcome::NotTested(_) => 0,
        Outcome::Held(_) => 1,
        Outcome::DidNotHold(_) => 2,
    }
}

fn unasked(one: &Assumption) -> Outcome {
    Outcome::NotTested(match one.at {
        None => one.asked.to_owned(),
        Some(step) => format!("the run did not get as far as the step `{}`", step.as_str()),
    })
}

impl Report {
    /// The exit code: 0 if nothing failed, nothing contradicted an assumption and nothing is left; 130 after an
    /// interruption.
    pub(crate) fn exit(&self) -> u8 {
        let did_not_hold = |row: &Row| matches!(row.outcome, Outcome::DidNotHold(_));
        let failed = self.scenarios.iter().any(|scenario| !scenario.ok);
        match () {
            () if !self.left.is_empty() => 13,
            () if self.interrupted => 130,
            () if failed => 1,
            () if self.assumptions.iter().any(did_not_hold) => 10,
            () => 0,
        }
    }

    /// How many rows have each outcome: held, did not hold, not tested.
    pub(crate) fn counts(&self) -> [usize; 3] {
        let of = |wanted: u8| {
            let rows = self.assumptions.iter();
            rows.filter(|row| weight(&row.outcome) == wanted).count()
        };
        [of(1), of(2), of(0)]
    }

    /// What the terminal shows.
    pub(crate) fn summary(&self) -> String {
        let mut out = String::new();
        for scenario in &self.scenarios {
            let word = if scenario.ok { "ok" } else { "FAILED" };
            out.push_str(&format!(
                "{word:<13} {:<16} {:<8} {:4.0} s  {}\n",
                scenario.scenario, scenario.target, scenario.seconds, scenario.seen
            ));
        }
        for row in &self.assumptions {
            let (word, id) = (row.outcome.word(), &row.id);
            out.push_str(&format!("{word:<13} {id:<19} {}\n", row.outcome.why()));
        }
        let [held, did_not, not_tested] = self.counts();
        out.push_str(&format!(
            "{held} held, {did_not} did not hold, {not_tested} not tested\n"
        ));
        match self.left.as_slice() {
            [] => out.push_str("nothing is left\n"),
            left => out.push_str(&format!("LEFT: {}\n", left.join(", "))),
        }
        out
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::assumption::Id;
    use crate::observation::Observation;

    pub(crate) fn sample() -> Report {
        let found = [
            Finding::new(
                Id::SecondUp,
                Observation::Changes(vec!["update a.b <x>".to_owned()]),
                vec![Evidence::new("landfall up", "update a.b <x>")],
            ),
            Finding::new(
                Id::BucketName,
                Observation::Worked {
                    after: Some(3.0),
                    limit: 20.0,
                },
                Vec::new(),
            ),
        ];
        let selected = [Id::SecondUp, Id::BucketName, Id::Zstd, Id::LogDelay].map(Assumption::of);
        Report {
            version: VERSION,
            began: "2026-11-29T12:00:00Z".to_owned(),
            ended: "2026-11-29T12:10:00Z".to_owned(),
            account: "123456789012".to_owned(),
            region: "us-east-1".to_owned(),
            rehearsal: true,
            environment: "landfall-test-tabcde".to_owned(),
            broken: None,
            interrupted: false,
            cost: Vec::new(),
            at_most_usd: 0.4,
            scenarios: vec![Scenario::new(
                Step::Up,
                Target::Lambda,
                Ok("it answers".to_owned()),
                60.04,
            )],
            assumptions: rows(&selected, &found, true),
            left: Vec::new(),
        }
    }

    #[test]
    fn every_selected_assumption_has_a_row_with_its_reason() {
        let words: Vec<&str> = sample()
            .assumptions
            .iter()
            .map(|row| row.outcome.word())
            .collect();
        assert_eq!(words, ["did not hold", "held", "not tested", "not tested"]);
        let reasons: Vec<String> = sample()
            .assumptions
            .iter()
            .map(|row| row.outcome.why().to_owned())
            .collect();
        assert!(
            reasons[2].starts_with("not yet: it needs a container engine"),
            "{reasons:?}"
        );
        assert!(reasons[3].contains("did not get as far as"), "{reasons:?}");
        assert_eq!(sample().counts(), [1, 1, 2]);
    }

    #[test]
    fn one_contradiction_on_any_target_counts() {
        let changes = |all: &[&str]| {
            let all = all.iter().map(|text| (*text).to_owned()).collect();
            Finding::new(Id::SecondUp, Observation::Changes(all), Vec::new())
        };
        let found = [changes(&["update a.b"]), changes(&[])];
        let rows = rows(&[Assumption::of(Id::SecondUp)], &found, false);
        assert_eq!(rows[0].outcome.word(), "did not hold");
    }

    #[test]
    fn the_exit_code_tells_what_is_gravest() {
        let mut report = sample();
        assert_eq!(report.exit(), 10);
        report.scenarios[0].ok = false;
        assert_eq!(report.exit(), 1);
        report.interrupted = true;
        assert_eq!(report.exit(), 130);
        report.left.push("role a".to_owned());
        assert_eq!(report.exit(), 13);
        assert!(report.summary().contains("LEFT: role a"));
        let mut good = sample();
        good.assumptions.remove(0);
        assert_eq!(good.exit(), 0);
        assert!(good.summary().ends_with("nothing is left\n"));
    }

    #[test]
    fn the_json_has_outcome_and_evidence() {
        let json = serde_json::to_value(sample()).expect("JSON");
        let first = &json["assumptions"][0];
        assert_eq!(first["id"], "second-up");
        assert_eq!(first["outcome"], "did_not_hold");
        assert_eq!(first["evidence"][0]["asked"], "landfall up");
        assert!(first["why"].as_str().is_some_and(|why| why.contains("a.b")));
    }
}
