//! The environment that landfall gives the edge, and the documentation of its variables.

use edge::policy::lambda::environment as on_lambda;
use edge::policy::settings::Settings as EdgeSettings;
use edge_contract::env_vars;
use rules::app::manifest::{Draft, Facts, Manifest, Overrides};
use rules::release::revision::{RevisionId, Settings};

const README: &str = include_str!("../README.md");

fn manifest(text: &str) -> Manifest {
    let facts = Facts {
        directory_name: "app".into(),
        dockerfile: Some("FROM scratch\nEXPOSE 3000\n".into()),
        protected: vec![],
    };
    Draft::read(Some(text))
        .resolve(&facts, &Overrides::default())
        .expect("a manifest")
}

#[test]
fn without_an_edge_there_are_no_variables() {
    let settings = Settings::from_manifest(&manifest("edge = false\n"));
    let variables = settings.edge_variables(&RevisionId("a".into()));
    assert!(variables.is_empty());
}

#[test]
fn the_edge_accepts_the_environment_of_every_revision() {
    for text in [
        "",
        "drain_seconds = 0\n",
        "drain_seconds = 110\nhealth = \"/up\"\n",
        "container = { no_new_privileges = false }\n",
        "target = \"fargate\"\nstart_seconds = 1800\nrequest_seconds = 115\n",
    ] {
        let manifest = manifest(text);
        let settings = Settings::from_manifest(&manifest);
        assert!(settings.stop_timeout <= 120, "the limit of Fargate");
        let variables = settings.edge_variables(&RevisionId("e790b3b3dbaf".into()));
        EdgeSettings::read(variables).unwrap_or_else(|problem| panic!("{text}: {problem}"));
    }
}

/// `crates/infra/tests/hcl/ownership.rs` checks that the HCL sets these.
#[test]
fn the_edge_accepts_the_environment_of_a_function_before_its_first_release() {
    let variables = [
        ("LANDFALL_EDGE_APP", "3000"),
        ("LANDFALL_EDGE_READY_PATH", "/up"),
        ("LANDFALL_EDGE_RELEASED", "off"),
    ];
    let settings = EdgeSettings::read_on_lambda(variables).expect("settings");
    assert_eq!(settings.app.to_string(), "127.0.0.1:3000");
    assert_eq!(settings.ready_path, "/up");
}

#[test]
fn the_documentation_has_the_table_of_variables() {
    let table = env_vars::table();
    assert!(
        README.contains(&table),
        "put this into crates/edge/README.md:\n{table}"
    );
}

#[test]
fn the_documentation_has_the_table_of_differences_on_lambda() {
    let table = on_lambda::table();
    assert!(
        README.contains(&table),
        "put this into crates/edge/README.md:\n{table}"
    );
}
