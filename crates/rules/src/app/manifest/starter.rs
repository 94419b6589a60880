//! The first `landfall.toml` of an app: what was found, written down, and the keys that one looks for first.
//!
//! It changes nothing: with it, everything is as it was without. So what would be chosen anew each time –
//! the target – stands there as a comment only.

use super::{Choice, Draft, FILE, Facts, Manifest, Need, Overrides, Port, Problems, Target};
use crate::app::dockerfile::{self, Exposed};

/// A `landfall.toml` to begin with.
#[derive(Debug, Clone, PartialEq)]
pub struct Starter {
    /// Its text.
    pub text: String,
    /// What it comes to, as without it.
    pub manifest: Manifest,
}

/// Writes what `facts` and the command line come to. `port` is what the app listens on, where the Dockerfile
/// does not tell.
///
/// # Errors
/// What has to be told or mended first: the Dockerfile is missing or exposes several ports, or the
/// directory's name gives no name.
pub fn starter(
    facts: &Facts,
    overrides: &Overrides,
    port: Option<Port>,
) -> Result<Starter, Problems> {
    let told = port.map(|port| format!("port = {port}\n"));
    let manifest = Draft::read(told.as_deref()).resolve(facts, overrides)?;
    let text = write(&manifest, facts, overrides, port.is_some());
    Ok(Starter { text, manifest })
}

fn write(manifest: &Manifest, facts: &Facts, overrides: &Overrides, port_is_told: bool) -> String {
    let Manifest { name, port, .. } = manifest;
    let mut parts = vec![format!(
        "# {FILE}: how landfall runs this app. Every key is optional; docs/manifest.md has all of them, and\n\
         # `landfall schema` a schema that editors understand."
    )];
    let whence = match overrides.name {
        Some(_) => "As it was asked for",
        None => "From the directory's name",
    };
    parts.push(format!(
        "# {whence}. With the environment it begins every name in AWS, so it cannot change later.\n\
         name = \"{name}\""
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
    let whence = if port_is_told {
        "Where the app listens, as it was asked for.".to_owned()
    } else {
        whence_port(manifest, facts)
    };
    parts.push(format!("# {whence}\nport = {port}"));
    parts.push(target(manifest));
    parts.push(
        "# USD a month that it may cost without traffic. What costs more is refused before it is made.\n\
         # budget = 40"
            .to_owned(),
    );
    parts.push(
        "# Variables of the app. Whatever is secret does not belong here.\n# [env]\n# LOG_LEVEL = \"info\""
            .to_owned(),
    );
    let mut text = parts.join("\n\n");
    text.push('\n');
    text
}

fn whence_port(manifest: &Manifest, facts: &Facts) -> String {
    let dockerfile = manifest.dockerfile.as_str();
    let exposed = facts.dockerfile.as_deref().map(dockerfile::exposed_ports);
    match exposed {
        Some(Exposed::Ports(ports)) if !ports.is_empty() => {
            format!("Where the app listens: EXPOSE in {dockerfile:?}.")
        }
        _ => format!(
            "{dockerfile:?} exposes no port, so this is a guess: `landfall doctor` runs the app and looks."
        ),
    }
}

fn target(manifest: &Manifest) -> String {
    let needs: Vec<String> = Need::ALL.iter().map(|need| format!("\"{need}\"")).collect();
    let because = match &manifest.choice {
        Choice::Asked => "as it was asked for".to_owned(),
        Choice::Usual => "as it costs nothing while nobody calls".to_owned(),
        Choice::Unfit(why) => why.join("; "),
    };
    let other = match manifest.target {
        Target::Lambda => Target::Fargate,
        Target::Fargate => Target::Lambda,
    };
    format!(
        "# It runs on {}, {because}. What it needs and Lambda has not\n\
         # moves it to Fargate; or say where.\n\
         # needs = [{}]\n# target = \"{other}\"",
        manifest.target,
        needs.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::manifest::{AppName, EnvironmentName, Region, RelativePath};
    use proptest::prelude::*;

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
    fn what_the_dockerfile_leaves_open_has_to_be_told() {
        let facts = facts("app", "FROM scratch\nEXPOSE 8080 9090\n");
        let open = starter(&facts, &Overrides::default(), None).expect_err("two ports");
        assert!(open.to_string().contains("port"), "{open}");
        let told = starter(&facts, &Overrides::default(), Port::new(9090).ok()).expect("told");
        assert_eq!(read(&told.text, &facts), told.manifest);
        assert_eq!(told.manifest.port.get(), 9090);
        let none = Facts {
            dockerfile: None,
            ..facts
        };
        assert!(starter(&none, &Overrides::default(), None).is_err());
    }

    /// The comments are keys that somebody will uncomment.
    #[test]
    fn the_comments_are_keys() {
        let facts = facts("app", "FROM scratch\n");
        let starter = starter(&facts, &Overrides::default(), None).expect("a starter");
        let uncommented: Vec<&str> = starter
            .text
            .lines()
            .map(|line| match line.strip_prefix("# ") {
                Some(rest) if rest.contains(" = ") || rest.starts_with('[') => rest,
                _ => line,
            })
            .collect();
        let text = uncommented.join("\n");
        let manifest = read(&text.replace("\"websockets\", ", ""), &facts);
        assert_eq!(manifest.target, Target::Fargate);
        assert_eq!(manifest.budget, Some(40.0));
        assert_eq!(manifest.needs.len(), 2, "{text}");
        assert_eq!(manifest.env.len(), 1);
    }

    proptest! {
        #[test]
        fn it_comes_to_the_same_as_without_it(
            directory in "[A-Za-z0-9 ._é\"\\\\-]{1,40}",
            ports in proptest::collection::vec(1u16.., 0..3),
            told in proptest::option::of(1i64..=65_535),
            path in proptest::sample::select(vec![None, Some("docker/app \"1\".Dockerfile"), Some("b\\c")]),
        ) {
            let exposes: String = ports.iter().map(|port| format!("EXPOSE {port}\n")).collect();
            let facts = facts(&directory, &format!("FROM scratch\n{exposes}"));
            let overrides = Overrides {
                dockerfile: path.and_then(|path| RelativePath::parse(path).ok()),
                ..Overrides::default()
            };
            let told = told.and_then(|port| Port::new(port).ok());
            if let Ok(starter) = starter(&facts, &overrides, told) {
                let again = read(&starter.text, &facts);
                prop_assert_eq!(&again, &starter.manifest, "{}", &starter.text);
                if told.is_none() {
                    let without = Draft::read(None).resolve(&facts, &overrides);
                    prop_assert_eq!(Ok(again), without.map_err(|problems| problems.to_string()));
                }
            }
        }
    }
}
