//! The settings of an app, from text and facts to a manifest or to the list of what is wrong.

mod dockerfile;
mod problems;
mod properties;
mod resolve;

use rules::app::manifest::{Draft, Facts, Manifest, Overrides, Problems};

/// A directory called `hello` with a Dockerfile that exposes nothing.
fn facts() -> Facts {
    Facts {
        directory_name: "hello".to_owned(),
        dockerfile: Some("FROM scratch\n".to_owned()),
        protected: Vec::new(),
    }
}

fn resolve(toml: &str) -> Result<Manifest, Problems> {
    Draft::read(Some(toml)).resolve(&facts(), &Overrides::default())
}

/// The whole list of problems as the user reads it.
fn complaint(toml: &str) -> String {
    resolve(toml).expect_err(toml).to_string()
}
