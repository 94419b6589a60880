//! Everything but the server and the program decides without clock, files, environment or network.

use std::path::{Path, PathBuf};

const BANNED: [&str; 10] = [
    "std::env",
    "std::fs",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
    "hyper::",
    "tokio::",
    "println!",
    "std::io",
];
/// What has effects.
const WITH_EFFECTS: [&str; 2] = ["main.rs", "server"];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).expect("a folder");
    for entry in entries {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().and_then(|name| name.to_str());
        let file = path.file_name().and_then(|name| name.to_str());
        let has_effects = [name, file].into_iter().flatten();
        if has_effects
            .into_iter()
            .any(|name| WITH_EFFECTS.contains(&name))
        {
            continue;
        }
        if path.is_dir() {
            sources(&path, found);
        } else {
            found.push(path);
        }
    }
}

#[test]
fn decisions_have_no_effects() {
    let mut files = Vec::new();
    sources(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut files,
    );
    assert!(files.len() > 20, "{files:?}");
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a source");
        for banned in BANNED {
            assert!(!text.contains(banned), "{} uses {banned}", file.display());
        }
    }
}
