//! The first `landfall.toml` of an app: what was found, and the keys that most apps set next.
//!
//! The file changes nothing: the settings are those without a file. The target is chosen again for each
//! command, so it is only a comment.

use super::schema::meaning;
use rules::app::dockerfile::{self, Exposed};
use rules::app::manifest::key::{self, KEYS};
use rules::app::manifest::{Choice, Draft, FILE, Facts, Manifest, Need, Overrides, Port, Problems};

/// Columns that a comment fills.
const WIDTH: usize = 100;

/// The first `landfall.toml` of an app.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Starter {
    pub(crate) text: String,
    /// Its settings, which are those without a file.
    pub(crate) manifest: Manifest,
}

/// The file for the settings that follow from `facts` and the command line. `port` is where the app listens,
/// if the Dockerfile does not determine it.
///
/// # Errors
/// What has to be given or fixed first: the Dockerfile is missing or exposes several ports, or the
/// directory's name gives no valid name.
pub(crate) fn starter(
    facts: &Facts,
    overrides: &Overrides,
    port: Option<Port>,
) -> Result<Starter, Problems> {
    let given = port.map(|port| format!("port = {port}\n"));
    let manifest = Draft::read(given.as_deref()).resolve(facts, overrides)?;
    let text = write(&manifest, facts, overrides, port.is_some());
    Ok(Starter { text, manifest })
}

fn write(manifest: &Manifest, facts: &Facts, overrides: &Overrides, is_port_given: bool) -> String {
    let Manifest { name, port, .. } = manifest;
    let mut parts = vec![comment(&format!(
        "{FILE}: how landfall runs this app. Every key is optional. docs/manifest.md describes all of \
         them; `landfall schema` prints a schema for editors."
    ))];
    let source = match overrides.name {
        Some(_) => "As given",
        None => "From the directory's name",
    };
    let lasting =
        "Every name in AWS begins with it and the environment, so it cannot change later.";
    parts.push(format!(
        "{}\nname = \"{name}\"",
        comment(&format!("{source}. {lasting}"))
    ));
    if overrides.environment.is_some() {
        let environment = &manifest.environment;
        parts.push(format!("environment = \"{environment}\""));
    }
    if let Some(region) = &manifest.region {
        parts.push(format!("region = \"{region}\""));
    }
    if overrides.dockerfile.is_some() {
        let path = serde_json::Value::from(manifest.dockerfile.as_str());
        // Strings of JSON are strings of TOML.
        parts.push(format!("dockerfile = {path}"));
    }
    let source = match is_port_given {
        true => "Where the app listens, as given.".to_owned(),
        false => port_source(manifest, facts),
    };
    parts.push(format!("{}\nport = {port}", comment(&source)));
    parts.push(target(manifest));
    parts.extend(["budget", "env"].map(suggestion));
    let mut text = parts.join("\n\n");
    text.push('\n');
    text
}

/// A key that is not set, with its meaning and an example.
fn suggestion(name: &str) -> String {
    let Some(key) = key::find(KEYS, name) else {
        return String::new();
    };
    format!(
        "{}\n# {}",
        comment(&format!("{}.", meaning(key))),
        key.example
    )
}

/// A text as comment lines.
fn comment(text: &str) -> String {
    let mut lines = vec!["#".to_owned()];
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(format!("# {word}")),
        }
    }
    lines.join("\n")
}

fn port_source(manifest: &Manifest, facts: &Facts) -> String {
    let dockerfile = manifest.dockerfile.as_str();
    let exposed = facts.dockerfile.as_deref().map(dockerfile::exposed_ports);
    match exposed {
        Some(Exposed::Ports(ports)) if !ports.is_empty() => {
            format!("Where the app listens: EXPOSE in {dockerfile:?}.")
        }
        _ => format!(
            "{dockerfile:?} exposes no port, so this is a guess: `landfall doctor` runs the app and checks it."
        ),
    }
}

