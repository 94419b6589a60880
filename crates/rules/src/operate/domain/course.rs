//! From the domain that an environment has to the one that is wanted: the new one answers before the old
//! one goes.

use super::Zone;
use crate::app::manifest::Domain;
use crate::shape::plan::{Action, Change};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What the state of a domain's root says was made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    /// Domains of which anything is there, each with its hosted zone, if its record leads anywhere as yet.
    pub domains: BTreeMap<String, Option<String>>,
    /// Names of AWS that records lead to.
    pub leads_to: BTreeSet<String>,
}

impl Kept {
    /// Reads the text of a Terraform state. Of one that cannot be read nothing is known.
    pub fn of_state(state: &str) -> Kept {
        let state: Value = serde_json::from_str(state).unwrap_or_default();
        let mut kept = Kept::default();
        for resource in state["resources"].as_array().into_iter().flatten() {
            if resource["mode"] != "managed" {
                continue;
            }
            for instance in resource["instances"].as_array().into_iter().flatten() {
                let values = &instance["attributes"];
                if let Some(domain) = instance["index_key"].as_str() {
                    let zone = kept.domains.entry(domain.to_owned()).or_default();
                    // The record that proves a domain is there before anybody is led anywhere.
                    if values["alias"][0].is_object() {
                        *zone = text(&values["zone_id"]);
                    }
                }
                let names = match resource["type"].as_str() {
                    Some("aws_cloudfront_distribution") => &values["domain_name"],
                    Some("aws_apigatewayv2_domain_name") => {
                        &values["domain_name_configuration"][0]["target_domain_name"]
                    }
                    Some("aws_route53_record") => &values["alias"][0]["name"],
                    _ => &Value::Null,
                };
                kept.leads_to.extend(
                    text(names).map(|name| name.trim_end_matches('.').to_ascii_lowercase()),
                );
            }
        }
        kept
    }

    /// Both together.
    #[must_use]
    pub fn and(mut self, other: Kept) -> Kept {
        self.domains.extend(other.domains);
        self.leads_to.extend(other.leads_to);
        self
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// The two steps of a change. Each is what the root is to make: domains with their hosted zones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Course {
    /// What is there, and what is wanted.
    pub first: BTreeMap<String, String>,
    /// Once that answers: what is wanted alone.
    pub then: BTreeMap<String, String>,
    /// What goes, between the two.
    pub leaving: Vec<String>,
}

impl Course {
    /// From `kept` to `wanted` in its zone, or to no domain.
    pub fn new(wanted: Option<(&Domain, &Zone)>, kept: &Kept) -> Course {
        let then: BTreeMap<String, String> = wanted
            .map(|(domain, zone)| (domain.to_string(), zone.id.clone()))
            .into_iter()
            .collect();
        // What leads nowhere as yet nobody makes use of, and it may never be finished.
        let there = kept
            .domains
            .iter()
            .filter_map(|(domain, zone)| Some((domain.clone(), zone.clone()?)));
        let mut first: BTreeMap<String, String> = there.collect();
        first.extend(then.clone());
        let leaving = kept
            .domains
            .keys()
            .filter(|domain| !then.contains_key(*domain));
        Course {
            leaving: leaving.cloned().collect(),
            first,
            then,
        }
    }

    /// Whether a change of the first step takes away what was only begun: a loss to nobody.
    pub fn takes_what_was_begun(&self, change: &Change) -> bool {
        let key = |domain: &&String| change.address.ends_with(&format!("[\"{domain}\"]"));
        let mut begun = self
            .leaving
            .iter()
            .filter(|domain| !self.first.contains_key(*domain));
        change.action == Action::Delete && begun.any(|domain| key(&domain))
    }

    /// Whether there is neither a domain nor one that goes.
    pub fn is_empty(&self) -> bool {
        self.first.is_empty() && self.leaving.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn domain(text: &str) -> Domain {
        Domain::parse(text).expect("a domain")
    }

    fn zone() -> Zone {
        Zone {
            name: "example.com".to_owned(),
            id: "ZNEW".to_owned(),
            name_servers: Vec::new(),
        }
    }

    fn kept(domains: &[(&str, Option<&str>)]) -> Kept {
        let domains = domains
            .iter()
            .map(|(domain, zone)| ((*domain).to_owned(), zone.map(str::to_owned)));
        Kept {
            domains: domains.collect(),
            leads_to: BTreeSet::new(),
        }
    }

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect()
    }

