//! The documents say what the code does.

use rules::manifest::{Draft, Facts, Overrides};

fn document(name: &str) -> String {
    let path = format!("{}/../../docs/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn the_table_of_exit_codes_is_the_one_in_the_code() {
    let table = rules::exit::table();
    assert!(
        document("commands.md").contains(&table),
        "docs/commands.md wants this table:\n{table}"
    );
}

#[test]
fn every_key_of_the_manifest_is_documented() {
    let facts = Facts {
        directory_name: "app".into(),
        dockerfile: Some("FROM scratch\n".into()),
        protected: vec![],
    };
    let text = "region = \"eu-west-2\"\nbudget = 40\n";
    let manifest = Draft::read(Some(text))
        .resolve(&facts, &Overrides::default())
        .expect("a manifest");
    let keys = serde_json::to_value(manifest).expect("JSON");
    let document = document("manifest.md");
    let of_container = [
        "user",
        "read_only",
        "writable",
        "capabilities",
        "no_new_privileges",
    ];
    let of_container = of_container.map(str::to_owned);
    let keys = keys.as_object().expect("an object").keys();
    for key in keys.chain(&of_container) {
        assert!(
            document.contains(&format!("| `{key}` |")),
            "`{key}` is missing in docs/manifest.md"
        );
    }
}
