//! The provider that `init` installs: the one in the lock file, the newest, or none if its checksum is another. No
//! emulator is called.

use crate::installed;
use crate::stage::fail;
use infra::{Backend, Emulators, Terraform, WorkDir};
use rules::shape::contract::Root;
use rules::shape::toolchain::lock_file::LockedProvider;
use rules::shape::toolchain::provider::is_another_package;
use rules::shape::toolchain::{Program, Tool};
use serde_json::json;
use std::collections::BTreeSet;
use std::path::Path;

/// A root of a rehearsal that was never initialized, with a cache of providers.
fn root(directory: &Path, root: Root, plugins: &Path) -> Terraform {
    let dir = WorkDir::new(directory, root);
    let emulators = Emulators {
        main: "http://127.0.0.1:1".to_owned(),
        second: "http://127.0.0.1:1".to_owned(),
        keys: Some(("test".to_owned(), "test".to_owned())),
    };
    dir.write(&json!({}), &Backend::Local, Some(&emulators))
        .expect("a working directory");
    let interrupt = tokio::sync::watch::channel(false).1;
    Terraform::new(installed(), dir, plugins.to_owned(), Vec::new(), interrupt)
}

fn locked(terraform: &Terraform) -> LockedProvider {
    let text = terraform.dir.lock_file().expect("a lock file");
    LockedProvider::parse(&text, terraform.binary().program).expect("a provider")
}

/// What the last `init` printed.
fn printed(terraform: &Terraform) -> String {
    std::fs::read_to_string(terraform.dir.path.join("landfall-init.log")).expect("a log")
}

fn set(text: &str) -> BTreeSet<String> {
    [text.to_owned()].into()
}

#[tokio::test]
async fn a_lock_file_is_honoured_extended_for_a_new_platform_and_verified_on_a_known_one() {
    let directory = tempfile::tempdir().expect("a directory");
    let plugins = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugins");
    let first = root(directory.path(), Root::Ci, &plugins);
    first.init().await.unwrap_or_else(fail);
    let (binary, newest) = (first.binary(), locked(&first));
    assert!(
        newest.hashes.iter().any(|hash| hash.starts_with("h1:")),
        "{newest:?}"
    );

    // The next root has the lock file, so the cache is used.
    let second = root(directory.path(), Root::Foundation, &plugins);
    let recorded = newest.with(&newest, &binary.platform);
    let text = recorded.render(binary.program, &binary.platform);
    second.dir.write_lock_file(&text).expect("a lock file");
    second.init().await.unwrap_or_else(fail);
    assert!(
        printed(&second).contains("from the shared cache directory"),
        "{}",
        printed(&second)
    );
    assert_eq!(locked(&second), newest);

    // Only another platform's checksums, as from a mirror: this platform's is added.
    let foreign = LockedProvider {
        hashes: set("h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
        platforms: set("plan9_386"),
        ..newest.clone()
    };
    let text = foreign.render(binary.program, &binary.platform);
    second.dir.write_lock_file(&text).expect("a lock file");
    second.init().await.unwrap_or_else(fail);
    let extended = foreign.with(&locked(&second), &binary.platform);
    assert!(extended.hashes.is_superset(&foreign.hashes), "{extended:?}");
    assert!(!extended.hashes.is_disjoint(&newest.hashes), "{extended:?}");

    // Nothing was written into the cache for that: other processes may run what is in it.
    assert!(
        !printed(&second).contains("Installing"),
        "{}",
        printed(&second)
    );

    // The same checksums, and this platform was seen before: its package is another one.
    let known = foreign.with(&foreign, &binary.platform);
    let text = known.render(binary.program, &binary.platform);
    second.dir.write_lock_file(&text).expect("a lock file");
    let failure = second.init().await.expect_err("another package");
    assert!(is_another_package(&failure.why), "{failure:?}");

    // An upgrade does not look at them.
    second.upgrade().await.unwrap_or_else(fail);
    assert_eq!(locked(&second).version, newest.version);
}

/// A local state of the root with one resource, of the provider at this address.
fn write_state(terraform: &Terraform, address: &str) {
    let resource = json!({
        "mode": "managed",
        "type": "aws_iam_role",
        "name": "role",
        "provider": format!("provider[\"{address}\"]"),
        "instances": [{ "schema_version": 0, "attributes": { "id": "x" } }],
    });
    let state = json!({
        "version": 4,
        "terraform_version": "1.10.0",
        "serial": 1,
        "lineage": "x",
        "outputs": {},
        "resources": [resource],
    });
    std::fs::write(
        terraform.dir.path.join("terraform.tfstate"),
        state.to_string(),
    )
    .expect("a state");
}

/// OpenTofu reads both addresses, so there is nothing to replace with it.
#[tokio::test]
async fn terraform_takes_over_the_state_of_opentofu() {
    if installed().program == Program::OpenTofu {
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let plugins = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugins");
    let terraform = root(directory.path(), Root::Ci, &plugins);
    write_state(&terraform, Program::OpenTofu.provider());
    // Where the registry of OpenTofu cannot be reached, only the backend is initialized.
    let _ = terraform.init().await;
    terraform
        .replace_provider(Program::OpenTofu)
        .await
        .unwrap_or_else(fail);
    terraform.init().await.unwrap_or_else(fail);
    let state = std::fs::read_to_string(terraform.dir.path.join("terraform.tfstate"));
    let tool = Tool::of_state(&state.expect("a state")).expect("a program");
    assert_eq!(tool.program, Program::Terraform);
}
