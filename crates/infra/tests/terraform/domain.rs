//! Domains are created, changed, moved and destroyed in the emulators. There is no public DNS: the
//! emulator issues every certificate after a few seconds.

use crate::stage::{REGION, Stage, apply, create, destroy, fail, plan};
use infra::Terraform;
use rules::operate::domain::course::{Course, Kept};
use rules::operate::domain::leads_to_aws;
use rules::shape::contract::{
    DomainOutputs, FargateDomainInputs, LambdaDomainInputs, Root, SHARED_RECORDS,
};
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
    json!(FargateDomainInputs::of(
        &stage.names,
        &domains,
        Some(host),
        &stage.manifest
    ))
}

fn lambda(stage: &Stage, zone: &Zone, names: &[&str]) -> Value {
    let domains = domains(zone, names);
    let tags = BTreeMap::new();
    let api = Some("a1b2c3d4e5");
    let inputs = LambdaDomainInputs::of(&stage.names, REGION, &domains, api, &tags);
    json!(inputs)
}

/// Records of the zone, without validation records, whose names are random.
fn records(zone: &Zone) -> Vec<String> {
    let mut records = zone.records();
    records.retain(|record| !record.starts_with("CNAME _"));
    records
}

/// The part of the state that landfall reads.
fn kept(terraform: &Terraform) -> Kept {
    let state = std::fs::read_to_string(terraform.dir.path.join("terraform.tfstate"));
    Kept::of_state(&state.expect("a state"))
}

#[tokio::test]
async fn a_domain_is_added_changed_and_removed() {
    let stage = Stage::new(Sandbox::new());
    let zone = Zone::create(&stage.sandbox, ZONE);
    let root = Root::FargateDomain;
    let terraform = stage
        .terraform(root, &fargate(&stage, &zone, &["old.example.com"]))
        .await;
    create(&terraform).await;
    assert_eq!(
        records(&zone),
        ["A old.example.com", "AAAA old.example.com"]
    );
    let outputs: Option<DomainOutputs> = terraform.outputs().await.unwrap_or_else(fail);
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

    // The new domain is added, and the old one is unchanged.
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

    // Then the old domain is removed, and the new one is unchanged.
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

    // Like `down`, which has no domains.
    let terraform = stage.terraform(root, &fargate(&stage, &zone, &[])).await;
    destroy(&terraform).await;
    assert_eq!(zone.records(), Vec::<String>::new());
}

/// When an app moves, the new target's record replaces the old target's, which is then destroyed
/// without it.
#[tokio::test]
async fn a_domain_moves_to_the_other_target() {
    let stage = Stage::new(Sandbox::new());
    let zone = Zone::create(&stage.sandbox, ZONE);
    let names = ["app.example.com"];
    let old = stage
        .terraform(Root::LambdaDomain, &lambda(&stage, &zone, &names))
        .await;
    create(&old).await;
    assert_eq!(records(&zone), ["A app.example.com"]);
    let new = stage
        .terraform(Root::FargateDomain, &fargate(&stage, &zone, &names))
        .await;
    create(&new).await;
    let moved = zone.records();
    assert_eq!(moved.len(), 3, "{moved:?}");

    let forgotten = old.forget(&SHARED_RECORDS).await.unwrap_or_else(fail);
    assert_eq!(forgotten, 2);
    // Again, as after a landfall that was killed here.
    let again = old.forget(&SHARED_RECORDS).await.unwrap_or_else(fail);
    assert_eq!(again, 0);
    destroy(&old).await;
    assert_eq!(zone.records(), moved);
    let later = plan(&new, false).await;
    assert!(later.is_empty(), "{:#?}", later.changes);

    // And back: Lambda has no AAAA record, so none may stay that leads to the removed distribution.
    create(&old).await;
    let forgotten = new.forget(&SHARED_RECORDS).await.unwrap_or_else(fail);
    assert_eq!(forgotten, 2);
    destroy(&new).await;
    assert_eq!(records(&zone), ["A app.example.com"]);
    let later = plan(&old, false).await;
    assert!(later.is_empty(), "{:#?}", later.changes);
    destroy(&old).await;
    assert_eq!(zone.records(), Vec::<String>::new());
}
