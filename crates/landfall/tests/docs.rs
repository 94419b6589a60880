//! The documents match the code.

use rules::app::manifest::{Draft, Facts, Overrides, ProtectedFact, ProtectedState, Target};

fn document(name: &str) -> String {
    let path = format!("{}/../../docs/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn the_table_of_exit_codes_matches_the_code() {
    let table = rules::exit::table();
    assert!(
        document("commands.md").contains(&table),
        "docs/commands.md lacks this table:\n{table}"
    );
}

/// The page has about 500 words, without the addresses of links.
#[test]
fn the_page_about_operating_has_about_500_words() {
    let text = document("operating.md");
    let words = text
        .split("](")
        .enumerate()
        .map(|(number, part)| match number {
            0 => part,
            _ => part.split_once(')').map_or("", |(_, rest)| rest),
        })
        .flat_map(str::split_whitespace)
        .filter(|word| word.chars().any(char::is_alphanumeric))
        .count();
    assert!((450..=550).contains(&words), "{words} words");
}

#[test]
fn the_assessment_protects_its_two_files() {
    let directory = format!("{}/../../examples/assessment", env!("CARGO_MANIFEST_DIR"));
    let read = |name: &str| std::fs::read_to_string(format!("{directory}/{name}")).expect(name);
    let draft = Draft::read(Some(&read("landfall.toml")));
    let walk = document("assessment.md");
    let mut names = Vec::new();
    let protected = draft
        .protected()
        .iter()
        .map(|path| {
            let sum = draft.sum(path).expect("a sum").to_string();
            assert!(walk.contains(&format!("{sum}  {path}")), "{path}");
            names.push(path.as_str());
            ProtectedFact {
                path: path.clone(),
                state: ProtectedState::Unchanged,
            }
        })
        .collect();
    let facts = Facts {
        directory_name: "DevOps-Assessment".into(),
        dockerfile: Some(read("Dockerfile.small")),
        protected,
    };
    let manifest = draft
        .resolve(&facts, &Overrides::default())
        .expect("a manifest");
    assert_eq!(names, ["go.mod", "main.go"]);
    assert_eq!(
        (manifest.name.as_str(), manifest.port.get(), manifest.target),
        ("devops-assessment", 8080, Target::Lambda)
    );
}
