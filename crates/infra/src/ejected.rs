//! A root as plain Terraform outside landfall's home: the HCL that is embedded in the binary, and
//! the files that landfall writes for an environment.

use crate::roots;
use crate::workdir::{Backend, Emulators, OVERRIDE, rehearsal_override};
use rules::shape::contract::Root;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The file with the backend. Unlike the one in landfall's home it is HCL, because people read it.
pub const BACKEND: &str = "backend.tf";
/// The file with the variables.
pub const VARIABLES: &str = "terraform.tfvars.json";

/// The files of a root by name.
pub fn ejected(
    root: Root,
    variables: &Value,
    backend: &Backend,
    emulators: Option<&Emulators>,
) -> BTreeMap<String, String> {
    let mut files: BTreeMap<String, String> = roots::files(root)
        .map(|(name, text)| (name.to_owned(), roots::text_for(text, emulators.is_some())))
        .collect();
    files.insert(VARIABLES.to_owned(), format!("{variables:#}\n"));
    files.insert(BACKEND.to_owned(), backend_file(root, backend, emulators));
    if let Some(emulators) = emulators {
        files.insert(OVERRIDE.to_owned(), rehearsal_override(root, emulators));
    }
    files
}

fn backend_file(root: Root, backend: &Backend, emulators: Option<&Emulators>) -> String {
    let (kind, mut settings) = backend.settings(root, emulators);
    if let (Backend::S3 { .. }, Some(emulators), Some(settings)) =
        (backend, emulators, settings.as_object_mut())
    {
        // Landfall itself passes these in environment variables.
        if let Some((key, secret)) = &emulators.keys {
            settings.insert("access_key".into(), json!(key));
            settings.insert("secret_key".into(), json!(secret));
        }
    }
    let comment = match backend {
        Backend::S3 { .. } => {
            "# The bucket is in no root: it has to exist before Terraform runs, and to be deleted after it."
        }
        Backend::Local => "# The state is terraform.tfstate in this directory.",
    };
    let settings = settings.as_object().cloned().unwrap_or_default();
    let width = settings.keys().map(String::len).max().unwrap_or(0);
    let settings: String = settings
        .iter()
        .map(|(name, value)| format!("    {name:width$} = {}\n", expression(value)))
        .collect();
    let body = match settings.is_empty() {
        true => String::new(),
        false => format!("\n{settings}  "),
    };
    format!("{comment}\nterraform {{\n  backend \"{kind}\" {{{body}}}\n}}\n")
}

/// A value in HCL: strings, numbers and booleans are as in JSON, except that templates have to be
/// escaped.
fn expression(value: &Value) -> String {
    match value {
        Value::Object(all) => {
            let pairs: Vec<String> = all
                .iter()
                .map(|(name, value)| format!("{name} = {}", expression(value)))
                .collect();
            format!("{{ {} }}", pairs.join(", "))
        }
        other => other.to_string().replace("${", "$${").replace("%{", "%%{"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMULATORS: (&str, &str) = ("http://127.0.0.1:4566", "http://127.0.0.1:4567");

    fn bucket() -> Backend {
        Backend::S3 {
            bucket: "landfall-1-eu-west-2-hello-prod".into(),
            region: "eu-west-2".into(),
        }
    }

    fn emulators() -> Emulators {
        Emulators {
            main: EMULATORS.0.into(),
            second: EMULATORS.1.into(),
            keys: Some(("test".to_owned(), "test".to_owned())),
        }
    }

    #[test]
    fn the_backend_is_what_landfall_itself_uses() {
        let files = ejected(Root::Lambda, &json!({}), &bucket(), None);
        assert_eq!(
            files[BACKEND],
            "# The bucket is in no root: it has to exist before Terraform runs, and to be deleted after it.
terraform {
  backend \"s3\" {
    bucket       = \"landfall-1-eu-west-2-hello-prod\"
    encrypt      = true
    key          = \"lambda/terraform.tfstate\"
    region       = \"eu-west-2\"
    use_lockfile = true
  }
}
"
        );
        let local = ejected(Root::Lambda, &json!({}), &Backend::Local, None);
        assert_eq!(
            local[BACKEND],
            "# The state is terraform.tfstate in this directory.\nterraform {\n  backend \"local\" {}\n}\n"
        );
    }

    #[test]
    fn files_for_aws_do_not_mention_emulators() {
        for root in Root::ALL {
            for (name, text) in ejected(root, &json!({ "name": "hello" }), &bucket(), None) {
                assert!(
                    !text.contains("127.0.0.1") && !text.contains("access_key"),
                    "{root}/{name}"
                );
            }
        }
        let files = ejected(Root::Lambda, &json!({}), &bucket(), Some(&emulators()));
        assert!(files[OVERRIDE].contains(EMULATORS.0));
        assert!(files[BACKEND].contains("{ s3 = \"http://127.0.0.1:4567\""));
    }

    #[test]
    fn the_other_files_are_those_of_the_binary_unchanged() {
        let files = ejected(Root::Fargate, &json!({}), &bucket(), None);
        for (name, text) in roots::files(Root::Fargate) {
            assert_eq!(files[name], text, "{name}");
        }
        assert_eq!(files.len(), roots::files(Root::Fargate).count() + 2);
    }
}