fn target(manifest: &Manifest) -> String {
    let needs: Vec<String> = Need::ALL.iter().map(|need| format!("\"{need}\"")).collect();
    let because = match &manifest.choice {
        Choice::Asked => "as given".to_owned(),
        Choice::Usual => "which costs nothing while there are no requests".to_owned(),
        Choice::Unfit(why) => why.join("; "),
    };
    let other = manifest.target.other();
    let explained = format!(
        "It runs on {}, {because}. Declare what Lambda does not offer to move it to Fargate, or set the \
         target.",
        manifest.target
    );
    format!(
        "{}\n# needs = [{}]\n# target = \"{other}\"",
        comment(&explained),
        needs.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rules::app::manifest::Target;
    use rules::app::manifest::{AppName, EnvironmentName, Region, RelativePath};

    fn facts(directory: &str, dockerfile: &str) -> Facts {
        Facts {
            directory_name: directory.to_owned(),
            dockerfile: Some(dockerfile.to_owned()),
            protected: vec![],
        }
    }

    fn read(text: &str, facts: &Facts) -> Manifest {
        let draft = Draft::read(Some(text));
        draft
            .resolve(facts, &Overrides::default())
            .unwrap_or_else(|problems| panic!("{problems}\n{text}"))
    }

    #[test]
    fn what_is_found_is_written_down_with_where_it_comes_from() {
        let first = starter(
            &facts("My App", "FROM scratch\nEXPOSE 9090\n"),
            &Overrides::default(),
            None,
        );
        let asked = Overrides {
            name: AppName::parse("shop").ok(),
            environment: EnvironmentName::parse("staging").ok(),
            region: Region::parse("eu-west-2").ok(),
            dockerfile: RelativePath::parse("deploy/Dockerfile").ok(),
            ..Overrides::default()
        };
        let second = starter(&facts("x", "FROM scratch\n"), &asked, None);
        let texts = [first, second].map(|starter| starter.expect("a starter").text);
        insta::assert_snapshot!(texts.join("────\n"));
    }

    #[test]
    fn a_port_that_the_dockerfile_does_not_determine_has_to_be_given() {
        let facts = facts("app", "FROM scratch\nEXPOSE 8080 9090\n");
        let open = starter(&facts, &Overrides::default(), None).expect_err("two ports");
        assert!(open.to_string().contains("port"), "{open}");
        let given =
            starter(&facts, &Overrides::default(), Port::new(9090).ok()).expect("a starter");
        assert_eq!(read(&given.text, &facts), given.manifest);
        assert_eq!(given.manifest.port.get(), 9090);
        let none = Facts {
            dockerfile: None,
            ..facts
        };
        assert!(starter(&none, &Overrides::default(), None).is_err());
    }

    /// Users uncomment these keys.
    #[test]
    fn the_comments_are_keys() {
        let facts = facts("app", "FROM scratch\n");
        let starter = starter(&facts, &Overrides::default(), None).expect("a starter");
        let uncommented: Vec<&str> = starter
            .text
            .lines()
            .map(|line| match line.strip_prefix("# ") {
                Some(rest) if !rest.contains('`') && rest.contains(" = ") => rest,
                _ => line,
            })
            .collect();
        let text = uncommented.join("\n");
        let manifest = read(&text.replace("\"websockets\", ", ""), &facts);
        assert_eq!(manifest.target, Target::Fargate);
        assert_eq!(manifest.budget, Some(20.0));
        assert_eq!(manifest.needs.len(), 2, "{text}");
        assert_eq!(manifest.env.len(), 1);
    }

    proptest! {
        #[test]
        fn the_settings_are_the_same_as_without_it(
            directory in "[A-Za-z0-9 ._é\"\\\\-]{1,40}",
            ports in proptest::collection::vec(1u16.., 0..3),
            given in proptest::option::of(1i64..=65_535),
            path in proptest::sample::select(vec![None, Some("docker/app \"1\".Dockerfile"), Some("b\\c")]),
        ) {
            let exposes: String = ports.iter().map(|port| format!("EXPOSE {port}\n")).collect();
            let facts = facts(&directory, &format!("FROM scratch\n{exposes}"));
            let overrides = Overrides {
                dockerfile: path.and_then(|path| RelativePath::parse(path).ok()),
                ..Overrides::default()
            };
            let given = given.and_then(|port| Port::new(port).ok());
            if let Ok(starter) = starter(&facts, &overrides, given) {
                let again = read(&starter.text, &facts);
                prop_assert_eq!(&again, &starter.manifest, "{}", &starter.text);
                if given.is_none() {
                    let without = Draft::read(None).resolve(&facts, &overrides);
                    prop_assert_eq!(Ok(again), without.map_err(|problems| problems.to_string()));
                }
            }
        }
    }
}