    #[test]
    fn a_state_tells_domains_zones_and_where_they_lead() {
        let resource = |kind: &str, key: &str, values: Value| {
            json!({ "mode": "managed", "type": kind,
                "instances": [{ "index_key": key, "attributes": values }] })
        };
        let state = json!({ "resources": [
            resource("aws_acm_certificate", "a.example.com", json!({ "id": "arn" })),
            resource("aws_acm_certificate", "b.example.com", json!({ "id": "arn" })),
            resource("aws_route53_record", "b.example.com", json!({ "zone_id": "ZB", "alias": [] })),
            resource("aws_route53_record", "a.example.com",
                json!({ "zone_id": "ZA", "alias": [{ "name": "D1.cloudfront.net." }] })),
            resource("aws_cloudfront_distribution", "a.example.com", json!({ "domain_name": "d1.cloudfront.net" })),
            resource("aws_apigatewayv2_domain_name", "a.example.com",
                json!({ "domain_name_configuration": [{ "target_domain_name": "d-1.execute-api.eu-west-2.amazonaws.com" }] })),
            { "mode": "data", "type": "aws_partition", "instances": [{ "attributes": {} }] },
        ]});
        let seen = Kept::of_state(&state.to_string());
        let expected = kept(&[("a.example.com", Some("ZA")), ("b.example.com", None)]);
        assert_eq!(seen.domains, expected.domains);
        let names: Vec<&str> = seen.leads_to.iter().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "d-1.execute-api.eu-west-2.amazonaws.com",
                "d1.cloudfront.net"
            ]
        );
        for nothing in ["", "encrypted", "{}", r#"{"resources":[]}"#] {
            assert_eq!(Kept::of_state(nothing), Kept::default(), "{nothing}");
        }
    }

    #[test]
    fn the_old_one_stays_until_the_new_one_answers() {
        let (new, zone) = (domain("new.example.com"), zone());
        let wanted = Some((&new, &zone));
        let alone = map(&[("new.example.com", "ZNEW")]);

        let added = Course::new(wanted, &Kept::default());
        assert_eq!((&added.first, &added.then), (&alone, &alone));
        assert!(added.leaving.is_empty());

        let again = Course::new(wanted, &kept(&[("new.example.com", Some("ZNEW"))]));
        assert_eq!(again, added);

        let changed = Course::new(wanted, &kept(&[("old.example.com", Some("ZOLD"))]));
        assert_eq!(
            changed.first,
            map(&[("new.example.com", "ZNEW"), ("old.example.com", "ZOLD")])
        );
        assert_eq!(changed.then, alone);
        assert_eq!(changed.leaving, ["old.example.com"]);

        let removed = Course::new(None, &kept(&[("old.example.com", Some("ZOLD"))]));
        assert_eq!(removed.first, map(&[("old.example.com", "ZOLD")]));
        assert!(removed.then.is_empty() && !removed.is_empty());

        assert!(Course::new(None, &Kept::default()).is_empty());
    }

    #[test]
    fn what_was_only_begun_goes_at_once() {
        let course = Course::new(None, &kept(&[("old.example.com", None)]));
        assert!(course.first.is_empty() && !course.is_empty());
        assert_eq!(course.leaving, ["old.example.com"]);
        let kind = "aws_acm_certificate";
        let change = |domain: &str, action| {
            Change::new(&format!("{kind}.domain[\"{domain}\"]"), kind, action)
        };
        assert!(course.takes_what_was_begun(&change("old.example.com", Action::Delete)));
        assert!(!course.takes_what_was_begun(&change("old.example.com", Action::Replace)));
        assert!(!course.takes_what_was_begun(&change("other.example.com", Action::Delete)));
        let finished = Course::new(None, &kept(&[("old.example.com", Some("ZOLD"))]));
        assert!(!finished.takes_what_was_begun(&change("old.example.com", Action::Delete)));
    }
}
