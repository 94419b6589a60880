//! The change from the domain that an environment has to the one in the manifest: the new one answers before the
//! old one is removed.

use super::Zone;
use crate::app::manifest::Domain;
use crate::shape::plan::{Action, Change};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The domains in the state of a domain's root.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    /// Domains with any resource, each with its hosted zone if its record exists already.
    pub domains: BTreeMap<String, Option<String>>,
    /// AWS's own names that records point to.
    pub leads_to: BTreeSet<String>,
}

impl Kept {
    /// Parses a Terraform state. One that cannot be read has no domain.
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
                    // The record that validates the certificate exists before.
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

    /// The domains of both.
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

/// The two steps of a change. Each has the domains of the root, with their hosted zones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Course {
    /// The old domain and the new one.
    pub first: BTreeMap<String, String>,
    /// The new domain alone, once it answers.
    pub then: BTreeMap<String, String>,
    /// Domains that are removed.
    pub leaving: Vec<String>,
}

impl Course {
    /// The change from `kept` to `wanted` in its zone, or to no domain.
    pub fn new(wanted: Option<(&Domain, &Zone)>, kept: &Kept) -> Course {
        let then: BTreeMap<String, String> = wanted
            .map(|(domain, zone)| (domain.to_string(), zone.id.clone()))
            .into_iter()
            .collect();
        // A domain without a record has no users, and may never be finished.
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

    /// Whether a change of the first step removes a domain that was never finished, which no one uses.
    pub fn removes_unfinished(&self, change: &Change) -> bool {
        let key = |domain: &&String| change.address.ends_with(&format!("[\"{domain}\"]"));
        let mut begun = self
            .leaving
            .iter()
            .filter(|domain| !self.first.contains_key(*domain));
        change.action == Action::Delete && begun.any(|domain| key(&domain))
    }

    /// Whether there is no domain, now or after.
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
        assert!(course.removes_unfinished(&change("old.example.com", Action::Delete)));
        assert!(!course.removes_unfinished(&change("old.example.com", Action::Replace)));
        assert!(!course.removes_unfinished(&change("other.example.com", Action::Delete)));
        let finished = Course::new(None, &kept(&[("old.example.com", Some("ZOLD"))]));
        assert!(!finished.removes_unfinished(&change("old.example.com", Action::Delete)));
    }
}
