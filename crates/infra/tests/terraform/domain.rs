//! Domains, made, changed, taken over and unmade in the emulators. Nobody asks public DNS: the emulator certifies
//! whatever it is asked for after a few seconds.

use crate::stage::{REGION, Stage, apply, make, plan, told, unmake};
use infra::Terraform;
use rules::operate::domain::course::{Course, Kept};
use rules::operate::domain::leads_to_aws;
use rules::shape::contract::{DomainOutputs, FargateDomainInputs, LambdaDomainInputs, Root};
use rules::shape::plan::Action;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use testkit::{Sandbox, Zone};

const ZONE: &str = "example.com";

fn domains(zone: &Zone, names: &[&str]) -> BTreeMap<String, String> {
    let one = |name: &&str| ((*name).to_owned(), zone.id.clone());
    names.iter().map(one).collect()
}

fn fargate(stage: &Stage, zone: &Zone, names: &[&str]) -> Value {
    let host = "hello-prod-1.us-east-1.elb.amazonaws.com";
    let domains = domains(zone, names);
    json!(FargateDomainInputs::of(&stage.names, &domains, Some(host)))
}

fn lambda(stage: &Stage, zone: &Zone, names: &[&str]) -> Value {
    let domains = domains(zone, names);
    let inputs = LambdaDomainInputs::of(&stage.names, REGION, &domains, Some("a1b2c3d4e5"));
    json!(inputs)
}

/// Records of the zone, without those that prove a domain: their names are made up.
fn records(zone: &Zone) -> Vec<String> {
    let mut records = zone.records();
    records.retain(|record| !record.starts_with("CNAME _"));
    records
}

/// What landfall reads of the state.
fn kept(terraform: &Terraform) -> Kept {
    let state = std::fs::read_to_string(terraform.dir.path.join("terraform.tfstate"));
    Kept::of_state(&state.expect("a state"))
}

#[tokio::test]
async fn a_domain_comes_changes_and_goes() {
    let stage = Stage::new(Sandbox::new());
    let zone = Zone::create(&stage.sandbox, ZONE);
    let root = Root::FargateDomain;
    let terraform = stage
        .terraform(root, &fargate(&stage, &zone, &["old.example.com"]))
        .await;
    make(&terraform).await;
    assert_eq!(
        records(&zone),
        ["A old.example.com", "AAAA old.example.com"]
    );
    let outputs: Option<DomainOutputs> = terraform.outputs().await.unwrap_or_else(told);
    let leads_to = outputs.expect("outputs").leads_to;
    let seen = kept(&terraform);
    assert!(
        seen.leads_to.contains(&leads_to["old.example.com"]),
        "{seen:?}"
    );
    assert!(
        seen.leads_to.iter().all(|name| leads_to_aws(name)),
        "{seen:?}"
    );

    // The new one beside the old one, which nothing touches.
    let course = Course::new(
        Some((
            &"new.example.com".parse().expect("a domain"),
            &rules::operate::domain::Zone {
                name: ZONE.to_owned(),
                id: zone.id.clone(),
                name_servers: Vec::new(),
            },
        )),
        &seen,
    );
    assert_eq!(
        course.first,
        domains(&zone, &["new.example.com", "old.example.com"])
    );
    let both = fargate(&stage, &zone, &["new.example.com", "old.example.com"]);
    let terraform = stage.terraform(root, &both).await;
    let planned = plan(&terraform, false).await;
    assert_eq!(
        planned.count(Action::Create),
        planned.changes.len(),
        "{planned:#?}"
    );
    apply(&terraform).await;

    // Then the old one goes, and nothing of the new one is touched.
    let terraform = stage
        .terraform(root, &fargate(&stage, &zone, &["new.example.com"]))
        .await;
    let planned = plan(&terraform, false).await;
    assert!(!planned.is_empty());
    for change in &planned.changes {
        assert_eq!(change.action, Action::Delete, "{change:?}");
        assert!(
            change.address.ends_with("[\"old.example.com\"]"),
            "{change:?}"
        );
    }
    apply(&terraform).await;
    assert_eq!(
        records(&zone),
        ["A new.example.com", "AAAA new.example.com"]
    );

    // As `down` does it, which knows no domains.
    let terraform = stage.terraform(root, &fargate(&stage, &zone, &[])).await;
    unmake(&terraform).await;
    assert_eq!(zone.records(), Vec::<String>::new());
}

/// A move: the new target's record takes the place of the old one's, which then goes without it.
#[tokio::test]
async fn a_domain_moves_to_the_other_target() {
    let stage = Stage::new(Sandbox::new());
    let zone = Zone::create(&stage.sandbox, ZONE);
    let names = ["app.example.com"];
    let old = stage
        .terraform(Root::LambdaDomain, &lambda(&stage, &zone, &names))
        .await;
    make(&old).await;
    assert_eq!(records(&zone), ["A app.example.com"]);
    let new = stage
        .terraform(Root::FargateDomain, &fargate(&stage, &zone, &names))
        .await;
    make(&new).await;
    let moved = zone.records();
    assert_eq!(moved.len(), 3, "{moved:?}");

    let forgotten = old.forget("aws_route53_record").await.unwrap_or_else(told);
    assert_eq!(forgotten, 2);
    // Once more, as after a landfall that was killed here.
    assert_eq!(
        old.forget("aws_route53_record").await.unwrap_or_else(told),
        0
    );
    unmake(&old).await;
    assert_eq!(zone.records(), moved);
    let later = plan(&new, false).await;
    assert!(later.is_empty(), "{:#?}", later.changes);
    unmake(&new).await;
    assert_eq!(zone.records(), Vec::<String>::new());
}
